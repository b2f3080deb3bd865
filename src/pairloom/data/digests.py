"""By what the files of a pair are known again: their states in their place, and their contents in any."""

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from pairloom.data.pairs import Part
from pairloom.errors import UserError


def fingerprint(parts: Sequence[Part]) -> str:
    """Return what changes when a file does, at a look at its size and times.

    Raises:
        UserError: if a file is no longer there.
    """
    try:
        states = [path.stat() for part in parts for path in part.files]
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: file disappeared; restore it or start a new run") from error
    # Copying may keep a file's size and time; the time of its last change as such it cannot keep.
    return digest([[state.st_size, state.st_mtime_ns, state.st_ctime_ns] for state in states])


def contents_digest(parts: Sequence[Part]) -> str:
    """Return a digest of what the files of a pair hold, whatever they are called and wherever they lie.

    It is made while a pair is decoded, when its files are at hand, and kept with it in the store.
    """
    files = dict.fromkeys(path for part in parts for path in part.files)
    states = [(path, path.stat()) for path in files]
    return digest([_file_digest(path, state.st_size, state.st_mtime_ns) for path, state in states])


@lru_cache(maxsize=64)  # an annotation file may describe all pairs
def _file_digest(path: Path, _size: int, _time: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def digest(value: object) -> str:
    """Return a digest of plain values."""
    return hashlib.blake2b(json.dumps(value).encode(), digest_size=16).hexdigest()
