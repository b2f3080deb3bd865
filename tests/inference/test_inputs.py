"""Which files are meant, and what their translations are called."""

from pathlib import Path, PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairloom.errors import UserError
from pairloom.inference.inputs import Shard, find_inputs


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Empty files: nothing here looks into them."""
    root = tmp_path / "tree"
    for name in ("b.png", "a.jpg", "notes.txt", "x/a.jpg", "x/y/c.d.tif", ".hidden/e.png", "x/.f.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / "x" / "round").symlink_to(root, target_is_directory=True)
    return root


def _stems(*entries: str | Path, out: Path | None = None) -> list[str]:
    return [file.translated("").as_posix() for file in find_inputs(entries, out)]


def test_of_a_folder_the_tree_is_kept_and_hidden_things_are_left_out(tree: Path) -> None:
    assert _stems(tree) == ["a", "b", "x/a", "x/y/c.d"]
    assert _stems(tree, out=tree / "x") == ["a", "b"]


def test_named_files_and_those_of_a_pattern_are_called_by_their_stems(tree: Path) -> None:
    assert _stems(tree / "x" / "a.jpg", tree / "b.png") == ["a", "b"]
    assert _stems(tree / "*") == ["a", "b"]
    assert _stems(tree / "x" / "**" / "c*") == ["c.d"]
    assert _stems(tree / "[b-z].png") == ["b"]
    assert _stems(tree / ".hidden" / "e.*") == ["e"]
    (tree / "odd[1].png").touch()
    assert _stems(tree / "odd[1].png") == ["odd[1]"]


def test_names_that_look_like_patterns_are_taken_as_they_are(tree: Path, tmp_path: Path) -> None:
    place = tmp_path / "drive [1]" / "a*"
    place.mkdir(parents=True)
    for name in ("one.png", "two[2].png", "two2.jpg"):
        (place / name).touch()
    (tmp_path / "drive 1" / "ab").mkdir(parents=True)
    (tmp_path / "drive 1" / "ab" / "other.png").touch()
    assert _stems(place) == ["one", "two2", "two[2]"]
    assert _stems(place / "*.png") == ["one", "two[2]"]
    assert _stems(tmp_path / "drive [1]" / "**" / "o*") == ["one"]
    assert _stems(place / "two[2].*") == ["two2"]
    (place / "two2.jpg").unlink()
    assert _stems(place / "two[2].*") == ["two[2]"]
    assert _stems(tmp_path / "drive [0-9]" / "ab" / "*") == ["other"]


def test_what_is_left_out_is_counted_and_some_of_it_named(tree: Path) -> None:
    said: list[str] = []
    find_inputs([tree / "b.png", tree / "x"], log=said.append)
    assert said == []
    find_inputs([tree], log=said.append)
    assert said == ["skipped: 1 file that is not an image or video (notes.txt)"]
    for name in ("x/c.csv", "x/d.pdf", "x/e.xml"):
        (tree / name).touch()
    said.clear()
    find_inputs([tree], log=said.append)
    find_inputs([tree / "*"], log=said.append)
    assert said == [
        "skipped: 4 files that are not images or videos (notes.txt, c.csv, d.pdf ...)",
        "skipped: 1 file that is not an image or video (notes.txt)",
    ]


def test_what_is_not_there_or_would_collide_is_named(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tree / "x" / "b.jpg").touch()
    for entries, complaint in (
        ([tree / "absent.png"], "absent.png: no such file or folder"),
        ([tmp_path / "empty"], "holds no images"),
        ([tree / "*.webp"], r"\*.webp: matches no images"),
        ([tree / "**" / "e.*"], "matches no images"),
        ([tree, tree], "a.jpg: is named twice"),
        ([tree, tree / "x" / "b.jpg"], r"b.jpg: would be written over the translation of .*b.png"),
    ):
        with pytest.raises(UserError, match=complaint):
            find_inputs(entries)


@given(st.lists(st.text("abc/0123456789", min_size=1, max_size=8), unique=True), st.integers(1, 9))
def test_each_file_is_of_one_shard(names: list[str], count: int) -> None:
    shards = [Shard.parse(f"{number}/{count}") for number in range(1, count + 1)]
    for name in names:
        assert sum(shard.holds(PurePath(name)) for shard in shards) == 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "3", "a/b", "1/", "/2", "-1/2", "1/2/3", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="a shard is i/n"):
        Shard.parse(text)
