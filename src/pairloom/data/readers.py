"""Readers turn the file of one side of a pair into an array: a picture, or class ids."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from pairloom.data.layouts import Part
from pairloom.data.layouts.cityscapes import label_kind
from pairloom.errors import UserError
from pairloom.images import WHOLE, Picture, UInt8Array, Values, for_display, read_indices, read_picture
from pairloom.palette import CITYSCAPES_TRAIN_IDS, Colour, Palette

Number = TypeVar("Number", bound=np.generic)


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


class IndexReader:
    """Reads files that hold one value a pixel, each meaning a class."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self.key = f"index {palette.to_record()}"

    def read(self, part: Part) -> UInt8Array:
        """Return the class ids, H×W."""
        return self._palette.from_values(half(read_indices(part.path), part), part.path)


class ColourReader:
    """Reads colour-coded pictures."""

    def __init__(self, palette: Palette) -> None:
        self._palette = palette
        self.key = f"colour {palette.to_record()}"

    def read(self, part: Part) -> UInt8Array:
        """Return the class ids, H×W."""
        return self._palette.to_ids(self._picture(part))

    def read_closely(self, part: Part) -> tuple[UInt8Array, float, tuple[Colour, ...]]:
        """Return the class ids, H×W, the share of the pixels that are far from every colour, and stray colours."""
        picture, palette = self._picture(part), self._palette
        return palette.to_ids(picture), palette.far_share(picture), palette.strays(picture)

    def _picture(self, part: Part) -> UInt8Array:
        return half(for_display(read_picture(part.path)), part)


class CityscapesReader:
    """Reads official label files, each by what its name says that it holds."""

    def __init__(self, palette: Palette) -> None:
        by_train_ids = CITYSCAPES_TRAIN_IDS if len(palette) == len(CITYSCAPES_TRAIN_IDS) else None
        self._readers: Mapping[str, Reader | None] = {
            "labelIds": IndexReader(palette),
            "labelTrainIds": IndexReader(by_train_ids) if by_train_ids else None,
            "color": ColourReader(palette),
        }
        self.key = f"cityscapes {palette.to_record()}"

    def read(self, part: Part) -> Picture:
        """Return the class ids, H×W."""
        reader = self._readers[label_kind(part.path)]
        if reader is None:
            raise UserError(f"{part.path}: holds the 19 train ids only; data.classes all needs labelIds")
        return reader.read(part)


class PaintedReader:
    """Reads class maps as the pictures that their colours make."""

    def __init__(self, reader: Reader, palette: Palette) -> None:
        self._reader, self._palette = reader, palette
        self.key = f"painted {reader.key}"

    def read(self, part: Part) -> UInt8Array:
        """Return the picture, H×W×3."""
        return self._palette.to_colours(self._reader.read(part).astype(np.uint8, copy=False))


def half(image: NDArray[Number], part: Part) -> NDArray[Number]:
    """Cut the part out of an image, H×W or H×W×C; raise UserError where its width is odd."""
    if part.half == "whole":
        return image
    width = image.shape[1]
    if width % 2:
        raise UserError(f"{part.path}: {width} pixels wide; two images side by side need an even width")
    middle = width // 2
    return np.ascontiguousarray(image[:, :middle] if part.half == "left" else image[:, middle:])
