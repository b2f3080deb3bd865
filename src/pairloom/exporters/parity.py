"""Whether an exported model says the same as the model that it was made of, tried on pictures at several sizes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.evaluation.splits import EvaluationSplit
from pairloom.images import Picture, filled, limits, resize_picture, with_channels
from pairloom.models.translation import TranslationModel
from pairloom.palette import CITYSCAPES
from pairloom.streets import draw_street

LARGEST_DIFFERENCE = 1e-3
"""On the scale of [-1, 1]."""
LEAST_AGREEMENT = 0.999
"""Share of the pixels that must get the same class."""
PICTURES = 3
"""How many are tried, at each size."""

RunExported = Callable[[Picture], tuple[Tensor, NDArray[np.uint8] | None]]
"""Runs an exported model on a picture: its answer, 1×C×H×W, and the class ids, H×W, where it gives any."""


class Samples(NamedTuple):
    """Pictures to try a model on."""

    pictures: Sequence[Picture]
    origin: str
    """What they are, in words."""


@dataclass(frozen=True)
class Parity:
    """How closely an exported model agrees with PyTorch.

    Attributes:
        pictures: how many were tried, each at every size.
        origin: what they are, in words.
        sizes: at which they were tried.
        difference: the largest absolute difference of any number of the answers, on the scale of [-1, 1] (shares of
            classes, 0 to 1, are stretched to it).
        agreement: share of the pixels that got the same class; None where the answer is a picture.
    """

    pictures: int
    origin: str
    sizes: tuple[Size, ...]
    difference: float
    agreement: float | None

    def describe(self) -> str:
        """Return a sentence for the terminal."""
        *others, last = map(str, self.sizes)
        sizes = f"{', '.join(others)} and {last}" if others else last
        agreement = "" if self.agreement is None else f", class agreement {self.agreement:.3%}"
        return (
            f"compared with PyTorch on {self.pictures} {self.origin} at {sizes}: largest difference "
            f"{self.difference:.1e} in [-1, 1]{agreement}"
        )

    def require(self, what: str) -> None:
        """Raise UserError that names `what` if the two do not agree."""
        agreed = self.agreement is None or self.agreement >= LEAST_AGREEMENT
        if not (self.difference <= LARGEST_DIFFERENCE and agreed):  # so that a NaN does not pass
            raise UserError(
                f"{what}: differs from PyTorch and was not kept ({self.describe()}; limits: "
                f"{LARGEST_DIFFERENCE:.0e} and {LEAST_AGREEMENT:.1%}); please report this with the model's config.json"
            )


def sample_pictures(run: Path, model: TranslationModel, count: int = PICTURES) -> Samples:
    """Return sources that a model knows: the run's first validation pairs, or generated streets where it has none.

    Args:
        run: the run folder or model folder that the model is from.
        model: the model.
        count: how many.
    """
    try:
        split = EvaluationSplit.open(run, model, None, "val")
        pictures = [split[index].source for index in range(min(count, len(split)))]
    except (UserError, OSError):
        pictures = []
    if pictures:
        return Samples(pictures, "validation pictures")
    return Samples([_street(index, model) for index in range(count)], "generated streets")


def _street(index: int, model: TranslationModel) -> Picture:
    photograph, ids = draw_street(0, index, *model.size)
    return street_as(CITYSCAPES.to_colours(ids) if model.source.palette else photograph, model.source)


def street_as(picture: NDArray[np.uint8], side: ImageSpec) -> Picture:
    """Bring a colour picture to the channels and numbers of a model's sources; further channels repeat the colours."""
    if side.channels > 3:
        values: Picture = picture[:, :, np.arange(side.channels) % 3]
    else:
        values = with_channels(picture, side.channels, "the picture") if side.channels != 2 else picture[:, :, :2]
    if side.dtype == "uint8":
        return values
    low, high = limits(side.dtype, side.values)
    numbers = low + values.astype(np.float32) * np.float32((high - low) / 255)
    return numbers if side.dtype == "float32" else numbers.round().astype(np.uint16)


def sizes_to_try(model: TranslationModel) -> tuple[Size, ...]:
    """Return the model's size, a smaller and a larger one that its stride does not divide; or the model's alone."""
    height, width = model.size
    if model.works_at_its_size_only:
        return (model.size,)
    return model.size, Size(height * 3 // 4 + 1, width * 3 // 4 + 3), Size(height * 4 // 3 + 5, width * 5 // 4 + 1)


def compare(model: TranslationModel, exported: RunExported, samples: Samples, sizes: tuple[Size, ...]) -> Parity:
    """Run both on every picture at every size, one at a time."""
    distances: list[float] = []
    same = pixels = 0
    for picture in samples.pictures:
        for size in sizes:
            source = filled(resize_picture(picture, size, values=model.source.values), model.source.values)
            answer, ids = exported(source)
            expected = model.output(source)
            distances.append((answer - expected).abs().max().item() * (2 if model.config.head == "classes" else 1))
            if ids is not None:
                truth = model.head.read(expected)[0].cpu().numpy()
                same += int((ids == truth).sum())
                pixels += truth.size
    agreement = same / pixels if pixels else None
    # NumPy's maximum keeps a NaN, which Python's may lose.
    return Parity(len(samples.pictures), samples.origin, sizes, float(np.max(distances)), agreement)
