"""The generated street scenes: exact, repeatable, varied, and not to be told apart by colour alone."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom.errors import UserError
from pairloom.palette import CITYSCAPES, VOID, UInt8Array
from pairloom.streets import draw_street, write_streets

EXPECTED = (
    "road",
    "sidewalk",
    "building",
    "fence",
    "pole",
    "traffic light",
    "traffic sign",
    "vegetation",
    "sky",
    "person",
    "rider",
    "car",
    "bicycle",
)

Scenes = tuple[UInt8Array, UInt8Array]


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    """Photographs (20×96×96×3) and class ids (20×96×96)."""
    drawn = [draw_street(3, index, 96, 96) for index in range(20)]
    return np.stack([photograph for photograph, _ in drawn]), np.stack([ids for _, ids in drawn])


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("streets") / "new"
    write_streets(out, size=(48, 64), train_pairs=3, val_pairs=2, seed=5)
    return out


def _halves(path: Path) -> Scenes:
    both = np.asarray(Image.open(path))
    return both[:, : both.shape[1] // 2], both[:, both.shape[1] // 2 :]


def test_the_same_arguments_draw_the_same_scene() -> None:
    first, again = draw_street(1, 2, 64, 64), draw_street(1, 2, 64, 64)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1].tobytes() == again[1].tobytes()


@pytest.mark.parametrize(("seed", "index"), [(1, 3), (2, 2)])
def test_another_index_or_seed_draws_another_scene(seed: int, index: int) -> None:
    assert not np.array_equal(draw_street(1, 2, 64, 64)[1], draw_street(seed, index, 64, 64)[1])


@settings(max_examples=15, deadline=None)
@given(st.integers(16, 80), st.integers(16, 80), st.integers(0, 10_000))
def test_any_size_can_be_drawn(height: int, width: int, index: int) -> None:
    photograph, ids = draw_street(0, index, height, width)
    assert photograph.shape == (height, width, 3)
    assert ids.shape == (height, width)
    assert photograph.dtype == ids.dtype == np.uint8
    assert set(np.unique(ids).tolist()) <= {*range(len(CITYSCAPES)), VOID}


def test_a_scene_keeps_its_composition_at_other_sizes() -> None:
    small, large = draw_street(0, 4, 64, 64)[1], draw_street(0, 4, 192, 192)[1]
    assert (small == large[1::3, 1::3]).mean() > 0.9


def test_every_expected_class_occurs_and_no_other(scenes: Scenes) -> None:
    found = set(np.unique(scenes[1]).tolist()) - {VOID}
    assert found == {CITYSCAPES.index(name) for name in EXPECTED}


def test_common_classes_occur_in_most_scenes(scenes: Scenes) -> None:
    for name, least in {"road": 1.0, "car": 0.9, "pole": 0.9, "traffic sign": 0.8, "person": 0.8, "rider": 0.4}.items():
        share = (scenes[1] == CITYSCAPES.index(name)).any(axis=(1, 2)).mean()
        assert share >= least, name


def test_photographs_have_texture_and_contrast(scenes: Scenes) -> None:
    for photograph in scenes[0]:
        assert photograph.std() > 12
        assert len(np.unique(photograph.reshape(-1, 3), axis=0)) > 1000


def test_colour_alone_does_not_tell_the_class(scenes: Scenes) -> None:
    """The commonest class of each colour, learnt from half of the scenes, finds little in the others."""
    photographs, ids = scenes
    colours = (photographs.astype(np.int64) >> 4) @ np.array([256, 16, 1])
    counts = np.zeros((4096, len(CITYSCAPES)), dtype=np.int64)
    seen = ids[:10] != VOID
    np.add.at(counts, (colours[:10][seen], ids[:10][seen]), 1)
    guessed, true = counts.argmax(axis=1)[colours[10:]], ids[10:]
    unions = [((guessed == k) & (true != VOID)) | (true == k) for k in range(len(CITYSCAPES))]
    scores = [((guessed == k) & (true == k)).sum() / unions[k].sum() for k in np.unique(true[true != VOID]).tolist()]
    assert np.mean(scores) < 0.25


@pytest.mark.parametrize("size", [(15, 64), (64, 15)])
def test_too_small_pictures_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="16"):
        draw_street(0, 0, *size)
    with pytest.raises(UserError, match="16"):
        write_streets(tmp_path / "new", size=size, train_pairs=1, val_pairs=1, seed=0)
    assert not (tmp_path / "new").exists()


def test_the_files_hold_photograph_and_exact_colours(written: Path) -> None:
    names = sorted(str(path.relative_to(written).as_posix()) for path in written.rglob("*") if path.is_file())
    assert names == ["train/0000.png", "train/0001.png", "train/0002.png", "val/0000.png", "val/0001.png"]
    for name in names:
        photograph, target = _halves(written / name)
        assert photograph.shape == target.shape == (48, 64, 3)
        np.testing.assert_array_equal(CITYSCAPES.to_colours(CITYSCAPES.to_ids(target)), target)


def test_the_splits_share_no_scene(written: Path) -> None:
    targets = {_halves(path)[1].tobytes() for path in written.rglob("*.png")}
    assert len(targets) == 5


def test_another_run_writes_the_same_pictures(written: Path, tmp_path: Path) -> None:
    write_streets(str(tmp_path), size=(48, 64), train_pairs=1, val_pairs=2, seed=5)
    for name in ("train/0000.png", "val/0001.png"):
        assert (tmp_path / name).read_bytes() == (written / name).read_bytes()


def test_a_folder_with_files_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UserError, match="already holds files"):
        write_streets(tmp_path, size=(32, 32), train_pairs=1, val_pairs=1, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("keep")
    with pytest.raises(UserError, match="already holds files"):
        write_streets(tmp_path / "taken", size=(32, 32), train_pairs=1, val_pairs=1, seed=0)


@pytest.mark.parametrize(("train", "val", "seed"), [(0, 1, 0), (1, 0, 0), (1, 1, -1)])
def test_impossible_numbers_are_refused(train: int, val: int, seed: int, tmp_path: Path) -> None:
    with pytest.raises(UserError):
        write_streets(tmp_path / "new", size=(32, 32), train_pairs=train, val_pairs=val, seed=seed)
    assert not (tmp_path / "new").exists()
