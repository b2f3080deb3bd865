"""What a layout tells of a data set: its pairs' files by split, and what is wrong with them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from pairloom.config import DataConfig, LayoutName
from pairloom.data.annotations import AnnotationSet
from pairloom.data.layouts.splits import SPLITS
from pairloom.data.layouts.tree import Tree
from pairloom.data.mask_files import MaskFiles
from pairloom.data.pairs import PairFiles
from pairloom.data.readers import Classes
from pairloom.palette import Palette

LONGEST_NAME = 120
"""Bytes that are kept of the end of a pair's name; files are named by it."""


class Problem(NamedTuple):
    """Something that is wrong with the data."""

    kind: str
    """What is wrong, in a word or two; the same for all problems of the kind."""
    path: Path
    message: str
    """What is wrong and what to do, without the path."""

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


@dataclass(frozen=True)
class Listing:
    """The pairs of a split, sorted by name, and the files that make none."""

    pairs: tuple[PairFiles, ...] = ()
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Reading:
    """One way to read a data folder: which files make pairs, in which split.

    Attributes:
        layout: the layout that proposes it.
        how: where A and B are, for people: `images/*.jpg with masks/*_mask.png`.
        listings: the pairs by split; all under None where no split has a place of its own.
        ordered: whether names say which side is the source (`source/`, `A/`), so that A is it whatever it shows.
        sources, targets: what the two settings `data.sources` and `data.targets` would be to read the folder so; empty
            where they cannot say it.
        together: whether A and B lie in one folder, where words in their names tell them apart.
        certain: whether the names alone are proof enough, so that no pixel needs to be looked at.
        masks: the class of each mask file where B is several binary masks; None elsewhere.
        annotations: the annotations that B's parts are entries of; None where B is made of image files.
        notes: what else people should know.
    """

    layout: LayoutName
    how: str
    listings: Mapping[str | None, Listing]
    ordered: bool = False
    sources: str = ""
    targets: str = ""
    together: bool = False
    certain: bool = False
    masks: MaskFiles | None = None
    annotations: AnnotationSet | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def halves(self) -> bool:
        """Whether each file holds both images of a pair, side by side."""
        return any(pair.a.half != "whole" for pair in self.pairs[:1])

    def splits(self) -> tuple[str, ...]:
        """Name the splits that have a place of their own; none where all pairs lie together."""
        return tuple(split for split in SPLITS if split in self.listings)

    def listing(self, split: str | None) -> Listing:
        """List the pairs of one of `splits`, or for None all that lie together."""
        return self.listings.get(split, Listing())

    @cached_property
    def pairs(self) -> list[PairFiles]:
        """The pairs of all splits, training pairs first."""
        order = [None, *SPLITS]
        return [
            pair
            for split in sorted(self.listings, key=lambda split: order.index(split))
            for pair in self.listings[split].pairs
        ]

    @cached_property
    def used(self) -> set[Path]:
        """All files that are read, or named in a problem."""
        paths: set[Path] = set()
        for listing in self.listings.values():
            for pair in listing.pairs:
                paths.update(pair.a.files, pair.b.files)
            paths.update(problem.path for problem in listing.problems)
        return paths


class Layout(ABC):
    """A way in which pairs lie in a folder."""

    name: LayoutName
    """What `data.layout` calls it."""
    description: str
    """What must be in the folder, for messages."""
    conclusive = False
    """Whether its only reading is right where that leaves no image over and pairs pictures with classes."""

    @abstractmethod
    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Return the ways in which the folder can be read by this layout, the most likely first; none if by none."""

    def classes(self, reading: Reading, config: DataConfig, palette: Palette | None) -> Classes | None:
        """Return the classes that B holds by the layout's own rules, and their reader.

        Args:
            reading: one of `readings`.
            config: the settings of the data.
            palette: the palette that the settings name, if any.

        Returns:
            None where each data set has its own, which a sample of its files tells.
        """
        return None


def taken(path: Path, first: Path) -> Problem:
    """Return the problem of a file whose stem belongs to another already."""
    return Problem("duplicate stem", path, f"the name {path.stem!r} belongs to {first.name} too; rename or remove one")


def empty(folder: Path) -> Problem:
    """Return the problem of a folder without images."""
    return Problem("empty folder", folder, "holds no images; put the pairs there, or remove the folder")


def alone(path: Path, wanted: str) -> Problem:
    """Return the problem of a file whose partner is missing; `wanted` is where it should be."""
    return Problem("missing partner", path, f"its partner {wanted} is missing; add it, or remove this file")
