"""Pictures into files."""

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
        elif picture.dtype == np.uint8:
            Image.fromarray(pixels).save(unfinished, format="PNG")
        else:
            unfinished.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(picture)))
