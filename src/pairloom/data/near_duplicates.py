"""Finds pictures of different splits that are nearly the same, such as neighbouring frames of a film.

Each picture is known by a difference hash of 64 bits (whether brightness rises from each of 9×8 areas to its right
neighbour) and a grey version of 16×18 pixels. For each picture the one with the nearest hash is looked up, and the grey
versions of the two are compared. Neighbouring frames of CamVid, which are a second apart, often differ in up to 12 bits
and by 0.05 to 0.3 of their contrast; frames of its different drives by more than 0.38.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairloom.config import Size
from pairloom.images import UInt8Array

GREY = Size(16, 18)
"""Of the grey versions: two pixels for each area of the hash."""

_MOST_BITS = 12
"""Bits by which hashes may differ."""
_MOST_DIFFERENCE = 0.27
"""Root mean square difference of the grey versions, in shares of their standard deviation."""
_LEAST_CONTRAST = 4.0
"""Standard deviation, in levels of 255, below which a picture is too plain to be recognised."""
_AT_ONCE = 1 << 22
"""Pairs of hashes that are compared at once."""


class Look(NamedTuple):
    """What a picture looks like from afar."""

    hash: int
    """64 bits."""
    grey: UInt8Array
    """16×18."""


class Likeness(NamedTuple):
    """Two pictures that are nearly the same."""

    picture: int
    """Its position."""
    other: int
    """That of the picture that it is like."""
    difference: float
    """In shares of their contrast; 0 for the same grey version."""


def look_of(seen: UInt8Array) -> Look:
    """Return what a picture looks like, from a glance at it (H×W)."""
    brightness = seen.astype(np.float32)
    height, width = brightness.shape
    means = np.rint(_averaging(GREY.height, height) @ brightness @ _averaging(GREY.width, width).T)
    grey = means.astype(np.uint8)
    areas = means[::2, ::2] + means[1::2, ::2] + means[::2, 1::2] + means[1::2, 1::2]
    rises = np.packbits(areas[:, 1:] > areas[:, :-1])
    return Look(int.from_bytes(rises.tobytes(), "big"), grey)


@cache
def _averaging(parts: int, length: int) -> NDArray[np.float32]:
    """Return the matrix that averages a column down to so many equal parts."""
    edges = np.linspace(0, length, parts + 1)
    starts, ends, places = edges[:-1, None], edges[1:, None], np.arange(length)
    covered = np.clip(np.minimum(places + 1, ends) - np.maximum(places, starts), 0, None)
    matrix: NDArray[np.float32] = (covered * parts / length).astype(np.float32)
    return matrix


def find_near(looks: Sequence[Look], others: Sequence[Look]) -> list[Likeness]:
    """Find the pictures that are nearly the same as one of the others; plain ones are not compared."""
    first, hashes, greys, contrasts = _recognisable(looks)
    second, other_hashes, other_greys, other_contrasts = _recognisable(others)
    found: list[Likeness] = []
    rows = max(1, _AT_ONCE // max(1, len(second)))
    for start in range(0, len(first) if len(second) else 0, rows):
        bits = np.bitwise_count(hashes[start : start + rows, None] ^ other_hashes)
        nearest = bits.argmin(axis=1)
        near = np.flatnonzero(np.take_along_axis(bits, nearest[:, None], axis=1)[:, 0] <= _MOST_BITS)
        one, other = start + near, nearest[near]
        apart = np.sqrt(np.square(greys[one] - other_greys[other]).mean(axis=1))
        apart /= np.maximum(contrasts[one], other_contrasts[other])
        alike = zip(first[one].tolist(), second[other].tolist(), apart.tolist(), strict=True)
        found += [likeness for likeness in map(Likeness._make, alike) if likeness.difference <= _MOST_DIFFERENCE]
    return found


def _recognisable(
    looks: Sequence[Look],
) -> tuple[NDArray[np.intp], NDArray[np.uint64], NDArray[np.float32], NDArray[np.float32]]:
    """Return the pictures with enough contrast: their positions, hashes, grey versions less their mean, contrasts."""
    greys = np.array([look.grey for look in looks], dtype=np.float32).reshape(len(looks), GREY.height * GREY.width)
    greys -= greys.mean(axis=1, keepdims=True)
    contrasts = np.sqrt(np.square(greys).mean(axis=1))
    kept = np.flatnonzero(contrasts >= _LEAST_CONTRAST)
    hashes = np.array([look.hash for look in looks], dtype=np.uint64)
    return kept, hashes[kept], greys[kept], contrasts[kept]
