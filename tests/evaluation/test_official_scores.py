"""Scores at native size with the 19 classes equal those of the official scripts of Cityscapes."""

from pathlib import Path

import numpy as np
import pytest
from cityscapesscripts.evaluation import evalPixelLevelSemanticLabeling as official  # noqa: N813 (a module)
from PIL import Image

from pairloom.api import evaluate
from pairloom.evaluation.metrics import Scores
from pairloom.inference.translator import Translator
from pairloom.palette import CITYSCAPES
from pairloom.training_run import train
from trees import cityscapes


def test_native_scores_equal_cityscapes_scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    cityscapes(data)
    settings: dict[str, object] = {"size": 64, "model.width": 8, "epochs": 6, "optim.learning_rate": 2e-3}
    train(data, run, settings=settings, log=lambda _line: None)
    translator = Translator.load(run)
    truths, predictions = [], []
    label_ids = np.array(CITYSCAPES.values, dtype=np.uint8)
    for truth in sorted((data / "gtFine" / "val").glob("*/*_labelIds.png")):
        name = truth.name.replace("_gtFine_labelIds", "_leftImg8bit")
        classes = translator(data / "leftImg8bit" / "val" / truth.parent.name / name).classes
        assert classes is not None
        path = tmp_path / f"{truth.stem}_prediction.png"
        Image.fromarray(label_ids[classes]).save(path)
        truths.append(str(truth))
        predictions.append(str(path))
    monkeypatch.setattr(official.args, "evalInstLevelScore", False)
    monkeypatch.setattr(official.args, "JSONOutput", False)
    monkeypatch.setattr(official.args, "quiet", True)
    expected = official.evaluateImgLists(predictions, truths, official.args)
    scores = evaluate(run, at="native")
    assert isinstance(scores, Scores)
    record = scores.to_record()
    found = {name: np.nan if iou is None else iou for name, iou in record["per_class"].items()}
    assert len({name for name, iou in found.items() if iou > 0}) >= 3, "a score of nothing would equal anything"
    for name, iou in found.items():
        np.testing.assert_allclose(iou, expected["classScores"][name], rtol=1e-9, err_msg=name)
    assert record["mean_iou"] == pytest.approx(expected["averageScoreClasses"])
