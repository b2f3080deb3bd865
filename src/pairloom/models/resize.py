"""A generator's output brought to another size, a band of rows at a time: the whole of it need not fit into memory."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from pairloom.config import Size

BAND_NUMBERS = 2**22
"""Numbers of a band at its new size, up to the row that passes them."""

Rows = Callable[[int, int], Tensor]
"""Returns the rows from one to another of an output, 1×C×rows×w; asked for from the top down, some of them twice."""


class Band(NamedTuple):
    """Some rows of a resized output."""

    rows: slice
    output: Tensor
    """1×C×rows×W."""


def resized_bands(rows: Rows, channels: int, size: Size, target: Size, weight: int = 1) -> Iterator[Band]:
    """Resize an output bilinearly, and without aliasing where it gets smaller; yield bands of it from the top down.

    Args:
        rows: gives the output.
        channels: of the output.
        size: of the output.
        target: the size that is wanted.
        weight: how many numbers what is done with a band needs for each number in it.
    """
    step = max(1, BAND_NUMBERS // (channels * target.width * weight))
    for first in range(0, target.height, step):
        last = min(first + step, target.height)
        if size.height == target.height:
            band = rows(first, last)
        else:
            top, bottom, weights = _weights(size.height, target.height, first, last)
            part = rows(top, bottom).float()
            band = torch.einsum("oi,bciw->bcow", weights.to(part.device), part)
        if size.width < target.width:
            band = F.interpolate(band.float(), size=(last - first, target.width), mode="bilinear")
        elif size.width > target.width:
            _, _, weights = _weights(size.width, target.width, 0, target.width)
            band = torch.einsum("oi,bchi->bcho", weights.to(band.device), band.float())
        yield Band(slice(first, last), band)


def _weights(side: int, target: int, first: int, last: int) -> tuple[int, int, Tensor]:
    """Return which pixels of a side make the target's from `first` to `last`, and their weights, last-first × pixels.

    Weights fall linearly with the distance of the pixels' centres, to 0 at one pixel of the coarser of both grids; what
    lies outside is left out, which is the same as to repeat the border where there get more.
    """
    step = side / target
    reach = max(step, 1.0)
    centres = (torch.arange(first, last, dtype=torch.float64) + 0.5) * step - 0.5
    top = max(0, math.floor(centres[0].item() - reach) + 1)
    bottom = min(side, math.ceil(centres[-1].item() + reach))
    distances = (torch.arange(top, bottom, dtype=torch.float64) - centres[:, None]).abs()
    weights = (1 - distances / reach).clamp(min=0)
    return top, bottom, (weights / weights.sum(dim=1, keepdim=True)).float()
