"""Pictures into files."""

import io
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from pairloom.files import replacing
from pairloom.images.arrays import Picture


def picture_suffix(channels: int, dtype: str) -> str:
    """Return the ending of files that can hold such pictures: `.png`, or `.tif` for what PNG cannot hold."""
    return ".png" if channels in (1, 3) and dtype in ("uint8", "uint16") else ".tif"


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture (H×W×C) or class ids (H×W uint8); never leaves a half-written file under the final name.

    Raises:
        ValueError: if files with this ending cannot hold such a picture.
    """
    channels = 1 if picture.ndim == 2 else picture.shape[2]
    if path.suffix != picture_suffix(channels, picture.dtype.name):
        raise ValueError(f"{path} cannot hold {channels} channels of {picture.dtype}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        unfinished.write_bytes(picture_bytes(picture))


def picture_bytes(picture: Picture) -> bytes:
    """Return a picture (H×W×C), or class ids (H×W), as the contents of a file; see `picture_suffix`."""
    pixels = picture[:, :, 0] if picture.shape[2:] == (1,) else picture
    if picture_suffix(1 if pixels.ndim == 2 else pixels.shape[2], pixels.dtype.name) == ".png":
        return png_bytes(picture)
    contents = io.BytesIO()
    planes = "contig" if pixels.ndim == 3 else None
    tifffile.imwrite(contents, pixels, photometric="minisblack", planarconfig=planes, metadata=None)
    return contents.getvalue()


def png_bytes(picture: Picture) -> bytes:
    """Return a picture (H×W×1 or H×W×3, of 8 or 16 bits) or class ids (H×W) as the contents of a PNG file."""
    if picture.dtype != np.uint8:
        return bytes(imagecodecs.png_encode(np.ascontiguousarray(picture)))
    pixels = picture[:, :, 0] if picture.shape[2:] == (1,) else picture
    contents = io.BytesIO()
    Image.fromarray(pixels).save(contents, format="PNG")
    return contents.getvalue()
