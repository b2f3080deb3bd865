"""Deep supervision: a second output at a quarter of the sides, which only training knows."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.models.generator import EncoderDecoder, Generator
from pairloom.palette import CAMVID
from pairloom.settings import load_experiment
from pairloom.training.coarse_output import CoarseOutput
from pairloom.training_run import resume, train
from random_models import random_model

SMALL: Mapping[str, object] = {
    "size": 32,
    "model.width": 4,
    "model.encoder": "none",
    "batch_size": 2,
    "epochs": 2,
    "device": "cpu",
    "loss.deep_supervision": 0.4,
    "optim.decay": "none",
    "train.keep": "last",
}


def _quiet(_line: str) -> None:
    pass


def _train(streets: Path, out: Path, **changes: object) -> Path:
    train(streets, out, preset="recommended", settings={**SMALL, **changes}, log=_quiet)
    return out


def _losses(run: Path) -> list[dict[str, float]]:
    return [json.loads(line)["losses"] for line in (run / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("encoder", ["none", "efficientnet-lite0"])
@pytest.mark.parametrize("depth", [2, 3, 5])
def test_it_has_a_quarter_of_the_sides_and_teaches_the_blocks_before_it(encoder: str, depth: int) -> None:
    generator = random_model(encoder=encoder, depth=depth, size="64").generator
    assert isinstance(generator, EncoderDecoder)
    coarse = CoarseOutput(generator, len(CAMVID))
    generator.train()
    generator(torch.rand(2, 3, 64, 96) * 2 - 1)
    logits = coarse()
    side = 2 if encoder == "none" and depth == 2 else 4  # so shallow a decoder begins at half of the sides
    assert logits.shape == (2, len(CAMVID), 64 // side, 96 // side)
    logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in generator.bottleneck.parameters())
    assert all(parameter.grad is None for parameter in generator.head.parameters())


def test_it_is_of_the_last_pass_and_of_none_that_is_not_trained_on() -> None:
    generator = random_model().generator
    assert isinstance(generator, EncoderDecoder)
    coarse = CoarseOutput(generator, 3)
    source = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        generator(source)
    with pytest.raises(RuntimeError, match="no pass"):
        coarse()
    generator(source)
    coarse()
    with pytest.raises(RuntimeError, match="no pass"):
        coarse()


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_run_that_was_stopped_ends_in_the_same_bytes_and_its_model_has_no_second_output(
    streets: Path, tmp_path: Path, ema: float
) -> None:
    run = _train(streets, tmp_path / "run", **{"optim.ema": ema})
    _train(streets, tmp_path / "stopped", **{"optim.ema": ema, "epochs": 1})
    resume(tmp_path / "stopped", epochs=2, log=_quiet)
    model = "model/model.safetensors"
    assert (run / model).read_bytes() == (tmp_path / "stopped" / model).read_bytes()
    expected = random_model(target=ImageSpec(3, palette=CAMVID), size="32").generator.state_dict()
    assert load_file(run / model).keys() == expected.keys()
    assert all(losses["coarse_cross_entropy"] > 0 and losses["coarse_lovasz"] > 0 for losses in _losses(run))


def test_it_changes_what_is_learned_and_is_counted_at_its_weight(streets: Path, tmp_path: Path) -> None:
    weights = {
        weight: load_file(
            _train(streets, tmp_path / str(weight), epochs=1, **{"loss.deep_supervision": weight})
            / "model/model.safetensors"
        )
        for weight in (0.0, 1e-12, 0.4)
    }
    assert "coarse_cross_entropy" not in _losses(tmp_path / "0.0")[0]
    name = "bottleneck.0.weight"
    assert torch.allclose(weights[0.0][name], weights[1e-12][name], atol=1e-6)
    assert not torch.allclose(weights[0.0][name], weights[0.4][name], atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        {"train.precision": "bf16-mixed"},
        {"train.checkpoint_activations": True},
        {"train.accumulate": 2},
        {"loss.adversarial_weight": 0.1},
        {"loss.adversarial_weight": 0.1, "train.update": "separate", "train.accumulate": 2},
    ],
)
def test_it_goes_with_the_other_ways_to_train(streets: Path, tmp_path: Path, changes: Mapping[str, object]) -> None:
    losses = _losses(_train(streets, tmp_path / "run", epochs=1, **changes))[0]
    plain = _losses(_train(streets, tmp_path / "plain", epochs=1))[0]
    for name in ("coarse_cross_entropy", "coarse_lovasz"):
        assert losses[name] == pytest.approx(plain[name], rel=0.02)


@pytest.mark.parametrize("setting", [{"loss.deep_supervision": 0.4}, {"train.checkpoint_activations": True}])
def test_a_generator_without_a_decoder_is_refused(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: Mapping[str, object]
) -> None:
    class Pointwise(Generator):
        stride = 1

        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, len(CAMVID), kernel_size=1)

        def forward(self, source: Tensor) -> Tensor:
            logits: Tensor = self.layer(source)
            return logits

    monkeypatch.setattr("pairloom.models.translation.build_generator", lambda *_: Pointwise())
    with pytest.raises(UserError, match=f"{next(iter(setting))} cannot be had with Pointwise"):
        _train(streets, tmp_path / "run", **{"loss.deep_supervision": 0.0, **setting})


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"loss.deep_supervision": -1}, "loss.deep_supervision must be"),
        ({"loss.cross_entropy": 0, "loss.lovasz": 0}, "every weight of the loss is 0"),
        ({"model.head": "rgb", "loss.cross_entropy": 0, "loss.lovasz": 0, "loss.l1": 1}, "need class logits"),
        ({"loss.adversarial_weight": 0.1, "train.accumulate": 2}, "cannot be had with train.accumulate"),
    ],
)
def test_settings_that_it_cannot_have_are_refused(changes: Mapping[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        load_experiment("recommended", settings={**SMALL, **changes})
