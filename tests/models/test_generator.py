"""The U-Net generator."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from pairloom.config import NormName, UpName
from pairloom.models.generator import UNetGenerator
from pairloom.models.layers import Norm, count_parameters


def test_the_original_has_exactly_as_many_numbers_as_published() -> None:
    generator = UNetGenerator()
    assert count_parameters(generator) == 54_429_315
    assert sum(parameter.numel() for parameter in generator.parameters()) == 54_419_459


def test_the_original_halves_256_pixels_down_to_one() -> None:
    generator = UNetGenerator(width=2)
    shapes: list[torch.Size] = []
    generator.bottleneck.register_forward_hook(lambda _block, _inputs, output: shapes.append(output.shape))
    generator(torch.zeros(1, 3, 256, 256))
    assert shapes == [(1, 16, 1, 1)]


@pytest.mark.parametrize("depth", [5, 6, 7, 8])
def test_below_256_the_blocks_without_dropout_go_first(depth: int) -> None:
    generator = UNetGenerator(width=2, depth=depth, dropout=0.3)
    dropouts = [layer.p for layer in generator.decoder.modules() if isinstance(layer, nn.Dropout)]
    full_width = {8: 4, 7: 3, 6: 2, 5: 1}[depth]
    assert dropouts == [0.3] * min(3, full_width) + [0.0] * (depth - 1 - min(3, full_width))


@pytest.mark.parametrize(("depth", "expected"), [(8, [1, 2, 3]), (7, [1, 2]), (5, [])])
def test_dropout_may_leave_out_the_innermost_block(depth: int, expected: list[int]) -> None:
    generator = UNetGenerator(width=2, depth=depth, dropout=0.5, dropout_from=1)
    dropouts = [layer.p for layer in generator.decoder.modules() if isinstance(layer, nn.Dropout)]
    assert [index for index, probability in enumerate(dropouts) if probability] == expected


@pytest.mark.parametrize("norm", ["batch", "instance", "group", "none"])
@pytest.mark.parametrize("up", ["transposed", "resize"])
def test_every_variant_answers_at_the_size_of_its_input_and_learns(norm: NormName, up: UpName) -> None:
    generator = UNetGenerator(3, 5, width=4, depth=3, norm=Norm(norm), up=up, dropout=0.1, tanh=False)
    output = generator(torch.randn(2, 3, 32, 40))
    assert output.shape == (2, 5, 32, 40)
    output.square().mean().backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


@given(height=st.integers(1, 40), width=st.integers(1, 40))
@settings(max_examples=25, deadline=None)
def test_any_size_comes_back_at_its_size(height: int, width: int) -> None:
    generator = UNetGenerator(width=2, depth=3, norm=Norm("group")).eval()
    with torch.no_grad():
        assert generator(torch.zeros(1, 3, height, width)).shape == (1, 3, height, width)


def test_tanh_bounds_the_answer_and_its_absence_does_not() -> None:
    source = 1000 * torch.randn(1, 3, 16, 16)
    bounded, bare = (UNetGenerator(width=4, depth=2, norm=Norm("none"), tanh=tanh) for tanh in (True, False))
    assert bounded(source).abs().max() <= 1
    assert bare(source).abs().max() > 1


def test_weights_start_from_the_papers_distribution() -> None:
    torch.manual_seed(0)
    generator = UNetGenerator(width=32, depth=5)
    for layer in generator.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.weight.numel() > 10_000:
            assert layer.weight.detach().mean().abs() < 0.001
            assert layer.weight.detach().std().item() == pytest.approx(0.02, rel=0.05)
            assert layer.bias is not None
            assert not layer.bias.any()
