"""Splits that are lists of names: `ImageSets/Segmentation/train.txt`, `splits/val.txt`, `train.txt`."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from pairloom.data.layouts.listing import Listing, Problem, Reading
from pairloom.data.layouts.splits import SPLITS, split_and_rest
from pairloom.data.layouts.tree import Folder, Tree, counted, normalised
from pairloom.data.pairs import PairFiles

LARGEST = 2**26
"""Bytes of a list at the most: some million names."""
_SEPARATORS = re.compile(r"[\s,;]+")
_LEAST_SHARE = 0.5
"""Share of a list's names that must be those of pairs; other text files are no lists of them."""


def with_lists(tree: Tree, reading: Reading) -> Reading:
    """Return a reading with the splits that lists in the folder name; the same one where there are none.

    A folder's lists count where they name pairs of the reading, or folders of them, each pair in one split. Pairs in
    no list are left out, and so are photographs without a partner: whoever lists the pairs has said which they are.
    Where splits are folders already, or a manifest lists the pairs, lists are not looked at.
    """
    if reading.splits() or reading.layout == "manifest":
        return reading
    lists_of = [(folder, lists) for folder in tree.folders if (lists := _lists(folder))]
    if not lists_of:
        return reading
    together = reading.listing(None)
    names = _names(tree.root, together.pairs)
    best: dict[str, list[PairFiles]] = {}
    found_in: Folder | None = None
    missing: list[Problem] = []
    for folder, lists in lists_of:
        splits, absent = _assigned(lists, names)
        if sum(map(len, splits.values())) > sum(map(len, best.values())):
            best, found_in, missing = splits, folder, absent
    if found_in is None:
        return reading
    kept = {pair.name for pairs in best.values() for pair in pairs}
    left_out = len(together.pairs) - len(kept)
    listings: dict[str | None, Listing] = {
        # Of places that are given, the list may name other files as well.
        split: Listing(tuple(sorted(pairs)), tuple(missing) if index == 0 and not reading.certain else ())
        for index, (split, pairs) in enumerate(best.items())
    }
    note = f"the splits are those of the lists in {found_in.label}"
    if left_out:
        note += f", which leave {counted(left_out, 'pair')} out"
    return replace(reading, listings=listings, notes=(*reading.notes, note))


def _names(root: Path, pairs: Sequence[PairFiles]) -> Mapping[str, Sequence[PairFiles]]:
    """Return the pairs by all that a list may call them; what two pairs could be called is left out.

    A folder's name, such as that of a sequence, stands for all pairs in it, where other pairs are in other folders.
    """
    names: dict[str, PairFiles | None] = {}
    folders: dict[str, dict[str, PairFiles]] = defaultdict(dict)
    places: dict[tuple[str, int], set[tuple[str, ...]]] = defaultdict(set)
    for pair in pairs:
        called = {pair.name}
        for side, path in enumerate((*pair.a.files[:1], *pair.b.files[:1])):
            relative = path.relative_to(root) if path.is_relative_to(root) else path
            parts = tuple(map(normalised, relative.with_suffix("").parts))
            called |= {"/".join(parts[index:]) for index in range(len(parts))}
            for start, end in combinations(range(len(parts)), 2):
                name = "/".join(parts[start:end])
                folders[name][pair.name] = pair
                places[name, side].add(parts[:end])
        for name in {normalised(name) for name in called}:
            names[name] = pair if names.get(name, pair) is pair else None
    ambiguous = {name for (name, _), found in places.items() if len(found) > 1}
    sequences = {
        name: list(found.values())
        for name, found in folders.items()
        if len(found) < len(pairs) and name not in ambiguous
    }
    return {**sequences, **{name: [pair] for name, pair in names.items() if pair is not None}}


def _lists(folder: Folder) -> dict[str, Path]:
    """Return the lists in a folder by split; of several for one, that with the shortest name, such as `train.txt`.

    `trainval` is a list of training names where there is none for training alone.
    """
    lists: dict[str, Path] = {}
    for name in sorted(folder.others, key=lambda name: (len(name), name)):
        path = folder.path / name
        if path.suffix.lower() not in (".txt", ".lst", ".list"):
            continue
        split, _rest = ("train", "val") if path.stem.lower() == "trainval" else split_and_rest(path.stem)
        if split is not None:
            lists.setdefault(split, path)
    return lists


def _assigned(
    lists: Mapping[str, Path], names: Mapping[str, Sequence[PairFiles]]
) -> tuple[dict[str, list[PairFiles]], list[Problem]]:
    """Return the pairs that the lists name, by split, and their names that are those of no file."""
    splits: dict[str, list[PairFiles]] = {}
    missing: list[Problem] = []
    owner: dict[str, str] = {}
    for split in SPLITS:
        if split not in lists:
            continue
        listed = _read(lists[split])
        named = {name: _pairs(name, names) for name in listed}
        absent = [name for name, pairs in named.items() if not pairs]
        if not listed or len(absent) > (1 - _LEAST_SHARE) * len(listed):
            continue
        found = {pair.name: pair for pairs in named.values() for pair in pairs}
        shared = [name for name in found if owner.setdefault(name, split) != split]
        if len(shared) > 0.5 * len(found):  # a list of everything, under a name such as this
            continue
        message = f"is named by {lists[split]} but makes no pair here; add its files, or remove the line"
        missing += [Problem("missing partner", Path(name), message) for name in absent]
        splits[split] = [pair for name, pair in found.items() if owner[name] == split]
    return {split: pairs for split, pairs in splits.items() if pairs}, missing


def _pairs(line: str, names: Mapping[str, Sequence[PairFiles]]) -> Sequence[PairFiles]:
    """Return the pairs that a line names: by the whole line, or by what stands before one of its separators."""
    ends = [len(line), *(found.start() for found in reversed(list(_SEPARATORS.finditer(line))))]
    return next((pairs for end in ends if (pairs := _named(line[:end].strip(" /"), names))), ())


def _named(path: str, names: Mapping[str, Sequence[PairFiles]]) -> Sequence[PairFiles]:
    """Return the pairs of a path; of as much of its end as tells some."""
    parts = path.split("/")
    for index in range(len(parts)):
        ending = "/".join(parts[index:])
        if ending in names:
            return names[ending]
        if (stem := re.sub(r"\.\w{2,5}$", "", ending)) in names:
            return names[stem]
    return ()


def _read(path: Path) -> list[str]:
    """Return the lines of a list that hold something; nothing for files that are no lists."""
    try:
        if path.stat().st_size > LARGEST:
            return []
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError):
        return []
    if "\0" in text:
        return []
    lines = (normalised(line.strip().replace("\\", "/")) for line in text.splitlines())
    return list(dict.fromkeys(line for line in lines if line and not line.startswith("#")))
