"""Steps in less memory, by parts or by computing again, are the steps that they stand for."""

import dataclasses
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.models.generator import EncoderDecoder
from pairloom.models.translation import TranslationModel, build_discriminator
from pairloom.palette import CAMVID, VOID
from pairloom.settings import load_experiment
from pairloom.training.optimizers import build_optimizer
from pairloom.training.step import Losses, TrainingStep

PAIRS = 4
SOURCE, TARGET = ImageSpec(3), ImageSpec(3, palette=CAMVID)
SMALL = {"size": 32, "model.width": 4, "model.encoder": "none", "loss.deep_supervision": 0.0}
UNEVEN = {"model.norm": "batch", "model.dropout": 0.4, "model.depth": 5}
"""What tells one pass from two, and one part from another; a network of less depth has no dropout."""
ADVERSARIAL = {"loss.adversarial_weight": 0.5}


def _step(settings: Mapping[str, object], build: Callable[[nn.Module], Optimizer] | None = None) -> TrainingStep:
    chosen = {**SMALL, "batch_size": PAIRS, **settings}
    experiment = load_experiment(settings=chosen).resolved()
    torch.manual_seed(0)
    model = TranslationModel.build(experiment.model, SOURCE, TARGET, Size(32, 32), torch.device("cpu"))
    discriminator = build_discriminator(experiment.model, SOURCE, TARGET)
    assert isinstance(model.generator, EncoderDecoder)
    model.generator.checkpoint_activations = experiment.train.checkpoint_activations
    build = build or (lambda network: build_optimizer(network, experiment.optim))
    return TrainingStep(
        model.generator,
        discriminator,
        build(model.generator),
        build(discriminator),
        experiment.loss,
        model.head,
        experiment.train.update,
        torch.linspace(1, 20, len(CAMVID)),
        experiment.train.accumulate,
    )


def _batch(index: int) -> tuple[Tensor, Tensor]:
    """Pairs of which each has classes of its own, and another share of void."""
    random = torch.Generator().manual_seed(index)
    target = torch.randint(0, len(CAMVID), (PAIRS, 32, 32), generator=random, dtype=torch.uint8)
    for pair in range(PAIRS):
        target[pair, : 8 * pair] = VOID
        target[pair, :, : 8 * pair] = pair
    return torch.rand(PAIRS, 3, 32, 32, generator=random) * 2 - 1, target


def _train(step: TrainingStep, steps: int = 3) -> tuple[list[Losses], dict[str, Tensor]]:
    """Return the losses of some steps, and what the networks are after them."""
    losses = []
    for number in range(steps):
        torch.manual_seed(number)  # of dropout
        losses.append(step(*_batch(number)))
    networks = {"generator": step.generator, "discriminator": step.discriminator}
    return losses, {
        f"{name}.{key}": value for name, network in networks.items() for key, value in network.state_dict().items()
    }


@pytest.mark.parametrize("accumulate", [2, 4])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({}, id="no discriminator"),
        pytest.param({**ADVERSARIAL, "train.update": "joint"}, id="joint"),
        pytest.param({**ADVERSARIAL, "train.update": "separate", "loss.l1": 2.0}, id="separate"),
    ],
)
def test_a_step_in_parts_has_the_gradients_and_losses_of_the_whole_batch(
    settings: dict[str, object], accumulate: int
) -> None:
    """By plain gradient descent, whose change of the weights is the gradient."""

    def change(parts: int) -> tuple[Losses, dict[str, Tensor]]:
        chosen = {**settings, "model.norm": "instance", "train.accumulate": parts}
        step = _step(chosen, lambda network: SGD(network.parameters(), 0.01))
        networks = (step.generator, step.discriminator)
        before = [parameter.detach().clone() for network in networks for parameter in network.parameters()]
        losses = step(*_batch(0))
        after = [parameter.detach() for network in networks for parameter in network.parameters()]
        return losses, {str(index): new - old for index, (new, old) in enumerate(zip(after, before, strict=True))}

    (whole_losses, whole), (losses, parts) = change(1), change(accumulate)
    torch.testing.assert_close(losses, whole_losses, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(parts, whole, rtol=1e-3, atol=1e-6)
    assert sum(bool(gradient.abs().max() > 1e-4) for gradient in whole.values()) > len(whole) / 4


@pytest.mark.parametrize(("update", "updates"), [("joint", ["D", "G"]), ("separate", ["D", "D", "G"])])
def test_each_update_is_one_after_gradients_were_averaged_once(update: str, updates: list[str]) -> None:
    step = _step({**ADVERSARIAL, "train.update": update, "train.accumulate": 2})
    made: list[str] = []
    names = {id(next(step.generator.parameters())): "G", id(next(step.discriminator.parameters())): "D"}
    for optimizer, name in ((step.generator_optimizer, "G"), (step.discriminator_optimizer, "D")):
        optimizer.register_step_post_hook(lambda *_, name=name: made.append(name))
    dataclasses.replace(step, average_gradients=lambda inputs: made.append(f"mean {names[id(inputs[0])]}"))(*_batch(0))
    assert made == [word for name in updates for word in (f"mean {name}", name)]


def test_a_joint_step_in_parts_computes_again_what_it_did_not_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same dropout, and statistics recorded once: as if it had kept all."""
    settings = {**UNEVEN, **ADVERSARIAL, "train.update": "joint", "train.accumulate": 2}
    losses, networks = _train(_step(settings))
    monkeypatch.setattr("pairloom.training.step.checkpointed", lambda network, source: network(source))
    kept_losses, kept = _train(_step(settings))
    torch.testing.assert_close(losses, kept_losses, rtol=0, atol=0)
    torch.testing.assert_close(networks, kept, rtol=0, atol=0)


def test_the_statistics_of_batch_norm_follow_each_part_once() -> None:
    _, networks = _train(_step({**UNEVEN, **ADVERSARIAL, "train.update": "joint", "train.accumulate": 2}), steps=3)
    counts = {name: int(value) for name, value in networks.items() if name.endswith("num_batches_tracked")}
    assert {count for name, count in counts.items() if name.startswith("generator")} == {2 * 3}
    assert {count for name, count in counts.items() if name.startswith("discriminator")} == {2 * 2 * 3}  # real and fake


@pytest.mark.parametrize("encoder", ["none", "efficientnet-lite0"])
def test_activations_computed_again_are_not_kept(encoder: str) -> None:
    kept = []
    for on in (False, True):
        step = _step({"model.encoder": encoder, "train.checkpoint_activations": on})
        kept.append(_bytes_kept(step.generator, _batch(0)[0]))
        with torch.no_grad():
            assert _bytes_kept(step.generator, _batch(0)[0]) == 0
    assert 0 < kept[1] < kept[0] / 3


def _bytes_kept(network: nn.Module, source: Tensor) -> int:
    """Return the size of what a pass keeps for its gradient, parameters aside."""
    own = {parameter.data_ptr() for parameter in network.parameters()}
    sizes: dict[int, int] = {}

    def pack(tensor: Tensor) -> Tensor:
        sizes[tensor.data_ptr()] = 0 if tensor.data_ptr() in own else tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        network(source)
    return sum(sizes.values())


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(UNEVEN, id="without a discriminator"),
        pytest.param({**UNEVEN, **ADVERSARIAL, "train.update": "separate"}, id="separate"),
        pytest.param({**UNEVEN, **ADVERSARIAL, "model.up": "transposed", "model.full_resolution": False}, id="seed's"),
        pytest.param({**ADVERSARIAL, "model.encoder": "efficientnet-lite0", "model.norm": "batch"}, id="encoder"),
    ],
)
def test_activations_computed_again_change_no_bit(settings: dict[str, object], accumulate: int) -> None:
    settings = {**settings, "train.accumulate": accumulate}
    kept, again = (_train(_step({**settings, "train.checkpoint_activations": on})) for on in (False, True))
    torch.testing.assert_close(again, kept, rtol=0, atol=0)
