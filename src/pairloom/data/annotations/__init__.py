"""What annotation tools write, read as class maps.

To add a format, write a module with `NAME`, `recognises`, `find` and `draw`, and name it in `formats.py`.
"""

from pairloom.data.annotations.formats import FORMATS, find_annotations
from pairloom.data.annotations.matching import match_references
from pairloom.data.annotations.reader import AnnotationReader
from pairloom.data.annotations.sets import AnnotationSet, Reference
from pairloom.data.annotations.shapes import BACKGROUND

__all__ = [
    "BACKGROUND",
    "FORMATS",
    "AnnotationReader",
    "AnnotationSet",
    "Reference",
    "find_annotations",
    "match_references",
]
