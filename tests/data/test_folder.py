"""What a data set holds is found, can be said, and both images of a pair are read as they are meant."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairloom.config import DataConfig, LayoutName
from pairloom.data.folder import PairFolder
from pairloom.errors import UserError
from pairloom.palette import CAMVID, CITYSCAPES, CITYSCAPES_ALL, VOID, Palette, UInt8Array, write_palette
from trees import COUNTS, WRITERS, cityscapes, label_ids, save, scenes, two_folders

RNG = np.random.default_rng(0)


def _open(root: Path, **settings: object) -> PairFolder:
    return PairFolder.open(DataConfig(str(root), **settings))  # type: ignore[arg-type]


def _noise(height: int = 24, width: int = 32, channels: int = 3) -> UInt8Array:
    return RNG.integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_is_found_and_its_classes_are_read(tmp_path: Path, name: LayoutName) -> None:
    WRITERS[name](tmp_path)
    folder = _open(tmp_path)
    assert (folder.reading.layout, folder.config.layout, folder.config.target) == (name, name, "classes")
    assert folder.palette is not None
    for split in COUNTS:
        photograph, ids = scenes(split, 64, 128)[0] if name == "cityscapes" else scenes(split)[0]
        pair = folder.read(folder.files(split)[0])
        if name != "two-folders":  # photographs there are JPEG
            np.testing.assert_array_equal(pair.source, photograph)
        if name in ("side-by-side", "manifest"):
            assert folder.palette is CITYSCAPES
            np.testing.assert_array_equal(pair.target, ids)
        if name == "two-folders":  # nothing tells what the numbers mean
            assert folder.palette.names[0] == "class 0"
            values = np.array([*folder.palette.values, *[VOID] * (256 - len(folder.palette))])
            np.testing.assert_array_equal(values[pair.target], ids)


def test_cityscapes_label_ids_become_train_ids_or_all_that_can_be_told(tmp_path: Path) -> None:
    cityscapes(tmp_path)
    labels = label_ids(scenes("train", 64, 128)[0][1])
    training, every = _open(tmp_path), _open(tmp_path, classes="all")
    assert (training.palette, every.palette) == (CITYSCAPES, CITYSCAPES_ALL)
    for folder in (training, every):
        assert folder.palette is not None
        target = folder.read(folder.files("train")[0]).target
        values = dict(zip(folder.palette.values, range(len(folder.palette)), strict=True))
        assert target.tolist() == [[values.get(label, VOID) for label in row] for row in labels.tolist()]
    target = every.read(every.files("train")[0]).target
    assert [every.palette.names[number] for number in target[32, :4]] == [  # type: ignore[union-attr]
        "static",
        "parking",
        "polegroup",
        "caravan",
    ]


@pytest.mark.parametrize("kind", ["labelTrainIds", "color"])
def test_cityscapes_is_read_where_label_ids_are_missing(tmp_path: Path, kind: str) -> None:
    cityscapes(tmp_path / "whole")
    cityscapes(tmp_path / "part", (kind, "instanceIds"))
    whole, part = _open(tmp_path / "whole"), _open(tmp_path / "part")
    for files, others in zip(whole.files("train"), part.files("train"), strict=True):
        expected, found = whole.read(files).target, part.read(others).target
        if kind == "color":  # polegroup has pole's colour
            assert found[32, 2] == CITYSCAPES.index("pole")
            found[32, 2] = VOID
        np.testing.assert_array_equal(found, expected)


def test_train_ids_cannot_give_all_classes(tmp_path: Path) -> None:
    cityscapes(tmp_path, ("labelTrainIds",))
    folder = _open(tmp_path, classes="all")
    with pytest.raises(UserError, match=r"labelTrainIds\.png: holds the 19 train ids only"):
        folder.read(folder.files("train")[0])


def test_the_direction_turns_pairs_round(tmp_path: Path) -> None:
    WRITERS["side-by-side"](tmp_path)
    there, back = _open(tmp_path), _open(tmp_path, direction="BtoA")
    pair, turned = there.read(there.files("val")[0]), back.read(back.files("val")[0])
    assert (there.config.target, back.config.target) == ("classes", "images")
    np.testing.assert_array_equal(turned.target, pair.source)
    np.testing.assert_array_equal(turned.source, CITYSCAPES.to_colours(pair.target.astype(np.uint8)))


@pytest.mark.parametrize("name", ["camvid", "cityscapes", "two-folders"])
def test_class_numbers_as_sources_are_painted(tmp_path: Path, name: LayoutName) -> None:
    WRITERS[name](tmp_path)
    there, back = _open(tmp_path), _open(tmp_path, direction="BtoA")
    pair, turned = there.read(there.files("val")[0]), back.read(back.files("val")[0])
    assert back.palette is None
    assert back.source_palette == there.palette
    assert there.palette is not None
    np.testing.assert_array_equal(turned.source, there.palette.to_colours(pair.target.astype(np.uint8)))
    np.testing.assert_array_equal(turned.target, pair.source)


def test_a_flat_folder_is_split_by_a_draw_of_its_own_seed(tmp_path: Path) -> None:
    for index in range(20):
        save(tmp_path / f"{index:02d}.png", _noise(8, 16))
    splits: dict[int, dict[str, list[str]]] = {}
    for seed in (0, 0, 1):
        folder = _open(tmp_path, split_seed=seed, val_share=0.25, layout="side-by-side")
        names = {split: [files.name for files in folder.files(split)] for split in folder.splits()}
        assert Counter(map(len, names.values())) == {15: 1, 5: 1}
        assert sorted(names["train"] + names["val"]) == [f"{index:02d}" for index in range(20)]
        assert all(chosen == sorted(chosen) for chosen in names.values())
        assert splits.setdefault(seed, names) == names
    assert splits[0] != splits[1]
    with pytest.raises(UserError, match="has no split 'test'"):
        folder.files("test")


def test_training_pairs_without_a_validation_split_are_split(tmp_path: Path) -> None:
    for index in range(10):
        save(tmp_path / "train" / f"{index}.png", _noise(8, 16))
    save(tmp_path / "test" / "10.png", _noise(8, 16))
    folder = _open(tmp_path, layout="side-by-side")
    assert folder.splits() == ("train", "val", "test")
    assert [len(folder.files(split)) for split in folder.splits()] == [8, 2, 1]


def test_a_test_split_alone_is_all_there_is(tmp_path: Path) -> None:
    save(tmp_path / "test" / "10.png", _noise(8, 16))
    folder = _open(tmp_path, layout="side-by-side")
    assert folder.splits() == ("test",)
    assert len(folder.files("test")) == 1
    with pytest.raises(UserError, match=r"has no split 'val' \(there are test\)"):
        folder.files("val")


def test_one_pair_alone_cannot_be_split(tmp_path: Path) -> None:
    save(tmp_path / "one.png", _noise(8, 16))
    with pytest.raises(UserError, match="holds one pair; add one"):
        _open(tmp_path, layout="side-by-side").files("val")


@pytest.mark.parametrize("mode", ["values", "table", "colours", "grey levels"])
def test_classes_are_found_in_every_kind_of_target(tmp_path: Path, mode: str) -> None:
    colours = np.array([(10, 200, 30), (200, 10, 60), (0, 0, 0), (240, 240, 20)], dtype=np.uint8)
    for split, count in (("train", 6), ("val", 2)):
        for index in range(count):
            ids = np.kron(RNG.integers(0, 2 if mode == "grey levels" else 4, (6, 8)), np.ones((8, 8))).astype(np.uint8)
            save(tmp_path / "source" / split / f"{index}.png", _noise(48, 64))
            path = tmp_path / "target" / split / f"{index}.png"
            if mode == "table":
                image = Image.fromarray(ids).convert("P")
                image.putpalette(colours.tobytes())
                path.parent.mkdir(parents=True, exist_ok=True)
                image.save(path)
            else:
                save(path, {"values": ids, "colours": colours[ids], "grey levels": ids * 255}[mode])
    folder = _open(tmp_path)
    assert folder.config.target == "classes"
    assert folder.palette is not None
    assert len(folder.palette) == (2 if mode == "grey levels" else 4)
    pair = folder.read(folder.files("val")[0])
    assert pair.target.ndim == 2
    assert len(np.unique(pair.target)) == len(folder.palette)
    if mode in ("table", "colours"):
        assert set(folder.palette.colours) == set(map(tuple, colours.tolist()))
        assert "found in the data" in folder.describe()


def test_photographs_as_targets_are_pictures(tmp_path: Path) -> None:
    for split, count in (("train", 4), ("val", 1)):
        for index, (photograph, _) in enumerate(scenes(split, 64, 64, counts={"train": count, "val": count})):
            save(tmp_path / split / f"{index}.png", np.concatenate([255 - photograph, photograph], axis=1))
    folder = _open(tmp_path)
    assert (folder.config.target, folder.palette) == ("images", None)
    assert "targets are pictures" in folder.describe()
    with pytest.raises(UserError, match=r"no classes were detected.*data\.palette"):
        _open(tmp_path, target="classes")


def test_the_kind_of_target_can_be_said(tmp_path: Path) -> None:
    WRITERS["side-by-side"](tmp_path)
    folder = _open(tmp_path, target="images")
    assert folder.palette is None
    assert folder.read(folder.files("val")[0]).target.shape == (40, 64, 3)


def test_an_own_palette_is_read_by_values_or_by_colours(tmp_path: Path) -> None:
    two_folders(tmp_path / "values")
    WRITERS["side-by-side"](tmp_path / "colours")
    own = Palette("mine", tuple(f"my {name}" for name in CITYSCAPES.names), CITYSCAPES.colours)
    write_palette(tmp_path / "mine.yaml", own)
    targets = []
    for data in ("values", "colours"):
        folder = _open(tmp_path / data, palette=str(tmp_path / "mine.yaml"))
        assert folder.palette == own
        targets.append(folder.read(folder.files("val")[0]).target)
    np.testing.assert_array_equal(targets[0], targets[1])


def test_a_palette_that_is_not_there_is_refused(tmp_path: Path) -> None:
    WRITERS["side-by-side"](tmp_path)
    with pytest.raises(UserError, match=r"absent\.yaml.*neither a built-in palette"):
        _open(tmp_path, palette="absent.yaml")


def test_images_of_two_sizes_are_no_pair(tmp_path: Path) -> None:
    save(tmp_path / "train" / "one.png", _noise(4, 6))
    path = save(tmp_path / "trainannot" / "one.png", np.zeros((6, 4), dtype=np.uint8))
    folder = _open(tmp_path)
    with pytest.raises(UserError, match=r"4×6.*6×4") as caught:
        folder.read(folder.reading.listing("train").pairs[0])
    assert str(caught.value).startswith(str(path))


def test_an_odd_width_cannot_be_halved(tmp_path: Path) -> None:
    path = save(tmp_path / "odd.png", _noise(4, 7))
    save(tmp_path / "other.png", _noise(4, 7))
    folder = _open(tmp_path, layout="side-by-side")
    with pytest.raises(UserError, match="7 pixels wide") as caught:
        folder.read(folder.reading.listing(None).pairs[0])
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("index", [12, 37, 254])
def test_a_value_that_is_no_class_is_refused(tmp_path: Path, index: int) -> None:
    save(tmp_path / "train" / "0001TP_000001.png", _noise(2, 2))
    path = save(tmp_path / "trainannot" / "0001TP_000001.png", np.array([[0, 1], [index, 11]], dtype=np.uint8))
    folder = _open(tmp_path)
    with pytest.raises(UserError, match=f"the value {index} is not in palette 'camvid'") as caught:
        folder.read(folder.reading.listing("train").pairs[0])
    assert str(caught.value).startswith(str(path))


def test_the_first_of_several_problems_is_told_with_how_to_see_the_others(tmp_path: Path) -> None:
    WRITERS["camvid"](tmp_path)
    for name in ("00001", "00003"):
        (tmp_path / "train" / f"0016E5_{name}.png").unlink()
    with pytest.raises(UserError, match=r"0001.*missing.*\(1 more: pairloom check"):
        _open(tmp_path).files("train")


def test_the_real_camvid_is_read_whole(camvid: Path) -> None:
    folder = _open(camvid)
    assert folder.palette is CAMVID
    assert {split: len(folder.files(split)) for split in ("train", "val")} == {"train": 367, "val": 101}
    pair = folder.read(folder.files("train")[0])
    assert pair.source.shape == (360, 480, 3)
    assert pair.target.shape == (360, 480)
    classes = set(pair.target.flat)
    assert classes <= {*range(11), VOID}
    assert {CAMVID.index("road"), CAMVID.index("building")} <= classes


def _targets(root: Path, targets: list[UInt8Array], suffix: str = ".png") -> Path:
    """Two folders with noise as sources and these targets; the last validates."""
    for index, target in enumerate(targets):
        split = "val" if index == len(targets) - 1 else "train"
        save(root / "source" / split / f"{index}.png", _noise(*target.shape[:2]))
        save(root / "target" / split / f"{index}{suffix}", target)
    return root


def _areas(values: list[int], count: int = 6) -> list[UInt8Array]:
    """Maps in areas of 16×16 pixels."""
    return [np.kron(RNG.choice(values, (8, 8)), np.ones((16, 16))).astype(np.uint8) for _ in range(count)]


def test_label_maps_of_more_than_64_classes_are_found_by_their_areas(tmp_path: Path) -> None:
    maps = _areas(list(range(150)), 8)
    folder = _open(_targets(tmp_path, maps))
    assert folder.palette is not None
    assert folder.palette.values == tuple(np.unique(maps).tolist())
    assert len(folder.palette) > 100


def test_dark_photographs_are_no_label_maps(tmp_path: Path) -> None:
    dark = [_noise(64, 64, 1).squeeze(2) // 6 for _ in range(4)]
    assert _open(_targets(tmp_path, dark)).palette is None


def test_grey_jpegs_of_masks_are_read_as_the_colours_that_they_were(tmp_path: Path) -> None:
    masks = _areas([0, 255])
    folder = _open(_targets(tmp_path, masks, ".jpg"))
    assert folder.palette is not None
    assert len(folder.palette) == 2
    target = folder.read(folder.files("val")[0]).target
    white = max(range(2), key=lambda number: sum(folder.palette.colours[number]))  # type: ignore[union-attr]
    np.testing.assert_array_equal(target == white, masks[-1] == 255)


def test_an_own_palettes_colours_serve_grey_masks_whose_values_it_does_not_tell(tmp_path: Path) -> None:
    masks = _areas([0, 255])
    write_palette(
        tmp_path / "bw.yaml", Palette("bw", ("bg", "fg"), ((0, 0, 0), (255, 255, 255)), void_colour=(9, 9, 9))
    )
    folder = _open(_targets(tmp_path / "data", masks), palette=str(tmp_path / "bw.yaml"))
    np.testing.assert_array_equal(folder.read(folder.files("val")[0]).target, masks[-1] // 255)


def test_values_that_a_palette_does_not_know_are_refused_and_not_read_as_the_nearest_colour(tmp_path: Path) -> None:
    own = Palette("own", ("bg", "fg"), ((0, 0, 0), (255, 255, 255)), void_colour=(9, 9, 9), values=(0, 200))
    write_palette(tmp_path / "own.yaml", own)
    folder = _open(_targets(tmp_path / "data", _areas([0, 1])), palette=str(tmp_path / "own.yaml"))
    with pytest.raises(UserError, match="the value 1 is not in palette 'own'"):
        folder.read(folder.files("val")[0])
