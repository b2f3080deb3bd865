"""Colours that are easily told from those already taken."""

from collections.abc import Collection

import numpy as np

from pairloom.palette.colour_reading import as_tuples

_LEVELS = np.linspace(0, 255, 8).round().astype(np.int64)
_GRID = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS, indexing="ij"), axis=-1).reshape(-1, 3)
"""The 512 colours that are given out: 8 levels a channel."""


def distinct_colours(count: int, taken: Collection[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Choose colours, each as far as possible from all others.

    Args:
        count: how many; together with `taken` at most 512.
        taken: colours (RGB, 0 to 255) that are in use already.

    Returns:
        As many different colours, none of them taken; always the same for the same arguments.
    """
    nearest = np.full(len(_GRID), np.iinfo(np.int64).max)
    for colour in taken:
        nearest = np.minimum(nearest, np.square(_GRID - np.array(colour)).sum(axis=1))
    chosen = []
    for _ in range(count):
        chosen.append(_GRID[nearest.argmax()])
        nearest = np.minimum(nearest, np.square(_GRID - chosen[-1]).sum(axis=1))
    return as_tuples(np.array(chosen).reshape(-1, 3))


def colour_for_void(taken: Collection[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Choose what void is drawn in: black as everywhere, or a colour far from all that are taken."""
    return (0, 0, 0) if (0, 0, 0) not in taken else distinct_colours(1, taken)[0]


def colour_beside_blends(taken: Collection[tuple[int, int, int]]) -> tuple[int, int, int]:
    """Choose what void is drawn in where the colours that are taken blend: one far from every blend of two of them."""
    colours = np.array(sorted(taken), dtype=np.float64)
    first, second = np.triu_indices(len(colours))
    start, way = colours[first], colours[second] - colours[first]
    lengths = np.maximum(np.square(way).sum(axis=1), 1)
    apart = []
    for colour in _GRID:
        along = np.clip(((colour - start) * way).sum(axis=1) / lengths, 0, 1)
        apart.append(np.square(start + along[:, None] * way - colour).sum(axis=1).min())
    return as_tuples(_GRID[[int(np.argmax(apart))]])[0]
