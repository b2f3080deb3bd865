"""Palettes: class names, colours, ids and values; the built-in ones, the user's own, and those found in a data set."""

from pairloom.palette.camvid import CAMVID
from pairloom.palette.cityscapes import (
    CITYSCAPES,
    CITYSCAPES_ALL,
    CITYSCAPES_LABELS,
    CITYSCAPES_TRAIN_IDS,
    COLOUR_COLLISIONS,
    CityscapesLabel,
)
from pairloom.palette.classes import VOID, Colour, Palette, UInt8Array, UnknownValueError
from pairloom.palette.discovery import SoftEdgesError, find_colours, find_indices
from pairloom.palette.files import PALETTES, named_palette, read_palette, write_palette

__all__ = [
    "CAMVID",
    "CITYSCAPES",
    "CITYSCAPES_ALL",
    "CITYSCAPES_LABELS",
    "CITYSCAPES_TRAIN_IDS",
    "COLOUR_COLLISIONS",
    "PALETTES",
    "VOID",
    "CityscapesLabel",
    "Colour",
    "Palette",
    "SoftEdgesError",
    "UInt8Array",
    "UnknownValueError",
    "find_colours",
    "find_indices",
    "named_palette",
    "read_palette",
    "write_palette",
]
