"""Places: the folders that hold one kind of file, in all splits, cities, scenes or samples of a data set.

A place is a path without its split whose components are names, or `*` for folders that differ from scene to scene:
`images` is the place of `images/train/a.png` and `val/images/city/b.png`, and `*/masks` that of `n0/masks/a.png` and
`n1/masks/b.png`. Folders below a place belong to it.
"""

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, combinations
from typing import NamedTuple

from pairloom.data.layouts.tree import Folder, Tree, normalised

ANY = "*"
DEEP = "**"
Path_ = tuple[str, ...]
_MOST_PLACES = 60
"""More folders differ in more than what is a kind of file; then they are scenes."""
_DEEPEST = 6
_MOST_WILD = 2
_MOST_PARTS = 20
"""More numbered folders are scenes, and no parts of one folder."""
_NUMBERED = re.compile(r"(.*[^\W\d].*?)(\d+)", re.DOTALL)


class Group(NamedTuple):
    """What a file has in common with its partner beside its stem: the split, and the folders that are no kind."""

    split: str | None
    folders: Path_


@dataclass(frozen=True)
class Place:
    """A path without the split, with `*` for folders that differ, and the folders that belong to it."""

    pattern: Path_
    groups: Mapping[Group, tuple[Folder, ...]]

    @cached_property
    def count(self) -> int:
        """The number of images in it."""
        return sum(len(folder.images) for folders in self.groups.values() for folder in folders)

    @cached_property
    def files(self) -> Mapping[tuple[Group, str], list[tuple[Folder, str]]]:
        """Folder and name of its images by group and stem; more than one where only extensions differ."""
        files: dict[tuple[Group, str], list[tuple[Folder, str]]] = defaultdict(list)
        for group, folders in self.groups.items():
            for folder in folders:
                for name in folder.images:
                    files[group, folder.stem(name)].append((folder, name))
        return files

    def sample(self, other: "Place", count: int) -> list[tuple[Group, str]]:
        """Return so many groups and stems of its images, spread over the groups that another place has as well."""
        folders = [
            (group, folder) for group, members in self.groups.items() if group in other.groups for folder in members
        ]
        ends = list(accumulate(len(folder.images) for _, folder in folders))
        total = ends[-1] if ends else 0
        chosen = []
        for index in range(min(count, total)):
            place = index * total // min(count, total)
            at = bisect_right(ends, place)
            group, folder = folders[at]
            chosen.append((group, folder.stem(folder.images[place - ends[at]])))
        return chosen

    @cached_property
    def doubled(self) -> bool:
        """Whether many of its files differ from another in the extension alone."""
        several = sum(len(names) > 1 for names in self.files.values())
        return several > 0.3 * len(self.files)

    @property
    def wild(self) -> int:
        """The number of its components that are `*`."""
        return self.pattern.count(ANY)

    @property
    def label(self) -> str:
        """The place as messages show it."""
        return "/".join(self.pattern) + "/" if self.pattern else ""

    def without(self, other: "Place") -> "Place":
        """Return the place without the folders of another that lies inside it."""
        if len(other.pattern) <= len(self.pattern):
            return self
        taken = {id(folder) for folders in other.groups.values() for folder in folders}
        groups = {
            group: kept
            for group, folders in self.groups.items()
            if (kept := tuple(folder for folder in folders if id(folder) not in taken))
        }
        return Place(self.pattern, groups)


def find_places(tree: Tree) -> list[Place]:
    """List the places of a tree that may hold one kind of file each, those with the fewest `*` first."""
    folders = tree.with_images
    depth = min(_DEEPEST, max((len(folder.rest) for folder in folders), default=0))
    values = [{folder.rest[level] for folder in folders if len(folder.rest) > level} for level in range(depth)]
    levels = [level for level in range(depth) if len(values[level]) > 1]
    places: dict[Path_, Place] = {}
    for count in range(min(_MOST_WILD, len(levels)) + 1):
        for wild in combinations(levels, count):
            for pattern, groups in _patterns(folders, frozenset(wild)).items():
                places.setdefault(pattern, Place(pattern, groups))
    return [*places.values(), *_at_any_depth(folders), *_numbered(folders)]


def _numbered(folders: tuple[Folder, ...]) -> Iterator[Place]:
    """Yield the places of folders side by side that a number tells apart: `Slide_*`, `images_part_*`.

    Where folders of another name have the same numbers, the number is part of the pair: `Slide_01` goes with `GT_01`.
    Else the folders are parts of one, if no two of them hold files of the same name.
    """
    found: dict[Path_, dict[str, dict[str, list[Folder]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for folder in folders:
        if folder.rest and (match := _NUMBERED.fullmatch(folder.rest[-1])):
            found[folder.rest[:-1]][match[1]][match[2]].append(folder)
    for parent, words in found.items():
        if len(words) > _MOST_PLACES:
            continue
        for word, members in words.items():
            shared = any(members.keys() == other.keys() for name, other in words.items() if name != word)
            if len(members) < 2 or not (shared or (len(members) <= _MOST_PARTS and _have_files_of_their_own(members))):
                continue
            groups: dict[Group, list[Folder]] = defaultdict(list)
            for number, some in members.items():
                for folder in some:
                    groups[Group(folder.split, (number,) if shared else ())].append(folder)
            yield Place((*parent, word + ANY), {group: tuple(some) for group, some in groups.items()})


def _have_files_of_their_own(members: Mapping[str, list[Folder]]) -> bool:
    """Tell whether no stem occurs in the folders of two numbers."""
    stems = [
        {(folder.split, folder.stem(name)) for folder in some for name in folder.images} for some in members.values()
    ]
    return len(set().union(*stems)) == sum(map(len, stems))


def _at_any_depth(folders: tuple[Folder, ...]) -> Iterator[Place]:
    """Yield the places of folders of one name that are deeper in one split than in another: `**/images`."""
    depths: dict[str, dict[str | None, set[int]]] = defaultdict(lambda: defaultdict(set))
    for folder in folders:
        if folder.rest:
            depths[folder.rest[-1]][folder.split].add(len(folder.rest))
    names = [
        name
        for name, by_split in depths.items()
        if all(len(found) == 1 for found in by_split.values()) and len(set().union(*by_split.values())) > 1
    ]
    for name in names[:_MOST_PLACES]:
        groups: dict[Group, tuple[Folder, ...]] = {}
        for folder in folders:
            if folder.rest[-1:] == (name,):
                group = Group(folder.split, tuple(map(normalised, folder.rest[:-1])))
                groups[group] = (*groups.get(group, ()), folder)
        yield Place((DEEP, name), groups)


def _patterns(folders: tuple[Folder, ...], wild: frozenset[int]) -> dict[Path_, dict[Group, tuple[Folder, ...]]]:
    """Return the places whose components at the levels `wild` are `*`; those too many to be kinds are left out."""
    skeletons = [
        tuple(ANY if level in wild else part for level, part in enumerate(folder.rest[:_DEEPEST])) for folder in folders
    ]
    patterns = {skeleton[:length] for skeleton in skeletons for length in _lengths(skeleton, wild)}
    numbers = Counter(len(pattern) for pattern in patterns)
    patterns = {pattern for pattern in patterns if numbers[len(pattern)] <= _MOST_PLACES}
    found: dict[Path_, dict[Group, list[Folder]]] = defaultdict(lambda: defaultdict(list))
    for folder, skeleton in zip(folders, skeletons, strict=True):
        for length in _lengths(skeleton, wild):
            if skeleton[:length] in patterns:
                captured = tuple(part for level, part in enumerate(folder.rest[:length]) if level in wild)
                rest = tuple(map(normalised, (*captured, *folder.rest[length:])))
                found[skeleton[:length]][Group(folder.split, rest)].append(folder)
    return {pattern: {group: tuple(members) for group, members in groups.items()} for pattern, groups in found.items()}


def _lengths(skeleton: Path_, wild: frozenset[int]) -> Iterator[int]:
    """Yield how long the places are to which a folder belongs: each ends in a name, and holds all that is wild."""
    if not wild:
        yield 0
    for length in range(1, len(skeleton) + 1):
        if skeleton[length - 1] != ANY and wild <= set(range(length)):
            yield length
