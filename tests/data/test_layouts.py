"""Pairs are found as they lie on disk, and what makes no pair is named."""

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.config import LayoutName
from pairloom.data.layouts import LAYOUTS, find_layout
from pairloom.data.layouts.two_folders import FOLDERS
from pairloom.errors import UserError
from trees import COUNTS, WRITERS, cityscapes, save, write_manifest

GREY = np.zeros((4, 8), dtype=np.uint8)


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_is_recognised_and_its_pairs_are_listed(tmp_path: Path, name: LayoutName) -> None:
    WRITERS[name](tmp_path)
    layout = find_layout(tmp_path)
    assert layout.name == name
    assert layout is LAYOUTS[name] is find_layout(tmp_path, name)
    assert {"train", "val"} <= set(layout.splits(tmp_path))
    for split, count in COUNTS.items():
        listing = layout.listing(tmp_path, split)
        assert len(listing.pairs) == count
        assert not listing.problems
        assert [pair.name for pair in listing.pairs] == sorted({pair.name for pair in listing.pairs})
        assert all(part.path.is_file() for pair in listing.pairs for part in (pair.a, pair.b))


def test_there_is_a_writer_for_every_layout() -> None:
    assert set(WRITERS) == set(LAYOUTS)


@pytest.mark.parametrize("name", ["auto", *LAYOUTS])
def test_what_is_not_there_is_refused(tmp_path: Path, name: LayoutName) -> None:
    with pytest.raises(UserError, match="no such folder") as caught:
        find_layout(tmp_path / "missing", name)
    assert str(caught.value).startswith(str(tmp_path / "missing"))


@pytest.mark.parametrize("name", ["auto", *LAYOUTS])
def test_folders_without_pairs_are_refused_with_what_was_expected(tmp_path: Path, name: LayoutName) -> None:
    save(tmp_path / "somewhere" / "picture.png", GREY)
    with pytest.raises(UserError, match="holds no pairs") as caught:
        find_layout(tmp_path, name)
    assert str(caught.value).startswith(str(tmp_path))
    for layout in LAYOUTS.values() if name == "auto" else [LAYOUTS[name]]:
        assert layout.description in str(caught.value)


@pytest.mark.parametrize("a_and_b", FOLDERS, ids="-".join)
@pytest.mark.parametrize("place", ["{folder}/{split}", "{split}/{folder}", "{folder}"])
def test_two_folders_go_by_many_names(tmp_path: Path, a_and_b: tuple[str, str], place: str) -> None:
    for folder, ending in zip(a_and_b, ("jpg", "png"), strict=True):
        for split in ("train", "val"):
            save(tmp_path / place.format(folder=folder, split=split) / f"{split}.{ending}", GREY)
    layout = find_layout(tmp_path)
    assert layout.name == "two-folders"
    flat = "{split}" not in place
    assert layout.splits(tmp_path) == (() if flat else ("train", "val"))
    listing = layout.listing(tmp_path, None if flat else "val")
    assert [pair.name for pair in listing.pairs] == (["train", "val"] if flat else ["val"])
    assert [(pair.a.path.suffix, pair.b.path.suffix) for pair in listing.pairs][-1] == (".jpg", ".png")


def test_the_split_may_be_part_of_the_folders_names(tmp_path: Path) -> None:
    for folder in ("trainA", "trainB", "testA", "testB"):
        save(tmp_path / folder / "one.png", GREY)
    layout = find_layout(tmp_path)
    assert layout.splits(tmp_path) == ("train", "test")
    (pair,) = layout.listing(tmp_path, "test").pairs
    assert (pair.a.path.parent.name, pair.b.path.parent.name) == ("testA", "testB")


@pytest.mark.parametrize("name", WRITERS)
def test_one_split_alone_is_recognised(tmp_path: Path, name: LayoutName) -> None:
    """What a model is scored on need not hold training pairs."""
    WRITERS[name](tmp_path)
    for folder in [path for path in tmp_path.rglob("train*") if path.is_dir()]:
        shutil.rmtree(folder)
    assert find_layout(tmp_path).name == name
    assert len(find_layout(tmp_path).listing(tmp_path, "val").pairs) == 2


def test_images_side_by_side_may_lie_in_one_folder(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.webp", ".hidden.png"):
        save(tmp_path / name, GREY)
    (tmp_path / "notes.txt").write_text("no image")
    layout = find_layout(tmp_path)
    assert (layout.name, layout.splits(tmp_path)) == ("side-by-side", ())
    assert [pair.name for pair in layout.listing(tmp_path, None).pairs] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("two-folders", "images/train/0002.jpg"),
        ("two-folders", "masks/train/0002.png"),
        ("camvid", "train/0002.png"),
        ("camvid", "trainannot/0002.png"),
        ("manifest", "photos/train-2.png"),
        ("manifest", "maps/coloured-train-2.png"),
        ("cityscapes", "leftImg8bit/train/aachen/aachen_000002_000019_leftImg8bit.png"),
    ],
)
def test_a_missing_partner_is_named_and_the_others_are_kept(tmp_path: Path, name: LayoutName, gone: str) -> None:
    WRITERS[name](tmp_path)
    (tmp_path / gone).unlink()
    listing = LAYOUTS[name].listing(tmp_path, "train")
    (problem,) = listing.problems
    assert problem.kind == "missing partner"
    missing = str(tmp_path / gone).removesuffix(Path(gone).suffix)
    assert missing in str(problem)
    assert len(listing.pairs) == COUNTS["train"] - 1


def test_two_files_of_one_stem_are_named(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.png"):
        save(tmp_path / "train" / name, GREY)
    listing = LAYOUTS["side-by-side"].listing(tmp_path, "train")
    (problem,) = listing.problems
    assert (problem.kind, problem.path.name) == ("duplicate stem", "a.png")
    assert "a.jpg" in problem.message
    assert [pair.name for pair in listing.pairs] == ["a", "b"]


@pytest.mark.parametrize("name", ["side-by-side", "two-folders", "camvid", "cityscapes"])
def test_an_empty_folder_is_named(tmp_path: Path, name: LayoutName) -> None:
    WRITERS[name](tmp_path)
    folder = {"two-folders": "images/val", "cityscapes": "leftImg8bit/val"}.get(name, "val")
    for path in (tmp_path / folder).rglob("*.*"):
        path.unlink()
    problems = LAYOUTS[name].listing(tmp_path, "val").problems
    assert ("empty folder", tmp_path / folder) in [(problem.kind, problem.path) for problem in problems]


@pytest.mark.parametrize(
    ("kinds", "read"),
    [
        (("labelIds", "labelTrainIds", "color", "instanceIds"), "labelIds"),
        (("color", "labelTrainIds"), "labelTrainIds"),
        (("color", "instanceIds"), "color"),
    ],
)
def test_of_cityscapes_label_files_the_one_that_tells_most_is_read(
    tmp_path: Path, kinds: tuple[str, ...], read: str
) -> None:
    cityscapes(tmp_path, kinds)
    listing = LAYOUTS["cityscapes"].listing(tmp_path, "train")
    assert {pair.b.path.stem.rsplit("_", 1)[-1] for pair in listing.pairs} == {read}
    assert listing.pairs[0].name == "aachen_000000_000019"


def test_the_dummy_labels_of_cityscapes_test_split_are_no_pairs(tmp_path: Path) -> None:
    WRITERS["cityscapes"](tmp_path)
    assert (tmp_path / "gtFine" / "test").is_dir()
    assert LAYOUTS["cityscapes"].splits(tmp_path) == ("train", "val")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_manifest_may_be_given_itself_and_name_no_split(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        save(tmp_path / "photos" / f"{name}.png", GREY)
    path = tmp_path / f"my list{suffix}"
    write_manifest(path, [("photos/b.png", "photos/b.png", ""), ("photos/a.png", str(tmp_path / "photos/a.png"), "")])
    layout = find_layout(path)
    assert (layout.name, layout.splits(path)) == ("manifest", ())
    assert [pair.name for pair in layout.listing(path, None).pairs] == ["photos-a", "photos-b"]


def test_rows_that_name_no_split_among_others_that_do_are_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path / "pairs.csv", [("a.png", "a.png", "train"), ("b.png", "b.png", "")])
    with pytest.raises(UserError, match=r"pairs\.csv: some rows name a split and some do not"):
        LAYOUTS["manifest"].splits(tmp_path)


def test_sources_of_one_name_and_deep_folders_are_pairs_of_their_own(tmp_path: Path) -> None:
    deep = "/".join(["folder"] * 40)
    names = ("a.png", "a.jpg", f"{deep}/a.png", f"{deep}/b.png")
    for name in names:
        save(tmp_path / name, GREY)
    write_manifest(tmp_path / "pairs.csv", [(name, "a.png", "") for name in names])
    listing = LAYOUTS["manifest"].listing(tmp_path, None)
    assert not listing.problems
    assert len({pair.name for pair in listing.pairs}) == 4
    assert max(len(pair.name) for pair in listing.pairs) < 150
    assert {pair.a.path for pair in listing.pairs} == {tmp_path / name for name in names}


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        (".csv", "source,split\na.png,train\n", "line 2: needs a path"),
        (".csv", "source,target,split\na.png,b.png,training\n", "line 2: has the split 'training'"),
        (".csv", "source,target\n,b.png\n", "line 2: needs a path"),
        (".jsonl", '{"source": "a.png", "target": "b.png"}\n{"source": 3}\n', "line 2: needs a path"),
        (".jsonl", "[1, 2]\n", "line 1: is no object"),
        (".jsonl", "{\n", "cannot be read as a manifest"),
        (".csv", "source,target\na\0.png,b.png\n", "(needs a path|cannot be read)"),
    ],
)
def test_a_wrong_row_is_named_by_file_and_line(tmp_path: Path, suffix: str, content: str, message: str) -> None:
    path = tmp_path / f"pairs{suffix}"
    path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        LAYOUTS["manifest"].listing(tmp_path, None)
    assert str(caught.value).startswith(str(path))


@settings(deadline=None, max_examples=60)
@given(content=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_any_bytes_as_a_manifest_give_pairs_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"manifest{suffix}"
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        layout = find_layout(path)
        layout.splits(path)
        layout.listing(path, None)
