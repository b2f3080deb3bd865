"""Files that are whole or not there: written beside their final name and renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pairloom.errors import UserError

LARGEST_TEXT = 2**24
"""Bytes of a config, a palette or a description of a model at the most."""

LFS_POINTER = b"version https://git-lfs"
"""How the small text files begin that stand in a checkout for files that Git LFS has not fetched."""
NOT_FETCHED = "is a Git LFS pointer, not the file itself; fetch the files with git lfs pull"
"""What to tell of such a file."""

UNFINISHED = ".*.unfinished"
"""Matches what a killed process may leave beside its files."""


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a path to write to inside the block; what was written then takes the place of `path` at once.

    Several processes may write the same file: the last one's is kept. After an error the old file is as it was; where
    the system refuses, the error names `path`.

    Args:
        path: the file to be written; its folder must be there.
        durable: wait until the file is on the disk, so that a power cut leaves the old or the new one.
    """
    # Names have 255 bytes at the most, and a letter up to 4.
    unfinished = path.with_name(f".{path.name[:50]}.{secrets.token_hex(4)}.unfinished")
    try:
        yield unfinished
        if durable:
            _flush(unfinished)
        unfinished.replace(path)
        if durable:
            _flush(path.parent)
    except OSError as error:
        if error.errno is not None and error.filename in (None, str(unfinished)):
            raise type(error)(error.errno, error.strerror, str(path)) from error
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def require_place(path: Path, example: str) -> None:
    """Raise UserError if a file cannot be written here; `example` is a name that would do in its place."""
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name the file to write, such as {path / example}")
    if not path.absolute().parent.is_dir():
        raise UserError(f"{path}: its folder does not exist; create it, or name another file")
    if not os.access(path.absolute().parent, os.W_OK):
        raise UserError(f"{path}: its folder cannot be written; name another file")


def read_text(path: Path) -> str:
    """Read a small text file (UTF-8).

    Raises:
        OSError: if it cannot be read.
        ValueError: if it is no text, larger than any that is written by hand, or a Git LFS pointer.
    """
    with path.open("rb") as file:
        content = file.read(LARGEST_TEXT + 1)
    if len(content) > LARGEST_TEXT:
        raise ValueError(f"larger than {LARGEST_TEXT // 2**20} MiB")
    if content.startswith(LFS_POINTER):
        raise ValueError(NOT_FETCHED)
    return content.decode("utf-8")


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
