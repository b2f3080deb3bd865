"""Looks at every pair of a data set before training does, and names what is wrong with its file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
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
from pairloom.data.set_problems import (
    Finding,
    SeenPair,
    find_blank_targets,
    find_copies,
    find_misplaced,
    find_swapped,
    photograph_part,
    swapped,
)
from pairloom.data.stream import read_ahead
from pairloom.data.thumbnails import GLANCE, POINTS, Raster, glance, is_blank
from pairloom.errors import UserError
from pairloom.images import Picture, ReducedPicture
from pairloom.palette import VOID, Colour, Palette, UnknownValueError, palette_problems
from pairloom.progress import track

FAR_LIMIT = 0.2
"""Share of a target's pixels that may be far from every colour: JPEG's blends at the borders stay below it."""
VOID_LIMIT = 0.95
"""Share of a target's pixels that may be void."""
_BLENDS_SHARE = 0.02
"""Share of a colour-coded target's pixels that may be far from every colour without it being a photograph."""
COMPARED = 400
"""Pairs whose edges are compared; of larger data sets a sample, evenly spaced, unless it holds single bad ones."""
_LEAST_SIDE = 8
"""Pixels; smaller images show too little to be compared."""
SHOWN_OF_A_KIND = 6
"""Problems of one kind whose pairs are noted down, to be shown."""


@dataclass
class ClassCount:
    """How often a class occurs."""

    pixels: dict[str, int] = field(default_factory=dict)
    """Pixels by split."""
    pairs: dict[str, int] = field(default_factory=dict)
    """Pairs that hold it, by split."""
    example: Path | None = None
    """A file that holds it."""
    clearest: PairFiles | None = None
    """The pair of which it takes the largest share."""
    largest_share: float = 0.0
    """That share, 0 to 1."""

    def add(self, split: str, files: PairFiles, target: Path, pixels: int, share: float) -> None:
        """Count a pair that holds it: its target file, its pixels, and their share (0 to 1)."""
        self.pixels[split] = self.pixels.get(split, 0) + pixels
        self.pairs[split] = self.pairs.get(split, 0) + 1
        self.example = self.example or target
        if share > self.largest_share:
            self.clearest, self.largest_share = files, share


@dataclass
class CheckResult:
    """What has been found in a data set."""

    pairs: dict[str, int]
    """Whole pairs by split."""
    problems: list[Problem]
    """What is wrong, each with its `kind`, `path` and `message`; empty if all is well."""
    classes: dict[str, ClassCount]
    """How often each class occurs, by name; empty where targets are pictures."""
    far_share: float | None = None
    """Share (0 to 1) of target pixels far from every colour; None where targets are not colour-coded."""
    files: list[tuple[Path, Path]] = field(default_factory=list)
    """Source and target file of each whole pair."""
    warnings: list[Problem] = field(default_factory=list)
    """What may be meant, and is worth a look: nearly the same picture in two splits, targets that show nothing."""
    evidence: dict[Problem, tuple[PairFiles, ...]] = field(default_factory=dict)
    """The pairs that show a problem or a warning, of the first `SHOWN_OF_A_KIND` of each kind."""

    def add(self, finding: Finding, *, warning: bool = False) -> None:
        """Note a problem, or a warning."""
        found = self.warnings if warning else self.problems
        found.append(finding.problem)
        kind = finding.problem.kind
        if sum(known.kind == kind for known in self.evidence) < SHOWN_OF_A_KIND:
            self.evidence[finding.problem] = finding.pairs

    def to_record(self) -> dict[str, object]:
        """Return it as plain values for JSON; shares are fractions of the pixels that have a class."""
        return {
            "pairs": self.pairs,
            "problems": [_problem_record(problem) for problem in self.problems],
            "warnings": [_problem_record(problem) for problem in self.warnings],
            "classes": {
                name: {"share": self.share(name), "pairs": sum(count.pairs.values()), "by_split": count.pairs}
                for name, count in self.classes.items()
            },
            "far_share": self.far_share,
            "files": [[str(source), str(target)] for source, target in self.files],
        }

    def share(self, name: str) -> float:
        """Return the share (0 to 1) of a class among all pixels that have one.

        Raises:
            KeyError: if there is no class of that name.
        """
        total = sum(sum(count.pixels.values()) for count in self.classes.values())
        return sum(self.classes[name].pixels.values()) / max(1, total)


def by_kind(problems: Sequence[Problem]) -> dict[str, list[Problem]]:
    """Group problems by their kind, in the order in which the kinds were found."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.kind, []).append(problem)
    return groups


class _Facts(NamedTuple):
    """What was seen of one pair."""

    problems: tuple[Problem, ...] = ()
    seen: SeenPair | None = None
    """What is compared with other pairs; None where the images could not be read, or do not fit each other."""
    counts: NDArray[np.intp] = np.zeros(VOID + 1, dtype=np.intp)
    """Pixels of each class id."""
    far: float = 0.0


def check_pairs(folder: PairFolder) -> CheckResult:
    """Look at every pair of every split, on all cores.

    Problems of the files: missing partners, files that share a stem, empty folders. Of single pairs: files that cannot
    be read, images that differ in size or of which one alone is turned by EXIF, values and colours outside the palette,
    targets that are nearly all void, sources that show nothing, sides that have changed places. Of all pairs together:
    the same picture in two splits, targets that are mirrored, turned or shifted, classes that are in one split only,
    one class alone, and palettes most of whose classes occur nowhere.

    Warnings: pictures that are nearly the same in two splits, and targets that show nothing.
    """
    names = () if folder.palette is None else folder.palette.names
    result = CheckResult({}, [], {name: ClassCount() for name in names})
    listings = {split: folder.listing(split) for split in folder.splits()}
    step = -(-sum(len(listing.pairs) for listing in listings.values()) // COMPARED) or 1
    seen: list[SeenPair] = []
    far = []
    for split, listing in listings.items():
        result.problems += listing.problems
        result.pairs[split] = 0
        items = [(files, place % step == 0) for place, files in enumerate(listing.pairs)]
        facts = read_ahead(partial(_examine, folder, split), items)
        for files, fact in zip(listing.pairs, track(facts, len(items), f"Checking {split}"), strict=True):
            for problem in fact.problems:
                result.add(Finding(problem, (files,)))
            if fact.seen is None:
                continue
            result.pairs[split] += 1
            seen.append(fact.seen)
            far.append(fact.far)
            source, target = (part.path for part in folder.parts(files))
            result.files.append((source, target))
            total = int(fact.counts.sum())
            for name, pixels in zip(names, fact.counts[: len(names)].tolist(), strict=True):
                if pixels:
                    result.classes[name].add(split, files, target, pixels, pixels / total)
    if seen and folder.palette is not None:
        counts = {name: sum(count.pixels.values()) for name, count in result.classes.items()}
        result.problems += [Problem(kind, folder.root, text) for kind, text in palette_problems(counts, folder.palette)]
    same, near = find_copies(folder, seen)
    for finding in (*same, *find_swapped(folder, seen), *_misplaced(folder, seen), *_in_one_split_only(result)):
        result.add(finding)
    for finding in (*near, *find_blank_targets(folder, seen)):
        result.add(finding, warning=True)
    if isinstance(folder.target_reader, ColourReader):
        result.far_share = sum(far) / max(1, len(far))
    return result


def _misplaced(folder: PairFolder, seen: Sequence[SeenPair]) -> list[Finding]:
    """Find targets that do not lie over their sources; where a sample holds single ones, all pairs are looked at."""
    found = list(find_misplaced(folder, seen))
    rest = [pair for pair in seen if not pair.compared]
    if not rest or not found or any(finding.problem.path == folder.root for finding in found):
        return found
    edges = track(read_ahead(partial(_compare, folder), rest), len(rest), "Comparing edges")
    compared = [pair._replace(edges=agreed) for pair, agreed in zip(rest, edges, strict=True)]
    return list(find_misplaced(folder, [*(pair for pair in seen if pair.compared), *compared]))


def _in_one_split_only(result: CheckResult) -> Iterator[Finding]:
    splits = [split for split, count in result.pairs.items() if count]
    for name, count in result.classes.items():
        if len(count.pairs) == 1 < len(splits) and count.example and count.clearest:
            (only,) = count.pairs
            others = " and ".join(split for split in splits if split != only)
            message = f"holds the class {name!r}, which appears in {only} only and not in {others}; move some pairs"
            yield Finding(Problem("class in one split only", count.example, message), (count.clearest,))


def _examine(folder: PairFolder, split: str, item: tuple[PairFiles, bool]) -> _Facts:
    """Look at a pair; the item says whether its edges are to be compared."""
    files, closely = item
    source_part, target_part = folder.parts(files)
    try:
        source = _read_source(folder, source_part, POINTS if closely else GLANCE)
    except UserError as error:
        return _Facts((_problem("unreadable", source_part.path, error),))
    far, strays = 0.0, tuple[Colour, ...]()
    target: Picture
    try:
        if isinstance(folder.target_reader, ColourReader):
            target, far, strays = folder.target_reader.read_closely(target_part)
        else:
            target = folder.target_reader.read(target_part)
    except UserError as error:
        if _are_swapped(folder, files):
            return _Facts((swapped(source_part, target_part),))
        kind = "value outside the palette" if isinstance(error, UnknownValueError) else "unreadable"
        return _Facts((_problem(kind, target_part.path, error),))
    try:
        picture, target = folder.oriented(files, source.picture, target)
    except UserError as error:
        return _Facts((_problem("EXIF orientation on one side", source_part.path, error),))
    size = picture.shape[:2] if source.step == 1 else (source.height, source.width)
    if problem := folder.mismatch(files, size, target.shape[:2]):
        return _Facts((problem,))
    if far > _BLENDS_SHARE and _are_swapped(folder, files):
        return _Facts((swapped(source_part, target_part),))
    problems = []
    counts = _Facts().counts
    if folder.palette is not None:
        counts = _class_counts(target)
        void = counts[VOID] / target.size
        if void > VOID_LIMIT:
            message = f"{void:.1%} of its pixels are void; nothing can be learned from it, so remove the pair"
            problems.append(Problem("nearly all void", target_part.path, message))
        if far > FAR_LIMIT:
            message = (
                f"{far:.1%} of its pixels are far from every colour of the palette {folder.palette.name!r}; "
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
    return _Facts(tuple(problems), seen, counts, far)


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


def _compare(folder: PairFolder, pair: SeenPair) -> Agreement | None:
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


def _problem_record(problem: Problem) -> dict[str, str]:
    return {"kind": problem.kind, "file": str(problem.path), "message": problem.message}
