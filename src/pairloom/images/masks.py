"""Masks as their files store them: numbers of any kind, transparency, colour tables and values for "no data" kept."""

from typing import Any, NamedTuple

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pairloom.images import deep
from pairloom.images.arrays import UInt8Array, pixels_of
from pairloom.images.formats import opened
from pairloom.images.in_memory import ImageFile, readable
from pairloom.images.reading import MODES, _greys, _named, _require_fit, _scale, colour_table
from pairloom.images.turning import orientation, upright

_NO_INDEX = "holds {} where one class value per pixel was expected"
_LOSSY = ("JPEG", "MPO")
_LOSSY_TIFF = (tifffile.COMPRESSION.JPEG, tifffile.COMPRESSION.OJPEG, tifffile.COMPRESSION.WEBP)
_DIRECT_MODES = frozenset({"1", "L", "P", "I", "F"})


class StoredMask(NamedTuple):
    """What a file holds, turned upright, before anything is read into it."""

    values: NDArray[Any]
    """H×W numbers (for a colour table, its indices; of yes and no, 1 and 0), or H×W×C channels without alpha."""
    alpha: UInt8Array | None = None
    """Opacity, H×W, 0 to 255; None where the file has none."""
    table: tuple[tuple[int, int, int], ...] | None = None
    """The colour of each index; None without a colour table."""
    one_bit: bool = False
    """Whether the file tells yes from no alone: 1-bit images and booleans."""
    white_is_zero: bool = False
    """Whether small numbers are bright (TIFF's WhiteIsZero); `values` are as stored."""
    nodata: float | None = None
    """The number that stands for "no data" in a GeoTIFF."""
    lossy: bool = False
    """Whether the file's compression changes numbers."""


def read_stored(path: ImageFile) -> StoredMask:
    """Read an image file without interpreting its numbers.

    Raises:
        UserError: if the file is missing, damaged, not an image, or too large.
    """
    with _named(path):
        kind = deep.kind(path, as_stored=True)
        if kind == "tiff":
            return _stored_tiff(path)
        if kind is not None:
            values = _squeezed(deep.read(path, kind, as_stored=True))
            return StoredMask(_numbers(values), one_bit=values.dtype == np.bool_)
        return _stored_by_pillow(path)


def read_indices(path: ImageFile) -> NDArray[np.uint8 | np.uint16]:
    """Read an image file as it is stored: one number a pixel (H×W), which for palette images is the index.

    Raises:
        UserError: if the file cannot be read, or holds colours or fractions.
    """
    mask = read_stored(path)
    with _named(path):
        if mask.alpha is not None:
            raise deep.Unfit(_NO_INDEX.format("LA pixels" if mask.values.ndim == 2 else "RGBA pixels"))
        return _indices(mask.values)


def as_indices(image: Image.Image | NDArray[Any]) -> NDArray[np.uint8 | np.uint16]:
    """Take an image that is in memory as `read_indices` takes one in a file.

    Raises:
        UserError: if it holds colours or fractions.
    """
    with _named("the image"):
        return _indices(np.asarray(image))


def _indices(values: NDArray[Any]) -> NDArray[np.uint8 | np.uint16]:
    """Return whole numbers of 8 or 16 bits; of yes and no, 1 and 0."""
    if values.ndim == 3:
        rgb = values.shape[2] == 3 and values.dtype == np.uint8
        raise deep.Unfit(_NO_INDEX.format("RGB pixels" if rgb else f"{values.shape[2]} channels of {values.dtype}"))
    if values.ndim != 2 or values.dtype.kind not in "bui":
        raise deep.Unfit(_NO_INDEX.format(f"{values.dtype} numbers of the shape {values.shape}"))
    return values.astype(np.uint8) if values.dtype == np.bool_ else deep.checked(values)  # type: ignore[return-value]


def _stored_tiff(path: ImageFile) -> StoredMask:
    with tifffile.TiffFile(readable(path)) as tiff:
        page = tiff.pages.first
        samples, photometric = page.samplesperpixel, page.photometric
        one_bit = page.bitspersample == 1
        lossy = page.compression in _LOSSY_TIFF
        nodata = deep.no_data(page)
    if samples > 1 and deep.kind(path) is None:
        return _stored_by_pillow(path)._replace(nodata=nodata, lossy=lossy)
    values = _squeezed(deep.read(path, "tiff", as_stored=True))
    return StoredMask(
        _numbers(values),
        table=colour_table(path) if photometric == tifffile.PHOTOMETRIC.PALETTE and values.dtype == np.uint8 else None,
        one_bit=one_bit,
        white_is_zero=photometric == tifffile.PHOTOMETRIC.MINISWHITE,
        nodata=nodata,
        lossy=lossy,
    )


def _stored_by_pillow(path: ImageFile) -> StoredMask:
    with opened(path) as image:
        _require_fit(image)
        scale, mode = _scale(image), image.mode
        lossy = image.format in _LOSSY
        table = image.getpalette("RGB") if mode == "P" else None
        image.load()
        number = orientation(image)
        alpha = None
        if mode in _DIRECT_MODES or mode.startswith("I;16"):
            values = pixels_of(image)
            if (greys := _greys(image)) is not None:
                values, table = np.take(greys, values), None
            if scale != 1:
                values = (values / scale).round().astype(values.dtype)
        else:
            grey = MODES[mode][0] == 1
            if mode in ("LA", "La", "RGBA", "RGBa", "PA") or "transparency" in image.info:
                whole = image.convert("RGBA")
                values, alpha = pixels_of(whole.convert("RGB")), pixels_of(whole.getchannel("A"))
            else:
                values = pixels_of(image if mode == "RGB" else image.convert("RGB"))
            values = values[:, :, 0] if grey else values
    return StoredMask(
        upright(_numbers(values), number),
        None if alpha is None else upright(alpha, number),
        None if table is None else tuple(zip(table[::3], table[1::3], table[2::3], strict=True)),
        one_bit=mode == "1",
        lossy=lossy,
    )


def _squeezed(values: NDArray[Any]) -> NDArray[Any]:
    return values[:, :, 0] if values.shape[2] == 1 else values


def _numbers(values: NDArray[Any]) -> NDArray[Any]:
    """Return yes and no as 1 and 0, and refuse what is no number."""
    if values.dtype.kind not in "buif":
        raise deep.Unfit(f"holds {values.dtype}, not numbers; save whole numbers of 8 or 16 bits")
    return values.astype(np.uint8) if values.dtype == np.bool_ else values
