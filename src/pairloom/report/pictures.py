"""Pictures for a page: maps of errors, crops around a class, and pictures inside the page's own text."""

import base64
import io

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from pairloom.data.image_spec import ImageSpec
from pairloom.images import Picture, UInt8Array, Values, to_tensor, without_reading
from pairloom.palette import VOID

LONGEST_SIDE = 1024
"""Pixels beyond which pictures are reduced for a page."""
_SMALLEST_SIDE = 48
"""Pixels below which pictures are not reduced to save bytes."""

WRONG = (226, 42, 92)
"""Pixels that were given a wrong class; nothing on a street has this colour."""
UNSCORED = (120, 120, 128)

LARGEST_DIFFERENCE = 0.5
"""Mean absolute difference, as a share of the range, that has the brightest colour."""


def data_uri(
    picture: UInt8Array, *, exact: bool = False, longest: int = LONGEST_SIDE, most_bytes: int | None = None
) -> str:
    """Return a picture (H×W×3) as a `data:` address, WebP.

    Args:
        picture: as people see it.
        exact: without loss, as class colours must be.
        longest: pixels beyond which its longer side is reduced.
        most_bytes: bytes that the file may have; it is reduced further until it fits.
    """
    image = Image.fromarray(picture)
    longest = min(longest, max(image.size))
    while True:
        size = tuple(max(1, round(side * longest / max(image.size))) for side in image.size)
        resample = Image.Resampling.NEAREST if exact else Image.Resampling.BILINEAR
        shown = image if size == image.size else image.resize(size, resample)  # type: ignore[arg-type]
        file = io.BytesIO()
        shown.save(file, format="WEBP", lossless=exact, quality=80 if exact else 85)
        if most_bytes is None or file.tell() <= most_bytes or longest <= _SMALLEST_SIDE:
            return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode("ascii")
        longest = max(_SMALLEST_SIDE, longest * 3 // 4)


def shown(picture: Picture, side: ImageSpec) -> str:
    """Return a picture, or a class map, of one side of the pairs as a `data:` address."""
    return data_uri(side.display(picture), exact=side.palette is not None)


def error_map(prediction: Picture, truth: Picture, source: UInt8Array, target: ImageSpec) -> UInt8Array:
    """Show where a prediction is wrong, H×W×3.

    Class maps: wrong pixels in `WRONG` and unscored ones in `UNSCORED` over a pale source. Pictures: the mean absolute
    difference of the channels, from dark (none) to bright (`LARGEST_DIFFERENCE` or more), and `UNSCORED` where there is
    no reading.

    Args:
        prediction: class ids, or a picture.
        truth: likewise.
        source: as people see it, H×W×3.
        target: what prediction and truth are.
    """
    if target.palette is None:
        difference = np.abs(_shares(prediction, target.values) - _shares(truth, target.values)).mean(axis=2)
        coloured = colormaps["magma"]((difference / LARGEST_DIFFERENCE).clip(0, 1))[:, :, :3]
        errors: UInt8Array = np.asarray((coloured * 255).round(), dtype=np.uint8)
        empty = without_reading(truth, target.values)
        if empty is not None:
            errors[empty] = UNSCORED
        return errors
    grey = source.mean(axis=2, keepdims=True)
    picture: UInt8Array = (170 + grey / 3).clip(0, 255).astype(np.uint8).repeat(3, axis=2)
    picture[prediction != truth] = WRONG
    picture[truth == VOID] = UNSCORED
    return picture


def _shares(picture: Picture, values: Values) -> NDArray[np.float32]:
    """Return a picture in shares of its range; a truth may be of another depth than the model's answers."""
    return to_tensor(picture, values).add(1).div(2).permute(1, 2, 0).numpy()


def densest_box(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return the half-sized part of an image (rows, columns) that holds most of a mask (H×W)."""
    height, width = (max(min(side, 32), side // 2) for side in mask.shape)
    sums = np.zeros((mask.shape[0] + 1, mask.shape[1] + 1), dtype=np.int64)
    sums[1:, 1:] = mask.cumsum(axis=0).cumsum(axis=1)
    inside = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    # Of all parts that hold as much, the middle one: what is looked for stands in the middle of the picture then.
    best = np.argwhere(inside == inside.max())
    top, left = best[len(best) // 2]
    return slice(int(top), int(top) + height), slice(int(left), int(left) + width)
