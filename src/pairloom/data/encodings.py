"""How a data set's mask files hold classes: as numbers, in one channel or another, or as colours."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from pairloom.data.pairs import Part
from pairloom.errors import UserError
from pairloom.images import UInt8Array, for_display
from pairloom.images.masks import StoredMask, read_stored
from pairloom.palette import Colour
from pairloom.palette.colour_reading import pack

Number = TypeVar("Number", bound=np.generic)
Form = Literal["numbers", "channel", "packed", "alpha", "planes", "colours"]

UNSET = -1
"""The number of pixels that a mask marks as void: -1, "no data", and what is no number."""
_OPAQUE = 128
"""Opacity from which a pixel is painted."""


@dataclass(frozen=True)
class Encoding:
    """How the files of a data set hold classes.

    Attributes:
        form: `numbers`: one number per pixel, in one channel or in three equal ones; `channel`: in one channel of
            several, the others being 0; `packed`: red + 256 × green + 65536 × blue; `alpha`: in the alpha channel;
            `planes`: a channel a class; `colours`.
        channel: which channel it is.
        inverted: whether files in which small numbers are bright (TIFF's WhiteIsZero) are inverted.
        full: what 1 means in files that hold 0 and 1 alone, and 255 in those that hold 0 and 255; None leaves both.
        table: the colour table whose indices mean classes; files with another one are read by its colours.
        beneath: the colour of transparent pixels, whatever lies beneath; None leaves transparency out of account.
        unset: whether pixels that are in no plane are a class, 0, and plane k is k + 1.
    """

    form: Form = "numbers"
    channel: int = 0
    inverted: bool = False
    full: int | None = None
    table: tuple[Colour, ...] | None = None
    beneath: Colour | None = None
    unset: bool = False

    def numbers(self, mask: StoredMask, path: Path) -> NDArray[Any]:
        """Return the number of each pixel (H×W, integers), `UNSET` for void.

        Raises:
            UserError: naming the path, where the file holds something else than the others do.
        """
        values = self._single(mask, path)
        void = None
        if values.dtype.kind == "f":
            void = np.isnan(values)
            whole = np.where(void, 0, values)
            if (whole != np.rint(whole)).any() or (np.abs(whole) > 2**53).any():
                raise UserError(f"{path}: has fractions where the other masks have whole numbers; save all masks alike")
            values = whole.astype(np.int64)
        if mask.nodata is not None:
            missing = values == mask.nodata
            void = missing if void is None else void | missing
        if self.inverted and mask.white_is_zero and values.dtype.kind == "u":
            values = (1 if mask.one_bit else np.iinfo(values.dtype).max) - values
        if self.full is not None and values.size:
            largest = values.max()
            if largest == 1 or (largest == 255 and not ((values != 0) & (values != 255)).any()):
                values = (values != 0).astype(np.int32) * self.full
        if void is not None and void.any():
            values = np.where(void, UNSET, values.astype(np.int64))
        return values

    def colours(self, mask: StoredMask, path: Path) -> UInt8Array:
        """Return the colours of a mask, H×W×3; numbers as greys."""
        values = mask.values
        if self.form != "colours":
            values = self.numbers(mask, path)
        elif mask.table is not None:
            values = np.array(mask.table, dtype=np.uint8)[np.minimum(values, len(mask.table) - 1)]
        elif mask.one_bit:
            values = values * np.uint8(255)
        if values.dtype.kind in "iu" and values.dtype != np.uint8:
            deep = values.size and values.max() > 255
            values = (values.clip(0, 65535) // 257 if deep else values.clip(0, 255)).astype(np.uint8)
        elif values.dtype.kind == "f":
            values = (np.nan_to_num(values).clip(0, 1) * 255).round().astype(np.uint8)
        shown = for_display(values[:, :, None] if values.ndim == 2 else values)
        if self.beneath is not None and mask.alpha is not None:
            shown = np.where((mask.alpha < _OPAQUE)[:, :, None], np.array(self.beneath, np.uint8), shown)
        return shown

    def _single(self, mask: StoredMask, path: Path) -> NDArray[Any]:
        values = mask.values
        if self.form == "alpha":
            return np.full(values.shape[:2], 255, np.uint8) if mask.alpha is None else mask.alpha
        if values.ndim == 2:
            return values
        if self.form == "planes":
            return self._plane(values, path)
        if self.form == "packed":
            return pack(values)
        if self.form == "channel":
            others = [channel for channel in range(values.shape[2]) if channel != self.channel]
            if values[:, :, others].any():
                raise UserError(f"{path}: holds colours where the other masks have class values in one channel")
            return values[:, :, self.channel]
        if any((values[:, :, channel] != values[:, :, 0]).any() for channel in range(1, values.shape[2])):
            raise UserError(f"{path}: holds colours where the other masks hold numbers")
        return values[:, :, 0]

    def _plane(self, values: NDArray[Any], path: Path) -> NDArray[Any]:
        held = values != 0
        times = held.sum(axis=2)
        if (times > 1).any():
            first, second = np.flatnonzero(held[times > 1][0])[:2]
            raise UserError(
                f"{path}: {(times > 1).mean():.1%} of its pixels are in several channels, such as {first} and {second} "
                "(counted from 0); save masks with one class value per pixel"
            )
        if not self.unset and not times.all():
            raise UserError(
                f"{path}: {(times == 0).mean():.1%} of its pixels are in no channel, unlike in the other masks"
            )
        planes = held.argmax(axis=2).astype(np.uint16)
        return np.where(times > 0, planes + 1, 0) if self.unset else planes


PLAIN = Encoding()
COLOURS = Encoding("colours")


def read_mask(part: Part) -> StoredMask:
    """Read the part of a file that holds a mask, as it is stored.

    Raises:
        UserError: if the file cannot be read, or halved.
    """
    mask = read_stored(part.path)
    if part.half == "whole":
        return mask
    return mask._replace(values=half(mask.values, part), alpha=None if mask.alpha is None else half(mask.alpha, part))


def half(image: NDArray[Number], part: Part) -> NDArray[Number]:
    """Cut the part out of an image, H×W or H×W×C; raise UserError where its width is odd."""
    if part.half == "whole":
        return image
    width = image.shape[1]
    if width % 2:
        raise UserError(f"{part.path}: {width} pixels wide; two images side by side need an even width")
    middle = width // 2
    return np.ascontiguousarray(image[:, :middle] if part.half == "left" else image[:, middle:])
