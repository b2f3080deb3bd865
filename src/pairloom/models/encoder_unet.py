"""A U-Net (O. Ronneberger et al., 2015) whose encoder has learned to see before."""

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from pairloom.models.convolution import Conv2d, enlarge_and_convolve
from pairloom.models.encoder import Encoder
from pairloom.models.generator import EncoderDecoder
from pairloom.models.layers import Norm


class EncoderUNet(EncoderDecoder):
    """A pretrained encoder, convolutions of the source itself, and a decoder.

    The decoder doubles the sides from the encoder's coarsest map to the source's. Beside each of its blocks lie the
    encoder's map of that size; and at the source's own size, and at sizes of which the encoder has none, the result of
    two convolutions that begin at the source.

    Args:
        encoder: with levels, or whole; see `Encoder`.
        in_channels: channels of the source.
        out_channels: channels of the output.
        width: of the decoder, whose blocks have 4, 2, 1 and 0.5 times as many, 0.5 at the source's size.
        fine_width: channels of the 3×3 convolutions of the source.
        norm: normalisation of all layers but the encoder's.
        tanh: bound the output to [-1, 1]; False gives bare logits.
    """

    def __init__(
        self,
        encoder: Encoder,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        width: int = 32,
        fine_width: int = 32,
        norm: Norm = Norm("instance"),  # noqa: B008 (immutable)
        tanh: bool = True,
    ) -> None:
        super().__init__()
        self.stride = encoder.strides[-1]
        self.can_tile = encoder.levels is not None
        self._margins = encoder.margins
        self._encoder = (encoder,)  # in a tuple: its parameters have their names below
        if encoder.levels is not None:
            first, *between, last = encoder.levels
            self.stem = _Stem(first, in_channels, fine_width, norm)
            second = nn.Sequential(_LastChannels(encoder.channels[0]), between[0])
            self.encoder = nn.ModuleList([second, *between[1:]])
            self.bottleneck = last
            trained: list[nn.Module] = [self.stem.convolutions]
        else:
            self.stem, self.encoder, self.bottleneck = None, nn.ModuleList(), nn.Identity()  # one block is all of them
            self.fine = _FineLevels(in_channels, fine_width, max(2, encoder.strides[0]), norm)
            self.backbone = encoder
            trained = [self.fine]
        skips = dict(zip(encoder.strides[:-1], encoder.channels[:-1], strict=True))
        decoder = []
        below, stride = encoder.channels[-1], self.stride
        while stride > 1:
            stride //= 2
            fine = fine_width if stride == 1 or stride < encoder.strides[0] else 0
            channels = max(1, round(min(stride / 2, 4) * width))
            decoder.append(_DecoderBlock(below, skips.get(stride, 0) + fine, channels, norm))
            below = channels
        self.decoder = nn.ModuleList(decoder)
        self.head = nn.Sequential(
            Conv2d(below, out_channels, kernel_size=3, padding=1), nn.Tanh() if tanh else nn.Identity()
        )
        for part in (*trained, self.decoder, self.head):
            _initialize(part)

    def forward(self, source: Tensor) -> Tensor:
        """Translate B×in_channels×H×W in [-1, 1] to B×out_channels×H×W."""
        if not torch.compiler.is_compiling():  # an exported program would be bound to the layout of one batch size
            # Depthwise convolutions are a quarter quicker where the channels of a pixel lie side by side.
            source = source.contiguous(memory_format=torch.channels_last)
        return super().forward(source)

    def pretrained_parameters(self) -> Iterator[nn.Parameter]:
        """Yield the parameters of the encoder."""
        return self._encoder[0].parameters()

    def load_pretrained(self) -> None:
        """Take the encoder's pretrained weights; raise UserError if they cannot be read or do not fit."""
        self._encoder[0].load_pretrained()

    def margin(self, halvings: int) -> int:
        """Return how far a pixel of the output sees through the blocks down to so many halvings, in pixels per side."""
        return self._margins[halvings - 1]

    def translate_coarsely(self, x: Tensor, first: int) -> Tensor:
        """Go from the result of the down block before `first`, or from the source, to what the decoder makes of it."""
        if self.can_tile:
            return super().translate_coarsely(x, first)
        fine: list[Tensor] = self.fine(x)
        *skips, deepest = self.call_block(self.backbone, x)
        if self._encoder[0].strides[0] == 1:
            skips[0] = torch.cat([fine[0], skips[0]], dim=1)
            fine = []
        return self.decode(deepest, [*fine, *skips], 0)

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


class _FineLevels(nn.ModuleList):
    """Convolutions of the source: two at its own size, and two more at each size down to a stride, this excluded."""

    def __init__(self, in_channels: int, channels: int, stride: int, norm: Norm) -> None:
        super().__init__()
        for level in range(stride.bit_length() - 1):
            first = _layer(in_channels, channels, norm, stride=1 if level == 0 else 2)
            self.append(nn.Sequential(first, _layer(channels, channels, norm)))
            in_channels = channels

    def forward(self, x: Tensor) -> list[Tensor]:
        """Turn B×C×H×W into B×channels×H×W, B×channels×H/2×W/2 …"""
        results = []
        for level in self:
            x = level(x)
            results.append(x)
        return results


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
        self.layers = nn.Sequential(
            _layer(in_channels + skip_channels, out_channels, norm), _layer(out_channels, out_channels, norm)
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        """Turn B×in_channels×H×W and B×skip_channels×2H×2W into B×out_channels×2H×2W."""
        first, second = cast("tuple[nn.Sequential, nn.Module]", tuple(self.layers))
        convolved = enlarge_and_convolve(x, cast("Conv2d", first[0]), skip)
        output: Tensor = second(first[2](first[1](convolved)))
        return output


def _layer(in_channels: int, out_channels: int, norm: Norm, *, stride: int = 1) -> nn.Module:
    convolution = Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1)
    # A convolution's own result may be a view that its gradient needs; a norm's is not.
    return nn.Sequential(convolution, norm(out_channels), nn.ReLU(inplace=norm.name != "none"))


def _initialize(part: nn.Module) -> None:
    """Draw convolution weights as fits layers with ReLU (K. He et al., 2015); biases start at 0."""
    for layer in part.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
