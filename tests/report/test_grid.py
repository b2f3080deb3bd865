"""The grid of a run."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairloom.data.image_spec import ImageSpec
from pairloom.data.pairs import Pair
from pairloom.evaluation.history import EpochRecord
from pairloom.images import read_picture, write_picture
from pairloom.palette import CAMVID
from pairloom.report.grid import chosen_epochs, draw_grid, drawn_epochs
from pairloom.run import RunFolder


@given(epochs=st.lists(st.integers(1, 500), min_size=1, max_size=20, unique=True).map(sorted))
def test_the_grid_shows_the_first_the_last_and_at_most_one_between(epochs: list[int]) -> None:
    chosen = chosen_epochs(epochs)
    assert chosen == sorted(set(chosen))
    assert len(chosen) == min(3, len(epochs))
    assert {epochs[0], epochs[-1]} <= set(chosen) <= set(epochs)


def test_the_originals_run_shows_the_originals_columns() -> None:
    assert chosen_epochs([10, 20, 30, 40, 50, 60, 70]) == [10, 40, 70]


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run with two snapshots of one sample pair, each in one colour."""
    run = RunFolder(tmp_path)
    run.report.mkdir()
    for epoch, colour in ((10, (250, 10, 20)), (20, (30, 240, 10))):
        write_picture(run.samples(epoch) / "pair.png", np.full((32, 32, 3), colour, dtype=np.uint8))
    return run


def _record(epoch: int, mean_iou: float) -> EpochRecord:
    return {
        "epoch": epoch,
        "step": epoch,
        "seconds": {"steps": 1.0},
        "learning_rate": 1e-3,
        "losses": {"discriminator_real": 0.5, "adversarial": 2.0},
        "validation": {
            "split": "val",
            "pairs": 1,
            "pixel_accuracy": 0.5,
            "class_accuracy": None,
            "mean_iou": mean_iou,
            "per_class": dict.fromkeys(CAMVID.names) | {"road": mean_iou},
        },
    }


def test_the_grid_shows_source_translations_and_target_in_order(run: RunFolder) -> None:
    source, target = np.full((32, 32, 3), (10, 20, 230), dtype=np.uint8), np.full((32, 32), 3, dtype=np.uint8)
    draw_grid(
        run,
        [_record(10, 0.2), _record(20, 0.3)],
        [Pair("pair", source, target)],
        ImageSpec(3),
        ImageSpec(3, palette=CAMVID),
    )
    grid = read_picture(run.report / "grid.png")
    places = []
    for colour in ((10, 20, 230), (250, 10, 20), (30, 240, 10), CAMVID.colours[3]):
        _, columns = np.nonzero((grid == colour).all(axis=2))
        assert columns.size > 1000
        places.append(float(columns.mean()))
    assert places == sorted(places)


def test_an_epoch_whose_pictures_are_gone_is_left_out(run: RunFolder) -> None:
    pair = Pair("pair", np.zeros((32, 32, 3), dtype=np.uint8), np.zeros((32, 32), dtype=np.uint8))
    history, side = [_record(10, 0.2), _record(20, 0.3)], ImageSpec(3, palette=CAMVID)
    assert drawn_epochs(run, history, [pair], side) == [10, 20]
    assert drawn_epochs(run, history[:1], [pair], side) == [10]
    run.sample(10, "pair", ".png").unlink()
    assert drawn_epochs(run, history, [pair], side) == [20]
