"""Weighs the readings of a data folder by what a sample of their images shows."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairloom.data.layouts import Listing, PairFiles, Part, Reading, Tree
from pairloom.data.layouts.affixes import is_aside, role
from pairloom.data.samples import (
    SAMPLE,
    SideSample,
    has_seam,
    is_binary,
    kinds_of,
    overlap,
    sample_sides,
    show_one_scene,
    show_the_same,
)
from pairloom.data.sampling import evenly_spaced
from pairloom.errors import UserError
from pairloom.images import inspect, read_picture, stretched

_KINDS = {
    ("pictures", "classes"): 1.0,
    ("classes", "pictures"): 1.0,
    ("pictures", "pictures"): 0.6,
    ("classes", "classes"): 0.3,
}
"""How likely it is that such images make pairs."""
_LEAST_COVER = 0.5
"""Share of the files of both kinds that must have partners."""
_OVERLAP = 0.2
"""Share of their area in which the masks of different classes may overlap."""
_SAMPLED_PAIRS, _SAMPLED_MASKS = 4, 6
"""Pairs, and masks of each, by which masks are judged."""


@dataclass(frozen=True)
class Weighed:
    """A reading, a sample of both sides of its pairs, and how likely it is."""

    reading: Reading
    sides: tuple[SideSample, SideSample]
    likelihood: float
    """How well its pairs fit, whatever else lies in the folder."""
    score: float
    """The same, and how much of the folder it explains."""
    notes: tuple[str, ...] = ()


def weigh(tree: Tree, readings: Sequence[Reading], *, sure: bool) -> Iterator[Weighed]:
    """Score the readings that can be right, looking at few files of each.

    Args:
        tree: all files.
        readings: what the names allow.
        sure: the layout has been named, so that no evidence is asked for.
    """
    trained = any(folder.split == "train" for folder in tree.with_images)
    looks: dict[tuple[Part, ...], SideSample] = {}
    for reading in sorted(readings, key=lambda reading: (reading.halves, -len(reading.pairs))):
        pairs = reading.pairs
        covered = cover(reading)
        if not pairs or (covered < _LEAST_COVER and not sure):
            continue
        halves = reading.halves
        if halves:
            reading = two_pictures(reading)
            pairs = reading.pairs
            if not pairs:
                continue
        chosen = evenly_spaced(pairs, SAMPLE)
        # Readings share their sides: each is looked at once.
        first, second = (looks.setdefault(side.parts, side) for side in sample_sides(chosen))
        sides = first, second
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
            if not reading.ordered and not halves and kinds_of(sides) == ("classes", "pictures"):
                reading, sides = _turned(reading), (sides[1], sides[0])
            kinds = kinds_of(sides)
            weight = _KINDS.get(kinds, 0.5)
            if kinds == ("pictures", "pictures") and not (sure or _are_pictures(reading, chosen, sides)):
                continue
            if kinds == ("classes", "classes") and not (sure or reading.ordered or names_roles(reading)):
                continue
        split = not trained or "train" in reading.splits()
        explained = len(reading.used) / max(1, tree.image_count)
        places = reading.sources.split("/"), reading.targets.split("/")
        hint = 0.2 * (role(places[0]) - role(places[1])) - 0.3 * (is_aside(places[0]) + is_aside(places[1]))
        likelihood = float(split) + weight * covered + hint
        yield Weighed(reading, sides, likelihood, likelihood + 0.5 * min(1.0, explained))


def cover(reading: Reading) -> float:
    """Return the share of the files of both kinds that have partners, 0 to 1."""
    pairs = len(reading.pairs)
    lonely = sum(
        problem.kind == "missing partner" for listing in reading.listings.values() for problem in listing.problems
    )
    return pairs / max(1, pairs + lonely)


def two_pictures(reading: Reading) -> Reading:
    """Keep the splits whose images are two pictures side by side, by the evidence of a sample of each."""
    kept: dict[str | None, Listing] = {}
    seen = False
    for split, listing in reading.listings.items():
        pairs = evenly_spaced(listing.pairs, SAMPLE)
        sides = sample_sides(pairs)
        # A damaged file says nothing; `check` names it.
        if sum(_has_odd_width(pair.a.path) for pair in pairs) > 0.25 * len(pairs):
            continue
        if not sides[0].displayed:
            kept[split] = listing
            continue
        kinds = kinds_of(sides)
        images = [
            stretched(read_picture(pair.a.path, any_number=True)) for pair in pairs if pair.a in sides[0].displayed
        ]
        both_pictures = kinds == ("pictures", "pictures")
        if kinds[0] != kinds[1] or (both_pictures and show_one_scene(*sides, surely=not has_seam(images))):
            kept[split] = listing
            seen = True
    return dataclasses.replace(reading, listings=kept if seen else {})


def _has_odd_width(path: Path) -> bool:
    """Tell whether an image cannot be cut into two halves; one that cannot be read may be of any width."""
    try:
        return inspect(path).width % 2 == 1
    except UserError:
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


def names_roles(reading: Reading) -> bool:
    """Tell whether the names of both places say what they hold, such as `images/` and `masks/`."""
    return role(reading.sources.split("/")) > 0 > role(reading.targets.split("/"))


def _are_identical(pairs: Sequence[PairFiles]) -> bool:
    """Tell whether both images of each pair are one picture: a folder and its copy."""
    try:
        return all(pair.a.half == "whole" and show_the_same(pair.a.path, pair.b.path) for pair in pairs)
    except UserError:
        return False


def _are_pictures(reading: Reading, pairs: Sequence[PairFiles], sides: tuple[SideSample, SideSample]) -> bool:
    """Tell whether two kinds of picture belong together: by the words of their names, or since they show one scene.

    In one folder the words must say it: frames of a film show one scene as well. A folder and its copy are no pairs.
    """
    if reading.ordered:
        return True
    if _are_identical(pairs):
        return False
    if names_roles(reading):
        return True
    hints = role(reading.sources.split("/")), role(reading.targets.split("/"))
    # `1.png` with `1_y.png` for every file is no film either.
    bare = reading.sources.rpartition("/")[2].startswith("*.") and cover(reading) == 1
    return (not reading.together or hints[0] > hints[1] or bare) and show_one_scene(*sides)


def _are_masks(reading: Reading, pairs: Sequence[PairFiles]) -> bool:
    """Tell whether the targets are binary masks, and those of different classes apart."""
    try:
        for pair in evenly_spaced(pairs, _SAMPLED_PAIRS):
            if not all(is_binary(path) for path in evenly_spaced(pair.b.files, _SAMPLED_MASKS)):
                return False
            if reading.masks and reading.masks.names and len(pair.b.files) > 1 and overlap(pair.b.files) > _OVERLAP:
                return False
    except UserError:
        return False
    return True
