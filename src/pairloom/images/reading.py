"""Image files into arrays: any kind of pixel, depth and channels kept, turned upright, or refused by name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from pairloom.errors import UserError
from pairloom.files import NOT_FETCHED
from pairloom.images import deep
from pairloom.images.arrays import Picture, UInt8Array, pixels_of
from pairloom.images.deep import ImageInfo
from pairloom.images.formats import READABLE, is_lfs_pointer, opened
from pairloom.images.in_memory import ImageFile, head, readable
from pairloom.images.turning import NOTES_HEAD, may_be_turned, orientation, upright

MODES: Mapping[str, tuple[int, str]] = {
    **dict.fromkeys(("1", "L", "LA", "La"), (1, "uint8")),
    **dict.fromkeys(("P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "CMYK", "YCbCr", "LAB", "HSV"), (3, "uint8")),
    **dict.fromkeys(("I;16", "I;16L", "I;16B", "I;16N", "I"), (1, "uint16")),
    "F": (1, "float32"),
}
"""Channels and kind of number of each of Pillow's modes."""


def inspect(path: ImageFile) -> ImageInfo:
    """Look at an image file's head only.

    A GIF image whose colours are all grey has 1 channel.

    Raises:
        UserError: if the file is missing or not an image.
    """
    with _named(path):
        if kind := deep.kind(path):
            return deep.inspect(path, kind)
        with opened(path) as image:
            _require_fit(image)
            channels, dtype = (1, "uint8") if _greys(image) is not None else MODES[image.mode]
            height, width = image.height, image.width
            if orientation(image) >= 5 and image.format != "TIFF":  # whose sides Pillow has exchanged already
                height, width = width, height
            return ImageInfo(height, width, channels, dtype)


def read_picture(path: ImageFile, *, any_number: bool = False) -> Picture:
    """Read an image file: H×W×C, turned upright by its EXIF orientation.

    Greyscale has 1 channel, colours have 3 (palettes and CMYK are converted, transparency is dropped), other files as
    many as they hold, among them the bands of a TIFF file that it does not explain. 8 bits are uint8, more are uint16,
    floats float32, which must lie within 0 to 1. In `.npy` the dtype decides: uint8 is 8 bits, every other integer 16.

    Args:
        path: the file.
        any_number: refuse no number: floats are returned in their own units, NaN as well, and integers outside 0 to
            65535 as float32.

    Raises:
        UserError: if the file is missing, damaged, not an image, or out of range.
    """
    with _named(path):
        if kind := deep.kind(path):
            return deep.checked(deep.read(path, kind), any_number=any_number)
        with opened(path) as image:
            _require_fit(image)
            return _picture(image, any_number=any_number)


class ReducedPicture(NamedTuple):
    """A picture of which each pixel averages `step` × `step` of the file's."""

    picture: Picture
    """H×W×C."""
    step: int
    """1, 2, 4 or 8."""
    height: int
    width: int
    """Of the picture in the file."""


def read_reduced(path: ImageFile, longest: int) -> ReducedPicture:
    """Read a picture as `read_picture` does, but at a half, a quarter or an eighth of its size where that saves time.

    JPEG files are decoded so, as long as `longest` pixels remain of the longer side, and are read to their end; others
    are read at their size.

    Raises:
        UserError: as `read_picture` does.
    """
    with _named(path):
        if deep.kind(path) is None:
            with opened(path) as image:
                _require_fit(image)
                width, height = image.size
                wanted = max(1, round(max(image.size) / longest))
                steps = (8, 4, 2, 1) if image.format == "JPEG" else (1,)
                step = next(step for step in steps if wanted % step == 0 and step <= min(image.size))
                if step > 1:
                    image.draft(None, (width // step, height // step))
                picture = _picture(image)
                turned = picture.shape[0] != -(-height // step)
                return ReducedPicture(picture, step, *((width, height) if turned else (height, width)))
    picture = read_picture(path)
    return ReducedPicture(picture, 1, *picture.shape[:2])


def exif_orientation(path: ImageFile) -> int:
    """Return how a file says that its image is turned, 1 to 8 as EXIF has them; 1 where it says nothing.

    Only its head is read. HEIC files, which every reader turns by notes of their own, and arrays have none.

    Raises:
        UserError: if the file is missing or not an image.
    """
    with _named(path):
        if path.suffix.lower() != ".npy" and not may_be_turned(head(path, NOTES_HEAD)):
            return 1
        kind = deep.kind(path, as_stored=True)
        if kind == "tiff":
            return deep.tiff_orientation(path)
        if kind in ("npy", "heif"):
            return 1
        with opened(path) as image:
            return orientation(image)


def as_picture(image: Image.Image | NDArray[Any], *, any_number: bool = False) -> Picture:
    """Take an image that is in memory, Pillow's or an array (H×W or H×W×C), as `read_picture` takes one in a file.

    Raises:
        UserError: for numbers out of range, and for other shapes.
    """
    with _named("the image"):
        if isinstance(image, Image.Image):
            return _picture(image, any_number=any_number)
        return deep.as_picture(image, any_number=any_number)


def no_data(path: ImageFile) -> float | None:
    """Return the number that a GeoTIFF file says stands for no data; None for files that say no finite number.

    Raises:
        UserError: if the file cannot be read.
    """
    with _named(path):
        if not head(path, deep.PNG_HEAD).startswith(deep.TIFF_MAGIC):
            return None
        with tifffile.TiffFile(readable(path)) as tiff:
            return deep.no_data(tiff.pages.first)


def _picture(image: Image.Image, *, any_number: bool = False) -> Picture:
    image.load()
    channels, dtype = MODES[image.mode]
    if (greys := _greys(image)) is not None:
        return np.take(greys, pixels_of(image))[:, :, None]
    if dtype != "uint8":
        pixels = deep.checked(pixels_of(image), any_number=any_number)[:, :, None]
    elif channels == 1:
        pixels = pixels_of(image.convert("L"))[:, :, None]
    else:
        # Pillow warns of palettes with transparency unless they go by way of RGBA.
        coloured = image.convert("RGBA") if "transparency" in image.info else image
        pixels = pixels_of(coloured if coloured.mode == "RGB" else coloured.convert("RGB"))
    return upright(pixels, orientation(image))


def _greys(image: Image.Image) -> UInt8Array | None:
    """Return the grey level of each index of a GIF image whose colours are all grey; None for other images.

    GIF has no greyscale: it stores such images as the indices of the levels that occur, other ones in each file.
    """
    if image.format != "GIF" or image.mode != "P" or image.palette is None:
        return None
    table = np.frombuffer(bytes(image.palette.palette), np.uint8)
    colours = table[: len(table) // 3 * 3].reshape(-1, 3)
    if (colours != colours[:, :1]).any():
        return None
    levels = np.zeros(256, np.uint8)
    levels[: len(colours)] = colours[:, 0]
    return levels


def _scale(image: Image.Image) -> float:
    """Return by what Pillow will multiply the numbers of an image that is not decoded yet, to fill 8 or 16 bits."""
    if image.format == "PNG" and (bits := _coding(image)) in ("L;2", "L;4"):
        return 255 / (2.0 ** int(bits[-1]) - 1)
    if image.format == "PPM" and isinstance(coding := _coding(image), tuple):
        return float(255 if image.mode == "L" else 65535) / int(coding[1])
    return 1.0


def _require_fit(image: Image.Image) -> None:
    """Raise Unfit for what is too large to be decoded, and for what Pillow would reduce to 8 bits."""
    channels, dtype = MODES[image.mode]
    deep.require_bearable(image.height, image.width, channels, np.dtype(dtype).itemsize)
    coding = _coding(image)
    if image.format == "PPM" and image.mode == "RGB" and isinstance(coding, tuple) and int(coding[1]) > 255:
        raise deep.Unfit("holds colours of more than 8 bits, which are not read from PPM; save it as PNG or TIFF")


def _coding(image: Image.Image) -> Any:
    """Return how an image that is not decoded yet is coded: for PNG the raw mode, for PPM it and the largest value."""
    tiles = getattr(image, "tile", [])
    return tiles[0].args if tiles else None


def colour_table(path: ImageFile) -> tuple[tuple[int, int, int], ...] | None:
    """Return the colours of a palette image by index; None for other images.

    Raises:
        UserError: if the file is missing or not an image.
    """
    with _named(path):
        if deep.kind(path):
            return None
        with opened(path) as image:
            _require_fit(image)
            table = image.getpalette("RGB") if image.mode == "P" and _greys(image) is None else None
    if table is None:
        return None
    return tuple((table[start], table[start + 1], table[start + 2]) for start in range(0, len(table), 3))


@contextmanager
def _named(path: ImageFile | str) -> Iterator[None]:
    """Turn what readers raise into messages with the file's name."""
    try:
        yield
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise UserError(f"{path}: is a folder, not an image") from error
    except deep.Unfit as error:
        raise UserError(f"{path}: {error}") from error
    except UserError:
        raise
    # Readers raise whatever damaged bytes have led them to: errors of a dozen kinds, and of any library below them.
    except Exception as error:
        if not isinstance(path, str) and is_lfs_pointer(path):
            raise UserError(f"{path}: {NOT_FETCHED}") from error
        if isinstance(error, UnidentifiedImageError):
            raise UserError(f"{path}: not an image that can be read ({READABLE})") from error
        raise UserError(f"{path}: the image is damaged or too large ({' '.join(str(error).split())})") from error
