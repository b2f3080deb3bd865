// The page: takes images from wherever they come, has them translated by its engine, shows both.
import { paint } from "./answers.js";
import * as engine from "./engine.js";
import { canvasOf, drawn, pngOf } from "./pixels.js";
import { zip } from "./zip.js";

const MOST_PIXELS = 12e6; // of what is shown; canvases have limits
const MOST_COMPARED = 6;
const FRAMES_A_SECOND = 5, MOST_FRAMES = 300; // of a video
const COMPARED_SIDE = 640; // pixels of the longer side

const at = (id) => document.getElementById(id);
let facts = null;
let items = []; // { name, blob }: what was given
let current = -1;
let shown = null; // { image, name, blob, ids or picture, counts }
let chosen = null; // the class that stands out
let before = 50; // where the boundary was when it was chosen
let camera = null;
let requests = 0;

at("loading-what").textContent = "Loading the model …";
at("loading-bar").hidden = false;
engine.start(progress).then(ready, (error) => trouble(`The model cannot be started: ${error.message}`));

function progress(said) {
  if (said === null) at("loading-what").textContent = "Starting the model …";
  else {
    at("loading-bar").value = said.loaded / said.total;
    at("loading-size").textContent = `${megabytes(said.loaded)} of ${megabytes(said.total)} MB`;
  }
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}

async function ready(given) {
  facts = given;
  document.title = `${facts.title} · Pairloom`;
  document.querySelector("h1").textContent = facts.title;
  at("lead").textContent = facts.lead;
  at("privacy").textContent = facts.privacy;
  at("hint").textContent = `or drop or paste them; ${facts.formats}, videos`;
  at("file").accept = facts.accept;
  about();
  for (const id of ["choose", "folder", "camera"]) at(id).disabled = false;
  at("camera").hidden = !navigator.mediaDevices?.getUserMedia;
  facts.examples.forEach((address, index) => {
    const label = facts.examples.length > 1 ? `Example ${index + 1}` : "Example";
    at("examples").append(button(label, () => attempt(() => takeExample(address, `example-${index + 1}`))));
  });
  if (!facts.reading.classes) {
    at("classes").remove();
    at("work").classList.add("single");
  }
  const forms = facts.reading.classes
    ? { translation: "Translation", overlay: "Overlay", classes: "Class map" } : { translation: "Translation", overlay: "Overlay" };
  for (const [form, label] of Object.entries(forms)) at("downloads").append(button(label, () => attempt(() => download(form))));
  if (facts.reading.classes) at("downloads").append(button("Fractions (CSV)", () => saveAs(fractions([shown]), `${stem(shown.name)}-fractions.csv`)));
  for (const name of facts.snapshots) at("snapshot-names").append(checkbox(name));
  checkFew();
  at("snapshots").hidden = facts.snapshots.length === 0;
  at("program").hidden = !facts.program;
  at("code").textContent = (facts.program ?? "").replaceAll("ADDRESS", new URL(".", location.href).href.replace(/\/$/, ""));
  at("loading").hidden = true;
  if (facts.examples.length) attempt(() => takeExample(facts.examples[0], "example-1"));
}

function about() {
  at("about").textContent = facts.about;
  if (facts.scores.length) {
    at("about").append(` Scores on its validation pairs: ${facts.scores.map(([label, value]) => `${label} ${value}`).join(", ")}.`);
  }
  if (facts.report) {
    const link = document.createElement("a");
    link.href = facts.report;
    link.textContent = "The report of its training";
    at("about").append(" ", link);
  }
}

function button(label, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", action);
  return made;
}

// What is wrong stands where the picture would be.

function trouble(message) {
  at("trouble").textContent = message;
  at("trouble").hidden = false;
  at("busy").hidden = true;
  at("loading").hidden = true;
  at("work").hidden = true;
  at("trouble").scrollIntoView({ block: "nearest" });
}

async function attempt(work) {
  at("trouble").hidden = true;
  try {
    await work();
  } catch (error) {
    trouble(error.message);
  }
}

// Where images come from.

/** Decode an image, upright, as large as is shown. */
async function decoded(blob) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(blob);
  } catch {
    if (!engine.preview) throw new Error("This is no image that the browser can read.");
    bitmap = await createImageBitmap(await engine.preview(blob));
  }
  const reduced = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const size = [bitmap.height, bitmap.width].map((side) => Math.max(1, Math.round(side * reduced)));
  const image = drawn(bitmap, size);
  image.reduced = reduced;
  bitmap.close();
  return image;
}

async function take(files) {
  stopCamera();
  const given = [...files].filter(({ name }) => !name.startsWith("."));
  if (!facts || !given.length) return;
  items = [];
  for (const file of given) {
    if (file.type.startsWith("video/")) items.push(...(await frames(file)));
    else items.push({ name: file.name || "image", blob: file });
  }
  list();
  await attempt(() => open(0));
}

async function takeExample(address, name) {
  stopCamera();
  const response = await fetch(new URL(address, import.meta.url));
  items = [{ name, blob: await response.blob() }];
  list();
  await open(0);
}

/** Return frames of a video, some of each second. */
async function frames(file) {
  const video = document.createElement("video");
  video.muted = true;
  video.src = URL.createObjectURL(file);
  try {
    await new Promise((resolve, reject) => {
      video.addEventListener("loadeddata", resolve, { once: true });
      video.addEventListener("error", () => reject(new Error(`${file.name}: this browser cannot play the video.`)), { once: true });
    });
    const length = Number.isFinite(video.duration) ? video.duration : 0;
    const count = Math.min(MOST_FRAMES, Math.max(1, Math.floor(length * FRAMES_A_SECOND)));
    const found = [];
    for (let number = 0; number < count; number += 1) {
      video.currentTime = number / FRAMES_A_SECOND;
      await new Promise((resolve) => { video.addEventListener("seeked", resolve, { once: true }); });
      const blob = await pngOf(drawn(video, [video.videoHeight, video.videoWidth]));
      found.push({ name: `${stem(file.name)}-${String(number + 1).padStart(4, "0")}.png`, blob });
      at("all-status").textContent = `${file.name}: frame ${number + 1} of ${count}`;
    }
    return found;
  } finally {
    URL.revokeObjectURL(video.src);
  }
}

/** Return the files of a drop, those inside folders too. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found = [];
  for (let waiting = entries; waiting.length; ) {
    const entry = waiting.shift();
    if (entry.isFile) found.push(await new Promise((resolve, reject) => { entry.file(resolve, reject); }));
    else {
      const reader = entry.createReader();
      for (;;) { // it gives a hundred at a time
        const some = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
        if (!some.length) break;
        waiting = [...waiting, ...some];
      }
    }
  }
  return found;
}

function list() {
  current = -1;
  at("items").hidden = at("all").hidden = items.length < 2;
  at("all-status").textContent = `${items.length} images`;
  at("items").replaceChildren(...items.map((item, index) => {
    const row = document.createElement("li");
    item.button = row.appendChild(button(item.name, () => attempt(() => open(index))));
    return row;
  }));
}

function stem(name) {
  return name.replace(/\.[^.]*$/, "") || "image";
}

/** Show one of the images that were given. */
async function open(index) {
  stopCamera();
  items[current]?.button.removeAttribute("aria-current");
  current = index;
  const item = items[index];
  item.button.setAttribute("aria-current", "true");
  try {
    await show(await decoded(item.blob), item.name, item.blob);
  } catch (error) {
    item.button.classList.add("failed");
    throw new Error(items.length > 1 && !error.message.startsWith(item.name) ? `${item.name}: ${error.message}` : error.message);
  }
}

at("choose").addEventListener("click", () => at("file").click());
at("folder").addEventListener("click", () => at("folder-files").click());
for (const id of ["file", "folder-files"]) {
  at(id).addEventListener("change", () => {
    const files = [...at(id).files];
    at(id).value = "";
    attempt(() => take(id === "file" ? files : files.filter(({ type }) => /^(image|video)\//.test(type))));
  });
}
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
  attempt(async () => take(await dropped(event.dataTransfer)));
});
document.addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files].filter(({ type }) => type.startsWith("image/"));
  if (files.length) attempt(() => take(files));
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

// What is shown.

async function show(image, name, blob = null) {
  at("trouble").hidden = true;
  at("work").hidden = false;
  at("busy").hidden = Boolean(camera);
  requests += 1;
  const id = requests;
  const result = await engine.translate({ image, blob });
  if (id !== requests) return; // another image has been given meanwhile
  at("busy").hidden = true;
  shown = { image, name, blob, ...result };
  if (chosen !== null && !camera && !shown.counts[chosen]) choose(null);
  for (const canvas of [at("photograph"), at("translation")]) [canvas.height, canvas.width] = [image.height, image.width];
  at("photograph").getContext("2d").putImageData(image, 0, 0);
  at("compared").replaceChildren();
  at("compare-download").hidden = true;
  draw();
  legend();
  const rate = camera ? `, ${(1 / result.seconds).toPrecision(2)} images a second` : `, in ${result.seconds.toPrecision(2)} s`;
  at("status").textContent = `${image.width}×${image.height} pixels${rate}${result.note ? `; ${result.note}` : ""}`;
  document.body.dataset.shown = String(id);
}

function translated({ image, ids, picture }, highlight) {
  return new ImageData(ids ? paint(ids, facts.reading.colours, highlight, image.data) : picture, image.width, image.height);
}

function draw() {
  at("translation").getContext("2d").putImageData(translated(shown, chosen), 0, 0);
}

function legend() {
  if (!shown.counts) return;
  const total = shown.counts.reduce((sum, count) => sum + count, 0);
  const order = facts.reading.names.map((name, id) => ({ name, id, count: shown.counts[id] }));
  // While a camera runs, rows keep their places.
  if (!camera) order.sort((a, b) => b.count - a.count || a.id - b.id);
  const focused = document.activeElement?.dataset?.id;
  at("legend").replaceChildren(...order.map(({ name, id, count }) => {
    const entry = button("", () => choose(chosen === id ? null : id));
    entry.dataset.id = String(id);
    entry.classList.toggle("absent", count === 0);
    entry.setAttribute("aria-pressed", String(chosen === id));
    const share = count === 0 ? "–" : count / total < 0.001 ? "< 0.1 %" : `${((100 * count) / total).toFixed(1)} %`;
    for (const [kind, text] of [["swatch", ""], ["name", name], ["share", share]]) {
      const part = entry.appendChild(document.createElement("span"));
      part.className = kind;
      part.textContent = text;
    }
    entry.firstChild.style.background = `rgb(${facts.reading.colours[id].join(" ")})`;
    const row = document.createElement("li");
    row.append(entry);
    return row;
  }));
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

function split(share) {
  at("stage").style.setProperty("--at", `${share}%`);
  at("split").value = String(share);
}

at("split").addEventListener("input", () => split(at("split").value));
at("opacity").addEventListener("input", () => { at("translation").style.opacity = at("opacity").value / 100; });
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

// What is taken away.

function saveAs(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function saved(item, form) {
  const blob = await engine.save(item, form);
  return [`${stem(item.name)}-${form}${blob.type === "image/tiff" ? ".tif" : ".png"}`, blob];
}

async function download(form) {
  const [name, blob] = await saved(shown, form);
  saveAs(blob, name);
}

/** Return a CSV file: a row an image, a column a class, fractions of the pixels. */
function fractions(results) {
  const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const lines = results.map(({ name, counts }) => {
    const total = counts.reduce((sum, count) => sum + count, 0);
    return [quoted(name), ...counts.map((count) => count / total)];
  });
  const text = [["image", ...facts.reading.names].map(quoted), ...lines].map((line) => `${line.join(",")}\n`).join("");
  return new Blob([text], { type: "text/csv" });
}

at("zip").addEventListener("click", () => attempt(async () => {
  const files = [], results = [], failed = [];
  at("zip").disabled = true;
  try {
    for (const [index, item] of items.entries()) {
      at("all-status").textContent = `${index + 1} of ${items.length} …`;
      try {
        const one = { ...item, image: await decoded(item.blob) };
        if (facts.reading.classes) results.push({ name: item.name, ...(await engine.translate(one)) });
        files.push(await saved(one, "translation"));
      } catch {
        item.button.classList.add("failed");
        failed.push(item.name);
      }
    }
  } finally {
    at("zip").disabled = false;
  }
  at("all-status").textContent = `${files.length} of ${items.length} images translated${failed.length ? `; not: ${failed.join(", ")}` : ""}`;
  if (results.length) files.push(["fractions.csv", fractions(results)]);
  if (files.length) saveAs(await zip(files), "translations.zip");
}));

// Snapshots of the run.

function checkbox(name) {
  const label = document.createElement("label");
  const box = label.appendChild(document.createElement("input"));
  box.type = "checkbox";
  box.value = name;
  label.append(` ${name}`);
  return label;
}

/** Check the first, the last and one in the middle. */
function checkFew() {
  const boxes = [...at("snapshot-names").querySelectorAll("input")];
  for (const place of [0, Math.floor(boxes.length / 2), boxes.length - 1]) if (boxes[place]) boxes[place].checked = true;
}

at("compare").addEventListener("click", () => attempt(async () => {
  const names = [...at("snapshot-names").querySelectorAll("input:checked")].map(({ value }) => value);
  if (!names.length || names.length > MOST_COMPARED) throw new Error(`Choose 1 to ${MOST_COMPARED} snapshots.`);
  const own = shown, scale = Math.min(1, COMPARED_SIDE / Math.max(own.image.width, own.image.height));
  const size = [own.image.height, own.image.width].map((side) => Math.max(1, Math.round(side * scale)));
  const pictures = [["image", drawn(canvasOf(own.image), size)]];
  at("compare").disabled = true;
  try {
    for (const name of names) {
      const image = drawn(canvasOf(own.image), size);
      pictures.push([name, translated({ image, ...(await engine.translate({ image, blob: own.blob }, name)) }, null)]);
    }
  } finally {
    at("compare").disabled = false;
  }
  if (own !== shown) return;
  at("compared").replaceChildren(...pictures.map(([name, image]) => {
    const figure = document.createElement("figure");
    const canvas = figure.appendChild(canvasOf(image));
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", name);
    figure.appendChild(document.createElement("figcaption")).textContent = name;
    return figure;
  }));
  at("compare-download").hidden = false;
}));

at("compare-download").addEventListener("click", () => attempt(async () => {
  const canvases = [...at("compared").querySelectorAll("canvas")], gap = 8;
  const whole = document.createElement("canvas");
  [whole.height, whole.width] = [canvases[0].height, canvases.reduce((sum, { width }) => sum + width + gap, -gap)];
  const context = whole.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, whole.width, whole.height);
  canvases.forEach((canvas, index) => context.drawImage(canvas, index * (canvas.width + gap), 0));
  saveAs(await pngOf(whole), `${stem(shown.name)}-snapshots.png`);
}));
