"""Chooses how a data folder is read: weighs the readings that its names allow by what a sample of the files shows."""

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pairloom.config import DataConfig
from pairloom.data.layouts import LAYOUTS, Listing, Part, Reading, Tree
from pairloom.data.layouts.lists import with_lists
from pairloom.data.layouts.tree import counted
from pairloom.data.rivals import flags_of, settle
from pairloom.data.samples import SAMPLE, SideSample, kinds_of, sample_sides
from pairloom.data.sampling import evenly_spaced
from pairloom.data.weighing import cover, two_pictures, weigh
from pairloom.errors import UserError


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


def choose_reading(tree: Tree, config: DataConfig) -> Chosen:
    """Find out which files of a folder make pairs.

    Args:
        tree: the files of the data folder.
        config: the layout, if it is known, and the places of both sides, if they are said.

    Raises:
        UserError: if no reading is clearly the best, or none makes pairs; it says what was seen, and the setting that
            settles it.
    """
    known = [LAYOUTS[config.layout]] if config.layout != "auto" else list(LAYOUTS.values())
    readings: list[Reading] = []
    for layout in known:
        found = [with_lists(tree, reading) for reading in layout.readings(tree, config)]
        if found and found[0].certain:
            return _chosen(tree, found[0])
        readings += found
        if config.layout == "auto" and layout.conclusive and (perfect := _perfect(tree, found)):
            return perfect
    if config.layout != "auto" and readings and readings[0].halves:
        return _halves_as_told(tree, readings[0])
    if config.layout != "auto" and not readings:
        raise UserError(
            f"{tree.root}: holds no pairs in the layout {config.layout}. Expected: {known[0].description}. "
            f"Seen: {tree.contents()}"
        )
    weighed = sorted(weigh(tree, readings, sure=config.layout != "auto"), key=lambda item: -item.score)
    if not weighed:
        raise _refusal(tree, readings)
    best = settle(tree, weighed)
    reading = best.reading
    turned = reading.halves and kinds_of(best.sides) == ("classes", "pictures")
    return _chosen(tree, reading, turned, best.notes)


def _chosen(tree: Tree, reading: Reading, turned: bool = False, notes: Sequence[str] = ()) -> Chosen:
    """Return a reading with what people should know of it; `turned` says that B shows the photographs.

    Pairs in no split's folder beside others that are in one are the training pairs, where these have no folder.
    """
    notes = [*reading.notes, *notes]
    apart = reading.listing(None)
    if reading.splits() and None in reading.listings:
        listings: dict[str | None, Listing] = {split: reading.listing(split) for split in reading.splits()}
        if apart.pairs and "train" not in listings:
            listings["train"] = apart
            notes.append(f"{counted(len(apart.pairs), 'pair')} in no split's folder are the training pairs")
        reading = dataclasses.replace(reading, listings=listings)
    return Chosen(reading, turned, (*notes, *_unused(tree, reading)))


def _halves_as_told(tree: Tree, reading: Reading) -> Chosen:
    """Take both halves of each image for a pair, as the settings say, and tell where the images say otherwise."""
    notes: list[str] = []
    proven = bool(two_pictures(reading).pairs)  # before the sample below: each holds its images in memory
    sides = sample_sides(evenly_spaced(reading.pairs, SAMPLE))
    if sides[0].displayed and not proven:
        notes = ["read side by side as data.layout says, but in a sample the halves look like parts of one picture"]
    return _chosen(tree, reading, kinds_of(sides) == ("classes", "pictures"), notes)


def _perfect(tree: Tree, readings: Sequence[Reading]) -> Chosen | None:
    """Return the only reading if it leaves no image over and pairs photographs with classes: no other can be better."""
    if len(readings) != 1 or len(readings[0].used) < tree.image_count or cover(readings[0]) < 1:
        return None
    for item in weigh(tree, readings, sure=False):
        if kinds_of(item.sides) == ("pictures", "classes"):
            return _chosen(tree, item.reading)
    return None


def _refusal(tree: Tree, readings: Sequence[Reading]) -> UserError:
    """Say what was seen where nothing makes pairs."""
    for reading in readings:
        if reading.annotations is not None and reading.annotations.refusal is not None:
            return UserError(f"{reading.annotations.path}: {reading.annotations.refusal}")
    if not tree.image_count:
        return UserError(
            f"{tree.root}: holds no pairs, since there are no images; name the folder of the pairs, or a manifest (CSV)"
        )
    images = list(tree.images)
    side = SideSample(tuple(Part(path) for path in evenly_spaced(images, SAMPLE)))
    if side.kind == "unreadable":
        return side.refusal or UserError(f"{images[0]}: cannot be read")
    near = max(readings, key=lambda reading: len(reading.pairs) * cover(reading), default=None)
    kinds = Counter(SideSample((part,)).kind for part in side.parts)
    if min(kinds["classes"], kinds["pictures"]) >= len(side.parts) / 4:
        what = "photographs and label maps, but no names that go together"
    else:
        what = "label maps only, and no photographs" if side.kind == "classes" else "photographs only, and no masks"
    lead = f"{tree.root}: no pairs are found: {what}"
    way = "Name both places, such as --data.sources images --data.targets masks"
    if near is not None and near.pairs and not near.halves and near.annotations is None:
        count = len(near.pairs)
        lead = f"{tree.root}: no pairs are found for certain; the closest is {near.how}, {counted(count, 'pair')}"
        way = f"If that is right, say {flags_of(near)}"
    return UserError(
        f"{lead}. Seen: {tree.contents()}. {way}; if each image shows both side by side, use --layout side-by-side"
    )


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
