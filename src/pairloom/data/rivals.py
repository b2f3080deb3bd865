"""Settles which of several likely readings of a data folder is meant, or refuses with both ways out."""

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pairloom.data.layouts import PairFiles, Reading, Tree
from pairloom.data.layouts.affixes import is_aside
from pairloom.data.samples import kinds_of, mostly_the_same, same_partition, show_the_same, show_the_same_areas
from pairloom.data.sampling import evenly_spaced
from pairloom.data.weighing import Weighed, names_roles
from pairloom.errors import UserError
from pairloom.images import colour_table, inspect, read_picture

_SAMPLED = 4
"""Pairs whose images are compared."""
_MARGIN = 0.25
"""A reading is the best where no rival comes so close."""
_FEW = 0.3
"""A reading with a smaller share of the best one's pairs is no rival."""
_LOSSY = frozenset({".jpg", ".jpeg", ".jfif", ".webp"})
_MOST_COPIES = 4
"""Folders that may hold the same pictures in different formats."""


def settle(tree: Tree, weighed: Sequence[Weighed]) -> Weighed:
    """Return the best reading, if it is clearly the best, or its rivals say the same.

    Raises:
        UserError: if a rival comes as close.
    """
    best = next(
        (item for item in weighed if item.reading.masks is not None and _holds(item.reading, weighed[0].reading)),
        weighed[0],
    )
    beaten: list[Reading] = []
    waiting = list(weighed)
    while waiting:
        rival = waiting.pop(0)
        if rival.reading is best.reading or not _comes_close(rival, best, weighed):
            continue
        verdict = _compared(best, rival)
        if verdict is None:
            raise UserError(_ambiguity(tree, best.reading, rival.reading))
        winner, note = verdict
        beaten.append(best.reading if winner is rival else rival.reading)
        if winner is rival:  # others may come close to it that did not before
            waiting = [item for item in weighed if not any(item.reading is other for other in beaten)]
        best = dataclasses.replace(winner, notes=(*best.notes, note))
    return _without_copies(tree, best)


def _comes_close(rival: Weighed, best: Weighed, weighed: Sequence[Weighed]) -> bool:
    """Tell whether a reading is nearly as likely as the best one, and another guess rather than a worse one."""
    count = len(rival.reading.pairs)
    close = best.likelihood - rival.likelihood < _MARGIN or _says_more(rival, best)
    if count < _FEW * len(best.reading.pairs) or not close:
        return False
    # The same files in other pairs, and fewer of them, are a worse guess at the same thing; and so are the masks of one
    # photograph as pairs of each other.
    worse = any(
        (other is best or rival.likelihood <= other.likelihood)
        and count < len(other.reading.pairs)
        and rival.reading.used <= other.reading.used
        for other in weighed
    )
    targets = {path for pair in best.reading.pairs for path in pair.b.files}
    worse = worse or sum(pair.a.path in targets for pair in rival.reading.pairs) > count / 2
    return not worse and _contradict(best.reading, rival.reading)


def _says_more(rival: Weighed, best: Weighed) -> bool:
    """Tell whether names say that two kinds of picture are pairs, and not that the masks beside them are targets."""
    pictures = kinds_of(rival.sides) == ("pictures", "pictures")
    by_masks = best.reading.annotations is None and best.reading.masks is None
    return pictures and by_masks and names_roles(rival.reading) and not names_roles(best.reading)


def _without_copies(tree: Tree, best: Weighed) -> Weighed:
    """Leave out folders that hold the pairs of another once more, in a second format say.

    Raises:
        UserError: where the same photographs have other targets there.
    """
    listings = {}
    notes = []
    for split, listing in best.reading.listings.items():
        folders: dict[Path, dict[str, PairFiles]] = defaultdict(dict)
        for pair in listing.pairs:
            folders[pair.a.path.parent][pair.a.path.stem] = pair
        kept = list(folders)
        if 1 < len(folders) <= _MOST_COPIES:
            original, *others = folders
            for folder in others:
                if _are_copies(folders[original], folders[folder]):
                    if not _have_same_targets(best, folders[original], folders[folder]):
                        raise UserError(_two_targets(tree, best.reading, folders[original], folders[folder]))
                    kept.remove(folder)
                    notes.append(f"{folder.name}/ in {folder.parent.name}/ holds the pictures of {original} once more")
        pairs = tuple(pair for pair in listing.pairs if pair.a.path.parent in kept)
        listings[split] = dataclasses.replace(listing, pairs=pairs)
    if not notes:
        return best
    reading = dataclasses.replace(best.reading, listings=listings)
    return dataclasses.replace(best, reading=reading, notes=(*best.notes, *notes))


def _are_copies(first: dict[str, PairFiles], second: dict[str, PairFiles]) -> bool:
    if first.keys() != second.keys() or len(first) < 2:
        return False
    try:
        return all(show_the_same(pair.a.path, second[name].a.path) for name, pair in _some(first))
    except UserError:
        return False


def _have_same_targets(best: Weighed, first: dict[str, PairFiles], second: dict[str, PairFiles]) -> bool:
    if best.reading.halves or best.reading.annotations is not None or best.reading.masks is not None:
        return True
    classes = best.sides[1].kind == "classes"
    try:
        for name, pair in _some(first):
            one, other = pair.b.path, second[name].b.path
            exact = classes and not {one.suffix.lower(), other.suffix.lower()} & _LOSSY
            if not (show_the_same_areas if exact else show_the_same)(one, other):
                return False
    except UserError:
        pass  # the check of the pairs says what is wrong with their files
    return True


def _some(pairs: dict[str, PairFiles]) -> list[tuple[str, PairFiles]]:
    return evenly_spaced(sorted(pairs.items()), _SAMPLED)


def _two_targets(tree: Tree, reading: Reading, *folders: dict[str, PairFiles]) -> str:
    lead = f"{tree.root}: the same photographs have two kinds of targets"
    places = {folder.path: "/".join(folder.rest).replace("~", "*") for folder in tree.folders}
    ways = []
    for pairs in folders:
        pair = next(iter(pairs.values()))
        sources, targets = (
            f"{places[path.parent]}/{pattern.rpartition('/')[2]}"
            for path, pattern in ((pair.a.path, reading.sources), (pair.b.path, reading.targets))
        )
        ways.append(f"--data.sources '{sources}' --data.targets '{targets}'")
    return f"{lead}, say which: {'; or '.join(ways)}"


def _holds(masks: Reading, other: Reading) -> bool:
    """Tell whether a reading with several masks per image has all masks of another, and more."""
    files = {path for pair in masks.pairs for path in pair.b.files}
    return len(files) > len(other.pairs) and all(pair.b.path in files for pair in other.pairs)


def _contradict(first: Reading, second: Reading) -> bool:
    """Tell whether two readings give a file different partners, or have no file in common."""
    if (first.masks is None) != (second.masks is None):
        masks, other = (first, second) if first.masks is not None else (second, first)
        files = {path for pair in masks.pairs for path in pair.b.files}
        return not all(pair.b.path in files for pair in other.pairs)
    partners: dict[Path, Path] = {}
    for pair in first.pairs:
        partners[pair.a.path] = pair.b.path
        partners[pair.b.path] = pair.a.path
    shared = False
    for pair in second.pairs:
        for path, partner in ((pair.a.path, pair.b.path), (pair.b.path, pair.a.path)):
            if path in partners:
                shared = True
                if partners[path] != partner:
                    return True
    return not shared


def _compared(best: Weighed, rival: Weighed) -> tuple[Weighed, str] | None:
    """Settle which of two readings is meant, by what their images show; None where nothing tells.

    Of readings with sources or targets in common, that in which alone the images of pairs have one size. Of two targets
    that divide their pictures alike, the one with fewer channels (numbers in place of colours); of classes and
    instances, the classes; of masks that hardly differ from file to file, the other. Of two sources, the coloured one.
    """
    theirs = {pair.a.path: pair for pair in rival.reading.pairs}
    shared = [(pair, theirs[pair.a.path]) for pair in best.reading.pairs if pair.a.path in theirs]
    by_target = {pair.b.path for pair in rival.reading.pairs}
    one_target = any(pair.b.path in by_target for pair in best.reading.pairs)
    whole = not (best.reading.halves or rival.reading.halves)
    if whole and (shared or one_target) and _fit(best) != _fit(rival):
        winner, other = (best, rival) if _fit(best) else (rival, best)
        return winner, f"{other.reading.how} was not taken, since its images differ in size"
    if not shared:
        if one_target:
            if best.sides[0].coloured and not rival.sides[0].coloured:
                return best, f"{rival.reading.how} was not taken, since its sources have no colours"
            if rival.sides[0].coloured and not best.sides[0].coloured:
                return rival, f"{best.reading.how} was not taken, since its sources have no colours"
        return None
    if best.reading.annotations is not None or rival.reading.annotations is not None:
        drawn, masks = (best, rival) if best.reading.annotations is not None else (rival, best)
        if is_aside(masks.reading.targets.split("/")):
            return drawn, f"{masks.reading.targets} is not used beside the annotations"
        return masks, f"the annotations {drawn.reading.how.split('shapes from ')[-1]} are not used beside the masks"
    indices = range(0, len(shared), max(1, len(shared) // _SAMPLED))
    try:
        finer = [same_partition(shared[index][0].b.path, shared[index][1].b.path) for index in indices]
    except UserError:
        return None
    own_in_theirs, theirs_in_own = (all(values) for values in zip(*finer, strict=True))
    if own_in_theirs and theirs_in_own:
        plain = [_plainness(pair.b.path) for pair in shared[0]]
        winner, other = (best, rival) if plain[0] <= plain[1] else (rival, best)
        if is_aside(winner.reading.targets.split("/")):  # two kinds of depth, say
            return None
        return winner, f"{other.reading.targets} shows the same areas as {winner.reading.targets}, and is not used"
    coarse, fine = (rival, best) if own_in_theirs else (best, rival)
    if (own_in_theirs or theirs_in_own) and (fine.sides[1].refusal or is_aside(fine.reading.targets.split("/"))):
        winner, other = coarse, fine
        return winner, f"{other.reading.targets} divides the areas of {winner.reading.targets} further, and is not used"
    still = [mostly_the_same(item.sides[1]) for item in (best, rival)]
    if still[0] != still[1]:
        winner, other = (rival, best) if still[0] else (best, rival)
        return winner, f"{other.reading.targets} is nearly the same in all files, and is not used"
    return None


def _fit(item: Weighed) -> bool:
    """Tell whether the images of most pairs in the sample have one size."""
    try:
        sizes = [
            [inspect(part.path)[:2] for part in pair] for pair in zip(*(side.parts for side in item.sides), strict=True)
        ]
    except UserError:
        return True  # the check of the pairs says what is wrong with their files
    return sum(source == target for source, target in sizes) > len(sizes) / 2


def _plainness(path: Path) -> tuple[bool, int]:
    """Order label maps by how plainly they hold classes: images before arrays, one number per pixel before colours."""
    return path.suffix == ".npy", 1 if colour_table(path) is not None else read_picture(path, any_number=True).shape[2]


def _ambiguity(tree: Tree, first: Reading, second: Reading) -> str:
    ways = "; or ".join(f"{reading.how}: {flags_of(reading)}" for reading in (first, second))
    return f"{tree.root}: can be read in two ways, say which: {ways}"


def flags_of(reading: Reading) -> str:
    """Return the settings that read a folder so, with the extension of its files where all have the same."""
    if not reading.sources:
        return f"--layout {reading.layout}"
    patterns = []
    for pattern, files in (
        (reading.sources, [pair.a.path for pair in reading.pairs]),
        (reading.targets, [pair.b.path for pair in reading.pairs]),
    ):
        extensions = {path.suffix for path in files}
        one = pattern.endswith(".*") and len(extensions) == 1
        patterns.append(pattern.removesuffix(".*") + extensions.pop() if one else pattern)
    return f"--data.sources '{patterns[0]}' --data.targets '{patterns[1]}'"
