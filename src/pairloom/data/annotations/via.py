"""VGG Image Annotator (VIA 1 and 2): projects and exported annotations in JSON (https://www.robots.ox.ac.uk/~vgg/).

Polygons are drawn by Pillow's rule.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pairloom.data.annotations.json_files import walk
from pairloom.data.annotations.sets import AnnotationSet, EntryFile, Reference, find_entries, read_entry, stamp
from pairloom.data.annotations.shapes import ClassMap, ellipse
from pairloom.data.annotations.values import (
    LARGEST_SIDE,
    AnnotationError,
    as_name,
    as_number,
    as_numbers,
    as_object,
    as_text,
    check_count,
)

NAME = "via"
BOXES_ALONE = "all regions are rectangles: boxes alone do not tell which pixels belong to an object; annotate polygons"
ONLY_CLASS = "object"
"""What regions are called that have no attributes."""
_IMAGES = "_via_img_metadata"
_KEYS = re.compile(rb'"(?:_via_settings|_via_img_metadata|shape_attributes|regions)"\s*:')


def recognises(head: bytes) -> bool:
    """Look for VIA's keys."""
    return _KEYS.search(head) is not None


def find(files: Sequence[Path]) -> list[AnnotationSet]:
    """Read the classes and images of all files; the readable files make one set."""
    return find_entries(NAME, files, _scan, "rect", BOXES_ALONE)


def draw(annotations: AnnotationSet, file: Path, entry: str, canvas: ClassMap) -> None:
    """Draw an image's regions in their order."""
    record = read_entry(annotations, file, entry)
    for number, (label, shape) in enumerate(_regions(record), start=1):
        try:
            _draw_shape(canvas, label, shape)
        except AnnotationError as error:
            raise AnnotationError(f"image {str(record.get('filename'))[:80]!r}, region {number}: {error}") from None


def _scan(path: Path) -> EntryFile | None:
    """Return what a file holds; None where it is none of VIA's."""
    found = EntryFile(stamp(path))
    for member in walk(path, (_IMAGES,)):
        record = member.value
        if (member.container or not member.key.startswith("_via")) and not _is_image(record):
            return None
        if not _is_image(record):
            continue
        name = as_text(record["filename"], f"filename at byte {member.start}").replace("\\", "/")
        found.references.append(Reference(name, path, f"{member.start}-{member.stop}"))
        try:
            for label, shape in _regions(record):
                found.labels.add(label)
                found.kinds.add(str(shape.get("name")))
        except AnnotationError:  # drawing tells
            continue
    return found


def _is_image(record: object) -> bool:
    return isinstance(record, dict) and {"filename", "regions"} <= record.keys()


def _regions(record: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the label and the shape of each region."""
    listed = record["regions"]
    items = list(listed.values()) if isinstance(listed, dict) else listed  # a list since VIA 2
    if not isinstance(items, list):
        raise AnnotationError("regions must be a list")
    for item in items:
        region = as_object(item, "region")
        yield (
            _label(as_object(region.get("region_attributes", {}), "region_attributes")),
            as_object(region.get("shape_attributes"), "shape_attributes"),
        )


def _label(attributes: Mapping[str, Any]) -> str:
    """Return the value of the one attribute that a region has."""
    given = {key: value for key, value in attributes.items() if value not in ("", {}, None)}
    if not attributes:
        return ONLY_CLASS
    if len(given) != 1:
        raise AnnotationError(f"a region has {len(given)} attributes with a value; one, the class, is needed")
    (value,) = given.values()
    if isinstance(value, dict):  # of check boxes
        chosen = [name for name, ticked in value.items() if ticked]
        if len(chosen) != 1:
            raise AnnotationError(f"a region has {len(chosen)} classes; one is needed")
        (value,) = chosen
    return as_name(value, "class of a region")


def _draw_shape(canvas: ClassMap, label: str, shape: Mapping[str, Any]) -> None:
    kind = shape.get("name")

    def number(key: str) -> float:
        return as_number(shape.get(key), key)

    if kind == "polygon":
        x, y = (
            as_numbers(shape.get("all_points_x"), "all_points_x"),
            as_numbers(shape.get("all_points_y"), "all_points_y"),
        )
        if x.ndim != 1 or x.shape != y.shape:
            raise AnnotationError("has lists of x and y that do not fit each other")
        canvas.draw_polygon(label, check_count(np.stack([x, y], axis=1), "polygon", 3))
    elif kind == "rect":
        canvas.draw_box(
            label, (number("x"), number("y"), number("x") + number("width"), number("y") + number("height"))
        )
    elif kind in ("circle", "ellipse"):
        across, down = (number("r"), number("r")) if kind == "circle" else (number("rx"), number("ry"))
        if not 0 <= min(across, down) <= max(across, down) <= LARGEST_SIDE:
            raise AnnotationError("has radii that are negative or far larger than the image")
        degrees = np.degrees(as_number(shape.get("theta", 0), "theta"))
        canvas.draw_polygon(label, ellipse(number("cx"), number("cy"), across, down, float(degrees)))
    else:
        raise AnnotationError(f"is a {kind}, which covers no area; annotate a polygon, or remove it")
