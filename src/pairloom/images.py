"""The only place where files become arrays and tensors, and tensors become pictures.

Pictures are H×W×3 uint8 RGB arrays, class maps H×W uint8 arrays. Networks see pictures as 3×H×W float tensors in
[-1, 1].
"""

import struct
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from pairloom.config import Size
from pairloom.errors import UserError

UInt8Array = NDArray[np.uint8]

# Rarer formats have been ways around Pillow's guard against decompression bombs.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM")
EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".ppm"})


def is_image(path: Path) -> bool:
    """Tell by its name whether a file in a folder is an image; hidden files are none."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()


def _open(path: Path) -> Image.Image:
    """Read and decode an image file whole, so that a truncated file is found here."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.load()
            return ImageOps.exif_transpose(image)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        raise UserError(f"{path}: not an image that can be read ({', '.join(FORMATS)})") from error
    # Pillow raises whatever the damaged bytes led to.
    except (OSError, SyntaxError, ValueError, TypeError, struct.error, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: the image is damaged or too large ({error})") from error


def read_picture(path: Path) -> UInt8Array:
    """Read an image file as RGB (H×W×3), turned upright by its EXIF orientation.

    Raises:
        UserError: if the file is missing, damaged or not an image.
    """
    image = _open(path)
    if image.mode.startswith(("I", "F")):
        raise UserError(f"{path}: holds {image.mode} pixels; only 8 bits a channel are read, so convert it first")
    if "transparency" in image.info:
        image = image.convert("RGBA")
    return np.asarray(image.convert("RGB"))


def read_class_map(path: Path) -> UInt8Array:
    """Read an 8-bit greyscale or palette image as it is stored: one class index a pixel (H×W).

    Raises:
        UserError: if the file cannot be read or holds colours.
    """
    image = _open(path)
    if image.mode not in ("L", "P"):
        raise UserError(f"{path}: holds {image.mode} pixels where one class index a pixel was expected (mode L or P)")
    return np.asarray(image)


def write_png(path: Path, picture: UInt8Array) -> None:
    """Write a picture (H×W×3) or class map (H×W) as PNG; never leaves a half-written file under the final name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    Image.fromarray(picture).save(unfinished, format="PNG")
    unfinished.replace(path)


def resize_picture(picture: UInt8Array, size: Size, box: tuple[float, float, float, float] | None = None) -> UInt8Array:
    """Resize a picture, or the part of it in `box` (left, top, right, bottom), bilinearly and without aliasing."""
    if box is None and picture.shape[:2] == size:
        return picture
    image = Image.fromarray(picture)
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.BILINEAR, box=box))


def resize_class_map(ids: UInt8Array, size: Size, box: tuple[float, float, float, float] | None = None) -> UInt8Array:
    """Resize a class map, or the part of it in `box`, by nearest neighbour: classes are never mixed."""
    if box is None and ids.shape == size:
        return ids
    image = Image.fromarray(ids)
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.NEAREST, box=box))


def to_tensor(picture: UInt8Array) -> Tensor:
    """Turn a picture (H×W×3, 0 to 255) into what networks see (3×H×W float32 in [-1, 1])."""
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1).float().div_(127.5).sub_(1.0)


def to_picture(tensor: Tensor) -> UInt8Array:
    """Turn a 3×H×W tensor in [-1, 1] back into a picture; values outside are clipped."""
    scaled = tensor.detach().float().add(1.0).mul(127.5).round().clamp(0, 255)
    picture: UInt8Array = scaled.to(torch.uint8).permute(1, 2, 0).cpu().numpy()
    return picture
