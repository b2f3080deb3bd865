"""Which image files are to be translated, and what each translation is called."""

import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import NamedTuple

from pairloom.errors import UserError
from pairloom.images import is_image


class Shard(NamedTuple):
    """One of several parts of the inputs, written `i/n`, from 1/n to n/n."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `2/8`; raise ValueError for anything else."""
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise ValueError(f"a shard is i/n, such as 2/8 for the second of eight, not {text!r}")
        return cls(int(number), int(count))

    def holds(self, name: PurePath) -> bool:
        """Tell whether a file is of this part: by its name alone, whatever other files there are."""
        digest = hashlib.blake2b(os.fsencode(name.as_posix()), digest_size=8).digest()
        return int.from_bytes(digest) % self.of == self.number - 1


class InputFile(NamedTuple):
    """An image file."""

    path: Path
    name: PurePath
    """Of the file alone where it was named itself, or within the folder that was."""

    @property
    def stem(self) -> PurePath:
        """Its name without the ending: what its translation is called."""
        return self.name.with_suffix("")


def find_inputs(entries: Sequence[str | Path], out: Path | None = None) -> list[InputFile]:
    """Return the files that are meant, no two of which would get the same name.

    Args:
        entries: image files; folders, whose images are taken, and those of the folders in them; and patterns with `*`,
            `?`, `[...]` or `**`, by which files and folders are found.
        out: folder in which no input is looked for.

    Raises:
        UserError: for what does not exist or holds no images, and where two would get the same name.
    """
    found: dict[PurePath, InputFile] = {}
    for entry in entries:
        for file in _files(Path(entry), out):
            other = found.setdefault(file.stem, file)
            if other is not file:
                raise UserError(
                    f"{file.path}: is named twice; name it once"
                    if other.path == file.path
                    else f"{file.path}: would be written over the translation of {other.path}; rename one"
                )
    return list(found.values())


def _files(entry: Path, out: Path | None) -> list[InputFile]:
    if entry.is_dir():
        files = [InputFile(path, path.relative_to(entry)) for path in _images_below(entry, out)]
        if not files:
            raise UserError(f"{entry}: holds no images")
        return files
    if entry.exists():
        return [InputFile(entry, PurePath(entry.name))]
    if not glob.has_magic(str(entry)):
        raise UserError(f"{entry}: no such file or folder")
    files = [InputFile(path, PurePath(path.name)) for path in _matches(entry) if is_image(path)]
    if not files:
        raise UserError(f"{entry}: matches no images")
    return files


def _matches(pattern: Path) -> list[Path]:
    """Return what a pattern matches, as shells do: nothing hidden unless the pattern says so."""
    try:
        found = sorted(Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor))))
    except ValueError as error:
        raise UserError(f"{pattern}: is no pattern ({error})") from error
    named = set(pattern.parts)
    return [path for path in found if not any(part.startswith(".") and part not in named for part in path.parts)]


def _images_below(folder: Path, out: Path | None) -> Iterator[Path]:
    """Yield a folder's images, then those of its folders, each in the order of their names; hidden ones left out."""
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if is_image(path):
            yield path
        elif path.is_dir() and not path.is_symlink() and not path.name.startswith(".") and not _is(path, out):
            yield from _images_below(path, out)


def _is(path: Path, out: Path | None) -> bool:
    return out is not None and out.exists() and path.samefile(out)
