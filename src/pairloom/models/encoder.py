"""What the generator needs of a pretrained encoder."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Encoder(nn.Module, ABC):
    """A network that turns sources in [-1, 1] into feature maps.

    It normalises sources as its own training did, and its norms never follow the batches.

    Attributes:
        strides: pixels of the source to a pixel of each map, per side: powers of two, each twice the one before. The
            sides of sources must be multiples of the last.
        channels: of each map.
        levels: blocks that make the maps, each from the map before, the first from the source at twice its size: what
            tiles need. None if only the whole can be computed, as with attention.
        margins: with levels: how far a pixel of the generator's output sees through its blocks down to one halving,
            two, and so on, in pixels of the source.
    """

    strides: tuple[int, ...]
    channels: tuple[int, ...]
    levels: nn.ModuleList | None
    margins: tuple[int, ...] = ()

    @abstractmethod
    def forward(self, source: Tensor) -> list[Tensor]:
        """Turn B×C×H×W in [-1, 1] into maps of B×channels×H/stride×W/stride, the finest first."""

    @abstractmethod
    def load_pretrained(self) -> None:
        """Take the weights with which training begins.

        Raises:
            UserError: if they cannot be read or do not fit.
        """
