"""Convolutions by a matrix product are those of PyTorch."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from pairloom.models import convolution
from pairloom.models.convolution import FEW, MANY, Conv2d, ConvTranspose2d, ResizeConv2d, enlarge_and_convolve

PLAIN = {Conv2d: nn.Conv2d, ConvTranspose2d: nn.ConvTranspose2d}
Layer = type[Conv2d] | type[ConvTranspose2d]


def _with_gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    output = layer(x)
    torch.autograd.backward((output * torch.linspace(-1, 1, output.numel()).view_as(output)).sum())
    return [output.detach(), *(tensor.grad for tensor in (x, *layer.parameters()) if tensor.grad is not None)]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([Conv2d, ConvTranspose2d]),
    st.integers(1, 3),
    st.tuples(st.integers(2, 11), st.integers(2, 11)),
    st.sampled_from([(4, 2, 1), (3, 1, 1), (4, 1, 0), (2, 2, 0)]),
    st.booleans(),
)
def test_answers_and_gradients_are_those_of_pytorch(
    kind: Layer, batch: int, sides: tuple[int, int], shape: tuple[int, int, int], bias: bool
) -> None:
    kernel, stride, padding = shape
    if kind is Conv2d and min(sides) + 2 * padding < kernel:
        return
    torch.manual_seed(0)
    ours = kind(3, 5, kernel, stride, padding, bias=bias)
    plain = PLAIN[kind](3, 5, kernel, stride, padding, bias=bias)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(batch, 3, *sides)
    found, expected = _with_gradients(ours, x), _with_gradients(plain, x)
    assert len(found) == len(expected) == (4 if bias else 3)
    for own, other in zip(found, expected, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 2), st.tuples(st.integers(9, 20), st.integers(9, 20)), st.integers(1, 4), st.booleans())
def test_a_single_channel_is_that_of_pytorch(batch: int, sides: tuple[int, int], kernel: int, bias: bool) -> None:
    torch.manual_seed(0)
    ours = Conv2d(3, 1, kernel, 1, kernel // 2, bias=bias)
    plain = nn.Conv2d(3, 1, kernel, 1, kernel // 2, bias=bias)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(batch, 3, *sides)
    for own, other in zip(_with_gradients(ours, x), _with_gradients(plain, x), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-4)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.tuples(st.integers(1, 24), st.integers(1, 24)))
def test_enlarging_and_convolving_is_that_of_pytorch(batch: int, sides: tuple[int, int]) -> None:
    torch.manual_seed(0)
    ours = ResizeConv2d(3, 5)
    plain = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(3, 5, 3, padding=1))
    plain.load_state_dict(ours.state_dict())  # also the names of the weights
    x = torch.randn(batch, 3, *sides)
    for own, other in zip(_with_gradients(ours, x), _with_gradients(plain, x), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 3), st.tuples(st.integers(1, 24), st.integers(1, 24)))
def test_a_skip_connection_beside_the_enlarged_map_is_convolved_with_it(batch: int, sides: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = Conv2d(5, 4, 3, padding=1)
    x, skip = torch.randn(batch, 3, *sides), torch.randn(batch, 2, 2 * sides[0], 2 * sides[1])
    found = []
    for ours in (True, False):
        tensors = [x.clone().requires_grad_(), skip.clone().requires_grad_(), *layer.parameters()]
        beside = torch.cat([F.interpolate(tensors[0], scale_factor=2), tensors[1]], dim=1)
        output = (
            enlarge_and_convolve(tensors[0], layer, tensors[1])
            if ours
            else F.conv2d(beside, layer.weight, layer.bias, padding=1)
        )
        found.append([output, *torch.autograd.grad(output.square().sum(), tensors)])
    for own, other in zip(*found, strict=True):
        torch.testing.assert_close(own, other, rtol=1e-3, atol=1e-3)


def test_only_large_maps_are_enlarged_and_convolved_in_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_words: object, **_options: object) -> Tensor:
        raise AssertionError

    monkeypatch.setattr("pairloom.models.convolution.F.conv_transpose2d", refuse)
    layer = ResizeConv2d(2, 2)
    assert MANY == 256
    layer(torch.zeros(1, 2, 15, 17))
    with pytest.raises(AssertionError):
        layer(torch.zeros(1, 2, 16, 16))


@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
def test_small_maps_alone_take_the_other_way(kind: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_words: object) -> Tensor:
        raise AssertionError

    for name in ("_Gather", "_Scatter"):
        monkeypatch.setattr(f"pairloom.models.convolution.{name}.apply", refuse)
    layer = kind(2, 2, 2, 2)
    side = 2 if kind is Conv2d else 1
    small, large = side * 8, side * 9
    assert FEW == 64
    layer(torch.zeros(1, 2, large, large))
    layer(torch.zeros(2, 2, small, small))  # 64 positions in each picture of the batch
    layer.bfloat16()(torch.zeros(1, 2, small, small, dtype=torch.bfloat16))
    with pytest.raises(AssertionError):
        layer.float()(torch.zeros(1, 2, small, small))
    with torch.autocast("cpu", torch.bfloat16):
        layer(torch.zeros(1, 2, small, small))


@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
def test_gradients_that_nobody_wants_are_not_computed(kind: Layer) -> None:
    layer = kind(2, 2, 2, 2).requires_grad_(False)
    x = torch.randn(1, 2, 4, 4, requires_grad=True)
    torch.autograd.backward(layer(x).sum())
    assert x.grad is not None
    assert all(parameter.grad is None for parameter in layer.parameters())


@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
@pytest.mark.parametrize("unusual", [{"groups": 2}, {"dilation": 2}, {"stride": (1, 2)}, {"padding": (0, 1)}])
def test_what_the_matrix_product_does_not_do_is_pytorchs(kind: Layer, unusual: dict[str, Any]) -> None:
    torch.manual_seed(0)
    ours, plain = kind(2, 2, 2, **unusual), PLAIN[kind](2, 2, 2, **unusual)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(1, 2, 5, 5)
    assert torch.equal(ours(x), plain(x))


@pytest.mark.parametrize("kind", [Conv2d, ConvTranspose2d])
@pytest.mark.parametrize("error", [AttributeError, RuntimeError, TypeError])
def test_where_the_private_operator_is_gone_or_changed_the_product_is_pytorchs(
    kind: Layer, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_words: object) -> Tensor:
        raise error

    monkeypatch.setattr(convolution, "_one_dnn_product", refuse)
    monkeypatch.setattr(convolution, "ONE_DNN", convolution._has_one_dnn_product())
    torch.manual_seed(0)
    ours, plain = kind(3, 5, 4, 2, 1), PLAIN[kind](3, 5, 4, 2, 1)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(1, 3, 6, 6)
    for own, other in zip(_with_gradients(ours, x), _with_gradients(plain, x), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-4)


def test_a_private_operator_that_computes_something_else_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_one_dnn_product", torch.add)
    assert not convolution._has_one_dnn_product()
