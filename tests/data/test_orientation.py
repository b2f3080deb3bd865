"""Pairs of which one image alone has an EXIF orientation are read right, or refused, and never turned in silence."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from pairloom.cli import main
from pairloom.config import DataConfig
from pairloom.data.check import check_pairs
from pairloom.data.folder import PairFolder
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.images import UInt8Array, exif_orientation, turned_back
from pairloom.images.turning import upright

SIDE = st.integers(1, 9)


def _save(path: Path, image: UInt8Array, orientation: int = 1) -> None:
    """Store an upright image as a camera does that was held so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if orientation != 1:
        exif[0x0112] = orientation
    stored = Image.fromarray(turned_back(image, orientation))
    stored.save(path, exif=exif)


def _scene(index: int, height: int, width: int) -> tuple[UInt8Array, UInt8Array]:
    """A photograph, and the class ids of what it shows."""
    rng = np.random.default_rng(index)
    ids = rng.integers(0, 3, (height // 4, width // 4), dtype=np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    return np.array([(20, 30, 40), (90, 200, 90), (250, 120, 30)], np.uint8)[ids], ids


def _pairs(
    root: Path, photograph: int, mask: int, size: tuple[int, int] = (32, 48), *, drawn_as_stored: bool = False
) -> None:
    for index in range(4):
        picture, ids = _scene(index, *size)
        _save(root / f"images/{index}.png", picture, photograph)
        if drawn_as_stored:
            ids = turned_back(ids, photograph)
        _save(root / f"masks/{index}.png", ids, mask)


def _open(root: Path, exif: str) -> PairFolder:
    return PairFolder.open(DataConfig(str(root), exif=exif, direction="AtoB"))  # type: ignore[arg-type]


@given(npst.arrays(np.uint8, st.tuples(SIDE, SIDE, st.just(3))), st.integers(1, 8))
def test_turning_back_undoes_turning_upright(pixels: UInt8Array, number: int) -> None:
    np.testing.assert_array_equal(turned_back(upright(pixels, number), number), pixels)
    np.testing.assert_array_equal(upright(turned_back(pixels, number), number), pixels)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_the_orientation_is_found_in_the_head(tmp_path: Path, suffix: str) -> None:
    picture, _ = _scene(0, 32, 48)
    for number in range(1, 9):
        _save(tmp_path / f"{number}{suffix}", picture, number)
        assert exif_orientation(tmp_path / f"{number}{suffix}") == number
    (tmp_path / "words.png").write_text("no image")
    np.save(tmp_path / "array.npy", picture)
    assert exif_orientation(tmp_path / "array.npy") == 1
    with pytest.raises(UserError, match="not an image"):
        exif_orientation(tmp_path / "words.png")


@pytest.mark.parametrize("number", [2, 3, 4])
def test_a_half_turn_on_one_side_is_a_problem_by_that_name(tmp_path: Path, number: int) -> None:
    for name, photograph, mask in (("a", number, 1), ("b", 1, number)):
        _pairs(tmp_path / name, photograph, mask)
        result = check_pairs(_open(tmp_path / name, "auto"))
        assert {problem.kind for problem in result.problems} == {"EXIF orientation on one side"}
        assert len(result.problems) == 4
        folder = _open(tmp_path / name, "auto")
        with pytest.raises(UserError, match=rf"the EXIF orientation {number} .*--data.exif apply") as caught:
            folder.read(folder.files("train")[0])
        turned = "images" if photograph != 1 else "masks"
        assert f"/{turned}/" in str(caught.value)


def test_squares_may_be_turned_or_not(tmp_path: Path) -> None:
    _pairs(tmp_path, 6, 1, (32, 32))
    assert len(check_pairs(_open(tmp_path, "auto")).problems) == 4


@pytest.mark.parametrize("number", [5, 6, 7, 8])
def test_a_quarter_turn_shows_in_the_sizes(tmp_path: Path, number: int) -> None:
    _pairs(tmp_path / "upright", number, 1)
    assert check_pairs(_open(tmp_path / "upright", "auto")).problems == []
    _pairs(tmp_path / "stored", number, 1, drawn_as_stored=True)
    problems = check_pairs(_open(tmp_path / "stored", "auto")).problems
    assert [problem.kind for problem in problems] == ["EXIF orientation on one side"] * 4
    assert "their sizes fit as stored only" in problems[0].message


@pytest.mark.parametrize("number", range(1, 9))
def test_both_sides_with_one_orientation_are_turned_together(tmp_path: Path, number: int) -> None:
    _pairs(tmp_path, number, number)
    for exif in ("auto", "apply"):
        folder = _open(tmp_path, exif)
        assert check_pairs(folder).problems == []
        pair = folder.read(folder.files("train")[0])
        picture, ids = _scene(int(pair.name), 32, 48)
        np.testing.assert_array_equal(pair.source, picture)
        np.testing.assert_array_equal(pair.target, ids)


@pytest.mark.parametrize("number", range(2, 9))
@pytest.mark.parametrize("drawn_as_stored", [False, True])
def test_the_setting_says_how_masks_were_drawn(tmp_path: Path, number: int, drawn_as_stored: bool) -> None:
    _pairs(tmp_path, number, 1, drawn_as_stored=drawn_as_stored)
    folder = _open(tmp_path, "ignore" if drawn_as_stored else "apply")
    assert check_pairs(folder).problems == []
    for files in folder.files("train"):
        pair = folder.read(files)
        picture, ids = _scene(int(pair.name), 32, 48)
        shown = turned_back(picture, number) if drawn_as_stored else picture
        np.testing.assert_array_equal(pair.source, shown)
        np.testing.assert_array_equal(pair.target, turned_back(ids, number) if drawn_as_stored else ids)


def test_the_store_tells_the_settings_apart(tmp_path: Path) -> None:
    _pairs(tmp_path, 3, 1)
    upright_pair, stored_pair = (
        PairStore.open(_open(tmp_path, exif), "train", 64)[0].source for exif in ("apply", "ignore")
    )
    np.testing.assert_array_equal(stored_pair, turned_back(upright_pair, 3))
    with pytest.raises(UserError, match="EXIF"):
        PairStore.open(_open(tmp_path, "auto"), "train", 64)


def test_halves_of_a_turned_image_are_not_exchanged(tmp_path: Path) -> None:
    for index in range(4):
        picture, _ = _scene(index, 32, 48)
        other, _ = _scene(index + 50, 32, 48)
        _save(tmp_path / f"train/{index}.png", np.concatenate([picture, other], axis=1), 3)
    settings = {"layout": "side-by-side", "target": "images", "direction": "AtoB"}
    folder = PairFolder.open(DataConfig(str(tmp_path), **settings))  # type: ignore[arg-type]
    assert check_pairs(folder).problems == []
    pair = folder.read(folder.files("train")[0])
    np.testing.assert_array_equal(pair.source, _scene(int(pair.name), 32, 48)[0])
    ignoring = PairFolder.open(DataConfig(str(tmp_path), exif="ignore", **settings))  # type: ignore[arg-type]
    assert len(check_pairs(ignoring).problems) == 4


def test_check_says_exif_and_what_settles_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _pairs(tmp_path, 3, 1)
    assert main(["check", str(tmp_path)]) == 2
    assert "--data.exif ignore" in capsys.readouterr().out
    assert main(["check", str(tmp_path), "--data.exif", "apply"]) == 0
