"""Small versions of pictures and class maps, by which thousands of pairs are compared quickly.

A pixel here and there is picked where averaging all of them would cost more time than decoding the file.
"""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from pairloom.images import Picture, UInt8Array

Number = TypeVar("Number", bound=np.generic)

POINTS = 128
"""Points along the longer side, roughly; smaller images have one for each pixel."""
_BLANK_SPREAD = 4
"""Levels of 255 by which a picture of one colour may vary once it is a JPEG."""

Points = NDArray[np.int16]
"""C×H×W: the channels of a small picture, 0 to 255."""


GLANCE = 64
"""Rows and columns of a glance, roughly."""


def glance(picture: Picture) -> UInt8Array:
    """Return some pixels of a picture (H×W×C), evenly spaced, of its green or only channel: about 64×64, 0 to 255.

    It takes a hundredth of the time of decoding. Deep pictures are stretched from their least value to their largest.
    """
    down, across = (max(1, round(side / GLANCE)) for side in picture.shape[:2])
    channel = picture[down // 2 :: down, across // 2 :: across, min(1, picture.shape[2] - 1)]
    if picture.dtype == np.uint8:
        return np.ascontiguousarray(channel)
    return _as_levels(channel.astype(np.float32)).astype(np.uint8)


class Raster(NamedTuple):
    """Where in images of one size the points lie."""

    step: int
    """Pixels from one point to the next."""
    height: int
    width: int
    """Points to each side, even numbers."""

    @classmethod
    def of(cls, height: int, width: int) -> "Raster":
        """Return the raster of images of that size."""
        step = max(1, round(max(height, width) / POINTS))
        return cls(step, height // step // 2 * 2, width // step // 2 * 2)

    def shrink(self, picture: Picture, reduced: int = 1) -> Points:
        """Return a small version of a picture (H×W×C) with its first three channels at the most.

        Deep pictures are stretched from their least value to their largest.

        Args:
            picture: the picture.
            reduced: how many of its file's pixels each of its own averages to each side; a divisor of the step.
        """
        channels, step = range(min(3, picture.shape[2])), self.step // reduced
        places = (step // 4, step // 4 + step // 2) if step > 1 else (0,)
        samples = [np.array([self._picked(picture[:, :, channel], at, step) for channel in channels]) for at in places]
        if picture.dtype != np.uint8:
            samples = list(_as_levels(np.array(samples, dtype=np.float32)))
        points: Points = samples[0].astype(np.int16)
        return (points + samples[1].astype(np.int16)) >> 1 if len(samples) > 1 else points

    def pick(self, ids: UInt8Array) -> UInt8Array:
        """Return the class ids (H×W) at the points."""
        return self._picked(ids, self.step // 2, self.step)

    def _picked(self, plane: NDArray[Number], at: int, step: int) -> NDArray[Number]:
        return plane[at::step, at::step][: self.height, : self.width]


def _as_levels(numbers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Stretch numbers to 0 to 255; those that are none, such as NaN where nothing was measured, become 0."""
    known = np.isfinite(numbers)
    if not known.any():
        return np.zeros_like(numbers)
    low, high = float(numbers[known].min()), float(numbers[known].max())
    return np.where(known, (numbers - low) * (255 / (high - low if high > low else 1)), 0)


def is_blank(picture: Picture, seen: UInt8Array) -> bool:
    """Tell whether a picture (H×W×C) shows nothing: one value everywhere, but for what compression leaves.

    Args:
        picture: the picture.
        seen: a glance at it; where that shows something, the picture is not looked through.
    """
    if int(seen.max()) - int(seen.min()) > _BLANK_SPREAD:
        return False
    spread = max(float(np.ptp(picture[:, :, channel])) for channel in range(picture.shape[2]))
    return spread <= (_BLANK_SPREAD if picture.dtype == np.uint8 else 0)
