"""A step that is played back from a CUDA graph is the step that was recorded."""

import copy

import pytest
import torch
from torch import Tensor

from conftest import skip_or_fail
from pairloom.config import LossConfig, OptimConfig, Size
from pairloom.data.image_spec import ImageSpec
from pairloom.models.translation import TranslationModel, build_discriminator
from pairloom.palette import CAMVID
from pairloom.settings import load_experiment
from pairloom.training.cuda_graph import WARM_STEPS, CapturedStep
from pairloom.training.optimizers import build_optimizer, set_rate
from pairloom.training.step import TrainingStep

STEPS = WARM_STEPS + 6


@pytest.fixture
def gpu() -> torch.device:
    if not torch.cuda.is_available():
        skip_or_fail("cuda", "torch finds no CUDA GPU")
    return torch.device("cuda")


def _batch(index: int, device: torch.device) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(index)
    source = torch.rand(1, 3, 32, 32, generator=generator) * 2 - 1
    target = torch.randint(0, len(CAMVID), (1, 32, 32), generator=generator, dtype=torch.uint8)
    return source.to(device), target.to(device)


def _losses(update: str, device: torch.device, *, captured: bool) -> list[dict[str, float]]:
    """Train some steps at a rate that falls; return the losses of each."""
    experiment = load_experiment("seed", settings={"size": 32, "model.width": 4, "train.update": update}).resolved()
    torch.manual_seed(0)
    source, target = ImageSpec(3), ImageSpec(3, palette=CAMVID)
    model = TranslationModel.build(experiment.model, source, target, Size(32, 32), device)
    discriminator = build_discriminator(experiment.model, source, target).to(device)
    step = TrainingStep(
        model.generator,
        discriminator,
        build_optimizer(model.generator, OptimConfig(), device),
        build_optimizer(discriminator, OptimConfig(), device),
        LossConfig(adversarial_weight=1.0, l1=100.0, cross_entropy=0.0, lovasz=0.0),
        model.head,
        experiment.train.update,
    )
    said: list[str] = []
    make = CapturedStep(step, said.append) if captured else step
    found = []
    for number in range(STEPS):
        torch.manual_seed(number)  # dropout's
        for optimizer in (step.generator_optimizer, step.discriminator_optimizer):
            set_rate(optimizer, 2e-3 / (1 + number))
        losses = make(*_batch(number, device))
        found.append({name: float(loss) for name, loss in copy.copy(losses).items()})
    assert not said
    return found


@pytest.mark.parametrize("update", ["separate", "joint"])
def test_the_losses_are_those_of_steps_made_kernel_by_kernel(update: str, gpu: torch.device) -> None:
    plain, captured = (_losses(update, gpu, captured=way) for way in (False, True))
    for expected, found in zip(plain, captured, strict=True):
        assert found == pytest.approx(expected, rel=2e-2, abs=2e-3)
