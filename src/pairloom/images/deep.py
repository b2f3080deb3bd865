"""What Pillow cannot read without loss: deep colours in PNG, deep or many-channelled TIFF, and NumPy arrays."""

import logging
from typing import Any, Literal, NamedTuple

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pairloom.images.arrays import Picture
from pairloom.images.in_memory import ImageBytes, ImageFile, head, readable
from pairloom.images.turning import ORIENTATION, orientation, upright

Kind = Literal["npy", "png", "tiff"]

LARGEST_BYTES = 2**28
"""A decoded image may take so much, at 4 bytes a pixel or more: 8192×8192 pixels of 8 bits. While it is read it is held
up to four times, which stays below a gibibyte."""
MOST_CHANNELS = 1024
"""More are a sign of axes in another order."""
PNG_HEAD = 26
"""Bytes up to the depth (the last but one) and the colour type (the last) of a PNG file."""
PNG_GREY, PNG_GREY_ALPHA = 0, 4
GDAL_NODATA = 42113
"""The tag in which GeoTIFF files name the number that stands for no data, as text (GDAL, GeoTIFF driver)."""
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Damaged files are told to the user by name; tifffile's own complaints would come on top of that.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


class Unfit(ValueError):  # noqa: N818 (it becomes a UserError with the file's name)
    """The file can be read, but holds what cannot be used; the message says what to do."""


class ImageInfo(NamedTuple):
    """What `read_picture` would return."""

    height: int
    width: int
    channels: int
    dtype: str


def kind(path: ImageFile, *, as_stored: bool = False) -> Kind | None:
    """Tell what reads a file; None for what Pillow reads without loss.

    With `as_stored` that is no TIFF, since Pillow inverts some of them.
    """
    if path.suffix.lower() == ".npy":
        return "npy"
    start = head(path, PNG_HEAD)
    if start.startswith(b"\x89PNG") and len(start) == PNG_HEAD:
        depth, colour = start[24:]
        return "png" if depth == 16 and colour != PNG_GREY else None
    if not start.startswith(TIFF_MAGIC):
        return None
    if as_stored:
        return "tiff"
    with tifffile.TiffFile(readable(path)) as tiff:
        page = tiff.pages.first
        shallow = page.dtype in (np.uint8, np.bool_) and page.samplesperpixel <= 4 and len(tiff.pages) == 1
        many = page.samplesperpixel > 1
        bands = many and not _last_is_alpha(page) and page.photometric <= tifffile.PHOTOMETRIC.MINISBLACK
        apart = many and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
        return None if shallow and not bands and not apart else "tiff"


def inspect(path: ImageFile, kind: Kind) -> ImageInfo:
    """Return what `read` would, from the file's head."""
    if kind == "npy":
        array = _stored_array(path)
        require_bearable(*_picture_shape(array), array.itemsize)
        return ImageInfo(*_picture_shape(array), _dtype(array.dtype))
    if kind == "png":
        with Image.open(readable(path), formats=("PNG",)) as image:
            require_bearable(image.height, image.width, _png_channels(path), 2)
            info = ImageInfo(image.height, image.width, _png_channels(path), "uint16")
            return _turned(info, orientation(image))
    with tifffile.TiffFile(readable(path)) as tiff:
        page = tiff.pages.first
        (height, width, channels), _ = _tiff_shape(tiff)
        require_bearable(height, width, page.samplesperpixel, _itemsize(page))
        return _turned(ImageInfo(height, width, channels, _dtype(page.dtype)), _tiff_orientation(page))


def read(path: ImageFile, kind: Kind) -> NDArray[Any]:
    """Read an image as it is stored, H×W×C, turned upright; `checked` makes a picture of it."""
    if kind == "npy":
        array = _stored_array(path)
        require_bearable(*_picture_shape(array), array.itemsize)
        return np.array(array).reshape(_picture_shape(array))
    if kind == "png":
        with Image.open(readable(path), formats=("PNG",)) as image:
            require_bearable(image.height, image.width, _png_channels(path), 2)
            number = orientation(image)
        pixels = imagecodecs.png_decode(path.read_bytes())
        return upright(pixels[:, :, : _png_channels(path)], number)
    with tifffile.TiffFile(readable(path)) as tiff:
        page = tiff.pages.first
        (height, width, channels), channels_first = _tiff_shape(tiff)
        require_bearable(height, width, page.samplesperpixel, _itemsize(page))
        pixels = tiff.series[0].asarray()
        if channels_first:
            pixels = np.moveaxis(pixels, 0, -1)
        pixels = pixels.reshape(height, width, -1)[:, :, :channels]
        return upright(pixels, _tiff_orientation(page))


def no_data(path: ImageFile) -> float | None:
    """Return the number that a GeoTIFF file says stands for no data; None for files that say nothing.

    Raises:
        Unfit: where what it says is no number.
    """
    if not head(path, PNG_HEAD).startswith(TIFF_MAGIC):
        return None
    with tifffile.TiffFile(readable(path)) as tiff:
        tag = tiff.pages.first.tags.get(GDAL_NODATA)
    if tag is None:
        return None
    try:
        return float(str(tag.value).strip("\0 "))
    except ValueError:
        raise Unfit(f"names {str(tag.value)[:40]!r} as its number for no data; correct its tag GDAL_NODATA") from None


def require_bearable(height: int, width: int, channels: int, itemsize: int) -> None:
    """Raise Unfit for an image that would take too much memory, whatever its file holds, or has no pixel."""
    if height < 1 or width < 1:
        raise Unfit(f"has no pixels: {width}×{height}")
    if height * width * max(4, channels * itemsize) > LARGEST_BYTES:
        raise Unfit(f"is too large, {width}×{height} pixels in {channels} channels; cut it into tiles, or reduce it")


def _itemsize(page: tifffile.TiffPage) -> int:
    return page.dtype.itemsize if page.dtype is not None else 1


def checked(values: NDArray[Any], *, any_number: bool = False) -> Picture:
    """Bring numbers of any kind to one that pictures have, uint8, uint16 or float32, and refuse what is out of range.

    The kind decides, not the numbers: all integers but uint8 become uint16, all floats float32.

    Args:
        values: the numbers.
        any_number: refuse none: integers outside 0 to 65535 become float32, and floats may be any, NaN as well.

    Raises:
        Unfit: for fractions outside 0 to 1, integers outside 0 to 65535, and what is no number.
    """
    dtype = _dtype(values.dtype)
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if dtype == "float32":
        if not any_number and not ((values >= 0) & (values <= 1)).all():  # NaN is refused too
            raise Unfit(
                "holds numbers outside 0 to 1; name their range by --data.range (of sources --data.source_range), "
                "scale them to 0 to 1, or save whole numbers of 8 or 16 bits"
            )
    elif values.size and not (values.min() >= 0 and values.max() <= np.iinfo(dtype).max):
        if not any_number:
            raise Unfit(
                "holds whole numbers outside 0 to 65535; name their range by --data.range (of sources "
                "--data.source_range), or scale them to that"
            )
        dtype = "float32"
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is no reading
        return values.astype(dtype)


def as_picture(array: NDArray[Any], *, any_number: bool = False) -> Picture:
    """Take an array as the contents of a `.npy` file; raise Unfit for what cannot be a picture."""
    return checked(array.reshape(_picture_shape(array)), any_number=any_number)


def _dtype(dtype: np.dtype[np.generic] | None) -> str:
    if dtype is None:
        raise Unfit("holds samples of a kind that is not known; convert it")
    if dtype in (np.uint8, np.bool_):
        return "uint8"
    if np.issubdtype(dtype, np.integer):
        return "uint16"
    if np.issubdtype(dtype, np.floating):
        return "float32"
    raise Unfit(f"holds {dtype}, not numbers; save whole numbers of 8 or 16 bits, or floats from 0 to 1")


def _png_channels(path: ImageFile) -> int:
    """Return the channels of a deep PNG file without alpha."""
    return 1 if head(path, PNG_HEAD)[25] == PNG_GREY_ALPHA else 3


def _stored_array(path: ImageFile) -> NDArray[Any]:
    array: NDArray[Any] = (
        np.load(path.open(), allow_pickle=False)
        if isinstance(path, ImageBytes)
        else np.load(path, mmap_mode="r", allow_pickle=False)  # so that sides that lie cost no memory
    )
    return array


def _picture_shape(array: NDArray[np.generic]) -> tuple[int, int, int]:
    shape = (*array.shape, 1) if array.ndim == 2 else array.shape
    if len(shape) != 3 or not all(shape) or shape[2] > MOST_CHANNELS:
        raise Unfit(f"has the shape {array.shape}; height × width, or height × width × channels is expected")
    return shape


def _tiff_shape(tiff: tifffile.TiffFile) -> tuple[tuple[int, int, int], bool]:
    """Return height, width and channels without alpha, and whether the channels come first in the file's array."""
    # Counted first: page by page, tifffile follows a chain that leads back to itself for ever.
    if len(tiff.pages) > MOST_CHANNELS:
        raise Unfit(f"holds {len(tiff.pages)} pages; one image a file is expected, save each alone")
    series, page = tiff.series[0], tiff.pages.first
    axes = "".join(axis for axis, side in zip(series.axes, series.shape, strict=True) if side > 1 or axis in "YX")
    sides = dict(zip(series.axes, series.shape, strict=True))
    if len(tiff.series) > 1 or axes not in ("YX", "YXS", "SYX", "YXC", "CYX"):
        raise Unfit(f"holds {len(tiff.pages)} pages, axes {series.axes}; one image a file is expected, save each alone")
    channels = sides.get("S", 1) * sides.get("C", 1)
    if not 1 <= channels <= MOST_CHANNELS:
        raise Unfit(f"holds {channels} channels")
    if channels in (2, 4) and _last_is_alpha(page):
        channels -= 1
    return (sides["Y"], sides["X"], channels), axes[:1] in ("S", "C")


def _last_is_alpha(page: tifffile.TiffPage) -> bool:
    """Tell whether the last sample of each pixel is transparency (TIFF 6.0, ExtraSamples)."""
    return bool(page.extrasamples) and page.extrasamples[-1] in (
        tifffile.EXTRASAMPLE.ASSOCALPHA,
        tifffile.EXTRASAMPLE.UNASSALPHA,
    )


def _tiff_orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get(ORIENTATION)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def _turned(info: ImageInfo, number: int) -> ImageInfo:
    return info._replace(height=info.width, width=info.height) if number >= 5 else info
