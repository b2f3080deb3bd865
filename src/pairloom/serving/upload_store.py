"""The one folder whose files the page hands out: what was uploaded and what came of it, each for a while."""

import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from filelock import FileLock, Timeout

KEPT_SECONDS = 30 * 60
"""So long a file is kept."""
MOST_BYTES = 2**30
"""So much is kept; where there is more, the oldest goes first."""
SAFE_SECONDS = 60
"""Files younger than this are in use and stay in any case."""
TIDY_EVERY = 30
"""Seconds between two looks at the folder."""
PREFIX = "pairloom-"
LASTING, LOCK = "lasting", ".lock"


class UploadStore:
    """A folder of files that come and go.

    Args:
        path: the folder.
        kept_seconds: how long a file is kept.
        most_bytes: how much is kept.
    """

    def __init__(self, path: Path, kept_seconds: float = KEPT_SECONDS, most_bytes: int = MOST_BYTES) -> None:
        self.path = path.resolve()
        self.lasting = self.path / LASTING
        """What lies in here stays."""
        self.lasting.mkdir()
        self._kept_seconds = kept_seconds
        self._most_bytes = most_bytes
        self._total = 0
        """Bytes at the last look, and of the uploads that have been announced since."""

    @classmethod
    @contextmanager
    def opened(cls) -> Iterator["UploadStore"]:
        """Make an empty one that is looked after inside the block, and removed with all that is in it afterwards.

        Those of pages that were killed, and could not remove them, are removed before.
        """
        _clear_abandoned(Path(gettempdir()))
        with TemporaryDirectory(prefix=PREFIX) as folder:
            uploads, closed = cls(Path(folder)), threading.Event()
            lock = FileLock(uploads.lasting / LOCK, timeout=0)
            lock.acquire()  # which the system releases when the process is killed

            def look_after() -> None:
                while not closed.wait(TIDY_EVERY):
                    uploads.tidy()

            keeper = threading.Thread(target=look_after, daemon=True)
            keeper.start()
            try:
                yield uploads
            finally:
                closed.set()
                keeper.join()
                lock.release()

    def new(self, name: str) -> Path:
        """Return a path for a file of this name, at an address that nobody can guess."""
        folder = self.path / secrets.token_hex(16)
        folder.mkdir()
        return folder / name

    def holds(self, path: str) -> bool:
        """Tell whether a path, whatever links and `..` it goes through, leads to a file in here."""
        try:
            real = Path(path).resolve()
            return real.is_relative_to(self.path) and real.is_file()
        except (OSError, ValueError, RuntimeError):  # names that are too long or hold a null, links in a circle
            return False

    def has_room(self, coming: int) -> bool:
        """Tell whether there is room for so many bytes more; all files are looked at only where that is in doubt."""
        self._total += coming
        return self._total <= self._most_bytes or self.tidy()

    def tidy(self) -> bool:
        """Remove what has been kept long enough, and of the rest the oldest beyond the limit; tell if there is room."""
        now = time.time()
        found = sorted(self._files())
        total = sum(size for _, size, _ in found)
        for changed, size, path in found:
            age = now - changed
            if age > self._kept_seconds or (total > self._most_bytes and age > SAFE_SECONDS):
                path.unlink(missing_ok=True)
                with suppress(OSError):  # the folder holds more
                    path.parent.rmdir()
                total -= size
        self._total = total
        return total <= self._most_bytes

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        for folder, _, names in os.walk(self.path):
            for name in names if Path(folder) != self.lasting else ():
                path = Path(folder, name)
                with suppress(OSError):  # removed meanwhile
                    stat = path.lstat()
                    yield stat.st_mtime, stat.st_size, path


def _clear_abandoned(place: Path) -> None:
    """Remove the shelves of this user whose process has ended."""
    for folder in place.glob(f"{PREFIX}*"):
        path = folder / LASTING / LOCK
        with suppress(OSError, Timeout):  # of another user, removed meanwhile, or in use
            status = path.lstat()
            mine = not folder.is_symlink() and folder.lstat().st_uid == status.st_uid == os.getuid()
            # One that was made just now may not be locked yet.
            if mine and time.time() - status.st_mtime > SAFE_SECONDS:
                with FileLock(path, timeout=0):
                    shutil.rmtree(folder)
