"""Targets in several files: which class uncovered pixels are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairloom.config import DataConfig
from pairloom.data.folder import PairFolder
from pairloom.errors import UserError
from pairloom.palette import VOID

SIDE = 16


def _write(root: Path, classes: tuple[str, ...], *, uncovered: bool) -> None:
    """Write photographs with a mask per class: bands one below the other, of which the last may be in no mask."""
    rng = np.random.default_rng(0)
    bands = len(classes) + uncovered
    for number in range(6):
        (root / "images").mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(root / f"images/{number}.png")
        band = np.repeat(np.arange(SIDE)[:, None] * bands // SIDE, SIDE, axis=1)
        for index, name in enumerate(classes):
            path = root / "masks" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(((band == index) * 255).astype(np.uint8)).save(path)


def _read(root: Path, background: str = "class") -> tuple[tuple[str, ...], np.ndarray]:
    folder = PairFolder.open(DataConfig(root=str(root), background=background))  # type: ignore[arg-type]
    assert folder.palette is not None
    return folder.palette.names, folder.read(folder.listing("train").pairs[0]).target


def test_uncovered_pixels_are_a_class(tmp_path: Path) -> None:
    _write(tmp_path, ("car", "road"), uncovered=True)
    names, ids = _read(tmp_path)
    assert names == ("background", "car", "road")
    assert [names[ids[row, 0]] for row in (0, SIDE // 2, SIDE - 1)] == ["car", "road", "background"]


def test_uncovered_pixels_may_be_void(tmp_path: Path) -> None:
    _write(tmp_path, ("car", "road"), uncovered=True)
    names, ids = _read(tmp_path, "void")
    assert names == ("car", "road")
    assert ids[SIDE - 1, 0] == VOID


def test_where_the_masks_cover_all_there_is_no_background(tmp_path: Path) -> None:
    _write(tmp_path, ("car", "road"), uncovered=False)
    names, ids = _read(tmp_path)
    assert names == ("car", "road")
    assert set(np.unique(ids)) == {0, 1}


def test_a_mask_of_the_background_is_the_background(tmp_path: Path) -> None:
    _write(tmp_path, ("background", "car"), uncovered=True)
    names, ids = _read(tmp_path)
    assert names == ("background", "car")
    assert ids[SIDE - 1, 0] == names.index("background")


def test_a_palette_of_another_number_of_classes_is_refused(tmp_path: Path) -> None:
    _write(tmp_path, ("car", "road"), uncovered=True)
    with pytest.raises(UserError, match="has 19 classes, and the masks have 2"):
        PairFolder.open(DataConfig(root=str(tmp_path), palette="cityscapes"))
