// The engine of a page that runs the model itself: in worker.js, so that the page answers while it computes.
import { paint } from "./answers.js";
import { canvasOf, drawn, pngOf } from "./pixels.js";

const MOST_SEEN = 2e6; // pixels that a model of crops sees; the browser's memory has limits

const waiting = new Map();
let worker, about, requests = 0;

/** Load the model; return what the page has to know of it. */
export async function start(progress) {
  about = await (await get("model.json")).json();
  const probe = await createImageBitmap(await (await get("probe.png")).blob());
  const example = { pixels: drawn(probe, about.size).data, size: about.size };
  const { by, note } = await new Promise((resolve, reject) => {
    worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
    worker.onerror = (event) => reject(new Error(event.message ?? "its worker did not load"));
    worker.onmessage = ({ data }) => {
      if (data.kind === "progress") progress(data);
      else if (data.kind === "starting") progress(null);
      else if (data.kind === "ready") resolve(data);
      else if (waiting.has(data.id)) {
        const { resolve: answer, reject: refuse } = waiting.get(data.id);
        waiting.delete(data.id);
        if (data.kind === "translated") answer(data);
        else refuse(new Error(data.message));
      } else reject(new Error(data.message));
    };
    worker.postMessage({ kind: "start", about, example });
  });
  document.body.dataset.by = by;
  let size = `${about.size[0]}×${about.size[1]}`;
  if (about.scale !== null) size = about.scale === 1 ? "their own size" : `${about.scale} times their own size`;
  return {
    ...about,
    about: `The model has ${(about.model.bytes / 1e6).toFixed(1)} MB, sees images at ${size} and runs by ${by} ` +
      `(ONNX Runtime Web ${about.runtime.version}).${note ? ` ${note}.` : ""} Made by Pairloom ${about.pairloom}.`,
  };
}

/** Translate pixels; return class ids or a picture, height × width of `image`. */
export async function translate({ image }) {
  const { size, smaller } = seenSize(image);
  const seen = image.height === size[0] && image.width === size[1] ? image : drawn(canvasOf(image), size);
  requests += 1;
  const id = requests;
  const result = await new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker.postMessage({ kind: "translate", id, pixels: seen.data, size, target: [image.height, image.width] });
  });
  const note = smaller ? `too large for the browser's memory, so the model has seen it at ${size[1]}×${size[0]}` : "";
  return { ...result, note };
}

/** Return a PNG file of the translation: `translation`, `overlay` or `classes`. */
export async function save({ image }, form) {
  const { ids, picture } = await translate({ image });
  const { colours, values } = about.reading;
  let pixels = picture ?? paint(ids, form === "classes" ? values.map((value) => [value, value, value]) : colours, null);
  if (form === "overlay") pixels = pixels.map((value, index) => (value + image.data[index]) / 2);
  return pngOf(new ImageData(pixels, image.width, image.height));
}

async function get(name) {
  const response = await fetch(new URL(name, import.meta.url));
  if (!response.ok) throw new Error(`${name} is missing`);
  return response;
}

// The size at which the model sees an image, and whether that is smaller than it should be.
function seenSize({ height, width, reduced = 1 }) {
  if (about.scale === null) return { size: about.size, smaller: false };
  const scale = about.scale / reduced;
  const fit = Math.min(1, Math.sqrt(MOST_SEEN / (height * width)) / scale);
  return { size: [height, width].map((side) => Math.max(1, Math.round(side * scale * fit))), smaller: fit < 1 };
}
