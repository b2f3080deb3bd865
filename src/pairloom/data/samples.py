"""What a sample of files shows: whether a side holds classes, and whether two images show the same scene."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.cpu import cpu_count
from pairloom.data.discovery import find_classes
from pairloom.data.encodings import half
from pairloom.data.pairs import PairFiles, Part
from pairloom.data.readers import Classes
from pairloom.errors import UserError
from pairloom.images import UInt8Array, for_display, read_picture, stretched

_BLEND = 24
"""Levels around black and white that compression leaves in a mask."""
SAMPLE = 12
"""Pairs that are looked at for each reading."""
_SIDE = 96
"""Pixels a side at which edges are compared."""
_ALIKE = 0.15
"""Correlation of edges from which two images may show one scene."""
_LITTLE = 0.04
"""The least by which it must do so where it does in every pair."""
_ENOUGH, _ERRORS = 6, 4
"""Pairs that show that, and by how many standard errors."""
_SAME_AREAS = 0.6
"""Mean IoU of the classes of two label images that are the same; small ones differ at their borders."""
_APART = 0.1
"""By how much it must exceed that of images of different pairs."""

Kind = Literal["classes", "pictures", "unreadable"]


@dataclass(frozen=True)
class SideSample:
    """One side of a sample of pairs.

    Attributes:
        parts: where its images are.
    """

    parts: tuple[Part, ...]

    @cached_property
    def kind(self) -> Kind:
        """Whether the images show classes or are pictures; `unreadable` if none can be read."""
        if self._found is not None:  # classes, or label maps of a kind that is refused, such as instance numbers
            return "classes"
        return "pictures" if self.displayed else "unreadable"

    @cached_property
    def refusal(self) -> UserError | None:
        """Why the classes of its images cannot be read, or the images themselves, where that is so."""
        try:
            if not self.displayed:
                read_picture(self.parts[0].path, any_number=True)
        except UserError as error:
            return error
        return self._found if isinstance(self._found, UserError) else None

    @property
    def class_count(self) -> int:
        """The number of classes that its images show; 0 where that is not known."""
        return len(self._found.palette) if isinstance(self._found, Classes) else 0

    @cached_property
    def _found(self) -> Classes | UserError | None:
        """What its images hold: classes, classes that cannot be read, or none."""
        try:
            return find_classes(self.parts)
        except UserError as error:
            return error

    @cached_property
    def displayed(self) -> dict[Part, UInt8Array]:
        """The images that can be read, H×W×3."""
        with ThreadPoolExecutor(cpu_count()) as pool:
            found = list(pool.map(_displayed, self.parts))
        return {part: image for part, image in zip(self.parts, found, strict=True) if image is not None}

    @cached_property
    def coloured(self) -> bool:
        """Whether most images have colours."""
        chroma = [np.ptp(image[::4, ::4].astype(np.int16), axis=2).mean() for image in self.displayed.values()]
        return bool(chroma) and float(np.median(chroma)) > 2


def sample_sides(pairs: Sequence[PairFiles]) -> tuple[SideSample, SideSample]:
    """Return both sides of some pairs, A first."""
    return SideSample(tuple(pair.a for pair in pairs)), SideSample(tuple(pair.b for pair in pairs))


def kinds_of(sides: tuple[SideSample, SideSample]) -> tuple[str, str]:
    """Return what both sides show: `classes`, `pictures` or `unreadable`."""
    return sides[0].kind, sides[1].kind


def show_one_scene(first: SideSample, second: SideSample, *, surely: bool = False) -> bool:
    """Tell whether the edges of the images of two sides agree pair by pair, and not those of different pairs.

    With `surely` twice the agreement is asked for.
    """
    factor = 2 if surely else 1
    shown = [
        (_edges(first.displayed[a]), _edges(second.displayed[b]))
        for a, b in zip(first.parts, second.parts, strict=True)
        if a in first.displayed and b in second.displayed
    ]
    if not shown:
        return False
    together = np.array([_correlation(a, b) for a, b in shown])
    if len(shown) == 1:
        return bool(together[0] > 2 * factor * _ALIKE)
    crossed = np.array([_correlation(shown[index][0], shown[index - 1][1]) for index in range(len(shown))])
    excess = together - crossed
    if together.mean() > factor * _ALIKE and excess.mean() > factor * _APART:
        return True
    # A drawing's thin lines agree little with a photograph's edges, but they do so in every pair.
    error = excess.std(ddof=1) / np.sqrt(len(excess))
    return bool(len(excess) >= _ENOUGH and excess.mean() > factor * _LITTLE and excess.mean() > _ERRORS * error)


def has_seam(images: Sequence[UInt8Array]) -> bool:
    """Tell whether most images change at their middle column as they do nowhere near it: two pictures meet there."""
    ratios = []
    for image in images:
        grey = image.astype(np.float32).mean(axis=2)
        steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
        middle = grey.shape[1] // 2 - 1
        around = np.concatenate([steps[max(0, middle - 12) : middle - 1], steps[middle + 2 : middle + 13]])
        ratios.append(steps[middle] / max(1e-3, float(around.mean()) if len(around) else 0.0))
    return bool(ratios) and float(np.median(ratios)) > 1.8


def _displayed(part: Part) -> UInt8Array | None:
    try:
        return half(stretched(read_picture(part.path, any_number=True)), part)
    except UserError:
        return None


def _edges(image: UInt8Array) -> NDArray[np.float32]:
    """Return how much an image changes at each place, at `_SIDE` pixels per side."""
    small = Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float32)
    down, across = np.gradient(grey)
    strength: NDArray[np.float32] = np.sqrt(down**2 + across**2)
    return np.minimum(strength, np.percentile(strength, 95) + 1e-3)


def _correlation(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    a, b = first - first.mean(), second - second.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / norm if norm > 0 else 0.0


def same_partition(first: Path, second: Path) -> tuple[bool, bool]:
    """Compare how two label images divide the picture.

    Returns:
        Whether the areas of the first each lie in one area of the second, and the other way round. Both: they show the
        same classes. One: its numbers are finer, such as those of instances.
    """
    a, b = (_areas(path) for path in (first, second))
    if a.shape != b.shape:
        return False, False
    pairs = np.unique(np.stack([a.ravel(), b.ravel()], axis=1), axis=0)
    return len(pairs) == len(np.unique(pairs[:, 0])), len(pairs) == len(np.unique(pairs[:, 1]))


def _areas(path: Path) -> NDArray[np.int64]:
    picture = read_picture(path, any_number=True).astype(np.float64)
    values = np.zeros(picture.shape[:2])
    for channel in range(picture.shape[2]):
        values = values * 65536 + picture[:, :, channel]
    found: NDArray[np.int64] = np.unique(values, return_inverse=True)[1].reshape(picture.shape[:2])
    return found


def show_the_same_areas(first: Path, second: Path) -> bool:
    """Tell whether two label images, of any size, divide the picture alike, but for a few points at borders."""
    a, b = (_points(_areas(path)) for path in (first, second))
    together = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(together, (a, b), 1)
    iou = together / (together.sum(axis=0) + together.sum(axis=1, keepdims=True) - together)
    return all(iou.max(axis=axis).mean() >= _SAME_AREAS for axis in (0, 1))


def _points(areas: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 32×32 values, evenly spaced, as numbers from 0."""
    rows, columns = (np.linspace(0, side - 1, 32).round().astype(int) for side in areas.shape)
    return np.unique(areas[np.ix_(rows, columns)], return_inverse=True)[1].ravel()


def show_the_same(first: Path, second: Path) -> bool:
    """Tell whether two files hold one picture, but for their compression and depth."""
    small = [
        np.asarray(Image.fromarray(shown).resize((32, 32), Image.Resampling.BOX), np.int16)
        for shown in (stretched(read_picture(path, any_number=True)) for path in (first, second))
    ]
    return float(np.abs(small[0] - small[1]).mean()) < 3


def mostly_the_same(masks: SideSample) -> bool:
    """Tell whether masks of two classes hardly differ from file to file, as the outline of a camera's view does."""
    if masks.class_count != 2:
        return False
    areas = []
    for image in masks.displayed.values():
        small = np.asarray(Image.fromarray(image).convert("L").resize((_SIDE, _SIDE), Image.Resampling.NEAREST)) > 127
        areas.append(small if small.mean() < 0.5 else ~small)
    overlaps = [float((a & b).sum()) / max(1.0, float((a | b).sum())) for a, b in pairwise(areas)]
    return len(overlaps) > 1 and min(overlaps) > 0.85


def overlap(paths: Sequence[Path]) -> float:
    """Return the share of the area of some masks (what is not black) that more than one of them covers, 0 to 1."""
    masks = [for_display(read_picture(path)).max(axis=2) > 127 for path in paths]
    if len({mask.shape for mask in masks}) != 1:
        return 1.0
    covered = np.sum(masks, axis=0)
    return float((covered > 1).sum()) / max(1.0, float((covered > 0).sum()))


def is_binary(path: Path) -> bool:
    """Tell whether an image shows two levels at the most, but for the blends at their borders."""
    image = stretched(read_picture(path, any_number=True))
    low, high = int(image.min()), int(image.max())
    if high - low <= 2 * _BLEND:  # numbers of classes, or masks of 0 and 1
        return len(np.unique(image)) <= 2
    near = (image <= low + _BLEND) | (image >= high - _BLEND)
    return bool(near.mean() > 0.95) and bool((np.ptp(image.astype(np.int16), axis=2) <= _BLEND).mean() > 0.99)
