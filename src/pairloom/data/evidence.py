"""Telling from a sample of mask files where in them the classes are: in numbers, in a channel, in colours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pairloom.data.encodings import COLOURS, Encoding
from pairloom.images.masks import StoredMask
from pairloom.palette import Colour
from pairloom.palette.colour_reading import as_tuples, pack, unpack
from pairloom.palette.distinct import distinct_colours

_SMALL_NUMBER = 63
"""Numbers up to this are class numbers, whatever a file says of brightness."""
_HIGH_BYTE = 31
"""Green up to this, without any blue, is the high byte of a number: as a colour it would hardly be seen."""
_MOST_COLOURS = 64
_PAINTED = 0.01
"""Share of a picture from which black beside transparent pixels is a colour of its own."""

Stored = tuple[Path, StoredMask]


def find_encoding(masks: Sequence[Stored]) -> Encoding | None:
    """Tell how a sample of files holds classes, if it does; None for pictures of many channels.

    Raises:
        UserError: for channels that are classes and overlap.
    """
    stored = [mask for _, mask in masks]
    if _alpha_varies(stored):
        return _transparent(stored)
    if any(mask.values.ndim == 3 and mask.values.shape[2] != 3 for mask in stored):
        return _in_planes(masks)
    inverted = any(
        mask.white_is_zero and (mask.one_bit or mask.values.max(initial=0) > _SMALL_NUMBER) for mask in stored
    )
    if all(_is_single(mask.values) for mask in stored):
        return _in_tables(stored, inverted)
    if all(mask.values.ndim == 3 for mask in stored):
        if _is_one_hot([mask.values for mask in stored], largest=1):
            return _in_planes(masks)
        used = [channel for channel in range(3) if any(mask.values[:, :, channel].any() for mask in stored)]
        if len(used) == 1:
            return Encoding("channel", used[0])
        if used == [0, 1] and max(int(mask.values[:, :, 1].max()) for mask in stored) <= _HIGH_BYTE:
            return Encoding("packed")
    return COLOURS


def _is_single(values: NDArray[Any]) -> bool:
    """Tell whether there is one whole number per pixel, be it in three equal channels."""
    if values.ndim == 3:
        return bool((values == values[:, :, :1]).all())
    if values.dtype.kind != "f":
        return True
    known = values[~np.isnan(values)]
    return bool((known == np.rint(known)).all())


def _alpha_varies(stored: Sequence[StoredMask]) -> bool:
    levels = {
        level for mask in stored if mask.alpha is not None for level in (int(mask.alpha.min()), int(mask.alpha.max()))
    }
    if any(mask.alpha is None for mask in stored) and levels:
        levels.add(255)
    return len(levels) > 1


def _transparent(stored: Sequence[StoredMask]) -> Encoding:
    """Tell whether opacity alone is the mask, or colours are that transparency erases."""
    shown: set[int] = set()
    black = False
    for mask in stored:
        colours = _rgb(mask)
        seen = np.ones(colours.shape, bool) if mask.alpha is None else mask.alpha > 0
        shown.update(np.unique(colours[seen]).tolist())
        black |= bool(not seen.all() and (seen & (colours == 0)).mean() >= _PAINTED)
    if len(shown) < 2:
        return Encoding("alpha")
    if not black or len(shown) > _MOST_COLOURS:
        return Encoding("colours", beneath=(0, 0, 0))
    taken = as_tuples(unpack(np.array(sorted(shown), np.int32)))
    return Encoding("colours", beneath=distinct_colours(1, taken)[0])


def _rgb(mask: StoredMask) -> NDArray[np.int32]:
    """Return the colours that lie beneath the transparency, each as one number."""
    values = mask.values.astype(np.uint8, copy=False)
    if mask.table is not None:
        values = np.array(mask.table, dtype=np.uint8)[np.minimum(values, len(mask.table) - 1)]
    elif values.ndim == 2:
        values = np.repeat(values[:, :, None], 3, axis=2)
    return pack(values[:, :, :3])


def _in_planes(masks: Sequence[Stored]) -> Encoding | None:
    """Tell whether each channel is a class."""
    planes = [mask.values for _, mask in masks if mask.values.ndim == 3]
    if len(planes) < len(masks) or not _is_one_hot(planes, largest=255):
        fourth = all(values.shape[2] == 4 and np.ptp(values[:, :, 3]) == 0 for values in planes)
        return COLOURS if fourth and len(planes) == len(masks) else None
    encoding = Encoding("planes", unset=any(not (values != 0).any(axis=2).all() for values in planes))
    for path, mask in masks:
        encoding.numbers(mask, path)  # raises where they overlap
    return encoding


def _is_one_hot(planes: Sequence[NDArray[Any]], largest: int) -> bool:
    """Tell whether all channels hold yes and no alone, written as 0 and 1 (or 0 and 255), and are as many."""
    if len({values.shape[2] for values in planes}) > 1:
        return False
    full = {values.max(initial=0) for values in planes} - {0}
    if len(full) != 1 or not full <= {1, largest}:
        return False
    return all(bool(((values == 0) | (values == max(full))).all()) for values in planes)


def _in_tables(stored: Sequence[StoredMask], inverted: bool) -> Encoding:
    """Tell whether the indices of colour tables are numbers, or stand for their colours."""
    plain = Encoding(inverted=inverted)
    meant: dict[int, Colour] = {}
    numbers: set[int] = set()
    tables = []
    for mask in stored:
        if mask.table is None:
            numbers.update((0, 255) if mask.one_bit else np.unique(mask.values).tolist())
            continue
        used = np.flatnonzero(np.bincount(mask.values.ravel())).tolist()
        colours = {index: mask.table[index] if index < len(mask.table) else (0, 0, 0) for index in used}
        if all(colour == (index,) * 3 for index, colour in colours.items()):
            numbers.update(used)
            continue
        tables.append(mask.table)
        if any(meant.get(index, colour) != colour for index, colour in colours.items()):
            return COLOURS
        meant.update(colours)
    if not tables:
        return plain
    greys = {colour[0] for colour in meant.values()}
    if numbers and not numbers <= meant.keys() and all(len(set(colour)) == 1 for colour in meant.values()):
        # Black and white by a table beside black and white as such.
        return COLOURS if greys >= numbers or numbers >= greys else plain
    first = tables[0]
    size = max(len(first), max(meant) + 1)
    table = tuple(meant.get(index, first[index] if index < len(first) else (0, 0, 0)) for index in range(size))
    return Encoding(inverted=inverted, table=table)
