"""The patch discriminators."""

import pytest
import torch

from pairloom.config import PatchName
from pairloom.models.discriminator import PatchDiscriminator
from pairloom.models.layers import Norm, count_parameters


def test_the_original_has_exactly_as_many_numbers_as_published() -> None:
    discriminator = PatchDiscriminator()
    assert count_parameters(discriminator) == 6_968_257
    assert sum(parameter.numel() for parameter in discriminator.parameters()) == 6_965_441


@pytest.mark.parametrize(("patch", "side", "field"), [("patch142", 16, 142), ("patch70", 30, 70)])
def test_answer_and_receptive_field_are_those_of_the_name(patch: PatchName, side: int, field: int) -> None:
    discriminator = PatchDiscriminator(width=2, patch=patch)
    pair = torch.zeros(1, 3, 256, 256)
    assert discriminator(pair, pair).shape == (1, 1, side, side)
    assert discriminator.receptive_field == field


@pytest.mark.parametrize("patch", ["patch142", "patch70"])
def test_a_cell_sees_exactly_its_receptive_field(patch: PatchName) -> None:
    torch.manual_seed(0)
    discriminator = PatchDiscriminator(width=2, patch=patch, norm=Norm("none"))
    source = torch.randn(1, 3, 320, 320, requires_grad=True)
    output = discriminator(source, torch.randn(1, 3, 320, 320))
    middle = output.shape[-1] // 2
    (gradient,) = torch.autograd.grad(output[0, 0, middle, middle], source)
    rows = gradient.abs().sum(dim=(0, 1, 3)).nonzero()
    assert int(rows.max() - rows.min()) + 1 == discriminator.receptive_field
