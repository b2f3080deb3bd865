"""One pair: where its images are, and what they hold once decoded."""

from pathlib import Path
from typing import Literal, NamedTuple

from pairloom.config import Size
from pairloom.images import WHOLE, Picture, Values, resize_class_map, resize_picture


class Part(NamedTuple):
    """Where one image of a pair is: a file, half of one, several files, or an entry of an annotation file."""

    path: Path
    half: Literal["whole", "left", "right"] = "whole"
    more: tuple[Path, ...] = ()
    """Further files that make up the image, such as one mask per object."""
    entry: str = ""
    """The entry of an annotation file that describes the image; empty for image files."""
    image: Path | None = None
    """The image that an annotation describes; its size is the size of the class map."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All files from which the image is read."""
        return (self.path, *self.more)


class PairFiles(NamedTuple):
    """The files of one pair: A is the first or left image (the photograph, as a rule), B the second."""

    name: str
    a: Part
    b: Part


class Pair(NamedTuple):
    """A source and a target of the same height and width."""

    name: str
    source: Picture
    """H×W×C."""
    target: Picture
    """Class ids, H×W uint8, `VOID` where there is no class; or a picture, H×W×C."""
    source_values: Values = WHOLE
    """What the numbers of the source mean."""
    target_values: Values = WHOLE
    """What those of a target picture mean."""

    @property
    def size(self) -> Size:
        """Height and width."""
        return Size(*self.source.shape[:2])

    def resized(self, size: Size, box: tuple[float, float, float, float] | None = None) -> "Pair":
        """Resize the pair, or the part of it in `box`: pictures bilinear, class ids nearest; aspect is not kept."""
        source = resize_picture(self.source, size, box, self.source_values)
        return self._replace(source=source, target=self.resized_target(size, box))

    def resized_target(self, size: Size, box: tuple[float, float, float, float] | None = None) -> Picture:
        """Resize the target alone: class ids (H×W) by nearest neighbour, a picture (H×W×C) bilinearly."""
        if self.target.ndim == 2:
            return resize_class_map(self.target, size, box)
        return resize_picture(self.target, size, box, self.target_values)
