"""Finds out from a sample of files what one side of a data set holds: classes, and which, or pictures."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from pairloom.cores import cores
from pairloom.data.layouts import Part
from pairloom.data.sides import ColourReader, IndexReader, Reader, half
from pairloom.errors import UserError
from pairloom.images import UInt8Array, colour_table, for_display, inspect, read_indices, read_picture
from pairloom.palette import Palette, find_colours, find_indices

Result = TypeVar("Result")

COLOUR_SAMPLE = 24
"""Pictures that are looked at; their colours are clustered, which takes a moment each."""
INDEX_SAMPLE = 200
"""Label maps that are looked at; a class that none of these holds would be refused later."""


class Classes(NamedTuple):
    """What is known of the class maps of one side."""

    palette: Palette
    reader: Reader
    far_share: float | None = None
    """Share of a sample's pixels that are far from every colour; None where the maps hold values."""


def find_classes(parts: Sequence[Part], known: Palette | None = None) -> Classes | None:
    """Tell which classes the images of one side hold, and how they are read; None for pictures.

    Args:
        parts: the images of the side, of which a sample spread over all is read.
        known: the classes, if they are; what is left to find is whether files hold their values or their colours.
            Files that cannot be read are passed over here, and named when their turn comes.
    """
    if not parts:
        return Classes(known, ColourReader(known)) if known else None
    chosen = _spread(parts, COLOUR_SAMPLE if known else INDEX_SAMPLE)
    with ThreadPoolExecutor(cores()) as pool:
        kinds = [kind for kind in pool.map(_tried(holds_values), chosen) if kind is not None]
        if kinds and all(kinds):
            return _in_values([found for found in pool.map(_tried(_values), chosen) if found], chosen, known)
        found = pool.map(_tried(_picture), _spread(chosen, COLOUR_SAMPLE))
        pictures = [picture for picture in found if picture is not None]
    palette = known or (find_colours(pictures) if pictures else None)
    if palette is None:
        return None
    if not pictures:
        return Classes(palette, ColourReader(palette))
    return Classes(palette, ColourReader(palette), float(np.mean([palette.far_share(image) for image in pictures])))


def _in_values(samples: Sequence[Mapping[int, int]], parts: Sequence[Part], known: Palette | None) -> Classes | None:
    """Tell which classes label maps hold, by how often each value occurs in each of them."""
    counts: Counter[int] = Counter()
    for sample in samples:
        counts.update(sample)
    if known:
        fits = not known.outside(np.array(sorted(counts)))
        return Classes(known, IndexReader(known) if fits else ColourReader(known))
    table = next(filter(None, map(_tried(lambda part: colour_table(part.path)), parts)), None)
    palette = find_indices(counts, table) if counts else None
    return Classes(palette, IndexReader(palette)) if palette else None


def _tried(read: Callable[[Part], Result]) -> Callable[[Part], Result | None]:
    """Return a reader that gives None for files that cannot be read."""

    def attempt(part: Part) -> Result | None:
        try:
            return read(part)
        except UserError:
            return None

    return attempt


def _picture(part: Part) -> UInt8Array:
    return half(for_display(read_picture(part.path)), part)


def holds_values(part: Part) -> bool:
    """Tell whether a file holds one whole number a pixel, which may stand for a class."""
    info = inspect(part.path)
    return (info.channels == 1 and info.dtype != "float32") or colour_table(part.path) is not None


def _values(part: Part) -> dict[int, int]:
    """Return how often each value occurs in a label map."""
    counts = np.bincount(half(read_indices(part.path), part).ravel())
    values = np.flatnonzero(counts)
    return dict(zip(values.tolist(), counts[values].tolist(), strict=True))


def _spread(parts: Sequence[Part], count: int) -> list[Part]:
    """Choose so many, evenly spaced."""
    places = np.linspace(0, len(parts) - 1, min(count, len(parts))).round().astype(int)
    return [parts[place] for place in places]
