"""Finds targets that do not lie over their sources: mirrored, turned or shifted.

The edges of a photograph and the borders of its mask are drawn on a coarse grid, freed from what is common to whole
regions (a high-pass filter), and compared by normalised correlation: as they lie, in the seven other positions of a
square, and shifted. On CamVid's 468 pairs the edges as they lie correlate by 0.16 or more, those of a mirrored mask by
0.14 or less; edges that have nothing to do with each other correlate by 0.03 on average.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pairloom.config import Size
from pairloom.data.thumbnails import FloatArray, sampled
from pairloom.images import Picture

GRID = 64
"""Cells along the longer side at the most; each cell averages 2×2 points."""

MOST_SHIFT = 6
"""Cells by which a target may be shifted to be found out: about a tenth of the longer side."""

_NEIGHBOURHOOD = 3
"""Cells to each side whose mean is taken off each cell."""
_SLACK = 1
"""Cells of shift that are no mistake: borders are drawn by hand."""

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
    """In the best other position."""
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


def edge_points(height: int, width: int) -> Size:
    """Return the points at which the edges of a pair of this size are taken: even numbers, at most 128."""
    scale = min(GRID / max(height, width), 0.5)
    return Size(2 * max(1, round(height * scale)), 2 * max(1, round(width * scale)))


def picture_edges(small: FloatArray) -> FloatArray:
    """Return how strong the edges of a shrunk picture (2H×2W×C) are in each cell (H×W).

    The square root keeps a few strong edges from drowning all others.
    """
    edges = np.zeros(small.shape[:2], dtype=np.float32)
    edges[:, 1:] = np.abs(np.diff(small, axis=1)).max(axis=2)
    edges[1:] = np.maximum(edges[1:], np.abs(np.diff(small, axis=0)).max(axis=2))
    return _in_cells(np.sqrt(edges))


def class_borders(ids: Picture, points: Size) -> FloatArray:
    """Return how much of each cell (H×W) the borders between classes take, from ids (H×W uint8)."""
    at_points = sampled(ids.astype(np.uint8, copy=False), points)
    borders = np.zeros(at_points.shape, dtype=np.float32)
    borders[:, 1:] = at_points[:, 1:] != at_points[:, :-1]
    borders[1:] = np.maximum(borders[1:], at_points[1:] != at_points[:-1])
    return _in_cells(borders)


def agreement(source: FloatArray, target: FloatArray) -> Agreement:
    """Compare the edges of a source and of its target, both H×W."""
    first, second = _normalised(source), _normalised(target)
    turned = np.array([(first * other).sum() for other in _other_positions(second)])
    shifts = _correlations(first, second)
    middle = slice(MOST_SHIFT - _SLACK, MOST_SHIFT + _SLACK + 1)
    straight = float(shifts[middle, middle].max())
    shifts[middle, middle] = -1.0
    row, column = divmod(int(shifts.argmax()), shifts.shape[1])
    cells, position = first.size, int(turned.argmax())
    if turned[position] >= shifts[row, column]:
        return Agreement(cells, straight, float(turned[position]), position)
    height, width = first.shape
    down, right = (row - MOST_SHIFT) / height, (column - MOST_SHIFT) / width
    return Agreement(cells, straight, float(shifts[row, column]), -1, down, right)


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
        near = (np.abs(moves - np.median(moves, axis=0)) <= 1.5 / GRID).all(axis=1)
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
    height, width = points.shape
    means: FloatArray = points.reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    return means


def _normalised(edges: FloatArray) -> FloatArray:
    """Take the mean of its surroundings off each cell, and scale to a sum of squares of 1; all 0 without edges."""
    reach = _NEIGHBOURHOOD
    sums = np.pad(np.pad(edges, reach, mode="symmetric").cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    side = 2 * reach + 1
    around = sums[side:, side:] - sums[:-side, side:] - sums[side:, :-side] + sums[:-side, :-side]
    own = edges - around / side**2
    own -= own.mean()
    length = float(np.sqrt(np.square(own).sum()))
    return own / length if length > 1e-3 else np.zeros_like(own)


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
