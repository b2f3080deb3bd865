"""Label Studio: JSON and JSON-MIN exports, with polygons, brushes, ellipses and rectangles (https://labelstud.io).

Coordinates are percentages of the image. Polygons are drawn by Pillow's rule, their corners cut down to whole pixels.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from pairloom.data.annotations.json_files import walk
from pairloom.data.annotations.sets import AnnotationSet, EntryFile, Reference, find_entries, read_entry, stamp
from pairloom.data.annotations.shapes import ClassMap, box_corners, ellipse, turn
from pairloom.data.annotations.values import (
    AnnotationError,
    Points,
    as_list,
    as_name,
    as_number,
    as_object,
    as_points,
    as_side,
    as_text,
)
from pairloom.images import EXTENSIONS, UInt8Array

NAME = "label-studio"
BOXES_ALONE = (
    "all regions are rectangles: boxes alone do not tell which pixels belong to an object; annotate polygons or brushes"
)
_KEYS = re.compile(rb'"(?:annotations|completions|original_width)"\s*:')
_LABELS = ("polygonlabels", "brushlabels", "ellipselabels", "rectanglelabels", "labels")
"""Keys under which a region's labels are."""
_NO_AREAS = ("keypointlabels", "vectorlabels", "bitmasklabels", "hypertextlabels", "videorectangle", "keypoint")
_ROUNDING = 0.01
"""Pixels by which a percentage may have been rounded down."""

_LARGEST_SIZE = 1000
"""Percent."""

Region = tuple[str, str, dict[str, Any]]
"""Kind, label, and values."""


def recognises(head: bytes) -> bool:
    """Look for a list of tasks."""
    return head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"[") and _KEYS.search(head) is not None


def find(files: Sequence[Path]) -> list[AnnotationSet]:
    """Read the labels and images of all files' tasks; the readable files make one set."""
    return find_entries(NAME, files, _scan, "rectangle", BOXES_ALONE)


def draw(annotations: AnnotationSet, file: Path, entry: str, canvas: ClassMap) -> None:
    """Draw a task's regions in their order."""
    task = read_entry(annotations, file, entry)
    for number, (kind, label, value) in enumerate(_regions(task), start=1):
        where = f"task at byte {entry.split('-')[0]}, region {number} ({label})"
        try:
            canvas.check_size(
                as_side(value.get("original_height"), "original_height"),
                as_side(value.get("original_width"), "original_width"),
            )
            _draw_region(canvas, kind, label, value)
        except AnnotationError as error:
            raise AnnotationError(f"{where}: {error}") from None


def _scan(path: Path) -> EntryFile | None:
    """Return what a file holds; None where its items are no tasks."""
    found = EntryFile(stamp(path))
    for member in walk(path, ()):
        task = member.value
        if member.key or not isinstance(task, dict) or not _is_task(task):
            return None
        if not _is_annotated(task):
            continue
        where = f"task at byte {member.start}"
        entry = f"{member.start}-{member.stop}"
        found.references.append(Reference(_image(task, where), path, entry))
        try:
            for kind, label, _ in _regions(task):
                found.labels.add(label)
                found.kinds.add(kind)
        except AnnotationError:  # drawing tells
            continue
    return found


def _is_task(task: Mapping[str, Any]) -> bool:
    if isinstance(task.get("data"), dict):
        return isinstance(task.get("annotations", task.get("completions")), list)
    return bool(_flat_regions(task)) or {"annotator", "annotation_id"} <= task.keys()


def _image(task: Mapping[str, Any], where: str) -> str:
    """Return the name of a task's image, out of an address or a path."""
    data = task["data"] if isinstance(task.get("data"), dict) else task
    named = {key: name for key, value in data.items() if isinstance(value, str) and (name := _file_name(value))}
    if "image" not in named and len(named) != 1:
        raise AnnotationError(f"{where}: names {len(named)} images; one is needed")
    return as_text(named.get("image", next(iter(named.values()))), f"{where}: image")


def _file_name(address: str) -> str | None:
    """Return the path within an address that ends like an image's; None for other texts."""
    if len(address) > 4096:
        return None
    try:
        parts = urlsplit(address.replace("\\", "/"))
        path = parse_qs(parts.query).get("d", [unquote(parts.path)])[0]
    except ValueError:
        return None
    return path if PurePosixPath(path).suffix.lower() in EXTENSIONS else None


def _regions(task: Mapping[str, Any]) -> Iterator[Region]:
    """Yield the regions of the one annotation that a task has."""
    results = _flat_regions(task)
    if isinstance(task.get("data"), dict):
        kept = _annotations(task)
        best = [annotation for annotation in kept if annotation.get("ground_truth")] or kept
        if len(best) > 1:
            raise AnnotationError(f"the task has {len(best)} annotations; keep one, or mark one as ground truth")
        results = as_list(best[0].get("result", []), "result") if best else []
    labelled = {result.get("id") for result in results if isinstance(result, dict) and result.get("type") == "labels"}
    for result in results:
        result = as_object(result, "result")
        value = result.get("value")
        kind = result.get("type")
        if not isinstance(value, dict) or (
            kind in ("polygon", "brush", "ellipse", "rectangle") and result.get("id") in labelled
        ):
            continue
        if (geometry := _geometry(value, kind)) is None:
            continue
        sides = {side: result.get(side) for side in ("original_width", "original_height", "image_rotation")}
        labels = as_list(next((value[key] for key in _LABELS if key in value), []), "labels")
        if len(labels) != 1:
            raise AnnotationError(f"a {geometry} has {len(labels)} labels; one is needed")
        yield geometry, as_name(labels[0], "label"), {**value, **sides}


def _is_annotated(task: Mapping[str, Any]) -> bool:
    """Tell whether somebody has annotated a task, if only to say that nothing is there."""
    return bool(_annotations(task)) if isinstance(task.get("data"), dict) else True


def _annotations(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the annotations of a task that were not cancelled."""
    given = as_list(task.get("annotations", task.get("completions")), "annotations")
    return [found for each in given if not (found := as_object(each, "annotation")).get("was_cancelled")]


def _flat_regions(task: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the regions of JSON-MIN, in the shape of those of JSON."""
    found: list[dict[str, Any]] = []
    for items in task.values():
        if isinstance(items, list):
            found += [{**item, "value": item} for item in items if isinstance(item, dict) and "original_width" in item]
    return found


def _geometry(value: Mapping[str, Any], kind: object) -> str | None:
    """Tell what a result outlines; None where it is a choice or a text about the image."""
    if kind in _NO_AREAS or any(key in value for key in _NO_AREAS):
        raise AnnotationError(f"a region is of the kind {kind}, which is not read; annotate polygons or brushes")
    for key, geometry in (("rle", "brush"), ("points", "polygon"), ("radiusX", "ellipse"), ("width", "rectangle")):
        if key in value:
            return geometry
    return None


def _draw_region(canvas: ClassMap, kind: str, label: str, value: Mapping[str, Any]) -> None:
    if value.get("image_rotation"):
        raise AnnotationError("was drawn on a turned image; turn the image itself")
    if kind == "brush":
        size = canvas.height, canvas.width
        alpha = decode_brush(as_list(value["rle"], "rle"), 4 * size[0] * size[1]).reshape(*size, 4)[:, :, 3]
        canvas.draw_mask(label, alpha > 0, 0, 0)
        return
    if kind == "polygon":
        points = as_points(value["points"], "points") * (canvas.width / 100, canvas.height / 100)
    else:
        points = _outline(canvas, kind, value)
    canvas.draw_polygon(label, np.floor(points + _ROUNDING))


def _outline(canvas: ClassMap, kind: str, value: Mapping[str, Any]) -> Points:
    """Return the corners of an ellipse or a rectangle in pixels."""
    keys = ("x", "y", "radiusX", "radiusY") if kind == "ellipse" else ("x", "y", "width", "height")
    x, y, across, down = (as_number(value.get(key), key) for key in keys)
    if not 0 <= min(across, down) <= max(across, down) <= _LARGEST_SIZE:
        raise AnnotationError("has a size that is negative or far larger than the image")
    degrees = as_number(value.get("rotation") or 0, "rotation")
    # Turning keeps angles in pixels, not in percentages.
    x, across = x * canvas.width / 100, across * canvas.width / 100
    y, down = y * canvas.height / 100, down * canvas.height / 100
    if kind == "ellipse":
        return ellipse(x, y, across, down, degrees)
    # Rectangles are turned about their first corner.
    return turn(box_corners(x, y, x + across, y + down), (x, y), degrees)


def decode_brush(listed: Sequence[object], count: int) -> UInt8Array:
    """Decode the run lengths of a brush: `count` values, those of an image in RGBA.

    The bits are those of the package rle-pack of thi.ng: the number of values (32 bits), the bits of a value (5), four
    sizes of lengths (4 each); then runs: whether one value is repeated (1), which size the length has (2), the length,
    and the value, or as many values as the length says.
    """
    if not all(type(number) is int and 0 <= number <= 255 for number in listed):
        raise AnnotationError("rle must hold bytes, 0 to 255")
    data = bytes(listed)  # type: ignore[arg-type]
    most = 8 * len(data)
    at = 0

    def read(size: int) -> int:
        nonlocal at
        window = int.from_bytes(data[at >> 3 : (at + size + 7) >> 3], "big")
        at += size
        if at > most:
            raise AnnotationError("rle ends too early")
        return window >> (-at % 8) & ((1 << size) - 1)

    if read(32) != count:
        raise AnnotationError("rle was made for an image of another size")
    if (word := read(5) + 1) != 8:
        raise AnnotationError(f"rle has values of {word} bits; 8 are supported")
    sizes = [read(4) + 1 for _ in range(4)]
    values = bytearray(count)
    done = 0
    while done < count:
        repeated, size = divmod(read(3), 4)
        length = read(sizes[size]) + 1
        if done + length > count:
            raise AnnotationError("rle holds more values than the image has")
        if repeated:
            values[done : done + length] = bytes([read(8)]) * length
        else:
            values[done : done + length] = read(8 * length).to_bytes(length, "big")
        done += length
    return np.frombuffer(values, dtype=np.uint8)
