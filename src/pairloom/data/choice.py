"""Chooses how a data folder is read: weighs the readings that its names allow by what a sample of the files shows."""

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairloom.config import DataConfig
from pairloom.data.layouts import LAYOUTS, Listing, PairFiles, Reading, Tree
from pairloom.data.layouts.affixes import is_aside, role
from pairloom.data.layouts.lists import with_lists
from pairloom.data.layouts.tree import counted
from pairloom.data.samples import (
    Side,
    has_seam,
    is_binary,
    mostly_the_same,
    overlap,
    same_partition,
    sampled,
    show_one_scene,
    show_the_same,
)
from pairloom.errors import UserError
from pairloom.images import colour_table, read_picture, stretched

_LEAST_COVER = 0.5
"""Share of the files of both kinds that must have partners."""
_MARGIN = 0.25
"""A reading is the best where no rival comes so close."""
_FEW = 0.3
"""A reading with a smaller share of the best one's pairs is no rival."""
_KINDS = {
    ("pictures", "classes"): 1.0,
    ("classes", "pictures"): 1.0,
    ("pictures", "pictures"): 0.6,
    ("classes", "classes"): 0.3,
}
"""How likely it is that such images make pairs."""
_SAMPLED_MASKS = 4
_MOST_COPIES = 4
"""Folders that may hold the same pictures in different formats."""
_OVERLAP = 0.2
"""Share of their area in which the masks of different classes may overlap."""


@dataclass(frozen=True)
class Chosen:
    """How a data folder is read.

    Attributes:
        reading: the files of the pairs.
        reversed: whether B shows the photographs and A the classes, in images side by side.
        notes: what people should know: files that are not read, and why one of several readings was taken.
    """

    reading: Reading
    reversed: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Weighed:
    reading: Reading
    sides: tuple[Side, Side]
    likelihood: float
    """How well its pairs fit, whatever else lies in the folder."""
    score: float
    """The same, and how much of the folder it explains."""
    notes: tuple[str, ...] = ()


def choose_reading(tree: Tree, config: DataConfig) -> Chosen:
    """Find out which files of a folder make pairs.

    Args:
        tree: the files of the data folder.
        config: the layout, if it is known, and the places of both sides, if they are said.

    Raises:
        UserError: if no reading is clearly the best, or none makes pairs; it says what was seen, and the setting that
            settles it.
    """
    known = list(LAYOUTS.values()) if config.layout == "auto" else [LAYOUTS[config.layout]]
    if config.sources:
        known = [LAYOUTS["patterns"]]
    readings: list[Reading] = []
    for layout in known:
        found = [with_lists(tree, reading) for reading in layout.readings(tree, config)]
        if found and found[0].certain:
            return Chosen(found[0], False, (*found[0].notes, *_unused(tree, found[0])))
        readings += found
        if (
            config.layout == "auto"
            and layout.name in ("two-folders", "one-folder")
            and (perfect := _perfect(tree, found))
        ):
            return perfect
    if config.layout == "side-by-side" and readings:
        return Chosen(readings[0], _is_reversed(readings[0]), (*readings[0].notes, *_unused(tree, readings[0])))
    if config.layout != "auto" and not readings:
        raise UserError(
            f"{tree.root}: holds no pairs in the layout {config.layout}. Expected: {known[0].description}. "
            f"Seen: {tree.contents()}"
        )
    weighed = sorted(_weigh(tree, readings, sure=config.layout != "auto"), key=lambda item: -item.score)
    if not weighed:
        raise _refusal(tree, readings)
    best = _settled(tree, weighed)
    reading = best.reading
    turned = False
    if not reading.ordered and reading.layout == "side-by-side":
        turned = _kinds(best.sides) == ("classes", "pictures")
    notes = [*reading.notes, *best.notes, *_unused(tree, reading)]
    return Chosen(reading, turned, tuple(notes))


def _perfect(tree: Tree, readings: Sequence[Reading]) -> Chosen | None:
    """Return the only reading if it leaves no image over and pairs photographs with classes: no other can be better."""
    if len(readings) != 1 or len(readings[0].used) < tree.image_count or _cover(readings[0]) < 1:
        return None
    for item in _weigh(tree, readings, sure=False):
        if _kinds(item.sides) == ("pictures", "classes"):
            return Chosen(item.reading, False, item.reading.notes)
    return None


def _kinds(sides: tuple[Side, Side]) -> tuple[str, str]:
    return sides[0].kind, sides[1].kind


def _weigh(tree: Tree, readings: Sequence[Reading], *, sure: bool) -> Iterator[_Weighed]:
    """Score the readings that can be right, looking at few files of each.

    Args:
        tree: all files.
        readings: what the names allow.
        sure: the layout has been named, so that no evidence is asked for.
    """
    trained = any(folder.split == "train" for folder in tree.with_images)
    looks: dict[tuple[object, ...], Side] = {}

    def look(pairs: Sequence[PairFiles], side: int) -> Side:
        parts = tuple((pair.a, pair.b)[side] for pair in pairs)
        return looks.setdefault(parts, Side(parts))

    for reading in sorted(readings, key=lambda reading: (reading.layout == "side-by-side", -len(reading.pairs))):
        pairs = reading.pairs
        cover = _cover(reading)
        if not pairs or (cover < _LEAST_COVER and not sure):
            continue
        if reading.layout == "side-by-side":
            reading = _halves(reading)
            pairs = reading.pairs
            if not pairs:
                continue
        chosen = sampled(pairs)
        sides = look(chosen, 0), look(chosen, 1)
        if reading.annotations is not None:
            weight = 1.0
        elif reading.masks is not None:
            if not _are_masks(reading, chosen) or sides[0].kind == "classes":
                continue
            weight = 1.0
        else:
            for side in sides:
                if side.kind == "unreadable" and not sure and side.refusal is not None:
                    raise side.refusal
            if not reading.ordered and reading.layout != "side-by-side" and _is_turned(reading, sides):
                reading, sides = _turned(reading), (sides[1], sides[0])
            kinds = _kinds(sides)
            weight = _KINDS.get(kinds, 0.5)
            if kinds == ("pictures", "pictures") and not (sure or _are_pictures(reading, chosen, sides)):
                continue
            if kinds == ("classes", "classes") and not (sure or reading.ordered or _names_roles(reading)):
                continue
        split = not trained or "train" in reading.splits()
        explained = len(reading.used) / max(1, tree.image_count)
        places = reading.sources.split("/"), reading.targets.split("/")
        hint = 0.2 * (role(places[0]) - role(places[1])) - 0.3 * (is_aside(places[0]) + is_aside(places[1]))
        likelihood = float(split) + weight * cover + hint
        yield _Weighed(reading, sides, likelihood, likelihood + 0.5 * min(1.0, explained))


def _cover(reading: Reading) -> float:
    """Return the share of the files of both kinds that have partners, 0 to 1."""
    pairs = len(reading.pairs)
    lonely = sum(
        problem.kind == "missing partner" for listing in reading.listings.values() for problem in listing.problems
    )
    return pairs / max(1, pairs + lonely)


def _halves(reading: Reading) -> Reading:
    """Keep the splits whose images are two pictures side by side, by the evidence of a sample of each."""
    kept: dict[str | None, Listing] = {}
    for split, listing in reading.listings.items():
        if not listing.pairs:
            kept[split] = listing
            continue
        pairs = sampled(listing.pairs)
        sides = Side(tuple(pair.a for pair in pairs)), Side(tuple(pair.b for pair in pairs))
        if len(sides[0].displayed) < 0.75 * len(pairs):  # of an odd width, most of them
            continue
        kinds = _kinds(sides)
        images = [
            stretched(read_picture(pair.a.path, any_number=True)) for pair in pairs if pair.a in sides[0].displayed
        ]
        both_pictures = kinds == ("pictures", "pictures")
        if kinds[0] != kinds[1] or (both_pictures and show_one_scene(*sides, surely=not has_seam(images))):
            kept[split] = listing
    if not any(listing.pairs for listing in kept.values()):
        kept = {}
    return dataclasses.replace(reading, listings=kept)


def _is_reversed(reading: Reading) -> bool:
    """Tell whether the left halves show classes and the right ones pictures."""
    pairs = sampled(reading.pairs)
    sides = Side(tuple(pair.a for pair in pairs)), Side(tuple(pair.b for pair in pairs))
    return _kinds(sides) == ("classes", "pictures")


def _is_turned(reading: Reading, sides: tuple[Side, Side]) -> bool:
    """Tell whether B shows the photographs: A holds classes, or grey levels where B has colours."""
    kinds = _kinds(sides)
    if kinds[0] != kinds[1]:
        return kinds == ("classes", "pictures")
    return False


def _turned(reading: Reading) -> Reading:
    """Return the reading with A and B exchanged."""
    listings = {
        split: Listing(tuple(pair._replace(a=pair.b, b=pair.a) for pair in listing.pairs), listing.problems)
        for split, listing in reading.listings.items()
    }
    return dataclasses.replace(
        reading,
        listings=listings,
        how=" with ".join(reversed(reading.how.split(" with "))),
        sources=reading.targets,
        targets=reading.sources,
    )


def _names_roles(reading: Reading) -> bool:
    """Tell whether the names of both places say what they hold, such as `images/` and `masks/`."""
    return role(reading.sources.split("/")) > 0 > role(reading.targets.split("/"))


def _are_identical(pairs: Sequence[PairFiles]) -> bool:
    """Tell whether both images of each pair are one picture: a folder and its copy."""
    try:
        return all(pair.a.half == "whole" and show_the_same(pair.a.path, pair.b.path) for pair in pairs)
    except UserError:
        return False


def _are_pictures(reading: Reading, pairs: Sequence[PairFiles], sides: tuple[Side, Side]) -> bool:
    """Tell whether two kinds of picture belong together: by the words of their names, or since they show one scene.

    In one folder the words must say it: frames of a film show one scene as well. A folder and its copy are no pairs.
    """
    if reading.ordered:
        return True
    if _are_identical(pairs):
        return False
    if _names_roles(reading):
        return True
    hints = role(reading.sources.split("/")), role(reading.targets.split("/"))
    # `1.png` with `1_y.png` for every file is no film either.
    bare = reading.sources.rpartition("/")[2].startswith("*.") and _cover(reading) == 1
    return (reading.layout != "one-folder" or hints[0] > hints[1] or bare) and show_one_scene(*sides)


def _are_masks(reading: Reading, pairs: Sequence[PairFiles]) -> bool:
    """Tell whether the targets are binary masks, and those of different classes apart."""
    try:
        for pair in sampled(pairs, _SAMPLED_MASKS):
            if not all(is_binary(path) for path in sampled_paths(pair.b.files)):
                return False
            if reading.masks and reading.masks.names and len(pair.b.files) > 1 and overlap(pair.b.files) > _OVERLAP:
                return False
    except UserError:
        return False
    return True


def sampled_paths(paths: Sequence[Path]) -> Sequence[Path]:
    """Choose a few of the masks of one image."""
    return paths[:: max(1, len(paths) // 6)]


def _settled(tree: Tree, weighed: Sequence[_Weighed]) -> _Weighed:
    """Return the best reading, if it is clearly the best, or its rivals say the same.

    Raises:
        UserError: if a rival comes as close.
    """
    best = next(
        (item for item in weighed if item.reading.masks is not None and _holds(item.reading, weighed[0].reading)),
        weighed[0],
    )
    targets = {path for pair in best.reading.pairs for path in pair.b.files}
    for rival in weighed:
        if rival is best:
            continue
        few = len(rival.reading.pairs) < _FEW * len(best.reading.pairs)
        # The same files in other pairs, and fewer of them, are a worse guess at the same thing; and so are the masks
        # of one photograph as pairs of each other.
        worse = rival.reading.used <= best.reading.used and len(rival.reading.pairs) < len(best.reading.pairs)
        worse = worse or sum(pair.a.path in targets for pair in rival.reading.pairs) > len(rival.reading.pairs) / 2
        if few or worse or best.likelihood - rival.likelihood >= _MARGIN:
            continue
        if not _contradict(best.reading, rival.reading):
            continue
        verdict = _compared(best, rival)
        if verdict is None:
            raise UserError(_ambiguity(tree, best.reading, rival.reading))
        winner, note = verdict
        best = dataclasses.replace(winner, notes=(*best.notes, note))
    return _without_copies(best)


def _without_copies(best: _Weighed) -> _Weighed:
    """Leave out folders that hold the pictures of another once more, in a second format say."""
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
    chosen = sampled([first[name] for name in sorted(first)], _SAMPLED_MASKS)
    try:
        return all(show_the_same(pair.a.path, second[pair.a.path.stem].a.path) for pair in chosen)
    except UserError:
        return False


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


def _compared(best: _Weighed, rival: _Weighed) -> tuple[_Weighed, str] | None:
    """Settle which of two readings is meant, by what their images show; None where nothing tells.

    Of two targets that divide their pictures alike the one with fewer channels is taken (numbers in place of colours);
    of classes and instances, the classes; of masks that hardly differ from file to file, the other. Of two sources,
    the coloured one.
    """
    theirs = {pair.a.path: pair for pair in rival.reading.pairs}
    shared = [(pair, theirs[pair.a.path]) for pair in best.reading.pairs if pair.a.path in theirs]
    if not shared:
        by_target = {pair.b.path for pair in rival.reading.pairs}
        if any(pair.b.path in by_target for pair in best.reading.pairs):
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
    indices = range(0, len(shared), max(1, len(shared) // _SAMPLED_MASKS))
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
    still = [mostly_the_same(list(item.sides[1].displayed.values())) for item in (best, rival)]
    if still[0] != still[1]:
        winner, other = (rival, best) if still[0] else (best, rival)
        return winner, f"{other.reading.targets} is nearly the same in all files, and is not used"
    return None


def _plainness(path: Path) -> tuple[bool, int]:
    """Order label maps by how plainly they hold classes: images before arrays, one number per pixel before colours."""
    return path.suffix == ".npy", 1 if colour_table(path) is not None else read_picture(path, any_number=True).shape[2]


def _ambiguity(tree: Tree, first: Reading, second: Reading) -> str:
    ways = []
    for reading in (first, second):
        ways.append(f"{reading.how}: {_flags(reading)}")
    return f"{tree.root}: can be read in two ways, say which: {ways[0]}; or {ways[1]}"


def _flags(reading: Reading) -> str:
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


def _refusal(tree: Tree, readings: Sequence[Reading]) -> UserError:
    """Say what was seen where nothing makes pairs."""
    for reading in readings:
        if reading.annotations is not None and reading.annotations.refusal is not None:
            return UserError(f"{reading.annotations.path}: {reading.annotations.refusal}")
    if not tree.image_count:
        return UserError(
            f"{tree.root}: holds no pairs, since there are no images; name the folder of the pairs, or a manifest (CSV)"
        )
    first = next(tree.images)
    side = Side(tuple(pair.a._replace(half="whole") for pair in sampled([_alone(path) for path in _spread(tree)])))
    if side.kind == "unreadable":
        return side.refusal or UserError(f"{first}: cannot be read")
    near = max(readings, key=lambda reading: len(reading.pairs) * _cover(reading), default=None)
    what = "label maps only, and no photographs" if side.kind == "classes" else "photographs only, and no masks"
    lead = f"{tree.root}: no pairs are found: {what}"
    way = "Name both places, such as --data.sources images --data.targets masks"
    if near is not None and near.layout not in ("side-by-side", "annotations") and near.pairs:
        count = len(near.pairs)
        lead = f"{tree.root}: no pairs are found for certain; the closest is {near.how}, {counted(count, 'pair')}"
        way = f"If that is right, say {_flags(near)}"
    return UserError(
        f"{lead}. Seen: {tree.contents()}. {way}; if each image shows both side by side, which none seems to, say "
        "--layout side-by-side"
    )


def _alone(path: Path) -> PairFiles:
    from pairloom.data.layouts import Part

    return PairFiles(path.stem, Part(path), Part(path))


def _spread(tree: Tree) -> list[Path]:
    images = list(tree.images)
    return images[:: max(1, len(images) // 24)]


def _unused(tree: Tree, reading: Reading) -> Iterator[str]:
    """Name the images that the reading leaves out, by the outermost folder in which none is read."""
    used = {str(path) for path in reading.used}
    left: dict[tuple[str, ...], list[str]] = {}
    read_below: dict[tuple[str, ...], bool] = defaultdict(bool)
    for folder in tree.with_images:
        names = [name for name in folder.images if f"{folder.path}/{name}" not in used]
        if names:
            left[folder.parts] = names
        if len(names) < len(folder.images):
            for depth in range(len(folder.parts) + 1):
                read_below[folder.parts[:depth]] = True
    counts: dict[tuple[str, ...], int] = defaultdict(int)
    some: dict[tuple[str, ...], str] = {}
    for parts, names in left.items():
        depth = next((depth for depth in range(len(parts) + 1) if not read_below[parts[:depth]]), len(parts))
        counts[parts[:depth]] += len(names)
        some.setdefault(parts[:depth], names[0])
    for parts, count in sorted(counts.items(), key=lambda item: -item[1])[:8]:
        label = "/".join(parts) + "/" if parts else "./"
        example = f", such as {some[parts]}" if read_below[parts] else ""
        yield f"not used: {label} ({counted(count, 'image')}{example})"
    if len(counts) > 8:
        yield f"not used: {len(counts) - 8} more folders"
