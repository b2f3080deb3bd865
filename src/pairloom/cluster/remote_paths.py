"""Folders and files at any address that fsspec knows: `s3://...`, `gs://...`, or a path on this machine."""

import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from pairloom.errors import UserError
from pairloom.images import EXTENSIONS, ImageBytes, Picture, write_picture
from pairloom.inference.inputs import VIDEO_EXTENSIONS, OtherFiles, find_inputs

TAKEN = EXTENSIONS | VIDEO_EXTENSIONS
"""Endings of the files in folders that are taken."""
UNFINISHED = ".unfinished"
"""Ending of the hidden files that a killed process may leave, as `pairloom.files` names them."""


@dataclass(frozen=True)
class Address:
    """A file or folder in a file system that other processes can reach.

    Attributes:
        system: the fsspec file system.
        path: where it lies there.
    """

    system: Any
    path: str

    @classmethod
    def parse(cls, text: str | Path) -> "Address":
        """Read an address (`s3://bucket/photos`), or a path on this machine.

        Raises:
            UserError: if the file system is not known, its library is missing, or it is one process's own memory.
        """
        import fsspec

        with _named(str(text)):
            if "://" not in str(text):
                return cls(fsspec.filesystem("file"), str(Path(text).absolute()))
            system, path = fsspec.url_to_fs(str(text))
        if "memory" in _protocols(system):
            raise UserError(f"{text}: is in the memory of one process; use another URL")
        return cls(system, path.rstrip("/") or path)

    def __str__(self) -> str:
        return self.path if self.is_local else str(self.system.unstrip_protocol(self.path))

    @property
    def is_local(self) -> bool:
        """Whether it is a path of this machine."""
        return "file" in _protocols(self.system)

    def __truediv__(self, name: str) -> "Address":
        return Address(self.system, f"{self.path.rstrip('/')}/{name}")

    def files(self) -> list[str]:
        """Return the names of the files in a folder and in those below it, from this folder on, in order.

        Hidden files are left out, and there are none where there is no folder.

        Raises:
            UserError: if it cannot be reached.
        """
        with _named(str(self)):
            self.system.invalidate_cache()
            try:
                found = self.system.find(self.path)
            except FileNotFoundError:
                return []
        names = (path[len(self.path) :].strip("/") for path in found if path != self.path)
        return sorted(name for name in names if not any(part.startswith(".") for part in PurePosixPath(name).parts))

    def inputs(
        self, out: "Address", log: Callable[[str], None] = lambda _line: None
    ) -> list[tuple["Address", PurePath]]:
        """Return the images and videos that are meant, and the name of each within the folder that was named.

        Paths are understood as `find_inputs` does; below other addresses the files are in the order of their names.

        Args:
            out: folder in which no input is looked for.
            log: receives a line about the files that are neither images nor videos.

        Raises:
            UserError: if there are none, or the address cannot be reached.
        """
        if self.is_local:
            found = find_inputs([self.path], Path(out.path) if out.is_local else None, log)
            return [(Address(self.system, str(file.path)), file.name) for file in found]
        below = [(self / name, PurePath(name)) for name in self.files()]
        if out.system == self.system:
            below = [(file, name) for file, name in below if not file.path.startswith(f"{out.path}/")]
        others = OtherFiles()
        for _, name in below:
            if name.suffix.lower() not in TAKEN:
                others.add(name.name)
        taken = [(file, name) for file, name in below if name.suffix.lower() in TAKEN]
        if taken:
            if others.count:
                log(str(others))
            return taken
        with _named(str(self)):
            if self.system.isfile(self.path):
                return [(self, PurePath(PurePosixPath(self.path).name))]
            there = self.system.exists(self.path)
        raise UserError(f"{self}: holds no images or videos" if there else f"{self}: no such file or folder")

    def read(self) -> ImageBytes:
        """Read a file.

        Raises:
            UserError: if it cannot be read.
        """
        with _named(str(self)):
            return ImageBytes(str(self), self.system.cat_file(self.path))

    def read_text(self) -> str | None:
        """Read a text, or return None where there is no such file.

        Raises:
            UserError: if it cannot be read.
        """
        with _named(str(self)):
            try:
                return str(self.system.cat_file(self.path), "utf-8")
            except FileNotFoundError:
                return None

    def write_text(self, text: str) -> None:
        """Write a text.

        Raises:
            OSError: if it cannot be written.
        """
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / "text"
            whole.write_text(text, encoding="utf-8")
            self._put(whole)

    def write_picture(self, picture: Picture) -> None:
        """Write a picture; its folder is made where it is missing, and no half of a file gets its name.

        Raises:
            OSError: if it cannot be written.
        """
        if self.is_local:
            write_picture(Path(self.path), picture)
            return
        with tempfile.TemporaryDirectory() as folder:
            whole = Path(folder) / PurePosixPath(self.path).name
            write_picture(whole, picture)
            self._put(whole)

    def _put(self, whole: Path) -> None:
        """Bring a file here: beside its name and renamed, or as one object where the file system cannot rename."""
        from fsspec import AbstractFileSystem

        try:
            if type(self.system).mv is AbstractFileSystem.mv:  # a copy; stores of objects have no folders either
                self.system.put_file(str(whole), self.path)
                return
            folder, name = self.path.rsplit("/", 1)
            self.system.makedirs(folder, exist_ok=True)
            beside = f"{folder}/.{name[:100]}.{secrets.token_hex(4)}{UNFINISHED}"
            try:
                self.system.put_file(str(whole), beside)
                self.system.mv(beside, self.path)
            except BaseException:
                self.system.rm_file(beside)
                raise
        except OSError:
            raise
        except Exception as error:  # each file system has its own
            raise OSError(f"{self}: cannot be written ({_line(error)})") from error


def _protocols(system: Any) -> tuple[str, ...]:
    protocol = system.protocol
    return (protocol,) if isinstance(protocol, str) else tuple(protocol)


@contextmanager
def _named(address: str) -> Iterator[None]:
    """Turn what file systems raise, errors of any kind, into messages with the address."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{address}: no such file") from error
    except Exception as error:
        raise UserError(f"{address}: cannot be read ({_line(error)})") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
