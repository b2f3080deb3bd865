"""Files that are whole or not there: written beside their final name and renamed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

UNFINISHED = ".*.unfinished"
"""Matches what a killed process may leave beside its files."""


@contextmanager
def replacing(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """Give a path to write to inside the block; what was written then takes the place of `path` at once.

    Several processes may write the same file: the last one's is kept. After an error the old file is as it was.

    Args:
        path: the file to be written; its folder must be there.
        durable: wait until the file is on the disk, so that a power cut leaves the old or the new one.
    """
    unfinished = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.unfinished")
    try:
        yield unfinished
        if durable:
            _flush(unfinished)
        unfinished.replace(path)
        if durable:
            _flush(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
