// Runs the model apart from the page, so that the page answers while it computes.
import { compare, readClasses, readPicture, values } from "./answers.js";

let about;
let ort;
let session;

self.onmessage = async ({ data }) => {
  try {
    if (data.kind === "start") self.postMessage({ kind: "ready", ...(await start(data)) });
    else self.postMessage({ kind: "translated", id: data.id, ...(await translate(data)) });
  } catch (error) {
    self.postMessage({ kind: "trouble", id: data.id, message: String(error?.message ?? error) });
  }
};

async function start({ about: given, example }) {
  about = given;
  const adapter = await Promise.resolve(self.navigator.gpu?.requestAdapter()).catch(() => null);
  const files = adapter ? about.runtime.webgpu : about.runtime.wasm;
  const [model, wasm] = await load([about.model, files.wasm]);
  self.postMessage({ kind: "starting" });
  ort = await import(address(files.main.name));
  ort.env.wasm.numThreads = 1; // more want a server that isolates the page
  ort.env.wasm.wasmBinary = wasm.buffer;
  ort.env.wasm.wasmPaths = { mjs: address(files.module.name), wasm: address(files.wasm.name) };
  const steady = await ort.InferenceSession.create(model, options("wasm"));
  session = steady;
  if (!adapter) return { by: "WebAssembly", note: "" };
  // The two are to say the same; WebGPU has been wrong on some devices, and silently so.
  let note;
  try {
    const quick = await ort.InferenceSession.create(model, options("webgpu"));
    const input = tensor(example);
    const [first, second] = [await answer(steady, input), await answer(quick, input)];
    const result = compare(first.data, second.data, first.dims[1], about.reading);
    if (result.difference <= about.tolerance.difference && result.agreement >= about.tolerance.agreement) {
      session = quick;
      await steady.release();
      return { by: "WebGPU", note: "" };
    }
    await quick.release();
    note = `WebGPU is not used: on this device its answers differ by ${result.difference.toPrecision(2)}`;
  } catch (error) {
    note = `WebGPU is not used: ${error?.message ?? error}`;
  }
  return { by: "WebAssembly", note };
}

function options(provider) {
  return { executionProviders: [provider], logSeverityLevel: 3 }; // it talks on the console about what it does
}

async function translate({ pixels, size, target }) {
  const began = performance.now();
  const { data, dims } = await answer(session, tensor({ pixels, size }));
  const seconds = (performance.now() - began) / 1000;
  const own = [dims[2], dims[3]];
  if (about.reading.classes) return { seconds, ...readClasses(data, dims[1], own, target, about.reading) };
  return { seconds, picture: readPicture(data, dims[1], own, target) };
}

function tensor({ pixels, size }) {
  const { channels, range } = about.source;
  return new ort.Tensor("float32", values(pixels, channels, range), [1, ...size, channels]);
}

async function answer(from, input) {
  return (await from.run({ photograph: input })).answer;
}

// Fetch files, telling how much of all of them is here.
async function load(files) {
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  let loaded = 0;
  const contents = [];
  for (const file of files) {
    const reader = (await get(file.name)).body.getReader();
    const content = new Uint8Array(file.bytes);
    let at = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (at + value.length > file.bytes) throw new Error(`${file.name} is larger than it should be`);
      content.set(value, at);
      at += value.length;
      loaded += value.length;
      self.postMessage({ kind: "progress", loaded, total });
    }
    if (at !== file.bytes) throw new Error(`${file.name} came in part only; load the page again`);
    contents.push(content);
  }
  return contents;
}

async function get(name) {
  const response = await fetch(address(name));
  if (!response.ok) throw new Error(`${name} cannot be loaded (${response.status})`);
  return response;
}

function address(name) {
  return new URL(name, import.meta.url).href;
}
