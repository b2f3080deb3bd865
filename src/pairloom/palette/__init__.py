"""Palettes: class names, colours, ids and values; the built-in ones, the user's own, and those found in a data set."""

from pairloom.palette.camvid import CAMVID
from pairloom.palette.cityscapes import (
    CITYSCAPES,
    CITYSCAPES_ALL,
    CITYSCAPES_LABELS,
    CITYSCAPES_TRAIN_IDS,
    COLOUR_COLLISIONS,
    CityscapesLabel,
    written_palette,
)
from pairloom.palette.class_files import find_class_names
from pairloom.palette.class_names import ClassNames, NamedClass
from pairloom.palette.classes import VOID, Colour, Palette, UInt8Array, UnknownValueError
from pairloom.palette.discovery import SoftEdgesError, find_colours, find_indices
from pairloom.palette.files import PALETTES, named_palette, read_palette, write_palette
from pairloom.palette.naming import name_classes
from pairloom.palette.problems import palette_problems

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
    "ClassNames",
    "Colour",
    "NamedClass",
    "Palette",
    "SoftEdgesError",
    "UInt8Array",
    "UnknownValueError",
    "find_class_names",
    "find_colours",
    "find_indices",
    "name_classes",
    "named_palette",
    "palette_problems",
    "read_palette",
    "write_palette",
    "written_palette",
]
