"""Finds pictures of different splits that are nearly the same, such as neighbouring frames of a film.

Each picture is known by a difference hash of 64 bits (whether brightness rises from each of 9×8 areas to its right
neighbour) and a grey version of 16×18 pixels. For each picture the one with the nearest hash is looked up, and the grey
versions of the two are compared. Neighbouring frames of CamVid, which are a second apart, differ in up to 8 bits and by
0.05 to 0.3 of their contrast; frames of its different drives in 9 bits or more and by more than 0.38.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairloom.config import Size
from pairloom.data.thumbnails import Points
from pairloom.images import UInt8Array

GREY = Size(16, 18)
"""Of the grey versions: two pixels for each area of the hash."""

_MOST_BITS = 8
"""Bits by which hashes may differ."""
_MOST_DIFFERENCE = 0.2
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

    @property
    def is_plain(self) -> bool:
        """Whether it has too little contrast to be recognised."""
        return float(self.grey.std()) < _LEAST_CONTRAST


NO_LOOK = Look(0, np.zeros(GREY, dtype=np.uint8))
"""Of pictures that are too small to have one."""


def look_of(points: Points) -> Look:
    """Return what a small picture (C×H×W) looks like."""
    brightness = points.sum(axis=0, dtype=np.int16).astype(np.float32) / len(points)
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


def find_near(looks: Sequence[Look], others: Sequence[Look]) -> list[tuple[int, int]]:
    """Find the pictures that are nearly the same as one of the others.

    Returns:
        The position of each such picture, and that of the other one.
    """
    first = [index for index, look in enumerate(looks) if not look.is_plain]
    second = [index for index, look in enumerate(others) if not look.is_plain]
    if not first or not second:
        return []
    hashes, other_hashes = (
        np.array([of[index].hash for index in indices], dtype=np.uint64)
        for of, indices in ((looks, first), (others, second))
    )
    found = []
    rows = max(1, _AT_ONCE // len(second))
    for start in range(0, len(first), rows):
        bits = np.bitwise_count(hashes[start : start + rows, None] ^ other_hashes[None])
        nearest = bits.argmin(axis=1)
        for row in np.flatnonzero(bits.min(axis=1) <= _MOST_BITS):
            one, other = first[start + int(row)], second[int(nearest[row])]
            if _difference(looks[one].grey, others[other].grey) <= _MOST_DIFFERENCE:
                found.append((one, other))
    return found


def _difference(one: UInt8Array, other: UInt8Array) -> float:
    """Return how two grey versions differ, apart from their brightness, in shares of the greater contrast."""
    first, second = (_centred(grey) for grey in (one, other))
    return float(np.sqrt(np.square(first - second).mean()) / max(first.std(), second.std()))


def _centred(grey: UInt8Array) -> NDArray[np.float64]:
    values: NDArray[np.float64] = grey.astype(np.float64)
    return values - np.mean(values)
