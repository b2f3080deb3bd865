"""Finds out from a sample of files what one side of a data set holds: classes, and which, or pictures."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np

from pairloom.cores import cores
from pairloom.data.layouts import Part
from pairloom.data.readers import ColourReader, IndexReader, Reader, half
from pairloom.errors import UserError
from pairloom.images import UInt8Array, colour_table, for_display, inspect, read_indices, read_picture
from pairloom.palette import Colour, Palette, find_colours, find_indices

Result = TypeVar("Result")

COLOUR_SAMPLE = 24
"""Pictures that are looked at; their colours are clustered, which takes a moment each."""
TONES = 0.4
"""Share of equal neighbours below which greyscale pictures show tones: no colours saved as grey are in them."""
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
            samples = [sample for sample in pool.map(_tried(_values), chosen) if sample is not None]
            classes = _in_values(samples, chosen, known)
            if classes or not samples or np.mean([sample.flat_share for sample in samples]) < TONES:
                return classes
        found = pool.map(_tried(_picture), _spread(chosen, COLOUR_SAMPLE))
        pictures = [picture for picture in found if picture is not None]
    palette = known or (find_colours(pictures) if pictures else None)
    if palette is None:
        return None
    if not pictures:
        return Classes(palette, ColourReader(palette))
    return Classes(palette, ColourReader(palette), float(np.mean([palette.far_share(image) for image in pictures])))


class _Sample(NamedTuple):
    """One image that may be a label map."""

    counts: dict[int, int]
    """How often each value occurs."""
    flat_share: float
    """Share of the pixels that equal their neighbour to the right: areas are flat, tones are not."""


def _in_values(samples: Sequence[_Sample], parts: Sequence[Part], known: Palette | None) -> Classes | None:
    """Tell which classes label maps hold; None for greyscale pictures, and for colours saved as grey."""
    counts: Counter[int] = Counter()
    for sample in samples:
        counts.update(sample.counts)
    if not counts:
        return None
    table = next(filter(None, map(_tried(lambda part: colour_table(part.path)), parts)), None)
    if known is None:
        palette = find_indices(counts, table, float(np.mean([sample.flat_share for sample in samples])))
        return Classes(palette, IndexReader(palette)) if palette else None
    # What fits more pixels: the palette's values, or its colours. Neither may; reading by value then says so.
    by_value = sum(count for value, count in counts.items() if value in known.values)
    by_colour = sum(count for value, count in counts.items() if _colour(value, table) in known.colours)
    return Classes(known, IndexReader(known) if by_value >= by_colour else ColourReader(known))


def _colour(value: int, table: Sequence[Colour] | None) -> Colour:
    return table[value] if table and value < len(table) else (value, value, value)


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


def _values(part: Part) -> _Sample:
    indices = half(read_indices(part.path), part)
    counts = np.bincount(indices.ravel())
    values = np.flatnonzero(counts)
    flat = float((indices[:, 1:] == indices[:, :-1]).mean()) if indices.shape[1] > 1 else 1.0
    return _Sample(dict(zip(values.tolist(), counts[values].tolist(), strict=True)), flat)


def _spread(parts: Sequence[Part], count: int) -> list[Part]:
    """Choose so many, evenly spaced."""
    places = np.linspace(0, len(parts) - 1, min(count, len(parts))).round().astype(int)
    return [parts[place] for place in places]
