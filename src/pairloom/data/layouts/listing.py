"""What a layout tells of a split: its pairs' files, and what is wrong with them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from pairloom.config import DataConfig, LayoutName
from pairloom.images import is_image
from pairloom.palette import Palette

SPLITS = ("train", "val", "test")


class Part(NamedTuple):
    """Where one image of a pair is: a file, half of one, several files, or an entry of an annotation file."""

    path: Path
    half: Literal["whole", "left", "right"] = "whole"
    more: tuple[Path, ...] = ()
    """Further files that make up the image, such as one mask per object."""
    entry: str = ""
    """The entry of an annotation file that describes the image; empty for image files."""
    image: Path | None = None
    """The image that an annotation describes; its size is the size of the class map."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files from which the image is read."""
        return (self.path, *self.more)


class PairFiles(NamedTuple):
    """The files of one pair: A is the first or left image (the photograph, as a rule), B the second."""

    name: str
    a: Part
    b: Part


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


class Layout(Protocol):
    """A way in which pairs lie in a folder."""

    name: LayoutName
    """What `data.layout` calls it."""
    description: str
    """What must be in the folder, for messages."""

    def recognises(self, root: Path) -> bool:
        """Tell whether the folder looks like this layout."""

    def splits(self, root: Path) -> tuple[str, ...]:
        """Name the splits that have a place of their own; none where all pairs lie together."""

    def listing(self, root: Path, split: str | None) -> Listing:
        """List the pairs of one of `splits`, or for None all that lie together."""

    def classes(self, config: DataConfig) -> Palette | None:
        """Return the classes that B holds by the layout's own rules; None where each data set has its own."""


def by_stem(folder: Path) -> tuple[dict[str, Path], list[Problem]]:
    """Return a folder's images by their names without extension, sorted, and those whose name is taken already."""
    images: dict[str, Path] = {}
    problems = []
    paths = folder.iterdir() if folder.is_dir() else ()
    for path in sorted(filter(is_image, paths), key=lambda path: (path.stem, path.name)):
        if path.stem in images:
            problems.append(taken(path, images[path.stem]))
        else:
            images[path.stem] = path
    return images, problems


def holds_images(folder: Path) -> bool:
    """Tell whether there is an image directly in a folder."""
    return folder.is_dir() and any(map(is_image, folder.iterdir()))


def matched(a: Path, b: Path) -> Listing:
    """Match the images of two folders by stem."""
    (firsts, problems), (seconds, more) = by_stem(a), by_stem(b)
    problems += more
    for stem in sorted(firsts.keys() ^ seconds.keys()):
        found, other = (firsts[stem], b) if stem in firsts else (seconds[stem], a)
        message = f"its partner {other / stem}.* is missing; add it, or remove this file"
        problems.append(Problem("missing partner", found, message))
    for folder, images in ((a, firsts), (b, seconds)):
        if not images:
            problems.append(empty(folder))
    pairs = (PairFiles(stem, Part(firsts[stem]), Part(seconds[stem])) for stem in firsts if stem in seconds)
    return Listing(tuple(pairs), tuple(problems))


def joined(listings: Iterable[Listing]) -> Listing:
    """Put listings behind each other, sorted by name."""
    listings = list(listings)
    pairs = sorted(pair for listing in listings for pair in listing.pairs)
    return Listing(tuple(pairs), tuple(problem for listing in listings for problem in listing.problems))


def taken(path: Path, first: Path) -> Problem:
    """Return the problem of a file whose stem belongs to another already."""
    return Problem("duplicate stem", path, f"the name {path.stem!r} belongs to {first.name} too; rename or remove one")


def empty(folder: Path) -> Problem:
    """Return the problem of a folder without images."""
    return Problem("empty folder", folder, "holds no images; put the pairs there, or remove the folder")
