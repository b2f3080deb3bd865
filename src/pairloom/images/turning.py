"""How cameras turn their images, and turning them back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

ORIENTATION = 0x0112
"""The tag that tells, 1 to 8; 5 to 8 exchange height and width (EXIF 2.3, section 4.6.4)."""

NOTES_HEAD = 1 << 16
"""Bytes at the beginning of a file that `may_be_turned` looks at."""


def orientation(image: Image.Image) -> int:
    """Return how an image is turned, without decoding it; 1 where its EXIF data are odd."""
    try:
        if image.format == "PNG":  # getexif would decode the whole image to look behind it
            exif = Image.Exif()
            exif.load(image.info.get("exif", b""))
        else:
            exif = image.getexif()
        number = exif.get(ORIENTATION, 1)
    except Exception:  # a photograph need not be lost for its notes, whose damage shows in many ways
        return 1
    return number if number in range(1, 9) else 1


def may_be_turned(start: bytes) -> bool:
    """Tell from how a file begins whether it may say that its image is turned: False for most PNG and JPEG files.

    Saves opening them: in both formats, notes on the image stand before its pixels.
    """
    if start.startswith(b"\x89PNG"):
        notes, pixels, _ = start.partition(b"IDAT")
        return not pixels or b"eXIf" in notes
    if start.startswith(b"\xff\xd8"):
        return b"\xff\xda" not in start or b"Exif" in start or b"rientation" in start
    return True


def turned_back(pixels: NDArray[Any], number: int) -> NDArray[Any]:
    """Undo `upright`."""
    if number in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if number in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if number >= 5:
        pixels = pixels.swapaxes(0, 1)
    return np.ascontiguousarray(pixels)


def upright(pixels: NDArray[Any], number: int) -> NDArray[Any]:
    """Turn an image (H×W×C) back that is turned so."""
    if number >= 5:
        pixels = pixels.swapaxes(0, 1)
    if number in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if number in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)
