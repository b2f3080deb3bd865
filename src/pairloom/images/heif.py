"""HEIC, the format of many phones, by the optional library pillow-heif."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pairloom.errors import UserError
from pairloom.images.in_memory import ImageFile

BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"})
"""Brands (ISO/IEC 23008-12, annex B) that say that the images of a file are coded in HEVC."""
HEAD = 64
"""Bytes in which a file names its brands."""
CHANNELS = {"L": 1, "I": 1, "LA": 1, "La": 1}
"""Channels without alpha by the first word of a mode; all other modes are colours."""


def is_heif(start: bytes) -> bool:
    """Tell by the first `HEAD` bytes of a file whether it is a HEIC image."""
    if start[4:8] != b"ftyp":
        return False
    brands = start[8 : min(len(start), int.from_bytes(start[:4]))]
    return any(brands[place : place + 4] in BRANDS for place in range(0, len(brands), 4))


def opened(path: ImageFile) -> Any:
    """Return the image of a file, of several the primary one, at its own depth; it is decoded when its data are read.

    Raises:
        UserError: if pillow-heif is not installed.
    """
    try:
        import pillow_heif
    except ImportError as error:
        raise UserError(f"{path}: is a HEIC image; to read it, pip install 'pairloom[heif]'") from error
    images = pillow_heif.open_heif(path.read_bytes(), convert_hdr_to_8bit=False)
    return images[images.primary_index]


def channels(image: Any) -> int:
    """Return the channels of an image without its transparency."""
    return CHANNELS.get(image.mode.partition(";")[0], 3)


def dtype(image: Any) -> Literal["uint8", "uint16"]:
    """Return the kind of its numbers: of 8 bits, or of 10 and 12, which fill 16."""
    return "uint16" if ";" in image.mode else "uint8"


def pixels(image: Any) -> NDArray[Any]:
    """Decode an image: H×W×C, without transparency, turned upright by the file's own notes."""
    values = np.asarray(image)
    return values.reshape(*values.shape[:2], -1)[:, : image.size[0], : channels(image)]
