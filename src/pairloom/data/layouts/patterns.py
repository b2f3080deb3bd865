"""Pairs by hand: two settings that say where the sources and where the targets are."""

import os
import re
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import Layout, Listing, Problem, Reading, alone
from pairloom.data.layouts.matching import match_places
from pairloom.data.layouts.pairing import pair_name, reading_of
from pairloom.data.layouts.places import Group, Place
from pairloom.data.layouts.splits import split_folders
from pairloom.data.layouts.tree import Folder, Tree, normalised, stem_of
from pairloom.data.pairs import PairFiles, Part
from pairloom.errors import UserError

_WILDCARDS = re.compile(r"\*\*/|\*\*|\*|\?")
_LAYOUT: LayoutName = "patterns"


class Patterns(Layout):
    """`data.sources` and `data.targets` name two folders, or the files by patterns such as `gt/{stem}_mask.png`."""

    name: LayoutName = _LAYOUT
    description = "data.sources and data.targets, which name the places of both sides"

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Find the files that the two settings name; none where they are not given.

        Raises:
            UserError: if one names no file, or no two files belong together.
        """
        if not config.sources:
            return ()
        if not (_is_pattern(config.sources) or _is_pattern(config.targets)):
            return [_folders(tree, config.sources, config.targets)]
        return [_files(tree, config.sources, config.targets)]


def _is_pattern(text: str) -> bool:
    return bool(_WILDCARDS.search(text)) or "{stem}" in text


def _folders(tree: Tree, sources: str, targets: str) -> Reading:
    """Match the files of two folders by their names."""
    places = _place(tree, sources, "data.sources"), _place(tree, targets, "data.targets")
    for match in match_places(*places):
        reading = reading_of(tree, _LAYOUT, match)
        if reading is not None:
            return _with_sources(reading, places[0], sources, targets)
    raise UserError(
        f"{tree.root}: no file in {targets} has the name of one in {sources}; give patterns, such "
        f"as --data.sources '{sources}/*.jpg' --data.targets '{targets}/{{stem}}_mask.png'"
    )


def _with_sources(reading: Reading, sources: Place, how: str, targets: str) -> Reading:
    """Turn a reading so that A is from the place of the sources, and say that it is."""
    folders = {folder.path for members in sources.groups.values() for folder in members}
    listings = {}
    for split, listing in reading.listings.items():
        pairs = (pair if pair.a.path.parent in folders else pair._replace(a=pair.b, b=pair.a) for pair in listing.pairs)
        listings[split] = Listing(tuple(pairs), listing.problems)
    return Reading(_LAYOUT, f"{how} with {targets}", listings, ordered=True, certain=True)


def _place(tree: Tree, name: str, setting: str) -> Place:
    """Return the folders below one that is named by its path, with the split or without it."""
    wanted = tuple(part for part in normalised(name).strip("/").split("/") if part not in ("", "."))
    groups: dict[Group, list[Folder]] = defaultdict(list)
    for folder in tree.with_images:
        parts = tuple(map(normalised, folder.parts))
        rest = tuple(map(normalised, folder.rest))
        if parts[: len(wanted)] == wanted:
            # What the folder's own name says of a split is said already.
            groups[Group(folder.split, _below(rest, parts[len(wanted) :]))].append(folder)
        elif rest[: len(wanted)] == wanted:
            groups[Group(folder.split, rest[len(wanted) :])].append(folder)
    if not groups:
        raise UserError(f"{tree.root}: {setting} is {name!r}, but there are no images. Seen: {tree.contents()}")
    return Place(wanted, {group: tuple(folders) for group, folders in groups.items()})


def _below(rest: tuple[str, ...], parts: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders of `parts` that say no split."""
    return tuple(part for part in parts if part in rest)


def _files(tree: Tree, sources: str, targets: str) -> Reading:
    """Find each source by a pattern, and its target by what the pattern's wildcards stand for."""
    known: dict[str, list[Path]] = defaultdict(list)
    splits: dict[Path, str | None] = {}
    for path, split, spellings in _spelled(tree):
        splits[path] = split
        for spelling in spellings:
            known[spelling].append(path)
            known[spelling.removesuffix(path.suffix) + ".*"].append(path)
    expression = _expression(sources)
    pairs: dict[str | None, list[PairFiles]] = defaultdict(list)
    problems: dict[str | None, list[Problem]] = defaultdict(list)
    used: dict[Path, Path] = {}
    for path, split, spellings in _spelled(tree):
        match = next((found for spelling in spellings if (found := expression.fullmatch(spelling))), None)
        if match is None:
            continue
        wanted = _filled(targets, match.groups(), stem_of(path.name))
        candidates = [target for target in dict.fromkeys(known.get(wanted, ())) if target != path]
        candidates = [target for target in candidates if splits[target] == split] or candidates
        if not candidates:
            problems[split].append(alone(path, f"{tree.root / wanted}"))
            continue
        if len(candidates) > 1:
            raise UserError(f"{path}: has several targets by {targets!r}, such as {candidates[0]} and {candidates[1]}")
        if (other := used.setdefault(candidates[0], path)) != path:
            raise UserError(f"{candidates[0]}: is the target of {other} and of {path} by {targets!r}; be more specific")
        folders = tuple(part.strip("/") for part in match.groups() if "/" in part)
        name = pair_name(Group(split, folders), path.stem, path.name)
        pairs[split].append(PairFiles(name, Part(path), Part(candidates[0])))
    stems = {(pair.a.path.parent, pair.a.path.stem) for found in pairs.values() for pair in found}
    for split, lonely in problems.items():
        # A pattern such as `*.png` names the targets beside the sources as well.
        problems[split] = [problem for problem in lonely if not _is_beside(problem.path, used, stems)]
    if not pairs:
        which = "data.targets" if problems else "data.sources"
        raise UserError(
            f"{tree.root}: no pair by data.sources {sources!r} and data.targets {targets!r}; {which} "
            f"matches nothing. Seen: {tree.contents()}"
        )
    listings = {split: Listing(tuple(sorted(found)), tuple(problems[split])) for split, found in pairs.items()}
    return Reading(_LAYOUT, f"{sources} with {targets}", listings, ordered=True, certain=True)


def _is_beside(path: Path, targets: Mapping[Path, Path], stems: Container[tuple[Path, str]]) -> bool:
    """Tell whether a file is a target, or has the name of a source with something behind it."""
    ends = (len(path.stem) - length for length in range(1, len(path.stem)))
    return path in targets or any((path.parent, path.stem[:end]) in stems for end in ends)


def _spelled(tree: Tree) -> Iterator[tuple[Path, str | None, tuple[str, ...]]]:
    """Yield each image with its split and its path as patterns may write it: as it is, and without the split."""
    for folder in tree.with_images:
        for name in folder.images:
            ending = os.path.splitext(name)[1]  # noqa: PTH122 (a name, not a path)
            spellings = {
                "/".join((*map(normalised, parts), own))
                for parts in (folder.parts, folder.rest, _without_split(folder))
                for own in (normalised(name), folder.stem(name) + ending)
            }
            yield folder.path / name, folder.split, tuple(sorted(spellings, key=len, reverse=True))


def _without_split(folder: Folder) -> tuple[str, ...]:
    """Return a folder's path without its split, as `rest`, with the names that it repeats."""
    return split_folders([folder.parts])[0][1] if any("~" in part for part in folder.rest) else folder.rest


def _expression(pattern: str) -> re.Pattern[str]:
    """Turn a pattern into a regular expression with a group for each wildcard but that of an extension `.*`."""
    text = ""
    at = 0
    pattern = normalised(pattern).removeprefix("./")
    ending = r"\.[^./]*" if pattern.endswith(".*") else ""
    pattern = pattern.removesuffix(".*")
    for wildcard in _WILDCARDS.finditer(pattern):
        text += re.escape(pattern[at : wildcard.start()])
        text += {"**/": "((?:[^/]+/)*)", "**": "(.*)", "*": "([^/]*)", "?": "([^/])"}[wildcard[0]]
        at = wildcard.end()
    return re.compile(text + re.escape(pattern[at:]) + ending)


def _filled(pattern: str, values: Sequence[str], stem: str) -> str:
    """Write what the wildcards of the sources stand for into the pattern of the targets.

    Where both have the same number of wildcards each stands for the same; else the last ones do, and an extension
    `.*` stays open.
    """
    pattern = normalised(pattern).removeprefix("./").replace("{stem}", stem.replace("*", ""))
    open_ending = pattern.endswith(".*")
    body = pattern.removesuffix(".*")
    count = len(_WILDCARDS.findall(body))
    if count > len(values):
        raise UserError(f"data.targets {pattern!r} has more wildcards than data.sources")
    chosen = iter(values[:count] if "**" in pattern else values[len(values) - count :])
    return _WILDCARDS.sub(lambda _found: next(chosen), body) + (".*" if open_ending else "")
