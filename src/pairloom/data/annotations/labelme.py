"""LabelMe: a JSON file for each image; drawn as LabelMe's own `shapes_to_label` draws (https://labelme.io)."""

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pairloom.data.annotations.json_files import LARGEST_VALUE, read_json
from pairloom.data.annotations.sets import AnnotationSet, ImageShapes, find_images
from pairloom.data.annotations.shapes import ClassMap, Label
from pairloom.data.annotations.values import (
    LARGEST_SIDE,
    AnnotationError,
    as_list,
    as_name,
    as_object,
    as_points,
    as_side,
    as_text,
)
from pairloom.errors import UserError
from pairloom.images import ImageBytes, inspect, read_indices

NAME = "labelme"
LINE_WIDTH = 10
"""Pixels; what LabelMe's converters draw lines with."""
IGNORED = "__ignore__"
"""The label of shapes that LabelMe's converters write as void."""
BOXES_ALONE = (
    "all shapes are rectangles: boxes alone do not tell which pixels belong to an object; annotate polygons or masks"
)
_KEYS = re.compile(rb'"(?:shapes|imageData|imagePath)"\s*:')
_POLYGONS = ("polygon", "oriented_rectangle", "rotation")


def recognises(head: bytes) -> bool:
    """Look for one of LabelMe's keys."""
    return _KEYS.search(head) is not None


def find(files: Sequence[Path]) -> list[AnnotationSet]:
    """Read the labels of all files; LabelMe names its files as the image."""
    return find_images(NAME, files, _scan, lambda path: path.stem, BOXES_ALONE)


def _scan(path: Path) -> ImageShapes | None:
    record = read_json(path)
    if not isinstance(record, dict) or not {"shapes", "imagePath"} <= record.keys():
        return None
    image = as_text(record["imagePath"], "imagePath").replace("\\", "/")
    shapes = [(as_name(shape.get("label"), f"{where}: label"), _kind(shape, where)) for shape, where in _shapes(record)]
    return ImageShapes(image, {label for label, _ in shapes} - {IGNORED}, {kind for _, kind in shapes})


def draw(annotations: AnnotationSet, file: Path, entry: str, canvas: ClassMap) -> None:
    """Draw a file's shapes in their order."""
    record = as_object(read_json(file), "the file")
    sides = [as_side(record[side], side) for side in ("imageHeight", "imageWidth") if record.get(side) is not None]
    if len(sides) == 2:
        canvas.check_size(*sides)
    for shape, where in _shapes(record):
        label = as_name(shape.get("label"), f"{where}: label")
        try:
            _draw_shape(canvas, None if label == IGNORED else label, _kind(shape, where), shape)
        except AnnotationError as error:
            raise AnnotationError(f"{where} ({label}): {error}") from None


def _shapes(record: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for number, shape in enumerate(as_list(record.get("shapes"), "shapes"), start=1):
        yield as_object(shape, f"shape {number}"), f"shape {number}"


def _kind(shape: Mapping[str, Any], where: str) -> str:
    """Return the kind of a shape; the first versions of LabelMe knew polygons only, and did not write it."""
    kind = shape.get("shape_type")
    return "polygon" if kind is None else as_text(kind, f"{where}: shape_type", 80)


def _draw_shape(canvas: ClassMap, label: Label, kind: str, shape: Mapping[str, Any]) -> None:
    if kind in _POLYGONS:
        canvas.draw_polygon(label, as_points(shape.get("points"), "points"))
    elif kind in ("line", "linestrip"):
        canvas.draw_line(label, as_points(shape.get("points"), "points", 2), LINE_WIDTH)
    elif kind in ("rectangle", "circle", "mask"):
        points = as_points(shape.get("points"), "points", 2)
        (x, y), (far_x, far_y) = points[0].tolist(), points[-1].tolist()
        if kind == "rectangle":
            # Other versions write all four corners.
            (x, y), (far_x, far_y) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
            canvas.draw_box(label, (x, y, far_x, far_y))
        elif kind == "circle":
            canvas.draw_circle(label, (x, y), math.hypot(x - far_x, y - far_y))
        else:
            _draw_mask(canvas, label, shape.get("mask"), (x, y, far_x, far_y))
    else:
        raise AnnotationError(f"is a {kind}, which covers no area; annotate a polygon, or remove it")


def _draw_mask(canvas: ClassMap, label: Label, given: object, box: tuple[float, ...]) -> None:
    """Draw a mask that lies in the file as a PNG; the box names its first and its last pixel."""
    if max(map(abs, box)) > LARGEST_SIDE:
        raise AnnotationError("has a mask far outside of the image")
    left, top, right, bottom = map(int, box)
    try:
        content = base64.b64decode(as_text(given, "mask", LARGEST_VALUE), validate=True)
        name = ImageBytes("mask.png", content)
        info = inspect(name)
        if (info.height, info.width) != (bottom - top + 1, right - left + 1):
            raise AnnotationError(f"has a mask of {info.width}×{info.height} pixels that does not fill its box")
        mask = read_indices(name)
    except binascii.Error:
        raise AnnotationError("has a mask that is not Base64") from None
    except UserError as error:
        raise AnnotationError(str(error)) from None
    canvas.draw_mask(label, mask > 0, left, top)
