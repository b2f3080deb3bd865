// The page: takes an image from wherever it comes, has it translated, shows both. The model itself is in worker.js.
import { paint } from "./answers.js";

const MOST_PIXELS = 12e6; // of what is shown; canvases have limits
const MOST_SEEN = 2e6; // of what a model of crops sees; the browser's memory has limits too

const at = (id) => document.getElementById(id);
const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
const waiting = new Map();
let about = null;
let started = false;
let shown = null; // { photograph: ImageData, ids or picture, counts, name }
let chosen = null;
let before = 50; // where the slider stood when a class was chosen
let camera = null;
let requests = 0;

at("loading-what").textContent = "Loading the model …";
at("loading-bar").hidden = false;
worker.onmessage = ({ data }) => {
  if (data.kind === "progress") progress(data);
  else if (data.kind === "starting") at("loading-what").textContent = "Starting the model …";
  else if (data.kind === "ready") ready(data);
  else if (waiting.has(data.id)) {
    const { resolve, reject } = waiting.get(data.id);
    waiting.delete(data.id);
    if (data.kind === "translated") resolve(data);
    else reject(new Error(data.message));
  } else trouble(`The model cannot be started: ${data.message}`);
};
worker.onerror = (event) => trouble(`The model cannot be started: ${event.message ?? "its worker did not load"}`);

let exampleImage;
begin().catch((error) => trouble(`The model cannot be loaded: ${error.message}`));

async function begin() {
  about = await (await get("model.json")).json();
  exampleImage = await picture(await (await get("example.png")).blob());
  const example = { pixels: drawn(canvasOf(exampleImage), about.size).data, size: about.size };
  worker.postMessage({ kind: "start", about, example });
}

async function get(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name} is missing`);
  return response;
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

function progress({ loaded, total }) {
  at("loading-bar").value = loaded / total;
  at("loading-size").textContent = `${megabytes(loaded)} of ${megabytes(total)} MB`;
}

function ready(data) {
  started = true;
  at("loading").hidden = true;
  at("about").textContent =
    `Made by Pairloom ${about.pairloom}. The model has ${megabytes(about.model.bytes)} MB, sees images at ` +
    `${seenWords()} and runs by ${data.by} (ONNX Runtime Web ${about.runtime.version}).` +
    `${data.note ? ` ${data.note}.` : ""} Images never leave this machine.`;
  for (const id of ["choose", "camera", "example"]) at(id).disabled = false;
  at("camera").hidden = !navigator.mediaDevices?.getUserMedia;
  if (!about.reading.classes) {
    at("classes").remove();
    at("work").classList.add("single");
  }
  document.body.dataset.by = data.by;
  attempt(() => show(exampleImage, "example"));
}

function seenWords() {
  if (about.scale === null) return `${about.size[0]}×${about.size[1]}`;
  return about.scale === 1 ? "their own size" : `${about.scale} times their own size`;
}

function trouble(message) {
  at("trouble").textContent = message;
  at("trouble").hidden = false;
  at("busy").hidden = true;
}

async function attempt(work) {
  at("trouble").hidden = true;
  try {
    await work();
  } catch (error) {
    trouble(error.message);
  }
}

// Decode an image, upright, as large as is shown.
async function picture(source) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(source);
  } catch {
    throw new Error("This is no image that the browser can read.");
  }
  const scale = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const size = [Math.max(1, Math.round(bitmap.height * scale)), Math.max(1, Math.round(bitmap.width * scale))];
  const pixels = drawn(bitmap, size);
  pixels.reduced = scale;
  bitmap.close();
  return pixels;
}

// The size at which the model sees an image, and whether that is smaller than it should be.
function seenSize({ height, width, reduced = 1 }) {
  if (about.scale === null) return { size: about.size, smaller: false };
  const scale = about.scale / reduced;
  const fit = Math.min(1, Math.sqrt(MOST_SEEN / (height * width)) / scale);
  return { size: [height, width].map((side) => Math.max(1, Math.round(side * scale * fit))), smaller: fit < 1 };
}

// Draw anything that can be drawn at a size, on white; halved step by step, since browsers look at few pixels only.
function drawn(source, [height, width]) {
  let from = source;
  let [tall, wide] = [source.videoHeight ?? source.height, source.videoWidth ?? source.width];
  for (;;) {
    const canvas = document.createElement("canvas");
    const halves = tall >= 2 * height && wide >= 2 * width && (tall > 2 * height || wide > 2 * width);
    [canvas.height, canvas.width] = halves ? [Math.ceil(tall / 2), Math.ceil(wide / 2)] : [height, width];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.imageSmoothingQuality = "high";
    context.fillStyle = "#fff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(from, 0, 0, canvas.width, canvas.height);
    if (!halves) return context.getImageData(0, 0, width, height);
    [from, tall, wide] = [canvas, canvas.height, canvas.width];
  }
}

function canvasOf(image) {
  const canvas = document.createElement("canvas");
  [canvas.height, canvas.width] = [image.height, image.width];
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

async function show(image, name) {
  at("work").hidden = false;
  at("busy").hidden = Boolean(camera);
  const { size, smaller } = seenSize(image);
  const seen = image.height === size[0] && image.width === size[1] ? image : drawn(canvasOf(image), size);
  requests += 1;
  const id = requests;
  const message = { kind: "translate", id, pixels: seen.data, size, target: [image.height, image.width] };
  const result = await new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage(message);
  });
  if (id !== requests) return; // another image has been given meanwhile
  at("busy").hidden = true;
  shown = { photograph: image, name, ...result };
  for (const canvas of [at("photograph"), at("translation")]) [canvas.height, canvas.width] = [image.height, image.width];
  at("photograph").getContext("2d").putImageData(image, 0, 0);
  draw();
  legend();
  const rate = camera ? `, ${(1 / result.seconds).toPrecision(2)} images a second` : `, in ${result.seconds.toPrecision(2)} s`;
  const less = smaller ? `; too large for the browser's memory, so the model has seen it at ${size[1]}×${size[0]}` : "";
  at("status").textContent = `${image.width}×${image.height} pixels${rate}${less}`;
  document.body.dataset.shown = String(id);
}

function translated(highlight) {
  const { photograph, ids, picture: own } = shown;
  const pixels = ids ? paint(ids, about.reading.colours, highlight, photograph.data) : own;
  return new ImageData(pixels, photograph.width, photograph.height);
}

function draw() {
  at("translation").getContext("2d").putImageData(translated(chosen), 0, 0);
}

function legend() {
  if (!shown.counts) return;
  const total = shown.counts.reduce((sum, count) => sum + count, 0);
  const order = about.reading.names.map((name, id) => ({ name, id, count: shown.counts[id] }));
  // While a camera runs, rows keep their places.
  if (!camera) order.sort((a, b) => b.count - a.count || a.id - b.id);
  const focused = document.activeElement?.dataset?.id;
  at("legend").replaceChildren(
    ...order.map(({ name, id, count }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.id = String(id);
      button.classList.toggle("absent", count === 0);
      button.setAttribute("aria-pressed", String(chosen === id));
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = `rgb(${about.reading.colours[id].join(" ")})`;
      const words = document.createElement("span");
      words.className = "name";
      words.textContent = name;
      const share = document.createElement("span");
      share.className = "share";
      share.textContent = count === 0 ? "–" : count / total < 0.001 ? "< 0.1 %" : `${((100 * count) / total).toFixed(1)} %`;
      button.append(swatch, words, share);
      button.addEventListener("click", () => {
        choose(chosen === id ? null : id);
      });
      const item = document.createElement("li");
      item.append(button);
      return item;
    }),
  );
  if (focused) at("legend").querySelector(`[data-id="${focused}"]`)?.focus();
}

// Let one class, or none (null), stand out: in the whole picture, until none does.
function choose(id) {
  if (chosen === null) before = at("split").value;
  chosen = id;
  split(id === null ? before : 0);
  draw();
  legend();
}

// Where images come from.

async function take(blob, name) {
  stopCamera();
  await attempt(async () => show(await picture(blob), name));
}

function stem(name) {
  return name.replace(/\.[^.]*$/, "") || "image";
}

at("choose").addEventListener("click", () => at("file").click());
at("file").addEventListener("change", () => {
  const [file] = at("file").files;
  if (file) take(file, stem(file.name));
  at("file").value = "";
});
at("example").addEventListener("click", () => {
  stopCamera();
  attempt(() => show(exampleImage, "example"));
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  const [file] = event.dataTransfer.files;
  if (file && started) take(file, stem(file.name));
});
document.addEventListener("paste", (event) => {
  const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
  if (file && started) take(file, "pasted");
});

at("camera").addEventListener("click", () => {
  if (camera) stopCamera();
  else attempt(startCamera);
});

async function startCamera() {
  const video = at("video");
  try {
    camera = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 640 } } });
  } catch {
    throw new Error("The camera cannot be used: there is none, or this page may not use it.");
  }
  at("camera").textContent = "Stop camera";
  video.srcObject = camera;
  await video.play();
  const own = camera;
  while (camera === own) {
    await show(drawn(video, [video.videoHeight, video.videoWidth]), "camera");
    await new Promise((resolve) => { requestAnimationFrame(resolve); });
  }
}

function stopCamera() {
  camera?.getTracks().forEach((track) => track.stop());
  camera = null;
  at("video").srcObject = null;
  at("camera").textContent = "Camera";
  if (shown) legend();
}

// Photograph and translation side by side.

function split(share) {
  at("stage").style.setProperty("--at", `${share}%`);
  at("split").value = String(share);
}

at("split").addEventListener("input", () => split(at("split").value));
at("stage").addEventListener("pointerdown", (event) => {
  at("stage").setPointerCapture(event.pointerId);
  follow(event);
});
at("stage").addEventListener("pointermove", (event) => {
  if (at("stage").hasPointerCapture(event.pointerId)) follow(event);
});

function follow(event) {
  const box = at("stage").getBoundingClientRect();
  split(Math.round(Math.min(Math.max((100 * (event.clientX - box.left)) / box.width, 0), 100)));
}

at("download").addEventListener("click", () => {
  canvasOf(translated(null)).toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${shown.name}-translated.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
});
