"""Hostile data folders are read or refused: none hangs, crashes, fills the memory or leads out of the folder."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import hostile_folders
import pytest
from forks import Ended, run
from refusals import without_privileges

GIBIBYTE = 1024
SOON = 60.0
"""Seconds; none takes a tenth of it where the machine is free."""


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A data folder, whose contents no Python function may be able to remove."""
    folder = tmp_path / "data"
    folder.mkdir()
    yield folder
    subprocess.run(["/bin/rm", "-rf", str(folder)], check=True)


def _checked(root: Path, tmp_path: Path, *words: str) -> Ended:
    ended = run(["check", root, *words], tmp_path, seconds=SOON)
    assert "Traceback" not in ended.err, ended.err[-1500:]
    assert ended.code in (0, 2)
    assert ended.mebibytes < GIBIBYTE
    assert "\x1b" not in ended.out + ended.err
    return ended


def _files(root: Path, tmp_path: Path, *words: str) -> list[list[str]]:
    ended = _checked(root, tmp_path, "--json", *words)
    assert ended.out, ended.err
    files: list[list[str]] = json.loads(ended.out.splitlines()[-1])["files"]
    return files


@pytest.mark.parametrize(
    "make", [hostile_folders.loops, hostile_folders.deep, pytest.param(hostile_folders.wide, marks=pytest.mark.slow)]
)
def test_links_in_circles_and_thousands_of_folders_change_nothing(make: object, root: Path, tmp_path: Path) -> None:
    assert callable(make)
    make(root)
    names = sorted(Path(source).name for source, _ in _files(root, tmp_path))
    assert [name for name in names if name[0] == "0"] == [f"{n:04}.jpg" for n in range(hostile_folders.PAIRS)]


def test_names_of_any_bytes_are_read_or_refused_and_shown_harmless(root: Path, tmp_path: Path) -> None:
    hostile_folders.odd_names(root)
    _checked(root, tmp_path)
    ended = _checked(root, tmp_path, "--json")
    if ended.out:
        assert len(json.loads(ended.out.splitlines()[-1])["files"]) == 7


def test_pipes_and_folders_in_place_of_files_do_not_hang(root: Path, tmp_path: Path) -> None:
    hostile_folders.no_files(root)
    _checked(root, tmp_path)


def test_what_may_not_be_read_is_named(root: Path, tmp_path: Path) -> None:
    hostile_folders.good(root)
    (root / "masks/0002.png").chmod(0)
    ended = run(["check", root], tmp_path, without_privileges, seconds=SOON)
    assert ended.code == 2
    assert "0002.png" in ended.out + ended.err
    assert "Traceback" not in ended.err
    (root / "masks").chmod(0)
    ended = run(["check", root], tmp_path, without_privileges, seconds=SOON)
    assert ended.code == 2
    (root / "masks").chmod(0o700)
    assert "masks" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", hostile_folders.LISTS)
def test_lists_that_are_none_are_no_splits(name: str, root: Path, tmp_path: Path) -> None:
    hostile_folders.good(root)
    hostile_folders.LISTS[name](root / "train.txt")
    assert len(_files(root, tmp_path)) == hostile_folders.PAIRS


def test_lists_lead_to_nothing_outside_the_folder(root: Path, tmp_path: Path) -> None:
    hostile_folders.good(root)
    outside = tmp_path / "outside"
    hostile_folders.good(outside, 100)
    inside = [f"{n:04}" for n in range(hostile_folders.PAIRS)]
    rows = [f"../outside/images/01{n:02}.jpg ../outside/masks/01{n:02}.png" for n in range(3)]
    rows += [f"{outside}/images/0103.jpg {outside}/masks/0103.png", "../../../../../../etc/passwd", "/etc/passwd"]
    for folder in ("ImageSets/Segmentation", "."):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / "train.txt").write_text("\n".join([*inside, *rows]) + "\n")
    ended = _checked(root, tmp_path, "--json")
    files = json.loads(ended.out.splitlines()[-1])["files"] if ended.out else []
    assert all(Path(path).resolve().is_relative_to(root.resolve()) for pair in files for path in pair)


@pytest.mark.parametrize("name", hostile_folders.NAMES)
def test_files_of_class_names_that_are_none_are_left_out_or_refused(name: str, root: Path, tmp_path: Path) -> None:
    hostile_folders.good(root)
    file, write = hostile_folders.NAMES[name]
    write(root / file)
    ended = _checked(root, tmp_path, "--json")
    assert not (root / "executed").exists()
    if ended.out:
        record = json.loads(ended.out.splitlines()[-1])
        assert len(record["files"]) == hostile_folders.PAIRS
        assert sum(each["share"] > 0 for each in record["classes"].values()) == 2
    else:
        assert file in ended.err
