"""Pairs are found as they lie on disk, by what their names and a sample of their pixels show, or refused."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pairloom.config import DataConfig, LayoutName
from pairloom.data.choice import Chosen, choose_reading
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import LAYOUTS, Listing, Reading, Tree
from pairloom.errors import UserError
from trees import COUNTS, WRITERS, cityscapes, save, write_manifest

RNG = np.random.default_rng(0)
GREY = np.zeros((4, 8), dtype=np.uint8)
COLOURS = np.array([[0, 0, 0], [200, 40, 40], [40, 200, 60]], dtype=np.uint8)


def _choose(root: Path, **settings: object) -> Chosen:
    return choose_reading(Tree.open(root), DataConfig(str(root), **settings))  # type: ignore[arg-type]


def _reading(root: Path, **settings: object) -> Reading:
    return _choose(root, **settings).reading


def _photograph(height: int = 48, width: int = 48) -> NDArray[np.uint8]:
    """Coloured noise on a slope, which nothing takes for classes."""
    slope = np.linspace(40, 200, width)[None, :, None]
    return (slope + RNG.normal(0, 25, (height, width, 3))).clip(0, 255).astype(np.uint8)


def _mask(height: int = 48, width: int = 48, classes: int = 3) -> NDArray[np.uint8]:
    return np.kron(RNG.integers(0, classes, (height // 8, width // 8)), np.ones((8, 8))).astype(np.uint8)


def _pairs(root: Path, source: str, target: str, count: int = 8, first: int = 0) -> None:
    """Write pairs at two patterns."""
    for index in range(first, first + count):
        save(root / source.format(n=index), _photograph())
        save(root / target.format(n=index), _mask())


def _files(root: Path, listing: Listing) -> list[tuple[str, str]]:
    return [
        (pair.a.path.relative_to(root).as_posix(), pair.b.path.relative_to(root).as_posix()) for pair in listing.pairs
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_is_recognised_and_its_pairs_are_listed(tmp_path: Path, name: LayoutName) -> None:
    WRITERS[name](tmp_path)
    reading = _reading(tmp_path)
    assert reading.layout == name == _reading(tmp_path, layout=name).layout
    assert {"train", "val"} <= set(reading.splits())
    for split, count in COUNTS.items():
        listing = reading.listing(split)
        assert len(listing.pairs) == count
        assert not listing.problems
        assert [pair.name for pair in listing.pairs] == sorted({pair.name for pair in listing.pairs})
        assert all(part.path.is_file() for pair in listing.pairs for part in (pair.a, pair.b))


@pytest.mark.parametrize("name", ["auto", *LAYOUTS])
def test_what_is_not_there_is_refused(tmp_path: Path, name: LayoutName) -> None:
    with pytest.raises(UserError, match="no such folder") as caught:
        _reading(tmp_path / "missing", layout=name)
    assert str(caught.value).startswith(str(tmp_path / "missing"))


@pytest.mark.parametrize("name", ["auto", *LAYOUTS])
def test_folders_without_pairs_are_refused_with_what_was_seen(tmp_path: Path, name: LayoutName) -> None:
    save(tmp_path / "somewhere" / "picture.png", _photograph(48, 47))
    if name == "side-by-side":  # one image is all that it needs; its odd width shows when it is read
        folder = PairFolder.open(DataConfig(str(tmp_path), layout=name, target="images"))
        with pytest.raises(UserError, match=r"picture\.png: 47 pixels wide; .* need an even width"):
            folder.read(folder.reading.pairs[0])
        return
    with pytest.raises(UserError, match="no pairs") as caught:
        _reading(tmp_path, layout=name)
    assert str(caught.value).startswith(str(tmp_path))
    assert "somewhere/ (1 image)" in str(caught.value)


LAID = {
    "two folders": ("images/{n}.jpg", "masks/{n}.png"),
    "a suffix": ("images/{n}.jpg", "labels/{n}_L.png"),
    "a prefix": ("photos/img{n}.jpg", "gt/mask{n}.png"),
    "words of its own": ("ziege/{n}.png", "kuh/{n}.png"),
    "one folder": ("IMG_{n}.jpg", "IMG_{n}_seg.png"),
    "two words": ("{n}_rgb.png", "{n}_label.png"),
    "extensions": ("{n}.jpg", "{n}.png"),
    "masks inside": ("photos/{n}.png", "photos/masks/{n}.png"),
    "a folder each": ("s{n}/image.png", "s{n}/mask.png"),
    "two folders each": ("s{n}/images/x.png", "s{n}/masks/x.png"),
    "scenes": ("a/rgb/scene/{n}.png", "a/sem/scene/{n}_sem.png"),
}


@pytest.mark.parametrize("laid", LAID)
def test_pairs_are_found_however_they_are_named(tmp_path: Path, laid: str) -> None:
    source, target = LAID[laid]
    _pairs(tmp_path, source, target)
    listing = _reading(tmp_path).listing(None)
    assert sorted(_files(tmp_path, listing)) == sorted((source.format(n=n), target.format(n=n)) for n in range(8))
    assert not listing.problems


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("train", "val"),
        ("training", "validation"),
        ("Train", "Valid"),
        ("TRAIN", "DEV"),
        ("train2017", "val2017"),
        ("training_set", "validation_set"),
    ],
)
@pytest.mark.parametrize("place", ["{folder}/{split}", "{split}/{folder}", "{split}_{folder}", "{folder}-{split}"])
def test_splits_lie_above_below_and_in_the_names_of_folders(tmp_path: Path, train: str, val: str, place: str) -> None:
    for split, count in ((train, 6), (val, 3)):
        folders = [place.format(folder=folder, split=split) for folder in ("images", "labels")]
        _pairs(tmp_path, f"{folders[0]}/{{n}}.png", f"{folders[1]}/{{n}}.png", count)
    reading = _reading(tmp_path)
    assert {split: len(reading.listing(split).pairs) for split in reading.splits()} == {"train": 6, "val": 3}


@pytest.mark.parametrize("folders", [("trainA", "trainB"), ("train", "trainannot"), ("imagesTr", "labelsTr")])
def test_a_splits_word_may_be_run_together_with_another(tmp_path: Path, folders: tuple[str, str]) -> None:
    _pairs(tmp_path, f"{folders[0]}/{{n}}.png", f"{folders[1]}/{{n}}.png")
    assert _reading(tmp_path).splits() == ("train",)


def test_a_word_that_only_begins_like_a_split_is_none(tmp_path: Path) -> None:
    _pairs(tmp_path, "testimonials/photos/{n}.png", "testimonials/labels/{n}.png")
    assert _reading(tmp_path).splits() == ()


def test_the_photograph_is_found_by_what_it_shows(tmp_path: Path) -> None:
    _pairs(tmp_path, "zebra/{n}.png", "anna/{n}.png")
    pair = _reading(tmp_path).listing(None).pairs[0]
    assert (pair.a.path.parent.name, pair.b.path.parent.name) == ("zebra", "anna")


def test_names_that_say_the_order_are_taken_at_their_word(tmp_path: Path) -> None:
    _pairs(tmp_path, "target/{n}.png", "source/{n}.png")
    pair = _reading(tmp_path).listing(None).pairs[0]
    assert (pair.a.path.parent.name, pair.b.path.parent.name) == ("source", "target")


def test_photographs_that_are_told_to_be_side_by_side_are_read_so_and_noted(tmp_path: Path) -> None:
    for index in range(8):
        save(tmp_path / f"{index}.png", _photograph(48, 96))
    chosen = _choose(tmp_path, layout="side-by-side")
    assert {(pair.a.half, pair.b.half) for pair in chosen.reading.pairs} == {("left", "right")}
    assert "parts of one picture" in chosen.notes[0]
    with pytest.raises(UserError, match="no pairs"):
        _choose(tmp_path)


def test_nothing_is_noted_of_images_that_are_side_by_side(tmp_path: Path) -> None:
    WRITERS["side-by-side"](tmp_path)
    assert _choose(tmp_path, layout="side-by-side").notes == ()


def test_labels_in_the_left_half_are_the_targets_unless_the_direction_is_said(tmp_path: Path) -> None:
    for index in range(8):
        colours = np.array([(250, 50, 180), (50, 220, 255), (255, 200, 50)], dtype=np.uint8)[_mask()]
        save(tmp_path / f"{index}.png", np.hstack([colours, _photograph()]))
    folder = PairFolder.open(DataConfig(str(tmp_path)))
    assert (folder.config.direction, folder.config.target) == ("BtoA", "classes")
    assert folder.palette is not None
    stated = PairFolder.open(DataConfig(str(tmp_path), direction="AtoB"))
    assert (stated.config.direction, stated.config.target) == ("AtoB", "images")


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    _pairs(tmp_path, "train/images/{n}.png", "train/masks/{n}.png")
    _pairs(tmp_path, "holdout/images/{n}.png", "holdout/masks/{n}.png", 3)
    save(tmp_path / "logo.png", _photograph(20, 31))
    chosen = _choose(tmp_path)
    assert len(chosen.reading.pairs) == 8
    assert any("not used: holdout/ (6 images)" in note for note in chosen.notes)
    assert any("logo.png" in note or "./ (1 image" in note for note in chosen.notes)


def test_photographs_of_a_test_split_without_targets_are_left_out_and_named(tmp_path: Path) -> None:
    _pairs(tmp_path, "train/images/{n}.png", "train/masks/{n}.png")
    for index in range(4):
        save(tmp_path / f"test/images/{index}.png", _photograph())
    chosen = _choose(tmp_path)
    assert chosen.reading.splits() == ("train",)
    assert "not used: test/ (4 images)" in chosen.notes


def test_two_targets_that_differ_are_refused_with_both_ways_out(tmp_path: Path) -> None:
    _pairs(tmp_path, "images/{n}.png", "first/{n}.png")
    for index in range(8):
        save(tmp_path / "second" / f"{index}.png", _mask())
    with pytest.raises(UserError, match="can be read in two ways") as caught:
        _reading(tmp_path)
    assert "--data.targets 'first/" in str(caught.value)
    assert "--data.targets 'second/" in str(caught.value)
    flags = {"sources": "images/*.png", "targets": "second/*.png"}
    assert f"--data.sources '{flags['sources']}' --data.targets '{flags['targets']}'" in str(caught.value)
    assert {pair.b.path.parent.name for pair in _reading(tmp_path, **flags).pairs} == {"second"}


def test_a_word_in_the_middle_tells_two_kinds_apart(tmp_path: Path) -> None:
    for city in ("berlin", "bonn", "ulm"):
        _pairs(tmp_path, f"images/{city}_image_{{n}}.png", f"masks/{city}_mask_{{n}}.png", 4)
    reading = _reading(tmp_path)
    assert {(pair.a.path.name, pair.b.path.name) for pair in reading.pairs} == {
        (f"{city}_image_{n}.png", f"{city}_mask_{n}.png") for city in ("berlin", "bonn", "ulm") for n in range(4)
    }
    by_flags = _reading(tmp_path, sources=reading.sources, targets=reading.targets)
    assert [pair[1:] for pair in by_flags.pairs] == [pair[1:] for pair in reading.pairs]


def test_labels_of_another_sequence_are_no_rivals(tmp_path: Path) -> None:
    for sequence in ("seq1", "seq2"):
        for n in range(6):
            mask = _mask()
            save(tmp_path / sequence / f"rgb/{n}.jpg", _photograph())
            save(tmp_path / sequence / f"label_id/{n}.png", mask)
            save(tmp_path / sequence / f"label_color/{n}.png", COLOURS[mask])
    pairs = _reading(tmp_path).pairs
    assert len(pairs) == 12
    assert all(pair.a.path.parts[-3] == pair.b.path.parts[-3] and pair.b.path.parts[-2] == "label_id" for pair in pairs)


def test_a_smaller_version_of_the_sources_is_no_rival(tmp_path: Path) -> None:
    for n in range(8):
        clean = _photograph()
        save(tmp_path / f"norain-{n}.png", clean)
        save(tmp_path / f"rain-{n}.png", (clean // 2 + _photograph() // 2).astype(np.uint8))
        save(tmp_path / f"rainx2/rain-{n}.png", (clean // 2 + _photograph() // 2).astype(np.uint8)[::2, ::2])
    pairs = _reading(tmp_path).pairs
    assert [(pair.a.path.name, pair.a.path.parent) for pair in pairs] == [(f"rain-{n}.png", tmp_path) for n in range(8)]


@pytest.mark.parametrize("alike", [True, False])
@pytest.mark.parametrize("split", ["", "train/"])
@pytest.mark.parametrize("suffix", ["", "_mask"])
def test_the_same_photographs_with_other_masks_are_asked_about(
    tmp_path: Path, alike: bool, split: str, suffix: str
) -> None:
    for n in range(6):
        photograph = _photograph()
        for kind, column in (("lesions", 2), ("vessels", 2 if alike else 30)):
            mask = np.zeros((48, 48), np.uint8)
            mask[10 + n : 22 + n, column : column + 12] = 1  # a sixteenth of the picture
            save(tmp_path / f"{split}{kind}/images/{n}.png", photograph)
            save(tmp_path / f"{split}{kind}/masks/{n}{suffix}.png", mask)
    if alike:
        assert len(_reading(tmp_path).pairs) == 6
        return
    with pytest.raises(UserError, match="the same photographs have two kinds of targets, say which") as caught:
        _reading(tmp_path)
    ways = re.findall(r"--data.sources '(\S+)' --data.targets '(\S+)'", str(caught.value))
    for kind, (sources, targets) in zip(("lesions", "vessels"), ways, strict=True):
        pairs = _reading(tmp_path, sources=sources, targets=targets).pairs
        assert [pair.b.path for pair in pairs] == [tmp_path / f"{split}{kind}/masks/{n}{suffix}.png" for n in range(6)]


def test_predictions_beside_the_data_are_not_read(tmp_path: Path) -> None:
    _pairs(tmp_path, "images/{n}.png", "masks/{n}.png", 12)
    (tmp_path / "results/images").mkdir(parents=True)
    for n in range(3):
        shutil.copy(tmp_path / f"images/{n}.png", tmp_path / f"results/images/{n}.png")
        save(tmp_path / f"results/masks/{n}.png", _mask())
    chosen = _choose(tmp_path)
    assert {pair.a.path.parent for pair in chosen.reading.pairs} == {tmp_path / "images"}
    assert any(note.startswith("not used: results/") for note in chosen.notes)


def test_numbers_with_void_are_not_taken_for_the_outline_of_a_view(tmp_path: Path) -> None:
    """Every mask has the same rows of void; in the colours void looks like a class."""
    for n in range(8):
        mask = _mask()
        save(tmp_path / f"images/{n}.jpg", _photograph())
        void = np.arange(48)[:, None].repeat(48, axis=1) >= 40
        save(tmp_path / f"masks/{n}.png", np.where(void, 255, mask).astype(np.uint8))
        save(tmp_path / f"colours/{n}.png", np.where(void[:, :, None], COLOURS[0], COLOURS[mask]).astype(np.uint8))
    with pytest.raises(UserError, match="can be read in two ways"):
        _reading(tmp_path)


def test_the_flags_of_a_refusal_name_the_photographs_alone(tmp_path: Path) -> None:
    for index in range(8):
        save(tmp_path / f"{index}.jpg", _photograph())
        save(tmp_path / f"{index}_first.png", _mask())
        save(tmp_path / f"{index}_second.png", _mask())
    with pytest.raises(UserError, match="can be read in two ways") as caught:
        _reading(tmp_path)
    flags = {"sources": "*.jpg", "targets": "*_first.png"}
    assert f"--data.sources '{flags['sources']}' --data.targets '{flags['targets']}'" in str(caught.value)
    listing = _reading(tmp_path, **flags).listing(None)
    assert len(listing.pairs) == 8
    assert listing.problems == ()


def test_of_classes_as_numbers_and_as_colours_the_numbers_are_read(tmp_path: Path) -> None:
    colours = np.array([(250, 50, 180), (50, 220, 255), (255, 200, 50)], dtype=np.uint8)
    for index in range(8):
        mask = _mask()
        save(tmp_path / "rgb" / f"{index}.png", _photograph())
        save(tmp_path / "coloured" / f"{index}.png", colours[mask])
        save(tmp_path / "numbers" / f"{index}.png", mask)
    chosen = _choose(tmp_path)
    assert {pair.b.path.parent.name for pair in chosen.reading.pairs} == {"numbers"}
    assert any("coloured" in note for note in chosen.notes)


@pytest.mark.parametrize("folders", [("cat", "dog"), ("cat", "dog", "mouse")])
def test_photographs_sorted_into_classes_are_no_pairs(tmp_path: Path, folders: tuple[str, ...]) -> None:
    for folder in folders:
        for index in range(8):
            save(tmp_path / "train" / folder / f"{index}.png", _photograph())
    with pytest.raises(UserError, match="no pairs"):
        _reading(tmp_path)


def test_two_kinds_of_picture_of_one_scene_are_pairs(tmp_path: Path) -> None:
    for index in range(8):
        picture = _photograph()
        save(tmp_path / "dark" / f"{index}.png", picture // 3)
        save(tmp_path / "bright" / f"{index}.png", picture)
    assert len(_reading(tmp_path).pairs) == 8


@pytest.mark.parametrize(
    ("sources", "targets"),
    [
        ("photos", "other"),
        ("photos/*.jpg", "other/{stem}_x.png"),
        ("photos/*.jpg", "other/*_x.png"),
        ("photos/*.*", "other/*_x.*"),
        ("**/*.jpg", "other/{stem}_x.png"),
    ],
)
def test_both_places_can_be_said(tmp_path: Path, sources: str, targets: str) -> None:
    for split in ("train", "val"):
        _pairs(tmp_path, f"{split}/photos/a[{{n}}].jpg", f"{split}/other/a[{{n}}]_x.png", 3)
        _pairs(tmp_path, f"{split}/photos/z{{n}}.jpg", f"{split}/masks/z{{n}}.png", 3)
    if sources == "photos/*.jpg":
        sources = "photos/a*.jpg"
        targets = targets.replace("*_x", "a*_x")
    elif "*" in sources:
        sources = sources.replace("*.", "a*.")
        targets = targets.replace("*_x", "a*_x")
    reading = _reading(tmp_path, sources=sources, targets=targets)
    assert reading.layout == "patterns"
    assert {split: len(reading.listing(split).pairs) for split in reading.splits()} == {"train": 3, "val": 3}
    assert all(pair.b.path.name == f"{pair.a.path.stem}_x.png" for pair in reading.pairs)


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        ("nowhere", "masks", "data.sources is 'nowhere', but there are no images"),
        ("images", "nowhere", "data.targets is 'nowhere', but there are no images"),
        ("images/*.gif", "masks/{stem}.png", "data.sources matches nothing"),
        ("images/*.png", "masks/{stem}_x.png", "data.targets matches nothing"),
        ("images/*.png", "*/*/{stem}.png", "more wildcards"),
        ("images/*.png", "masks/0.png", "is the target of"),
    ],
)
def test_places_that_name_nothing_are_refused(tmp_path: Path, sources: str, targets: str, message: str) -> None:
    _pairs(tmp_path, "images/{n}.png", "masks/{n}.png")
    with pytest.raises(UserError, match=message):
        _reading(tmp_path, sources=sources, targets=targets)


def test_one_place_alone_and_a_layout_beside_places_are_refused() -> None:
    with pytest.raises(UserError, match="given together"):
        DataConfig("data", sources="images")
    with pytest.raises(UserError, match=r"data\.layout"):
        DataConfig("data", sources="a", targets="b", layout="camvid")


def test_lists_name_the_splits(tmp_path: Path) -> None:
    _pairs(tmp_path, "images/{n}.png", "labels/{n}.png", 10)
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.txt").write_text("\n".join(f"images/{n}.png labels/{n}.png" for n in range(6)))
    (tmp_path / "splits" / "val.txt").write_text("6\n7\nnobody\n")
    chosen = _choose(tmp_path)
    assert {split: len(chosen.reading.listing(split).pairs) for split in chosen.reading.splits()} == {
        "train": 6,
        "val": 2,
    }
    assert any("which leave 2 pairs out" in note for note in chosen.notes)
    (problem,) = [problem for listing in chosen.reading.listings.values() for problem in listing.problems]
    assert problem.path == Path("nobody")


@pytest.mark.parametrize("content", ["", "\0\1\2", "../../etc/passwd\n/etc/hosts\n", "no\npair\nat\nall\n"])
def test_lists_of_something_else_are_passed_over(tmp_path: Path, content: str) -> None:
    _pairs(tmp_path, "images/{n}.png", "labels/{n}.png")
    (tmp_path / "train.txt").write_text(content)
    assert len(_reading(tmp_path).listing(None).pairs) == 8


def test_masks_of_objects_and_of_classes_are_put_together(tmp_path: Path) -> None:
    for index in range(6):
        save(tmp_path / "images" / f"{index}.png", _photograph())
        for place, kind in enumerate(("car", "tree")):
            mask = np.zeros((48, 48), dtype=np.uint8)
            mask[4 + 20 * place : 20 + 20 * place, 5:30] = 255
            save(tmp_path / "masks" / kind / f"{index}.png", mask)
    folder = PairFolder.open(DataConfig(str(tmp_path)))
    assert folder.palette is not None
    assert folder.palette.names == ("background", "car", "tree")
    pair = folder.read(folder.files("train")[0])
    assert pair.target[10, 10] == 1
    assert pair.target[30, 10] == 2
    assert pair.target[0, 0] == 0


@pytest.mark.parametrize("full", [1, 100, 255])
def test_masks_of_objects_may_be_written_by_any_number(tmp_path: Path, full: int) -> None:
    for index in range(6):
        save(tmp_path / "images" / f"{index}.png", _photograph())
        for place in range(2):
            mask = np.zeros((48, 48), dtype=np.uint8)
            mask[4 + 20 * place : 20 + 20 * place, 5:30] = full
            save(tmp_path / "masks" / f"{index}_{place}.png", mask)
    folder = PairFolder.open(DataConfig(str(tmp_path)))
    target = folder.read(folder.files("train")[0]).target
    assert target[10, 10] == target[30, 10] == 1
    assert target[0, 0] == 0


def test_pairs_of_one_group_stay_in_one_split(tmp_path: Path) -> None:
    for drive in range(5):
        _pairs(tmp_path, f"images/d{drive}_{{n}}.png", f"masks/d{drive}_{{n}}.png", 4)
    config = DataConfig(str(tmp_path), group=r"(d\d)_", val_share=0.3)
    folder = PairFolder.open(config)
    drives = {split: {pair.name[:2] for pair in folder.files(split)} for split in ("train", "val")}
    assert not drives["train"] & drives["val"]
    assert len(folder.files("train")) + len(folder.files("val")) == 20
    with pytest.raises(UserError, match="does not match its path"):
        PairFolder.open(DataConfig(str(tmp_path), group="patient")).files("train")
    with pytest.raises(UserError, match="one group"):
        PairFolder.open(DataConfig(str(tmp_path), group="1")).files("train")
    with pytest.raises(UserError, match="not a regular expression"):
        DataConfig(str(tmp_path), group="(")


@pytest.mark.parametrize("name", WRITERS)
def test_one_split_alone_is_recognised(tmp_path: Path, name: LayoutName) -> None:
    """What a model is scored on need not hold training pairs."""
    WRITERS[name](tmp_path)
    for folder in [path for path in tmp_path.rglob("train*") if path.is_dir()]:
        shutil.rmtree(folder)
    reading = _reading(tmp_path)
    assert reading.layout == name
    assert len(reading.listing("val").pairs) == 2


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("two-folders", "images/train/0002.jpg"),
        ("two-folders", "masks/train/0002.png"),
        ("camvid", "train/0016E5_00002.png"),
        ("camvid", "trainannot/0016E5_00002.png"),
        ("manifest", "photos/train-2.png"),
        ("manifest", "maps/coloured-train-2.png"),
        ("cityscapes", "leftImg8bit/train/aachen/aachen_000002_000019_leftImg8bit.png"),
    ],
)
def test_a_missing_partner_is_named_and_the_others_are_kept(tmp_path: Path, name: LayoutName, gone: str) -> None:
    WRITERS[name](tmp_path)
    (tmp_path / gone).unlink()
    listing = _reading(tmp_path).listing("train")
    (problem,) = listing.problems
    assert problem.kind == "missing partner"
    missing = str(tmp_path / gone).removesuffix(Path(gone).suffix)
    assert missing in str(problem)
    assert len(listing.pairs) == COUNTS["train"] - 1


def test_two_files_of_one_stem_are_named(tmp_path: Path) -> None:
    for name in ("a.jpg", "a.png", "b.png"):
        save(tmp_path / "train" / name, GREY)
    listing = _reading(tmp_path, layout="side-by-side").listing("train")
    (problem,) = listing.problems
    assert (problem.kind, problem.path.name) == ("duplicate stem", "a.png")
    assert "a.jpg" in problem.message
    assert [pair.name for pair in listing.pairs] == ["a", "b"]


@pytest.mark.parametrize("name", ["side-by-side", "two-folders", "camvid", "cityscapes"])
def test_an_empty_folder_is_named(tmp_path: Path, name: LayoutName) -> None:
    WRITERS[name](tmp_path)
    folders = {"two-folders": ("images/val", "masks/val"), "cityscapes": ("leftImg8bit/val",)}.get(name, ("val",))
    for folder in folders:
        for path in (tmp_path / folder).rglob("*.*"):
            path.unlink()
    problems = _reading(tmp_path).listing("val").problems
    assert ("empty folder", tmp_path / folders[0]) in [(problem.kind, problem.path) for problem in problems]


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
    listing = _reading(tmp_path).listing("train")
    assert {pair.b.path.stem.rsplit("_", 1)[-1] for pair in listing.pairs} == {read}
    assert listing.pairs[0].name == "aachen_000000_000019"


def test_cityscapes_unzipped_into_two_folders_is_found(tmp_path: Path) -> None:
    cityscapes(tmp_path)
    for name in ("leftImg8bit", "gtFine"):
        (tmp_path / f"{name}_trainvaltest").mkdir()
        (tmp_path / name).rename(tmp_path / f"{name}_trainvaltest" / name)
    reading = _reading(tmp_path)
    assert (reading.layout, len(reading.listing("train").pairs)) == ("cityscapes", 5)


def test_the_dummy_labels_of_cityscapes_test_split_are_no_pairs(tmp_path: Path) -> None:
    WRITERS["cityscapes"](tmp_path)
    assert (tmp_path / "gtFine" / "test").is_dir()
    assert _reading(tmp_path).splits() == ("train", "val")


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_manifest_may_be_given_itself_and_name_no_split(tmp_path: Path, suffix: str) -> None:
    for name in ("a", "b"):
        save(tmp_path / "photos" / f"{name}.png", GREY)
    path = tmp_path / f"my list{suffix}"
    write_manifest(path, [("photos/b.png", "photos/b.png", ""), ("photos/a.png", str(tmp_path / "photos/a.png"), "")])
    reading = _reading(path)
    assert (reading.layout, reading.splits()) == ("manifest", ())
    assert [pair.name for pair in reading.listing(None).pairs] == ["photos-a", "photos-b"]


def test_rows_that_name_no_split_among_others_that_do_are_refused(tmp_path: Path) -> None:
    write_manifest(tmp_path / "pairs.csv", [("a.png", "a.png", "train"), ("b.png", "b.png", "")])
    with pytest.raises(UserError, match=r"pairs\.csv: some rows name a split and some do not"):
        _reading(tmp_path)


def test_rows_may_call_the_splits_as_folders_do(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / f"{name}.png", GREY)
    write_manifest(tmp_path / "pairs.csv", [("a.png", "a.png", "Training"), ("b.png", "b.png", "valid")])
    assert _reading(tmp_path).splits() == ("train", "val")


def test_sources_of_one_name_and_deep_folders_are_pairs_of_their_own(tmp_path: Path) -> None:
    deep = "/".join(["folder"] * 40)
    names = ("a.png", "a.jpg", f"{deep}/a.png", f"{deep}/b.png")
    for name in names:
        save(tmp_path / name, GREY)
    write_manifest(tmp_path / "pairs.csv", [(name, "a.png", "") for name in names])
    listing = _reading(tmp_path).listing(None)
    assert not listing.problems
    assert len({pair.name for pair in listing.pairs}) == 4
    assert max(len(pair.name) for pair in listing.pairs) < 150
    assert {pair.a.path for pair in listing.pairs} == {tmp_path / name for name in names}


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        (".csv", "source,split\na.png,train\n", "line 2: needs a path"),
        (".csv", "source,target,split\na.png,b.png,later\n", "line 2: has the split 'later'"),
        (".csv", "source,target\n,b.png\n", "line 2: needs a path"),
        (".jsonl", '{"source": "a.png", "target": "b.png"}\n{"source": 3}\n', "line 2: needs a path"),
        (".jsonl", "[1, 2]\n", "line 1: is not an object"),
        (".jsonl", "{\n", "cannot be read as a manifest"),
        (".jsonl", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (".csv", "version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        (".csv", "source,target\na\0.png,b.png\n", "(needs a path|cannot be read)"),
    ],
)
def test_a_wrong_row_is_named_by_file_and_line(tmp_path: Path, suffix: str, content: str, message: str) -> None:
    path = tmp_path / f"pairs{suffix}"
    path.write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        _reading(tmp_path)
    assert str(caught.value).startswith(str(path))


@settings(deadline=None, max_examples=60)
@given(content=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".jsonl"]))
def test_any_bytes_as_a_manifest_give_pairs_or_a_message(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"manifest{suffix}"
    path.write_bytes(content)
    try:
        reading = _reading(path)
    except UserError as error:
        assert str(error).startswith(str(path))  # noqa: PT017 (most bytes are no manifest)
        return
    assert all(part.path.is_file() for pair in reading.pairs for part in (pair.a, pair.b))
    assert all(problem.kind in ("missing partner", "duplicate stem") for problem in reading.listing(None).problems)


def test_folders_with_the_same_numbers_go_together(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        _pairs(tmp_path, f"Slide_0{number}/0{number}_{{n}}.png", f"GT_0{number}/0{number}_{{n}}.png", 4)
    chosen = _choose(tmp_path)
    assert len(chosen.reading.pairs) == 12
    assert chosen.notes == ()
    assert {(pair.a.path.parent.name[-2:], pair.a.path.stem) for pair in chosen.reading.pairs} == {
        (pair.b.path.parent.name[-2:], pair.b.path.stem) for pair in chosen.reading.pairs
    }
    reading = chosen.reading
    by_hand = _reading(tmp_path, sources=reading.sources, targets=reading.targets)
    assert _files(tmp_path, by_hand.listing(None)) == _files(tmp_path, reading.listing(None))


def test_numbered_folders_beside_one_of_masks_are_its_parts(tmp_path: Path) -> None:
    _pairs(tmp_path, "images_part_1/{n}.png", "masks/{n}_mask.png", 5)
    _pairs(tmp_path, "images_part_2/{n}.png", "masks/{n}_mask.png", 4, first=5)
    reading = _reading(tmp_path)
    assert len(reading.pairs) == 9
    assert not reading.listing(None).problems
    by_hand = _reading(tmp_path, sources=reading.sources, targets="masks/{stem}_mask.png")
    assert _files(tmp_path, by_hand.listing(None)) == _files(tmp_path, reading.listing(None))


def test_numbered_folders_with_files_of_the_same_names_are_no_parts(tmp_path: Path) -> None:
    """Two cameras: one of the two is the source, and that is asked."""
    _pairs(tmp_path, "image_2/{n}.png", "masks/{n}.png")
    for index in range(8):
        save(tmp_path / f"image_3/{index}.png", _photograph())
    with pytest.raises(UserError, match=r"can be read in two ways.*image_2.*image_3"):
        _reading(tmp_path)


def test_masks_without_a_word_for_them_beside_pictures_that_have_one_are_asked_about(tmp_path: Path) -> None:
    for index in range(8):
        clean = _photograph()
        save(tmp_path / f"norain-{index}.png", clean)
        save(tmp_path / f"rain-{index}.png", np.maximum(clean, _photograph()))
        save(tmp_path / f"rainregion-{index}.png", _mask())
    with pytest.raises(UserError, match=r"can be read in two ways.*rainregion-\*\.png.*norain\*\.png"):
        _reading(tmp_path)


def test_pictures_of_continuous_transparency_are_refused_as_targets(tmp_path: Path) -> None:
    for index in range(8):
        picture = _photograph()
        save(tmp_path / f"images/{index}.png", picture)
        ramp = np.broadcast_to(np.linspace(0, 255, 48).astype(np.uint8), (48, 48))
        save(tmp_path / f"matting/{index}.png", np.dstack([picture, ramp]))
    config = DataConfig(str(tmp_path), sources="images", targets="matting")
    with pytest.raises(UserError, match=r"matting/0\.png: its transparency is continuous, and would be dropped"):
        PairFolder.open(config)
    assert PairFolder.open(replace(config, target="images")).config.target == "images"
