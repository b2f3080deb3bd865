"""Problems that only all pairs of a data set together show: copies in two splits, and pairs unlike the others."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from pairloom.data.alignment import Agreement, Misalignment, find_misaligned
from pairloom.data.folder import PairFolder
from pairloom.data.grouping import group_of
from pairloom.data.layouts import PairFiles, Part, Problem
from pairloom.data.near_duplicates import Look, find_near
from pairloom.images import Picture

FEW = 0.2
"""Share of the pairs up to which those that differ from the others are exceptions."""
_FEWEST_PAIRS = 5
"""Pairs from which there is something to differ from."""
_PERHAPS_SAME = 0.05
"""Difference, in shares of the contrast, up to which two pictures are compared pixel by pixel."""
_SHOWN_OF_ALL = 6
"""Pairs that are named where most have the same problem."""


class SeenPair(NamedTuple):
    """What is remembered of a pair that was read; a kilobyte, however large its images are."""

    split: str
    files: PairFiles
    look: Look
    """What the photograph looks like."""
    labels: int = 0
    """1 if of two pictures the target alone looks like labels, -1 if the source alone does, else 0."""
    blank_source: bool = False
    """Whether the source shows nothing."""
    blank: str = ""
    """What fills a target that shows nothing else: `the class 'sky'`, say; empty as a rule."""
    compared: bool = False
    """Whether the edges of source and target were compared."""
    edges: Agreement | None = None
    """How well they agree; None where one image shows nothing."""


class Finding(NamedTuple):
    """A problem, and the pairs that show it."""

    problem: Problem
    pairs: tuple[PairFiles, ...]


def photograph_part(folder: PairFolder, files: PairFiles) -> tuple[Part, bool]:
    """Return where the photograph of a pair is, and whether it is the source; of two pictures it is A."""
    source, target = folder.parts(files)
    is_source = folder.palette is not None or (folder.source_palette is None and folder.config.direction != "BtoA")
    return (source, True) if is_source else (target, False)


def swapped(source: Part, target: Part) -> Problem:
    """Return the problem of a pair whose photograph and labels have changed places."""
    if source.path == target.path:
        message = "its two halves are exchanged: labels are where the photograph belongs; exchange them"
    else:
        message = f"is a photograph where labels belong, and its source {source.path.name} is labels; exchange them"
    return Problem("swapped sides", target.path, message)


def find_swapped(folder: PairFolder, pairs: Sequence[SeenPair]) -> Iterator[Finding]:
    """Find pairs of pictures whose sides have changed places: the other one than in most pairs looks like labels."""
    labels = np.array([pair.labels for pair in pairs])
    usual = 1 if (labels == 1).sum() >= (labels == -1).sum() else -1
    others = np.flatnonzero(labels == -usual)
    if (labels == usual).sum() >= max(_FEWEST_PAIRS, len(others) / FEW):
        for index in others.tolist():
            files = pairs[index].files
            source, target = folder.parts(files)
            found = swapped(source, target) if usual == 1 else swapped(target, source)
            yield Finding(found, (files,))


def find_misplaced(folder: PairFolder, pairs: Sequence[SeenPair]) -> Iterator[Finding]:
    """Find targets that agree better with their sources when they are mirrored, turned or shifted."""
    comparable = [(pair.files, pair.edges) for pair in pairs if pair.edges is not None]
    whole, single = find_misaligned([edges for _, edges in comparable])
    if whole:
        shown = tuple(comparable[index][0] for index in whole.pairs[:_SHOWN_OF_ALL])
        message = (
            f"in {len(whole.pairs)} of {len(comparable)} pairs the edges agree better when the target is "
            f"{whole.position.words}; correct the targets"
        )
        yield Finding(Problem(f"{whole.position.kind} target", folder.root, message), shown)
    for found in single:
        files, edges = comparable[found.pairs[0]]
        yield Finding(_misplaced(folder, files, edges, found), (files,))


def _misplaced(folder: PairFolder, files: PairFiles, edges: Agreement, found: Misalignment) -> Problem:
    message = (
        f"the edges of source and target agree better when the target is {found.position.words} (correlation "
        f"{edges.best:.2f}, as it is {edges.straight:.2f}); correct it, or remove the pair"
    )
    return Problem(f"{found.position.kind} target", folder.parts(files)[1].path, message)


def find_blank_targets(folder: PairFolder, pairs: Sequence[SeenPair]) -> Iterator[Finding]:
    """Find targets that show nothing, where most show something."""
    blank = [pair for pair in pairs if pair.blank]
    if len(blank) <= FEW * len(pairs):
        for pair in blank:
            message = f"shows {pair.blank} alone; remove the pair, unless there is nothing else to be seen"
            yield Finding(Problem("blank target", folder.parts(pair.files)[1].path, message), (pair.files,))


def find_divided_groups(folder: PairFolder, pairs: Sequence[SeenPair]) -> Iterator[Finding]:
    """Find groups of `data.group` whose pairs are in more than one split.

    Raises:
        UserError: if a pair has no group.
    """
    if not folder.config.group:
        return
    groups: dict[str, dict[str, PairFiles]] = {}
    for pair in pairs:
        groups.setdefault(group_of(pair.files, folder.root, folder.config.group), {}).setdefault(pair.split, pair.files)
    for name, by_split in groups.items():
        if len(by_split) > 1:
            splits = " and ".join(by_split)
            shown = tuple(by_split.values())
            message = f"is of the group {name!r}, whose pairs are in {splits}; move them into one split"
            yield Finding(Problem("group in two splits", folder.parts(shown[-1])[0].path, message), shown)


def find_copies(folder: PairFolder, pairs: Sequence[SeenPair]) -> tuple[list[Finding], list[Finding]]:
    """Find photographs that are in two splits: the same ones, and those that are nearly the same.

    Raises:
        UserError: if a file has become unreadable since it was looked at.
    """
    same: list[Finding] = []
    near: list[Finding] = []
    earlier: list[SeenPair] = []
    known: dict[bytes, SeenPair] = {}
    for split in dict.fromkeys(pair.split for pair in pairs):
        own = [pair for pair in pairs if pair.split == split and not pair.blank_source]
        copies = set()
        for index, pair in enumerate(own):
            twin = known.setdefault(pair.look.grey.tobytes(), pair)
            if twin.split != split and _are_equal(folder, pair, twin):
                copies.add(index)
                same.append(_found_twice(folder, pair, twin, exactly=True))
        for index, other, difference in find_near([pair.look for pair in own], [pair.look for pair in earlier]):
            if index not in copies:
                pair, twin = own[index], earlier[other]
                exactly = difference < _PERHAPS_SAME and _are_equal(folder, pair, twin)
                (same if exactly else near).append(_found_twice(folder, pair, twin, exactly=exactly))
        earlier += own
    return same, near


def _found_twice(folder: PairFolder, pair: SeenPair, twin: SeenPair, *, exactly: bool) -> Finding:
    (part, _), (other, _) = (photograph_part(folder, one.files) for one in (pair, twin))
    if exactly:
        kind = "same picture in two splits"
        message = f"is the same picture as {other.path}, which is in {twin.split}; remove one of them"
    else:
        kind = "near-duplicate across splits"
        message = (
            f"is nearly the same picture as {other.path}, which is in {twin.split}; frames of one film belong in one "
            "split, where data.group keeps them together"
        )
    return Finding(Problem(kind, part.path, message), (pair.files, twin.files))


def _are_equal(folder: PairFolder, pair: SeenPair, twin: SeenPair) -> bool:
    """Compare two photographs pixel by pixel; only those that look the same from afar are read again."""
    return np.array_equal(_photograph(folder, pair.files), _photograph(folder, twin.files))


def _photograph(folder: PairFolder, files: PairFiles) -> Picture:
    part, is_source = photograph_part(folder, files)
    return (folder.source_reader if is_source else folder.target_reader).read(part)
