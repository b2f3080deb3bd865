"""Telling masks that number objects, instance by instance, from masks that number classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairloom.palette.areas import Census, Totals

_FEWEST_FILES = 6
"""Fewer files say nothing about how numbers recur."""
_OBJECTS = 5
"""Objects in an image, by the median, from which numbers of their own in each file are told from rare classes."""
_OWN_SHARE = 0.85
"""Of the numbers, those that occur in one file alone: of classes, few do."""
_LARGE_OWN_SHARE = 0.6
"""The same where there are numbers above 254, as a class and an instance written as one make them."""
_LARGE = 254
_TIMES = 3
"""All files together hold so many times the numbers of one."""
_COUNTED_SHARE = 0.9
"""Of the files, those that hold exactly the numbers from 1 to that of their objects."""
_SIDE = 128
"""Objects are counted at this size at the most, in pixels a side."""


def own_numbers(censuses: Sequence[Census], totals: Totals) -> bool:
    """Tell whether most numbers (or colours) occur in a file or two, as instances do, though files hold several."""
    if len(censuses) < _FEWEST_FILES:
        return False
    held = float(np.median([len(census.codes) for census in censuses]))
    if held < _OBJECTS or len(totals.codes) < _TIMES * held:
        return False
    large = totals.codes[-1] > _LARGE
    rare = totals.files <= (2 if large else 1)
    return bool(rare.mean() > (_LARGE_OWN_SHARE if large else _OWN_SHARE))


def counts_objects(maps: Sequence[NDArray[np.integer[Any]]]) -> bool:
    """Tell whether the numbers of maps (H×W) count objects: 1 to as many as there are connected areas beside 0."""
    if len(maps) < _FEWEST_FILES:
        return False
    found = [np.unique(codes[codes != 0]) for codes in maps]
    largest = [len(codes) for codes in found]
    counted = [bool(len(codes)) and codes[0] == 1 and codes[-1] == len(codes) for codes in found]
    if np.mean(counted) < _COUNTED_SHARE or len(set(largest)) < 3 or max(largest) < max(_OBJECTS, 1.5 * min(largest)):
        return False
    alone = [_areas(codes) == number for codes, number in zip(maps, largest, strict=True)]
    return bool(np.mean(alone) >= _COUNTED_SHARE)


def _areas(codes: NDArray[np.integer[Any]]) -> int:
    """Count the connected areas (8 neighbours) of equal numbers other than 0."""
    step = max(1, -(-max(codes.shape) // _SIDE))
    codes = codes[::step, ::step]
    names = np.where(codes != 0, np.arange(1, codes.size + 1).reshape(codes.shape), 0)
    while True:
        before = names.copy()
        for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
            a = (slice(0, codes.shape[0] - down), slice(max(0, -across), codes.shape[1] - max(0, across)))
            b = (slice(down, None), slice(max(0, across), codes.shape[1] - max(0, -across)))
            least = np.where(codes[a] == codes[b], np.minimum(names[a], names[b]), 0)
            names[a] = np.where(least > 0, least, names[a])
            least = np.where(codes[a] == codes[b], np.minimum(names[a], names[b]), 0)
            names[b] = np.where(least > 0, least, names[b])
        if (names == before).all():
            return len(np.unique(names[names > 0]))
