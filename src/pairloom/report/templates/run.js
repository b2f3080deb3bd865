// The page of a run that goes on reloads itself, unless somebody is working with it.
const state = document.getElementById("state");
if (state.dataset.state === "running") {
  const written = Number(state.dataset.written), expected = Number(state.dataset.expected);
  const box = document.getElementById("reload");
  const pause = Math.max(30, expected / 2), loaded = Date.now();
  let touched = 0;
  for (const kind of ["pointerdown", "keydown", "wheel"]) addEventListener(kind, () => { touched = Date.now(); });
  // A reload would undo what was chosen.
  document.querySelector("main").addEventListener("input", () => { box.checked = false; });
  document.querySelector("main").addEventListener("click", ({ target }) => {
    if (target.closest("button:not(.zoom)")) box.checked = false;
  });
  setInterval(() => {
    const age = Date.now() / 1000 - written;
    if (expected && age > 3 * expected) {
      state.querySelector(".age").textContent =
        `Not written for ${Math.round(age / 60)} minutes: training may have been killed; pairloom runs tells.`;
    }
    const idle = !document.hidden && !dialog.open && Date.now() - touched > 15000;
    if (box.checked && idle && Date.now() - loaded > 1000 * pause && !(expected && age > 20 * expected)) location.reload();
  }, 10000);
}

// The table of the validation images.
const LABELS = ["source", "translation", "target", "errors"];
const ROWS = 30;
const table = document.querySelector("table.images");
const filter = document.getElementById("filter");

function cell(row, text, kind = "td") {
  const made = row.appendChild(document.createElement(kind));
  made.textContent = text;
  return made;
}

/** A class's IoU in an image, from the image's confusions; null where neither truth nor translation has it. */
function iou(pixels, index) {
  let hits = 0, union = 0;
  for (const [truth, predicted, count] of pixels) {
    if (truth === index || predicted === index) union += count;
    if (truth === index && predicted === index) hits = count;
  }
  return union ? hits / union : null;
}

/** Which fraction of a class's pixels in an image, or of all its pixels, was taken for another; null where none was. */
function confused(pixels, truth, predicted, ofAll) {
  const found = pixels.find((entry) => entry[0] === truth && entry[1] === predicted);
  const whole = pixels.reduce((sum, entry) => sum + (ofAll || entry[0] === truth ? entry[2] : 0), 0);
  return found ? found[2] / whole : null;
}

function percent(share) {
  return share < 0.001 ? "< 0.1 %" : `${(100 * share).toFixed(1)} %`;
}

if (table) {
  const { columns, classes, images } = JSON.parse(document.getElementById("table").textContent);
  const fields = filter.elements;
  let sortedBy = null, falling = false, shown = ROWS;

  for (const select of filter.querySelectorAll("select")) {
    classes.forEach((name, index) => select.add(new Option(name, index)));
  }

  /** The columns after the name, those of a chosen class first: a heading, and the value of an image. */
  function measures() {
    const list = columns.map((label, index) => ({ label, value: (image) => image.scores[index] }));
    const chosen = fields.class?.value, other = fields.takenFor?.value;
    if (!chosen) return list;
    const name = classes[chosen];
    const own = [{ label: `IoU ${name}`, value: (image) => iou(image.pixels, Number(chosen)) }];
    if (other && chosen !== other) {
      const value = (ofAll) => (image) => confused(image.pixels, Number(chosen), Number(other), ofAll);
      own.unshift(
        { label: `${name} taken for ${classes[other]}, share of the image`, share: true, value: value(true) },
        { label: `share of its ${name} pixels`, share: true, value: value(false) },
      );
    }
    return [...own, ...list];
  }

  function rows(list) {
    const words = fields.name.value.toLowerCase();
    const found = images.filter((image) => (
      image.name.toLowerCase().includes(words) && (list.length === columns.length || list[0].value(image) !== null)
    ));
    const by = list.find(({ label }) => label === sortedBy);
    if (sortedBy === "name") found.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
    else if (by) { // images without a value come last in both directions
      const none = falling ? -Infinity : Infinity;
      found.sort((one, other) => (by.value(one) ?? none) - (by.value(other) ?? none));
    }
    return falling ? found.reverse() : found;
  }

  function draw() {
    const list = measures(), found = rows(list);
    const head = document.createElement("tr");
    for (const [key, label] of [["name", "image"], ...list.map((measure) => [measure.label, measure.label])]) {
      const heading = cell(head, "", "th");
      heading.scope = "col";
      if (key !== "name") heading.className = "number";
      if (key === sortedBy) heading.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const button = heading.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", () => {
        falling = sortedBy === key && !falling;
        sortedBy = key;
        draw();
        [...table.tHead.querySelectorAll("button")].find((one) => one.textContent === label)?.focus();
      });
    }
    LABELS.forEach((label) => { cell(head, label, "th").scope = "col"; });
    table.tHead.replaceChildren(head);

    const pictured = found.filter((image) => image.pictures);
    const pairs = pictured.map((image) => () => ({
      title: image.name,
      parts: LABELS.map((label) => ({ address: image.pictures[label], label })),
    }));
    table.tBodies[0].replaceChildren(...found.slice(0, shown).map((image) => {
      const row = document.createElement("tr");
      cell(row, image.name, "th").scope = "row";
      for (const { value, share } of list) {
        const number = value(image);
        const text = number === null ? "–" : share ? percent(number) : number.toFixed(3);
        cell(row, text).className = "number";
      }
      LABELS.forEach((label, index) => {
        const place = cell(row, "");
        if (!image.pictures) return;
        const button = place.appendChild(document.createElement("button"));
        button.type = "button";
        button.className = "zoom";
        if (index) button.tabIndex = -1; // all four open the same view
        const picture = button.appendChild(document.createElement("img"));
        picture.src = image.pictures[label];
        picture.alt = `${image.name}: ${label}`;
        button.addEventListener("click", () => view(pairs, pictured.indexOf(image)));
      });
      return row;
    }));
    document.getElementById("more").hidden = found.length <= shown;
    if (fields.takenFor) fields.takenFor.disabled = !fields.class.value;
    filter.querySelector("[role=status]").textContent =
      found.length ? `${found.length} of ${images.length} images` : "no image matches";
  }

  function saveCsv() {
    const list = measures();
    const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
    const lines = [
      ["image", ...list.map(({ label }) => label)].map(quoted),
      ...rows(list).map((image) => [quoted(image.name), ...list.map(({ value }) => value(image) ?? "")]),
    ];
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.map((line) => `${line.join(",")}\n`).join("")], { type: "text/csv" }));
    link.download = "images.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  }

  /** Draw anew after another choice: by the column of the chosen class, the worst first. */
  function sort() {
    const [first] = measures();
    [sortedBy, falling] = fields.class?.value ? [first.label, Boolean(first.share)] : [null, false];
    shown = ROWS;
    draw();
  }

  /** Show the images of a class, the worst first; or those with most pixels of it that were taken for another. */
  function choose(chosen, other = "") {
    fields.name.value = "";
    fields.class.value = chosen;
    fields.takenFor.value = other;
    sort();
    const heading = document.querySelector("#images h2");
    heading.scrollIntoView();
    heading.focus({ preventScroll: true });
  }

  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.addEventListener("input", ({ target }) => {
    if (target !== fields.name) return sort();
    shown = ROWS;
    draw();
  });
  filter.addEventListener("reset", () => setTimeout(sort));
  fields.csv.addEventListener("click", saveCsv);
  document.getElementById("more").addEventListener("click", () => { shown += 10 * ROWS; draw(); });
  for (const button of document.querySelectorAll("[data-class]")) {
    button.addEventListener("click", () => choose(button.dataset.class, button.dataset.takenFor));
  }
  draw();
}
