// The engine of a page that is served: the HTTP API that it comes from translates.

import { pixelsOf, pngOf } from "./pixels.js";

const address = (name) => new URL(name, import.meta.url);

/** Return what the page has to know of the model. */
export async function start() {
  return (await checked(await fetch(address("model.json")))).json();
}

/** Translate an image, a file or pixels; return class ids or a picture, height × width of `image`. */
export async function translate({ blob, image }, snapshot = "") {
  const began = performance.now();
  const response = await post("view", blob ?? (await pngOf(image)), {
    height: image.height, width: image.width, ...(snapshot && { snapshot }),
  });
  const counts = JSON.parse(response.headers.get("X-Counts"));
  const { data } = pixelsOf(await createImageBitmap(await response.blob(), { colorSpaceConversion: "none" }));
  const seconds = (performance.now() - began) / 1000;
  if (!counts) return { seconds, picture: data };
  const ids = new Uint8Array(data.length / 4);
  for (let index = 0; index < ids.length; index += 1) ids[index] = data[4 * index];
  return { seconds, ids, counts };
}

/** Return a file of the translation at the image's own size: `translation`, `overlay` or `classes`. */
export async function save({ blob, image }, form) {
  return (await post("translate", blob ?? (await pngOf(image)), { form })).blob();
}

/** Return an image that the browser cannot read as one that it can. */
export async function preview(blob) {
  return (await post("preview", blob, {})).blob();
}

async function post(name, blob, options) {
  const body = new FormData();
  body.append("image", blob, blob.name ?? "image.png");
  const url = address(name);
  for (const [key, value] of Object.entries(options)) url.searchParams.set(key, value);
  return checked(await fetch(url, { method: "POST", body }));
}

async function checked(response) {
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  throw new Error(typeof said.detail === "string" ? said.detail : `The server answers with ${response.status}.`);
}
