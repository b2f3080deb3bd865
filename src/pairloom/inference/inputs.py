"""Which images and videos are to be translated, and what each translation is called."""

import glob
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import NamedTuple

from pairloom.errors import UserError
from pairloom.images import is_image

VIDEO_EXTENSIONS = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi"})
NAMED = 3
"""How many of the files that are left out a message names."""


def is_video(path: Path) -> bool:
    """Tell by its name whether a file is a video; hidden files are none."""
    return path.suffix.lower() in VIDEO_EXTENSIONS and not path.name.startswith(".") and path.is_file()


class Shard(NamedTuple):
    """One of several parts of the inputs, written `i/n`, from 1/n to n/n."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str | None) -> "Shard":
        """Read `2/8`; None is all.

        Raises:
            UserError: for anything else.
        """
        if text is None:
            return cls(1, 1)
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise UserError(f"a shard is i/n, such as 2/8 for the second of eight, not {text!r}")
        return cls(int(number), int(count))

    def holds(self, name: PurePath) -> bool:
        """Tell whether a file is of this part: by its name alone, whatever other files there are."""
        digest = hashlib.blake2b(os.fsencode(name.as_posix()), digest_size=8).digest()
        return int.from_bytes(digest) % self.of == self.number - 1


class InputFile(NamedTuple):
    """An image file, or a video."""

    path: Path
    name: PurePath
    """Of the file alone where it was named itself, or within the folder that was."""

    def translated(self, suffix: str) -> PurePath:
        """Return what its translation is called: an image's has this ending, a video's its own."""
        return self.name if is_video(self.path) else self.name.with_suffix(suffix)


def find_inputs(
    entries: Sequence[str | Path], out: Path | None = None, log: Callable[[str], None] = lambda _line: None
) -> list[InputFile]:
    """Return the files that are meant, no two of which would get the same name.

    Args:
        entries: image files and videos; folders, whose images and videos are taken, and those of the folders in them;
            and patterns with `*`, `?`, `[...]` or `**`, by which files are found. What exists is taken by its name,
            whatever characters that has.
        out: folder in which no input is looked for.
        log: receives a line about the other files in those folders and patterns; hidden ones are not counted.

    Raises:
        UserError: for what does not exist or holds none, and where two would get the same name.
    """
    found: dict[PurePath, InputFile] = {}
    others = OtherFiles()
    for entry in entries:
        for file in _files(Path(entry), out, others):
            other = found.setdefault(file.translated(""), file)
            if other is not file:
                raise same_name(file.path, other.path)
    if others.count:
        log(str(others))
    return list(found.values())


def same_name(source: object, other: object) -> UserError:
    """Return the error of an input whose translation would have the name of another one's."""
    if source == other:
        return UserError(f"{source}: is named twice; name it once")
    return UserError(f"{source}: would be written over the translation of {other}; rename one")


@dataclass
class OtherFiles:
    """Files that are left out because they are neither images nor videos."""

    count: int = 0
    first: list[str] = field(default_factory=list)
    """Names of the first of them."""

    def add(self, name: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.first) < NAMED:
            self.first.append(name)

    def __str__(self) -> str:
        more = " ..." if self.count > len(self.first) else ""
        files = (
            "1 file that is not an image or video"
            if self.count == 1
            else f"{self.count} files that are not images or videos"
        )
        return f"skipped: {files} ({', '.join(self.first)}{more})"


def _files(entry: Path, out: Path | None, others: OtherFiles) -> list[InputFile]:
    if entry.is_dir():
        files = [InputFile(path, path.relative_to(entry)) for path in _inputs_below(entry, out, others)]
        if not files:
            raise UserError(f"{entry}: holds no images or videos")
        return files
    if entry.exists():
        return [InputFile(entry, PurePath(entry.name))]
    if not glob.has_magic(str(entry)):
        raise UserError(f"{entry}: no such file or folder")
    matches = _matches(entry)
    files = [InputFile(path, PurePath(path.name)) for path in matches if _is_input(path)]
    if not files:
        raise UserError(f"{entry}: matches no images or videos")
    for path in matches:
        if path.is_file() and not _is_input(path):
            others.add(path.name)
    return files


def _matches(pattern: Path) -> list[Path]:
    """Return what a pattern matches, as shells do: nothing hidden unless the pattern says so.

    Folders that exist are taken by their names, and so are brackets where nothing matches them otherwise.
    """
    place, parts = Path(pattern.anchor), list(pattern.parts[1 if pattern.anchor else 0 :])
    while len(parts) > 1 and (place / parts[0]).is_dir():
        place /= parts.pop(0)
    rest = "/".join(parts)
    try:
        found = sorted(place.glob(rest)) or sorted(place.glob(rest.replace("[", "[[]")))
    except ValueError as error:
        raise UserError(f"{pattern}: is not a valid pattern ({error})") from error
    named = set(pattern.parts)
    return [path for path in found if not any(part.startswith(".") and part not in named for part in path.parts)]


def _inputs_below(folder: Path, out: Path | None, others: OtherFiles) -> Iterator[Path]:
    """Yield a folder's files, then those of its folders, each in the order of their names; hidden ones left out."""
    for path in sorted(folder.iterdir(), key=lambda path: (path.is_dir(), path.name)):
        if _is_input(path):
            yield path
        elif path.name.startswith("."):
            continue
        elif path.is_file():
            others.add(path.name)
        elif path.is_dir() and not path.is_symlink() and not _is(path, out):
            yield from _inputs_below(path, out, others)


def _is_input(path: Path) -> bool:
    return is_image(path) or is_video(path)


def _is(path: Path, out: Path | None) -> bool:
    return out is not None and out.exists() and path.samefile(out)
