"""COCO JSON: one file for many images, with polygons and run lengths (https://cocodataset.org/#format-data)."""

import re
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pairloom.data.annotations.json_files import read_value, walk
from pairloom.data.annotations.run_lengths import decode_counts, uncompressed_counts
from pairloom.data.annotations.sets import AnnotationSet, Reference, Stamp, check_stamp, scan_files, stamp, whole_path
from pairloom.data.annotations.shapes import ClassMap, is_background
from pairloom.data.annotations.values import (
    AnnotationError,
    as_flat_points,
    as_id,
    as_list,
    as_name,
    as_object,
    as_side,
    as_text,
)

NAME = "coco"
BOXES_ALONE = (
    "holds boxes alone (no annotation has a segmentation), which do not tell which pixels belong to an object; "
    "annotate polygons or masks"
)
PANOPTIC = (
    "is a panoptic annotation, which is not read; use its PNG files converted to class numbers, or the instance "
    "annotations of the same images"
)
KEYPOINTS = "holds keypoints, which are not areas; use the instance annotations of the same images"
MOST_ITEMS = 2**24
"""Annotations of a file at the most."""
_KEYS = re.compile(rb'"(?:images|annotations|categories)"\s*:\s*\[')
_LISTS = ("images", "annotations", "categories")


@dataclass
class _File:
    """What a file holds, and where."""

    stamp: Stamp
    images: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    """By id: file name, height and width; 0 where the file does not tell."""
    categories: dict[int, str] = field(default_factory=dict)
    used: set[int] = field(default_factory=set)
    """Ids of the categories that annotations with a shape have."""
    starts: dict[int, "array[int]"] = field(default_factory=dict)
    """By image id: where its annotations begin and stop, in turn."""
    items: int = 0
    shapes: int = 0
    kinds: set[str] = field(default_factory=set)


def recognises(head: bytes) -> bool:
    """Look for one of the three lists."""
    return _KEYS.search(head) is not None


def find(files: Sequence[Path]) -> list[AnnotationSet]:
    """Read all files' lists; the readable ones make one set, whose classes are those of all files by name."""
    index, refused = scan_files(NAME, files, _scan)
    if not index:
        return refused
    references = tuple(
        Reference(name, path, str(number))
        for path, file in index.items()
        for number, (name, _, _) in file.images.items()
    )
    names, has_background = _classes(index.values())
    joined = AnnotationSet(
        NAME, whole_path(list(index)), names, None, references, has_background=has_background, index=index
    )
    return [joined, *refused]


def _classes(files: Iterable[_File]) -> tuple[tuple[str, ...], bool]:
    """Return the names of the categories in use by their ids, and whether one of them is the background."""
    first: dict[str, int] = {}
    for file in files:
        for number in file.used:
            name = file.categories[number]
            first[name] = min(number, first.get(name, number))
    names = sorted(first, key=lambda name: (first[name], name))
    return tuple(name for name in names if not is_background(name)), any(map(is_background, names))


def _refusal(file: _File) -> str | None:
    if "segments_info" in file.kinds:
        return PANOPTIC
    if "keypoints" in file.kinds:
        return KEYPOINTS
    if file.items and not file.shapes:
        return "holds captions, no shapes" if "caption" in file.kinds else BOXES_ALONE
    missing = sorted(file.used - file.categories.keys())
    if missing:
        return f"has annotations of the category {missing[0]}, which is not among its categories"
    by_name: dict[str, int] = {}
    for number in sorted(file.used):
        name = file.categories[number]
        if name in by_name:
            return f"has two categories named {name!r} ({by_name[name]} and {number}); give them names that differ"
        by_name[name] = number
    return None


def _scan(path: Path) -> _File | None:
    """Return what a file holds; None for files of other kinds."""
    found = _File(stamp(path))
    for member in walk(path, _LISTS):
        if not member.container:
            continue
        found.kinds.add(member.container)
        where = f"{member.container}, byte {member.start}"
        record = as_object(member.value, where)
        if member.container == "images":
            _add_image(found, record, where)
        elif member.container == "categories":
            number = as_id(record.get("id"), f"{where}: id")
            found.categories[number] = as_name(record.get("name"), f"{where}: name")
            if record.get("keypoints"):
                found.kinds.add("keypoints")
        else:
            _add_annotation(found, record, member.start, member.stop, where)
    if not {"images", "annotations"} <= found.kinds:
        return None
    if refusal := _refusal(found):
        raise AnnotationError(refusal)
    return found


def _add_image(found: _File, record: Mapping[str, Any], where: str) -> None:
    number = as_id(record.get("id"), f"{where}: id")
    if number in found.images:
        raise AnnotationError(f"{where}: the image id {number} is there twice")
    name = as_text(record.get("file_name"), f"{where}: file_name").replace("\\", "/")
    height, width = (
        as_side(record[side], f"{where}: {side}") if record.get(side) is not None else 0 for side in ("height", "width")
    )
    found.images[number] = (name, height, width)


def _add_annotation(found: _File, record: Mapping[str, Any], start: int, stop: int, where: str) -> None:
    found.items += 1
    if found.items > MOST_ITEMS:
        raise AnnotationError(f"holds more than {MOST_ITEMS:,} annotations")
    found.kinds.update(key for key in ("segments_info", "caption") if key in record)
    image = as_id(record.get("image_id"), f"{where}: image_id")
    if record.get("segmentation"):
        found.shapes += 1
        found.used.add(as_id(record.get("category_id"), f"{where}: category_id"))
    places = found.starts.setdefault(image, array("q"))
    places.append(start)
    places.append(stop)


def draw(annotations: AnnotationSet, file: Path, entry: str, canvas: ClassMap) -> None:
    """Draw an image's annotations in the order of the file."""
    index: dict[Path, _File] = annotations.index  # type: ignore[assignment]
    found = index[file]
    check_stamp(file, found.stamp)
    _, height, width = found.images[int(entry)]
    if height and width:
        canvas.check_size(height, width)
    places = found.starts.get(int(entry), array("q"))
    with file.open("rb") as opened:
        for start, stop in zip(places[::2], places[1::2], strict=True):
            where = f"annotations, byte {start}"
            record = as_object(read_value(opened, start, stop), where)
            if not record.get("segmentation"):
                raise AnnotationError(f"{where}: has a box without a segmentation; annotate its shape, or remove it")
            label = found.categories[as_id(record.get("category_id"), f"{where}: category_id")]
            try:
                draw_segmentation(canvas, label, record["segmentation"])
            except AnnotationError as error:
                raise AnnotationError(f"{where}: {error}") from None


def draw_segmentation(canvas: ClassMap, label: str, segmentation: object) -> None:
    """Draw polygons (a list of x0, y0, x1, y1, … for each part) or run lengths (size and counts)."""
    if not isinstance(segmentation, dict):
        for part in as_list(segmentation, "segmentation"):
            points = as_flat_points(part, "segmentation")
            if len(points) >= 3:  # some exporters leave parts of one or two points, which have no area
                canvas.draw_coco_polygon(label, points)
        return
    size = as_list(segmentation.get("size"), "size")
    if len(size) != 2:
        raise AnnotationError("size must be the height and the width")
    canvas.check_size(as_side(size[0], "size"), as_side(size[1], "size"))
    given = segmentation.get("counts")
    counts = decode_counts(given) if isinstance(given, str) else uncompressed_counts(given)
    canvas.draw_runs(label, counts, (0, 0, canvas.width, canvas.height), by_columns=True)
