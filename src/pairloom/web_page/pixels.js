// Pixels, canvases and files of each other.

/** Draw anything that can be drawn at a size, on white; halved step by step, since browsers look at few pixels only. */
export function drawn(source, [height, width]) {
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

/** Return the pixels of a bitmap as they are. */
export function pixelsOf(bitmap) {
  return drawn(bitmap, [bitmap.height, bitmap.width]);
}

/** Return a canvas that shows pixels. */
export function canvasOf(image) {
  const canvas = document.createElement("canvas");
  [canvas.height, canvas.width] = [image.height, image.width];
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Return pixels, or a canvas, as a PNG file. */
export function pngOf(image) {
  const canvas = image instanceof ImageData ? canvasOf(image) : image;
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}
