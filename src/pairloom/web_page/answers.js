// What a model's answer means: resized, compared with another's, read as classes or as a picture. No page, no runtime.

// Pixels (RGBA, 0 to 255) as the model wants them: height × width × channels, in the range of its numbers.
export function values(pixels, channels, range) {
  const count = pixels.length / 4;
  const out = new Float32Array(count * channels);
  const scale = range / 255;
  for (let i = 0; i < count; i += 1) {
    const red = pixels[4 * i], green = pixels[4 * i + 1], blue = pixels[4 * i + 2];
    if (channels === 1) {
      out[i] = Math.round(luma([red, green, blue])) * scale;
    } else {
      out[3 * i] = red * scale;
      out[3 * i + 1] = green * scale;
      out[3 * i + 2] = blue * scale;
    }
  }
  return out;
}

// How far two answers (channels × cells) are apart, on the scale of -1 to 1, and the share of cells of the same class.
export function compare(first, second, channels, reading) {
  const cells = first.length / channels;
  const stretch = reading.shares ? 2 : 1; // shares go from 0 to 1
  let difference = 0;
  let same = 0;
  for (let cell = 0; cell < cells; cell += 1) {
    for (let k = 0; k < channels; k += 1) {
      const apart = Math.abs(first[k * cells + cell] - second[k * cells + cell]) * stretch;
      if (apart > difference || Number.isNaN(apart)) difference = apart; // a NaN stays
    }
    if (reading.classes) {
      same += classOf(first, cells, cell, channels, reading) === classOf(second, cells, cell, channels, reading);
    }
  }
  return { difference, agreement: reading.classes ? same / cells : 1 };
}

// The class of one cell: the largest share, or the nearest colour.
function classOf(answer, cells, cell, channels, reading) {
  let best = 0;
  let most = -Infinity;
  if (reading.shares) {
    for (let k = 0; k < channels; k += 1) {
      const share = answer[k * cells + cell];
      if (share > most) { most = share; best = k; }
    }
    return best;
  }
  reading.colours.forEach((colour, k) => {
    let distance = 0;
    for (let c = 0; c < 3; c += 1) distance += (answer[c * cells + cell] - (colour[c] / 127.5 - 1)) ** 2;
    if (-distance > most) { most = -distance; best = k; }
  });
  return best;
}

// Which two cells each place of a longer or shorter side lies between, and how near the second.
function between(from, to) {
  const low = new Int32Array(to), high = new Int32Array(to), part = new Float32Array(to);
  for (let i = 0; i < to; i += 1) {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    low[i] = Math.floor(place);
    high[i] = Math.min(low[i] + 1, from - 1);
    part[i] = place - low[i];
  }
  return { low, high, part };
}

// Calls `row(y, cells)` for each row of an answer (channels × height × width) that is resized bilinearly, from the top.
function resizedRows(answer, channels, [height, width], [tall, wide], row) {
  const rows = between(height, tall);
  const columns = between(width, wide);
  const mixed = new Float32Array(channels * width);
  const out = new Float32Array(channels * wide);
  for (let y = 0; y < tall; y += 1) {
    const part = rows.part[y];
    for (let k = 0; k < channels; k += 1) {
      const top = (k * height + rows.low[y]) * width, bottom = (k * height + rows.high[y]) * width;
      for (let x = 0; x < width; x += 1) mixed[k * width + x] = answer[top + x] * (1 - part) + answer[bottom + x] * part;
    }
    for (let k = 0; k < channels; k += 1) {
      for (let x = 0; x < wide; x += 1) {
        const near = columns.part[x];
        out[k * wide + x] = mixed[k * width + columns.low[x]] * (1 - near) + mixed[k * width + columns.high[x]] * near;
      }
    }
    row(y, out);
  }
}

// Class ids (one byte a pixel) of an answer at another size, and the number of pixels of each class.
export function readClasses(answer, channels, size, target, reading) {
  const [tall, wide] = target;
  const ids = new Uint8Array(tall * wide);
  const counts = new Array(reading.colours.length).fill(0);
  resizedRows(answer, channels, size, target, (y, cells) => {
    for (let x = 0; x < wide; x += 1) {
      const id = classOf(cells, wide, x, channels, reading);
      ids[y * wide + x] = id;
      counts[id] += 1;
    }
  });
  return { ids, counts };
}

// A picture (RGBA) of an answer between -1 and 1 at another size; one channel is grey.
export function readPicture(answer, channels, size, target) {
  const [tall, wide] = target;
  const pixels = new Uint8ClampedArray(tall * wide * 4);
  resizedRows(answer, channels, size, target, (y, cells) => {
    for (let x = 0; x < wide; x += 1) {
      const at = 4 * (y * wide + x);
      for (let c = 0; c < 3; c += 1) pixels[at + c] = (cells[(channels === 1 ? 0 : c) * wide + x] + 1) * 127.5;
      pixels[at + 3] = 255;
    }
  });
  return pixels;
}

function luma([red, green, blue]) {
  return 0.299 * red + 0.587 * green + 0.114 * blue;
}

// Class ids in their colours (RGBA); all but a chosen class fade.
export function paint(ids, colours, chosen, photograph) {
  const pixels = new Uint8ClampedArray(ids.length * 4);
  // A dark class stands out from what is pale, a light one from what is dark.
  const dark = chosen !== null && luma(colours[chosen]) < 110;
  for (let i = 0; i < ids.length; i += 1) {
    const at = 4 * i;
    const faded = chosen !== null && ids[i] !== chosen;
    if (faded) {
      const grey = luma([photograph[at], photograph[at + 1], photograph[at + 2]]);
      pixels[at] = pixels[at + 1] = pixels[at + 2] = (dark ? 175 : 20) + grey * 0.3;
    } else {
      const colour = colours[ids[i]];
      pixels[at] = colour[0];
      pixels[at + 1] = colour[1];
      pixels[at + 2] = colour[2];
    }
    pixels[at + 3] = 255;
  }
  return pixels;
}
