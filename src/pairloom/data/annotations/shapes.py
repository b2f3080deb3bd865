"""Shapes into class ids: polygons by the rules of Pillow or of COCO, ellipses, run lengths and masks.

Pixel rules of polygons:

- `draw_polygon` is Pillow's `ImageDraw.polygon`: corners are cut down to whole pixels, and the outline belongs to the
  shape. LabelMe draws so, and OpenCV's `fillPoly`, which other tools use, nearly so.
- `draw_coco_polygon` is that of pycocotools' `annToMask` (T.-Y. Lin et al., ECCV 2014): the outline, sampled five times
  a pixel, is rounded to pixel borders. Datumaro, with which CVAT exports masks, uses it as well.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from pairloom.data.annotations.run_lengths import decode_counts
from pairloom.data.annotations.values import AnnotationError, Points
from pairloom.images import UInt8Array
from pairloom.palette import VOID

_FAR = 4096
"""Pixels outside of the image from which on shapes are clipped first; drawing them whole could take for ever."""
_FARTHEST = 1e15
"""Coordinates beyond it lose whole pixels to rounding."""
_MOST_STEPS = 2 * 10**9
"""Steps of some nanoseconds in which all shapes of an image are drawn: pixels that are pasted, and what Pillow does for
polygons, which is to look at each edge in each row, and to sort the edges that cross it."""
_CROSSING = 50
"""Steps for each row that an edge crosses."""
_MOST_SAMPLES = 2**23
"""Samples of the outline of one polygon, 20 bytes each."""
_MOST_SAMPLES_IN_ALL = 2**27
_OUTLINE = 5
"""Samples a pixel of the outline in pycocotools."""
_LARGEST_CIRCLE = 2**14
"""Radius up to which circles are drawn by Pillow."""
_MOST_CORNERS = 4096
"""Corners of the polygon that stands for an ellipse."""

Box = tuple[int, int, int, int]
Label = str | None
"""The name of a class; None is void."""

BACKGROUND = "background"
"""The class of the pixels that no shape covers."""


def is_background(label: str) -> bool:
    """Tell whether a tool's class is the background: `background`, in any case, or LabelMe's `_background_`."""
    return label.strip().strip("_").casefold() == BACKGROUND


class ClassMap:
    """The class ids of an image while its shapes are drawn; later shapes lie on top of earlier ones."""

    def __init__(self, height: int, width: int, ids: Mapping[str, int], background: int) -> None:
        """Start with an image that no shape covers.

        Args:
            height, width: of the image in pixels.
            ids: the class id of each label that may be drawn.
            background: the class id of the pixels that no shape covers.
        """
        self.height, self.width = height, width
        self._ids = ids
        self._image = Image.new("L", (width, height), background)
        self._steps = self._samples = 0

    def to_ids(self) -> UInt8Array:
        """Return the class ids, H×W."""
        return np.array(self._image)

    def check_size(self, height: int, width: int) -> None:
        """Refuse annotations that were made for an image of another size."""
        if (height, width) != (self.height, self.width):
            raise AnnotationError(
                f"was made for an image of {width}×{height} pixels, but the image has {self.width}×{self.height}; "
                "use the image that was annotated"
            )

    def draw_polygon(self, label: Label, points: Points, holes: Sequence[Points] = ()) -> None:
        """Fill a polygon, N×2 (x, y), by Pillow's rule; holes are filled with what was there, outline included."""
        fill = self._id(label)
        corners = self._corners(points)
        if corners is None:
            return
        inner = [hole for hole in map(self._corners, holes) if hole is not None]
        if not inner:
            ImageDraw.Draw(self._image).polygon(corners, fill=fill, outline=fill)
            return
        mask = Image.new("L", self._image.size)
        drawing = ImageDraw.Draw(mask)
        drawing.polygon(corners, fill=255, outline=255)
        for hole in inner:
            drawing.polygon(hole, fill=0, outline=0)
        self._count_steps(self.height * self.width)
        self._image.paste(fill, (0, 0), mask)

    def draw_coco_polygon(self, label: Label, points: Points) -> None:
        """Fill a polygon, N×2 (x, y), by the rule of pycocotools."""
        from pycocotools.mask import frPyObjects

        clipped = self._clipped(points)
        if clipped is None:
            return
        # As pycocotools begins: rounded so, a polygon can be moved by whole pixels without any change, but for negative
        # coordinates, which its arithmetic rounds the other way.
        sampled = np.trunc(clipped * _OUTLINE + 0.5)
        steps = np.abs(np.diff(sampled, axis=0, append=sampled[:1])).max(axis=1) + 1
        samples = int(steps.sum())
        self._samples += samples
        if samples > _MOST_SAMPLES or self._samples > _MOST_SAMPLES_IN_ALL:
            raise AnnotationError("has outlines of millions of pixels; simplify its polygons")
        left, top = np.maximum(np.floor(sampled.min(axis=0) / _OUTLINE).astype(int) - 1, 0).tolist()
        ends = np.ceil(sampled.max(axis=0) / _OUTLINE).astype(int) + 2
        right, bottom = np.maximum(ends, (left + 1, top + 1)).tolist()
        box = left, top, right - left, bottom - top
        moved = np.where(clipped < 0, clipped, (sampled - (left * _OUTLINE, top * _OUTLINE)) / _OUTLINE)
        (runs,) = frPyObjects([moved.ravel().tolist()], box[3], box[2])
        # Its own decoder warns of NumPy 2.
        self.draw_runs(label, decode_counts(runs["counts"].decode()), box, by_columns=True)

    def draw_box(self, label: Label, box: Sequence[float]) -> None:
        """Fill a box (two opposite corners x, y) with its outline, by Pillow's rule."""
        left, right = sorted((box[0], box[2]))
        top, bottom = sorted((box[1], box[3]))
        left, right = (min(max(x, -_FAR), self.width + _FAR) for x in (left, right))
        top, bottom = (min(max(y, -_FAR), self.height + _FAR) for y in (top, bottom))
        fill = self._id(label)
        ImageDraw.Draw(self._image).rectangle((left, top, right, bottom), fill=fill, outline=fill)

    def draw_circle(self, label: Label, centre: Sequence[float], radius: float) -> None:
        """Fill a circle with its outline, by Pillow's rule."""
        x, y = centre
        if radius > _LARGEST_CIRCLE or max(abs(x), abs(y)) > _FAR + max(self.width, self.height) + radius:
            self.draw_polygon(label, ellipse(x, y, radius, radius))
            return
        self._count_steps(int(16 * radius * radius) + 1)
        fill = self._id(label)
        ImageDraw.Draw(self._image).ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill, outline=fill)

    def draw_line(self, label: Label, points: Points, width: int) -> None:
        """Draw a line through points, N×2 (x, y), so many pixels wide, by Pillow's rule."""
        if np.abs(points).max(initial=0) > _FAR + max(self.width, self.height):
            raise AnnotationError("has a line that ends far outside of the image")
        self._count_steps(len(points) * self.height)
        drawn = [(x, y) for x, y in points.tolist()]
        ImageDraw.Draw(self._image).line(drawn, fill=self._id(label), width=width)

    def draw_mask(self, label: Label, mask: NDArray[np.bool_], left: int, top: int) -> None:
        """Fill the pixels that a mask (h×w) marks, whose first pixel lies at (left, top)."""
        self._count_steps(mask.size)
        self._paste(self._id(label), mask, left, top)

    def draw_runs(self, label: Label, counts: NDArray[np.int64], box: Box, *, by_columns: bool) -> None:
        """Fill the pixels of run lengths, the first run outside of the shape, the second inside, and so on.

        Args:
            label: the class.
            counts: the lengths; together they make up the box.
            box: left, top, width and height of the box that the runs go through.
            by_columns: whether they go down the columns, as COCO's do, or along the rows.
        """
        left, top, width, height = box
        fill = self._id(label)
        if counts.size and (counts.min() < 0 or counts.max() > width * height):
            raise AnnotationError(f"has a run length that is negative or larger than its mask of {width}×{height}")
        ends = np.cumsum(counts)
        total = int(ends[-1]) if counts.size else 0
        if total != width * height:
            raise AnnotationError(f"has run lengths of {total:,} pixels in all for a mask of {width}×{height}")
        inside = np.flatnonzero(counts[1::2]) * 2 + 1
        if not inside.size:
            return
        # Only the columns (or rows) that the shape reaches are spread out.
        across = height if by_columns else width
        first = int(ends[inside[0] - 1]) // across
        last = (int(ends[inside[-1]]) - 1) // across + 1
        begins, stops = first * across, last * across
        lengths = np.diff(np.clip(ends, begins, stops), prepend=begins).astype(np.int64)
        self._count_steps((last - first) * across)
        spread = np.repeat(np.arange(len(lengths), dtype=np.int64) % 2 == 1, lengths)
        filled = np.zeros((last - first) * across, dtype=np.bool_)
        filled[: spread.size] = spread
        pixels = filled.reshape(last - first, across)
        if by_columns:
            self._paste(fill, pixels.T, left + first, top)
        else:
            self._paste(fill, pixels, left, top + first)

    def _id(self, label: Label) -> int:
        if label is None:
            return VOID
        if label not in self._ids and is_background(label):
            label = BACKGROUND
        if label not in self._ids:
            raise AnnotationError(
                f"has a shape of the class {label[:80]!r}, which was not there when it was first read"
            )
        return self._ids[label]

    def _paste(self, fill: int, mask: NDArray[np.bool_ | np.uint8], left: int, top: int) -> None:
        """Fill where a mask is not 0; parts outside of the image are cut off."""
        x0, y0 = max(left, 0), max(top, 0)
        x1, y1 = min(left + mask.shape[1], self.width), min(top + mask.shape[0], self.height)
        if x0 < x1 and y0 < y1:
            marked = np.where(mask[y0 - top : y1 - top, x0 - left : x1 - left], np.uint8(255), np.uint8(0))
            self._image.paste(fill, (x0, y0, x1, y1), Image.fromarray(marked))

    def _corners(self, points: Points) -> list[tuple[float, float]] | None:
        """Return the corners of a polygon that Pillow can fill; None where all of it is far outside."""
        clipped = self._clipped(points)
        if clipped is None:
            return None
        y = np.clip(clipped[:, 1], 0, self.height)
        crossings = int(np.abs(np.diff(y, append=y[:1])).sum()) + len(y)
        self._count_steps(len(y) * (int(np.ptp(y)) + 1) + _CROSSING * crossings)
        return [(x, y) for x, y in clipped.tolist()]

    def _clipped(self, points: Points) -> Points | None:
        """Clip a polygon that reaches far beyond the image (I. Sutherland, G. Hodgman, 1974)."""
        low, high = -float(_FAR), np.array([self.width, self.height]) + float(_FAR)
        if not len(points):
            return None
        if (points >= low).all() and (points <= high).all():
            return points
        if np.abs(points).max() > _FARTHEST:
            raise AnnotationError(f"has a coordinate of {np.abs(points).max():.0e} pixels")
        for axis in (0, 1):
            for sign, limit in ((1.0, low), (-1.0, float(high[axis]))):
                points = _cut(points, axis, sign, limit)
                if not len(points):
                    return None
        return points

    def _count_steps(self, steps: int) -> None:
        self._steps += steps
        if self._steps > _MOST_STEPS + 64 * self.height * self.width:
            raise AnnotationError("has shapes of too many corners or pixels to draw; simplify them")


def _cut(points: Points, axis: int, sign: float, limit: float) -> Points:
    """Cut off the part of a polygon beyond a line."""
    distance = sign * (points[:, axis] - limit)
    following, beyond = np.roll(points, -1, axis=0), np.roll(distance, -1)
    crossing = (distance >= 0) != (beyond >= 0)
    share = np.divide(distance, distance - beyond, out=np.zeros_like(distance), where=crossing)
    cuts = points + share[:, None] * (following - points)
    cuts[:, axis] = limit
    both: Points = np.stack([points, cuts], axis=1)
    kept: Points = both[np.stack([distance >= 0, crossing], axis=1)]
    return kept


def ellipse(x: float, y: float, across: float, down: float, degrees: float = 0.0) -> Points:
    """Return a polygon for an ellipse of these radii in pixels, turned clockwise about its centre: N×2 (x, y)."""
    corners = int(min(max(32.0, 4 * max(across, down)), _MOST_CORNERS))
    angles = np.arange(corners) * (2 * math.pi / corners)
    return turn(np.stack([x + across * np.cos(angles), y + down * np.sin(angles)], axis=1), (x, y), degrees)


def box_corners(left: float, top: float, right: float, bottom: float) -> Points:
    """Return the corners of a box, 4×2 (x, y)."""
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], dtype=np.float64)


def turn(points: Points, centre: tuple[float, float], degrees: float) -> Points:
    """Turn points, N×2 (x, y), clockwise (as seen, y pointing down) about a centre."""
    if not degrees % 360:
        return points
    angle = math.radians(degrees)
    cosine, sine = math.cos(angle), math.sin(angle)
    turned: Points = (points - centre) @ np.array([[cosine, sine], [-sine, cosine]]) + centre
    return turned
