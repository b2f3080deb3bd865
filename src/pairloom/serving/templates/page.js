"use strict";

// A photograph and its translation one upon the other, with a boundary that can be moved, and a legend that picks a class.
// Gradio may put the next view into the element of the last one: what is inside is looked up when it is needed.
class PairloomView extends HTMLElement {
  static observedAttributes = ["data-photograph"];

  constructor() {
    super();
    this.addEventListener("input", (event) => this.divide(Number(event.target.value)));
    this.addEventListener("pointerdown", (event) => {
      const stage = event.target.closest(".stage");
      if (!stage || event.button) return;
      stage.setPointerCapture(event.pointerId);
      this.dragged = true;
      this.follow(event);
    });
    this.addEventListener("pointermove", (event) => (this.dragged ? this.follow(event) : this.name(event)));
    for (const end of ["pointerup", "pointercancel"]) this.addEventListener(end, () => { this.dragged = false; });
    this.addEventListener("pointerleave", () => this.say(this.dataset.size));
    this.addEventListener("click", (event) => {
      const button = event.target.closest(".legend button");
      if (button) this.pick(button.getAttribute("aria-pressed") === "true" ? null : button);
    });
  }

  // After the element's contents have come too.
  attributeChangedCallback() { requestAnimationFrame(() => this.begin()); }

  async begin() {
    this.ids = null;
    delete this.dataset.ready;
    this.divide(50);
    this.pick(null);
    this.say(this.dataset.size);
    const address = this.dataset.ids;
    // The class of each pixel, so that no picture has to be read back, which some browsers falsify.
    const ids = address ? await this.load(address) : null;
    if (address !== this.dataset.ids) return;
    this.ids = ids;
    this.colours = JSON.parse(this.dataset.colours);
    this.dataset.ready = "";
    const pressed = this.querySelector('.legend [aria-pressed="true"]');
    if (pressed) this.pick(pressed);
  }

  async load(address) {
    const answer = await fetch(address);
    const bytes = answer.body.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(bytes).arrayBuffer());
  }

  say(words) { this.querySelector("output").textContent = words; }

  divide(share) {
    this.querySelector(".stage input").value = share;
    this.querySelector(".stage").style.setProperty("--at", `${share}%`);
  }

  follow(event) {
    const box = this.querySelector(".stage").getBoundingClientRect();
    this.divide(Math.min(100, Math.max(0, (100 * (event.clientX - box.left)) / box.width)));
  }

  name(event) {
    const stage = event.target.closest(".stage");
    if (!stage || !this.ids) return this.say(this.dataset.size);
    const box = stage.getBoundingClientRect();
    const [width, height] = [Number(this.dataset.width), Number(this.dataset.height)];
    const x = Math.min(width - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * width)));
    const y = Math.min(height - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * height)));
    const button = this.querySelector(`.legend [data-class="${this.ids[y * width + x]}"]`);
    this.say(button ? button.querySelector(".name").textContent : this.dataset.size);
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
