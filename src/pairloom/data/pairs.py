"""One decoded pair."""

from typing import NamedTuple

from pairloom.config import Size
from pairloom.images import Picture, resize_class_map, resize_picture


class Pair(NamedTuple):
    """A source and a target of the same height and width."""

    name: str
    source: Picture
    """H×W×C."""
    target: Picture
    """Class ids, H×W uint8, `VOID` where there is no class; or a picture, H×W×C."""

    @property
    def size(self) -> Size:
        """Height and width."""
        return Size(*self.source.shape[:2])

    def resized(self, size: Size, box: tuple[float, float, float, float] | None = None) -> "Pair":
        """Resize the pair, or the part of it in `box`: pictures bilinear, class ids nearest; aspect is not kept."""
        return Pair(self.name, resize_picture(self.source, size, box), resize_target(self.target, size, box))


def resize_target(target: Picture, size: Size, box: tuple[float, float, float, float] | None = None) -> Picture:
    """Resize class ids (H×W) by nearest neighbour, or a picture (H×W×C) bilinearly."""
    return resize_class_map(target, size, box) if target.ndim == 2 else resize_picture(target, size, box)
