"""The U-Net of pytorch-CycleGAN-and-pix2pix, built anew from its description, to have weights in its own form.

Its blocks nest: each halves, lets the block inside it work, doubles, and hands on its input beside the result.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Kind = Literal["batch", "instance", "none"]


def _norm(kind: Kind, channels: int) -> nn.Module:
    if kind == "batch":
        return nn.BatchNorm2d(channels)
    return nn.InstanceNorm2d(channels) if kind == "instance" else nn.Identity()


class Block(nn.Module):
    """One level; `inside` is the level below, or None for the innermost."""

    def __init__(
        self, given: int, outer: int, inner: int, inside: "Block | None", kind: Kind, *, outermost: bool, dropout: bool
    ) -> None:
        super().__init__()
        self.outermost = outermost
        bias = kind == "instance"
        halve = nn.Conv2d(given, inner, 4, 2, 1, bias=bias)
        incoming = inner if inside is None else 2 * inner
        layers: list[nn.Module]
        if outermost:
            assert inside is not None
            layers = [halve, inside, nn.ReLU(True), nn.ConvTranspose2d(incoming, outer, 4, 2, 1), nn.Tanh()]
        else:
            double = nn.ConvTranspose2d(incoming, outer, 4, 2, 1, bias=bias)
            layers = [nn.LeakyReLU(0.2, True), halve]
            layers += [] if inside is None else [_norm(kind, inner), inside]
            layers += [nn.ReLU(True), double, _norm(kind, outer), *([nn.Dropout(0.5)] if dropout else [])]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made if self.outermost else torch.cat([x, made], 1)


class ForeignGenerator(nn.Module):
    """`unet_128` (7 halvings) or `unet_256` (8), with random weights and running statistics."""

    def __init__(
        self,
        halvings: int,
        width: int = 4,
        *,
        kind: Kind = "batch",
        dropout: bool = True,
        given: int = 3,
        made: int = 3,
    ) -> None:
        super().__init__()
        full = 8 * width
        block = Block(full, full, full, None, kind, outermost=False, dropout=False)
        for _ in range(halvings - 5):
            block = Block(full, full, full, block, kind, outermost=False, dropout=dropout)
        for outer in (4 * width, 2 * width, width):
            block = Block(outer, outer, 2 * outer, block, kind, outermost=False, dropout=False)
        self.model = Block(given, made, width, block, kind, outermost=True, dropout=False)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, 0.0, 0.08)
                if layer.bias is not None:
                    nn.init.normal_(layer.bias, 0.0, 0.2)
            elif isinstance(layer, nn.BatchNorm2d):
                assert layer.running_mean is not None
                assert layer.running_var is not None
                nn.init.normal_(layer.weight, 1.0, 0.2)
                nn.init.normal_(layer.bias, 0.0, 0.2)
                nn.init.normal_(layer.running_mean, 0.0, 0.3)
                nn.init.uniform_(layer.running_var, 0.3, 2.0)

    def forward(self, x: Tensor) -> Tensor:
        made: Tensor = self.model(x)
        return made
