"""A whole run on crops: pairs of any size, seen at a scale of their own; trained, stopped, scored, used, exported."""

import dataclasses
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pairloom
from pairloom.config import Size
from pairloom.errors import UserError
from pairloom.exporters.model_export import export
from pairloom.images import resize_picture
from pairloom.inference.translator import Translator
from pairloom.models import translation
from pairloom.models.devices import choose_device
from pairloom.models.model_folder import load_model, save_model
from pairloom.models.tiles import TiledOutput
from pairloom.models.translation import LARGEST_WHOLE, TILE
from pairloom.streets import draw_street
from pairloom.training_run import resume, train
from random_models import random_model
from trained import ONE_EPOCH
from trees import save

SCALE = 0.6
SETTINGS: Mapping[str, object] = {
    "data.crop": "32x40",
    "data.scale": SCALE,
    "augment.rare": 0.5,
    "data.palette": "camvid",
    "model.width": 4,
    "model.encoder": "none",
    "batch_size": 2,
    "epochs": 2,
    "device": "cpu",
    "optim.decay": "none",
    "train.snapshot_every": 1,
    "train.keep": "last",
}
SIZES = [(60, 90), (40, 40), (120, 30), (70, 200), (33, 50), (90, 60)]


def _quiet(_line: str) -> None:
    pass


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of six sizes; the last two validate."""
    root = tmp_path_factory.mktemp("sizes")
    for index, (height, width) in enumerate(SIZES):
        photograph, ids = draw_street(0, index, height, width)
        split = "train" if index < 4 else "val"
        save(root / split / "images" / f"{index}.png", photograph)
        save(root / split / "masks" / f"{index}.png", np.minimum(ids, 10))
    return root


@pytest.fixture(scope="module")
def run(pairs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, to be looked at only."""
    out = tmp_path_factory.mktemp("crops") / "run"
    train(pairs, out, preset="recommended", settings=SETTINGS, log=_quiet)
    return out


def test_a_run_that_was_stopped_ends_in_the_same_bytes(pairs: Path, run: Path, tmp_path: Path) -> None:
    train(pairs, tmp_path / "run", preset="recommended", settings={**SETTINGS, "epochs": 1}, log=_quiet)
    resume(tmp_path / "run", epochs=2, log=_quiet)
    files = (path / "model" / "model.safetensors" for path in (run, tmp_path / "run"))
    assert next(files).read_bytes() == next(files).read_bytes()


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 90), st.integers(1, 90))
def test_images_are_seen_at_the_scale_and_come_out_at_their_size(run: Path, height: int, width: int) -> None:
    translator, model = Translator.load(run), load_model(run / "model", choose_device("cpu"))
    photograph = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    seen = Size(max(1, round(SCALE * height)), max(1, round(SCALE * width)))
    expected = model.read(model.output(resize_picture(photograph, seen)), Size(height, width)).values
    classes = translator(photograph).classes
    assert classes is not None
    assert np.array_equal(classes, expected)
    assert np.array_equal(model.predict(photograph), expected)


def test_scores_are_those_of_whole_images_at_their_own_size(pairs: Path, run: Path) -> None:
    scores = pairloom.evaluate(run)
    assert isinstance(scores, pairloom.Scores)
    void_free = sum(int(np.prod(size)) for size in SIZES[4:])
    assert scores.confusion.sum() == void_free
    logged = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["validation"]
    assert logged == scores.to_record()
    assert pairloom.evaluate(run, at="native").to_record() == scores.to_record()


def test_a_comparison_has_no_common_size(pairs: Path, run: Path, tmp_path: Path) -> None:
    train(pairs, tmp_path / "fixed", preset="recommended", settings={**ONE_EPOCH, "data.palette": "camvid"}, log=_quiet)
    page = tmp_path / "page.html"
    assert pairloom.compare([run, tmp_path / "fixed"], page=page).at == "native"
    assert "0.6 times their own size" in page.read_text(encoding="utf-8")
    with pytest.raises(UserError, match="--at native"):
        pairloom.compare([run, tmp_path / "fixed"], at="size")


def test_the_report_and_the_card_tell_the_scale(run: Path) -> None:
    assert "at 0.6 times their own size" in (run / "report" / "index.html").read_text(encoding="utf-8")
    card = (run / "model" / "README.md").read_text(encoding="utf-8")
    assert "The network input is the image at 0.6 times their own size" in card.replace("\n", " ")


def test_an_onnx_file_keeps_the_scale(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "model.onnx", "onnx", log=_quiet)
    photograph = draw_street(0, 9, 70, 110)[0]
    first, second = (Translator.load(path)(photograph).classes for path in (run, tmp_path / "model.onnx"))
    assert first is not None
    assert second is not None
    assert np.mean(first == second) > 0.999


@pytest.mark.parametrize("scale", [0, -1, "0.5", True, [1], 1e9])
def test_a_scale_that_is_none_is_refused(run: Path, tmp_path: Path, scale: object) -> None:
    folder = tmp_path / "model"
    shutil.copytree(run / "model", folder)
    description = json.loads((folder / "config.json").read_text())
    assert (description["format"], description["scale"]) == (3, SCALE)  # earlier versions would overlook it
    (folder / "config.json").write_text(json.dumps({**description, "scale": scale}))
    with pytest.raises(UserError, match="its scale is"):
        load_model(folder, choose_device("cpu"))


def test_a_model_of_one_size_is_saved_as_before(tmp_path: Path) -> None:
    save_model(random_model(), tmp_path / "model", about={})
    description = json.loads((tmp_path / "model" / "config.json").read_text())
    assert description["format"] == 2
    assert "scale" not in description


def test_what_is_very_large_is_cut_into_tiles_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    cut: list[int] = []

    class Watched(TiledOutput):
        def __init__(self, *words: Any) -> None:
            cut.append(words[-1])
            super().__init__(*words)

    monkeypatch.setattr(translation, "TiledOutput", Watched)
    model = random_model(norm="none", scale=1.0)
    large = np.random.default_rng(0).integers(0, 256, (1100, 1000, 3), dtype=np.uint8)
    assert large.shape[0] * large.shape[1] > LARGEST_WHOLE
    whole = dataclasses.replace(model, scale=None).output(large)
    assert model.output(large[:900, :900]).shape[2:] == (900, 900)
    assert cut == []
    tiled = model.output(large)
    assert cut == [TILE]
    assert (tiled.argmax(1) == whole.argmax(1)).float().mean() > 0.99
    assert (model.predict(large) == whole.argmax(1)[0].numpy()).mean() > 0.99


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"data.scale": 0.5}, "data.scale needs data.crop"),
        ({"data.crop": 16}, "data.crop 16 is too small"),
        ({"data.crop": 64, "data.scale": 0}, "data.scale must be above 0"),
        ({"data.crop": 64, "data.scale": 5}, "data.scale must be above 0, at most 4"),
        ({"data.crop": 64, "model.depth": "full"}, "works at any size"),
        ({"data.crop": 32, "model.depth": 5}, "cannot be downsampled 5 times"),
        ({"data.crop": 64, "model.inference": "train"}, "works at any size"),
        ({"data.crop": 64, "augment.rare": 1.5}, "augment.rare"),
    ],
)
def test_settings_that_crops_cannot_have_are_refused(changes: Mapping[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        pairloom.load_experiment("recommended", settings=changes)
