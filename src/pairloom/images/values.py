"""What the numbers of pictures mean: the range that is used, and the number that stands for no reading."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pairloom.images.arrays import Picture

Range = tuple[float, float]
"""Lowest and highest number, in the data's own units."""


class Values(NamedTuple):
    """What the numbers of the pictures of one side mean.

    Attributes:
        range: what is -1 and 1 for a network, in the data's own units; None is the whole range of each picture's dtype:
            0 to 255 for uint8, 0 to 65535 for uint16, 0 to 1 for float32.
        no_reading: pixels that hold this number in every channel hold no reading; None where every number is one.
            NaN and infinite numbers are no reading in any case.
    """

    range: Range | None = None
    no_reading: float | None = None

    def __str__(self) -> str:
        words = f" in {self.range[0]:g} to {self.range[1]:g}" if self.range else ""
        return words if self.no_reading is None else f"{words} ({self.no_reading:g} is no reading)"


WHOLE = Values()
"""The whole range of a dtype, and every number a reading."""


def limits(dtype: np.dtype[Any] | str, values: Values = WHOLE) -> Range:
    """Return the range of pictures of a dtype: the lowest and the highest number that is used."""
    if values.range is not None:
        return values.range
    return (0.0, 1.0) if np.dtype(dtype) == np.float32 else (0.0, float(np.iinfo(dtype).max))


def filled(picture: "Picture", values: Values = WHOLE) -> "Picture":
    """Return a picture with the lowest number of its range where it holds no reading."""
    empty = without_reading(picture, values)
    if empty is None:
        return picture
    return np.where(empty[:, :, None], limits(picture.dtype, values)[0], picture).astype(picture.dtype)


def without_reading(picture: "Picture", values: Values = WHOLE) -> NDArray[np.bool_] | None:
    """Return which pixels (H×W) of a picture (H×W×C) hold no reading; None where that is none."""
    empty = None
    if values.no_reading is not None:
        # Compared in the picture's own precision: -3.4e38 in float32 is another number than in float64.
        empty = (picture == np.float32(values.no_reading)).all(axis=2)
    if picture.dtype == np.float32:
        odd = ~np.isfinite(picture).all(axis=2)
        empty = odd if empty is None else empty | odd
    return empty if empty is not None and empty.any() else None
