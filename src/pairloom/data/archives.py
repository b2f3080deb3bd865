"""CamVid's images in an archive, zip or tar, of which nothing is believed: neither names nor sizes."""

import errno
import gzip
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple

from pairloom.data.layouts import SPLITS
from pairloom.errors import UserError

FOLDERS = tuple(f"{split}{ending}" for split in SPLITS for ending in ("", "annot"))
SUFFIXES = (".png", ".jpg", ".jpeg")
CHUNK = 2**20
TAR_MAGIC_AT = 257
LARGEST_IMAGE = 64 * 2**20
LARGEST_IN_ALL = 8 * 2**30
MOST_MEMBERS = 200_000
LARGEST_CONTENTS = 16 * 2**20
"""Bytes of a zip's table of contents: each entry of it takes ten times as many in memory."""
LARGEST_HEADER = 2**20
"""Bytes of all that a tar tells of one member."""

DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,  # names that are no text, or no names of files
)
"""What the standard library raises at a damaged archive."""


class Member(NamedTuple):
    """One file of the archive that belongs to CamVid."""

    folder: str
    name: str
    size: int
    """In bytes, as the archive says."""
    open: Callable[[], IO[bytes]]


@contextmanager
def archive_members(archive: Path, url: str) -> Iterator[Iterator[Member]]:
    """Give the images of the archive's CamVid folders.

    Raises:
        UserError: naming `url`, if the archive is damaged, unsafe, too large, or none.
    """
    try:
        if zipfile.is_zipfile(archive):
            _require_short_contents(archive, url)
            with zipfile.ZipFile(archive) as file:
                yield _zip_members(file, url)
        elif stream := _unpacked(archive):
            with stream:
                yield _tar_members(stream, url)
        else:
            raise UserError(f"{url}: is neither a zip nor a tar archive; was a web page fetched instead?")
    except DAMAGE as error:
        raise UserError(f"{url}: the archive is damaged ({error}); fetch it again") from error
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a member whose place is none
            raise
        raise UserError(f"{url}: the archive is damaged (a member lies outside it); fetch it again") from error


def _zip_members(file: zipfile.ZipFile, url: str) -> Iterator[Member]:
    for info in file.infolist():
        place = _place(info.filename, url)
        if place is None or info.is_dir():
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise UserError(f"{url}: {info.filename} is a link or not a regular file; it is not unpacked")
        if info.flag_bits & 1:
            raise UserError(f"{url}: {info.filename} is encrypted; it is not unpacked")
        # The other methods unpack a few bytes to gigabytes at once, whatever size was announced.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError(f"{url}: {info.filename} uses an unsupported compression; pack the archive with deflate")
        yield Member(*place, info.file_size, lambda info=info: file.open(info))  # type: ignore[misc]


def _require_short_contents(archive: Path, url: str) -> None:
    """Look at a zip's last record, which tells how long its table of contents is, before that is read."""
    with archive.open("rb") as file:
        file.seek(max(archive.stat().st_size - _LAST_RECORD_REACH, 0))
        end = file.read()
    size = int.from_bytes(end[(at := end.rfind(b"PK\5\6")) + 12 : at + 16], "little")
    if size > LARGEST_CONTENTS:
        raise UserError(f"{url}: holds too many files; check the URL")


_LAST_RECORD_REACH = 22 + 2**16
"""It has 22 bytes, and a comment after it."""


class _Metered:
    """A stream that gives no more than so many bytes between two members of a tar, whatever their headers announce."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.left = LARGEST_HEADER

    def read(self, size: int) -> bytes:
        if size > self.left:
            raise tarfile.ReadError("a header is too large")
        self.left -= size
        return self._stream.read(size)

    def seek(self, place: int) -> int:
        return self._stream.seek(place)

    def tell(self) -> int:
        return self._stream.tell()


def _unpacked(archive: Path) -> IO[bytes] | None:
    """Open a tar archive that is packed by gzip, or not at all; None for other files."""
    with archive.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    stream: IO[bytes] = gzip.open(archive) if packed else archive.open("rb")  # type: ignore[assignment]  # noqa: SIM115
    try:
        with suppress(EOFError, zlib.error, gzip.BadGzipFile):
            if stream.read(TAR_MAGIC_AT + 5)[TAR_MAGIC_AT:] == b"ustar":
                stream.seek(0)
                return stream
    except BaseException:
        stream.close()
        raise
    stream.close()
    return None


def _tar_members(stream: IO[bytes], url: str) -> Iterator[Member]:
    meter = _Metered(stream)
    file = tarfile.TarFile(fileobj=meter)  # type: ignore[arg-type]  # it has what is called
    for number, info in enumerate(file):
        if number >= MOST_MEMBERS:
            raise UserError(f"{url}: holds too many files; check the URL")
        meter.left = LARGEST_HEADER
        # What is passed over is unpacked as well.
        if info.offset_data + info.size > LARGEST_IN_ALL:
            raise UserError(f"{url}: {info.name} is too large when unpacked; check the URL")
        place = _place(info.name, url)
        if place is None or info.isdir():
            continue
        source = file.extractfile(info) if info.isreg() else None
        if source is None:
            raise UserError(f"{url}: {info.name} is a link or not a regular file; it is not unpacked")
        meter.left = LARGEST_IMAGE
        yield Member(*place, info.size, lambda source=source: source)  # type: ignore[misc]
        meter.left = LARGEST_HEADER
    # The check sum stands behind all that tar reads; without it a flipped bit would go unseen.
    while stream.read(CHUNK):
        if stream.tell() > LARGEST_IN_ALL:
            raise UserError(f"{url}: is too large when unpacked; check the URL")


def _place(name: str, url: str) -> tuple[str, str] | None:
    """Return the folder and the file name of a member that is an image of CamVid; None for all others.

    Raises:
        UserError: for a name that leads out of the archive.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if "CamVid" not in parts:
        return None
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0]:
        raise UserError(f"{url}: the member {name!r} is outside the archive; it is not unpacked")
    below = parts[parts.index("CamVid") + 1 :]
    if len(below) != 2 or below[0] not in FOLDERS or not below[1].lower().endswith(SUFFIXES):
        return None
    if below[1].startswith("."):  # macOS packs one beside each file
        return None
    return below[0], below[1]
