"""What the images of one side of the pairs are, and how their files are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import LARGEST_WIDTH
from pairloom.data.layouts import Part
from pairloom.data.layouts.cityscapes import label_kind
from pairloom.errors import UserError
from pairloom.images import (
    ImageFile,
    ImageInfo,
    Picture,
    UInt8Array,
    as_indices,
    as_picture,
    colour_table,
    for_display,
    inspect,
    picture_suffix,
    read_indices,
    read_picture,
    with_channels,
)
from pairloom.palette import CITYSCAPES_TRAIN_IDS, Colour, Palette

Number = TypeVar("Number", bound=np.generic)
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


class Reader(Protocol):
    """Reads the files of one side; `key` tells readers that would read a file differently apart."""

    key: str

    def read(self, part: Part) -> Picture:
        """Decode one image: class ids H×W, or a picture H×W×C; raise UserError, with the file's name, where not."""


class PictureReader:
    """Reads pictures as they are."""

    key = "picture"

    def read(self, part: Part) -> Picture:
        """Return the picture, H×W×C."""
        return half(read_picture(part.path), part)


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
