"""Pairs in two places, or of two kinds of name in one place: the readings that the names allow."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.affixes import Affix, role, states_order
from pairloom.data.layouts.listing import LONGEST_NAME, Layout, Listing, Problem, Reading, alone, empty, taken
from pairloom.data.layouts.matching import File, Match, match_places
from pairloom.data.layouts.places import ANY, DEEP, Group, Place, find_places
from pairloom.data.layouts.tree import Folder, Tree, stem_of
from pairloom.data.pairs import PairFiles, Part

_MOST_COUPLES = 24
_LEAST_SHARE = 0.1
"""Share of the pairs that the best two places could make; places that could make fewer are left out."""


class TwoFolders(Layout):
    """A and B under names with the same stem in two folders."""

    name: LayoutName = "two-folders"
    description = "two folders whose files have the same names, but for a constant beginning or ending"
    conclusive = True

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Match each two places of the tree."""
        places = [place for place in find_places(tree) if place.count]
        couples = [(_most_pairs(first, second), first, second) for first, second in combinations(places, 2)]
        return _distinct(_readings(tree, self.name, couples))


class OneFolder(Layout):
    """A and B in one folder, told apart by a word in their names, or by their extensions."""

    name: LayoutName = "one-folder"
    description = "one folder with both images of each pair, told apart by a word in their names or their extensions"
    conclusive = True

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Match each place of the tree with itself."""
        places = [place for place in find_places(tree) if place.count > 1]
        return _distinct(_readings(tree, self.name, [(place.count // 2, place, place) for place in places]))


def reading_of(tree: Tree, layout: LayoutName, match: Match) -> Reading | None:
    """Return a match as a reading; None where a file would be in two pairs."""
    for side in (2, 3):
        if len({(id(pair[side][0]), pair[side][1]) for pair in match.pairs}) < len(match.pairs):
            return None
    words = [
        (*place.pattern, affix.prefix, affix.infix, affix.suffix)
        for place, affix in zip(match.places, match.affixes, strict=True)
    ]
    roles = role(words[0]), role(words[1])
    # Where the words say nothing, it is the target whose name has one more.
    turned = roles[0] < roles[1] or (roles[0] == roles[1] and match.affixes[0].weight > match.affixes[1].weight)
    names = [_telling(words[0], words[1]), _telling(words[1], words[0])]
    if states_order(*names):
        turned = False
    elif states_order(*reversed(names)):
        turned = True
    first, second = (1, 0) if turned else (0, 1)
    pairs: dict[str | None, list[PairFiles]] = defaultdict(list)
    problems: dict[str | None, list[Problem]] = defaultdict(list)
    for group, core, *files in match.pairs:
        a, b = files[first], files[second]
        pairs[group.split].append(PairFiles(pair_name(group, core, a[1]), _part(a), _part(b)))
    for side, other in ((0, 1), (1, 0)):
        seen = set()
        for group, core, file in match.alone[side]:
            path = file[0].path / file[1]
            if group.split in pairs and path not in seen:
                seen.add(path)
                problems[group.split].append(alone(path, _wanted(match, other, group, core)))
    for path, twin in match.doubles:
        if (split := next((folder.split for folder in tree.folders if folder.path == path.parent), None)) in pairs:
            problems[split].append(taken(path, twin))
    for split, folder in _empty_folders(tree, match, set(pairs)):
        pairs.setdefault(split, [])
        problems[split].append(empty(folder.path))
    listings = {split: Listing(tuple(_named_apart(sorted(pairs[split]))), tuple(problems[split])) for split in pairs}
    patterns = [_pattern(match, side) for side in (first, second)]
    _, core, *example = match.pairs[0]
    how = " with ".join(_shown(example[side], match.affixes[side], core) for side in (first, second))
    return Reading(
        layout,
        how,
        listings,
        ordered=states_order(names[first], names[second]),
        sources=patterns[0],
        targets=patterns[1],
        together=match.places[0] is match.places[1],
    )


def _pattern(match: Match, side: int) -> str:
    """Return the pattern that `data.sources` or `data.targets` would take for one side of a match."""
    place = match.places[side]
    stars = sum(ANY in part for part in place.pattern)
    nested = DEEP not in place.pattern and any(len(group.folders) > stars for group in place.groups)
    return f"{place.label.replace('~', '*')}{'**/' if nested else ''}{match.affixes[side].pattern()}"


def pair_name(group: Group, core: str, source: str) -> str:
    """Name a pair by the folders that are no kind and its source's stem; by these alone where all stems are alike."""
    name = "-".join((*group.folders, stem_of(source))) if core or not group.folders else "-".join(group.folders)
    return os.fsencode(name)[-LONGEST_NAME:].decode("utf-8", "ignore")


def _readings(tree: Tree, layout: LayoutName, couples: Sequence[tuple[int, Place, Place]]) -> Iterator[Reading]:
    most = max((bound for bound, _, _ in couples), default=0)
    likely = sorted(couples, key=lambda couple: (-couple[0], couple[1].wild))
    for bound, first, second in likely[:_MOST_COUPLES]:
        if bound < max(1, _LEAST_SHARE * most):
            break
        for match in match_places(first, second):
            if (reading := reading_of(tree, layout, match)) is not None:
                yield reading


def _distinct(readings: Iterable[Reading]) -> list[Reading]:
    """Return readings with the most pairs first, of those with the same pairs the first."""
    readings = list(readings)
    if len(readings) < 2:
        return readings
    found: dict[frozenset[frozenset[Path]], Reading] = {}
    for reading in readings:
        pairs = frozenset(frozenset((pair.a.path, pair.b.path)) for pair in reading.pairs)
        found.setdefault(pairs, reading)
    return sorted(found.values(), key=lambda reading: -len(reading.pairs))


def _most_pairs(first: Place, second: Place) -> int:
    """Return how many pairs two places could make at the most, by the number of files in the groups that both have."""
    if first.wild != second.wild or (DEEP in first.pattern) != (DEEP in second.pattern):
        return 0
    first, second = first.without(second), second.without(first)
    counts = [
        {group: sum(len(folder.images) for folder in folders) for group, folders in place.groups.items()}
        for place in (first, second)
    ]
    if {group.split for group in second.groups} == {None} != {group.split for group in first.groups}:
        below: dict[tuple[str, ...], int] = defaultdict(int)
        for group, count in counts[0].items():
            below[group.folders] += count
        return sum(min(count, below.get(group.folders, 0)) for group, count in counts[1].items())
    return sum(min(count, counts[1].get(group, 0)) for group, count in counts[0].items())


def _part(file: File) -> Part:
    return Part(file[0].path / file[1])


def _telling(words: Sequence[str], others: Sequence[str]) -> str:
    """Return the word of a place or an affix that the other does not have: what names the kind of file."""
    own = [word.strip("_-. ") for word in words if word and word not in others]
    return own[-1] if own else ""


def _wanted(match: Match, side: int, group: Group, core: str) -> str:
    """Return where the partner of a file should be."""
    place, affix = match.places[side], match.affixes[side]
    folders = place.groups.get(group)
    if folders is None:
        folders = next(iter(place.groups.values()))
    return str(folders[0].path / f"{affix.stem(core)}{affix.extension or '.*'}")


def _empty_folders(tree: Tree, match: Match, splits: set[str | None]) -> Iterator[tuple[str | None, Folder]]:
    """Yield the folders of the places that hold nothing, in splits of their own."""
    for folder in tree.folders:
        if folder.split is None or folder.images or not match.places:
            continue
        if any(folder.rest == place.pattern for place in match.places) and not any(
            other.images and other.parts[: len(folder.parts)] == folder.parts for other in tree.folders
        ):
            yield folder.split, folder


def _shown(file: File, affix: Affix, core: str) -> str:
    """Write a file's path with `*` for what differs from pair to pair."""
    folder, name = file
    stem = affix.pattern().removesuffix(".*") if core else stem_of(name)
    ending = os.path.splitext(name)[1]  # noqa: PTH122 (a name, not a path)
    return f"{'' if folder.label == './' else folder.label}{stem.removesuffix(ending)}{ending}"


def _named_apart(pairs: Sequence[PairFiles]) -> Iterator[PairFiles]:
    """Give pairs whose names have come out alike names of their own."""
    taken_names: set[str] = set()
    for pair in pairs:
        name = pair.name if pair.name not in taken_names else f"{pair.name}-{len(taken_names)}"
        taken_names.add(name)
        yield pair if name == pair.name else pair._replace(name=name)
