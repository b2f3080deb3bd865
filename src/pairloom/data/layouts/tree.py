"""The files below a data folder, listed once: which are images, and which split each folder belongs to."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pairloom.data.layouts.splits import split_folders, without_split
from pairloom.errors import UserError
from pairloom.images import EXTENSIONS

DEEPEST = 12
"""Levels of folders below the data folder that are searched."""
MOST_FILES = 5_000_000
"""Files that are listed at the most: a home folder named by mistake ends here."""
_MOST_ALIKE = 8
"""Files of one extension in a folder; more belong to the images, one to each."""
IGNORED_FOLDERS = frozenset({"__macosx", "__pycache__", "node_modules", "$recycle.bin", "@eadir"})


@dataclass(eq=False)
class Folder:
    """One folder below the data folder, and the files directly in it.

    Attributes:
        path: on the disk.
        parts: its path from the data folder.
        split: `train`, `val` or `test` where its path names one; None elsewhere.
        rest: its path from the data folder without the words that name the split, so that the folders of all splits
            that hold the same kind of file have the same `rest`.
        images: names of its images, sorted.
        others: names of its other files, sorted.
    """

    path: Path
    parts: tuple[str, ...]
    split: str | None = None
    rest: tuple[str, ...] = ()
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    def stem(self, name: str) -> str:
        """Return the stem of one of its files without a word for its own split: `21` of `21_training.tif`."""
        stem = stem_of(name)
        return without_split(stem, self.split) if self.split else stem

    @property
    def label(self) -> str:
        """Its path from the data folder, as messages show it: `train/images/`."""
        return "/".join(self.parts) + "/" if self.parts else "./"


@dataclass(frozen=True)
class Tree:
    """All files below a data folder; hidden ones are left out.

    Attributes:
        root: the data folder.
        folders: all folders, each before those inside it.
    """

    root: Path
    folders: tuple[Folder, ...]

    @classmethod
    def open(cls, root: Path) -> "Tree":
        """List a data folder; a manifest has no files below it.

        Raises:
            UserError: if there is no such folder or file, or it cannot be listed.
        """
        if not root.exists():
            raise UserError(f"{root}: no such folder; DATA is the data folder or a manifest file")
        return cls.scan(root) if root.is_dir() else cls(root, ())

    @classmethod
    def scan(cls, root: Path) -> "Tree":
        """List a folder and all folders below it; links to folders are followed once.

        Raises:
            UserError: if the folder cannot be listed, or holds millions of files.
        """
        folders: list[Folder] = []
        seen: set[tuple[int, int]] = set()
        count = 0
        waiting: list[tuple[Path, tuple[str, ...]]] = [(root, ())]
        while waiting:
            path, parts = waiting.pop()
            folder = Folder(path, parts)
            try:
                status = path.stat()
                with os.scandir(path) as scanned:
                    entries = sorted(scanned, key=lambda entry: entry.name)
            except OSError as error:
                if not parts:
                    raise UserError(f"{path}: cannot be listed ({error.strerror})") from error
                continue
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            folders.append(folder)
            count += len(entries)
            if count > MOST_FILES:
                raise UserError(f"{root}: holds more than {MOST_FILES} files; name the folder of the pairs itself")
            inside = []
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    if entry.name.lower() not in IGNORED_FOLDERS and len(parts) < DEEPEST:
                        inside.append((path / entry.name, (*parts, entry.name)))
                elif _is_file(entry):  # no pipe, which would never end
                    image = os.path.splitext(entry.name)[1].lower() in EXTENSIONS  # noqa: PTH122 (twice as fast)
                    (folder.images if image else folder.others).append(entry.name)
            waiting += reversed(inside)
        for folder, (split, rest) in zip(folders, split_folders([folder.parts for folder in folders]), strict=True):
            folder.split, folder.rest = split, _without_repeats(rest)
        return cls(root, tuple(folders))

    @cached_property
    def with_images(self) -> tuple[Folder, ...]:
        """The folders that hold images directly."""
        return tuple(folder for folder in self.folders if folder.images)

    @property
    def images(self) -> Iterator[Path]:
        """All images."""
        return (folder.path / name for folder in self.with_images for name in folder.images)

    @property
    def others(self) -> Iterator[Path]:
        """All other files."""
        return (folder.path / name for folder in self.folders for name in folder.others)

    @property
    def small_files(self) -> Iterator[Path]:
        """The other files that are not one of many alike: a list of classes is one, an image's annotation is not."""
        for folder in self.folders:
            numbers = Counter(os.path.splitext(name)[1].lower() for name in folder.others)  # noqa: PTH122
            for name in folder.others:
                if numbers[os.path.splitext(name)[1].lower()] <= _MOST_ALIKE:  # noqa: PTH122
                    yield folder.path / name

    @cached_property
    def image_count(self) -> int:
        """The number of images."""
        return sum(len(folder.images) for folder in self.with_images)

    def contents(self) -> str:
        """Say which folders hold images, and how many: `images/ (120 images), gt/ (118 images)`."""
        largest = sorted(self.with_images, key=lambda folder: -len(folder.images))
        shown = [f"{folder.label} ({counted(len(folder.images), 'image')})" for folder in largest[:6]]
        if len(largest) > len(shown):
            shown.append(f"and {len(largest) - len(shown)} more folders")
        return ", ".join(shown) if shown else "no images"


def _without_repeats(parts: tuple[str, ...]) -> tuple[str, ...]:
    """Write `~` for the name of an outer folder within an inner one's: `IMD002/IMD002_lesion` is `IMD002/~_lesion`."""
    kept: list[str] = []
    for part in parts:
        outer = next((other for other in kept if len(other) > 2 and other in part and other != part), None)
        kept.append(part.replace(outer, "~") if outer else part)
    return tuple(kept)


def normalised(name: str) -> str:
    """Return a name with its accents composed: macOS writes them apart."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def stem_of(name: str) -> str:
    """Return a file's name without its extension, with composed accents."""
    return normalised(os.path.splitext(name)[0])  # noqa: PTH122 (a hundred thousand names)


def counted(number: int, noun: str) -> str:
    """Return a number and what is counted: `1 image`, `4 images`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False
