"""Convolutions by another way where that is quicker; weights, and but for rounding results, are those of PyTorch's own.

The deep layers of a U-Net have large kernels and few positions: at 8×8 and below oneDNN's gradient of the weights takes
longer than the matrix product that it amounts to. There, on a CPU and in float32, the convolution is that product:
`unfold` lays out what the kernel sees at each position as a column, `fold` adds columns back. A convolution to a single
channel, which oneDNN computes as if there were sixteen, is a product too. On every device, enlarging a map and
convolving it is one transposed convolution of the small map.
"""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

FEW = 64
"""Positions of the small map, over the batch, up to which the matrix product is the quicker one."""

MANY = 256
"""Positions of a map that is enlarged, over the batch, from which one transposed convolution is the quicker way."""


def _has_one_dnn_product() -> bool:
    """Tell whether PyTorch's private operator for oneDNN's matrix product is there, and is what it was."""
    eye = torch.eye(2, device="cpu")
    try:
        return torch.equal(_one_dnn_product(2 * eye, eye), 2 * eye)
    except (AttributeError, RuntimeError, TypeError):  # it is gone, takes other arguments, or PyTorch lacks oneDNN
        return False


def _one_dnn_product(first: Tensor, second: Tensor) -> Tensor:
    product: Tensor = torch.ops.mkldnn._linear_pointwise(first, second, None, "none", [], "")
    return product


ONE_DNN = _has_one_dnn_product()


class Conv2d(nn.Conv2d):
    """PyTorch's, in all that it takes."""

    def forward(self, x: Tensor) -> Tensor:
        """Convolve B×C×H×W."""
        if not _is_plain(self):
            return super().forward(x)
        kernel, stride, padding = self.kernel_size[0], self.stride[0], int(self.padding[0])
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in x.shape[-2:]]
        output: Tensor
        if _is_small(x, sides):
            output = _Gather.apply(x, self.weight, self.bias, stride, padding)  # type: ignore[no-untyped-call]
            return output
        if self.out_channels == 1 and stride == 1 and padding < kernel and _is_ours(x):
            # The same as a transposed convolution with the kernel turned around, which adds up a value a tap.
            turned = self.weight.flip(2, 3).transpose(0, 1)
            output = _Scatter.apply(x, turned, self.bias, 1, kernel - 1 - padding)  # type: ignore[no-untyped-call]
            return output
        return super().forward(x)


class ConvTranspose2d(nn.ConvTranspose2d):
    """PyTorch's, in all that it takes."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Convolve B×C×H×W, transposed."""
        if output_size is not None or not _is_plain(self) or not _is_small(x, x.shape[-2:]):
            return super().forward(x, output_size)
        stride, padding = self.stride[0], int(self.padding[0])
        output: Tensor = _Scatter.apply(x, self.weight, self.bias, stride, padding)  # type: ignore[no-untyped-call]
        return output


class ResizeConv2d(nn.Sequential):
    """Nearest-neighbour enlargement to twice the side, then a 3×3 convolution (A. Odena et al., 2016).

    Its two modules give the weights their names; `enlarge_and_convolve` does the work of both.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2), Conv2d(in_channels, out_channels, kernel_size=3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """Turn B×in×H×W into B×out×2H×2W."""
        return enlarge_and_convolve(x, cast("Conv2d", self[1]))


def enlarge_and_convolve(x: Tensor, convolution: Conv2d, skip: Tensor | None = None) -> Tensor:
    """Enlarge a map (B×C×H×W) to twice its sides by nearest neighbour, put `skip` beside it, and convolve both.

    Of the nine values that a 3×3 kernel sees of an enlarged map, at most four differ, so a 4×4 kernel of sums of its
    weights, which steps over the map as it is, comes to the same with fewer than half of the multiplications.

    Args:
        x: the map.
        convolution: 3×3, with a padding of 1.
        skip: B×S×2H×2W; the last S input channels of the convolution are its. With one, the quicker way is two
            convolutions and a sum, which has been measured on CPUs alone and is taken there.
    """
    # Asked first: an exported program would be bound to the batch size that a comparison has seen.
    plain = torch.compiler.is_compiling() or (skip is not None and x.device.type != "cpu")
    if plain or len(x) * x.shape[-2] * x.shape[-1] < MANY:
        enlarged = F.interpolate(x, scale_factor=2)
        output: Tensor = convolution(enlarged if skip is None else torch.cat([enlarged, skip], dim=1))
        return output
    weight, of_skip = convolution.weight.tensor_split([x.shape[1]], dim=1)
    kernel = weight.flip(2, 3).transpose(0, 1)
    kernel = F.pad(kernel, (0, 1)) + F.pad(kernel, (1, 0))
    kernel = F.pad(kernel, (0, 0, 0, 1)) + F.pad(kernel, (0, 0, 1, 0))
    output = F.conv_transpose2d(x, kernel, convolution.bias, stride=2, padding=1)
    return output if skip is None else output + F.conv2d(skip, of_skip, padding=1)


def _is_plain(layer: nn.Conv2d | nn.ConvTranspose2d) -> bool:
    """Tell whether a layer has one kernel side, stride and padding for both directions, and nothing out of the way."""
    shapes = (layer.kernel_size, layer.stride, layer.padding)
    return (
        all(not isinstance(shape, str) and len(set(shape)) == 1 for shape in shapes)
        and (layer.groups, layer.padding_mode) == (1, "zeros")
        and set(layer.dilation) == {1}
        and set(layer.output_padding) == {0}
    )


def _is_ours(x: Tensor) -> bool:
    """Tell whether a map is one for the matrix product: on a CPU, in float32, and not being compiled."""
    if x.device.type != "cpu" or x.dtype != torch.float32 or torch.is_autocast_enabled("cpu"):
        return False
    return not torch.compiler.is_compiling()


def _is_small(x: Tensor, sides: Sequence[int]) -> bool:
    return _is_ours(x) and len(x) * sides[0] * sides[1] <= FEW


class _Gather(torch.autograd.Function):
    """Convolution by what the kernel sees at each position."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        kernel = weight.shape[-1]
        seen = _columns(F.unfold(x, kernel, padding=padding, stride=stride))  # in·k² × B·L
        output = _product(weight.flatten(1), seen.t())  # out × B·L
        if bias is not None:
            output += bias[:, None]
        ctx.save_for_backward(seen, weight)
        ctx.shape, ctx.stride, ctx.padding = x.shape, stride, padding
        sides = [(side + 2 * padding - kernel) // stride + 1 for side in x.shape[-2:]]
        return _images(output, len(x)).view(len(x), -1, *sides)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        seen, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias, *_ = ctx.needs_input_grad
        batch = len(gradient)
        gradient = _columns(gradient.flatten(2))  # out × B·L
        of_x = of_weight = None
        if wants_x:
            spread = _images(_product(gradient.t(), weight.flatten(1).t()).t(), batch)  # B × in·k² × L
            of_x = F.fold(spread, ctx.shape[-2:], weight.shape[-1], padding=ctx.padding, stride=ctx.stride)
        if wants_weight:
            of_weight = _product(gradient, seen).view_as(weight)
        return of_x, of_weight, gradient.sum(1) if wants_bias else None, None, None


class _Scatter(torch.autograd.Function):
    """Transposed convolution by what each position adds to its surroundings."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
        kernel = weight.shape[-1]
        sides = [(side - 1) * stride - 2 * padding + kernel for side in x.shape[-2:]]
        columns = _columns(x.flatten(2))  # in × B·L
        added = _product(columns.t(), weight.flatten(1).t()).t()  # out·k² × B·L
        output = F.fold(_images(added, len(x)), tuple(sides), kernel, padding=padding, stride=stride)
        if bias is not None:
            output += bias[:, None, None]
        ctx.save_for_backward(columns, weight)
        ctx.shape, ctx.stride, ctx.padding = x.shape, stride, padding
        return output

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        columns, weight = ctx.saved_tensors
        wants_x, wants_weight, wants_bias, *_ = ctx.needs_input_grad
        seen = _columns(F.unfold(gradient, weight.shape[-1], padding=ctx.padding, stride=ctx.stride))  # out·k² × B·L
        of_x = of_weight = None
        if wants_x:
            of_x = _images(_product(weight.flatten(1), seen.t()), len(gradient)).view(ctx.shape)
        if wants_weight:
            of_weight = _product(columns, seen).view_as(weight)
        return of_x, of_weight, gradient.sum((0, 2, 3)) if wants_bias else None, None, None


def _product(first: Tensor, second: Tensor) -> Tensor:
    """Return M×K times the transposed of N×K.

    PyTorch's `@` asks MKL, which takes up to twenty times as long as oneDNN where one side has but a few entries (on a
    processor of AMD's; of vectors it is the quicker one). PyTorch itself calls oneDNN by this operator in linear layers
    that it compiles.
    """
    if 1 in (*first.shape, *second.shape) or not ONE_DNN:
        return first @ second.t()
    return _one_dnn_product(first, second)


def _columns(x: Tensor) -> Tensor:
    """Return B × N × L as N × B·L."""
    return x.transpose(0, 1).flatten(1)


def _images(columns: Tensor, batch: int) -> Tensor:
    """Return N × B·L as B × N × L, whole in memory."""
    return columns.reshape(len(columns), batch, -1).transpose(0, 1).contiguous()
