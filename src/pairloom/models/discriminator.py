"""The conditional patch discriminators of pix2pix (P. Isola et al., CVPR 2017, section 6.1.2)."""

import torch
from torch import Tensor, nn

from pairloom.config import PatchName
from pairloom.models.convolution import Conv2d
from pairloom.models.layers import Norm, initialize_weights

HALVINGS: dict[PatchName, int] = {"patch142": 4, "patch70": 3}
"""Layers of stride 2 before the two of stride 1."""


class PatchDiscriminator(nn.Module):
    """Judges patches of a (source, target) pair; each cell of its output sees `receptive_field` pixels per side.

    Args:
        source_channels: channels of the source.
        target_channels: channels of the target.
        width: channels of the first layer; they double at each halving up to 8 × width.
        patch: `patch142`, the original's, gives 16×16 cells for a 256×256 pair; `patch70`, the paper's, 30×30.
        norm: normalisation of all layers but the first and the last.
    """

    def __init__(
        self,
        source_channels: int = 3,
        target_channels: int = 3,
        *,
        width: int = 64,
        patch: PatchName = "patch142",
        norm: Norm = Norm("batch"),  # noqa: B008 (immutable)
    ) -> None:
        super().__init__()
        halvings = HALVINGS[patch]
        # At stride 1 a 4×4 kernel cannot be centred. The original keeps the side ('same': 1 before, 2 after); the
        # paper's 70×70 discriminator pads by 1 and loses a row and a column.
        pad = nn.ZeroPad2d((1, 2, 1, 2) if patch == "patch142" else 1)
        widths = [width * min(2**level, 8) for level in range(halvings + 1)]
        layers: list[nn.Module] = [
            Conv2d(source_channels + target_channels, width, kernel_size=4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        for level in range(1, halvings):
            layers += [
                Conv2d(widths[level - 1], widths[level], kernel_size=4, stride=2, padding=1),
                norm(widths[level]),
                nn.LeakyReLU(0.2),
            ]
        layers += [
            pad,
            Conv2d(widths[-2], widths[-1], kernel_size=4),
            norm(widths[-1]),
            nn.LeakyReLU(0.2),
            pad,
            Conv2d(widths[-1], 1, kernel_size=4),
        ]
        self.layers = nn.Sequential(*layers)
        initialize_weights(self)

    @property
    def receptive_field(self) -> int:
        """Side, in pixels, of the square that one cell of the output sees."""
        side = 1
        for layer in reversed(self.layers):
            if isinstance(layer, nn.Conv2d):
                side = (side - 1) * layer.stride[0] + layer.kernel_size[0]
        return side

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Answer B×3×H×W and B×3×H×W with one logit a patch, B×1×h×w; above 0 means a true pair."""
        logits: Tensor = self.layers(torch.cat([source, target], dim=1))
        return logits
