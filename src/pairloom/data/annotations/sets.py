"""What annotation files hold: the sets, their references to images, and what every format provides."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from pairloom.data.annotations.json_files import read_value
from pairloom.data.annotations.shapes import ClassMap, is_background
from pairloom.data.annotations.values import AnnotationError, as_object
from pairloom.palette import Colour

Scanned = TypeVar("Scanned")
Stamp = tuple[int, int]
"""Size and time of a file, which change when it is written anew."""


class Reference(NamedTuple):
    """Where one image's annotation is, and what the tool calls the image."""

    image: str
    """The image's path as the tool wrote it, with `/` as separator; without an extension where the tool writes none."""
    file: Path
    """The annotation file."""
    entry: str
    """What identifies the image within the file; empty where each image has a file of its own."""


@dataclass(frozen=True)
class AnnotationSet:
    """The annotations of one format in a folder."""

    format: str
    """A key of `FORMATS`, such as "coco"; or, for what cannot be read, the name of its kind."""
    path: Path
    """The annotation file, or the folder that holds the files."""
    names: tuple[str, ...] = ()
    """The classes that annotations use, without background."""
    colours: tuple[Colour, ...] | None = None
    """The tool's colours of `names`, where it has them."""
    references: tuple[Reference, ...] = ()
    """One for each annotated image."""
    refusal: str | None = None
    """Why the set cannot be read and what to do; the message of a UserError, without the path."""
    has_background: bool = False
    """Whether the tool's own classes include one called background."""
    index: object = field(default=None, repr=False, compare=False)
    """What the format needs to find an entry again."""


class Format(Protocol):
    """A module that reads one tool's annotations."""

    NAME: str

    def draw(self, annotations: AnnotationSet, file: Path, entry: str, canvas: ClassMap) -> None:
        """Draw the shapes of one image, bottom first.

        Raises:
            AnnotationError: for anything malformed, with where in the file it is.
            OSError: if the file cannot be read.
        """


class FileFormat(Format, Protocol):
    """A format whose files tell by their first bytes what they are."""

    def recognises(self, head: bytes) -> bool:
        """Tell by the first bytes whether a file is worth parsing."""

    def find(self, files: Sequence[Path]) -> list[AnnotationSet]:
        """Describe the annotations in files that `recognises` chose; pass over those that turn out to be others.

        What is damaged becomes a refusal, or a reference that cannot be drawn; nothing is raised.
        """


def make_set(name: str, references: Sequence[Reference], labels: Iterable[str], index: object = None) -> AnnotationSet:
    """Return a set whose classes are the labels by name; at least one reference is needed."""
    labels = sorted(labels)
    return AnnotationSet(
        name,
        whole_path(sorted({reference.file for reference in references})),
        tuple(label for label in labels if not is_background(label)),
        None,
        tuple(references),
        has_background=any(map(is_background, labels)),
        index=index,
    )


def stamp(path: Path) -> Stamp:
    """Return what changes when a file is written anew."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def check_stamp(path: Path, expected: Stamp) -> None:
    """Refuse a file that has been written since places in it were found."""
    if stamp(path) != expected:
        raise AnnotationError("has changed since it was first read; start again")


@dataclass
class EntryFile:
    """What a file of many images holds whose entries are the bytes between which each image's part stands."""

    stamp: Stamp
    references: list[Reference] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)
    """The kinds of shapes that occur."""


def scan_files(
    name: str, files: Sequence[Path], scan: Callable[[Path], Scanned | None]
) -> tuple[dict[Path, Scanned], list[AnnotationSet]]:
    """Scan the files of a format.

    Args:
        name: of the format.
        files: the files.
        scan: reads one; returns None for files of other kinds, and raises AnnotationError for those to be refused.

    Returns:
        What the readable files hold, and a refused set for each other one.
    """
    index: dict[Path, Scanned] = {}
    refused = []
    for path in files:
        try:
            if (found := scan(path)) is not None:
                index[path] = found
        except (AnnotationError, OSError) as error:
            refused.append(AnnotationSet(name, path, refusal=str(error)))
    return index, refused


def find_entries(
    name: str, files: Sequence[Path], scan: Callable[[Path], EntryFile | None], box: str, boxes_alone: str
) -> list[AnnotationSet]:
    """Scan files of many images; the readable ones make one set.

    Args:
        name: of the format.
        files: the files.
        scan: as of `scan_files`.
        box: the kind of shapes that are boxes.
        boxes_alone: why a set of them alone is refused.
    """
    index, refused = scan_files(name, files, scan)
    index = {path: file for path, file in index.items() if file.references}
    if not index:
        return refused
    if set().union(*(file.kinds for file in index.values())) == {box}:
        return [AnnotationSet(name, whole_path(list(index)), refusal=boxes_alone), *refused]
    references = [reference for file in index.values() for reference in file.references]
    labels = set().union(*(file.labels for file in index.values()))
    return [make_set(name, references, labels, index), *refused]


class ImageShapes(NamedTuple):
    """What a file of one image holds."""

    image: str
    """The image's path as the tool wrote it."""
    labels: set[str]
    kinds: set[str]
    """The kinds of shapes that occur."""


def find_images(
    name: str,
    files: Sequence[Path],
    scan: Callable[[Path], ImageShapes | None],
    image_of: Callable[[Path], str],
    boxes_alone: str,
) -> list[AnnotationSet]:
    """Scan files of one image each; they make one set, with the damaged ones, of which drawing tells what is wrong.

    Args:
        name: of the format.
        files: the files.
        scan: as of `scan_files`.
        image_of: guesses a damaged file's image by its name.
        boxes_alone: why a set of rectangles alone is refused.
    """
    index, damaged = scan_files(name, files, scan)
    if not index:
        return damaged[:1]
    if set().union(*(file.kinds for file in index.values())) == {"rectangle"}:
        return [AnnotationSet(name, whole_path(list(index)), refusal=boxes_alone)]
    references = [Reference(file.image, path, "") for path, file in index.items()]
    references += [Reference(image_of(each.path), each.path, "") for each in damaged]
    return [make_set(name, references, set().union(*(file.labels for file in index.values())))]


def read_entry(annotations: AnnotationSet, file: Path, entry: str) -> dict[str, Any]:
    """Return an image's part of such a file."""
    index: dict[Path, EntryFile] = annotations.index  # type: ignore[assignment]
    check_stamp(file, index[file].stamp)
    start, stop = map(int, entry.split("-"))
    with file.open("rb") as opened:
        return as_object(read_value(opened, start, stop), f"byte {start}")


def common_folder(files: Iterable[Path]) -> Path:
    """Return the deepest folder that holds all files; at least one is needed."""
    return Path(os.path.commonpath([file.parent for file in files]))


def whole_path(files: Sequence[Path]) -> Path:
    """Return what a message calls a set: its only file, or the folder that holds the files."""
    return files[0] if len(files) == 1 else common_folder(files)
