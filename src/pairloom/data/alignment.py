"""Finds targets that do not lie over their sources: mirrored, turned or shifted.

The edges of a photograph and the borders of its mask are drawn on a coarse grid, in cells of 2×2 points. What is common
to whole regions is taken off (a high-pass filter), and the two are compared by normalised correlation: as they lie, in
the seven other positions of a square, and shifted. On CamVid's 468 pairs the edges as they lie correlate by 0.16 or
more, those of a mirrored mask by 0.14 or less; edges that have nothing to do with each other, by 0.03 on average.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairloom.data.thumbnails import Points
from pairloom.images import UInt8Array

FloatArray = NDArray[np.float32]

MOST_SHIFT = 6
"""Cells by which a target may be shifted to be found out: about a tenth of a side."""

_ALIKE_SHIFT = 0.025
"""Share of a side by which the shifts of two pairs may differ and yet have one cause."""
_NEIGHBOURHOOD = 3
"""Cells to each side whose mean is taken off each cell."""
_SLACK = 1
"""Cells of shift that are no mistake: borders are drawn by hand."""

_SURE_LEVEL = 0.3
"""Correlation of a pair that lies as it should: no other position can have twice as much by chance."""
_PLAIN_LEVEL = 0.2
"""Correlation from which a pair lies as it should, if no turn comes near it."""

_FEWEST_PAIRS = 5
"""Pairs from which what is usual in a data set can be told."""
_LEAST_LEVEL = 0.12
"""Correlation that pairs must usually have in their best position; below it edges tell nothing here."""
_LEAST_GAIN = 0.12
"""Correlation by which a pair must agree better in another position."""
_MOST = 0.6
"""Share of the pairs that must agree better in one and the same position to say so of the data set."""
_NOISE = 1.7
"""Standard deviation of the correlation of unrelated edges, times the square root of the number of cells."""


class Position(NamedTuple):
    """How a target would have to lie."""

    kind: str
    """`mirrored`, `turned` or `shifted`."""
    words: str
    """What would have to be done to it: `mirrored left to right`, say."""


POSITIONS = (
    Position("mirrored", "mirrored left to right"),
    Position("mirrored", "mirrored top to bottom"),
    Position("turned", "turned by 180 degrees"),
    Position("turned", "turned by 90 degrees anticlockwise"),
    Position("turned", "turned by 90 degrees clockwise"),
    Position("mirrored", "turned and mirrored"),
    Position("mirrored", "turned and mirrored"),
)
"""In the order of `_other_positions`; of images that are not square only the first three."""


class Agreement(NamedTuple):
    """How well the edges of a pair agree, as correlations from -1 to 1."""

    cells: int
    """Number of cells that were compared."""
    straight: float
    """As the two images lie."""
    best: float
    """In the best other position; 0 where none was tried, since it is beyond doubt."""
    position: int
    """That position: an index of `POSITIONS`, or -1 for a shift."""
    down: float = 0.0
    right: float = 0.0
    """How far the target would have to be moved, as shares of its height and width."""


class Misalignment(NamedTuple):
    """A position in which the target of one pair, or of most pairs, agrees better."""

    position: Position
    pairs: tuple[int, ...]
    """Indices of the pairs."""


def picture_edges(points: Points) -> FloatArray:
    """Return how strong the edges of a small picture (C×2H×2W) are in each cell (H×W).

    The square root keeps a few strong edges from drowning all others.
    """
    edges = np.zeros(points.shape[1:], dtype=np.int16)
    edges[:, 1:] = np.abs(points[:, :, 1:] - points[:, :, :-1]).max(axis=0)
    np.maximum(edges[1:], np.abs(points[:, 1:] - points[:, :-1]).max(axis=0), out=edges[1:])
    return _in_cells(np.sqrt(edges, dtype=np.float32))


def class_borders(ids: UInt8Array) -> FloatArray:
    """Return how much of each cell (H×W) the borders between classes take, from the ids at the points (2H×2W)."""
    borders = np.zeros(ids.shape, dtype=np.bool_)
    borders[:, 1:] = ids[:, 1:] != ids[:, :-1]
    borders[1:] |= ids[1:] != ids[:-1]
    return _in_cells(borders.astype(np.float32))


def agreement(source: FloatArray, target: FloatArray) -> Agreement:
    """Compare the edges of a source and of its target, both H×W."""
    first, second = _normalised(source), _normalised(target)
    flat = first.ravel()
    straight = float(flat @ second.ravel())
    if straight > _SURE_LEVEL:
        return Agreement(first.size, straight, 0.0, 0)
    turned = [float(flat @ other.ravel()) for other in _other_positions(second)]
    best = max(turned)
    position, down, right = turned.index(best), 0, 0
    if straight < max(_PLAIN_LEVEL, 2 * best):  # else no shift can be much better
        shifts = _correlations(first, second)
        middle = slice(MOST_SHIFT - _SLACK, MOST_SHIFT + _SLACK + 1)
        straight = float(shifts[middle, middle].max())
        shifts[middle, middle] = -1.0
        if shifts.max() > best:
            best, position = float(shifts.max()), -1
            down, right = (int(at) - MOST_SHIFT for at in np.unravel_index(shifts.argmax(), shifts.shape))
    return Agreement(first.size, straight, best, position, down / first.shape[0], right / first.shape[1])


def find_misaligned(agreements: Sequence[Agreement]) -> tuple[Misalignment | None, tuple[Misalignment, ...]]:
    """Find the pairs of a data set whose edges clearly agree better in another position.

    Nothing is said where the edges of most pairs tell nothing, of single pairs that might be chance, and of fewer
    than 5 pairs.

    Returns:
        The position in which most pairs agree better, None as a rule; and single pairs that differ from the others.
    """
    if len(agreements) < _FEWEST_PAIRS:
        return None, ()
    level = float(np.median([max(pair.straight, pair.best) for pair in agreements]))
    noise = _NOISE / np.sqrt(np.median([pair.cells for pair in agreements]))
    if level < max(_LEAST_LEVEL, 2 * noise):
        return None, ()
    better = [index for index, pair in enumerate(agreements) if pair.best - pair.straight >= _LEAST_GAIN / 2 + noise]
    for group in _alike(agreements, better):
        if len(group) >= max(_FEWEST_PAIRS, _MOST * len(agreements)):
            return Misalignment(_position(agreements, group), tuple(group)), ()
    clear = (index for index in better if _is_clear(agreements[index], level))
    return None, tuple(Misalignment(_position(agreements, [index]), (index,)) for index in clear)


def _is_clear(pair: Agreement, level: float) -> bool:
    """Tell whether a pair agrees so much better in another position that chance is out of question."""
    noise = _NOISE / np.sqrt(pair.cells)
    return (
        pair.best >= max(0.6 * level, 3 * noise)
        and pair.straight <= 0.5 * pair.best
        and pair.best - pair.straight >= max(_LEAST_GAIN, 4 * noise)
    )


def _alike(agreements: Sequence[Agreement], indices: Sequence[int]) -> list[list[int]]:
    """Group pairs by the position in which they agree better; shifts belong together where they are nearly equal."""
    groups: dict[int, list[int]] = {}
    for index in indices:
        groups.setdefault(agreements[index].position, []).append(index)
    shifted = groups.pop(-1, [])
    if shifted:
        moves = np.array([[agreements[index].down, agreements[index].right] for index in shifted])
        near = (np.abs(moves - np.median(moves, axis=0)) <= _ALIKE_SHIFT).all(axis=1)
        groups[-1] = [index for index, belongs in zip(shifted, near, strict=True) if belongs]
    return list(groups.values())


def _position(agreements: Sequence[Agreement], indices: Sequence[int]) -> Position:
    first = agreements[indices[0]]
    if first.position >= 0:
        return POSITIONS[first.position]
    down, right = (float(np.median([agreements[index][axis] for index in indices])) for axis in (4, 5))
    moves = [
        f"{abs(share):.0%} of its {side} {forward if share > 0 else backward}"
        for share, side, forward, backward in ((down, "height", "down", "up"), (right, "width", "right", "left"))
        if round(abs(share), 2)
    ]
    return Position("shifted", "moved by " + " and ".join(moves))


def _in_cells(points: FloatArray) -> FloatArray:
    """Add up the 2×2 points of each cell."""
    sums: FloatArray = points[::2, ::2] + points[1::2, ::2] + points[::2, 1::2] + points[1::2, 1::2]
    return sums


def _normalised(edges: FloatArray) -> FloatArray:
    """Take the mean of its surroundings off each cell, and scale to a sum of squares of 1; all 0 without edges."""
    own = edges - _averaging(edges.shape[0]) @ edges @ _averaging(edges.shape[1]).T
    own -= own.sum() / np.float32(own.size)
    length = float(np.vdot(own, own)) ** 0.5
    return (own / length if length > 1e-3 else np.zeros_like(own)).astype(np.float32, copy=False)


@cache
def _averaging(length: int) -> FloatArray:
    """Return the matrix that averages each cell of a column with those around it."""
    places = np.arange(length)
    near = (np.abs(places[:, None] - places) <= _NEIGHBOURHOOD).astype(np.float32)
    matrix: FloatArray = near / near.sum(axis=1, keepdims=True)
    return matrix


def _other_positions(edges: FloatArray) -> list[FloatArray]:
    positions = [edges[:, ::-1], edges[::-1], edges[::-1, ::-1]]
    if edges.shape[0] == edges.shape[1]:
        positions += [np.rot90(edges), np.rot90(edges, -1), edges.T, edges[::-1, ::-1].T]
    return positions


def _correlations(first: FloatArray, second: FloatArray) -> FloatArray:
    """Return how `second`, moved by -6 to 6 cells down (rows) and right (columns), correlates with `first`."""
    shape = (first.shape[0] + MOST_SHIFT, first.shape[1] + MOST_SHIFT)
    spectrum = np.fft.rfft2(first, shape) * np.conj(np.fft.rfft2(second, shape))
    moved = np.fft.irfft2(spectrum, shape)
    side = 2 * MOST_SHIFT + 1
    return np.roll(moved, (MOST_SHIFT, MOST_SHIFT), axis=(0, 1))[:side, :side].astype(np.float32)
