"""Targets that are several binary masks per image: one file per object, or one per class."""

import re
from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from itertools import permutations
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.affixes import is_aside, role
from pairloom.data.layouts.listing import Layout, Listing, Problem, Reading, alone
from pairloom.data.layouts.matching import Match, match_places
from pairloom.data.layouts.pairing import pair_name
from pairloom.data.layouts.places import Group, Place, find_places
from pairloom.data.layouts.tree import Folder, Tree, stem_of
from pairloom.data.mask_files import MaskFiles, MaskFilesReader, mask_files_palette
from pairloom.data.pairs import PairFiles, Part
from pairloom.data.readers import Classes
from pairloom.data.sampling import evenly_spaced
from pairloom.palette import Palette

_MOST_CLASSES = 40
_NEARLY_ALL = 0.8
"""Share of the photographs that must have masks."""
_SAMPLE = 24
"""Targets that are read to tell whether they leave pixels uncovered."""
_NUMBER = re.compile(r"[ _.-]*\(?\d+\)?$")

Masks = dict[tuple[Group, str], list[Path]]
"""The mask files of each photograph, by its group and stem."""


class MaskFilesLayout(Layout):
    """A photograph with several masks: in a folder of its own, in a folder per class, or named after it."""

    name: LayoutName = "mask-files"
    description = "photographs with one mask file per object or per class, in a folder for each photograph or class"

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Try each place as that of the photographs, and each other as that of the masks."""
        places = [place for place in find_places(tree) if place.count]
        found = []
        for photographs, masks in permutations(places, 2):
            if photographs.wild != masks.wild or role(photographs.pattern) < role(masks.pattern):
                continue
            for collect in (_by_group, _by_own_folder, _by_class_folder, _by_number):
                if (reading := collect(photographs.without(masks), masks.without(photographs))) is not None:
                    found.append(reading)
        for place in places:
            if (reading := _by_class_word(match_places(place, place))) is not None:
                found.append(reading)
            if (reading := _by_number(place, place)) is not None:
                found.append(reading)
        return sorted(found, key=lambda reading: -len(reading.pairs))

    def classes(self, reading: Reading, config: DataConfig, palette: Palette | None) -> Classes | None:
        """Return the classes that the files' names tell, or one class of objects; with a background where one is."""
        if reading.masks is None:
            return None
        if palette is None:
            sample = [pair.b for pair in evenly_spaced(reading.pairs, _SAMPLE)]
            palette = mask_files_palette(reading.masks, sample, config.background)
        return Classes(palette, MaskFilesReader(palette, reading.masks))


def _by_group(photographs: Place, masks: Place) -> Reading | None:
    """Take all files of a group as the masks of its only photograph: `n0/images/n0.png`, `n0/masks/*.png`."""
    groups = photographs.groups.keys() & masks.groups.keys()
    splits = {group.split for group in groups}
    if len(groups) < max(2, _NEARLY_ALL * sum(group.split in splits for group in photographs.groups)):
        return None
    collected: Masks = {}
    for group in groups:
        images = [name for folder in photographs.groups[group] for name in folder.images]
        if len(images) != 1:
            return None
        collected[group, stem_of(images[0])] = _paths(masks.groups[group])
    # One file each is a pair of two folders, and so are files of which one alone has the photograph's name.
    if all(len(paths) == 1 and stem == stem_of(paths[0].name) for (_, stem), paths in collected.items()):
        return None
    return _reading(photographs, masks, collected)


def _by_own_folder(photographs: Place, masks: Place) -> Reading | None:
    """Take the files in a folder that is named after a photograph: `images/a.png`, `masks/a/*.png`."""
    collected: Masks = {}
    for group, folders in masks.groups.items():
        for index, folder in enumerate(group.folders):
            key = Group(group.split, (*group.folders[:index], *group.folders[index + 1 :])), folder
            if key in photographs.files:
                collected.setdefault(key, []).extend(_paths(folders))
    return _reading(photographs, masks, collected)


def _by_class_folder(photographs: Place, masks: Place) -> Reading | None:
    """Take a folder of masks for each class: `images/a.png`, `masks/car/a.png`, `masks/road/a.png`."""
    kinds: dict[str, dict[Group, tuple[Folder, ...]]] = defaultdict(dict)
    for group, folders in masks.groups.items():
        if not group.folders:
            return None
        kinds[group.folders[0]][Group(group.split, group.folders[1:])] = folders
    if not 2 <= len(kinds) <= _MOST_CLASSES:
        return None
    collected: Masks = defaultdict(list)
    classes: dict[Path, str] = {}
    for kind, groups in kinds.items():
        matches = match_places(photographs, Place((*masks.pattern, kind), groups))
        if not matches or len(matches[0].pairs) < 0.5 * sum(len(f.images) for fs in groups.values() for f in fs):
            return None
        for group, _, (_, name), (folder, partner) in matches[0].pairs:
            collected[group, stem_of(name)].append(folder.path / partner)
            classes[folder.path / partner] = kind
    return _reading(photographs, masks, dict(collected), classes)


def _by_class_word(matches: Sequence[Match]) -> Reading | None:
    """Take the kinds of file that lie beside a photograph, each with a word for its class: `a.png`, `a_car.png`."""
    matches = [match for match in matches if match.affixes[0] == matches[0].affixes[0]]
    if not 2 <= len(matches) <= _MOST_CLASSES:
        return None
    collected: Masks = defaultdict(list)
    classes: dict[Path, str] = {}
    for match in matches:
        word = (match.affixes[1].suffix or match.affixes[1].prefix).strip("_-. ")
        for group, _, (_, name), (folder, partner) in match.pairs:
            collected[group, stem_of(name)].append(folder.path / partner)
            classes[folder.path / partner] = word
    place = matches[0].places[0]
    return _reading(place, place, dict(collected), classes)


def _by_number(photographs: Place, masks: Place) -> Reading | None:
    """Take numbered masks: `a_mask.png` and `a_mask_1.png` of `a.png`, or `masks/a_0.png` and `masks/a_1.png`."""
    together = photographs is masks
    stems = photographs.files.keys()
    words: Counter[str] = Counter()
    owners: list[tuple[Group, str, str, Path]] = []
    for (group, stem), files in masks.files.items():
        if together and _owner(group, stem, stems, whole=False) is None:
            continue  # a photograph
        base = _NUMBER.sub("", stem)
        for spelling in {stem, base}:
            owner = _owner(group, spelling, stems, whole=not together)
            if owner is not None:
                word = spelling[len(owner) :]
                words[word] += 1
                owners.extend((group, owner, word, folder.path / name) for folder, name in files)
    if not words:
        return None
    word = words.most_common(1)[0][0]
    if together and not word.strip("_-. ("):
        return None  # numbered photographs
    collected: Masks = {}
    for group, owner, own, path in owners:
        if own == word and path not in collected.setdefault((group, owner), []):
            collected[group, owner].append(path)
    return _reading(photographs, masks, collected)


def _owner(group: Group, stem: str, known: Container[tuple[Group, str]], *, whole: bool) -> str | None:
    """Return the longest beginning of a stem that is known and ends where a word does, or all of it if `whole`."""
    ends = [match.end() for match in re.finditer(r"\d+|[^\W\d_]+|[\W_]", stem)]
    for end in reversed(ends if whole else ends[:-1]):
        if (group, stem[:end]) in known:
            return stem[:end]
    return None


def _reading(
    photographs: Place, masks: Place, collected: Masks, classes: Mapping[Path, str] | None = None
) -> Reading | None:
    """Return the reading, if nearly all photographs have masks, and some several."""
    if not collected or max(len(paths) for paths in collected.values()) < 2:
        return None
    splits = {group.split for group, _ in collected}
    known = [key for key in photographs.files if key[0].split in splits]
    if photographs is not masks and len(collected) < _NEARLY_ALL * len(known):
        return None
    pairs: dict[str | None, list[PairFiles]] = defaultdict(list)
    problems: dict[str | None, list[Problem]] = defaultdict(list)
    for group, stem in sorted(known, key=lambda key: (key[0].folders, key[1])):
        folder, name = photographs.files[group, stem][0]
        if paths := sorted(collected.get((group, stem), [])):
            target = Part(paths[0], more=tuple(paths[1:]))
            pairs[group.split].append(PairFiles(pair_name(group, "", name), Part(folder.path / name), target))
        elif photographs is not masks:
            problems[group.split].append(alone(folder.path / name, f"{masks.label}*"))
    names = tuple(sorted(set(classes.values()))) if classes else ()
    if any(is_aside([name]) for name in names):  # what lies beside a mask, such as its edges or an instance map
        return None
    numbers = {path: names.index(kind) for path, kind in classes.items()} if classes else {}
    what = "class" if names else "object"
    return Reading(
        "mask-files",
        f"{photographs.label or './'} with one mask file per {what} in {masks.label or './'}",
        {split: Listing(tuple(sorted(found)), tuple(problems[split])) for split, found in pairs.items()},
        masks=MaskFiles(names, numbers),
    )


def _paths(folders: Sequence[Folder]) -> list[Path]:
    return [folder.path / name for folder in folders for name in folder.images]
