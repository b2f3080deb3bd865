"use strict";

// The slider: every picture that belongs to an epoch is inside the page already.
for (const slider of document.querySelectorAll("input[data-frames]")) {
  const { labels, frames } = JSON.parse(document.getElementById(slider.dataset.frames).textContent);
  const pictures = document.querySelectorAll(`img[data-row="${slider.dataset.frames}"]`);
  const label = slider.parentElement.querySelector("output");
  slider.addEventListener("input", () => {
    const at = Number(slider.value);
    label.textContent = labels[at];
    slider.setAttribute("aria-valuetext", labels[at]);
    pictures.forEach((picture, row) => { picture.src = frames[row][at]; });
  });
}

// Charts: the values at the pointer take the place of the last ones in the legend, whose entries hide their curves.
for (const chart of document.querySelectorAll(".chart")) {
  const { epochs, x, series } = JSON.parse(chart.querySelector("script").textContent);
  const svg = chart.querySelector("svg");
  const pointer = svg.querySelector(".pointer");
  const values = chart.querySelectorAll(".legend b");
  const when = chart.querySelector(".when");
  const last = [...values].map((value) => value.textContent);
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const place = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
    let nearest = 0;
    x.forEach((tick, index) => { if (Math.abs(tick - place) < Math.abs(x[nearest] - place)) nearest = index; });
    pointer.setAttribute("x1", x[nearest]);
    pointer.setAttribute("x2", x[nearest]);
    pointer.style.visibility = "visible";
    when.textContent = epochs[nearest];
    series.forEach((row, index) => { values[index].textContent = row.texts[nearest] || "–"; });
  });
  svg.addEventListener("pointerleave", () => {
    pointer.style.visibility = "hidden";
    when.textContent = "";
    values.forEach((value, index) => { value.textContent = last[index]; });
  });
  const groups = svg.querySelectorAll(".series");
  chart.querySelectorAll(".legend button").forEach((button, index) => {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", shown);
      groups[index].style.display = shown ? "" : "none";
    });
  });
}

// Smoothing: an exponential moving average over the epochs, without the bias of its start; on a logarithmic axis, of the
// logarithms.
function smoothed(x, y, share) {
  let mean = 0, weight = 0, path = "", broken = true;
  y.forEach((value, index) => {
    if (value !== null) {
      mean = share * mean + (1 - share) * value;
      weight = share * weight + (1 - share);
      path += `${broken ? "M" : "L"}${x[index]} ${(mean / weight).toFixed(1)}`;
    }
    broken = value === null;
  });
  return path;
}
const smoothing = document.getElementById("smoothing");
smoothing?.addEventListener("input", () => {
  const share = Number(smoothing.value);
  smoothing.parentElement.querySelector("output").textContent = share;
  for (const chart of document.querySelectorAll(".chart:not([data-exact])")) {
    const { x, series } = JSON.parse(chart.querySelector("script").textContent);
    chart.querySelectorAll(".series").forEach((group, index) => {
      for (const path of group.querySelectorAll("path")) path.setAttribute("d", smoothed(x, series[index].y, share));
      for (const dot of group.querySelectorAll("circle")) dot.style.display = share ? "none" : "";
    });
  }
});

// Pictures enlarge at a click, all of a pair beside each other; the arrow keys go to the next pair.
const dialog = document.querySelector("dialog");
let viewed = [], at = 0;

function view(pairs, index) {
  viewed = pairs;
  at = index;
  const { title, parts } = viewed[at]();
  dialog.querySelector("header p").textContent = viewed.length > 1 ? `${title} (${at + 1} of ${viewed.length})` : title;
  dialog.querySelector(".parts").replaceChildren(...parts.map(({ address, label }) => {
    const figure = document.createElement("figure");
    const picture = figure.appendChild(document.createElement("img"));
    picture.src = address;
    picture.alt = `${title}: ${label}`;
    figure.appendChild(document.createElement("figcaption")).textContent = label;
    return figure;
  }));
  for (const button of dialog.querySelectorAll("[data-move]")) button.hidden = viewed.length < 2;
  if (!dialog.open) dialog.showModal();
}

function move(by) {
  view(viewed, (at + by + viewed.length) % viewed.length);
}

function pairOf(element) {
  return () => ({
    title: element.dataset.view,
    parts: [...element.querySelectorAll("img")].map((picture) => ({
      address: picture.src,
      label: picture.alt.slice(picture.alt.lastIndexOf(": ") + 1).trim(),
    })),
  });
}

for (const button of document.querySelectorAll("button.zoom")) {
  button.addEventListener("click", () => {
    const elements = [...button.closest("section").querySelectorAll("[data-view]")];
    view(elements.map(pairOf), elements.indexOf(button.closest("[data-view]")));
  });
}
for (const button of dialog.querySelectorAll("[data-move]")) {
  button.addEventListener("click", () => move(Number(button.dataset.move)));
}
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
dialog.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") move(-1);
  if (event.key === "ArrowRight") move(1);
});

// Words to copy.
for (const button of document.querySelectorAll(".code button")) {
  button.addEventListener("click", async () => {
    const block = button.parentElement.querySelector("pre");
    try {
      await navigator.clipboard.writeText(block.textContent);
      button.textContent = "Copied";
    } catch {  // a page from disk may not be allowed to: select the words instead
      getSelection().selectAllChildren(block);
      button.textContent = "Press Ctrl-C";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  });
}
