"""Files are found, read and written at any address, whole or not at all."""

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from pairloom.cluster.remote_paths import Address
from pairloom.errors import UserError
from pairloom.images import read_picture, write_picture

PICTURE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder of images, one in a sub-folder, and files that are none."""
    folder = tmp_path / "tree"
    for name in ("b.png", "a.b.png", "deeper/c.png", ".hidden/d.png", ".e.png"):
        write_picture(folder / name, PICTURE)
    (folder / "notes.txt").write_text("none")
    return folder


@pytest.fixture
def served(tree: Path) -> Iterator[str]:
    """The address at which a web server offers that folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(tree))) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


NOWHERE = Address.parse("/nowhere")


def _names(place: str | Path, out: Address = NOWHERE) -> list[str]:
    return [name.as_posix() for _, name in Address.parse(place).inputs(out)]


def test_images_are_found_in_sub_folders_too_by_path_and_by_address(tree: Path, served: str) -> None:
    for place in (tree, f"{tree}/", tree.as_uri(), served):
        assert _names(place) == ["a.b.png", "b.png", "deeper/c.png"], place
        for source, _name in Address.parse(place).inputs(NOWHERE):
            assert np.array_equal(read_picture(source.read()), PICTURE)


def test_no_input_is_looked_for_in_the_output_folder(tree: Path, tmp_path: Path) -> None:
    there = DirFileSystem(str(tmp_path), LocalFileSystem())
    for within, out in (
        (Address.parse(tree), Address.parse(tree / "deeper")),
        (Address(there, "tree"), Address(there, "tree/deeper")),
    ):
        assert [name.as_posix() for _, name in within.inputs(out)] == ["a.b.png", "b.png"]


def test_a_relative_path_counts_from_here(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree)
    assert _names("deeper") == ["c.png"]
    assert str(Address.parse("deeper")) == str(tree / "deeper")


def test_one_image_is_found_as_itself(tree: Path, served: str) -> None:
    for place in (tree / "b.png", (tree / "b.png").as_uri(), f"{served}/b.png"):
        assert _names(place) == ["b.png"], place


def test_what_is_not_there_is_refused_by_name(tree: Path, served: str) -> None:
    shutil.rmtree(tree / "deeper")
    (tree / "deeper").mkdir()
    for place, message in (
        (tree / "absent", "no such file or folder"),
        (tree / "deeper", "holds no images"),
        ("nosuch://bucket/photos", "cannot be read"),
        ("memory://photos", "the memory of one process"),
    ):
        with pytest.raises(UserError, match=message) as caught:
            _names(place)
        assert str(caught.value).startswith(str(place))
    with pytest.raises(UserError, match=r"/absent\.png: no such file"):
        Address.parse(f"{served}/absent.png").read()


def _places(tmp_path: Path) -> list[Address]:
    """A path, a file system that can rename, and a store of objects, which cannot."""
    folder = str(tmp_path / "there")
    Path(folder).mkdir()
    return [
        Address(LocalFileSystem(), str(tmp_path / "here")),
        Address(DirFileSystem(folder, LocalFileSystem()), "out"),
        Address(MemoryFileSystem(), f"{tmp_path}/objects"),
    ]


def test_what_is_written_is_there_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    for place in _places(tmp_path):
        (place / ".mark").write_text("made with this")
        for _ in range(2):  # the second takes the place of the first
            (place / "a/b.png").write_picture(PICTURE)
        assert place.files() == ["a/b.png"]
        assert np.array_equal(read_picture((place / "a/b.png").read()), PICTURE)
        assert ((place / ".mark").read_text(), (place / ".other").read_text()) == ("made with this", None)
        assert [path for path in place.system.find(place.path) if "unfinished" in path] == []


def test_what_cannot_be_written_leaves_no_half_of_it(tmp_path: Path) -> None:
    for place in _places(tmp_path)[:2]:
        (place / "taken/below.png").write_picture(PICTURE)
        with pytest.raises(OSError, match="taken"):
            (place / "taken/below.png/deeper.png").write_picture(PICTURE)
        found = [path for path in place.system.find(place.path) if not path.endswith("taken/below.png")]
        assert found == []
