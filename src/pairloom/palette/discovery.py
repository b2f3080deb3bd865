"""Finding out from a sample of targets whether they show classes, and which."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from pairloom.errors import UserError
from pairloom.palette.areas import Census, Totals, add_up, area_share, is_shaded, take_census
from pairloom.palette.cityscapes import CITYSCAPES
from pairloom.palette.classes import MOST_CLASSES, VOID, Colour, Palette, UInt8Array
from pairloom.palette.colour_reading import as_tuples, nearest_colours, pack, unpack
from pairloom.palette.distinct import colour_beside_blends, colour_for_void, distinct_colours
from pairloom.palette.flat_colours import area_colours
from pairloom.palette.soft_edges import CONTINUOUS, SHARP, has_blends, soft_areas

LARGEST_SURE_INDEX = 63
"""Small values are taken for class numbers; an 8-bit picture of grey tones has larger ones."""
_MOST_LEVELS = 32
"""Grey levels beyond this number are tones, not classes."""
_VOID_16 = 65535
"""What 16 bits hold where 8 hold 255."""
_TONES, _AREAS, _FEW = 0.4, 0.75, 4
"""Shares of equal neighbours below which values are tones, and above which they are areas; few values are no tones."""
_MOST_STEPS = 12
"""Equal steps from black to white that classes are drawn in; finer ones fit any numbers."""
_GREYS_OF_COLOURS = (
    frozenset({0, 29, 76, 105, 150, 179, 226, 255}),
    frozenset({0, 18, 54, 73, 182, 201, 237, 255}),
)
"""The luma (ITU-R BT.601 and BT.709) of black, blue, red, magenta, green, cyan, yellow and white."""
_MOST_COLOURS = 64
_NEARLY_ALL = 0.999
_JUMP = 8
"""Levels by which the colours of classes differ at the least, in one channel; smooth shading has smaller steps."""
_STRAY = 1e-4
"""Of all pixels; rarer colours beside the 64 are accidents of editing."""
_CLOSE, _CLOSE_SHARE = 12, 0.7
"""Levels (Euclidean) from a colour of Cityscapes within which a pixel shows it; the share of pixels that must."""
_STRANGERS = 0.2
"""Of the colours found in JPEGs of Cityscapes, those that may be none of its own."""
_FAR_SHARE = 0.1
"""Of the pixels of JPEGs of Cityscapes, those that may have another colour."""
_CHARACTERISTIC = [
    colour
    for colour in CITYSCAPES.colours
    if sum(min(channel, VOID - channel) ** 2 for channel in colour) > 72**2  # levels from black, white or a pure colour
]
_SEVERAL = 3
"""Colours like road's 128 64 128 that nobody chooses by chance; red on black may be anything."""
_NEARLY_AREAS = 0.95
"""Of the pixels, those of colours that fill areas, from which each colour is a class."""
_PIXELS_A_COLOUR = 8
"""Fewer pixels for each different colour tell nothing: a tiny photograph has few colours as well."""


def find_indices(
    counts: Mapping[int, int],
    table: Sequence[Colour] | None = None,
    flat_share: float | None = None,
    *,
    areas: bool = False,
    whole: bool = True,
) -> Palette | None:
    """Find the classes of targets with one channel.

    Small values are class numbers, and 255 is void among them. Else few different values are grey levels that mean
    classes (masks of 0 and 255, say). Pictures with a colour table of their own always show classes. Only values that
    occur become classes.

    Args:
        counts: pixels of each value in a sample.
        table: the colour table that the files have, if they have one: the colour of each value from 0.
        flat_share: share of the pixels that equal their neighbour, 0 to 1, where it is known: small values that
            change from pixel to pixel are dark tones, and large ones in flat areas are class numbers.
        areas: whether nearly all pixels are known to have a value that fills areas, so that many values are no tones.
        whole: whether the sample is all that there is. If not, class numbers that it lacks between others may occur
            elsewhere, and become classes where most of the numbers occur.

    Returns:
        The palette, named 'found', its classes named by their numbers, or by their position where values are grey
        levels; or None where the values are the tones of greyscale pictures.
    """
    present = sorted(value for value, count in counts.items() if count)
    if not present or present[0] < 0 or present[-1] > 65535:
        return None
    unset = {VOID, _VOID_16} if present[-1] == _VOID_16 and len(present) > 2 and present[-2] <= VOID else {VOID}
    numbers = [value for value in present if value not in unset]
    # A mask of 0 and 255 has two classes; otherwise 255 beside other numbers is void.
    numbered = bool(numbers) and not (numbers == [0] and VOID in present)
    void_values = tuple(sorted(unset))
    largest = LARGEST_SURE_INDEX
    if table is None:
        tones = flat_share is not None and flat_share < _TONES
        if tones and not areas and len(present) > _FEW:
            return None
        if len(numbers) > _MOST_LEVELS and (areas or (flat_share is not None and flat_share > _AREAS)):
            largest = MOST_CLASSES - 1
    if numbered and numbers[-1] <= largest:
        values = _filled(numbers) if not whole else numbers
        return _found(values, void_values, *_table_colours(values, table or ()), values)
    if table is not None:
        values, void_values = (numbers, void_values) if numbered else (present, ())
        if len(values) > MOST_CLASSES:
            return None
        return _found(values, void_values, *_table_colours(values, table))
    if len(present) > (MOST_CLASSES if areas else _MOST_LEVELS):
        return None
    if present[-1] > 255 or (numbered and VOID in present and not _are_greys(present)):
        return _found(numbers, void_values, *_table_colours(numbers, ()), numbers)
    return _found(present, (), [(value, value, value) for value in present], (255, 0, 255))


def _are_greys(levels: Sequence[int]) -> bool:
    """Tell whether levels up to 255 are greys of classes, white among them, rather than class numbers with void.

    So are a few; those that are evenly spaced, or multiples of one number but for white; and those of black, white and
    the pure colours, turned to grey.
    """
    if len(levels) <= _FEW or any(greys.issuperset(levels) for greys in _GREYS_OF_COLOURS):
        return True
    even = any(
        all(abs(level - round(level / VOID * steps) * VOID / steps) <= 1 for level in levels)
        for steps in range(2, _MOST_STEPS + 1)
    )
    return even or math.gcd(*levels[:-1]) >= VOID // _MOST_STEPS


def _filled(numbers: list[int]) -> list[int]:
    """Return class numbers with those between them that a sample lacks, where it lacks fewer than half."""
    every = list(range(min(numbers[0], 1), numbers[-1] + 1))
    return every if len(every) < 2 * len(numbers) else numbers


def _table_colours(values: Sequence[int], table: Sequence[Colour]) -> tuple[list[Colour], Colour]:
    """Return a colour for each value and one for void, all different: the table's where it has one, else new ones.

    Tables are often filled up with black or with greys, so of the values with the same colour the first keeps it.
    """
    own: dict[Colour, int] = {}
    for value in values:
        if value < len(table):
            own.setdefault((int(table[value][0]), int(table[value][1]), int(table[value][2])), value)
    kept = {value: colour for colour, value in own.items()}
    void_colour = colour_for_void(kept.values())
    lacking = [value for value in values if value not in kept]
    new = distinct_colours(len(lacking), [*kept.values(), void_colour])
    kept.update(zip(lacking, new, strict=True))
    return [kept[value] for value in values], void_colour


class SoftEdgesError(UserError):
    """Edges are so wide that the pictures may be soft class maps or continuous values."""


def find_colours(
    pictures: Sequence[UInt8Array],
    *,
    lossy: bool = False,
    any_width: bool = False,
    censuses: Sequence[Census] | None = None,
) -> Palette | None:
    """Find the classes of colour-coded targets, also of those with soft edges or saved as JPEG (quality 75 and better).

    Pictures that consist of few colours, with steps between them, show classes in exactly these colours. So do
    pictures of flat areas in few colours with blends at the areas' borders; see `flat_colours` and `soft_edges`.
    Either kind is read by `CITYSCAPES` if its colours are those of Cityscapes.

    Args:
        pictures: a sample of the targets, each H×W×3, RGB, 0 to 255.
        lossy: whether their files are compressed so that colours change.
        any_width: take areas for classes however wide their edges are.
        censuses: of the pictures' colours, where they have been taken.

    Returns:
        `CITYSCAPES`; or a palette named 'found', the most frequent colour first; or None where the pictures are
        photographs or otherwise shaded, or show one colour alone.

    Raises:
        SoftEdgesError: where edges are too wide for class maps, and too narrow for mattes.
    """
    filled = [picture for picture in pictures if picture.size]
    if not filled:
        return None
    censuses = censuses or [take_census(pack(picture)) for picture in filled]
    totals = add_up(censuses)
    if has_blends(filled, totals, lossy=lossy):
        return _soft_classes(filled, totals, lossy, any_width)
    exact = _exact_colours(filled, totals, areas=not lossy and not is_shaded(censuses))
    colours = exact or area_colours(filled, _MOST_COLOURS)
    if colours is None or len(colours) < 2:
        soft = None if exact else _soft_classes(filled, totals, lossy, any_width)
        return CITYSCAPES if soft is None and _shows_cityscapes(filled) else soft
    # Among exact colours, a single strange one is a class of the user's own; among others, it may be a blend.
    if _is_cityscapes(filled, colours, strangers=0.0 if exact else _STRANGERS):
        return CITYSCAPES
    return _found(range(len(colours)), (), colours, colour_for_void(colours))


def _soft_classes(pictures: Sequence[UInt8Array], totals: Totals, lossy: bool, any_width: bool) -> Palette | None:
    """Find the classes of pictures with blends at borders."""
    grey = bool((unpack(totals.codes) == totals.codes[:, None] & 255).all())
    colours = None if grey or len(totals.codes) <= MOST_CLASSES else area_colours(pictures, _MOST_COLOURS)
    width = 0.0
    if colours is None or len(colours) < 2:
        soft = soft_areas(pictures, totals, _MOST_COLOURS, lossy=lossy)
        if soft is None:
            return None
        colours, width = soft.colours, soft.width
    # JPEG keeps tints at half of the resolution, and mattes have none.
    sharp = SHARP if grey else CONTINUOUS
    if width > sharp and not any_width:
        if width >= CONTINUOUS:
            return None
        raise SoftEdgesError(
            f"the edges of areas are {width:.1f} pixels wide, so these may be soft masks or continuous values such as "
            "mattes; say which by --data.target classes or images"
        )
    if _is_cityscapes(pictures, colours, _STRANGERS):
        return CITYSCAPES
    return _found(range(len(colours)), (), colours, colour_beside_blends(colours))


def _exact_colours(pictures: Sequence[UInt8Array], totals: Totals, *, areas: bool) -> list[Colour] | None:
    """Return the colours, frequent ones first, of pictures that have few and that do not blend into each other."""
    counts, pixels = totals.counts, totals.pixels
    order = np.argsort(-counts, kind="stable")
    areas = areas and area_share(totals) > _NEARLY_AREAS and totals.flat_share > _AREAS
    if areas and len(order) <= MOST_CLASSES:
        return as_tuples(unpack(totals.codes[order]))
    order = order[:_MOST_COLOURS]
    if counts[order].sum() < _NEARLY_ALL * pixels or pixels < _PIXELS_A_COLOUR * len(order) or _is_shaded(pictures):
        return None
    if len(counts) > _MOST_COLOURS:
        order = order[counts[order] >= _STRAY * pixels]
    return as_tuples(unpack(totals.codes[order]))


def _is_shaded(pictures: Sequence[UInt8Array]) -> bool:
    """Tell whether most steps from a pixel to the next, where there is a step, are as small as in smooth shading."""
    steps, jumps = 0, 0
    for picture in pictures:
        for axis in (0, 1):
            size = np.abs(np.diff(picture.astype(np.int16), axis=axis)).max(axis=2)
            steps += int((size > 0).sum())
            jumps += int((size > _JUMP).sum())
    return jumps < steps / 2


def _shows_cityscapes(pictures: Sequence[UInt8Array]) -> bool:
    """Tell whether most pixels are close to Cityscapes' colours, several of its own among them.

    Small pictures of many small things have no areas in which to find colours; known ones need none. Of such JPEGs 97 %
    of the pixels are so close, of CamVid's photographs 6 %.
    """
    known = np.array(CITYSCAPES.colours, dtype=np.int32)
    counts, pixels = np.zeros(len(known)), 0
    for picture in pictures:
        nearest, apart = nearest_colours(picture, known)
        counts += np.bincount(nearest[apart <= _CLOSE**2], minlength=len(known))
        pixels += nearest.size
    own = [CITYSCAPES.colours.index(colour) for colour in _CHARACTERISTIC]
    return bool(counts.sum() > _CLOSE_SHARE * pixels and (counts[own] > 0.01 * pixels).sum() >= _SEVERAL)


def _is_cityscapes(pictures: Sequence[UInt8Array], colours: list[Colour], strangers: float) -> bool:
    """Tell whether several colours are Cityscapes' own, and all but a share of strangers and nearly all pixels fit."""
    known = np.array([*CITYSCAPES.colours, CITYSCAPES.void_colour, *CITYSCAPES.void_colours], dtype=np.int32)
    nearest, apart = nearest_colours(np.array([colours], dtype=np.uint8), known)
    fits = apart <= _JUMP**2
    own = set(nearest[fits].tolist()) & {CITYSCAPES.colours.index(colour) for colour in _CHARACTERISTIC}
    if len(own) < _SEVERAL or (~fits).mean() > strangers:
        return False
    pixels = sum(picture.shape[0] * picture.shape[1] for picture in pictures)
    far = sum(CITYSCAPES.far_share(picture) * picture.shape[0] * picture.shape[1] for picture in pictures)
    return bool(far / pixels < _FAR_SHARE)


def _found(
    values: Sequence[int],
    void_values: tuple[int, ...],
    colours: list[Colour],
    void_colour: Colour,
    numbers: Sequence[int] | None = None,
) -> Palette:
    names = tuple(f"class {number}" for number in (numbers or range(len(colours))))
    return Palette("found", names, tuple(colours), (), void_colour, tuple(values), void_values)
