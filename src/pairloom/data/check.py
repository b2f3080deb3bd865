"""Looks at every pair of a data set before training does, and names what is wrong with its file."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairloom.data.folder import PairFolder
from pairloom.data.layouts import PairFiles, Problem
from pairloom.data.readers import ColourReader
from pairloom.data.stream import read_ahead
from pairloom.errors import UserError
from pairloom.images import Picture
from pairloom.palette import VOID, Colour, UnknownValueError
from pairloom.progress import track

FAR_LIMIT = 0.2
"""Share of a target's pixels that may be far from every colour: JPEG's blends at the borders stay below it."""
VOID_LIMIT = 0.95
"""Share of a target's pixels that may be void."""


@dataclass
class ClassCount:
    """How often a class occurs."""

    pixels: dict[str, int] = field(default_factory=dict)
    """Pixels by split."""
    pairs: dict[str, int] = field(default_factory=dict)
    """Pairs that hold it, by split."""
    example: Path | None = None
    """A file that holds it."""


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

    def to_record(self) -> dict[str, object]:
        """Return it as plain values for JSON; shares are fractions of the pixels that have a class."""
        return {
            "pairs": self.pairs,
            "problems": [
                {"kind": problem.kind, "file": str(problem.path), "message": problem.message}
                for problem in self.problems
            ],
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


class _Facts(NamedTuple):
    """What was seen of one pair."""

    problems: tuple[Problem, ...] = ()
    picture: str = ""
    """Digest of A's pixels."""
    counts: NDArray[np.intp] = np.zeros(VOID + 1, dtype=np.intp)
    """Pixels of each class id."""
    far: float = 0.0


def check_pairs(folder: PairFolder) -> CheckResult:
    """Look at every pair of every split, on all cores.

    Finds missing partners, files that share a stem, empty folders, files that cannot be read, images of a pair that
    differ in size, values and colours outside the palette, targets that are nearly all void, pictures that are in two
    splits, and classes that are in one split only.
    """
    names = () if folder.palette is None else folder.palette.names
    result = CheckResult({}, [], {name: ClassCount() for name in names})
    seen: dict[str, tuple[str, Path]] = {}
    far = []
    for split in folder.splits():
        listing = folder.listing(split)
        result.problems += listing.problems
        result.pairs[split] = 0
        facts = read_ahead(partial(_examine, folder), listing.pairs)
        for files, fact in zip(listing.pairs, track(facts, len(listing.pairs), f"Checking {split}"), strict=True):
            result.problems += fact.problems
            if not fact.picture:
                continue
            result.pairs[split] += 1
            far.append(fact.far)
            path = files.a.path
            source, target = (part.path for part in folder.parts(files))
            result.files.append((source, target))
            elsewhere, twin = seen.setdefault(fact.picture, (split, path))
            if elsewhere != split:
                message = f"is the same picture as {twin}, which is in {elsewhere}; remove one of them"
                result.problems.append(Problem("same picture in two splits", path, message))
            for name, pixels in zip(names, fact.counts[: len(names)], strict=True):
                if pixels:
                    count = result.classes[name]
                    count.pixels[split] = count.pixels.get(split, 0) + int(pixels)
                    count.pairs[split] = count.pairs.get(split, 0) + 1
                    count.example = count.example or target
    result.problems += _in_one_split_only(result)
    if isinstance(folder.target_reader, ColourReader):
        result.far_share = sum(far) / max(1, len(far))
    return result


def _in_one_split_only(result: CheckResult) -> Iterator[Problem]:
    splits = [split for split, count in result.pairs.items() if count]
    for name, count in result.classes.items():
        if len(count.pairs) == 1 < len(splits) and count.example:
            (only,) = count.pairs
            others = " and ".join(split for split in splits if split != only)
            message = f"holds the class {name!r}, which appears in {only} only and not in {others}; move some pairs"
            yield Problem("class in one split only", count.example, message)


def _examine(folder: PairFolder, files: PairFiles) -> _Facts:
    source_part, target_part = folder.parts(files)
    try:
        source = folder.source_reader.read(source_part)
    except UserError as error:
        return _Facts((_problem("unreadable", source_part.path, error),))
    far, strays = 0.0, tuple[Colour, ...]()
    target: Picture
    try:
        if isinstance(folder.target_reader, ColourReader):
            target, far, strays = folder.target_reader.read_closely(target_part)
        else:
            target = folder.target_reader.read(target_part)
    except UnknownValueError as error:
        return _Facts((_problem("value outside the palette", target_part.path, error),))
    except UserError as error:
        return _Facts((_problem("unreadable", target_part.path, error),))
    try:
        source, target = folder.oriented(files, source, target)
    except UserError as error:
        return _Facts((_problem("EXIF orientation on one side", source_part.path, error),))
    if problem := folder.mismatch(files, source, target):
        return _Facts((problem,))
    problems = []
    counts = _Facts().counts
    if folder.palette is not None:
        counts = np.bincount(target.ravel(), minlength=VOID + 1)
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
    # A is the photograph, as a rule; class maps may well be alike without the photographs being so.
    photograph = source if folder.config.direction == "AtoB" else target
    digest = hashlib.blake2b(repr(photograph.shape).encode() + photograph.tobytes(), digest_size=16)
    return _Facts(tuple(problems), digest.hexdigest(), counts, far)


def _problem(kind: str, path: Path, error: UserError) -> Problem:
    return Problem(kind, path, str(error).removeprefix(f"{path}: "))
