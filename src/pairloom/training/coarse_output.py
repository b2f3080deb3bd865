"""Deep supervision (C.-Y. Lee et al., AISTATS 2015): a second, coarser output that a generator learns from too."""

from torch import Tensor, nn

from pairloom.models.generator import EncoderDecoder

STRIDE = 4
"""Pixels of the source to one of the coarse output, per side."""


class CoarseOutput(nn.Module):
    """Class logits of the features that a decoder has at a quarter of the source's sides; in training alone.

    It keeps these features of each of the generator's passes that are trained on, and is called after the pass.

    Args:
        generator: whose decoder it watches.
        classes: channels of the output.
    """

    def __init__(self, generator: EncoderDecoder, classes: int) -> None:
        super().__init__()
        blocks = generator.stride.bit_length() - 1 - (STRIDE.bit_length() - 1)  # from the bottleneck's sides to these
        block = generator.decoder[max(0, blocks - 1)]
        channels = [layer for layer in block.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]
        self.logits = nn.Conv2d(channels[-1].out_channels, classes, kernel_size=1)
        self._features: Tensor | None = None
        block.register_forward_hook(self._keep)

    def _keep(self, _block: nn.Module, _inputs: object, output: Tensor) -> None:
        self._features = output if output.requires_grad else None

    def forward(self) -> Tensor:
        """Return the logits of the last pass, B×classes×H/4×W/4."""
        if self._features is None:
            raise RuntimeError("the generator has made no pass that is trained on")
        features, self._features = self._features, None
        logits: Tensor = self.logits(features)
        return logits
