"""Matches the files of two places, or of two kinds in one place, by what their names have in common."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairloom.data.layouts.affixes import Affix, frequent_affixes
from pairloom.data.layouts.places import Group, Place
from pairloom.data.layouts.tree import Folder

_SAMPLE = 60
"""Files that are tried with each pair of affixes, before the best pairs are tried with all."""
_MOST_MATCHES = 6
_FEW = 8
"""Files in the folder of one sample, on average."""
_ENOUGH = 0.3
"""Share of the best pair of affixes' matches that another must have to be considered."""

File = tuple[Folder, str]
Key = tuple[Group, str]


@dataclass(frozen=True)
class Match:
    """The files of two kinds that belong together.

    Attributes:
        places: the two places; the same twice where the kinds lie together.
        affixes: the constant part of the names of each.
        pairs: group, core of the name, and both files.
        alone: files of each kind without a partner.
        doubles: files whose key belongs to another file already, and that file.
    """

    places: tuple[Place, Place]
    affixes: tuple[Affix, Affix]
    pairs: tuple[tuple[Group, str, File, File], ...]
    alone: tuple[tuple[tuple[Group, str, File], ...], tuple[tuple[Group, str, File], ...]]
    doubles: tuple[tuple[Path, Path], ...]


def match_places(first: Place, second: Place) -> list[Match]:
    """Match the files of two places, or of one with itself; the most pairs first.

    Args:
        first: a place.
        second: another with as many `*`; or the same one, for two kinds of file that lie together.

    Returns:
        A match for each kind of file that the second place holds partners in: a folder may hold label maps and
        instance maps under names that differ in their endings.
    """
    together = first is second
    if not together:
        first, second = first.without(second), second.without(first)
    splits_differ = {group.split for group in second.groups} == {None} != {group.split for group in first.groups}
    if splits_differ:  # the labels of all splits lie together
        second = _with_splits_of(first, second)
    sample = second.sample(first, _SAMPLE)
    if not sample:
        return []
    kinds = _kinds(first, first.sample(second, _SAMPLE)), _kinds(second, sample)
    first_kinds, second_kinds = (
        [affix for affix in affixes if not (together and _counts_only(affix))] for affixes in kinds
    )
    found: list[tuple[int, int, Affix, Affix, frozenset[frozenset[Key]]]] = []
    for b in second_kinds:
        cores = [(group, core, stem) for group, stem in sample if (core := b.core(stem)) is not None]
        for a in first_kinds:
            if bool(a.infix) != bool(b.infix):
                continue
            if together and a[:2] == b[:2] and a.infix == b.infix and a.extension >= b.extension:
                continue
            matched = frozenset(
                frozenset({(group, a.stem(core)), (group, stem + "\0")})
                for group, core, stem in cores
                if _has(first, (group, a.stem(core)), a) and _has(second, (group, stem), b)
            )
            if matched:
                found.append((len(matched), a.weight + b.weight, a, b, matched))
    found.sort(key=lambda item: (-item[0], item[1]))
    kept: list[frozenset[frozenset[Key]]] = []
    matches: list[Match] = []
    for number, _, a, b, matched in found:
        if number < _ENOUGH * found[0][0] or len(matches) == _MOST_MATCHES:
            break
        neutral = _unordered(matched) if together else matched
        if any(neutral <= other for other in kept):
            continue
        kept.append(neutral)
        match = _match(first, second, a, b, [*kinds[0], *kinds[1]])
        # Two names that have nothing in common make pairs only where each folder holds few files, one of each kind.
        alike = any(core for _, core, _, _ in match.pairs)
        if match.pairs and (alike or (first.count <= _FEW * len(first.groups) and len(match.pairs) > 2)):
            matches.append(match)
    return matches


def _counts_only(affix: Affix) -> bool:
    """Tell whether an affix is a number: of the files in one folder it tells no two kinds."""
    text = affix.prefix + affix.infix + affix.suffix
    return any(letter.isdigit() for letter in text) and not any(letter.isalpha() for letter in text)


def _with_splits_of(first: Place, second: Place) -> Place:
    """Return the second place with the split of each file's only possible partner's group."""
    by_folders: dict[tuple[str, ...], list[Group]] = {}
    for group in first.groups:
        by_folders.setdefault(group.folders, []).append(group)
    groups: dict[Group, tuple[Folder, ...]] = {}
    for group, folders in second.groups.items():
        for other in by_folders.get(group.folders, []):
            groups[other] = folders
    return Place(second.pattern, groups)


def _kinds(place: Place, sample: Sequence[Key]) -> list[Affix]:
    affixes = frequent_affixes([stem for _, stem in sample])
    if not place.doubled:
        return affixes
    endings = Counter(Path(name).suffix for names in place.files.values() for _, name in names)
    return [
        affix._replace(extension=ending)
        for affix in affixes
        for ending, _ in sorted(endings.most_common(4), key=lambda item: item[0])
    ]


def _has(place: Place, key: Key, affix: Affix) -> bool:
    names = place.files.get(key) if key in place.files else None
    if not names:
        return False
    return not affix.extension or any(name.endswith(affix.extension) for _, name in names)


def _unordered(matched: frozenset[frozenset[Key]]) -> frozenset[frozenset[Key]]:
    return frozenset(frozenset((group, stem.rstrip("\0")) for group, stem in pair) for pair in matched)


def _match(first: Place, second: Place, a: Affix, b: Affix, kinds: Sequence[Affix]) -> Match:
    """Match all files of two kinds; `kinds` are the affixes that other files there have."""
    doubles: list[tuple[Path, Path]] = []
    files = [_of_kind(first, a, doubles), _of_kind(second, b, doubles)]
    pairs = []
    for (group, core), file in files[0].items():
        other = files[1].get((group, core))
        if other is not None and other != file:
            pairs.append((group, core, file, other))
    cores = {(group, core) for group, core, _, _ in pairs}
    used = {(id(folder), name) for _, _, one, other in pairs for folder, name in (one, other)}
    folders = {folder for folder, _ in used}
    alone = tuple(
        tuple(
            (group, core, file)
            for (group, core), file in kind.items()
            if (group, core) not in cores
            and (id(file[0]), file[1]) not in used
            and id(file[0]) in folders
            and not _is_relative(group, file[0].stem(file[1]), kinds, cores, alike=affix)
        )
        for kind, affix in zip(files, (a, b), strict=True)
    )
    return Match((first, second), (a, b), tuple(pairs), (alone[0], alone[1]), tuple(doubles))


def _is_relative(group: Group, stem: str, kinds: Sequence[Affix], cores: set[Key], *, alike: Affix) -> bool:
    """Tell whether a file is of another kind: with another affix its name belongs to a pair."""
    for affix in kinds:
        if affix._replace(extension="") == alike._replace(extension=""):
            continue
        core = affix.core(stem)
        if core is not None and (group, core) in cores and affix._replace(extension="") != Affix():
            return True
    return False


def _of_kind(place: Place, affix: Affix, doubles: list[tuple[Path, Path]]) -> Mapping[Key, File]:
    """Return the files of a place that have an affix, by group and core; of two alike the first."""
    found: dict[Key, File] = {}
    for (group, stem), names in place.files.items():
        core = affix.core(stem)
        if core is None:
            continue
        chosen = [file for file in names if not affix.extension or file[1].endswith(affix.extension)]
        for file in chosen:
            first = found.setdefault((group, core), file)
            if first is not file:
                doubles.append((file[0].path / file[1], first[0].path / first[1]))
    return found


def paths(pairs: Sequence[tuple[Group, str, File, File]]) -> Iterator[tuple[Path, Path]]:
    """Yield the paths of both files of pairs."""
    for _, _, (folder, name), (other, partner) in pairs:
        yield folder.path / name, other.path / partner
