"""A U-Net (O. Ronneberger et al., 2015) whose encoder has learned to see on ImageNet."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from pairloom.models.convolution import Conv2d
from pairloom.models.generator import EncoderDecoder
from pairloom.models.layers import Norm

DECODER_WIDTHS = (4, 2, 1, 0.5)
"""Channels of the decoder's blocks, the innermost first, as multiples of the network's width."""


class EncoderUNet(EncoderDecoder):
    """An encoder of five levels, which sees the source at twice its size, and a decoder.

    Enlarged, the small pictures that translation works on show things about as large as those of ImageNet, and the
    levels' results have 1, 1/2, 1/4, 1/8 and 1/16 of the source's sides. Two convolutions of the source itself lie
    beside the first of them.

    Args:
        levels: the encoder; each level halves the sides.
        channels: of the result of each level.
        in_channels: channels of the source.
        out_channels: channels of the output.
        width: of the decoder, whose blocks have 4, 2, 1 and 0.5 times as many channels.
        fine_width: channels of the two 3×3 convolutions of the source.
        norm: normalisation of all layers but the encoder's.
        tanh: bound the output to [-1, 1]; False gives bare logits.
    """

    stride = 16

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
        self.stem = _Stem(levels[0], in_channels, fine_width, norm)
        self.encoder = nn.ModuleList([nn.Sequential(_LastChannels(channels[0]), levels[1]), *levels[2:-1]])
        self.bottleneck = levels[-1]
        self.levels = tuple(levels)
        """The encoder's levels, from the first to the last."""
        decoder = []
        below = channels[-1]
        for factor, skip in zip(DECODER_WIDTHS, (*channels[3:0:-1], fine_width + channels[0]), strict=True):
            decoder.append(_DecoderBlock(below, skip, max(1, round(factor * width)), norm))
            below = max(1, round(factor * width))
        self.decoder = nn.ModuleList(decoder)
        self.head = nn.Sequential(
            Conv2d(below, out_channels, kernel_size=3, padding=1), nn.Tanh() if tanh else nn.Identity()
        )
        for part in (self.stem.convolutions, self.decoder, self.head):
            _initialize(part)

    def forward(self, source: Tensor) -> Tensor:
        """Translate B×in_channels×H×W in [-1, 1] to B×out_channels×H×W."""
        if not torch.compiler.is_compiling():  # an exported program would be bound to the layout of one batch size
            # Depthwise convolutions are a quarter quicker where the channels of a pixel lie side by side.
            source = source.contiguous(memory_format=torch.channels_last)
        return super().forward(source)

    def pretrained_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters of the encoder."""
        for level in self.levels:
            yield from level.parameters()

    def margin(self, halvings: int) -> int:
        """Return how far a pixel of the output sees through the blocks down to so many halvings, in pixels per side."""
        return (16, 40, 128)[halvings - 1]

    def decode(self, x: Tensor, skips: list[Tensor], first: int) -> Tensor:
        """Run the decoder from one block on, one for each skip connection; empties the list of these."""
        for block in self.decoder[first : first + len(skips)]:
            x = self.call_block(block, x, skips.pop())
        return x


class _Stem(nn.Module):
    """Two convolutions of the source, and beside them the encoder's first level, which sees it at twice its size."""

    def __init__(self, level: nn.Module, in_channels: int, channels: int, norm: Norm) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(_layer(in_channels, channels, norm), _layer(channels, channels, norm))
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        self.level = level

    def forward(self, x: Tensor) -> Tensor:
        """Turn B×C×H×W into B×K×H×W."""
        return torch.cat([self.convolutions(x), self.level(self.enlarge(x))], dim=1)


class _LastChannels(nn.Module):
    """Take the last channels: of the stem's result, those of the encoder."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: Tensor) -> Tensor:
        """Turn B×C×H×W into B×channels×H×W."""
        return x[:, -self.channels :]


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
