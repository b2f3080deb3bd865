"""One training step: who is updated, by what, and that its numbers do not drift."""

import dataclasses
import gc
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam
from torch.optim.optimizer import Optimizer

from pairloom.config import Experiment, Size
from pairloom.data.image_spec import ImageSpec
from pairloom.images import Values
from pairloom.models.translation import TranslationModel, build_discriminator
from pairloom.palette import CAMVID, VOID
from pairloom.settings import load_experiment
from pairloom.training.optimizers import backward
from pairloom.training.step import TrainingStep

GOLDEN = Path(__file__).with_name("golden_losses.json")
CPU = torch.device("cpu")
PRESETS = ("seed", "defaults")
SOURCE, TARGET = ImageSpec(3), ImageSpec(3, palette=CAMVID)


def _experiment(preset: str, **settings: object) -> Experiment:
    small = {"size": 32, "model.width": 4, "model.encoder": "none", **settings}
    return load_experiment(None if preset == "defaults" else preset, settings=small).resolved()


def _step(experiment: Experiment, target: ImageSpec = TARGET) -> TrainingStep:
    torch.manual_seed(0)
    model = TranslationModel.build(experiment.model, SOURCE, target, Size(32, 32), CPU)
    discriminator = build_discriminator(experiment.model, SOURCE, target)
    optim = experiment.optim

    def build_optimizer(network: nn.Module) -> Adam:
        return Adam(network.parameters(), optim.learning_rate, (optim.beta1, optim.beta2), optim.epsilon)

    return TrainingStep(
        model.generator,
        discriminator,
        build_optimizer(model.generator),
        build_optimizer(discriminator),
        experiment.loss,
        model.head,
        experiment.train.update,
    )


def _batch(index: int) -> tuple[Tensor, Tensor]:
    """A pair that depends on nothing but arithmetic: waves, and classes that follow them."""
    rows, columns = np.mgrid[0:32, 0:32]
    waves = [np.sin(rows / (3 + index % 5) + channel) * np.cos(columns / (4 + index % 3)) for channel in range(3)]
    target = ((waves[0] + 1) * 5.49).astype(np.uint8)
    target[:, :2] = VOID
    source = torch.from_numpy(np.stack(waves)).float().unsqueeze(0)
    return source, torch.from_numpy(target).unsqueeze(0)


def _state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def _same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("update", ["joint", "separate"])
def test_each_network_changes_at_its_own_update_only(preset: str, update: str) -> None:
    step = _step(_experiment(preset, **{"train.update": update, "model.norm": "batch"}))
    generator, discriminator = step.generator, step.discriminator
    seen: list[tuple[str, dict[str, Tensor], dict[str, Tensor]]] = []

    def note(name: str) -> None:
        seen.append((name, _state(generator), _state(discriminator)))

    optimizers: dict[str, Optimizer] = {"D": step.discriminator_optimizer, "G": step.generator_optimizer}
    for name, optimizer in optimizers.items():
        optimizer.register_step_pre_hook(lambda *_, name=name: note(f"before {name}"))
        optimizer.register_step_post_hook(lambda *_, name=name: note(f"after {name}"))
    step(*_batch(0))
    note("end")

    updates = ["D", "D", "G"] if update == "separate" else ["D", "G"]
    assert [name for name, _, _ in seen] == [f"{when} {who}" for who in updates for when in ("before", "after")] + [
        "end"
    ]
    parameters = dict(generator.named_parameters()).keys()
    for (_, g_before, d_before), (name, g_after, d_after) in pairwise(seen):
        if name == "after D":
            assert _same(g_before, g_after)
            assert not _same(d_before, d_after)
        elif name == "after G":
            assert _same(d_before, d_after)
            assert not _same(g_before, g_after)
        elif name == "before G":
            # The discriminator is held fixed, statistics included; the generator's pass records its own alone.
            assert _same(d_before, d_after)
            assert all(torch.equal(g_before[key], g_after[key]) for key in parameters)
        elif name == "before D":
            # Pictures made to train the discriminator leave the generator, statistics included, as it was.
            assert _same(g_before, g_after)


def test_the_generators_update_leaves_no_gradient_in_the_discriminator() -> None:
    step = _step(_experiment("seed"))
    step.discriminator_optimizer.register_step_post_hook(lambda *_: step.discriminator_optimizer.zero_grad())
    step(*_batch(0))
    assert all(parameter.grad is None for parameter in step.discriminator.parameters())


def test_the_generator_follows_the_weighted_sum_of_its_terms() -> None:
    """With plain gradient descent the change is the gradient, so it must add up over the terms."""
    weights = {"loss.adversarial_weight": 0.5, "loss.l1": 3.0, "loss.cross_entropy": 2.0, "loss.lovasz": 4.0}

    def change(**chosen: float) -> Tensor:
        off = dict.fromkeys(weights, 0.0)
        experiment = _experiment("defaults", **{**off, **chosen})
        step = _step(experiment)
        before = torch.cat([parameter.detach().flatten().clone() for parameter in step.generator.parameters()])
        plain = TrainingStep(
            step.generator,
            step.discriminator,
            SGD(step.generator.parameters(), 1.0),
            SGD(step.discriminator.parameters(), 0.0),
            step.loss,
            step.head,
            step.update,
        )
        plain(*_batch(0))
        return torch.cat([parameter.detach().flatten() for parameter in step.generator.parameters()]) - before

    terms = [change(**{name: weight}) for name, weight in weights.items()]
    assert all(term.abs().sum() > 0 for term in terms)
    assert torch.allclose(change(**weights), sum(terms, torch.zeros_like(terms[0])), atol=1e-5)


def test_the_adversarial_share_is_the_ratio_of_both_gradients_at_the_answer() -> None:
    """Measured apart: each side alone, by the gradient that the generator's last layer passes on."""

    def norm(**weights: float) -> Tensor:
        off = {"loss.adversarial_weight": 0.0, "loss.cross_entropy": 0.0, "loss.lovasz": 0.0, **weights}
        step = _step(_experiment("defaults", **off))
        norms: list[Tensor] = []

        def measure(_network: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
            output.register_hook(lambda gradient: norms.append(gradient.norm()))  # type: ignore[no-untyped-call]

        step.generator.register_forward_hook(measure)
        step(*_batch(0))
        return norms[-1]

    judged = {"loss.adversarial_weight": 0.3}
    compared = {"loss.cross_entropy": 2.0, "loss.lovasz": 4.0}
    share = _step(_experiment("defaults", **judged, **compared))(*_batch(0))["adversarial_share"]
    torch.testing.assert_close(share, norm(**judged) / norm(**compared), rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("preset", ["seed", "defaults"])
def test_steps_leave_nothing_behind(preset: str) -> None:
    step = _step(_experiment(preset))

    def tensors_after(steps: int) -> int:
        for number in range(steps):
            step(*_batch(number))
        gc.collect()
        return sum(issubclass(type(thing), Tensor) for thing in gc.get_objects())

    first = tensors_after(2)
    assert tensors_after(5) == first


def test_without_an_adversarial_term_no_discriminator_is_trained() -> None:
    step = _step(_experiment("defaults", **{"loss.adversarial_weight": 0.0}))
    before = _state(step.discriminator)
    assert step(*_batch(0)).keys() == {"cross_entropy", "lovasz"}
    assert _same(before, step.discriminator.state_dict())


def test_where_the_truth_is_void_nothing_is_learned() -> None:
    step = _step(_experiment("defaults", **{"loss.l1": 1.0}))
    before = _state(step.generator)
    source, target = _batch(0)
    losses = step(source, torch.full_like(target, VOID))
    assert float(losses["cross_entropy"]) == 0
    assert float(losses["l1"]) == 0
    assert all(torch.isfinite(value).all() for value in step.generator.state_dict().values())
    assert _same(before, step.generator.state_dict())


@pytest.mark.parametrize("update", ["joint", "separate"])
def test_where_a_picture_holds_no_reading_nothing_is_learned(update: str) -> None:
    source, _ = _batch(0)
    readings = source[:, :1].clamp(-1, 1)
    holes = readings.masked_fill(torch.rand(readings.shape) < 0.3, torch.nan)
    depth = ImageSpec(1, "uint16", values=Values((400.0, 5000.0), 0.0))
    experiment = _experiment("photo", **{"train.update": update, "loss.mask_void": True})
    step = _step(experiment, depth)
    outputs: list[Tensor] = []
    step.generator.register_forward_hook(lambda _module, _inputs, output: outputs.append(output))
    gradients: list[Tensor] = []

    def follow(loss: Tensor, inputs: list[Tensor]) -> None:
        if inputs[0] is next(iter(step.generator.parameters())):
            gradients.extend(torch.autograd.grad(loss, [outputs[-1]], retain_graph=True))
        backward(loss, inputs)

    losses = dataclasses.replace(step, backward=follow)(source, holes)
    assert all(bool(loss.isfinite().all()) for loss in losses.values())
    (gradient,) = gradients
    assert (gradient[holes.isnan()] == 0).all()
    assert (gradient[~holes.isnan()] != 0).all()


@pytest.mark.parametrize("preset", PRESETS)
def test_twenty_steps_follow_the_golden_loss_curve(preset: str) -> None:
    """To record it anew after an intended change: `python tests/training/test_step.py`."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))[preset]
    for measured, expected in zip(_loss_curve(preset), golden, strict=True):
        assert measured == pytest.approx(expected, rel=2e-3, abs=2e-4)


def _loss_curve(preset: str) -> list[dict[str, float]]:
    step = _step(_experiment(preset))
    curve = []
    for index in range(20):
        torch.manual_seed(index)
        curve.append({name: float(loss) for name, loss in step(*_batch(index)).items()})
    return curve


if __name__ == "__main__":
    curves = {preset: _loss_curve(preset) for preset in PRESETS}
    GOLDEN.write_text(json.dumps(curves, indent=1) + "\n", encoding="utf-8")
