"""Pairs are found and read as they lie on disk, and what cannot serve is refused by the name of its file."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from pairloom.config import LayoutName
from pairloom.data.layouts import LAYOUTS, Layout, Pair, find_layout, split_files
from pairloom.errors import UserError
from pairloom.palette import CAMVID, CITYSCAPES, VOID, UInt8Array

CAMVID_LAYOUT, SIDE_BY_SIDE = LAYOUTS["camvid"], LAYOUTS["side-by-side"]


def _save(path: Path, pixels: UInt8Array) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def _photo(height: int = 4, width: int = 6) -> UInt8Array:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def _refusal(root: Path, layout: Layout, split: str = "train") -> str:
    """The one line with which the split is refused, when its files are listed or read."""
    with pytest.raises(UserError) as caught:
        _read(root, layout, split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _read(root: Path, layout: Layout, split: str = "train") -> list[Pair]:
    return [layout.read(files) for files in split_files(root, split, layout)]


def test_every_layout_is_found_under_its_own_name() -> None:
    assert {name: layout.name for name, layout in LAYOUTS.items()} == {
        "camvid": "camvid",
        "side-by-side": "side-by-side",
    }


def test_camvids_folders_are_recognised(camvid_like: Path) -> None:
    assert find_layout(camvid_like) is CAMVID_LAYOUT
    assert not SIDE_BY_SIDE.recognises(camvid_like)


def test_pictures_side_by_side_are_recognised(streets: Path) -> None:
    assert find_layout(streets) is SIDE_BY_SIDE
    assert not CAMVID_LAYOUT.recognises(streets)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_that_is_named_is_not_looked_for(tmp_path: Path, name: LayoutName) -> None:
    assert find_layout(tmp_path, name) is LAYOUTS[name]


def test_folders_without_pairs_are_refused_with_what_was_expected(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "notes.txt").write_text("no image")
    with pytest.raises(UserError, match="holds no pairs") as caught:
        find_layout(tmp_path)
    message = str(caught.value)
    assert message.startswith(str(tmp_path))
    assert all(layout.description in message for layout in LAYOUTS.values())


@pytest.mark.parametrize("name", ["auto", *LAYOUTS])
def test_folders_that_do_not_exist_are_refused(tmp_path: Path, name: LayoutName) -> None:
    file = tmp_path / "file"
    file.touch()
    for root in (tmp_path / "missing", file):
        with pytest.raises(UserError, match="no such folder") as caught:
            find_layout(root, name)
        assert str(caught.value).startswith(str(root))


def test_a_pair_side_by_side_is_cut_in_the_middle(tmp_path: Path) -> None:
    photo = _photo(5, 7)
    ids = np.random.default_rng(1).choice([*range(len(CITYSCAPES)), VOID], (5, 7)).astype(np.uint8)
    _save(tmp_path / "train" / "a street.png", np.concatenate([photo, CITYSCAPES.to_colours(ids)], axis=1))
    (pair,) = _read(tmp_path, SIDE_BY_SIDE)
    assert pair.name == "a street"
    np.testing.assert_array_equal(pair.source, photo)
    np.testing.assert_array_equal(pair.target, ids)


@settings(deadline=None, max_examples=30)
@given(st.data(), st.integers(1, 12), st.integers(1, 12))
def test_any_pair_side_by_side_is_read_without_loss(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, height: int, width: int
) -> None:
    photo = data.draw(npst.arrays(np.uint8, (height, width, 3)))
    ids = data.draw(npst.arrays(np.uint8, (height, width), elements=st.sampled_from([*range(19), VOID])))
    root = tmp_path_factory.getbasetemp() / "any pair"
    _save(root / "train" / "one.png", np.concatenate([photo, CITYSCAPES.to_colours(ids)], axis=1))
    (pair,) = _read(root, SIDE_BY_SIDE)
    np.testing.assert_array_equal(pair.source, photo)
    np.testing.assert_array_equal(pair.target, ids)


def test_pairs_come_in_the_order_of_their_names_and_only_images_count(tmp_path: Path) -> None:
    for name in ("b.png", "a.JPG", "c.webp", ".hidden.png"):
        _save(tmp_path / "train" / name, _photo())
    (tmp_path / "train" / "notes.txt").write_text("no image")
    assert [files.name for files in split_files(tmp_path, "train", SIDE_BY_SIDE)] == ["a", "b", "c"]


def test_an_odd_width_is_refused(tmp_path: Path) -> None:
    path = _save(tmp_path / "train" / "odd.png", _photo(4, 7))
    message = _refusal(tmp_path, SIDE_BY_SIDE)
    assert message.startswith(str(path))
    assert "7 pixels wide" in message


@pytest.mark.parametrize(
    "names",
    [
        ("a.jpg", "a.png"),
        ("a.jpg", "a.m.png", "a.png"),
    ],
)
def test_two_images_of_one_name_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    for name in names:
        _save(tmp_path / "train" / name, _photo())
    message = _refusal(tmp_path, SIDE_BY_SIDE)
    assert "a.jpg" in message
    assert "a.png" in message


@pytest.mark.parametrize("doubled", ["train", "trainannot"])
def test_two_images_of_one_name_are_refused_in_camvids_layout_too(camvid_like: Path, doubled: str) -> None:
    twin = camvid_like / doubled / "train_001.bmp"
    Image.open(twin.with_suffix(".png")).save(twin)
    message = _refusal(camvid_like, CAMVID_LAYOUT)
    assert str(twin) in message or str(twin.with_suffix(".png")) in message


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_split_without_images_is_refused_by_its_folder(tmp_path: Path, layout: Layout) -> None:
    for split in ("train", "test"):
        message = _refusal(tmp_path, layout, split)
        assert message.startswith(str(tmp_path / split))
        assert layout.description in message
        for folder in (split, f"{split}annot"):
            (tmp_path / folder).mkdir()
        assert _refusal(tmp_path, layout, split) == message


@pytest.mark.parametrize(("gone", "left"), [("train", "trainannot"), ("trainannot", "train")])
def test_a_missing_partner_is_named_with_the_file_that_is_there(camvid_like: Path, gone: str, left: str) -> None:
    (camvid_like / gone / "train_002.png").unlink()
    message = _refusal(camvid_like, CAMVID_LAYOUT)
    assert message.startswith(str(camvid_like / left / "train_002.png"))
    assert str(camvid_like / gone / "train_002") in message


def test_camvids_pairs_are_matched_by_stem_whatever_their_extensions(camvid_like: Path) -> None:
    photo = camvid_like / "train" / "train_000.png"
    pixels = np.asarray(Image.open(photo))
    Image.fromarray(pixels).save(photo.with_suffix(".bmp"))
    photo.unlink()
    pairs = _read(camvid_like, CAMVID_LAYOUT)
    assert [pair.name for pair in pairs] == [f"train_{index:03d}" for index in range(4)]
    np.testing.assert_array_equal(pairs[0].source, pixels)


def test_camvids_indices_are_classes_and_eleven_is_void(tmp_path: Path) -> None:
    indices = np.array([[*range(12), VOID]], dtype=np.uint8)
    _save(tmp_path / "train" / "one.png", _photo(1, 13))
    _save(tmp_path / "trainannot" / "one.png", indices)
    (pair,) = _read(tmp_path, CAMVID_LAYOUT)
    assert pair.target.tolist() == [[*range(11), VOID, VOID]]
    assert pair.target.dtype == np.uint8
    assert CAMVID_LAYOUT.palette is CAMVID


def test_camvids_annotations_may_be_palette_images(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[3, 10]], dtype=np.uint8)).convert("P")
    image.putpalette([200, 100, 50] * 256)
    _save(tmp_path / "train" / "one.png", _photo(1, 2))
    (tmp_path / "trainannot").mkdir()
    image.save(tmp_path / "trainannot" / "one.png")
    assert _read(tmp_path, CAMVID_LAYOUT)[0].target.tolist() == [[3, 10]]


@pytest.mark.parametrize("index", [12, 37, 254])
def test_an_index_that_is_no_class_is_refused(tmp_path: Path, index: int) -> None:
    _save(tmp_path / "train" / "one.png", _photo(2, 2))
    path = _save(tmp_path / "trainannot" / "one.png", np.array([[0, 1], [index, 11]], dtype=np.uint8))
    message = _refusal(tmp_path, CAMVID_LAYOUT)
    assert message.startswith(str(path))
    assert f"the index {index}" in message


def test_colours_where_indices_were_expected_are_refused(tmp_path: Path) -> None:
    _save(tmp_path / "train" / "one.png", _photo())
    path = _save(tmp_path / "trainannot" / "one.png", _photo())
    assert _refusal(tmp_path, CAMVID_LAYOUT).startswith(f"{path}: holds RGB pixels")


def test_two_sizes_in_one_pair_are_refused(tmp_path: Path) -> None:
    _save(tmp_path / "train" / "one.png", _photo(4, 6))
    path = _save(tmp_path / "trainannot" / "one.png", np.zeros((6, 4), dtype=np.uint8))
    message = _refusal(tmp_path, CAMVID_LAYOUT)
    assert message.startswith(str(path))
    assert "4×6" in message
    assert "6×4" in message


@pytest.mark.parametrize("folder", ["train", "trainannot"])
def test_a_damaged_file_is_refused_by_name(camvid_like: Path, folder: str) -> None:
    path = camvid_like / folder / "train_003.png"
    path.write_bytes(path.read_bytes()[:100])
    assert _refusal(camvid_like, CAMVID_LAYOUT).startswith(str(path))


def test_the_real_camvid_is_read_whole(camvid: Path) -> None:
    layout = find_layout(camvid)
    assert layout is CAMVID_LAYOUT
    files = {split: split_files(camvid, split, layout) for split in ("train", "val")}
    assert {split: len(found) for split, found in files.items()} == {"train": 367, "val": 101}
    pair = layout.read(files["train"][0])
    assert pair.source.shape == (360, 480, 3)
    assert pair.target.shape == (360, 480)
    classes = set(pair.target.flat)
    assert classes <= {*range(11), VOID}
    assert {CAMVID.index("road"), CAMVID.index("building")} <= classes
