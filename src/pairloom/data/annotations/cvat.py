"""CVAT for images 1.1: one XML file for many images (https://docs.cvat.ai/docs/manual/advanced/xml_format/).

Polygons, boxes and ellipses are drawn as Datumaro, CVAT's exporter of masks, draws them: by the rule of pycocotools.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from pairloom.data.annotations.json_files import LARGEST_FILE, LARGEST_VALUE
from pairloom.data.annotations.sets import AnnotationSet, Reference, Stamp, check_stamp, scan_files, stamp, whole_path
from pairloom.data.annotations.shapes import ClassMap, box_corners, ellipse, is_background, turn
from pairloom.data.annotations.values import (
    LARGEST_SIDE,
    MOST_POINTS,
    AnnotationError,
    Points,
    as_name,
    as_points,
    as_side,
    as_text,
    parse_integer,
    parse_number,
)
from pairloom.palette import Colour

NAME = "cvat"
BOXES_ALONE = (
    "all shapes are boxes: boxes alone do not tell which pixels belong to an object; annotate polygons or masks"
)
VIDEO = 'holds tracks of a video, which are not read; export the task as "CVAT for images 1.1"'
AREAS = ("polygon", "box", "ellipse", "mask")
NO_AREAS = ("polyline", "points", "cuboid", "skeleton")
_LARGEST_TEXT = 2**24
"""Characters of a label's element in the head of the file."""
_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_CHUNK = 2**20

Shape = tuple[str, dict[str, str]]


@dataclass
class _File:
    """What a file holds, and where."""

    stamp: Stamp
    labels: dict[str, Colour | None] = field(default_factory=dict)
    """The labels section, in its order."""
    images: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """By entry: name, and the bytes between which the image's element stands."""
    used: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)


def recognises(head: bytes) -> bool:
    """Look for the root element."""
    return re.search(rb"<annotations[\s>]", head) is not None


def find(files: Sequence[Path]) -> list[AnnotationSet]:
    """Read the labels and the places of all files' images; the readable files make one set."""
    index, refused = scan_files(NAME, files, _scan)
    if not index:
        return refused
    colours: dict[str, Colour | None] = {}
    for file in index.values():
        colours.update({name: colour for name, colour in file.labels.items() if name not in colours})
    used = set().union(*(file.used for file in index.values()))
    # Labels that the section lacks come last.
    ordered = [name for name in colours if name in used] + sorted(used - colours.keys())
    names = tuple(name for name in ordered if not is_background(name))
    drawn = [colours.get(name) for name in names]
    references = tuple(
        Reference(name, path, entry) for path, file in index.items() for entry, (name, _, _) in file.images.items()
    )
    joined = AnnotationSet(
        NAME,
        whole_path(list(index)),
        names,
        tuple(colour for colour in drawn if colour) if all(drawn) else None,
        references,
        has_background=any(map(is_background, used)),
        index=index,
    )
    return [joined, *refused]


def draw(annotations: AnnotationSet, file: Path, entry: str, canvas: ClassMap) -> None:
    """Draw an image's shapes by their z_order, and in the order of the file where it is the same."""
    index: dict[Path, _File] = annotations.index  # type: ignore[assignment]
    found = index[file]
    check_stamp(file, found.stamp)
    name, start, stop = found.images[entry]
    with file.open("rb") as opened:
        opened.seek(start)
        content = opened.read(stop - start)
    target = _Shapes()
    _parse(target, [content])
    image = target.image
    canvas.check_size(
        as_side(parse_integer(image.get("height"), "height"), "height"),
        as_side(parse_integer(image.get("width"), "width"), "width"),
    )
    order = [parse_integer(shape.get("z_order", "0"), "z_order") for _, shape in target.shapes]
    for number in sorted(range(len(order)), key=order.__getitem__):
        kind, shape = target.shapes[number]
        where = f"image {name!r}, shape {number + 1}"
        try:
            _draw_shape(canvas, kind, shape)
        except AnnotationError as error:
            raise AnnotationError(f"{where} ({kind}): {error}") from None


def _draw_shape(canvas: ClassMap, kind: str, shape: Mapping[str, str]) -> None:
    label = as_name(shape.get("label"), "label")

    def number(key: str, default: str | None = None) -> float:
        return parse_number(shape.get(key, default), key)

    if kind == "polygon":
        canvas.draw_coco_polygon(label, _points(shape.get("points")))
    elif kind == "box":
        left, top, right, bottom = (number(key) for key in ("xtl", "ytl", "xbr", "ybr"))
        centre = ((left + right) / 2, (top + bottom) / 2)
        corners = turn(box_corners(left, top, right, bottom), centre, number("rotation", "0"))
        canvas.draw_coco_polygon(label, corners)
    elif kind == "ellipse":
        radii = (number("rx"), number("ry"))
        if min(radii) < 0 or max(radii) > LARGEST_SIDE:
            raise AnnotationError("has radii that are negative or far larger than the image")
        canvas.draw_coco_polygon(label, ellipse(number("cx"), number("cy"), *radii, number("rotation", "0")))
    elif kind == "mask":
        left, top, width, height = (parse_integer(shape.get(key), key) for key in ("left", "top", "width", "height"))
        if min(left, top) < 0 or left + width > canvas.width or top + height > canvas.height:
            raise AnnotationError("reaches beyond the image")
        numbers = _numbers(shape.get("rle"), "rle")
        if (numbers != np.trunc(numbers)).any() or np.abs(numbers).max(initial=0) > 2**40:
            raise AnnotationError("rle must hold integers")
        box = (left, top, as_side(width, "width"), as_side(height, "height"))
        canvas.draw_runs(label, numbers.astype(np.int64), box, by_columns=False)
    else:
        raise AnnotationError("covers no area; annotate a polygon, or remove it")


def _points(text: str | None) -> Points:
    """Return the corners out of x,y;x,y;…"""
    pairs = as_text(text, "points", LARGEST_VALUE)
    if pairs.count(";") >= MOST_POINTS:
        raise AnnotationError(f"has more than {MOST_POINTS:,} points")
    return as_points([pair.split(",", 2) for pair in pairs.split(";") if pair.strip()], "points")


def _numbers(text: str | None, what: str) -> Points:
    listed = as_text(text, what, LARGEST_VALUE)
    if listed.count(",") >= 2 * MOST_POINTS:
        raise AnnotationError(f"{what} has more than {2 * MOST_POINTS:,} numbers")
    try:
        return np.array(listed.split(","), dtype=object).astype(np.float64)
    except ValueError:
        raise AnnotationError(f"{what} must hold numbers, separated by commas") from None


class _Shapes:
    """Takes in one image's element."""

    def __init__(self) -> None:
        self.image: dict[str, str] = {}
        self.shapes: list[Shape] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "image":
            self.image = attributes
        elif tag in AREAS or tag in NO_AREAS:
            self.shapes.append((tag, attributes))

    def end(self, tag: str) -> None:
        """Elements below shapes, their attributes, do not matter here."""

    def data(self, text: str) -> None:
        """Text does not matter here."""

    def close(self) -> None:
        """Nothing is left to do."""


class _Contents:
    """Takes in a whole file: its labels, and where its images are."""

    def __init__(self, found: _File) -> None:
        self.found = found
        self.position: Callable[[], int] = lambda: 0
        self._path: list[str] = []
        self._text: list[str] = []
        self._label = ""
        self._image: tuple[str, int] | None = None
        self._ended = False
        """Whether the image's element has ended."""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if len(self._path) >= 100:
            raise AnnotationError("is nested too deeply; flatten it")
        self._path.append(tag)
        self._text = []
        self._keep_image()
        depth = len(self._path)
        if depth == 1 and tag != "annotations":
            raise AnnotationError("is not a CVAT file")
        if depth == 2 and tag == "track":
            self.found.kinds.add("track")
        elif depth == 2 and tag == "image":
            self._image = (as_text(attributes.get("name"), "name of an image").replace("\\", "/"), self.position())
        elif depth == 3 and self._image and tag in AREAS:
            self.found.kinds.add(tag)
            self.found.used.add(as_name(attributes.get("label"), "label"))

    def data(self, text: str) -> None:
        if self._path[-1:] in (["name"], ["color"]):
            self._text.append(text)
            if len(self._text) > _LARGEST_TEXT:
                raise AnnotationError("has a label of millions of characters")

    def end(self, tag: str) -> None:
        text = "".join(self._text).strip()
        if self._path[-3:-1] == ["labels", "label"] and tag == "name":
            self._label = as_name(text, "name of a label")
            self.found.labels.setdefault(self._label, None)
        elif self._path[-3:-1] == ["labels", "label"] and tag == "color" and (match := _COLOUR.fullmatch(text)):
            red, green, blue = (int(part, 16) for part in match.groups())
            self.found.labels[self._label] = (red, green, blue)
        self._keep_image()
        self._ended = len(self._path) == 2 and tag == "image"
        self._path.pop()

    def _keep_image(self) -> None:
        """Keep where an image's element is; expat tells its end by where the next one begins."""
        if self._ended and self._image:
            name, start = self._image
            self.found.images[str(len(self.found.images))] = (name, start, self.position())
            self._image, self._ended = None, False

    def close(self) -> None:
        """Nothing is left to do."""


def _scan(path: Path) -> _File | None:
    """Return what a file holds; None where that is no image."""
    found = _File(stamp(path))
    if found.stamp[0] > LARGEST_FILE:
        raise AnnotationError(f"is larger than {LARGEST_FILE // 2**20} MiB")
    with path.open("rb") as file:
        _parse(_Contents(found), iter(lambda: file.read(_CHUNK), b""))
    if "track" in found.kinds or found.kinds == {"box"}:
        raise AnnotationError(VIDEO if "track" in found.kinds else BOXES_ALONE)
    return found if found.images else None


def _parse(target: Any, chunks: Any) -> None:
    """Feed XML (UTF-8) to a target; documents that define entities are refused."""
    parser = DefusedXMLParser(target=target, forbid_dtd=True, encoding="utf-8")
    if isinstance(target, _Contents):
        target.position = lambda: parser.parser.CurrentByteIndex
    fed = 0
    try:
        for chunk in chunks:
            parser.feed(chunk)
            fed += len(chunk)
            if fed - parser.parser.CurrentByteIndex > LARGEST_VALUE:
                raise AnnotationError(f"holds a tag or text of more than {LARGEST_VALUE // 2**20} MiB")
        parser.close()
    except DefusedXmlException as error:
        raise AnnotationError(f"defines entities, which are not read ({type(error).__name__})") from error
    except (ParseError, UnicodeError) as error:
        raise AnnotationError(f"cannot be read as XML ({error})") from error
