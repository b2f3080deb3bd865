"""The U-Net generator of pix2pix (P. Isola et al., CVPR 2017, section 6.1.1)."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from pairloom.config import UpName
from pairloom.models.convolution import Conv2d, ConvTranspose2d, ResizeConv2d
from pairloom.models.layers import Norm, checkpointed, initialize_weights, pad_to_stride


class Generator(nn.Module):
    """What a translation model needs of a network: `forward` maps sources B×C×H×W in [-1, 1] to outputs B×K×H×W.

    Attributes:
        stride: the sides of sources are padded to a multiple of it.
        can_tile: whether it is an `EncoderDecoder` that runs tile by tile.
    """

    stride: int
    can_tile = False

    def pretrained_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that have been learned before; none, where all begin at random."""
        return iter(())


class EncoderDecoder(Generator, ABC):
    """A generator with skip connections whose blocks can be called one by one: what tiles need (`models/tiles.py`).

    Attributes:
        stem: the block at the input's own resolution; None where there is none.
        encoder: the blocks that halve the sides, the outermost first.
        bottleneck: from the last of these, halving once more, to the decoder.
        decoder: blocks that double the sides, one per skip connection, the innermost first.
        head: from the last result of the decoder to the output.
        checkpoint_activations: keep the inputs of the blocks alone for the backward pass, which runs each block again.
    """

    stem: nn.Module | None
    can_tile = True
    encoder: nn.ModuleList
    bottleneck: nn.Module
    decoder: nn.ModuleList
    head: nn.Module
    checkpoint_activations: bool = False

    def forward(self, source: Tensor) -> Tensor:
        """Translate B×in_channels×H×W in [-1, 1] to B×out_channels×H×W."""
        height, width = source.shape[-2:]
        x = pad_to_stride(source, self.stride)
        x = self.translate_coarsely(x, 0)  # B × 2·width × H/2 × W/2, or B × 2·fine_width × H × W
        output: Tensor = self.call_block(self.head, x)  # B × out_channels × H × W, padding still on
        return output[..., :height, :width]

    @property
    def downs(self) -> list[nn.Module]:
        """The blocks before the bottleneck; the result of each is also a skip connection to one of the decoder."""
        return [*([] if self.stem is None else [self.stem]), *self.encoder]

    def call_block(self, block: nn.Module, *inputs: Tensor) -> Any:
        """Call one of the blocks, as `checkpoint_activations` says where a backward pass may follow."""
        if self.checkpoint_activations and self.training and torch.is_grad_enabled():
            return checkpointed(block, *inputs)
        return block(*inputs)

    @abstractmethod
    def margin(self, halvings: int) -> int:
        """Return how far a pixel of the output sees through the blocks down to so many halvings, in pixels per side."""

    def encode(self, x: Tensor, first: int, last: int) -> list[Tensor]:
        """Return the results of `downs` from one to another: B × widths[level] × H/2^(level+1) × W/2^(level+1) each."""
        results = []
        for block in self.downs[first:last]:
            x = self.call_block(block, x)
            results.append(x)
        return results

    def decode(self, x: Tensor, skips: list[Tensor], first: int) -> Tensor:
        """Run the decoder from one block on, one for each skip connection; empties the list of these."""
        for block in self.decoder[first : first + len(skips)]:
            # Twice the side, block and skip connection side by side.
            x = torch.relu(torch.cat([self.call_block(block, x), skips.pop()], dim=1))
        return x

    def translate_coarsely(self, x: Tensor, first: int) -> Tensor:
        """Go from the result of the down block before `first` to what the decoder makes of all coarser ones."""
        skips = self.encode(x, first, len(self.downs))
        x = self.call_block(self.bottleneck, skips[-1] if skips else x)  # B × 8·width × H/2^depth × W/2^depth
        return self.decode(x, skips, 0)


class UNetGenerator(EncoderDecoder):
    """Encoder and decoder of 4×4 convolutions of stride 2, with a skip connection at every size.

    Args:
        in_channels: channels of the source.
        out_channels: channels of the output.
        width: channels of the outermost layer; they double at each halving up to 8 × width.
        depth: number of downsampling steps; sides are padded to a multiple of 2**depth and the output is cropped.
        norm: normalisation of all layers but the outermost and the bottleneck.
        up: `transposed` convolution, or `resize` (nearest-neighbour, then a 3×3 convolution), which cannot draw
            checkerboards.
        full_resolution: add two 3×3 convolutions at the input's own resolution on each side, with a skip connection
            between them.
        fine_width: channels of those convolutions; None takes `width`.
        dropout: probability in decoder blocks of full width, three at the most.
        dropout_from: position, counted from the innermost, of the first of these.
        tanh: bound the output to [-1, 1]; False gives bare logits.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        width: int = 64,
        depth: int = 8,
        norm: Norm = Norm("batch"),  # noqa: B008 (immutable)
        up: UpName = "transposed",
        full_resolution: bool = False,
        fine_width: int | None = None,
        dropout: float = 0.3,
        dropout_from: int = 0,
        tanh: bool = True,
    ) -> None:
        super().__init__()
        self.stride = 2**depth
        widths = [width * min(2**level, 8) for level in range(depth)]
        fine = fine_width or width

        self.stem = nn.Sequential(_fine(in_channels, fine, norm), _fine(fine, fine, norm)) if full_resolution else None
        encoder: list[nn.Module] = []
        above = fine if full_resolution else in_channels
        for level in range(depth - 1):
            encoder.append(_down(above, widths[level], norm if level > 0 else None))
            above = widths[level]
        self.encoder = nn.ModuleList(encoder)
        self.bottleneck = nn.Sequential(_halve(above, widths[-1]), nn.ReLU())
        decoder: list[nn.Module] = []
        below = widths[-1]
        for level in reversed(range(depth - 1)):
            dropping = widths[level] == 8 * width and dropout_from <= len(decoder) < dropout_from + 3
            decoder.append(_up(below, widths[level], norm, up, dropout if dropping else 0.0))
            below = 2 * widths[level]  # with the skip connection beside it
        if full_resolution:
            decoder.append(_up(below, fine, norm, up, 0.0))
        self.decoder = nn.ModuleList(decoder)
        if full_resolution:
            # Not 1×1 at the end: with so few weights, and so small, Adam takes long to reach clear logits.
            last: nn.Module = nn.Sequential(_fine(2 * fine, fine, norm), _keep(fine, out_channels))
        else:
            last = _double(below, out_channels, up)
        self.head = nn.Sequential(last, nn.Tanh() if tanh else nn.Identity())
        initialize_weights(self)

    def margin(self, halvings: int) -> int:
        """Return how far a pixel of the output sees through the blocks down to so many halvings, in pixels per side."""
        return 4 << halvings


def _halve(in_channels: int, out_channels: int) -> nn.Module:
    return Conv2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1)


def _double(in_channels: int, out_channels: int, up: UpName) -> nn.Module:
    if up == "transposed":
        return ConvTranspose2d(in_channels, out_channels, kernel_size=4, stride=2, padding=1)
    return ResizeConv2d(in_channels, out_channels)


def _down(in_channels: int, out_channels: int, norm: Norm | None) -> nn.Module:
    halve = _halve(in_channels, out_channels)
    return nn.Sequential(halve, *([norm(out_channels)] if norm else []), nn.LeakyReLU(0.2))


def _keep(in_channels: int, out_channels: int) -> nn.Module:
    return Conv2d(in_channels, out_channels, kernel_size=3, padding=1)


def _fine(in_channels: int, out_channels: int, norm: Norm) -> nn.Module:
    return nn.Sequential(_keep(in_channels, out_channels), norm(out_channels), nn.LeakyReLU(0.2))


def _up(in_channels: int, out_channels: int, norm: Norm, up: UpName, dropout: float) -> nn.Module:
    return nn.Sequential(_double(in_channels, out_channels, up), norm(out_channels), nn.Dropout(dropout))
