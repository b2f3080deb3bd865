"""Readers turn the file of one side of a pair into an array: a picture, or class ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from pairloom.data.encodings import COLOURS, PLAIN, UNSET, Encoding, half, read_mask
from pairloom.data.pairs import Part
from pairloom.images import WHOLE, Picture, ReducedPicture, UInt8Array, Values, for_display, read_picture, read_reduced
from pairloom.images.masks import StoredMask
from pairloom.palette import VOID, Colour, Palette, UnknownValueError


class Reader(Protocol):
    """Reads the files of one side; `key` tells readers that would read a file differently apart."""

    key: str

    def read(self, part: Part) -> Picture:
        """Decode one image: class ids H×W, or a picture H×W×C; raise UserError, with the file's name, where not."""


class PictureReader:
    """Reads pictures as they are, in the numbers that the files hold.

    Args:
        values: what the numbers mean. Where no range is known, floats outside 0 to 1 and integers outside 0 to 65535
            are refused.
    """

    def __init__(self, values: Values = WHOLE) -> None:
        self._any_number = values.range is not None
        # What lies beside pixels without a reading is resized in another way.
        self.key = "picture" if values.no_reading is None else f"picture without {values.no_reading}"

    def read(self, part: Part) -> Picture:
        """Return the picture, H×W×C."""
        return half(read_picture(part.path, any_number=self._any_number), part)

    def read_reduced(self, part: Part, longest: int) -> ReducedPicture:
        """Return the picture, smaller where that saves time, with `longest` pixels or more of its longer side."""
        if part.half == "whole" and not self._any_number:
            return read_reduced(part.path, longest)
        picture = self.read(part)
        return ReducedPicture(picture, 1, *picture.shape[:2])


class IndexReader:
    """Reads files that hold one value per pixel, each meaning a class."""

    def __init__(self, palette: Palette, encoding: Encoding = PLAIN) -> None:
        self.palette, self.encoding = palette, encoding
        self.key = f"index {palette.to_record()}" + _told(encoding, PLAIN)

    def read(self, part: Part) -> UInt8Array:
        """Return the class ids, H×W."""
        mask = read_mask(part)
        table = self.encoding.table
        if table is not None and mask.table is not None and not _same_table(mask, table):
            return self._by_colour(mask, part.path)
        numbers = self.encoding.numbers(mask, part.path)
        if numbers.dtype.kind == "u":
            return self.palette.from_values(numbers, part.path)
        void = numbers == UNSET
        if not void.any():
            return self.palette.from_values(numbers, part.path)
        ids = self.palette.from_values(np.where(void, self.palette.values[0], numbers), part.path)
        ids[void] = VOID
        return ids

    def with_palette(self, palette: Palette) -> "IndexReader":
        """Return a reader of the same files by another palette."""
        return IndexReader(palette, self.encoding)

    def _by_colour(self, mask: StoredMask, path: Path) -> UInt8Array:
        """Read an image whose colour table is another than that of the other files."""
        classes = dict(zip(self.palette.colours, range(len(self.palette)), strict=True))
        ids = np.full(256, VOID, dtype=np.uint8)
        for index in np.unique(mask.values).tolist():
            colour = mask.table[index] if mask.table is not None and index < len(mask.table) else None
            if colour not in classes:
                raise UnknownValueError(
                    f"{path}: has another colour table than the other masks, and its colour {colour} is none of "
                    f"palette {self.palette.name!r}; save all masks with one table"
                )
            ids[index] = classes[colour]
        read: UInt8Array = ids[mask.values]
        return read


class ColourReader:
    """Reads colour-coded pictures; `blends` says that colours are blended at borders, so that only areas can stray."""

    def __init__(self, palette: Palette, encoding: Encoding = COLOURS, *, blends: bool = False) -> None:
        self.palette, self._encoding, self._blends = palette, encoding, blends
        self.key = f"colour {palette.to_record()}" + _told(encoding, COLOURS)

    def read(self, part: Part) -> UInt8Array:
        """Return the class ids, H×W."""
        return self.palette.to_ids(self._picture(part))

    def read_closely(self, part: Part) -> tuple[UInt8Array, float, tuple[Colour, ...]]:
        """Return the class ids, H×W, the share of the pixels that are far from every colour, and stray colours."""
        return self.palette.read_closely(self._picture(part), blends=self._blends)

    def with_palette(self, palette: Palette) -> "ColourReader":
        """Return a reader of the same files by another palette."""
        return ColourReader(palette, self._encoding, blends=self._blends)

    def _picture(self, part: Part) -> UInt8Array:
        if self._encoding == COLOURS:
            return half(for_display(read_picture(part.path)), part)
        return self._encoding.colours(read_mask(part), part.path)


class PaintedReader:
    """Reads class maps as the pictures that their colours make."""

    def __init__(self, reader: Reader, palette: Palette) -> None:
        self._reader, self._palette = reader, palette
        self.key = f"painted {reader.key}"

    def read(self, part: Part) -> UInt8Array:
        """Return the picture, H×W×3."""
        return self._palette.to_colours(self._reader.read(part).astype(np.uint8, copy=False))


class Classes(NamedTuple):
    """What is known of the class maps of one side."""

    palette: Palette
    reader: Reader
    far_share: float | None = None
    """Share of a sample's pixels that are far from every colour; None where the maps hold values."""
    note: str = ""
    """What the user should know of the classes' names, in a sentence; empty for nothing."""

    @property
    def numbered(self) -> bool:
        """Whether files hold small class numbers as such: shown as pictures they would be nearly black."""
        plain = isinstance(self.reader, IndexReader) and self.reader.encoding == PLAIN
        shown = zip(self.palette.colours, self.palette.values, strict=True)
        return plain and any(colour != (value,) * 3 for colour, value in shown)


def _told(encoding: Encoding, usual: Encoding) -> str:
    """Write an encoding for a reader's key; the usual one as nothing."""
    return "" if encoding == usual else f" {encoding}"


def _same_table(mask: StoredMask, table: Sequence[Colour]) -> bool:
    """Tell whether the indices that a mask uses have the colours of a table."""
    if mask.table is None or mask.table == table:
        return True
    used = np.flatnonzero(np.bincount(mask.values.ravel())).tolist()
    return all(_entry(mask.table, index) == _entry(table, index) for index in used)


def _entry(table: Sequence[Colour], index: int) -> Colour | None:
    return table[index] if index < len(table) else None
