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

// Charts: the values at the pointer take the place of the last ones in the legend.
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
}

// Pictures enlarge at a click.
const dialog = document.querySelector("dialog");
for (const button of document.querySelectorAll("button.zoom")) {
  button.addEventListener("click", () => {
    const picture = button.querySelector("img");
    dialog.querySelector("img").src = picture.src;
    dialog.querySelector("p").textContent = picture.alt;
    dialog.showModal();
  });
}
dialog.addEventListener("click", () => dialog.close());

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
