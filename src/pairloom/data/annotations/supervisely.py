"""Supervisely: a JSON file for each image, `ann/NAME.jpg.json` beside `img/NAME.jpg` (https://docs.supervisely.com).

Polygons are drawn by Pillow's rule; their holes are left out with their outline.
"""

import base64
import binascii
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pairloom.data.annotations.json_files import LARGEST_VALUE, read_json
from pairloom.data.annotations.sets import AnnotationSet, ImageShapes, find_images
from pairloom.data.annotations.shapes import ClassMap
from pairloom.data.annotations.values import (
    LARGEST_SIDE,
    AnnotationError,
    as_list,
    as_name,
    as_numbers,
    as_object,
    as_points,
    as_side,
    as_text,
)
from pairloom.errors import UserError
from pairloom.images import ImageBytes, read_picture

NAME = "supervisely"
BOXES_ALONE = (
    "all objects are rectangles: boxes alone do not tell which pixels belong to an object; annotate polygons or bitmaps"
)
_KEYS = re.compile(rb'"(?:classTitle|objects)"\s*:')
_LARGEST_PNG = 2**26


def recognises(head: bytes) -> bool:
    """Look for the list of objects, and what else stands at its side."""
    return _KEYS.search(head) is not None and re.search(rb'"size"\s*:', head) is not None


def find(files: Sequence[Path]) -> list[AnnotationSet]:
    """Read the classes of all files."""
    return find_images(NAME, files, _scan, _image, BOXES_ALONE)


def _image(path: Path) -> str:
    return f"../img/{path.name.removesuffix('.json')}"


def _scan(path: Path) -> ImageShapes | None:
    record = read_json(path)
    if not isinstance(record, dict) or not {"size", "objects"} <= record.keys():
        return None
    shapes = [
        (
            as_name(item.get("classTitle"), f"{where}: classTitle"),
            as_text(item.get("geometryType"), f"{where}: geometryType", 80),
        )
        for item, where in _objects(record)
    ]
    return ImageShapes(_image(path), {label for label, _ in shapes}, {kind for _, kind in shapes})


def draw(annotations: AnnotationSet, file: Path, entry: str, canvas: ClassMap) -> None:
    """Draw a file's objects in their order."""
    record = as_object(read_json(file), "the file")
    size = as_object(record.get("size"), "size")
    canvas.check_size(as_side(size.get("height"), "height"), as_side(size.get("width"), "width"))
    for item, where in _objects(record):
        label = as_name(item.get("classTitle"), f"{where}: classTitle")
        try:
            _draw_object(canvas, label, item)
        except AnnotationError as error:
            raise AnnotationError(f"{where} ({label}): {error}") from None


def _objects(record: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for number, item in enumerate(as_list(record.get("objects"), "objects"), start=1):
        yield as_object(item, f"object {number}"), f"object {number}"


def _draw_object(canvas: ClassMap, label: str, item: Mapping[str, Any]) -> None:
    kind = item.get("geometryType")
    if kind == "bitmap":
        _draw_bitmap(canvas, label, as_object(item.get("bitmap"), "bitmap"))
        return
    if kind not in ("polygon", "rectangle"):
        raise AnnotationError(f"is a {kind}, which covers no area or is not read; annotate a polygon, or remove it")
    points = as_object(item.get("points"), "points")
    exterior = as_points(points.get("exterior"), "exterior", 2 if kind == "rectangle" else 3)
    if kind == "rectangle":
        (left, top), (right, bottom) = exterior.min(axis=0).tolist(), exterior.max(axis=0).tolist()
        canvas.draw_box(label, (left, top, right, bottom))
    else:
        holes = [as_points(hole, "interior") for hole in as_list(points.get("interior", []), "interior")]
        canvas.draw_polygon(label, exterior, holes)


def _draw_bitmap(canvas: ClassMap, label: str, bitmap: Mapping[str, Any]) -> None:
    """Draw a mask that lies in the file as a deflated PNG; its origin is its first pixel."""
    origin = as_numbers(bitmap.get("origin"), "origin")
    if origin.shape != (2,) or abs(origin).max() > LARGEST_SIDE:
        raise AnnotationError("origin must be a point in the image")
    try:
        unpacker = zlib.decompressobj()
        packed = base64.b64decode(as_text(bitmap.get("data"), "data", LARGEST_VALUE), validate=True)
        content = unpacker.decompress(packed, _LARGEST_PNG)
        if unpacker.unconsumed_tail:
            raise AnnotationError("has a bitmap that is too large")
        picture = read_picture(ImageBytes("bitmap.png", content))
    except (binascii.Error, zlib.error) as error:
        raise AnnotationError(f"has a damaged bitmap ({error})") from None
    except UserError as error:
        raise AnnotationError(str(error)) from None
    canvas.draw_mask(label, picture.max(axis=2) > 0, int(origin[0]), int(origin[1]))
