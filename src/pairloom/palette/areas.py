"""Which numbers or colours of an image fill areas, and which only stand at the areas' borders."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

_COLOURS = 1 << 24
"""Different colours of 8 bits a channel."""
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
    if codes.dtype in (np.uint8, np.uint16):
        present = np.flatnonzero(np.bincount(codes.ravel()))
        ranks_of = np.zeros(int(present[-1]) + 1 if len(present) else 1, dtype=np.int32)
        ranks_of[present] = np.arange(len(present))
        ranks = ranks_of[codes]
    elif codes.dtype == np.int32 and codes.size and codes.min() >= 0 and codes.max() < _COLOURS:
        found = np.zeros(_COLOURS, dtype=np.bool_)
        found[codes] = True
        present = np.flatnonzero(found)
        ranks_of = np.empty(_COLOURS, dtype=np.int32)  # the system gives room to what is written alone
        ranks_of[present] = np.arange(len(present))
        ranks = ranks_of[codes]
    else:
        present, inverse = np.unique(codes, return_inverse=True)
        ranks = inverse.reshape(codes.shape).astype(np.int32)
    across, down = np.diff(ranks, axis=1), np.diff(ranks, axis=0)
    alike_across, alike_down = across == 0, down == 0
    runs = alike_across[:, :-1] & alike_across[:, 1:]
    solid = runs[:-2] & runs[1:-1] & runs[2:] & alike_down[:-1, 1:-1] & alike_down[1:, 1:-1]
    small = max(1, len(present) // 32)
    different = [np.abs(change[change != 0]) for change in (across, down)]
    return Census(
        present.astype(np.int64),
        np.bincount(ranks.ravel(), minlength=len(present)),
        np.bincount(ranks[1:-1, 1:-1][solid], minlength=len(present)),
        sum(len(change) for change in different),
        sum(int((change <= small).sum()) for change in different),
        float(alike_across.mean()) if alike_across.size else 1.0,
    )


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
