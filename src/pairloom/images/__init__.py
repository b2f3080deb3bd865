"""The only place where files become arrays and tensors, and tensors become pictures.

A picture is an H×W×C array of uint8 (0 to 255), uint16 (0 to 65535) or float32 (0 to 1); an index map is H×W. Networks
see pictures as C×H×W float tensors in [-1, 1].
"""

from pairloom.images.arrays import (
    Picture,
    UInt8Array,
    for_display,
    half_range,
    resize_class_map,
    resize_picture,
    to_picture,
    to_tensor,
    with_channels,
)
from pairloom.images.deep import ImageInfo
from pairloom.images.formats import EXTENSIONS, READABLE, is_image, is_lfs_pointer
from pairloom.images.in_memory import ImageBytes, ImageFile
from pairloom.images.reading import (
    as_indices,
    as_picture,
    colour_table,
    inspect,
    read_indices,
    read_picture,
)
from pairloom.images.writing import picture_suffix, png_bytes, write_picture

__all__ = [
    "EXTENSIONS",
    "READABLE",
    "ImageBytes",
    "ImageFile",
    "ImageInfo",
    "Picture",
    "UInt8Array",
    "as_indices",
    "as_picture",
    "colour_table",
    "for_display",
    "half_range",
    "inspect",
    "is_image",
    "is_lfs_pointer",
    "picture_suffix",
    "png_bytes",
    "read_indices",
    "read_picture",
    "resize_class_map",
    "resize_picture",
    "to_picture",
    "to_tensor",
    "with_channels",
    "write_picture",
]
