"""What Pillow cannot read without loss: deep colours in PNG, deep or many-channelled TIFF, HEIC, and NumPy arrays."""

import contextlib
import logging
import math
from typing import Any, Literal, NamedTuple

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pairloom.images import heif
from pairloom.images.arrays import Picture
from pairloom.images.in_memory import ImageBytes, ImageFile, head, readable
from pairloom.images.turning import ORIENTATION, orientation, upright

Kind = Literal["npy", "png", "tiff", "heif"]

LARGEST_BYTES = 2**28
"""Maximum size of a decoded image, at 4 bytes per pixel or more: 8192×8192 pixels of 8 bits. Reading holds up to four
copies, less than 1 GiB."""
MOST_CHANNELS = 1024
"""More are a sign of axes in another order."""
PNG_HEAD = 26
"""Bytes up to the depth (the last but one) and the colour type (the last) of a PNG file."""
PNG_GREY, PNG_GREY_ALPHA = 0, 4
GDAL_NODATA = 42113
"""The tag in which GeoTIFF files name the number that stands for no data, as text (GDAL, GeoTIFF driver)."""
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
AUXILIARY = 0b101
"""Bits of a page's NewSubfileType: it is a smaller version of another page, or a mask of its valid pixels."""
COLOUR_SAMPLES = {tifffile.PHOTOMETRIC.MINISWHITE: 1, tifffile.PHOTOMETRIC.MINISBLACK: 1, tifffile.PHOTOMETRIC.RGB: 3}
"""Samples a pixel that the kind of a TIFF file explains; further ones are bands, or transparency."""
OTHER_COLOURS = (
    tifffile.PHOTOMETRIC.SEPARATED,
    tifffile.PHOTOMETRIC.CIELAB,
    tifffile.PHOTOMETRIC.ICCLAB,
    tifffile.PHOTOMETRIC.ITULAB,
    tifffile.PHOTOMETRIC.LOGL,
    tifffile.PHOTOMETRIC.LOGLUV,
)
"""Kinds of colours that tifffile returns as they are stored."""

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

    With `as_stored` every TIFF file is `tiff`, since Pillow inverts some of them.
    """
    if path.suffix.lower() == ".npy":
        return "npy"
    start = head(path, max(PNG_HEAD, heif.HEAD))
    if heif.is_heif(start):
        return "heif"
    if start.startswith(b"\x89PNG") and len(start) >= PNG_HEAD:
        depth, colour = start[24:PNG_HEAD]
        return "png" if depth == 16 and colour != PNG_GREY else None
    if not start.startswith(TIFF_MAGIC):
        return None
    if as_stored:
        return "tiff"
    with tifffile.TiffFile(readable(path)) as tiff:
        page = tiff.pages.first
        samples = page.samplesperpixel
        shallow = (
            page.dtype in (np.uint8, np.bool_)
            and samples <= 4
            and (len(tiff.pages) == 1 or _others_are_auxiliary(tiff))
        )
        explained = COLOUR_SAMPLES.get(tifffile.PHOTOMETRIC(page.photometric), samples)
        bands = len(_kept(page, samples)) > explained
        apart = samples > 1 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE
        if shallow and not bands and not apart:
            return None
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
            raise Unfit(f"holds numbers of a colour table in {samples} samples of {page.dtype}; convert it to RGB")
        return "tiff"


def inspect(path: ImageFile, kind: Kind) -> ImageInfo:
    """Return what `read` would, from the file's head."""
    if kind == "npy":
        array = _stored_array(path)
        require_bearable(*_picture_shape(array), array.itemsize)
        return ImageInfo(*_picture_shape(array), _dtype(array.dtype))
    if kind == "png":
        with Image.open(readable(path), formats=("PNG",)) as image:
            require_one_frame(image)
            require_bearable(image.height, image.width, _png_channels(path), 2)
            info = ImageInfo(image.height, image.width, _png_channels(path), "uint16")
            return _turned(info, orientation(image))
    if kind == "heif":
        image = heif.opened(path)
        width, height = image.size
        require_bearable(height, width, heif.channels(image), np.dtype(heif.dtype(image)).itemsize)
        return ImageInfo(height, width, heif.channels(image), heif.dtype(image))
    with tifffile.TiffFile(readable(path)) as tiff:
        page = tiff.pages.first
        (height, width, samples), _ = _tiff_shape(tiff)
        require_bearable(height, width, samples, _itemsize(page))
        info = ImageInfo(height, width, len(_kept(page, samples)), _dtype(page.dtype))
        return _turned(info, _tiff_orientation(page))


def read(path: ImageFile, kind: Kind, *, as_stored: bool = False) -> NDArray[Any]:
    """Read an image, H×W×C, turned upright; `checked` makes a picture of it.

    With `as_stored` the numbers of TIFF files whose 0 is white are not inverted.
    """
    if kind == "npy":
        array = _stored_array(path)
        require_bearable(*_picture_shape(array), array.itemsize)
        return np.array(array).reshape(_picture_shape(array))
    if kind == "png":
        with Image.open(readable(path), formats=("PNG",)) as image:
            require_one_frame(image)
            require_bearable(image.height, image.width, _png_channels(path), 2)
            number = orientation(image)
        pixels = imagecodecs.png_decode(path.read_bytes())
        return upright(pixels[:, :, : _png_channels(path)], number)
    if kind == "heif":
        image = heif.opened(path)
        width, height = image.size
        require_bearable(height, width, heif.channels(image), np.dtype(heif.dtype(image)).itemsize)
        pixels = heif.pixels(image)
        if pixels.shape[:2] != (height, width):
            raise Unfit("has another size than its header; save it again")
        return pixels
    with tifffile.TiffFile(readable(path)) as tiff:
        page = tiff.pages.first
        (height, width, samples), samples_first = _tiff_shape(tiff)
        require_bearable(height, width, samples, _itemsize(page))
        pixels = page.asarray() if _others_are_auxiliary(tiff) else tiff.series[0].asarray()
        if samples_first:
            pixels = np.moveaxis(pixels, 0, -1)
        kept = _kept(page, samples)
        pixels = pixels.reshape(height, width, samples)
        if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and pixels.dtype.kind in "bu" and not as_stored:
            pixels = ~pixels if pixels.dtype == np.bool_ else (1 << page.bitspersample) - 1 - pixels
        return upright(pixels if len(kept) == samples else pixels[:, :, kept], _tiff_orientation(page))


def no_data(page: tifffile.TiffPage) -> float | None:
    """Return the number that a page of a GeoTIFF file says stands for no data; None where it says no finite number."""
    tag = page.tags.get(GDAL_NODATA)
    with contextlib.suppress(ValueError):
        if tag is not None and math.isfinite(number := float(str(tag.value).strip("\0 "))):
            return number
    return None


def tiff_orientation(path: ImageFile) -> int:
    """Return the orientation that a TIFF file states, 1 to 8."""
    with tifffile.TiffFile(readable(path)) as tiff:
        return _tiff_orientation(tiff.pages.first)


def require_bearable(height: int, width: int, channels: int, itemsize: int) -> None:
    """Raise Unfit for an image that would take too much memory, whatever its file holds, or has no pixel."""
    if height < 1 or width < 1:
        raise Unfit(f"has no pixels: {width}×{height}")
    if height * width * max(4, channels * itemsize) > LARGEST_BYTES:
        raise Unfit(f"is too large, {width}×{height} pixels in {channels} channels; cut it into tiles, or reduce it")


def require_one_frame(image: Image.Image) -> None:
    """Raise Unfit for an animation."""
    # A JPEG file may hold a second picture (MPO), such as a map of its brightness; the first is the photograph. Pages
    # of TIFF files are told apart by what they are.
    if image.format not in ("TIFF", "MPO") and getattr(image, "is_animated", False):
        raise Unfit("holds several frames, and one image per file is expected; save each frame as a file")


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
    """Return height, width and samples per pixel, and whether the samples come first in the file's array.

    Raises:
        Unfit: for several images, and for colours that would be taken for others.
    """
    page = tiff.pages.first
    jpeg = page.compression in (tifffile.COMPRESSION.OJPEG, tifffile.COMPRESSION.JPEG)  # decoded to RGB
    if page.photometric in OTHER_COLOURS or (page.photometric == tifffile.PHOTOMETRIC.YCBCR and not jpeg):
        raise Unfit(f"holds {tifffile.PHOTOMETRIC(page.photometric).name} colours; convert it to RGB")
    alone = _others_are_auxiliary(tiff)
    axes, shape = (page.axes, page.shape) if alone else (tiff.series[0].axes, tiff.series[0].shape)
    sides = dict(zip(axes, shape, strict=True))
    order = "".join(axis for axis in axes if sides[axis] > 1 or axis in "YX")
    if not alone and (len(tiff.series) > 1 or order not in ("YX", "YXS", "SYX", "YXC", "CYX")):
        raise Unfit(f"holds {len(tiff.pages)} pages, axes {axes}; one image a file is expected, save each alone")
    samples = sides.get("S", 1) * sides.get("C", 1)
    if not 1 <= samples <= MOST_CHANNELS:
        raise Unfit(f"holds {samples} channels")
    return (sides["Y"], sides["X"], samples), order[:1] in ("S", "C")


def _others_are_auxiliary(tiff: tifffile.TiffFile) -> bool:
    """Tell whether there are several pages of which the first is the image, the others its overviews and masks.

    Raises:
        Unfit: for more pages than any image has.
    """
    # Counted first: page by page, tifffile follows a chain that leads back to itself for ever.
    count = len(tiff.pages)
    if count > MOST_CHANNELS:
        raise Unfit(f"holds {count} pages; one image a file is expected, save each alone")
    return count > 1 and all(getattr(tiff.pages[index], "subfiletype", 0) & AUXILIARY for index in range(1, count))


def _kept(page: tifffile.TiffPage, samples: int) -> list[int]:
    """Return which samples of a pixel are read: all but those that the file declares to be transparency.

    What it does not explain (TIFF 6.0, ExtraSamples: 0, or none where there are more than colours) is kept, such as the
    near infrared.
    """
    if samples != page.samplesperpixel:  # planes that are pages
        return list(range(samples))
    first = samples - len(page.extrasamples)
    alpha = {first + index for index, meaning in enumerate(page.extrasamples) if meaning in ALPHA}
    return [sample for sample in range(samples) if sample not in alpha] or [0]


def _tiff_orientation(page: tifffile.TiffPage) -> int:
    tag = page.tags.get(ORIENTATION)
    return int(tag.value) if tag is not None and tag.value in range(1, 9) else 1


def _turned(info: ImageInfo, number: int) -> ImageInfo:
    return info._replace(height=info.width, width=info.height) if number >= 5 else info
