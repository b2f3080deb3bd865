"""Looks at one pair: whether its images can be read, fit each other and the palette, and what they show."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.data.alignment import Agreement, agreement, class_borders, picture_edges
from pairloom.data.appearance import looks_like_labels
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import PairFiles, Part, Problem
from pairloom.data.near_duplicates import look_of
from pairloom.data.readers import ColourReader, PictureReader
from pairloom.data.set_problems import SeenPair, photograph_part, swapped
from pairloom.data.thumbnails import GLANCE, POINTS, Raster, glance, is_blank
from pairloom.errors import UserError
from pairloom.images import Picture, ReducedPicture
from pairloom.palette import VOID, Colour, Palette, UnknownValueError

FAR_LIMIT = 0.2
"""Share of a target's pixels that may be far from every colour: JPEG's blends at the borders stay below it."""
VOID_LIMIT = 0.95
"""Share of a target's pixels that may be void."""
_BLENDS_SHARE = 0.02
"""Share of a colour-coded target's pixels that may be far from every colour without it being a photograph."""
_LEAST_SIDE = 8
"""Pixels; smaller images show too little to be compared."""


class Facts(NamedTuple):
    """What was seen of one pair."""

    problems: tuple[Problem, ...] = ()
    seen: SeenPair | None = None
    """What is compared with other pairs; None where the images could not be read, or do not fit each other."""
    counts: NDArray[np.intp] = np.zeros(VOID + 1, dtype=np.intp)
    """Pixels of each class id."""
    far: float = 0.0


def examine(folder: PairFolder, item: tuple[str, PairFiles, bool]) -> Facts:
    """Look at a pair; the item holds its split, its files, and whether its edges are to be compared."""
    split, files, closely = item
    source_part, target_part = folder.parts(files)
    try:
        source = _read_source(folder, source_part, POINTS if closely else GLANCE)
    except UserError as error:
        return Facts((_problem("unreadable", source_part.path, error),))
    far, strays = 0.0, tuple[Colour, ...]()
    target: Picture
    try:
        if isinstance(folder.target_reader, ColourReader):
            target, far, strays = folder.target_reader.read_closely(target_part)
        else:
            target = folder.target_reader.read(target_part)
    except UserError as error:
        if _are_swapped(folder, files):
            return Facts((swapped(source_part, target_part),))
        kind = "value outside the palette" if isinstance(error, UnknownValueError) else "unreadable"
        return Facts((_problem(kind, target_part.path, error),))
    try:
        picture, target = folder.oriented(files, source.picture, target)
    except UserError as error:
        return Facts((_problem("EXIF orientation on one side", source_part.path, error),))
    size = picture.shape[:2] if source.step == 1 else (source.height, source.width)
    if problem := folder.mismatch(files, size, target.shape[:2]):
        return Facts((problem,))
    if far > _BLENDS_SHARE and _are_swapped(folder, files):
        return Facts((swapped(source_part, target_part),))
    problems = []
    counts = Facts().counts
    if folder.palette is not None:
        counts = _class_counts(target)
        void = counts[VOID] / target.size
        if void > VOID_LIMIT:
            message = f"{void:.1%} of its pixels are void; nothing can be learned from it, so remove the pair"
            problems.append(Problem("nearly all void", target_part.path, message))
        if far > FAR_LIMIT:
            message = (
                f"{far:.1%} of its pixels match no colour of the palette {folder.palette.name!r}; "
                "name another by --data.palette"
            )
            problems.append(Problem("value outside the palette", target_part.path, message))
        elif strays:
            message = (
                f"holds the colour {list(strays[0])}, which the palette {folder.palette.name!r} does not know; add it "
                "to your palette as a class or as void, and name that by --data.palette"
            )
            problems.append(Problem("value outside the palette", target_part.path, message))
    seen = _seen(folder, split, files, picture, target, counts)
    if seen.blank_source and source.step > 1:  # its means may be equal, though its pixels are not
        seen = _seen(folder, split, files, folder.read(files).source, target, counts)
    if closely:
        seen = seen._replace(compared=True, edges=_edges(seen, picture, target, source.step))
    if seen.blank_source:
        message = "shows nothing but one colour; nothing can be learned from it, so remove the pair"
        problems.append(Problem("blank image", source_part.path, message))
    return Facts(tuple(problems), seen, counts, far)


def _read_source(folder: PairFolder, part: Part, longest: int) -> ReducedPicture:
    """Read a source, smaller where it needs to be seen from afar only."""
    reader = folder.source_reader
    if isinstance(reader, PictureReader) and folder.palette is not None and folder.config.exif != "ignore":
        return reader.read_reduced(part, longest)
    picture = reader.read(part)
    return ReducedPicture(picture, 1, *picture.shape[:2])


def _seen(
    folder: PairFolder, split: str, files: PairFiles, source: Picture, target: Picture, counts: NDArray[np.intp]
) -> SeenPair:
    """Return what is remembered of a pair, but for how its edges agree."""
    seen = glance(source)
    blank_source, labels = is_blank(source, seen), 0
    if folder.palette is not None:
        blank = _only_class(folder.palette, counts)
    else:
        seen_target = glance(target)
        blank = "one value" if is_blank(target, seen_target) else ""
        labels = int(looks_like_labels(target)) - int(looks_like_labels(source))
        seen = seen if photograph_part(folder, files)[1] else seen_target
    return SeenPair(split, files, look_of(seen), labels, blank_source, blank)


def compare_edges(folder: PairFolder, pair: SeenPair) -> Agreement | None:
    """Compare the edges of a pair that was read before."""
    try:
        read = folder.read(pair.files)
    except UserError:  # it has changed since
        return None
    return _edges(pair, read.source, read.target)


def _edges(pair: SeenPair, source: Picture, target: Picture, reduced: int = 1) -> Agreement | None:
    """Return how the edges of a pair agree; None where an image shows nothing, or is too small.

    Args:
        pair: what was seen of it.
        source: its source, of which each pixel averages `reduced` × `reduced` of the file's.
        target: its target.
        reduced: 1, 2, 4 or 8.
    """
    if pair.blank_source or pair.blank or min(target.shape[:2]) < _LEAST_SIDE:
        return None
    raster = Raster.of(*target.shape[:2])
    if target.ndim == 2:
        edges = class_borders(raster.pick(target.astype(np.uint8, copy=False)))
    else:
        edges = picture_edges(raster.shrink(target))
    return agreement(picture_edges(raster.shrink(source, reduced)), edges)


def _class_counts(ids: Picture) -> NDArray[np.intp]:
    """Count the pixels of each class id; Pillow needs no copy of them, NumPy one of eight times their size."""
    pixels = np.ascontiguousarray(ids, dtype=np.uint8)
    image = Image.frombuffer("L", (pixels.shape[1], pixels.shape[0]), pixels, "raw", "L", 0, 1)
    return np.array(image.histogram(), dtype=np.intp)


def _only_class(palette: Palette, counts: NDArray[np.intp]) -> str:
    """Say which class a target of one class shows; empty for others, and where all is void."""
    present = np.flatnonzero(counts)
    return f"the class {palette.names[present[0]]!r}" if len(present) == 1 and present[0] != VOID else ""


def _are_swapped(folder: PairFolder, files: PairFiles) -> bool:
    """Tell whether a pair whose target is no map of classes has its labels where the photograph belongs."""
    source, target = folder.parts(files)
    if target.entry or target.more:
        return False
    try:
        return looks_like_labels(folder.source_reader.read(source)) and not looks_like_labels(
            PictureReader().read(target)
        )
    except UserError:
        return False


def _problem(kind: str, path: Path, error: UserError) -> Problem:
    return Problem(kind, path, str(error).removeprefix(f"{path}: "))
