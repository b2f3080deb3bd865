"""What the images of one side of the pairs are, and how a model's sources are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import LARGEST_WIDTH
from pairloom.errors import UserError
from pairloom.images import (
    ImageFile,
    ImageInfo,
    Picture,
    as_indices,
    as_picture,
    colour_table,
    inspect,
    picture_suffix,
    read_indices,
    read_picture,
    with_channels,
)
from pairloom.palette import Palette

Dtype = Literal["uint8", "uint16", "float32"]


@dataclass(frozen=True)
class Side:
    """What the images of one side are: class maps, or pictures of so many channels.

    Attributes:
        channels: of the pictures; class maps are drawn in 3.
        dtype: of the pictures' numbers: `uint8` (0 to 255), `uint16` (0 to 65535) or `float32` (0 to 1).
        palette: the classes of class maps; None for pictures.
    """

    channels: int
    dtype: Dtype = "uint8"
    palette: Palette | None = None

    @property
    def suffix(self) -> str:
        """The ending of files that hold its pictures."""
        return picture_suffix(self.channels, self.dtype)

    def draw(self, image: Picture) -> Picture:
        """Return an image as a picture, H×W×C: class ids (H×W) in their colours, pictures as they are."""
        return self.palette.to_colours(image.astype(np.uint8, copy=False)) if self.palette else image

    def to_record(self) -> dict[str, object]:
        """Return it as plain values for JSON."""
        return {
            "channels": self.channels,
            "dtype": self.dtype,
            "palette": self.palette.to_record() if self.palette else None,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, object], where: str) -> "Side":
        """Read `to_record` back; raise UserError that names `where` for anything else."""
        channels, dtype, palette = (record.get(name) for name in ("channels", "dtype", "palette"))
        if not isinstance(channels, int) or channels < 1 or dtype not in ("uint8", "uint16", "float32"):
            raise UserError(f"{where}: tells no number of channels and kind of number")
        if palette is not None and not isinstance(palette, dict):
            raise UserError(f"{where}: its palette is none")
        known = Palette.from_record(palette, where) if palette is not None else None
        if channels > LARGEST_WIDTH or (known is not None and (channels, dtype) != (3, "uint8")):
            raise UserError(f"{where}: {channels} channels of {dtype} are none that its images can have")
        return cls(channels, dtype, known)


def read_source(file: ImageFile, side: Side) -> Picture:
    """Read a file, on disk or in memory, that a model is to translate: H×W×C with its sources' channels in training.

    Sources that were class maps in training may come as such, or as the pictures that their colours make.

    Raises:
        UserError: for files that cannot be read, or whose channels cannot be brought to the model's.
    """
    palette = side.palette
    if palette is not None and (inspect(file).channels == 1 or colour_table(file) is not None):
        return palette.to_colours(palette.from_values(read_indices(file), str(file)))
    return with_channels(read_picture(file), side.channels, str(file))


def as_source(image: Image.Image | NDArray[Any], side: Side) -> Picture:
    """Take an image that is in memory, Pillow's or an array (H×W or H×W×C), as `read_source` takes one in a file.

    Raises:
        UserError: for numbers out of range, and for what cannot be brought to the model's channels.
    """
    mapped = image.mode in ("L", "P", "1") if isinstance(image, Image.Image) else image.ndim == 2
    if side.palette is not None and mapped:
        return side.palette.to_colours(side.palette.from_values(as_indices(image), "the image"))
    return with_channels(as_picture(image), side.channels, "the image")


def common_side(images: Sequence[ImageInfo], channels: int | None, palette: Palette | None) -> Side:
    """Return what the images of one side have in common.

    Args:
        images: what each of them is.
        channels: how many the pictures are to have; None takes the number that all have, or 3 where some are
            greyscale and others coloured.
        palette: the classes, where they are class maps.

    Raises:
        UserError: for class maps in any number of channels but 3.
    """
    if palette is not None:
        if channels not in (None, 3):
            raise UserError(f"class maps are drawn in 3 channels, not {channels}; leave model.in/out_channels alone")
        return Side(3, "uint8", palette)
    counts = {image.channels for image in images}
    dtypes = {image.dtype for image in images}
    deepest: Dtype = "float32" if "float32" in dtypes else "uint16" if "uint16" in dtypes else "uint8"
    return Side(channels or (3 if counts == {1, 3} else max(counts)), deepest)
