"""Finding the colours of class maps whose areas have soft edges: antialiased, resized, or blended by JPEG.

A colour that fills areas belongs to a class; one that only stands at borders is a blend. How wide the blends are tells
soft edges from continuous values such as mattes.

Measured in pixels per step from one class to the next, on generated discs and boxes of 96×96 and 256×256: antialiased
0.4, of JPEG at quality 75 up to 0.5, enlarged twofold 1.3, blurred by a Gaussian of 1 pixel 1.1, of 2 pixels 2.2;
mattes that were enlarged fourfold 2.0, eightfold 4.1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairloom.palette.areas import Totals, area_share, fills_areas, neighbourhood
from pairloom.palette.colour_reading import as_tuples, nearest_colours, pack, unpack

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
_MANY, _TIMES = 12, 2
"""More colours at borders than this, and so many times those of areas, are never thin things."""
_NEAR_SHARE = 0.7
"""Of all pixels, those that must be near one of the colours."""
_BESIDE_SHARE = 0.5
"""Of the pixels that have not the most frequent colour, those that may not be near any; small things in JPEG
have 0.45."""
_INSIDE_SHARE = 0.12
"""Of the pixels of about the same colour, those in flat places: where values rise and fall, few are."""
_THIN_SHARE = 0.05
"""Of the pixels of thin things, those of the grey that they have without blends."""
_CONTRAST = 128
"""Grey levels between thin things and what they lie on, from which they show without areas of their own."""
_TIGHT_SHARE = 0.9
"""Of the pixels in flat places beside the largest area, those whose colour crowds around others."""
_FLAT, _FLAT_PIXELS, _FLAT_SHARE = 3, 16, 1e-3
"""Levels by which surroundings vary in areas that compression has changed; pixels of the smallest area, and their share
of those beside the largest."""


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
    if thin > max(_MANY, _TIMES * solid.sum()):
        return True
    blended, others = 0, 0
    for picture in pictures:
        _, distances = nearest_colours(picture, centres)
        far = distances > (_gap(centres) / 8) ** 2
        between = far & _lies_between(picture)
        blended += int(between.sum())
        others += int((far & ~between).sum())
    return blended >= others


def soft_areas(
    pictures: Sequence[NDArray[np.uint8]], totals: Totals, most: int, *, lossy: bool = False
) -> SoftAreas | None:
    """Find the colours of areas with soft edges; None where the pictures are no such class maps.

    Args:
        pictures: each H×W×3, RGB, 0 to 255.
        totals: the censuses of their colours, written as numbers.
        most: more colours are not classes.
        lossy: whether compression may have left hardly any pixel of a small area equal to its neighbours.
    """
    centres = _centres(totals)
    if not 2 <= len(centres) <= most or area_share(totals) < _FILLED:
        centres = _flat_centres(pictures, totals, most)
    elif lossy:
        more = [one for one in _flat_centres(pictures, totals, most) if _apart(one, centres) > (2 * _APART) ** 2]
        centres = np.array([*centres, *more], dtype=np.int32)
    if not 2 <= len(centres) <= most or _gap(centres) < _APART:
        return None
    seen = _measure(pictures, centres)
    # Drawings have flat areas too, but each its own colours.
    recurring = 2 * (seen.files > 1).sum() >= len(centres) or len(pictures) <= _FEW
    beside = seen.counts.sum() - seen.counts.max() + seen.blends
    if not recurring or seen.blends > (1 - _NEAR_SHARE) * seen.counts.sum() or seen.blends > _BESIDE_SHARE * beside:
        return None
    ordered = centres[np.argsort(-seen.counts, kind="stable")]
    return SoftAreas(as_tuples(ordered), seen.width)


class _Measured(NamedTuple):
    counts: NDArray[np.int64]
    """Pixels nearest to each colour."""
    files: NDArray[np.int64]
    """Pictures that hold an area of each."""
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
        near = distances <= limit
        filled = np.bincount(nearest[near], minlength=len(centres))
        counts, files = counts + own, files + (filled >= _FLAT_PIXELS)
        blends += int((~near).sum())
        steps += int((nearest[:, 1:] != nearest[:, :-1]).sum() + (nearest[1:] != nearest[:-1]).sum())
    return _Measured(counts, files, blends, steps)


def _centres(totals: Totals) -> NDArray[np.int32]:
    """Return colours that fill areas (K×3), of those that compression has parted the one with the largest area."""
    solid = fills_areas(totals)
    order = np.argsort(-totals.solid[solid], kind="stable")
    left = unpack(totals.codes[solid][order])
    centres: list[NDArray[np.int32]] = []
    while len(left) and len(centres) <= 256:
        centres.append(left[0])
        left = left[np.square(left - left[0]).sum(axis=1) > _SAME**2]
    return _with_thin(totals, centres[0]) if len(centres) == 1 else np.array(centres, dtype=np.int32).reshape(-1, 3)


def _flat_centres(pictures: Sequence[NDArray[np.uint8]], totals: Totals, most: int) -> NDArray[np.int32]:
    """Return the colours (K×3) of areas in which compression has left hardly any pixel equal to its neighbours."""
    flat = []
    for picture in pictures:
        low, high = neighbourhood(picture)
        flat.append(pack(picture[(high - low).max(axis=2) <= _FLAT]))
    codes, counts = np.unique(np.concatenate(flat), return_counts=True)
    rgb, every = unpack(codes), unpack(totals.codes)
    centres: list[NDArray[np.int32]] = []
    least, tight, beside = 0.0, 0, 0
    while len(rgb) and len(centres) <= most:
        centre = rgb[counts.argmax()]
        apart = np.square(rgb - centre).sum(axis=1)
        around = apart <= _APART**2
        held = int(counts[around].sum())
        crowd = int(counts[apart <= _SAME**2].sum())
        tight += crowd if centres else 0
        rgb, counts = rgb[~around], counts[~around]
        beside = beside or int(counts.sum())
        least = least or max(_FLAT_PIXELS, _FLAT_SHARE * float(counts.sum()))
        alike = totals.counts[np.square(every - centre).sum(axis=1) <= _SAME**2].sum()
        if held >= least and crowd >= _INSIDE_SHARE * alike:
            centres.append(centre)
    # Shading spreads its colours where areas crowd them.
    return np.array(centres if tight >= _TIGHT_SHARE * beside else [], dtype=np.int32).reshape(-1, 3)


def _with_thin(totals: Totals, area: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the grey of the one area and, if there are thin things on it (cracks, say), their grey, far from it."""
    greys = unpack(totals.codes)
    contrast = np.abs(greys[:, 0] - area[0]) >= _CONTRAST
    if not (greys == greys[:, :1]).all() or not contrast.any():
        return area[None]
    common = contrast & (totals.counts >= _THIN_SHARE * totals.counts[contrast].sum())
    farthest = np.abs(greys[:, 0] - area[0]) * (common if common.any() else contrast)
    return np.stack([area, greys[farthest.argmax()]])


def _apart(colour: NDArray[np.int32], centres: NDArray[np.int32]) -> int:
    """Return the squared distance of a colour to the nearest of others."""
    return int(np.square(centres - colour).sum(axis=1).min())


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
