"""What the page keeps, it keeps for a while and up to a size; only what lies in its folder is its own."""

import os
import tempfile
import time
from pathlib import Path

import pytest
from filelock import FileLock

from pairloom.serving.upload_store import LASTING, LOCK, SAFE_SECONDS, UploadStore


def _file(uploads: UploadStore, name: str, size: int, age: float) -> Path:
    path = uploads.new(name)
    path.write_bytes(bytes(size))
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def test_files_go_when_their_time_is_over(tmp_path: Path) -> None:
    uploads = UploadStore(tmp_path, kept_seconds=100)
    old, young = _file(uploads, "old", 1, 101), _file(uploads, "young", 1, 50)
    assert uploads.tidy()
    assert (old.parent.exists(), young.exists()) == (False, True)


def test_the_oldest_go_where_there_is_too_much_but_none_in_use(tmp_path: Path) -> None:
    uploads = UploadStore(tmp_path, most_bytes=100)
    files = [_file(uploads, "a", 60, SAFE_SECONDS + age) for age in (30, 20, 10)]
    assert uploads.tidy()
    assert [file.exists() for file in files] == [False, False, True]
    fresh = [_file(uploads, "a", 60, 0) for _ in range(2)]
    assert not uploads.tidy(), "there is no room"
    assert all(file.exists() for file in fresh)
    assert not files[2].exists()


def test_files_are_looked_at_only_where_room_is_in_doubt(tmp_path: Path) -> None:
    uploads = UploadStore(tmp_path, kept_seconds=100, most_bytes=100)
    old = _file(uploads, "old", 60, 101)
    assert uploads.has_room(50)
    assert old.exists(), "a look at thousands of files for each upload would take longer and longer"
    assert uploads.has_room(51), "the old one went"
    assert not old.exists()
    _file(uploads, "young", 101, 0)
    assert uploads.has_room(100), "what came of the uploads is counted at the next look"
    assert not uploads.has_room(1)


def test_what_is_to_last_stays(tmp_path: Path) -> None:
    uploads = UploadStore(tmp_path, kept_seconds=0, most_bytes=0)
    (uploads.lasting / "scene.png").write_bytes(b"1")
    uploads.tidy()
    assert (uploads.lasting / "scene.png").exists()


def test_two_files_of_one_name_do_not_meet(tmp_path: Path) -> None:
    uploads = UploadStore(tmp_path)
    assert uploads.new("a.png") != uploads.new("a.png")


def test_only_what_lies_in_the_folder_is_held(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "shelf").mkdir()
    uploads = UploadStore(tmp_path / "shelf")
    inside = _file(uploads, "a.png", 1, 0)
    (uploads.path / "link").symlink_to(tmp_path / "secret")
    assert uploads.holds(str(inside))
    for path in (
        tmp_path / "secret",
        uploads.path / ".." / "secret",
        uploads.path / "link",
        uploads.path,
        uploads.path / "absent",
        "a" * 5000,
        "\0",
        "",
    ):
        assert not uploads.holds(str(path)), path


def test_the_folder_is_removed_in_the_end() -> None:
    with UploadStore.opened() as uploads:
        _file(uploads, "a.png", 1, 0)
        assert uploads.path.is_dir()
    assert not uploads.path.exists()


def _abandoned(place: Path, name: str, age: float) -> Path:
    """What a page that was killed leaves."""
    lock = place / name / LASTING / LOCK
    lock.parent.mkdir(parents=True)
    (place / name / "upload.png").write_bytes(b"1")
    lock.touch()
    _age(lock, age)
    return lock


def _age(path: Path, age: float) -> None:
    then = time.time() - age
    os.utime(path, (then, then))


def test_what_a_killed_page_has_left_is_removed_by_the_next_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    old = SAFE_SECONDS + 10
    abandoned, begun, used = (_abandoned(place, f"pairloom-{name}", old) for name in ("left", "begun", "used"))
    _age(begun, 0)
    (place / "pairloom-without").mkdir()
    _abandoned(place, "another", old)
    elsewhere = _abandoned(tmp_path, "elsewhere", old).parents[1]
    (place / "pairloom-link").symlink_to(elsewhere)
    with FileLock(used):
        _age(used, old)
        with UploadStore.opened() as uploads:
            _age(uploads.lasting / LOCK, old)
            with UploadStore.opened():
                assert uploads.path.is_dir(), "it is in use"
    assert not abandoned.parents[1].exists()
    left = {path.name for path in place.iterdir()}
    assert left == {"pairloom-begun", "pairloom-used", "pairloom-without", "another", "pairloom-link"}
    assert (elsewhere / "upload.png").exists()
