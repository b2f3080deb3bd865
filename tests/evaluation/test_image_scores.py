"""The scores of each image alone."""

import csv
from pathlib import Path

import numpy as np
import pytest

import pairloom
from pairloom.cli import main
from pairloom.evaluation.image_scores import image_scores, write_image_scores
from pairloom.evaluation.metrics import Scores, score
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.palette import CAMVID
from trained import TinyRun

RNG = np.random.default_rng(0)


def test_each_row_has_the_scores_of_its_image_alone() -> None:
    maps = [RNG.integers(0, 11, (2, 8, 8), dtype=np.uint8) for _ in range(4)]
    named = [(str(number), prediction, truth) for number, (prediction, truth) in enumerate(maps)]
    table = image_scores(score(named, CAMVID, "val"), by_class=True)
    assert table.columns[:3] == ["mean IoU", "pixel accuracy", "IoU sky"]
    for name, row, pair in zip(table.names, table.rows, named, strict=True):
        alone = score([pair], CAMVID, "val").to_record()
        assert name == pair[0]
        assert row == pytest.approx([alone["mean_iou"], alone["pixel_accuracy"], *alone["per_class"].values()])


def test_the_file_has_the_worst_image_first_and_leaves_out_what_is_no_number(tmp_path: Path) -> None:
    scores = PictureScores(
        "val",
        ("good", 'bad, "worse"', "small"),
        l1=(0.1, 0.3, 0.2),
        psnr=(float("inf"), 9.5, 12.25),
        ssim=(0.9, 0.5, float("nan")),
    )
    write_image_scores(tmp_path / "images.csv", scores)
    with (tmp_path / "images.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["image", "L1", "PSNR in dB", "SSIM"],
        ['bad, "worse"', "0.3", "9.5", "0.5"],
        ["small", "0.2", "12.25", ""],
        ["good", "0.1", "inf", "0.9"],
    ]


def test_evaluate_writes_them(tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "images.csv"
    assert main(["evaluate", str(tiny_run.path), "--csv", str(path)]) == 0
    assert f"Scores of each image: {path}" in capsys.readouterr().out
    scores = pairloom.evaluate(tiny_run.path)
    assert isinstance(scores, Scores)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [scores.pairs[index] for index in np.argsort(scores.qualities)]
    assert [float(row["mean IoU"]) for row in rows] == pytest.approx(sorted(scores.qualities), rel=1e-5)


def test_a_place_that_cannot_be_written_is_refused_before_anything_is_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place, complaint in ((tmp_path, "is a folder"), (tmp_path / "none" / "x.csv", "its folder does not exist")):
        assert main(["evaluate", "no-run", "--csv", str(place)]) == 2
        assert complaint in capsys.readouterr().err
