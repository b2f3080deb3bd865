"""A whole run with a pretrained encoder: trained, stopped, used, exported."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pairloom.errors import UserError
from pairloom.exporters.model_export import export
from pairloom.inference.options import TranslateOptions
from pairloom.inference.translator import Translator
from pairloom.models.efficientnet_lite import EfficientNetLite0
from pairloom.training_run import resume, train
from trained import TWO_EPOCHS


def _quiet(_line: str) -> None:
    pass


def _weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model/model.safetensors")


@pytest.fixture(scope="module")
def pretrained_run(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the preset `recommended`, to be looked at only."""
    out = tmp_path_factory.mktemp("pretrained") / "run"
    train(streets, out, preset="recommended", settings=TWO_EPOCHS, log=_quiet)
    return out


def test_the_encoder_begins_at_imagenet_and_is_trained(pretrained_run: Path) -> None:
    encoder = EfficientNetLite0()
    encoder.load_pretrained()
    own = {name: tensor for name, tensor in _weights(pretrained_run).items() if name.startswith("bottleneck")}
    began = {f"bottleneck.{name}": tensor for name, tensor in encoder.levels[-1].state_dict().items()}
    assert own.keys() == began.keys()
    for name, tensor in own.items():
        assert torch.allclose(tensor, began[name], atol=0.02), "a few steps change little"
    changed = {name for name, tensor in own.items() if not torch.equal(tensor, began[name])}
    assert changed == {name for name in own if not name.endswith(("mean", "variance"))}


def test_a_run_that_was_stopped_ends_in_the_same_bytes(streets: Path, pretrained_run: Path, tmp_path: Path) -> None:
    train(streets, tmp_path / "run", preset="recommended", settings={**TWO_EPOCHS, "epochs": 1}, log=_quiet)
    resume(tmp_path / "run", epochs=2, log=_quiet)
    assert (tmp_path / "run/model/model.safetensors").read_bytes() == (
        pretrained_run / "model/model.safetensors"
    ).read_bytes()


def test_the_model_folder_needs_nothing_but_itself(pretrained_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    photograph = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    translator = Translator.load(pretrained_run)
    assert np.array_equal(translator(photograph).image, translator(photograph).image)
    whole, tiled = (
        Translator.load(pretrained_run, options=TranslateOptions(scale=4, tile=tile))(photograph).classes
        for tile in (None, 128)
    )
    assert whole is not None
    assert tiled is not None
    assert np.mean(whole == tiled) > 0.99


def test_its_card_tells_where_the_encoder_comes_from(pretrained_run: Path) -> None:
    card = (pretrained_run / "model/README.md").read_text(encoding="utf-8")
    assert "U-Net of width 4 on the encoder efficientnet" in card
    assert "Its encoder began with the weights of EfficientNet" in card
    assert "Apache" in card


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torch"])
def test_an_export_agrees(pretrained_run: Path, kind: str, tmp_path: Path) -> None:
    exported = export(pretrained_run, tmp_path / "export", kind, log=_quiet)
    assert (exported.parity.agreement or 0) > 0.999


def test_missing_weights_are_told_before_a_folder_is_made(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match=r"--model\.encoder none"):
        train(streets, tmp_path / "run", preset="recommended", settings=TWO_EPOCHS, log=_quiet)
    assert not (tmp_path / "run").exists()
