"""What a generator's answer means: a picture for the discriminator, class ids for the user."""

from typing import Literal, Protocol

import torch
from torch import Tensor

from pairloom.palette import Palette

HeadName = Literal["classes", "rgb"]


class Painter:
    """Looks up a palette's colours on the device: class ids in, a picture in [-1, 1] out."""

    def __init__(self, palette: Palette, device: torch.device) -> None:
        table = torch.from_numpy(palette.table).to(device).float().div_(127.5).sub_(1.0)
        self._table = table  # 256×3; ids outside the palette are void's black
        self.colours = table[: len(palette)]
        """The classes' colours, K×3 in [-1, 1]."""

    def __call__(self, ids: Tensor) -> Tensor:
        """Paint class ids (B×H×W, uint8) as a picture (B×3×H×W)."""
        return self._table[ids.long()].permute(0, 3, 1, 2).contiguous()


class Head(Protocol):
    """How an answer of the generator is read."""

    channels: int
    """Channels that the generator must answer with."""
    tanh: bool
    """Whether the generator bounds its answer to [-1, 1]."""

    def picture(self, answer: Tensor) -> Tensor:
        """Return what the discriminator sees: B×3×H×W in [-1, 1], with a gradient to the answer."""

    def ids(self, answer: Tensor) -> Tensor:
        """Return the class ids, B×H×W uint8; void is never among them."""


class RgbHead:
    """The answer is the picture; a pixel's class is the one of the nearest colour. Every class can be answered."""

    channels = 3
    tanh = True

    def __init__(self, painter: Painter) -> None:
        self._colours = painter.colours

    def picture(self, answer: Tensor) -> Tensor:
        """Return the answer itself."""
        return answer

    def ids(self, answer: Tensor) -> Tensor:
        """Return the class of the nearest colour, by Euclidean distance in RGB."""
        pixels = answer.float().permute(0, 2, 3, 1)  # B×H×W×3
        distances = (pixels.unsqueeze(-2) - self._colours).square().sum(dim=-1)  # B×H×W×K
        return distances.argmin(dim=-1).to(torch.uint8)


class ClassHead:
    """The answer is one logit a class; its picture is the palette colour of the likeliest class.

    The picture is hard, as true targets are, so that the discriminator cannot win by telling blended colours from pure
    ones; its gradient is that of the softmax's expected colour (a straight-through estimator, Bengio et al., 2013).
    """

    tanh = False

    def __init__(self, painter: Painter) -> None:
        self._paint = painter
        self._colours = painter.colours
        self.channels = len(painter.colours)

    def picture(self, answer: Tensor) -> Tensor:
        """Return pure palette colours whose gradient is that of the expected colour."""
        soft = torch.einsum("bkhw,kc->bchw", answer.float().softmax(dim=1), self._colours)
        return self._paint(self.ids(answer)) + (soft - soft.detach())

    def ids(self, answer: Tensor) -> Tensor:
        """Return the class of the largest logit."""
        return answer.argmax(dim=1).to(torch.uint8)


HEADS: dict[HeadName, type[RgbHead] | type[ClassHead]] = {"rgb": RgbHead, "classes": ClassHead}
"""Every head by the name that `model.head` takes."""
