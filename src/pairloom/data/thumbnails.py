"""Small versions of pictures and class maps, on which whole data sets can be compared quickly."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import Size
from pairloom.images import Picture, UInt8Array

FloatArray = NDArray[np.float32]

_CHANNELS = 3
"""Channels that are looked at; further ones add nothing to where edges lie."""


def shrunk(picture: Picture, size: Size) -> FloatArray:
    """Average a picture (H×W×C) down to a size, H×W×C float32 with three channels at the most.

    8-bit pictures keep their range, 0 to 255; deeper ones are stretched from their least value to their largest.
    """
    target = (size.width, size.height)
    if picture.dtype == np.uint8 and picture.shape[2] in (1, _CHANNELS):
        image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
        # Reduced by a whole number first, which is quick, then to the size.
        small = np.asarray(image.resize(target, Image.Resampling.BOX, reducing_gap=1.0), dtype=np.float32)
        return small.reshape(size.height, size.width, -1)
    step = max(1, min(picture.shape[0] // size.height, picture.shape[1] // size.width) // 2)
    values = picture[::step, ::step, :_CHANNELS].astype(np.float32)
    if picture.dtype != np.uint8:
        low, high = float(values.min()), float(values.max())
        values = (values - low) * (255 / (high - low if high > low else 1.0))
    channels = [
        np.asarray(Image.fromarray(np.ascontiguousarray(plane)).resize(target, Image.Resampling.BOX))
        for plane in values.transpose(2, 0, 1)
    ]
    return np.stack(channels, axis=2)


def sampled(ids: UInt8Array, size: Size) -> UInt8Array:
    """Take the class ids (H×W) at the points of a grid of that size."""
    return np.asarray(Image.fromarray(ids).resize((size.width, size.height), Image.Resampling.NEAREST))


def is_blank(picture: Picture, small: FloatArray) -> bool:
    """Tell whether a picture (H×W×C) shows nothing: one value everywhere, but for what compression leaves.

    Args:
        picture: the picture.
        small: it, made small; where that shows something, the picture is not looked through.
    """
    if float(np.ptp(small, axis=(0, 1)).max()) > _LEFT_BY_COMPRESSION and picture.dtype == np.uint8:
        return False
    spread = max(float(np.ptp(picture[:, :, channel])) for channel in range(picture.shape[2]))
    return spread <= (_LEFT_BY_COMPRESSION if picture.dtype == np.uint8 else 0)


_LEFT_BY_COMPRESSION = 4
"""Levels of 255 by which a blank JPEG may vary."""
