"""Finds out from a sample of files what one side of a data set holds: classes, and which, or pictures."""

from collections.abc import Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pairloom.cpu import cpu_count
from pairloom.data.encodings import COLOURS, Encoding, read_mask
from pairloom.data.evidence import find_encoding
from pairloom.data.numbers import find_numbers, refuse_numbers
from pairloom.data.pairs import Part
from pairloom.data.readers import Classes, ColourReader, IndexReader
from pairloom.data.sampling import evenly_spaced
from pairloom.errors import UserError
from pairloom.images import colour_table, inspect
from pairloom.images.masks import StoredMask
from pairloom.palette import ClassNames, Palette, SoftEdgesError, find_colours, name_classes
from pairloom.palette.areas import Census, add_up, area_share, is_shaded, take_census
from pairloom.palette.classes import MOST_CLASSES, VOID
from pairloom.palette.colour_reading import pack
from pairloom.palette.discovery import LARGEST_SURE_INDEX
from pairloom.palette.instances import own_numbers

COLOUR_SAMPLE = 24
"""Pictures that are looked at; their colours are clustered, which takes a moment each."""
SAMPLE_PIXELS = 48_000_000
"""Numbers that they hold together: of large pictures fewer are looked at."""
_FEW_FILES, _OWN_SHARE = 2, 0.5
"""Files in which the colours of objects occur, and the share of the colours for which this must hold."""
_FRACTIONS = 0.01
"""Share of the numbers from which fractions beyond 0 to 1 are measured, and no slip of a conversion."""
_MATTES, _SOFT_SHARE = 6, 0.01
"""Pictures whose transparency is looked at, and the share of pixels neither opaque nor clear from which it counts."""
_AT_ONCE = 4
_EXACT = 0.999
"""Share of a sample's pixels with a palette's colours from which others are no blends."""
_INSTANCES_FILL = 0.98
"""Of the pixels, those of colours that fill areas where each object has a colour; drawings have finer things."""


def palette_match(far_share: float, which: str = "target") -> str:
    """Say in words which share (0 to 1) of some pixels, those of all targets or of a sample, matches no colour."""
    return (
        f"{far_share:.2%} of {which} pixels match no palette colour"
        if far_share
        else f"all {which} pixels match the palette"
    )


def find_classes(
    parts: Sequence[Part], known: Palette | None = None, names: Sequence[ClassNames] = (), *, any_width: bool = False
) -> Classes | None:
    """Tell which classes the images of one side hold, and how they are read; None for pictures.

    Args:
        parts: the images of the side, of which a sample spread over all is read.
        known: the classes, if they are; what is left to find is whether files hold their values or their colours.
            Files that cannot be read are passed over here, and named when their turn comes.
        names: what files beside the data call the classes; the first that fits what the masks hold is used.
        any_width: whether the targets are known to be class maps, so that wide edges are soft ones.

    Raises:
        UserError: for masks that can be read in more than one way, and for those that number instances.
    """
    if not parts:
        return Classes(known, ColourReader(known)) if known else None
    with ThreadPoolExecutor(cpu_count()) as pool:
        found = _look(parts, known, any_width, pool)
    named = found is not None and found.palette.name != "found"
    if found is None or named or not isinstance(found.reader, IndexReader | ColourReader):
        return found
    palette, note = name_classes(found.palette, names, numbered=isinstance(found.reader, IndexReader))
    largest = palette.values[-1] if isinstance(found.reader, IndexReader) and palette.void_values else 0
    if LARGEST_SURE_INDEX < largest < VOID:  # such numbers may be greys, white among them
        note = "; ".join(filter(None, (note, f"class numbers go up to {largest}, and {VOID} is void")))
    return found._replace(palette=palette, reader=found.reader.with_palette(palette), note=note)


def _look(parts: Sequence[Part], known: Palette | None, any_width: bool, pool: Executor) -> Classes | None:
    masks = _sample(parts, pool)
    if not masks:
        return Classes(known, ColourReader(known)) if known else None
    encoding = find_encoding(masks)
    if encoding is None or (known is None and any(_measures(mask) for _, mask in masks)):
        return None
    if encoding.form != "colours":
        found = find_numbers(parts, masks, encoding, known, pool)
        if not isinstance(found, str):
            return Classes(found.palette, found)
        if found == "pictures" and encoding.form != "alpha":
            return None
    coloured = encoding if encoding.form in ("alpha", "colours") else COLOURS
    classes = _in_colours(masks, coloured, known, any_width, pool)
    if classes is None and encoding.form == "alpha":
        raise UserError(
            f"{masks[0][0]}: its transparency is continuous, not a class map; save the "
            "alpha channel as a separate picture"
        )
    return classes


def _measures(mask: StoredMask) -> bool:
    """Tell whether a file holds fractions in units of their own, such as heights in metres: no class and no colour."""
    if mask.values.dtype.kind != "f":
        return False
    numbers = mask.values[np.isfinite(mask.values)]
    beyond = (numbers < 0) | (numbers > 1)
    fractions = beyond & (numbers != np.round(numbers))
    return bool(fractions.sum() > _FRACTIONS * max(1, numbers.size))


def _in_colours(
    masks: Sequence[tuple[Path, StoredMask]], encoding: Encoding, known: Palette | None, any_width: bool, pool: Executor
) -> Classes | None:
    pictures = [encoding.colours(mask, path) for path, mask in masks]
    lossy = any(mask.lossy for _, mask in masks)
    palette = known
    if palette is None:
        censuses = list(pool.map(lambda picture: take_census(pack(picture)), pictures))
        _refuse_instances(censuses, masks[0][0].parent)
        try:
            palette = find_colours(pictures, lossy=lossy, any_width=any_width, censuses=censuses)
        except SoftEdgesError as error:
            raise UserError(f"{masks[0][0].parent}: {error}") from None
    if palette is None:
        return None
    far_share = float(np.mean([palette.far_share(picture) for picture in pictures]))
    exact = float(np.mean([palette.exact_share(picture) for picture in pictures]))
    return Classes(palette, ColourReader(palette, encoding, blends=lossy or exact < _EXACT), far_share)


def _refuse_instances(censuses: Sequence[Census], place: Path) -> None:
    """Refuse masks that give each object a colour of its own, another one in each file."""
    totals = add_up(censuses)
    many = len(totals.codes) > MOST_CLASSES and (totals.files <= _FEW_FILES).mean() > _OWN_SHARE
    if area_share(totals) > _INSTANCES_FILL and not is_shaded(censuses) and (many or own_numbers(censuses, totals)):
        raise UserError(refuse_numbers(place, totals, len(censuses), "colours"))


def refuse_mattes(parts: Sequence[Part]) -> None:
    """Refuse pictures of continuous transparency, such as people cut out: reading drops what may be all that is meant.

    Raises:
        UserError: naming the first of a sample.
    """
    for part in evenly_spaced(parts, _MATTES):
        mask = _tried(part)
        if mask is None or mask.alpha is None:
            continue
        if ((mask.alpha > 0) & (mask.alpha < 255)).mean() > _SOFT_SHARE:
            raise UserError(
                f"{part.path}: its transparency is continuous, and would be dropped; save the alpha channel as a "
                "separate picture, or say --data.target images to learn the colours alone"
            )


def _sample(parts: Sequence[Part], pool: Executor) -> list[tuple[Path, StoredMask]]:
    """Read some masks, spread over all: so many that they can be held."""
    masks: list[tuple[Path, StoredMask]] = []
    pixels = 0
    spread = evenly_spaced(parts, COLOUR_SAMPLE)
    chosen = [part for first in (0, 2, 1, 3) for part in spread[first::4]]  # its beginning is spread over all as well
    for first in range(0, len(chosen), _AT_ONCE):
        some = chosen[first : first + _AT_ONCE]
        for part, mask in zip(some, pool.map(_tried, some), strict=True):
            if mask is not None and mask.values.size:
                masks.append((part.path, mask))
                pixels += mask.values.size
        if pixels > SAMPLE_PIXELS:
            break
    return masks


def _tried(part: Part) -> StoredMask | None:
    """Read a mask; None where it cannot be read."""
    try:
        return read_mask(part)
    except UserError:
        return None


def holds_values(part: Part) -> bool:
    """Tell whether a file holds one whole number per pixel, which may stand for a class."""
    info = inspect(part.path)
    return (info.channels == 1 and info.dtype != "float32") or colour_table(part.path) is not None
