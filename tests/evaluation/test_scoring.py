"""Scoring a model on pairs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pairloom.api import evaluate, train
from pairloom.config import Size
from pairloom.data.layouts import Pair
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.evaluation.metrics import score
from pairloom.evaluation.scoring import score_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID, CITYSCAPES
from pairloom.settings import load_experiment

RNG = np.random.default_rng(0)


@pytest.fixture
def model() -> TranslationModel:
    experiment = load_experiment(settings={"size": 32, "model.width": 4}).resolved()
    torch.manual_seed(0)
    return TranslationModel.build(experiment.model, CAMVID, Size(32, 32), torch.device("cpu"))


@pytest.fixture
def pairs() -> PairStore:
    photograph = RNG.integers(0, 256, (64, 96, 3), dtype=np.uint8)
    return PairStore([Pair("pair", photograph, RNG.integers(0, 11, (64, 96), dtype=np.uint8))], CAMVID)


def test_at_the_models_size_targets_are_brought_there(model: TranslationModel, pairs: PairStore) -> None:
    small = pairs.resized(Size(32, 32))
    expected = score([(model.predict(small[0].source), small[0].target)], CAMVID, "val")
    assert score_model(model, pairs, "val").to_record() == expected.to_record()
    assert score_model(model, small, "val").to_record() == expected.to_record()


def test_at_native_size_predictions_are_enlarged(model: TranslationModel, pairs: PairStore) -> None:
    prediction = model.predict(pairs.resized(Size(32, 32))[0].source)
    enlarged = prediction.repeat(2, axis=0).repeat(3, axis=1)
    expected = score([(enlarged, pairs[0].target)], CAMVID, "val").to_record()
    assert score_model(model, pairs, "val", at="native").to_record() == expected


def test_data_with_other_classes_is_refused(model: TranslationModel, pairs: PairStore) -> None:
    with pytest.raises(UserError, match=r"camvid.*cityscapes"):
        score_model(model, PairStore([pairs[0]], CITYSCAPES), "val")


def test_evaluation_gives_the_scores_that_training_validated(streets: Path, tmp_path: Path) -> None:
    for preset in ("seed", "recommended"):
        run = tmp_path / preset
        settings: dict[str, object] = {"size": 32, "model.width": 4, "epochs": 2}
        result = train(streets, run, preset=preset, settings=settings, say=lambda _line: None)
        assert evaluate(run).to_record() == result.record["validation"]
        assert evaluate(run / "model", streets).to_record() == result.record["validation"]
        with pytest.raises(UserError, match="name DATA as well"):
            evaluate(run / "model")
