"""The only place where files become arrays and tensors, and tensors become pictures.

A picture is an H×W×C array of uint8 (0 to 255), uint16 (0 to 65535) or float32 (0 to 1), or its numbers are in units of
their own, of which `Values` tells the range; an index map is H×W. Networks see pictures as C×H×W float tensors in
[-1, 1].
"""

from pairloom.images.arrays import (
    Picture,
    UInt8Array,
    for_display,
    resize_class_map,
    resize_picture,
    stretched,
    to_picture,
    to_tensor,
    with_channels,
)
from pairloom.images.deep import ImageInfo
from pairloom.images.formats import EXTENSIONS, READABLE, is_image, is_lfs_pointer
from pairloom.images.in_memory import ImageBytes, ImageFile
from pairloom.images.masks import as_indices, read_indices
from pairloom.images.reading import (
    ReducedPicture,
    as_picture,
    colour_table,
    exif_orientation,
    inspect,
    no_data,
    read_picture,
    read_reduced,
)
from pairloom.images.turning import turned_back
from pairloom.images.values import WHOLE, Range, Values, filled, limits, without_reading
from pairloom.images.writing import picture_bytes, picture_suffix, png_bytes, write_picture

__all__ = [
    "EXTENSIONS",
    "READABLE",
    "WHOLE",
    "ImageBytes",
    "ImageFile",
    "ImageInfo",
    "Picture",
    "Range",
    "ReducedPicture",
    "UInt8Array",
    "Values",
    "as_indices",
    "as_picture",
    "colour_table",
    "exif_orientation",
    "filled",
    "for_display",
    "inspect",
    "is_image",
    "is_lfs_pointer",
    "limits",
    "no_data",
    "picture_bytes",
    "picture_suffix",
    "png_bytes",
    "read_indices",
    "read_picture",
    "read_reduced",
    "resize_class_map",
    "resize_picture",
    "stretched",
    "to_picture",
    "to_tensor",
    "turned_back",
    "with_channels",
    "without_reading",
    "write_picture",
]
