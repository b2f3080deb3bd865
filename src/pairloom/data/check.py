"""Looks at every pair of a data set before training does, and names what is wrong with its file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from pairloom.data.examination import compare_edges, examine
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import PairFiles, Problem
from pairloom.data.prefetch import read_ahead
from pairloom.data.readers import ColourReader
from pairloom.data.set_problems import (
    Finding,
    SeenPair,
    find_blank_targets,
    find_copies,
    find_divided_groups,
    find_misplaced,
    find_swapped,
)
from pairloom.palette import palette_problems
from pairloom.progress import track
from pairloom.worker_processes import map_in_processes

COMPARED = 400
"""Pairs whose edges are compared; of larger data sets a sample, evenly spaced, unless it holds single bad ones."""
MANY = 1500
"""Pairs from which processes are worth their start."""
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


def check_pairs(folder: PairFolder, processes: int = 0) -> CheckResult:
    """Look at every pair of every split, on all cores.

    Problems of the files: missing partners, files that share a stem, empty folders. Of single pairs: files that cannot
    be read, images that differ in size or of which one alone is turned by EXIF, values and colours outside the palette,
    targets that are nearly all void, sources that show nothing, sides that have changed places. Of all pairs together:
    the same picture in two splits, groups of `data.group` in two splits, targets that are mirrored, turned or shifted,
    classes that are in one split only, one class alone, and palettes most of whose classes occur nowhere.

    Warnings: pictures that are nearly the same in two splits, and targets that show nothing.

    Args:
        folder: the data set.
        processes: worker processes that look at the pairs, where there are `MANY` or more; the calling script must then
            be guarded by `if __name__ == "__main__":`. 0 takes threads.
    """
    names = () if folder.palette is None else folder.palette.names
    result = CheckResult({}, [], {name: ClassCount() for name in names})
    items: list[tuple[str, PairFiles]] = []
    for split in folder.splits():
        listing = folder.listing(split)
        result.problems += listing.problems
        result.pairs[split] = 0
        items += [(split, files) for files in listing.pairs]
    step = -(-len(items) // COMPARED) or 1
    work = [(split, files, place % step == 0) for place, (split, files) in enumerate(items)]
    seen: list[SeenPair] = []
    far = []
    if processes and len(work) >= MANY:
        # Each process is sent the pairs that it looks at, and need not be sent all of them with the folder.
        unlisted = replace(folder, reading=replace(folder.reading, listings={}))
        facts = map_in_processes(partial(examine, unlisted), work, chunk=8, workers=processes)
    else:
        facts = read_ahead(partial(examine, folder), work)
    for (split, files), fact in zip(items, track(facts, len(items), "Checking"), strict=True):
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
    of_pairs = (*find_swapped(folder, seen), *_misplaced(folder, seen), *find_divided_groups(folder, seen))
    for finding in (*same, *of_pairs, *_in_one_split_only(result)):
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
    edges = track(read_ahead(partial(compare_edges, folder), rest), len(rest), "Comparing edges")
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


def _problem_record(problem: Problem) -> dict[str, str]:
    return {"kind": problem.kind, "file": str(problem.path), "message": problem.message}
