"""What the images of one side of the pairs are, and how a model's sources are read."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import LARGEST_WIDTH
from pairloom.errors import UserError
from pairloom.images import (
    WHOLE,
    ImageFile,
    ImageInfo,
    Picture,
    UInt8Array,
    Values,
    as_indices,
    as_picture,
    colour_table,
    for_display,
    inspect,
    limits,
    picture_suffix,
    read_indices,
    read_picture,
    with_channels,
)
from pairloom.palette import Palette

Dtype = Literal["uint8", "uint16", "float32"]


@dataclass(frozen=True)
class ImageSpec:
    """What the images of one side are: class maps, or pictures of so many channels.

    Attributes:
        channels: of the pictures; class maps are drawn in 3.
        dtype: of the pictures' numbers: `uint8` (0 to 255), `uint16` (0 to 65535) or `float32` (0 to 1).
        palette: the classes of class maps; None for pictures.
        values: the range of the pictures' numbers where that is not the dtype's, and which number is no reading.
    """

    channels: int
    dtype: Dtype = "uint8"
    palette: Palette | None = None
    values: Values = WHOLE

    @property
    def suffix(self) -> str:
        """The ending of files that hold its pictures."""
        return picture_suffix(self.channels, self.dtype)

    @property
    def may_lack_readings(self) -> bool:
        """Whether pixels of its pictures may hold no reading."""
        return self.palette is None and (self.values.no_reading is not None or self.dtype == "float32")

    def draw(self, image: Picture) -> Picture:
        """Return an image as a picture, H×W×C: class ids (H×W) in their colours, pictures as they are."""
        return self.palette.to_colours(image.astype(np.uint8, copy=False)) if self.palette else image

    def display(self, image: Picture) -> UInt8Array:
        """Return an image as people see it, H×W×3 uint8: class ids (H×W) in their colours, pictures by their range."""
        return for_display(self.draw(image) if image.ndim == 2 else image, self.values)

    def to_record(self) -> dict[str, object]:
        """Return it as plain values for JSON; what its numbers mean only where a range or no reading is known."""
        record: dict[str, object] = {
            "channels": self.channels,
            "dtype": self.dtype,
            "palette": self.palette.to_record() if self.palette else None,
        }
        if self.values.range is not None:
            record["range"] = list(self.values.range)
        if self.values.no_reading is not None:
            record["no_reading"] = self.values.no_reading
        return record

    @classmethod
    def from_record(cls, record: Mapping[str, object], where: str) -> "ImageSpec":
        """Read `to_record` back; raise UserError that names `where` for anything else."""
        channels, dtype, palette = (record.get(name) for name in ("channels", "dtype", "palette"))
        if not isinstance(channels, int) or channels < 1 or dtype not in ("uint8", "uint16", "float32"):
            raise UserError(f"{where}: 'channels' or 'dtype' is missing or invalid")
        if palette is not None and not isinstance(palette, dict):
            raise UserError(f"{where}: 'palette' must be a mapping")
        known = Palette.from_record(palette, where) if palette is not None else None
        if channels > LARGEST_WIDTH or (known is not None and (channels, dtype) != (3, "uint8")):
            raise UserError(f"{where}: {channels} channels of {dtype} are invalid")
        values = _values(record, where)
        if known is not None and values != WHOLE:
            raise UserError(f"{where}: class maps have no 'range' and no 'no_reading'")
        return cls(channels, dtype, known, values)


def _values(record: Mapping[str, object], where: str) -> Values:
    ends, no_reading = record.get("range"), record.get("no_reading")
    if ends is not None:
        if not isinstance(ends, list) or len(ends) != 2 or not all(map(_is_number, ends)) or not ends[0] < ends[1]:
            raise UserError(f"{where}: 'range' must be two numbers, the lower one first")
        ends = (float(ends[0]), float(ends[1]))
    if no_reading is not None and not _is_number(no_reading):
        raise UserError(f"{where}: 'no_reading' must be a number")
    return Values(ends, None if no_reading is None else float(no_reading))  # type: ignore[arg-type]  # a number


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def read_source(file: ImageFile, side: ImageSpec) -> Picture:
    """Read a file, on disk or in memory, that a model is to translate: H×W×C with its sources' channels in training.

    Sources that were class maps in training may come as such, or as the pictures that their colours make.

    Raises:
        UserError: for files that cannot be read, or whose channels or numbers are not the model's.
    """
    palette = side.palette
    if palette is not None and (inspect(file).channels == 1 or colour_table(file) is not None):
        return palette.to_colours(palette.from_values(read_indices(file), str(file)))
    picture = read_picture(file, any_number=side.values.range is not None)
    return with_channels(_in_units(picture, side, str(file)), side.channels, str(file))


def as_source(image: Image.Image | NDArray[Any], side: ImageSpec) -> Picture:
    """Take an image that is in memory, Pillow's or an array (H×W or H×W×C), as `read_source` takes one in a file.

    Raises:
        UserError: for numbers out of range, and for what cannot be brought to the model's channels.
    """
    mapped = image.mode in ("L", "P", "1") if isinstance(image, Image.Image) else image.ndim == 2
    if side.palette is not None and mapped:
        return side.palette.to_colours(side.palette.from_values(as_indices(image), "the image"))
    picture = as_picture(image, any_number=side.values.range is not None)
    return with_channels(_in_units(picture, side, "the image"), side.channels, "the image")


def _in_units(picture: Picture, side: ImageSpec, where: str) -> Picture:
    """Refuse pictures of 8 bits where a model knows the range of deeper ones: they were scaled by somebody else."""
    if picture.dtype == np.uint8 and side.dtype != "uint8" and side.values.range is not None:
        raise UserError(
            f"{where}: has 8 bits, but this model's sources are {side.dtype}{side.values}; "
            "use the original values, not rescaled to 8 bits"
        )
    return picture


def common_spec(
    images: Sequence[ImageInfo], channels: int | None, palette: Palette | None, values: Values = WHOLE
) -> ImageSpec:
    """Return what the images of one side have in common.

    Args:
        images: what each of them is.
        channels: how many the pictures are to have; None takes the number that all have, or 3 where some are
            greyscale and others coloured.
        palette: the classes, where they are class maps.
        values: what the numbers of pictures mean.

    Raises:
        UserError: for class maps in any number of channels but 3, and for a range of pictures some of which have 8 bits
            and others more.
    """
    if palette is not None:
        if channels not in (None, 3):
            raise UserError(f"class maps are drawn in 3 channels, not {channels}; leave out model.in/out_channels")
        return ImageSpec(3, "uint8", palette)
    counts = {image.channels for image in images}
    dtypes = {image.dtype for image in images}
    deepest: Dtype = "float32" if "float32" in dtypes else "uint16" if "uint16" in dtypes else "uint8"
    if values.range is not None:
        if "uint8" in dtypes and deepest != "uint8":
            raise UserError(
                f"some pictures have 8 bits and others are {deepest}, so no range fits all; convert them to one "
                "dtype, or set data.range (of sources data.source_range) to whole"
            )
        low, high = limits(deepest)
        if deepest != "float32" and not low <= values.range[0] < values.range[1] <= high:
            deepest = "float32"  # which has the numbers that those of the files lack
    return ImageSpec(channels or (3 if counts == {1, 3} else max(counts)), deepest, values=values)
