"""Finding the classes of masks that hold one number per pixel."""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairloom.data.encodings import UNSET, Encoding, read_mask
from pairloom.data.pairs import Part
from pairloom.data.readers import ColourReader, IndexReader
from pairloom.errors import UserError
from pairloom.images.masks import StoredMask
from pairloom.palette import Colour, Palette, find_indices
from pairloom.palette.areas import Census, Totals, add_up, area_share, is_shaded, take_census
from pairloom.palette.classes import MOST_CLASSES
from pairloom.palette.colour_reading import pack
from pairloom.palette.instances import counts_objects, own_numbers
from pairloom.palette.soft_edges import has_blends

_FIRST_SAMPLE, _LARGEST_SAMPLE = 200, 1000
"""Masks that are looked at; a class that none of these holds would be refused later. More are looked at while values
turn up that one file alone holds."""
_SAMPLE_PIXELS = 400_000_000
"""Pixels after which no more of them are looked at."""
_FILLED, _FLAT = 0.9, 0.5
"""Shares of the pixels whose number fills areas: from the first on numbers are no tones; below the second many
numbers are."""
_MANY_NUMBERS = 16
"""More numbers that hardly fill areas are tones."""
_TONES, _AREAS = 0.4, 0.75
"""Shares of equal neighbours: below the first greyscale pictures show tones, and no colours saved as grey; above the
second they show areas."""
_SMALL_NUMBER, _MOST_LEVELS = 63, 32
"""In channels of colour pictures, numbers up to the first, or more of them than the second, are no brightness."""
_MIXED_SHARE, _MIXED_FILES = 0.05, 2
"""Files of 0 and 255 among those of 0 and 1 that are needed to take both for the same two classes."""
_AREA_SHARE = 0.03
"""Of the pixels, those of a class number; the noise of compression in areas has fewer."""
_LOSSY_GAP = 8
"""Numbers that are nearer to each other are not told apart after lossy compression."""

Found = IndexReader | ColourReader | Literal["colours", "pictures"]


class _Look(NamedTuple):
    """What was seen of one mask."""

    path: Path
    census: Census
    one_bit: bool
    lossy: bool


def find_numbers(
    parts: Sequence[Part],
    masks: Sequence[tuple[Path, StoredMask]],
    encoding: Encoding,
    known: Palette | None,
    pool: Executor,
) -> Found:
    """Find the classes of masks that hold one number per pixel.

    Args:
        parts: the masks, of which a sample spread over all is read.
        masks: some of them, decoded.
        encoding: where in the files the numbers are.
        known: the classes, if they are.
        pool: reads files.

    Returns:
        How the masks are read; or what else they hold: colours saved as grey, or pictures.

    Raises:
        UserError: for masks that can be read in more than one way, and for those that number instances.
    """
    looks = _looks(parts, encoding, pool)
    if not looks:
        return "colours"
    whole = len(looks) == len(parts)
    encoding, looks = _two_as_one(encoding, looks, known)
    censuses = [_without_void(look.census) for look in looks]
    totals = add_up(censuses)
    if not totals.pixels:
        return "pictures"
    if totals.codes[0] < 0:
        return _refuse_negative(looks, totals)
    if known is not None:
        return _as_known(known, encoding, totals)
    in_colours = encoding.form in ("channel", "packed", "numbers") and all(mask.values.ndim == 3 for _, mask in masks)
    if in_colours and totals.codes[-1] > _SMALL_NUMBER and len(totals.codes) <= _MOST_LEVELS:
        return "colours"
    filled = area_share(totals)
    if encoding.table is None:
        lossy = any(look.lossy for look in looks)
        shaded = is_shaded(censuses)
        areas = lossy and not shaded and filled > _AREAS and totals.flat_share > _AREAS
        # Compression may part the number of an area in two, hardly ever in three.
        if areas and _least_gap(totals.codes[totals.counts > _AREA_SHARE * totals.pixels], 2) < _LOSSY_GAP:
            raise UserError(_lossy_numbers(looks, totals))
        if _has_blends(masks, encoding, lossy=lossy):
            return "colours"
        if shaded:
            return "pictures"
        if lossy and _least_gap(totals.codes, 1) < _LOSSY_GAP:
            if areas:
                raise UserError(_lossy_numbers(looks, totals))
            return "colours"
    tones = totals.flat_share < _TONES or totals.codes[-1] > 255
    if len(totals.codes) > _MANY_NUMBERS and filled < _FLAT:
        return "pictures" if tones and encoding.table is None else "colours"
    if filled > _FILLED:
        maps = [encoding.numbers(mask, path) for path, mask in masks]
        if len(totals.codes) > MOST_CLASSES + 1 or own_numbers(censuses, totals) or counts_objects(maps):
            raise UserError(refuse_numbers(looks[0].path.parent, totals, len(looks), "numbers"))
    palette = find_indices(
        dict(zip(totals.codes.tolist(), totals.counts.tolist(), strict=True)),
        encoding.table,
        totals.flat_share,
        areas=filled > _FILLED,
        whole=whole,
    )
    if palette is not None:
        return IndexReader(palette, encoding)
    return "pictures" if tones else "colours"


def _has_blends(masks: Sequence[tuple[Path, StoredMask]], encoding: Encoding, *, lossy: bool) -> bool:
    pictures = [encoding.colours(mask, path) for path, mask in masks]
    return has_blends(pictures, add_up([take_census(pack(picture)) for picture in pictures]), lossy=lossy)


def refuse_numbers(place: Path, totals: Totals, files: int, what: str) -> str:
    """Return the message for masks whose numbers (or colours) are too many for classes, or are instances'."""
    many = len(totals.codes) > MOST_CLASSES
    limit = f"more than the {MOST_CLASSES} classes that are possible" if many else "most of them in one file only"
    return (
        f"{place}: {len(totals.codes)} different {what} in {files} masks, {limit}: instance numbers, as it seems; use "
        "masks that hold classes (a semantic map, not an instance map), name a palette by --data.palette, or take them "
        "for pictures by --data.target images"
    )


def _looks(parts: Sequence[Part], encoding: Encoding, pool: Executor) -> list[_Look]:
    """Look at a sample, and at more while numbers turn up in one file alone."""
    order = _spread_out(len(parts))
    looks: list[_Look] = []
    pixels, seen = 0, 0
    while seen < len(order) and seen < _LARGEST_SAMPLE and pixels < _SAMPLE_PIXELS:
        if looks and not (add_up([look.census for look in looks]).files == 1).any():
            break
        chosen = [parts[place] for place in order[seen : seen + _FIRST_SAMPLE]]
        seen += len(chosen)
        found = [look for look in pool.map(partial(_look, encoding), chosen) if look is not None]
        pixels += sum(int(look.census.counts.sum()) for look in found)
        looks += found
    return looks


def _spread_out(count: int) -> list[int]:
    """Return all places, in rounds that are each spread evenly over all."""
    step = max(1, -(-count // _FIRST_SAMPLE))
    return [place for first in range(step) for place in range(first, count, step)]


def _look(encoding: Encoding, part: Part) -> _Look | None:
    try:
        mask = read_mask(part)
        numbers = encoding.numbers(mask, part.path)
    except UserError:
        return None
    return _Look(part.path, take_census(numbers), mask.one_bit, mask.lossy) if numbers.size else None


def _two_as_one(encoding: Encoding, looks: list[_Look], known: Palette | None) -> tuple[Encoding, list[_Look]]:
    """Take 0 and 1 in some masks for the same two classes as 0 and 255 in others."""
    held = [set(look.census.codes.tolist()) - {UNSET} for look in looks]
    ones = [look for look, codes in zip(looks, held, strict=True) if 1 in codes and codes <= {0, 1}]
    fulls = [look for look, codes in zip(looks, held, strict=True) if 255 in codes and codes <= {0, 255}]
    others = [codes for codes in held if not codes <= {0, 1} and not codes <= {0, 255}]
    one_bit = bool(ones) and all(look.one_bit for look in ones)
    if not ones or not (fulls or (one_bit and any(255 in codes for codes in others))):
        return encoding, looks
    if any(1 in codes for codes in others) or (others and not one_bit):
        return encoding, looks
    few = min(len(ones), len(fulls))
    if not one_bit and (few < _MIXED_FILES and few < _MIXED_SHARE * len(looks)):
        odd = (fulls if len(fulls) < len(ones) else ones)[0]
        raise UserError(
            f"{odd.path}: has 0 and 255 where the other masks have 0 and 1; 255 may be 1 or void. "
            "Save all masks alike, or give a --data.palette with these values"
        )
    full = 1 if known is not None and 1 in known.values and 255 not in known.values else 255
    numbers = {1: full, 255: full}
    changed = [
        look._replace(census=_renumbered(look.census, numbers)) if look in ones or look in fulls else look
        for look in looks
    ]
    return dataclasses.replace(encoding, full=full), changed


def _renumbered(census: Census, numbers: dict[int, int]) -> Census:
    codes = np.array([numbers.get(code, code) for code in census.codes.tolist()], dtype=np.int64)
    return census._replace(codes=codes)


def _without_void(census: Census) -> Census:
    kept = census.codes != UNSET
    return census._replace(codes=census.codes[kept], counts=census.counts[kept], solid=census.solid[kept])


def _refuse_negative(looks: Sequence[_Look], totals: Totals) -> Literal["pictures"]:
    """Refuse class maps with negative numbers but -1; where they are no class maps, tell so."""
    if area_share(totals) <= _FILLED or len(totals.codes) > MOST_CLASSES:
        return "pictures"
    value = int(totals.codes[0])
    path = next(look.path for look in looks if value in look.census.codes)
    raise UserError(f"{path}: holds the number {value}; classes are numbered from 0, and -1 is void. Change the others")


def _least_gap(codes: NDArray[np.int64], places: int) -> int:
    """Return the least distance of two numbers that are so many places apart, or `_LOSSY_GAP` if that is less."""
    return int((codes[places:] - codes[:-places]).min(initial=_LOSSY_GAP))


def _lossy_numbers(looks: Sequence[_Look], totals: Totals) -> str:
    """Return the message for class numbers in JPEG."""
    path = next(look.path for look in looks if look.lossy)
    return (
        f"{path}: holds the numbers {totals.codes[0]} to {totals.codes[-1]} in JPEG, which changes each by a few, so "
        "classes cannot be told; save masks as PNG from where they were made, or take them for pictures by "
        "--data.target images"
    )


def _as_known(known: Palette, encoding: Encoding, totals: Totals) -> Found:
    """Tell what fits more pixels: a palette's values, or its colours. Neither may; reading by value then says so."""
    counts = list(zip(totals.codes.tolist(), totals.counts.tolist(), strict=True))
    by_value = sum(count for value, count in counts if value in known.values)
    by_colour = sum(count for value, count in counts if _colour(value, encoding) in known.colours)
    if by_value >= by_colour:
        return IndexReader(known, encoding)
    return "colours"


def _colour(value: int, encoding: Encoding) -> Colour:
    if encoding.table is not None and value < len(encoding.table):
        return encoding.table[value]
    if encoding.form == "packed":
        return value & 255, (value >> 8) & 255, value >> 16
    if encoding.form == "channel":
        red, green, blue = (value if channel == encoding.channel else 0 for channel in range(3))
        return red, green, blue
    return value, value, value
