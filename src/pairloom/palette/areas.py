"""Which numbers or colours of an image fill areas, and which only stand at the areas' borders."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_COLOURS = 1 << 24
"""Different colours of 8 bits per channel."""
_BAND_PIXELS = 1_000_000
"""Pixels that are looked at together; what is computed of them takes some ten bytes each."""
_FEW_PIXELS = 1 << 16
"""Up to so many, sorting takes less time and memory than a table of all colours."""
_SOLID_PIXELS, _SOLID_SHARE = 4, 0.05
"""Pixels inside areas, and their share of a code's pixels, from which a code fills areas: blends have none, hardly."""
_MANY = 16
"""Fewer codes in an image say nothing about shading: the codes of two areas are next to each other."""
_SMALL_SHARE = 0.6
"""Of the steps, small ones from which an image is shaded; of class maps with many classes, less than a fifth are."""


class Census(NamedTuple):
    """How often each code (a number, or a colour written as one) occurs in one image."""

    codes: NDArray[np.int64]
    """Those that occur, ascending."""
    counts: NDArray[np.int64]
    """Pixels of each."""
    solid: NDArray[np.int64]
    """Pixels of each whose 3×3 neighbourhood has the same code."""
    steps: int
    """Neighbours side by side, or one above the other, that differ."""
    small_steps: int
    """Of these, those to the next code of the image, or to one of its 3 % that are nearest: shading has small steps."""
    flat_share: float
    """Share of the pixels that equal their neighbour to the right."""


def take_census(codes: NDArray[np.integer[Any]]) -> Census:
    """Count the codes of an image (H×W, whole numbers)."""
    present, ranks = _ranked(codes)
    counts, solid = np.zeros((2, len(present)), dtype=np.int64)
    steps = small_steps = alike = 0
    small = max(1, len(present) // 32)
    for first, last in _bands(*codes.shape):
        above = min(first, 1)  # rows of the band before its own: one, but for the first band
        band = ranks[first - above : last + 1]
        across, down = np.diff(band, axis=1), np.diff(band, axis=0)
        counts += np.bincount(ranks[first:last].ravel(), minlength=len(present))
        solid += np.bincount(band[1:-1, 1:-1][_is_solid(across == 0, down == 0)], minlength=len(present))
        rows = last - first
        own_across, own_down = across[above : above + rows], down[: above + rows - 1]
        different = [np.abs(change[change != 0]) for change in (own_across, own_down)]
        steps += sum(len(change) for change in different)
        small_steps += sum(int((change <= small).sum()) for change in different)
        alike += own_across.size - len(different[0])
    neighbours = codes.shape[0] * (codes.shape[1] - 1)
    return Census(
        present.astype(np.int64), counts, solid, steps, small_steps, alike / neighbours if neighbours > 0 else 1.0
    )


def _ranked(codes: NDArray[np.integer[Any]]) -> tuple[NDArray[np.integer[Any]], NDArray[np.int32]]:
    """Return the codes that occur, ascending, and for each pixel the place of its code among them."""
    colours = codes.dtype == np.int32 and codes.size > _FEW_PIXELS and codes.min() >= 0 and codes.max() < _COLOURS
    if codes.dtype in (np.uint8, np.uint16) or colours:
        found = np.zeros(_COLOURS if colours else np.iinfo(codes.dtype).max + 1, dtype=np.bool_)
        found[codes] = True
        present = np.flatnonzero(found)
        ranks_of = np.empty(len(found), dtype=np.int32)  # the system gives room to what is written alone
        ranks_of[present] = np.arange(len(present))
        return present, ranks_of[codes]
    present, inverse = np.unique(codes, return_inverse=True)
    return present, inverse.reshape(codes.shape).astype(np.int32)


def _bands(rows: int, columns: int) -> Iterator[tuple[int, int]]:
    """Cut an image in bands of rows, so that what is computed of each needs little memory."""
    height = max(1, _BAND_PIXELS // max(1, columns))
    for first in range(0, rows, height):
        yield first, min(rows, first + height)


def _is_solid(alike_across: NDArray[np.bool_], alike_down: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which pixels but the outermost equal all eight around them, from which equal the next and the one below."""
    runs = alike_across[:, :-1] & alike_across[:, 1:]
    solid: NDArray[np.bool_] = runs[:-2] & runs[1:-1] & runs[2:] & alike_down[:-1, 1:-1] & alike_down[1:, 1:-1]
    return solid


class Totals(NamedTuple):
    """The censuses of a sample, added up."""

    codes: NDArray[np.int64]
    counts: NDArray[np.int64]
    solid: NDArray[np.int64]
    files: NDArray[np.int64]
    """How many images hold each code."""
    pixels: int
    flat_share: float


def add_up(censuses: Sequence[Census]) -> Totals:
    """Add the censuses of a sample."""
    codes, where = np.unique(np.concatenate([census.codes for census in censuses]), return_inverse=True)

    def total(parts: list[NDArray[np.int64]]) -> NDArray[np.int64]:
        return np.bincount(where, np.concatenate(parts), len(codes)).astype(np.int64)

    counts = total([census.counts for census in censuses])
    return Totals(
        codes,
        counts,
        total([census.solid for census in censuses]),
        total([np.ones_like(census.codes) for census in censuses]),
        int(counts.sum()),
        float(np.mean([census.flat_share for census in censuses])),
    )


def fills_areas(totals: Totals) -> NDArray[np.bool_]:
    """Tell which codes of a sample fill areas; the others are noise, thin lines, or blends at borders."""
    found: NDArray[np.bool_] = (totals.solid >= _SOLID_PIXELS) & (totals.solid >= _SOLID_SHARE * totals.counts)
    return found


def area_share(totals: Totals) -> float:
    """Return the share of the pixels whose code fills areas."""
    return float(totals.counts[fills_areas(totals)].sum() / max(1, totals.pixels))


def is_shaded(censuses: Sequence[Census]) -> bool:
    """Tell whether a sample's codes rise and fall in small steps: tones, depths or heat, not classes."""
    telling = [census for census in censuses if len(census.codes) >= _MANY]
    steps = sum(census.steps for census in telling)
    return 2 * len(telling) > len(censuses) and sum(census.small_steps for census in telling) > _SMALL_SHARE * steps


def neighbourhood(picture: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the least and the largest value (H×W×C each) in each pixel's 3×3 neighbourhood, cut off at the border."""
    low, high = picture, picture
    for axis in (0, 1):
        padding = [(0, 0)] * 3
        padding[axis] = (1, 1)
        rows = picture.shape[axis]
        lows, highs = (np.pad(part, padding, mode="edge") for part in (low, high))
        low = np.minimum.reduce([lows.take(range(shift, shift + rows), axis=axis) for shift in range(3)])
        high = np.maximum.reduce([highs.take(range(shift, shift + rows), axis=axis) for shift in range(3)])
    return low, high
