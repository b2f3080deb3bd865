"""A U-Net (O. Ronneberger et al., 2015) whose encoder has learned to see on ImageNet."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from pairloom.models.convolution import Conv2d
from pairloom.models.generator import EncoderDecoder
from pairloom.models.layers import Norm

DECODER_WIDTHS = (5, 2.5, 1.5, 1, 0.5)
"""Channels of the decoder's blocks, the innermost first, as multiples of the network's width."""


class EncoderUNet(EncoderDecoder):
    """An encoder of five levels, a decoder, and two convolutions at the input's own resolution beside them.

    The encoder's batch norms use the statistics that they came with, in training as well: those of a few pairs are a
    worse guide, and batches of any size are then seen alike. Their scales and shifts are trained.

    Args:
        levels: the encoder; each level halves the sides.
        channels: of the result of each level.
        in_channels: channels of the source.
        out_channels: channels of the output.
        width: of the decoder, whose blocks have 5, 2.5, 1.5, 1 and 0.5 times as many channels.
        fine_width: channels of the two 3×3 convolutions at full resolution.
        norm: normalisation of all layers but the encoder's.
        tanh: bound the output to [-1, 1]; False gives bare logits.
    """

    stride = 32

    def __init__(
        self,
        levels: nn.ModuleList,
        channels: Sequence[int],
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        width: int = 32,
        fine_width: int = 32,
        norm: Norm = Norm("instance"),  # noqa: B008 (immutable)
        tanh: bool = True,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(_layer(in_channels, fine_width, norm), _layer(fine_width, fine_width, norm))
        self.encoder = levels[:-1]
        self.bottleneck = levels[-1]
        decoder = []
        below = channels[-1]
        for factor, skip in zip(DECODER_WIDTHS, [*reversed(channels[:-1]), fine_width], strict=True):
            decoder.append(_DecoderBlock(below, skip, max(1, round(factor * width)), norm))
            below = max(1, round(factor * width))
        self.decoder = nn.ModuleList(decoder)
        self.head = nn.Sequential(
            Conv2d(below, out_channels, kernel_size=3, padding=1), nn.Tanh() if tanh else nn.Identity()
        )
        for part in (self.stem, self.decoder, self.head):
            _initialize(part)

    def train(self, mode: bool = True) -> "EncoderUNet":
        """Train or use the network; the encoder's batch norms stay as in use."""
        super().train(mode)
        for part in (self.encoder, self.bottleneck):
            part.train(False)
        return self

    def pretrained_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters of the encoder."""
        yield from self.encoder.parameters()
        yield from self.bottleneck.parameters()

    def margin(self, halvings: int) -> int:
        """Return how far a pixel of the output sees through the blocks down to so many halvings, in pixels per side."""
        return (12, 32, 80, 256)[min(halvings, 4) - 1]

    def encode(self, x: Tensor, first: int, last: int) -> list[Tensor]:
        """Return the results of `downs` from one to another; the first two of them both see the source."""
        if first == 1:
            raise ValueError("the encoder begins with the source: encode from 0 or from 2 on")
        results = [] if first or self.stem is None else [self.stem(x)]
        for level in self.encoder[max(first - 1, 0) : last - 1]:
            x = level(x)
            results.append(x)
        return results

    def decode(self, x: Tensor, skips: list[Tensor], first: int) -> Tensor:
        """Run the decoder from one block on, one for each skip connection; empties the list of these."""
        for block in self.decoder[first : first + len(skips)]:
            x = block(x, skips.pop())
        return x


class _DecoderBlock(nn.Module):
    """Enlarge to twice the sides, put the skip connection beside it, and convolve both twice."""

    def __init__(self, in_channels: int, skip_channels: int, out_channels: int, norm: Norm) -> None:
        super().__init__()
        self.enlarge = nn.Upsample(scale_factor=2)
        self.layers = nn.Sequential(
            _layer(in_channels + skip_channels, out_channels, norm), _layer(out_channels, out_channels, norm)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Turn B×in_channels×H×W and B×skip_channels×2H×2W into B×out_channels×2H×2W."""
        output: Tensor = self.layers(torch.cat([self.enlarge(x), skip], dim=1))
        return output


def _layer(in_channels: int, out_channels: int, norm: Norm) -> nn.Module:
    return nn.Sequential(
        Conv2d(in_channels, out_channels, kernel_size=3, padding=1), norm(out_channels), nn.ReLU(inplace=True)
    )


def _initialize(part: nn.Module) -> None:
    """Draw convolution weights as fits layers with ReLU (K. He et al., 2015); biases start at 0."""
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
