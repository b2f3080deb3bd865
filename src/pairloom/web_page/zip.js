// A ZIP file of files that are compressed already: PNGs, mostly.

const TABLE = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

function checksum(bytes) {
  let value = 0xffffffff;
  for (const byte of bytes) value = TABLE[(value ^ byte) & 255] ^ (value >>> 8);
  return (value ^ 0xffffffff) >>> 0;
}

function record(signature, fields) {
  const bytes = new Uint8Array(4 + fields.reduce((sum, [size]) => sum + size, 0));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, signature, true);
  let at = 4;
  for (const [size, value] of fields) {
    if (size === 2) view.setUint16(at, value, true);
    else view.setUint32(at, value, true);
    at += size;
  }
  return bytes;
}

/** Return a ZIP file (a Blob) of [name, Blob] pairs; names that come again are numbered. */
export async function zip(files) {
  const parts = [], entries = [], taken = new Set();
  let place = 0;
  for (const [wanted, blob] of files) {
    let name = wanted;
    for (let number = 2; taken.has(name); number += 1) name = wanted.replace(/(\.[^.]*)?$/, ` (${number})$1`);
    taken.add(name);
    const content = new Uint8Array(await blob.arrayBuffer()), encoded = new TextEncoder().encode(name);
    // Version 2.0; names in UTF-8; stored as it is; no time of change (1980-01-01).
    const common = [[2, 20], [2, 0x800], [2, 0], [2, 0], [2, 0x21], [4, checksum(content)], [4, content.length],
      [4, content.length], [2, encoded.length], [2, 0]];
    const head = record(0x04034b50, common);
    entries.push(record(0x02014b50, [[2, 20], ...common, [2, 0], [2, 0], [2, 0], [4, 0], [4, place]]), encoded);
    parts.push(head, encoded, content);
    place += head.length + encoded.length + content.length;
  }
  const length = entries.reduce((sum, entry) => sum + entry.length, 0), count = entries.length / 2;
  const end = record(0x06054b50, [[2, 0], [2, 0], [2, count], [2, count], [4, length], [4, place], [2, 0]]);
  return new Blob([...parts, ...entries, end], { type: "application/zip" });
}
