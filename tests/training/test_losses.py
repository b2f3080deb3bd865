"""The adversarial losses."""

import math

import pytest
import torch

from pairloom.config import AdversarialName
from pairloom.training.losses import ADVERSARIAL

LOGITS = torch.tensor([[-2.0, 0.5], [0.0, 3.0]])


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


@pytest.mark.parametrize(
    ("name", "real", "fake", "generator"),
    [
        (
            "bce",
            _mean([math.log1p(math.exp(-x)) for x in (-2, 0.5, 0, 3)]),
            _mean([math.log1p(math.exp(x)) for x in (-2, 0.5, 0, 3)]),
            _mean([math.log1p(math.exp(-x)) for x in (-2, 0.5, 0, 3)]),
        ),
        ("lsgan", _mean([9, 0.25, 1, 4]), _mean([4, 0.25, 0, 9]), _mean([9, 0.25, 1, 4])),
        ("hinge", _mean([3, 0.5, 1, 0]), _mean([0, 1.5, 1, 4]), -_mean([-2, 0.5, 0, 3])),
    ],
)
def test_each_adversarial_loss_is_its_formula(
    name: AdversarialName, real: float, fake: float, generator: float
) -> None:
    loss = ADVERSARIAL[name]
    assert float(loss.real(LOGITS)) == pytest.approx(real)
    assert float(loss.fake(LOGITS)) == pytest.approx(fake)
    assert float(loss.generator(LOGITS)) == pytest.approx(generator)
