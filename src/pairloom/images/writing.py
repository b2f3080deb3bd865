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
    if picture.ndim == 2:
        picture = picture[:, :, None]
    if path.suffix != picture_suffix(picture.shape[2], picture.dtype.name):
        raise ValueError(f"{path} cannot hold {picture.shape[2]} channels of {picture.dtype}")
    pixels = picture[:, :, 0] if picture.shape[2] == 1 else picture
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        if path.suffix == ".tif":
            planes = "contig" if pixels.ndim == 3 else None
            tifffile.imwrite(unfinished, pixels, photometric="minisblack", planarconfig=planes, metadata=None)
        else:
            unfinished.write_bytes(png_bytes(picture))


def png_bytes(picture: Picture) -> bytes:
    """Return a picture (H×W×1 or H×W×3, of 8 or 16 bits) or class ids (H×W) as the contents of a PNG file."""
    if picture.dtype != np.uint8:
        return bytes(imagecodecs.png_encode(np.ascontiguousarray(picture)))
    pixels = picture[:, :, 0] if picture.shape[2:] == (1,) else picture
    contents = io.BytesIO()
    Image.fromarray(pixels).save(contents, format="PNG")
    return contents.getvalue()
