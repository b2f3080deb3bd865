"""Scoring a model on pairs."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pairloom.api import evaluate
from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.data.pairs import Pair
from pairloom.errors import UserError
from pairloom.evaluation.metrics import Scores, score
from pairloom.evaluation.picture_metrics import score_pictures
from pairloom.evaluation.scoring import joined_scores, score_model
from pairloom.images import Values
from pairloom.inference.translator import Translator
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID, CITYSCAPES
from pairloom.settings import load_experiment
from pairloom.training_run import train

RNG = np.random.default_rng(0)


@pytest.fixture
def model() -> TranslationModel:
    experiment = load_experiment(settings={"size": 32, "model.width": 4, "model.encoder": "none"}).resolved()
    torch.manual_seed(0)
    return TranslationModel.build(
        experiment.model, ImageSpec(3), ImageSpec(3, palette=CAMVID), Size(32, 32), torch.device("cpu")
    )


@pytest.fixture
def pairs() -> list[Pair]:
    photograph = RNG.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return [Pair("pair", photograph, RNG.integers(0, 11, (64, 96), dtype=np.uint8))]


def test_at_the_models_size_targets_are_brought_there(model: TranslationModel, pairs: list[Pair]) -> None:
    small = pairs[0].resized(Size(32, 32))
    expected = score([("pair", model.predict(small.source), small.target)], CAMVID, "val")
    assert score_model(model, pairs, 1, "val").to_record() == expected.to_record()
    assert score_model(model, [small], 1, "val").to_record() == expected.to_record()


def test_at_native_size_is_scored_what_users_get(model: TranslationModel, pairs: list[Pair]) -> None:
    translation = Translator(model)(pairs[0].source)
    assert translation.classes is not None
    expected = score([("pair", translation.classes, pairs[0].target)], CAMVID, "val").to_record()
    assert score_model(model, pairs, 1, "val", at="native").to_record() == expected


def test_data_with_other_classes_is_refused(model: TranslationModel, camvid_like: Path, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model", about={})
    assert evaluate(tmp_path / "model", camvid_like).to_record()["pairs"] == 2
    target = ImageSpec(3, palette=CITYSCAPES)
    other = TranslationModel.build(model.config, ImageSpec(3), target, model.size, torch.device("cpu"))
    save_model(other, tmp_path / "other", about={})
    with pytest.raises(UserError, match=r"cityscapes.*camvid"):
        evaluate(tmp_path / "other", camvid_like)


@pytest.mark.slow
def test_evaluation_gives_the_scores_that_training_validated(streets: Path, tmp_path: Path) -> None:
    for preset in ("seed", "recommended"):
        run = tmp_path / preset
        settings: dict[str, object] = {"size": 32, "model.width": 4, "model.encoder": "none", "epochs": 2}
        result = train(streets, run, preset=preset, settings=settings, log=lambda _line: None)
        assert evaluate(run).to_record() == result.record["validation"]
        assert evaluate(run / "model").to_record() == result.record["validation"]
        shutil.copytree(run / "model", tmp_path / f"{preset} alone")
        assert evaluate(tmp_path / f"{preset} alone", streets).to_record() == result.record["validation"]
        with pytest.raises(UserError, match="does not store its data; name DATA"):
            evaluate(tmp_path / f"{preset} alone")


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_scores_taken_apart_are_those_of_all_pairs(processes: int) -> None:
    rng = np.random.default_rng(0)
    maps = [(f"{index}", *rng.integers(0, 11, (2, 6, 6), dtype=np.uint8)) for index in range(5)]
    pictures = [(f"{index}", *rng.integers(0, 256, (2, 12, 12, 3), dtype=np.uint8)) for index in range(5)]
    parts = [score(maps[rank::processes], CAMVID, "val") for rank in range(processes)]
    together, whole = joined_scores(parts), score(maps, CAMVID, "val")
    assert isinstance(together, Scores)
    assert together.pairs == whole.pairs
    np.testing.assert_array_equal(together.confusions, whole.confusions)
    picture_parts = [score_pictures(pictures[rank::processes], "val") for rank in range(processes)]
    assert joined_scores(picture_parts) == score_pictures(pictures, "val")


def test_pictures_are_scored_by_their_range_in_true_numbers() -> None:
    truth = np.full((16, 16, 1), 1000, dtype=np.uint16)
    prediction = np.full((16, 16, 1), 1450, dtype=np.uint16)
    depth = Values((400.0, 4900.0))
    scores = score_pictures([("a", prediction, truth)], "val", depth)
    assert scores.l1 == pytest.approx([0.1])
    assert scores.psnr == pytest.approx([20])
    # What lies beyond the range is counted as it is, though no answer can reach it.
    truth[:4] = 9400
    prediction[:4] = 4900
    assert score_pictures([("a", prediction, truth)], "val", depth).l1 == pytest.approx([0.25 * 1 + 0.75 * 0.1])
    whole = score_pictures([("a", prediction, truth)], "val")
    assert whole.l1 == pytest.approx([(0.25 * 4500 + 0.75 * 450) / 65535])


@pytest.mark.parametrize(("dtype", "number"), [("uint16", 0), ("float32", -9999), ("float32", np.nan)])
def test_pixels_without_a_reading_are_not_scored(dtype: str, number: float) -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(400, 4900, (32, 40, 1)).astype(dtype)
    prediction = (truth + 200).astype(dtype)
    values = Values((400.0, 4900.0), None if np.isnan(number) else number)
    whole = score_pictures([("a", prediction, truth)], "val", values)
    holes = truth.copy()
    holes[5:20, 10:] = number
    other = prediction.copy()
    other[5:20, 10:] = 4000  # whatever is answered there
    for answer in (prediction, other):
        scores = score_pictures([("a", answer, holes)], "val", values)
        assert scores.l1 == pytest.approx(whole.l1, rel=1e-5)
        assert scores.psnr == pytest.approx(whole.psnr, rel=1e-5)
        assert scores.ssim[0] == pytest.approx(whole.ssim[0], abs=0.05)
    empty = score_pictures([("a", prediction, np.full_like(truth, number))], "val", values)
    assert np.isnan(empty.l1).all()
    assert empty.to_record() == {"split": "val", "pairs": 1, "l1": None, "psnr": None, "ssim": None}
