"""What a generator's output means: a picture for the discriminator, class ids or a picture for the user."""

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from pairloom.config import HeadName
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.palette import Palette


class Painter:
    """Looks up a palette's colours on the device: class ids in, a picture in [-1, 1] out."""

    def __init__(self, palette: Palette, device: torch.device) -> None:
        table = torch.from_numpy(palette.table.astype(np.float32) / np.float32(127.5) - np.float32(1)).to(device)
        self._table = table  # 256×3; ids outside the palette are void's colour
        self.colours = table[: len(palette)]
        """The classes' colours, K×3 in [-1, 1]."""

    def __call__(self, ids: Tensor) -> Tensor:
        """Paint class ids (B×H×W, uint8) as a picture (B×3×H×W)."""
        return self._table[ids.long()].permute(0, 3, 1, 2).contiguous()


class Head(Protocol):
    """How an output of the generator is read."""

    channels: int
    """Channels of the generator's output."""
    tanh: bool
    """Whether the generator bounds its output to [-1, 1]."""
    gives_probabilities: bool
    """Whether what may be blended are the shares of the classes, 0 to 1, and not a picture."""
    temporaries: int
    """Numbers that are held at a time while an output is read, per number of it."""

    def target_picture(self, target: Tensor) -> Tensor:
        """Return the picture of a target, B×C×H×W in [-1, 1], that the discriminator sees as true; never NaN."""

    def picture(self, output: Tensor) -> Tensor:
        """Return what the discriminator sees of an output: B×C×H×W in [-1, 1], with a gradient to the output."""

    def probabilities(self, output: Tensor) -> Tensor:
        """Return an output, as what may be averaged and resized: probabilities or a picture."""

    def read(self, output: Tensor) -> Tensor:
        """Return the prediction: class ids, B×H×W uint8, void never among them; or pictures, B×C×H×W."""


class PictureHead:
    """The output is the picture, and that is what is wanted."""

    tanh = True
    gives_probabilities = False
    temporaries = 1

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def target_picture(self, target: Tensor) -> Tensor:
        """Return the target itself, and the lowest number where it holds no reading (NaN)."""
        return target.nan_to_num(-1.0)

    def picture(self, output: Tensor) -> Tensor:
        """Return the output itself."""
        return output

    def probabilities(self, output: Tensor) -> Tensor:
        """Return the output itself."""
        return output

    def read(self, output: Tensor) -> Tensor:
        """Return the output itself."""
        return output


class RgbHead(PictureHead):
    """The output is a picture; a pixel's class is the one of the nearest colour. Every class can occur."""

    def __init__(self, painter: Painter) -> None:
        super().__init__(channels=3)
        self._painter = painter
        self.temporaries = 2 * len(painter.colours)  # differences to every colour, and their squares

    def target_picture(self, target: Tensor) -> Tensor:
        """Return the picture of class ids."""
        return self._painter(target)

    def read(self, output: Tensor) -> Tensor:
        """Return the class of the nearest colour, by Euclidean distance in RGB."""
        pixels = output.float().permute(0, 2, 3, 1)  # B×H×W×3
        distances = (pixels.unsqueeze(-2) - self._painter.colours).square().sum(dim=-1)  # B×H×W×K
        return distances.argmin(dim=-1).to(torch.uint8)


class ClassHead:
    """The output is one logit per class; its picture is the palette colour of the likeliest class.

    The picture is hard, as true targets are, so that the discriminator cannot win by telling blended colours from pure
    ones; its gradient is that of the softmax's expected colour (a straight-through estimator, Bengio et al., 2013).
    """

    tanh = False
    gives_probabilities = True
    temporaries = 1

    def __init__(self, painter: Painter) -> None:
        self.target_picture = painter
        self._colours = painter.colours
        self.channels = len(painter.colours)

    def picture(self, output: Tensor) -> Tensor:
        """Return pure palette colours whose gradient is that of the expected colour."""
        soft = torch.einsum("bkhw,kc->bchw", output.float().softmax(dim=1), self._colours)
        return self.target_picture(self.read(output)) + (soft - soft.detach())

    def probabilities(self, output: Tensor) -> Tensor:
        """Return the softmax, B×K×H×W, whose largest entry is the class as it is of logits."""
        return output.float().softmax(dim=1)

    def read(self, output: Tensor) -> Tensor:
        """Return the class of the largest logit, or share."""
        ids, _ = largest(output)
        return ids


@torch.no_grad()
def largest(output: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first class with the largest number (B×H×W, uint8), and that number, of B×K×H×W."""
    if output.device.type != "cpu":
        values, classes = output.max(dim=1)
        return classes.to(torch.uint8), values
    # Class by class, in passes over whole maps, takes a tenth of the time of torch's search along the second dimension.
    best = output[:, 0].clone()
    ids = torch.zeros_like(best, dtype=torch.uint8)
    for index in range(1, output.shape[1]):
        larger = (output[:, index] > best).view(torch.uint8)
        torch.maximum(ids, larger * index, out=ids)
        torch.maximum(best, output[:, index], out=best)
    return ids, best


def require_targets(name: HeadName, palette: Palette | None) -> None:
    """Raise UserError if a head needs classes and the targets are pictures."""
    if name == "classes" and palette is None:
        raise UserError(
            "model.head classes needs class maps as targets, but these are pictures; use --preset photo, "
            "or --data.target classes with --data.palette"
        )


def build_head(name: HeadName, target: ImageSpec, device: torch.device) -> Head:
    """Build the head that `model.head` names, for targets of this kind.

    Raises:
        UserError: if a class head is asked for where targets are pictures.
    """
    require_targets(name, target.palette)
    if target.palette is None:
        return PictureHead(target.channels)
    painter = Painter(target.palette, device)
    return ClassHead(painter) if name == "classes" else RgbHead(painter)
