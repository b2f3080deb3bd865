"""How large the frames in an AVIF file are, before anything is decoded.

The decoder allocates what its frames ask for, and scales them to the size in the file's head: a small file whose head
lies could take gigabytes, and be read as a picture that nobody has made.
"""

from collections.abc import Iterator
from typing import NamedTuple

SEQUENCE_HEADER = 1
"""Type of the unit that holds the size of the frames (AV1 specification, section 6.2.2)."""


class Frames(NamedTuple):
    """What is coded in a file."""

    sizes: tuple[tuple[int, int], ...]
    """Width and height of the frames of each item."""
    tiled: bool
    """Whether images are put together of several items."""


def find_frames(content: bytes) -> Frames:
    """Return the sizes of all frames of the images in a file.

    Raises:
        ValueError: if the file is damaged, or holds a film.
        IndexError: if it is cut off.
        KeyError: if it has no table of its items.
    """
    boxes = dict(_boxes(content))
    if b"moov" in boxes or b"meta" not in boxes:
        raise ValueError("a film, or no image")
    inner = dict(_boxes(boxes[b"meta"][4:]))
    kinds = dict(_kinds(inner[b"iinf"]))
    sizes: list[tuple[int, int]] = []
    for number, item in _items(inner[b"iloc"], content, inner.get(b"idat", b"")):
        if kinds.get(number) == b"av01":
            sizes += _frame_sizes(item)
    return Frames(tuple(sizes), b"grid" in kinds.values())


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the type and the content of each box (ISO/IEC 14496-12, section 4.2); the first of a type counts."""
    seen = set()
    start = 0
    while start + 8 <= len(content):
        size, kind, head = int.from_bytes(content[start : start + 4]), content[start + 4 : start + 8], 8
        if size == 1:
            size, head = int.from_bytes(content[start + 8 : start + 16]), 16
        end = start + size if size else len(content)
        if end < start + head:
            raise ValueError("a box shorter than its head")
        if kind not in seen:
            yield kind, content[start + head : end]
        elif kind in (b"meta", b"iloc"):
            raise ValueError(f"two boxes {kind!r}")
        seen.add(kind)
        start = end


class _Numbers:
    """Reads numbers of whole bytes one after the other."""

    def __init__(self, content: bytes) -> None:
        self._content, self._place = content, 0

    def take(self, count: int) -> int:
        """Return the next number of so many bytes; 0 where it has none."""
        start, self._place = self._place, self._place + count
        if self._place > len(self._content):
            raise IndexError("the end of a box")
        return int.from_bytes(self._content[start : self._place])


def _kinds(box: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number and the kind of each item, by the box that describes them (section 8.11.6)."""
    place = 6 if box[0] == 0 else 8
    while place + 8 <= len(box):
        size, entry = int.from_bytes(box[place : place + 4]), box[place + 8 :]
        if size < 8:
            raise ValueError("a box shorter than its head")
        wide = 2 if entry[0] < 3 else 4
        yield int.from_bytes(entry[4 : 4 + wide]), entry[6 + wide : 10 + wide]
        place += size


def _items(box: bytes, content: bytes, data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each item and what it holds, by the box that locates them (section 8.11.3)."""
    numbers = _Numbers(box)
    version = numbers.take(4) >> 24
    sides = numbers.take(2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sides >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 2 if version < 2 else 4
    for _ in range(numbers.take(wide)):
        number = numbers.take(wide)
        inside = numbers.take(2) & 15 if version else 0
        numbers.take(2)  # the file that holds it, which is this one
        base = numbers.take(base_bytes)
        item = b""
        for _ in range(numbers.take(2)):
            numbers.take(index_bytes if version else 0)
            start, length = base + numbers.take(offset_bytes), numbers.take(length_bytes)
            source = data if inside == 1 else content
            item += source[start : start + length] if length else source[start:]
        yield number, item


def _frame_sizes(item: bytes) -> Iterator[tuple[int, int]]:
    """Yield the sizes that the units (section 5.3) of an item give; none where it is no AV1 stream."""
    place = 0
    while place < len(item):
        head = item[place]
        place += 2 if head & 4 else 1
        size = len(item) - place
        if head & 2:
            size = shift = 0
            for _ in range(8):  # leb128, section 4.10.5
                byte = item[place]
                place += 1
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
        if head >> 3 & 15 == SEQUENCE_HEADER:
            yield _size(item[place : place + min(size, 256)])
        place += size


def _size(unit: bytes) -> tuple[int, int]:
    """Return the largest width and height of frames by their sequence header (section 5.5)."""
    bits = iter("".join(f"{byte:08b}" for byte in unit))

    def take(count: int) -> int:
        number = 0
        for _ in range(count):
            number = number * 2 + int(next(bits, "0"))
        return number

    take(4)  # profile, still picture
    if take(1):  # reduced header
        take(5)
    else:
        if take(1):
            raise ValueError("timing of a film")
        delays = take(1)
        for _ in range(take(5) + 1):
            take(12)
            if take(5) > 7:
                take(1)
            if delays and take(1):
                take(4)
    width_bits, height_bits = take(4) + 1, take(4) + 1
    return take(width_bits) + 1, take(height_bits) + 1
