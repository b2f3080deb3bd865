"""Which files are images: the endings of their names, the formats that are decoded, and what stands in for a file."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, UnidentifiedImageError, features

from pairloom.files import LFS_POINTER
from pairloom.images.avif import find_frames
from pairloom.images.deep import Unfit, require_bearable, require_one_frame
from pairloom.images.in_memory import ImageFile, head, readable

# Rarer formats have been ways around Pillow's guard against decompression bombs.
FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "PPM", "GIF", "AVIF", "JPEG2000")
"""Formats that Pillow decodes, by its names; HEIC and NumPy arrays are read besides."""
EXTENSIONS = frozenset(
    {
        *(".png", ".jpg", ".jpeg", ".jfif", ".webp", ".tif", ".tiff", ".bmp", ".ppm", ".pgm", ".pbm", ".pnm"),
        *(".gif", ".avif", ".heic", ".heif", ".hif", ".jp2", ".npy"),
    }
)
READABLE = f"{', '.join(FORMATS)}, HEIC, npy"
"""The formats as messages name them."""

JP2_HEAD = 4096
"""Bytes in which a JPEG 2000 file says how deep it is."""


def is_image(path: Path) -> bool:
    """Tell by its name whether a file in a folder is an image; hidden files are none."""
    return path.suffix.lower() in EXTENSIONS and not path.name.startswith(".") and path.is_file()


def is_lfs_pointer(file: ImageFile) -> bool:
    """Tell whether a file, image or not, is a Git LFS pointer in place of the file; False where it cannot be read."""
    try:
        return head(file, len(LFS_POINTER)) == LFS_POINTER
    except OSError:
        return False


@contextmanager
def opened(path: ImageFile) -> Iterator[Image.Image]:
    """Open an image that is not decoded yet.

    Raises:
        Unfit: for an animation, which is no single image, and for what Pillow would read with loss.
        UnidentifiedImageError: for what is none of the formats.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of large images, for which our own limit is lower, and of missing decoders
        try:
            image = Image.open(readable(path), formats=FORMATS)
        except UnidentifiedImageError as error:
            if head(path, 12)[4:] == b"ftypavif" and not features.check("avif"):
                raise Unfit("is an AVIF image, which this build of Pillow does not decode; convert it") from error
            raise
    with image:
        require_one_frame(image)
        if image.format == "JPEG2000":
            _require_whole_bytes(image, head(path, JP2_HEAD))
        if image.format == "AVIF":
            _require_true_size(image, path)
        yield image


def _require_true_size(image: Image.Image, path: ImageFile) -> None:
    """Raise Unfit for AVIF files whose frames have another size than the file's head says; see `avif`."""
    frames = find_frames(path.read_bytes())
    for width, height in frames.sizes:
        require_bearable(height, width, 4, 1)
    if image.size not in frames.sizes and not frames.tiled:
        raise Unfit("has frames of another size than its header; save it again")


def _require_whole_bytes(image: Image.Image, start: bytes) -> None:
    """Raise Unfit for JPEG 2000 files whose numbers Pillow would scale: all but 8 bits, and 16 bits of grey."""
    place = start.find(b"ihdr")  # ISO/IEC 15444-1, I.5.3.1: height, width, components, bits less 1
    bits = start[place + 14] + 1 if 0 <= place < len(start) - 14 else 0
    if bits != (16 if image.mode == "I;16" else 8):
        raise Unfit("is a JPEG 2000 image of other than 8 bits, or 16 bits of grey; save it as TIFF")
