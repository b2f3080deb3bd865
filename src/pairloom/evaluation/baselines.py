"""What can be scored without a network: how hard a data set is."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from pairloom.data.pairs import Pair
from pairloom.images import Picture, UInt8Array
from pairloom.palette import VOID

COLOUR_BINS = 32
"""Bins of each colour channel."""

CELLS = 16
"""Rows and columns of cells that the picture is divided into."""


class ColourAndPosition:
    """Guesses a pixel's class from its colour and its place alone: the class commonest there in the training pairs.

    A joint histogram of 32³ colours × 16×16 cells; a colour that a cell has never seen is judged by the colour alone,
    and one that no cell has seen by the cell alone.

    Args:
        pairs: the training pairs: RGB photographs and class maps.
        classes: how many classes there are.
    """

    def __init__(self, pairs: Iterable[Pair], classes: int) -> None:
        # Few of the 8 million bins are ever filled, so pixels are counted by key: (colour, cell, class) in one number.
        seen: list[NDArray[np.int64]] = []
        for pair in pairs:
            known = pair.target != VOID
            colours, cells = _colours(pair.source)[known], _cells(pair.target.shape)[known]
            seen.append((colours * CELLS**2 + cells) * classes + pair.target[known])
        keys, counts = np.unique(np.concatenate(seen), return_counts=True)
        bins, ids = np.divmod(keys, classes)
        colours, cells = np.divmod(bins, CELLS**2)
        self._by_colour = _commonest(colours, ids, counts, COLOUR_BINS**3, classes)
        self._by_cell = _commonest(cells, ids, counts, CELLS**2, classes)
        order = np.lexsort((counts, bins))  # the last of each bin is its commonest class
        last = np.flatnonzero(np.diff(bins[order], append=-1))
        self._bins, self._by_bin = bins[order][last], ids[order][last].astype(np.uint8)

    def predict(self, picture: Picture) -> UInt8Array:
        """Guess the classes (H×W) of a photograph (H×W×3)."""
        colours, cells = _colours(picture), _cells(picture.shape[:2])
        bins = colours * CELLS**2 + cells
        places = np.searchsorted(self._bins, bins).clip(max=len(self._bins) - 1)
        by_colour = self._by_colour[colours]
        fallback = np.where(by_colour == VOID, self._by_cell[cells], by_colour)
        guess: UInt8Array = np.where(self._bins[places] == bins, self._by_bin[places], fallback)
        return guess


def _colours(picture: Picture) -> NDArray[np.int64]:
    red, green, blue = np.moveaxis(picture.astype(np.int64) * COLOUR_BINS // 256, 2, 0)
    bins: NDArray[np.int64] = (red * COLOUR_BINS + green) * COLOUR_BINS + blue
    return bins


def _cells(shape: tuple[int, ...]) -> NDArray[np.int64]:
    rows, columns = (np.arange(side) * CELLS // side for side in shape)
    return rows[:, None] * CELLS + columns[None, :]


def _commonest(
    bins: NDArray[np.int64], ids: NDArray[np.int64], counts: NDArray[np.int64], size: int, classes: int
) -> UInt8Array:
    """Return the commonest class of each bin, `VOID` for empty ones."""
    table = np.zeros((size, classes), dtype=np.int64)
    np.add.at(table, (bins, ids), counts)
    commonest: UInt8Array = np.where(table.any(axis=1), table.argmax(axis=1), VOID).astype(np.uint8)
    return commonest
