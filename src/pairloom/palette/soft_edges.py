"""Finding the colours of class maps whose areas have soft edges: antialiased, resized, or blended by JPEG.

A colour that fills areas belongs to a class; one that only stands at borders is a blend. How wide the blends are tells
soft edges from continuous values such as mattes.

Measured in pixels a step from one class to the next, on generated discs and boxes of 96×96 and 256×256: antialiased
0.4, of JPEG at quality 75 up to 0.5, enlarged twofold 1.3, blurred by a Gaussian of 1 pixel 1.1, of 2 pixels 2.2;
mattes that were enlarged fourfold 2.0, eightfold 4.1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairloom.palette.areas import Totals, area_share, fills_areas, neighbourhood
from pairloom.palette.colour_reading import nearest_colours, unpack

SHARP, CONTINUOUS = 1.6, 2.8
"""Width of edges, in pixels, up to which areas are classes, and from which values are continuous."""
_SAME = 14.0
"""Levels (Euclidean) within which colours that fill areas are one, changed by compression: 8 grey levels."""
_APART = 32.0
"""Levels (Euclidean) by which the colours of areas differ at the least where there are blends between them."""
_FILLED = 0.25
"""Of the pixels, those whose colour fills areas."""
_FEW = 3
"""Fewer colours at borders are thin things."""
_NEAR_SHARE = 0.7
"""Of all pixels, those that must be near one of the colours."""


class SoftAreas(NamedTuple):
    """Colours that fill areas with soft edges."""

    colours: list[tuple[int, int, int]]
    """The most frequent first."""
    width: float
    """Of the edges between them, in pixels."""


def has_blends(pictures: Sequence[NDArray[np.uint8]], totals: Totals, *, lossy: bool = False) -> bool:
    """Tell whether a sample's rare colours are blends of those that fill areas, and no classes of their own.

    Args:
        pictures: each H×W×3, RGB, 0 to 255.
        totals: the censuses of their colours, written as numbers.
        lossy: whether their files are compressed so that colours change, so that one blend tells.
    """
    solid = fills_areas(totals)
    thin = int((~solid).sum())
    if thin < (1 if lossy else max(_FEW, solid.sum())) or area_share(totals) < _FILLED:
        return False
    centres = _centres(totals)
    if len(centres) < 2 or _gap(centres) < _APART:
        return False
    blended, others = 0, 0
    for picture in pictures:
        _, distances = nearest_colours(picture, centres)
        far = distances > (_gap(centres) / 8) ** 2
        between = far & _lies_between(picture)
        blended += int(between.sum())
        others += int((far & ~between).sum())
    return blended >= others


def soft_areas(pictures: Sequence[NDArray[np.uint8]], totals: Totals, most: int) -> SoftAreas | None:
    """Find the colours of areas with soft edges; None where the pictures are no such class maps.

    Args:
        pictures: each H×W×3, RGB, 0 to 255.
        totals: the censuses of their colours, written as numbers.
        most: more colours are not classes.
    """
    centres = _centres(totals)
    if not 2 <= len(centres) <= most or area_share(totals) < _FILLED:
        return None
    seen = _measure(pictures, centres)
    # Drawings have flat areas too, but each its own colours.
    recurring = 2 * (seen.files > 1).sum() >= len(centres) or len(pictures) <= _FEW
    if not recurring or seen.blends > (1 - _NEAR_SHARE) * seen.counts.sum():
        return None
    ordered = centres[np.argsort(-seen.counts, kind="stable")]
    return SoftAreas([(red, green, blue) for red, green, blue in ordered.tolist()], seen.width)


def edge_width(pictures: Sequence[NDArray[np.uint8]], colours: Sequence[tuple[int, int, int]]) -> float | None:
    """Measure the width of the edges between known colours, in pixels; None where colours are too alike to tell."""
    centres = np.array(colours, dtype=np.int32)
    if len(centres) < 2 or _gap(centres) < 2 * _APART:
        return None
    return _measure(pictures, centres).width


class _Measured(NamedTuple):
    counts: NDArray[np.int64]
    """Pixels nearest to each colour."""
    files: NDArray[np.int64]
    """Pictures that hold each."""
    blends: int
    """Pixels that are not near any."""
    steps: int
    """Neighbours that are nearest to different colours."""

    @property
    def width(self) -> float:
        return self.blends / max(1, self.steps)


def _measure(pictures: Sequence[NDArray[np.uint8]], centres: NDArray[np.int32]) -> _Measured:
    counts, files = np.zeros((2, len(centres)), dtype=np.int64)
    blends, steps = 0, 0
    limit = (_gap(centres) / 4) ** 2
    for picture in pictures:
        nearest, distances = nearest_colours(picture, centres)
        own = np.bincount(nearest.ravel(), minlength=len(centres))
        counts, files = counts + own, files + (own > 0)
        blends += int((distances > limit).sum())
        steps += int((nearest[:, 1:] != nearest[:, :-1]).sum() + (nearest[1:] != nearest[:-1]).sum())
    return _Measured(counts, files, blends, steps)


def _centres(totals: Totals) -> NDArray[np.int32]:
    """Return colours that fill areas (K×3), of those that compression has parted the one with the largest area."""
    solid = fills_areas(totals)
    order = np.argsort(-totals.solid[solid], kind="stable")
    left = unpack(totals.codes[solid][order].astype(np.int32))
    centres: list[NDArray[np.int32]] = []
    while len(left) and len(centres) <= 256:
        centres.append(left[0])
        left = left[np.square(left - left[0]).sum(axis=1) > _SAME**2]
    return np.array(centres, dtype=np.int32).reshape(-1, 3)


def _gap(centres: NDArray[np.int32]) -> float:
    """Return the distance of the two colours that are most alike."""
    apart = np.square(centres[:, None] - centres[None]).sum(axis=2).astype(np.float64)
    np.fill_diagonal(apart, np.inf)
    return float(np.sqrt(apart.min()))


def _lies_between(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which pixels (H×W) have both darker and brighter neighbours in some channel."""
    low, high = neighbourhood(picture)
    found: NDArray[np.bool_] = np.any((low < picture) & (picture < high), axis=2)
    return found
