"""Reading colour-coded pictures whose colours compression has changed.

Exact colours mean what they say. Other colours, such as JPEG leaves, are read as the nearest known colour inside an
area; at the borders of areas, where compression has mixed the colours, only the colours of areas near by come into
question, and brightness decides more than tint, since JPEG keeps it at full resolution.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Chosen on generated streets at JPEG quality 75 and 256×256, where they read 99.3 % of pixels right (nearest colour
# alone: 96.2 %).
_SURE_DISTANCE = 1600
"""Squared distance in RGB beyond which a colour is not simply a known one, roughly coded."""
_SURE_NEIGHBOURS = 4
"""Of the 8 neighbours, how many must read the same for a pixel to belong to an area."""
_REACH = 7
"""Pixels from an area within which its colour comes into question: JPEG mixes tints over 16 pixels at the most."""
_TINT_WEIGHTS = np.array([1.0, 0.05, 0.05])
"""Of squared differences in brightness and in the two tints."""
_STRANGER_COST = 1000.0
"""Added for colours of no area near by; a brightness difference of some 30 levels outweighs it."""
_NEVER = 1e9
_ALIKE_BONUS = 60.0
"""Taken off a colour's cost for each neighbour that was read so."""
_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]]).T
"""RGB to brightness and tints, as JPEG does (ITU-T T.871)."""
_SURROUNDINGS = _REACH + 3
"""Rows around a pixel that bear on it: areas within reach, the neighbours that make an area, and two votes."""
_PIXELS_AT_ONCE = 1 << 17
"""Pixels that are read at once, since some tens of bytes are needed for each pixel and each known colour."""
_AT_ONCE = 1 << 15
"""Different colours that are compared at once: a photograph's hundred thousands would need gigabytes."""


def read_colours(
    picture: NDArray[np.uint8], known: NDArray[np.int32], classes: int
) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Tell which known colour each pixel means.

    Args:
        picture: H×W×3, RGB, 0 to 255.
        known: K×3, the colours that are understood, all different: first those of classes, then those of void.
        classes: how many of the known colours are those of classes.

    Returns:
        The row of `known` that each pixel means (H×W), and its squared distance to the nearest known colour (H×W).
    """
    height, width = picture.shape[:2]
    rows = max(_PIXELS_AT_ONCE // max(width, 1), 1)
    nearest, distances = nearest_colours(picture, known)
    if not distances.any():
        return nearest, distances
    meanings = np.empty((height, width), dtype=np.intp)
    for top in range(0, height, rows):
        # What a pixel means depends on those around it, so bands overlap.
        first, last = max(top - _SURROUNDINGS, 0), min(top + rows + _SURROUNDINGS, height)
        whole = slice(first, last)
        band = _read_band(picture[whole], nearest[whole].astype(np.int16), distances[whole], known, classes)
        meanings[top : top + rows] = band[top - first : top - first + rows]
    return meanings, distances


def _read_band(
    picture: NDArray[np.uint8],
    nearest: NDArray[np.int16],
    distances: NDArray[np.int32],
    known: NDArray[np.int32],
    classes: int,
) -> NDArray[np.int16]:
    if distances.any():
        alike = _alike_neighbours(nearest)
        # Colours that are not scored lie close to others and must fill their surroundings: a rim is no caravan.
        wanted = np.where(nearest < classes, _SURE_NEIGHBOURS, 8)
        sure = (distances <= _SURE_DISTANCE) & (alike >= wanted)
        doubtful = (distances > 0) & ~(sure & (alike == 8))
        near_by = _near_by(nearest, sure, doubtful, len(known))
        contrast = (picture[doubtful] @ _YCBCR)[:, None, :] - known @ _YCBCR
        costs = np.square(contrast) @ _TINT_WEIGHTS + np.where(near_by, 0, _STRANGER_COST)
        if (known[:classes] == known[:classes, :1]).all():
            # A grey between those of two areas is their blend, though it may be near to that of a third class.
            costs += np.where(~near_by & _lies_between(picture[doubtful, 1], near_by, known[:, 1])[:, None], _NEVER, 0)
        nearest[doubtful] = costs.argmin(axis=1)
        costs -= _ALIKE_BONUS * _votes(nearest, doubtful, len(known))
        nearest[doubtful] = costs.argmin(axis=1)
    return nearest


def nearest_colours(picture: NDArray[np.uint8], known: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """Find each pixel's nearest known colour, by Euclidean distance in RGB.

    Args:
        picture: H×W×3, RGB, 0 to 255.
        known: K×3.

    Returns:
        The row of `known` (H×W), and the squared distance to it (H×W). Of two that are equally near, the first.
    """
    packed = pack(picture)
    rows = _rows(tuple(map(tuple, known.tolist())))[packed].astype(np.intp) - 1
    distances = np.zeros(rows.shape, dtype=np.int32)
    inexact = rows < 0
    if inexact.any():
        # Pictures of segmentations repeat few colours, so each different colour is compared once.
        different, where = np.unique(packed[inexact], return_inverse=True)
        rgb = unpack(different)
        best = np.empty(len(rgb), dtype=np.intp)
        least = np.empty(len(rgb), dtype=np.int32)
        for first in range(0, len(rgb), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            apart = ((rgb[part, None, :] - known[None, :, :]) ** 2).sum(axis=2)
            best[part] = apart.argmin(axis=1)
            least[part] = apart.min(axis=1)
        rows[inexact], distances[inexact] = best[where], least[where]
    return rows, distances


@lru_cache(maxsize=8)
def _rows(known: tuple[tuple[int, int, int], ...]) -> NDArray[np.uint16]:
    """Return the row of each colour, plus 1, for every packed colour (2²⁴); 0 for unknown ones.

    The system gives room to the parts alone that are written to.
    """
    rows = np.zeros(1 << 24, dtype=np.uint16)
    for number, (red, green, blue) in reversed([*enumerate(known, 1)]):
        rows[red << 16 | green << 8 | blue] = number
    return rows


def pack(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Write colours (…×3) as one number each: red × 65536 + green × 256 + blue."""
    # The three bytes are put in their places; shifting numbers of four bytes takes four times as long.
    places = np.zeros((*colours.shape[:-1], 4), dtype=np.uint8)
    for channel in range(3):
        places[..., 2 - channel] = colours[..., channel]
    packed: NDArray[np.int32] = places.view("<i4")[..., 0].astype(np.int32, copy=False)
    return packed


def unpack(packed: NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.int32]:
    """Undo `pack`: N numbers to N×3."""
    return np.stack([packed >> 16, (packed >> 8) & 255, packed & 255], axis=-1).astype(np.int32, copy=False)


def as_tuples(colours: NDArray[Any]) -> list[tuple[int, int, int]]:
    """Return colours (N×3) as red, green and blue each."""
    return [(int(red), int(green), int(blue)) for red, green, blue in colours]


def _neighbours(nearest: NDArray[np.int16]) -> Iterator[NDArray[np.int16]]:
    """Yield the picture shifted to each of the 8 neighbours (H×W each), -1 beyond its border."""
    height, width = nearest.shape
    padded = np.pad(nearest, 1, constant_values=-1)
    for down, across in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        yield padded[down : down + height, across : across + width]


def _alike_neighbours(nearest: NDArray[np.int16]) -> NDArray[np.int8]:
    """Count for each pixel (H×W) how many of its neighbours have the same number."""
    alike = np.zeros(nearest.shape, dtype=np.int8)
    for neighbour in _neighbours(nearest):
        alike += neighbour == nearest
    return alike


def _votes(nearest: NDArray[np.int16], chosen: NDArray[np.bool_], colours: int) -> NDArray[np.int8]:
    """Count for each chosen pixel (N) how many of its neighbours read as each colour (N×K)."""
    votes = np.zeros((int(chosen.sum()), colours), dtype=np.int8)
    for neighbour in _neighbours(nearest):
        votes += neighbour[chosen][:, None] == np.arange(colours)
    return votes


def _lies_between(greys: NDArray[np.uint8], near_by: NDArray[np.bool_], known: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Tell which greys (N) lie between the darkest and the brightest of the known ones (K) that are near by (N×K)."""
    darkest = np.where(near_by, known, 256).min(axis=1)
    brightest = np.where(near_by, known, -1).max(axis=1)
    found: NDArray[np.bool_] = (darkest < greys) & (greys < brightest)
    return found


def _near_by(
    nearest: NDArray[np.int16], sure: NDArray[np.bool_], chosen: NDArray[np.bool_], colours: int
) -> NDArray[np.bool_]:
    """Tell for each chosen pixel (N) which colours have an area within reach (N×K)."""
    height, width = nearest.shape
    rows, columns = np.nonzero(chosen)
    top, bottom = np.maximum(rows - _REACH, 0), np.minimum(rows + _REACH + 1, height)
    left, right = np.maximum(columns - _REACH, 0), np.minimum(columns + _REACH + 1, width)
    found = np.zeros((len(rows), colours), dtype=np.bool_)
    for colour in np.unique(nearest[sure]).tolist():
        # Pixels above and left of each place, so that four of them count those of any rectangle.
        before = np.zeros((height + 1, width + 1), dtype=np.int32)
        np.cumsum((nearest == colour) & sure, axis=0, out=before[1:, 1:], dtype=np.int32)
        np.cumsum(before[1:, 1:], axis=1, out=before[1:, 1:])
        counts = before[bottom, right] - before[top, right] - before[bottom, left] + before[top, left]
        found[:, colour] = counts > 0
    return found
