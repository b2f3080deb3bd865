"use strict";

// A photograph and its translation one upon the other, with a boundary that can be moved, and a legend that picks a class.
class PairloomView extends HTMLElement {
  connectedCallback() {
    this.stage = this.querySelector(".stage");
    this.output = this.querySelector("output");
    this.size = this.output.textContent;
    this.range = this.querySelector("input");
    this.range.addEventListener("input", () => this.divide(Number(this.range.value)));
    this.stage.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      this.stage.setPointerCapture(event.pointerId);
      this.dragged = true;
      this.follow(event);
    });
    this.stage.addEventListener("pointermove", (event) => (this.dragged ? this.follow(event) : this.name(event)));
    for (const end of ["pointerup", "pointercancel"]) this.stage.addEventListener(end, () => { this.dragged = false; });
    this.stage.addEventListener("pointerleave", () => { this.output.textContent = this.size; });
    for (const button of this.querySelectorAll(".legend button"))
      button.addEventListener("click", () => this.pick(button.getAttribute("aria-pressed") === "true" ? null : button));
    if (this.dataset.ids) this.load();
  }

  // The class of each pixel, so that no picture has to be read back, which some browsers falsify.
  async load() {
    const answer = await fetch(this.dataset.ids);
    const bytes = answer.body.pipeThrough(new DecompressionStream("gzip"));
    this.ids = new Uint8Array(await new Response(bytes).arrayBuffer());
    this.colours = JSON.parse(this.dataset.colours);
    this.dataset.ready = "";
    const pressed = this.querySelector('.legend [aria-pressed="true"]');
    if (pressed) this.pick(pressed);
  }

  divide(share) {
    this.range.value = share;
    this.stage.style.setProperty("--at", `${share}%`);
  }

  follow(event) {
    const box = this.stage.getBoundingClientRect();
    this.divide(Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width)));
  }

  name(event) {
    if (!this.ids) return;
    const box = this.stage.getBoundingClientRect();
    const [width, height] = [Number(this.dataset.width), Number(this.dataset.height)];
    const x = Math.min(width - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * width)));
    const y = Math.min(height - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * height)));
    const button = this.querySelector(`.legend [data-class="${this.ids[y * width + x]}"]`);
    this.output.textContent = button ? button.querySelector(".name").textContent : this.size;
  }

  // Show one class alone, in both halves; null shows all.
  pick(button) {
    for (const other of this.querySelectorAll(".legend button")) other.setAttribute("aria-pressed", String(other === button));
    const [image, canvas] = this.querySelector(".over").children;
    const shade = this.querySelector(".shade");
    canvas.hidden = button === null || !this.ids;
    image.hidden = !canvas.hidden;
    shade.hidden = canvas.hidden;
    if (canvas.hidden) return;
    const chosen = Number(button.dataset.class);
    const colour = this.colours[chosen];
    this.paint(canvas, chosen, [...colour, 255], [0, 0, 0, 0]);
    this.paint(shade, chosen, [0, 0, 0, 0], [10, 13, 16, 190]);
  }

  paint(canvas, chosen, inside, outside) {
    const context = canvas.getContext("2d");
    const picture = context.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(picture.data.buffer);
    const [one, rest] = [inside, outside].map((values) => new Uint32Array(new Uint8Array(values).buffer)[0]);
    for (let at = 0; at < pixels.length; at += 1) pixels[at] = this.ids[at] === chosen ? one : rest;
    context.putImageData(picture, 0, 0);
  }
}
if (!customElements.get("pairloom-view")) customElements.define("pairloom-view", PairloomView);

// Examples of use name the address under which the page was opened.
document.addEventListener("toggle", () => {
  for (const block of document.querySelectorAll("pre[data-address]"))
    block.textContent = block.textContent.replace("http://127.0.0.1:7860", location.origin);
}, true);
