"""What pages show of a data set: pairs with the mask over the photograph, and what the classes look like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pairloom.config import Size
from pairloom.data.pairs import Pair
from pairloom.images import WHOLE, Picture, UInt8Array, Values, for_display, limits, without_reading
from pairloom.palette import Palette
from pairloom.report.charts import hexadecimal
from pairloom.report.overlays import overlay, spotlight
from pairloom.report.pictures import data_uri

Words = dict[str, object]
"""What a template fills in."""

SHOWN_PAIRS = 12
"""Pairs that are shown of a data set."""
PICTURED_CLASSES = 48
"""Classes that are shown in pictures, the most frequent ones; the others are named."""

_PAIR_SIDE, _PAIR_BYTES = 480, 40_000
_CLASS_SIDE, _CLASS_BYTES = 360, 20_000
"""Pixels of the longer side, and bytes, of each picture at the most: so the page stays below 5 MB."""


@dataclass(frozen=True)
class ShownClass:
    """How often a class occurs, and where it is seen best."""

    index: int
    """Class id."""
    share: float
    """Of the pixels that have a class, 0 to 1."""
    pairs: Mapping[str, int]
    """Pairs that hold it, by split."""
    clearest: Pair | None
    """The pair of which it takes the largest share."""


def spread(count: int, number: int) -> list[int]:
    """Choose so many of `count` places, evenly spaced; all where there are fewer."""
    chosen = min(count, number)
    return [(2 * place + 1) * count // (2 * chosen) for place in range(chosen)]


def shown_pair(
    pair: Pair,
    split: str,
    palette: Palette | None,
    *,
    drawn_source: bool,
    longest: int = _PAIR_SIDE,
    most_bytes: int = _PAIR_BYTES,
) -> Words:
    """Return the pictures of a pair: source, target, and the classes laid over the source.

    Args:
        pair: the pair, at any size.
        split: the split that it belongs to.
        palette: the classes of its target; None for a picture, of which the ranges of values are told instead.
        drawn_source: whether its source is a class map in its colours.
        longest: pixels of each picture's longer side at the most.
        most_bytes: bytes of each picture at the most.
    """

    def address(picture: UInt8Array, *, exact: bool) -> str:
        return data_uri(picture, exact=exact, longest=longest, most_bytes=most_bytes)

    fitted = _fitted(pair, longest)
    height, width = pair.size
    source = for_display(fitted.source, pair.source_values)
    words: Words = {
        "name": pair.name,
        "split": split,
        "size": f"{width}×{height}",
        "source": address(source, exact=drawn_source),
        "overlay": None,
        "source_range": None,
        "target_range": None,
    }
    if palette is None:
        return words | {
            "target": address(for_display(fitted.target, pair.target_values), exact=False),
            "source_range": value_range(pair.source, pair.source_values),
            "target_range": value_range(pair.target, pair.target_values),
        }
    ids = fitted.target.astype(np.uint8, copy=False)
    over = None if drawn_source else address(overlay(source, ids, palette), exact=False)
    return words | {"target": address(palette.to_colours(ids), exact=True), "overlay": over}


def shown_classes(classes: Sequence[ShownClass], palette: Palette) -> Words:
    """Return the classes that occur, the most frequent first, each with its clearest example, and those that do not."""
    found = sorted((one for one in classes if one.pairs), key=lambda one: -one.share)
    largest = max((one.share for one in found), default=1.0) or 1.0
    return {
        "found": [
            _class_words(one, palette, one.share / largest, pictured=place < PICTURED_CLASSES)
            for place, one in enumerate(found)
        ],
        "missing": [
            {"name": palette.names[one.index], "colour": hexadecimal(palette.colours[one.index])}
            for one in classes
            if not one.pairs
        ],
        "void": hexadecimal(palette.void_colour),
    }


def value_range(picture: Picture, values: Values = WHOLE) -> str:
    """Say from where to where the numbers of a picture reach, and what range is used of them."""
    empty = without_reading(picture, values)
    readings = picture if empty is None else picture[~empty]
    if not readings.size:
        return "no readings"
    low, high = limits(picture.dtype, values)
    written = f"{float(readings.min()):,.6g} to {float(readings.max()):,.6g} in a range of {low:,.6g} to {high:,.6g}"
    return written if empty is None else f"{written}, {empty.mean():.0%} without a reading"


def _class_words(one: ShownClass, palette: Palette, bar: float, *, pictured: bool) -> Words:
    colour = palette.colours[one.index]
    words: Words = {
        "name": palette.names[one.index],
        "colour": hexadecimal(colour),
        "rgb": colour,
        "share": one.share,
        "bar": bar,
        "pairs": [f"{count:,} {split}" for split, count in one.pairs.items()],
        "picture": None,
    }
    if one.clearest is None or not pictured:
        return words
    fitted = _fitted(one.clearest, _CLASS_SIDE)
    picture = spotlight(for_display(fitted.source, one.clearest.source_values), fitted.target == one.index, colour)
    return words | {
        "picture": data_uri(picture, longest=_CLASS_SIDE, most_bytes=_CLASS_BYTES),
        "example": one.clearest.name,
    }


def _fitted(pair: Pair, longest: int) -> Pair:
    """Reduce a pair before classes are laid over it, so that outlines stay thin and whole."""
    scale = min(1.0, longest / max(pair.size))
    return pair.resized(Size(*(max(1, round(side * scale)) for side in pair.size)))
