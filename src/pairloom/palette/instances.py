"""Telling masks that number objects, instance by instance, from masks that number classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairloom.palette.areas import Census, Totals
from pairloom.palette.classes import MOST_CLASSES

_FEWEST_FILES = 6
"""Fewer files say nothing about how numbers recur."""
_OBJECTS = 5
"""Objects in an image, by the median, from which numbers of their own in each file are told from rare classes."""
_OWN_SHARE = 0.85
"""Of the numbers, those that occur in one file alone: of classes, few do."""
_LARGE_OWN_SHARE = 0.6
"""The same where there are numbers above 254, as a class and an instance written as one make them."""
_TIMES = 3
"""All files together hold so many times the numbers of one."""
_COUNTED_SHARE = 0.9
"""Of the files, those whose numbers are exactly those of objects."""
_DIFFERENT = 3
"""Counts of objects that must differ: classes are the same in most files."""
_RECURRING = 0.5
"""Of the files, those that may hold the same number of an object by chance."""
_BROKEN = 1.1
"""Connected areas to a number, since objects in front break others."""
_PLAIN = 2**62
"""Numbers below this count objects alone."""
_SIDE = 128
"""Objects are counted at this size at the most, in pixels per side."""


def own_numbers(censuses: Sequence[Census], totals: Totals) -> bool:
    """Tell whether most numbers (or colours) occur in a file or two, as instances do, though files hold several."""
    if len(censuses) < _FEWEST_FILES:
        return False
    held = float(np.median([len(census.codes) for census in censuses]))
    if held < _OBJECTS or len(totals.codes) < _TIMES * held:
        return False
    large = totals.codes[-1] > MOST_CLASSES
    rare = totals.files <= (2 if large else 1)
    return bool(rare.mean() > (_LARGE_OWN_SHARE if large else _OWN_SHARE))


def counts_objects(maps: Sequence[NDArray[np.integer[Any]]]) -> bool:
    """Tell whether the numbers of maps (H×W) are those of objects.

    Each is one connected area then; and numbers either count from 1 (or, behind a class, from 0 or 1: 26000, 26001 …),
    further in maps with more objects, or hardly recur from map to map.
    """
    if len(maps) < _FEWEST_FILES:
        return False
    found = [np.unique(codes[codes > 0]).astype(np.int64) for codes in maps]
    if not (_count(found) or _hardly_recur(found)):
        return False
    alone = [_areas(codes) <= _BROKEN * len(numbers) for codes, numbers in zip(maps, found, strict=True)]
    return bool(np.mean(alone) >= _COUNTED_SHARE)


def _count(found: Sequence[NDArray[np.int64]]) -> bool:
    """Tell whether the numbers of each map count without gaps, further in some than in others."""
    largest = [len(numbers) for numbers in found]
    if len(set(largest)) < _DIFFERENT or max(largest) < max(_OBJECTS, 1.5 * min(largest)):
        return False
    for behind in (_PLAIN, 1000, 256):
        counted = []
        for numbers in found:
            classes, counts = numbers // behind, numbers % behind
            groups = (
                [counts[classes == label] for label in np.unique(classes[classes > 0])]
                if behind != _PLAIN
                else [numbers]
            )
            whole = [len(group) and group[0] in (0, 1) and group[-1] - group[0] == len(group) - 1 for group in groups]
            plain = [group[0] == 1 or behind != _PLAIN for group in groups if len(group)]
            counted.append(
                bool(groups) and all(whole) and all(plain) and (behind == _PLAIN or max(map(len, groups)) > 1)
            )
        if np.mean(counted) >= _COUNTED_SHARE:
            return True
    return False


def _hardly_recur(found: Sequence[NDArray[np.int64]]) -> bool:
    """Tell whether there are many numbers, and none beside the background's is in many maps."""
    held = float(np.median([len(numbers) for numbers in found]))
    numbers, files = np.unique(np.concatenate(found), return_counts=True)
    return held >= _OBJECTS and len(numbers) >= _TIMES * held and files.max() <= _RECURRING * len(found)


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
