"""The built-in data set: street scenes as a car's camera sees them, drawn with their classes from a seed.

A scene is a street along z: a road between kerbs, sidewalks, and rows of buildings, with everything that stands and
moves on it. Colours come from pools that the classes share, so that a pixel's colour does not tell its class.
"""

import colorsys
import os
import signal
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from pairloom.data.rendering import (
    FACADE,
    RGB,
    SLABS,
    Camera,
    Canvas,
    Face,
    FloatArray,
    Light,
    Material,
    develop,
)
from pairloom.draws import numpy_generator
from pairloom.errors import UserError
from pairloom.palette import CITYSCAPES, VOID, UInt8Array
from pairloom.progress import track

SMALLEST = 16
"""Pictures have at least this many pixels a side."""

SPLITS = ("train", "val")

ROAD, SIDEWALK, BUILDING, FENCE, POLE = (CITYSCAPES.index(n) for n in ("road", "sidewalk", "building", "fence", "pole"))
TRAFFIC_LIGHT, TRAFFIC_SIGN = CITYSCAPES.index("traffic light"), CITYSCAPES.index("traffic sign")
VEGETATION, TERRAIN, SKY = (CITYSCAPES.index(n) for n in ("vegetation", "terrain", "sky"))
PERSON, RIDER, CAR, BICYCLE = (CITYSCAPES.index(n) for n in ("person", "rider", "car", "bicycle"))

UP = np.array([0.0, 1.0, 0.0])
KERB = 0.12
Points = list[tuple[float, float]]


# Colours. -------------------------------------------------------------------------------------------------------------


def _grey(rng: np.random.Generator, low: float, high: float) -> RGB:
    """A nearly neutral colour."""
    value = rng.uniform(low, high)
    red, green, blue = np.clip(value * (1 + rng.normal(0, 0.035, 3)), 0.02, 1).tolist()
    return red, green, blue


def _paint(rng: np.random.Generator, saturation: float = 0.5) -> RGB:
    """Any colour that things are given: the pool that cars, walls, clothes, fences and bins share."""
    if rng.random() < 0.4:
        return _grey(rng, 0.1, 0.92)
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.05, saturation) ** 0.8, rng.uniform(0.15, 0.9))


def _wall(rng: np.random.Generator) -> RGB:
    """Plaster, stone, brick and concrete; sometimes anything, greens among it."""
    kind = rng.random()
    if kind < 0.3:
        return _grey(rng, 0.25, 0.92)
    if kind < 0.82:
        return colorsys.hsv_to_rgb(rng.uniform(0.0, 0.16), rng.uniform(0.1, 0.55), rng.uniform(0.3, 0.92))
    return _paint(rng, 0.4)


def _foliage(rng: np.random.Generator) -> RGB:
    """Leaves of any season and species, in the colours of brick and concrete too."""
    hue = rng.uniform(0.04, 0.16) if rng.random() < 0.22 else rng.uniform(0.15, 0.36)
    return colorsys.hsv_to_rgb(hue, rng.uniform(0.1, 0.7), rng.uniform(0.25, 0.7))


def _metal(rng: np.random.Generator) -> RGB:
    """What posts are made of: galvanised, painted, rusty."""
    return _paint(rng, 0.35) if rng.random() < 0.35 else _grey(rng, 0.12, 0.8)


def _times(colour: RGB, factor: float) -> RGB:
    red, green, blue = (min(max(channel * factor, 0.0), 1.0) for channel in colour)
    return red, green, blue


# Shapes on a face. ----------------------------------------------------------------------------------------------------


def _box(left: float, bottom: float, right: float, top: float) -> Points:
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def _disc(
    x: float, y: float, across: float, along: float | None = None, corners: int = 12, turn: float = 0.0
) -> Points:
    angles = np.arange(corners) * (2 * np.pi / corners) + turn
    tall = across if along is None else along
    return list(zip((x + across * np.cos(angles)).tolist(), (y + tall * np.sin(angles)).tolist(), strict=True))


def _limb(a: tuple[float, float], b: tuple[float, float], width: float, end: float) -> Points:
    """A tapering bar from a to b."""
    x, y = b[0] - a[0], b[1] - a[1]
    length = max(float(np.hypot(x, y)), 1e-6)
    x, y = -y / length / 2, x / length / 2
    return [
        (a[0] + x * width, a[1] + y * width),
        (b[0] + x * end, b[1] + y * end),
        (b[0] - x * end, b[1] - y * end),
        (a[0] - x * width, a[1] - y * width),
    ]


def _moved(points: FloatArray, x: float, y: float, z: float) -> FloatArray:
    """A point, or points (N×3), shifted."""
    moved: FloatArray = points + np.array([x, y, z])
    return moved


def _inset(quad: FloatArray, left: float, right: float, low: float, high: float) -> FloatArray:
    """The part of a four-cornered facet between shares of its width and height (corners 0-1 low, 3-2 high)."""
    spots = [(left, low), (right, low), (right, high), (left, high)]
    return np.array(
        [(quad[0] * (1 - a) + quad[1] * a) * (1 - b) + (quad[3] * (1 - a) + quad[2] * a) * b for a, b in spots]
    )


# The scene. -----------------------------------------------------------------------------------------------------------


@dataclass
class _Scene:
    """A street being built: where things are, and what is still to be painted, far to near."""

    rng: np.random.Generator
    canvas: Canvas
    bend: float
    """Sideways shift of the street, per metre ahead squared."""
    half: float
    """Half the road's width in metres."""
    walks: dict[int, float]
    """Width of the sidewalk on each side (-1 left, 1 right)."""
    end: float
    """Where the street ends, metres ahead."""
    waiting: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def at(self, offset: float, s: float, y: float = 0.0) -> FloatArray:
        """The world point `offset` metres right of the street's middle and `s` metres ahead."""
        return np.array([offset + self.bend * max(s, 0.0) ** 2, y, s])

    def on_walk(self, offset: float, s: float) -> FloatArray:
        """A point at the height of the sidewalk."""
        return self.at(offset, s, KERB if abs(offset) > self.half else 0.0)

    def heading(self, s: float) -> float:
        """The street's direction in radians, clockwise from z."""
        return float(np.arctan(2 * self.bend * max(s, 0.0)))

    def later(self, s: float, paint: Callable[[], None]) -> None:
        """Paint a thing when everything farther than `s` has been painted."""
        self.waiting.append((s, paint))

    def finish(self) -> None:
        """Paint all that waits, far to near."""
        for _, paint in sorted(self.waiting, key=lambda item: -item[0]):
            paint()

    def light_at(self, foot: FloatArray) -> float:
        """The sun's share for round things that stand there."""
        return self.canvas.sunlit(foot) * 0.55

    def shading(self, strength: float) -> float:
        """Brightness a metre to the right on round things: brighter on the sun's side."""
        return strength * (1.0 if self.canvas.light.towards_sun[0] > 0 else -1.0)


def _strip(scene: _Scene, inner: float, outer: float, start: float, stop: float) -> Points:
    """The outline of a strip along the street on the ground, as (x, z)."""
    steps = np.linspace(start, stop, 2 if scene.bend == 0 else max(int((stop - start) / 5), 1) + 1)
    there = [(inner + scene.bend * max(s, 0.0) ** 2, s) for s in steps.tolist()]
    back = [(outer + scene.bend * max(s, 0.0) ** 2, s) for s in steps[::-1].tolist()]
    return there + back


def _ground(scene: _Scene, crossings: Sequence[float], junction: tuple[float, float] | None) -> None:
    """Road, sidewalks, kerbs, grass verges, markings, repairs."""
    rng, canvas, half = scene.rng, scene.canvas, scene.half
    east, ahead = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    floor, raised = canvas.face(np.zeros(3), east, ahead), canvas.face(UP * KERB, east, ahead)
    bright = rng.uniform(0.28, 0.72)
    tone = _times(_grey(rng, bright, bright), 1.0)
    if rng.random() < 0.3:
        tone = _times(colorsys.hsv_to_rgb(rng.uniform(0.02, 0.13), rng.uniform(0.1, 0.35), 1.0), bright)
    asphalt = Material(tone, grain=rng.uniform(0.05, 0.16), ground=True)
    if rng.random() < 0.12:
        asphalt = asphalt._replace(pattern=SLABS, cell=(0.22, 0.22), second=_times(tone, 0.6))
    paving = Material(
        _wall(rng) if rng.random() < 0.35 else _grey(rng, 0.25, 0.8),
        pattern=SLABS if rng.random() < 0.75 else 0,
        cell=(rng.uniform(0.3, 1.0), rng.uniform(0.3, 1.0)),
        grain=rng.uniform(0.05, 0.14),
        ground=True,
    )
    paving = paving._replace(second=_times(paving.colour, rng.uniform(0.5, 0.8)))
    grass = Material(_times(_foliage(rng), 0.9), grain=0.32, ground=True)
    verge = rng.random() < 0.6
    canvas.paint(floor, [_box(-400, 0.4, 400, 700)], paving, SIDEWALK)
    canvas.paint(floor, [_strip(scene, -half, half, -5, scene.end + 60)], asphalt, ROAD)
    if junction is not None:
        x = scene.bend * junction[0] ** 2
        canvas.paint(floor, [_box(x - 120, junction[0], x + 120, junction[1])], asphalt, ROAD)
    gaps = [] if junction is None else [junction]
    edges = [-5.0, *(edge for gap in gaps for edge in gap), scene.end + 60]
    kerb = paving._replace(colour=_grey(rng, 0.35, 0.8), pattern=0)
    for side, width in scene.walks.items():
        grassy = verge and width > 2.6 and rng.random() < 0.8
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            inner, outer = side * half, side * (half + width + 6)
            canvas.paint(raised, [_strip(scene, inner, outer, start, stop)], paving, SIDEWALK)
            if grassy:
                inside, outside = side * (half + 0.25), side * (half + min(width * 0.5, 2.2))
                canvas.paint(raised, [_strip(scene, inside, outside, start + 2, stop - 2)], grass, TERRAIN)
            canvas.paint(raised, [_strip(scene, inner, inner + side * 0.2, start, stop)], kerb, SIDEWALK)
            for s in np.arange(start, min(stop, 45), 5.0).tolist():
                corners = [
                    scene.at(inner, s),
                    scene.at(inner, s + 5),
                    scene.at(inner, s + 5, KERB),
                    scene.at(inner, s, KERB),
                ]
                dark = kerb._replace(colour=_times(kerb.colour, 0.7), ground=False)
                canvas.facet(np.array(corners), scene.at(2 * inner, s), dark, SIDEWALK)
            gutter = asphalt._replace(colour=_times(tone, rng.uniform(0.75, 1.15)))
            canvas.paint(floor, [_strip(scene, inner - side * 0.35, inner, start, stop)], gutter, ROAD)
    for _ in range(int(rng.integers(1, 7))):
        x, z, factor = rng.uniform(-half, half - 1.0), rng.uniform(3, 40), rng.uniform(0.75, 1.2)
        repair = _strip(scene, x, min(x + rng.uniform(0.5, 3.0), half), z, z + rng.uniform(1.0, 14.0))
        canvas.paint(floor, [repair], asphalt._replace(colour=_times(tone, factor)), ROAD)
    for _ in range(int(rng.integers(0, 4))):
        cover = _disc(rng.uniform(-half, half) * 0.7 + 0.0, rng.uniform(4, 25), 0.33)
        canvas.paint(floor, [cover], asphalt._replace(colour=_times(tone, 0.7)), ROAD)
    cracks = [
        np.cumsum(rng.normal(0, 0.5, (6, 2)), axis=0) + np.array([rng.uniform(-half, half) * 0.6, rng.uniform(4, 18)])
        for _ in range(4)
    ]
    canvas.stroke(floor, cracks, 0.02, asphalt._replace(colour=_times(tone, 0.75)), None)
    _markings(scene, floor, crossings, junction)


def _markings(scene: _Scene, floor: Face, crossings: Sequence[float], junction: tuple[float, float] | None) -> None:
    """Lane lines, crosswalks and stop lines, more or less worn."""
    rng, canvas, half = scene.rng, scene.canvas, scene.half
    worn = rng.uniform(0.5, 0.95)
    colour = (worn, worn * 0.82, worn * 0.3) if rng.random() < 0.15 else (worn, worn, worn * 0.97)
    white = Material((worn, worn, worn * 0.97), grain=rng.uniform(0.1, 0.3), ground=True)
    middle = white._replace(colour=colour)

    def free(s: float) -> bool:
        across = junction is not None and junction[0] - 3 < s < junction[1] + 3
        return not across and all(abs(s - crossing) > 4 for crossing in crossings)

    lines: list[Points] = []
    dash, style = rng.uniform(2.0, 4.0), rng.random()
    for s in np.arange(0.5, min(scene.end, 110), dash * 2).tolist():
        if style < 0.75 and free(s) and free(s + dash):
            lines.append(_strip(scene, -0.07, 0.07, s, s + dash))
    canvas.paint(floor, lines, middle, ROAD)
    lines = []
    if rng.random() < 0.45:
        for s in np.arange(0.0, min(scene.end, 100), 5.0).tolist():
            if free(s) and free(s + 5):
                lines += [_strip(scene, x - 0.06, x + 0.06, s, s + 5) for x in (0.45 - half, half - 0.45)]
    if rng.random() < 0.3 and half > 5:
        lines += [_strip(scene, half - 2.1, half - 1.98, s, s + 3) for s in np.arange(0.0, 60, 6.0).tolist() if free(s)]
    for s in crossings:
        if rng.random() < 0.75:
            for x in np.arange(0.35 - half, half - 0.5, 1.0).tolist():
                lines.append(_strip(scene, x, x + 0.5, s - 1.5, s + 1.5))
        else:
            lines += [_strip(scene, -half, half, z, z + 0.2) for z in (s - 1.6, s + 1.6)]
        lines.append(_strip(scene, 0.2, half - 0.2, s - 3.4, s - 3.0))
    canvas.paint(floor, lines, white, ROAD)
    if rng.random() < 0.3:
        z = rng.uniform(6, 16)
        arrow = [(0.1, 0.0), (0.1, 2.2), (0.4, 2.2), (0.0, 3.4), (-0.4, 2.2), (-0.1, 2.2), (-0.1, 0.0)]
        canvas.paint(floor, [[(x + half * 0.45, y + z) for x, y in arrow]], white, ROAD)


def _building(scene: _Scene, side: int, start: float, stop: float, offset: float, height: float, depth: float) -> None:
    """A house with a facade on the street, its end walls and roof."""
    rng, canvas = scene.rng, scene.canvas
    near, far = scene.at(side * offset, start), scene.at(side * offset, stop)
    outward = np.array([side * depth, 0.0, 0.0])
    up, inside = UP * height, (near + far) / 2 + outward / 2 + UP * height / 2
    wall = _wall(rng)
    light = wall[0] + wall[1] + wall[2]
    trim = _times(wall, rng.uniform(0.5, 0.85)) if light > 1.7 and rng.random() < 0.6 else _grey(rng, 0.55, 0.95)
    storeys = max(round((height - 3.2) / rng.uniform(2.8, 3.6)), 1)
    shops = rng.random() < 0.45 and height > 6
    base = rng.uniform(3.2, 4.2) if shops else 0.0
    length = float(np.linalg.norm(far - near))
    columns = max(round(length / rng.uniform(1.5, 3.4)), 1)
    front = Material(
        wall,
        second=trim,
        pattern=FACADE,
        cell=(length / columns, (height - base) / (storeys if shops else storeys + 1)),
        fill=(rng.uniform(0.3, 0.62), rng.uniform(0.42, 0.66)),
        base=base,
        grain=rng.uniform(0.04, 0.13),
    )
    if rng.random() < 0.12:
        front = front._replace(fill=(0.92, 0.85))
    blank = front._replace(pattern=0, colour=_times(wall, rng.uniform(0.8, 1.1)))
    roof = Material(_paint(rng, 0.5) if rng.random() < 0.4 else _grey(rng, 0.15, 0.6), grain=0.12)
    pitched = rng.random() < 0.5 and height < 17
    rise = rng.uniform(2.0, 4.5)
    end_wall = front if rng.random() < 0.5 else blank
    ledges = rng.random() < 0.5

    def paint() -> None:
        ends = [(near, end_wall), (far, end_wall)]
        for corner, material in ends:
            wall_outline = [corner, corner + outward, corner + outward + up, corner + up]
            canvas.facet(np.array(wall_outline), inside, material, BUILDING)
            if pitched:
                gable = [corner + up, corner + outward + up, corner + outward / 2 + up * (1 + rise / height)]
                canvas.facet(np.array(gable), inside, blank, BUILDING)
        if pitched:
            ridge = outward / 2 + up * (1 + rise / height)
            eaves = up - outward / depth * 0.4
            canvas.facet(np.array([near + eaves, far + eaves, far + ridge, near + ridge]), inside, roof, BUILDING)
        canvas.facet(np.array([near, far, far + up, near + up]), inside, front, BUILDING)
        if ledges:
            out = -outward / depth * 0.35
            cornice = front._replace(colour=trim, pattern=0)
            lip = np.array([near + up * 0.97 + out, far + up * 0.97 + out, far + up + out, near + up + out])
            canvas.facet(lip, inside, cornice, BUILDING)

    corners = np.array([near, far, near + outward, far + outward])
    canvas.cast(np.concatenate([corners, corners + up * (1.1 if pitched else 1.0)]))
    scene.later(stop, paint)


def _tree(scene: _Scene, foot: FloatArray, s: float, height: float, radius: float, *, trunk: bool = True) -> None:
    """A trunk with branches and a crown of many leafy clumps; without a trunk, a bush."""
    rng, canvas = scene.rng, scene.canvas
    leaf, bark = _foliage(rng), _times(_grey(rng, 0.2, 0.5), rng.uniform(0.8, 1.0))
    bottom = rng.uniform(0.28, 0.42) * height if trunk else 0.0
    middle, half = (bottom + height) / 2, (height - bottom) / 2
    density = rng.uniform(0.6, 1.0)
    body = rng.normal(size=(24, 3))
    body = body / np.linalg.norm(body, axis=1, keepdims=True) * [radius, half, radius] + foot + UP * middle
    canvas.cast(body, 0.85)
    if trunk:
        canvas.cast(np.array([_moved(foot, 0.12, 0, 0), _moved(foot, -0.12, 0, 0), _moved(foot, 0.0, middle, 0.0)]))
    canvas.darken(np.array([_moved(foot, x, 0.0, z) for x, z in _disc(0, 0, 0.6 if trunk else radius * 1.05)]), 0.6)
    seed = int(rng.integers(2**32))
    grain = rng.uniform(0.3, 0.55)

    def paint() -> None:
        draw = np.random.default_rng(seed)
        face, sun = canvas.standing(foot), scene.light_at(foot) + 0.15
        if trunk:
            wood = Material(bark, grain=0.3, slope=(scene.shading(1.2), 0.0), sun=sun)
            thick = 0.05 * radius + 0.09
            canvas.paint(face, [_limb((0, 0), (draw.normal(0, 0.1), middle), thick * 2.0, thick)], wood, VEGETATION)
            ends = np.stack([draw.uniform(-0.8, 0.8, 7) * radius, middle + draw.uniform(-0.3, 0.8, 7) * half], axis=1)
            canvas.stroke(face, [[(0, bottom * 0.9), (x, y)] for x, y in ends.tolist()], thick * 0.6, wood, VEGETATION)
        pixels = radius * canvas.camera.focal / max(face.depth, 1.0)
        count = int(np.clip(pixels * 1.1, 14, 110) * density)
        angle, far = draw.uniform(0, 2 * np.pi, count), np.sqrt(draw.uniform(0, 1, count))
        x, y = far * np.cos(angle), far * np.sin(angle)
        lit = 0.55 * y + 0.35 * x * (1 if scene.shading(1.0) > 0 else -1) + draw.normal(0, 0.28, count)
        sizes = (0.36 - 0.16 * far) * draw.uniform(0.6, 1.35, count) * min((40 / count) ** 0.35, 1.25)
        order = np.argsort(lit + draw.normal(0, 0.25, count))
        spokes = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        reach = draw.uniform(0.55, 1.3, (count, 9)) * sizes[:, None]
        clumps = np.stack(
            [(x[:, None] + reach * np.cos(spokes)) * radius, middle + (y[:, None] + reach * np.sin(spokes)) * half],
            axis=2,
        )
        if not trunk:
            clumps[:, :, 1] = np.maximum(clumps[:, :, 1], 0.0)
        for band in np.array_split(order, 6):
            shade = float(np.clip(0.78 + 0.42 * lit[band].mean(), 0.35, 1.35))
            leaves = Material(_times(leaf, shade), grain=grain, sun=sun * shade, sky=min(0.45 + 0.5 * shade, 1.0))
            canvas.paint(face, clumps[band], leaves, VEGETATION)

    scene.later(s - radius * 0.5, paint)


def _hedge(scene: _Scene, side: int, start: float, stop: float, offset: float, height: float) -> None:
    """A hedge along the sidewalk, with an uneven top."""
    rng, canvas = scene.rng, scene.canvas
    leaf = Material(_foliage(rng), grain=0.5, slope=(0.0, 0.25), sun=-1.0)
    seed = int(rng.integers(2**32))
    for s in np.arange(start, stop, 4.0).tolist():
        near, far = scene.at(side * offset, s), scene.at(side * offset, min(s + 4.0, stop))

        def paint(near: FloatArray = near, far: FloatArray = far, s: float = s) -> None:
            draw = np.random.default_rng([seed, int(s * 10 + 1000)])
            inside = _moved(near, side * 0.8, 0, 0)
            front = np.array([near, inside, inside + UP * height, near + UP * height])
            canvas.facet(
                front, far + UP + [side * 0.4, 0, 0], leaf._replace(colour=_times(leaf.colour, 0.85)), VEGETATION
            )
            shares = np.linspace(1, 0, 14)
            top = [near * (1 - a) + far * a + UP * height * draw.uniform(0.85, 1.12) for a in shares.tolist()]
            canvas.facet(np.array([near, far, *top]), inside, leaf, VEGETATION)

        base = np.array([near, far, _moved(far, side * 0.8, 0, 0), _moved(near, side * 0.8, 0, 0)])
        canvas.cast(np.concatenate([base, base + UP * height]))
        scene.later(s + 3.9, paint)


def _fence(scene: _Scene, a: FloatArray, b: FloatArray, s: float, height: float) -> None:
    """Railings, boards or wire mesh between two points; what is seen through it counts as fence."""
    rng, canvas = scene.rng, scene.canvas
    iron = Material(_metal(rng) if rng.random() < 0.6 else _wall(rng), grain=0.12)
    style, gap = rng.random(), rng.uniform(0.13, 0.2)
    base = np.array([a, b])
    canvas.cast(np.concatenate([base, base + UP * height]), 0.4 if style < 0.75 else 1.0)

    def paint() -> None:
        length = float(np.linalg.norm(b - a))
        face = canvas.face(a, (b - a) / length, UP)
        canvas.paint(face, [_box(0, 0.0, length, height)], None, FENCE)
        bars = np.arange(0, length, gap).tolist()
        if style > 0.75:
            boards = [_box(x, 0.05, x + gap * 0.9, height) for x in bars]
            canvas.paint(
                face, [_box(0, 0, length, height * 0.96)], iron._replace(colour=_times(iron.colour, 0.6)), FENCE
            )
            canvas.paint(face, boards, iron, FENCE)
            return
        if style > 0.5:
            canvas.stroke(face, [[(x, 0), (x + height, height)] for x in bars[::2]], 0.02, iron, FENCE)
            canvas.stroke(face, [[(x + height, 0), (x, height)] for x in bars[::2]], 0.02, iron, FENCE)
        else:
            canvas.paint(face, [_box(x, 0.05, x + 0.045, height) for x in bars], iron, FENCE)
        canvas.paint(face, [_box(0, y, length, y + 0.07) for y in (0.12, height - 0.07)], iron, FENCE)
        canvas.paint(
            face, [_box(x, 0, x + 0.09, height * 1.04) for x in np.arange(0, length, 2.4).tolist()], iron, FENCE
        )

    scene.later(s, paint)


def _car(scene: _Scene, foot: FloatArray, heading: float) -> None:
    """A car, estate or van: lower body, greenhouse, windows, wheels, lights, plates and its shadow."""
    rng, canvas = scene.rng, scene.canvas
    van, suv = rng.random() < 0.16, rng.random() < 0.3
    length, width = rng.uniform(3.7, 4.9) + 0.6 * van, rng.uniform(1.7, 1.88) + 0.12 * van
    height = rng.uniform(1.4, 1.52) + 0.22 * suv + rng.uniform(0.5, 1.0) * van
    belt = height * rng.uniform(0.58, 0.64) if not van else rng.uniform(1.1, 1.3)
    paint_colour = _paint(rng, 0.9)
    if rng.random() < 0.35:
        paint_colour = _grey(rng, 0.08, 0.9)
    ahead = np.array([np.sin(heading), 0.0, np.cos(heading)])
    right = np.array([np.cos(heading), 0.0, -np.sin(heading)])
    lamps_on = rng.random() < 0.35
    tail = rng.uniform(0.0, 0.1) if van or rng.random() < 0.55 else rng.uniform(0.35, 0.75)
    nose = rng.uniform(0.45, 0.7) if van else rng.uniform(0.85, 1.2)
    rake_back, rake_front = rng.uniform(0.15, 0.75) * (0.25 if van else 1.0), rng.uniform(0.5, 0.85)
    blind = van and rng.random() < 0.6

    def at(along: float, across: float, y: float) -> FloatArray:
        """A point of the car: `along` from its tail, `across` in half widths, y up."""
        return foot + ahead * (along - length / 2) + right * (across * width / 2) + UP * y

    corners = np.array([at(a, b, 0.0) for a, b in ((0, -1), (length, -1), (length, 1), (0, 1))])
    roof = np.array([at(a, b * 0.8, height) for a, b in ((0.6, -1), (length - 1.6, -1), (length - 1.6, 1), (0.6, 1))])
    canvas.cast(np.concatenate([corners + UP * 0.75, roof, corners + UP * 0.2]))
    canvas.darken(corners + (corners - foot) * 0.05, 0.95)

    def paint() -> None:
        inside = foot + UP * height / 2
        sunny = canvas.sunlit(foot)
        fine = float(np.linalg.norm(foot - canvas.camera.position)) < 28
        seen_from_behind = float(ahead @ (foot - canvas.camera.position)) > 0
        body = Material(paint_colour, grain=0.025, slope=(0.0, 0.22), mirror=0.04)
        if not sunny:
            body = body._replace(sun=0.0)
        dark = Material((0.16, 0.16, 0.17), grain=0.1, sun=0.2)
        glass = Material((0.14, 0.16, 0.17), grain=0.25, mirror=reflection, slope=(0.0, 0.3), sun=0.15 * sunny)
        cut, trunk = 0.2, tail * 0.4 + 0.1
        for side in (-1, 1):
            profile = [
                (cut, 0.28), (length - cut, 0.28), (length - cut, belt * 0.76), (length - nose, belt),
                (trunk, belt), (cut, belt * 0.86),
            ]  # fmt: skip
            for end, panel_end, y in ((cut, 0.0, belt * 0.82), (length - cut, length, belt * 0.74)):
                corner = [
                    at(end, side, 0.3),
                    at(panel_end, side * 0.8, 0.32),
                    at(panel_end, side * 0.8, y),
                    at(end, side, y),
                ]
                canvas.facet(np.array(corner), inside, body, CAR)
            if not canvas.facet(np.array([at(a, side, y) for a, y in profile]), inside, body, CAR):
                continue
            sill = np.array([at(a, side, y) for a, y in _box(cut, 0.2, length - cut, 0.34)])
            canvas.facet(sill, inside, dark, CAR)
            shade = np.array([at(a, side * 1.001, y) for a, y in _box(cut, 0.34, length - cut, 0.56)])
            canvas.facet(shade, inside, body._replace(colour=_times(paint_colour, 0.86)), CAR)
            if fine:
                shine = np.array(
                    [at(a, side * 1.001, y) for a, y in _box(0.4, belt * 0.88, length - nose, belt * 0.93)]
                )
                canvas.facet(shine, inside, body._replace(mirror=0.14), CAR)
            for axle in (length * 0.19, length * 0.8):
                black = dark._replace(colour=(0.07, 0.07, 0.07))
                for radius, rubber in ((0.38, black), (0.31, dark), (0.2, rim)):
                    wheel = np.array([at(a, side * 1.005, y) for a, y in _disc(axle, 0.31, radius)])
                    canvas.facet(wheel, inside, rubber, CAR)
            seam = body._replace(colour=_times(paint_colour, 0.65))
            for a in (length * 0.36, length * 0.6) if fine else ():
                door = np.array([at(b, side * 1.002, y) for b, y in _box(a, 0.4, a + 0.03, belt)])
                canvas.facet(door, inside, seam, CAR)
        low_nose, low_tail = belt * 0.74, belt * 0.82
        for tip, joint, y in ((length, length - nose, low_nose), (0.0, trunk, low_tail)):
            lid = [at(tip, -0.8, y), at(tip, 0.8, y), at(joint, 1, belt), at(joint, -1, belt)]
            canvas.facet(np.array(lid), inside, body, CAR)
            for side in (-1, 1):
                wing = [at(tip, side * 0.8, y), at(abs(tip - cut), side, y), at(joint, side, belt)]
                canvas.facet(np.array(wing), inside, body, CAR)
        for a, y in ((0.0, low_tail), (length, low_nose)):
            panel = np.array([at(a, -0.86, 0.24), at(a, 0.86, 0.24), at(a, 0.86, y), at(a, -0.86, y)])
            if canvas.facet(panel, inside, body, CAR):
                _car_end(canvas, panel, inside, dark, front=a > 0, lamps_on=lamps_on)
        if fine:
            for side in (-1, 1):
                ear = [at(length - nose - 0.35, side * x, belt + y) for x, y in _box(0.98, 0.0, 1.16, 0.16)]
                canvas.facet(np.array(ear), at(length if seen_from_behind else 0.0, 0, 1.0), dark, CAR)
        # The shoulders below the side windows, or the street would show between body and roof.
        deck = [at(trunk, -1, belt), at(trunk, 1, belt), at(length - nose, 1, belt), at(length - nose, -1, belt)]
        canvas.facet(np.array(deck), inside - UP * height, body, CAR)
        back, fore = trunk, length - nose
        top_back, top_fore = back + rake_back, fore - rake_front
        sides = [
            np.array(
                [
                    at(back, side * 0.96, belt),
                    at(fore, side * 0.96, belt),
                    at(top_fore, side * 0.8, height),
                    at(top_back, side * 0.8, height),
                ]
            )
            for side in (-1, 1)
        ]
        left, right_side = sides
        rear, screen = (np.array([left[i], right_side[i], right_side[j], left[j]]) for i, j in ((0, 3), (1, 2)))
        top = np.array([left[3], left[2], right_side[2], right_side[3]])
        shell = body._replace(colour=_times(paint_colour, 0.95))
        for quad in (*sides, rear, screen, top):
            canvas.facet(quad, inside, shell, CAR)
        for quad in sides:
            for low, high in ((0.62, 0.95),) if blind else ((0.05, 0.34), (0.38, 0.62), (0.66, 0.95)):
                canvas.facet(_inset(quad, low, high, 0.08, 0.86), inside, glass, CAR)
        if not blind:
            canvas.facet(_inset(rear, 0.08, 0.92, 0.12, 0.88), inside, glass, CAR)
        canvas.facet(_inset(screen, 0.04, 0.96, 0.04, 0.94), inside, glass, CAR)

    reflection = float(rng.uniform(0.05, 0.6))
    rim = Material(_grey(rng, 0.3, 0.75), grain=0.3, sun=0.4)
    scene.later(float(foot[2]), paint)


def _car_end(
    canvas: Canvas, panel: FloatArray, inside: FloatArray, dark: Material, *, front: bool, lamps_on: bool
) -> None:
    """Lamps, number plate, grille and bumper of a car's front or rear."""
    lamp = Material(
        (0.9, 0.9, 0.86) if front else (0.6, 0.07, 0.06), grain=0.2, sun=0.5, mirror=0.05, glow=1.5 * lamps_on
    )
    low, high = (0.62, 0.88) if front else (0.55, 0.92)
    for left, right in ((0.0, 0.2), (0.8, 1.0)):
        canvas.facet(_inset(panel, left, right, low - 0.04, high + 0.03), inside, dark, CAR)
        left, right = max(left, 0.02), min(right, 0.98)
        canvas.facet(_inset(panel, left, right, low, high), inside, lamp, CAR)
    canvas.facet(_inset(panel, 0.0, 1.0, 0.0, 0.14), inside, dark, CAR)
    if front:
        canvas.facet(_inset(panel, 0.24, 0.76, 0.58, 0.85), inside, dark, CAR)
    height = (0.28, 0.44) if front else (0.42, 0.6)
    canvas.facet(_inset(panel, 0.36, 0.64, *height), inside, dark._replace(colour=(0.82, 0.82, 0.74), sun=0.5), CAR)


def _clothes(scene: _Scene, foot: FloatArray) -> Callable[[RGB], Material]:
    sun = scene.light_at(foot) + 0.05
    slope = (scene.shading(0.9), 0.06)
    return lambda colour: Material(colour, grain=0.14, sun=sun, slope=slope)


def _person(scene: _Scene, foot: FloatArray) -> None:
    """Somebody walking or standing, seen from the front, the back or the side."""
    rng, canvas = scene.rng, scene.canvas
    size = rng.uniform(1.05, 1.4) if rng.random() < 0.1 else rng.uniform(1.55, 1.92)
    stout = rng.uniform(0.9, 1.3)
    step = rng.uniform(-0.16, 0.16) if rng.random() < 0.75 else 0.02
    skin = _times((0.87, 0.68, 0.56), rng.uniform(0.4, 1.1))
    coat, trousers, hair, shoes = (_paint(rng, s) for s in (0.85, 0.45, 0.4, 0.5))
    trousers, hair = _times(trousers, rng.uniform(0.35, 0.9)), _times(hair, rng.uniform(0.2, 0.8))
    hem = rng.uniform(0.3, 0.47)
    swing = step * rng.uniform(0.5, 1.0)
    bag, cap = rng.random() < 0.4, rng.random()
    bag_colour, bag_side = _paint(rng, 0.7), rng.choice([-1.0, 1.0])
    canvas.darken(np.array([_moved(foot, x, 0.0, z) for x, z in _disc(0, 0, 0.3, 0.22)]), 0.75)
    body = np.array(
        [_moved(foot, x, y * size, 0.0) for x, y in ((-0.1, 0), (0.1, 0), (-0.24, 0.6), (0.24, 0.8), (0, 1))]
    )
    canvas.cast(body, 0.9)

    def paint() -> None:
        face, cloth = canvas.standing(foot), _clothes(scene, foot)

        def draw(points: Points, colour: RGB) -> None:
            canvas.paint(face, [[(x * size, y * size) for x, y in points]], cloth(colour), PERSON)

        for foot_x, side in ((step, 1), (-step, -1)):
            knee = (side * 0.028 + foot_x * 0.55 + 0.01, 0.26)
            shade = trousers if side > 0 else _times(trousers, 0.8)
            draw(_limb((side * 0.035 * stout, 0.52), knee, 0.105 * stout, 0.075), shade)
            draw(_limb(knee, (side * 0.03 + foot_x, 0.03), 0.075, 0.05), shade)
            draw(_disc(side * 0.03 + foot_x + 0.012 * np.sign(step), 0.018, 0.045, 0.022, 8), shoes)
        draw(_limb((-0.1 * stout, 0.79), (-0.125 * stout - swing, 0.6), 0.06, 0.05), _times(coat, 0.8))
        if bag:
            draw(_box(bag_side * 0.1 - 0.06, 0.5, bag_side * 0.1 + 0.06, 0.72), bag_colour)
        shoulder, waist = 0.118 * stout, 0.088 * stout
        torso = [(waist, hem), (waist, 0.6), (shoulder, 0.78), (0.05, 0.83)]
        torso += [(-x, y) for x, y in reversed(torso)]
        draw(torso, coat)
        elbow = (0.13 * stout + swing * 0.6, 0.63)
        draw(_limb((0.1 * stout, 0.79), elbow, 0.06, 0.05), _times(coat, 0.9))
        draw(_limb(elbow, (elbow[0] + swing * 0.7 - 0.01, 0.5), 0.05, 0.035), _times(coat, 0.9))
        draw(_disc(elbow[0] + swing * 0.7 - 0.01, 0.49, 0.022, 0.028, 8), skin)
        draw(_limb((0, 0.81), (0, 0.88), 0.05, 0.05), _times(skin, 0.85))
        draw(_disc(0.0, 0.918, 0.05, 0.07, 12), skin)
        crown = _disc(0.0, 0.93, 0.056, 0.068, 14)
        draw(crown if cap > 0.6 else [(x, max(y, 0.925)) for x, y in crown], hair)

    scene.later(float(foot[2]), paint)


def _bicycle(scene: _Scene, foot: FloatArray, *, ridden: bool, sideways: bool) -> None:
    """A bicycle, with or without a rider; seen from the side or along the street."""
    rng, canvas = scene.rng, scene.canvas
    frame_colour, coat, trousers = _paint(rng, 0.9), _paint(rng, 0.9), _times(_paint(rng, 0.5), rng.uniform(0.3, 0.9))
    skin, helmet = _times((0.87, 0.68, 0.56), rng.uniform(0.4, 1.1)), _paint(rng, 0.9)
    turn = rng.uniform(-0.5, 0.5)
    flip = float(rng.choice([-1.0, 1.0]))
    phase = rng.uniform(0, 2 * np.pi)
    tall = rng.uniform(0.94, 1.08)
    reach = 0.85 if sideways else 0.3
    canvas.darken(np.array([_moved(foot, x, 0.0, z) for x, z in _disc(0, 0, reach, 0.2 if sideways else 0.8)]), 0.55)
    top = 1.7 if ridden else 0.9
    canvas.cast(np.array([_moved(foot, x, y, 0.0) for x, y in ((-reach, 0), (reach, 0), (-0.2, top), (0.2, top))]), 0.7)

    def paint() -> None:
        face, cloth = canvas.standing(foot), _clothes(scene, foot)
        if sideways:
            across = face.frame[0] @ canvas.camera.rotation
            cos, sin = np.cos(turn), np.sin(turn)
            across = np.array([across[0] * cos + across[2] * sin, 0.0, across[2] * cos - across[0] * sin])
            face = canvas.face(foot, across * flip, UP)
        frame, tyre = cloth(frame_colour), cloth((0.13, 0.13, 0.13))

        def person(points: Points, colour: RGB) -> None:
            canvas.paint(face, [[(x, y * tall) for x, y in points]], cloth(colour), RIDER)

        def pedal(angle: float) -> tuple[float, float]:
            return -0.02 + 0.17 * float(np.cos(angle)), 0.3 + 0.17 * float(np.sin(angle))

        if sideways:
            hubs = ((-0.52, 0.34), (0.53, 0.34))
            for x, y in hubs:
                canvas.paint(face, [_disc(x, y, 0.36, corners=14)], None, BICYCLE)
                rim = _disc(x, y, 0.33, corners=16)
                canvas.stroke(face, [[*rim, rim[0]]], 0.05, tyre, BICYCLE)
                spokes = [[(x, y), spoke] for spoke in rim[::2]]
                canvas.stroke(face, spokes, 0.008, cloth((0.6, 0.6, 0.6)), None)
            canvas.paint(face, [[(-0.5, 0.32), (0.0, 0.28), (0.42, 0.8), (-0.15, 0.8)]], None, BICYCLE)
            seat, bottom, head = (-0.17, 0.82), (-0.03, 0.3), (0.4, 0.8)
            tubes = [[hubs[0], bottom, head, seat, bottom], [hubs[0], seat], [hubs[1], head, (0.38, 1.0)]]
            canvas.stroke(face, tubes, 0.05, frame, BICYCLE)
            canvas.paint(face, [_box(-0.3, 0.86, -0.06, 0.92), _box(0.3, 0.98, 0.5, 1.02)], tyre, BICYCLE)
            if not ridden:
                return
            for angle, shade in ((phase + np.pi, 0.75), (phase, 1.0)):
                shoe = pedal(angle)
                knee = (0.22 + 0.1 * shoe[0], 0.68 + (shoe[1] - 0.3) * 0.45)
                person(_limb((-0.16, 0.94), knee, 0.19, 0.14), _times(trousers, shade))
                person(_limb(knee, shoe, 0.13, 0.08), _times(trousers, shade))
                person(_disc(shoe[0] + 0.04, shoe[1] - 0.03, 0.12, 0.045, 8), _times(skin, 0.4))
            person([(-0.3, 0.86), (0.02, 0.9), (0.22, 1.38), (0.1, 1.5), (-0.06, 1.46)], coat)
            person(_limb((0.1, 1.4), (0.24, 1.15), 0.12, 0.1), _times(coat, 0.85))
            person(_limb((0.24, 1.15), (0.42, 1.02), 0.1, 0.07), _times(coat, 0.85))
            person(_disc(0.2, 1.58, 0.1, 0.13), skin)
            person([(x, max(y, 1.6)) for x, y in _disc(0.19, 1.62, 0.125, 0.13)], helmet)
            return
        canvas.paint(face, [_box(-0.045, 0.0, 0.045, 0.7)], tyre, BICYCLE)
        canvas.paint(face, [_box(-0.05, 0.45, 0.05, 0.95)], frame, BICYCLE)
        canvas.paint(face, [_limb((-0.3, 1.04), (0.3, 1.04), 0.05, 0.05), _box(-0.1, 0.84, 0.1, 0.92)], tyre, BICYCLE)
        if not ridden:
            return
        for side in (-1.0, 1.0):
            low = 0.2 + 0.17 * (1 + side * float(np.sin(phase)))
            knee = (side * 0.17, 0.55 + low * 0.3)
            person(_limb((side * 0.1, 0.95), knee, 0.2, 0.15), trousers)
            person(_limb(knee, (side * 0.12, low), 0.14, 0.09), _times(trousers, 0.85))
            person(_disc(side * 0.12, low - 0.03, 0.06, 0.06, 8), _times(skin, 0.4))
            person(_limb((side * 0.2, 1.44), (side * 0.32, 1.2), 0.13, 0.1), _times(coat, 0.85))
            person(_limb((side * 0.32, 1.2), (side * 0.27, 1.04), 0.1, 0.07), _times(coat, 0.85))
        back = [(0.18, 0.88), (0.2, 1.2), (0.22, 1.45), (0.08, 1.53)]
        person(back + [(-x, y) for x, y in reversed(back)], coat)
        person(_disc(0.0, 1.62, 0.095, 0.12), skin)
        person([(x, max(y, 1.61)) for x, y in _disc(0.0, 1.65, 0.125, 0.125)], helmet)

    scene.later(float(foot[2]), paint)


def _post(scene: _Scene, foot: FloatArray, height: float, width: float, material: Material) -> None:
    """An upright post with its shadow; painted by the caller's turn."""
    sides = np.array([_moved(foot, x, 0.0, 0.0) for x in (-width / 2, width / 2)])
    scene.canvas.cast(np.concatenate([sides, sides + UP * height]))

    def paint() -> None:
        post = material._replace(sun=scene.light_at(foot) + 0.1)
        outline = _limb((0, 0), (0, height), width, width * 0.85)
        scene.canvas.paint(scene.canvas.standing(foot), [outline], post, POLE)

    scene.later(float(foot[2]) + 0.01, paint)


def _pole_paint(scene: _Scene, width: float) -> Material:
    return Material(_metal(scene.rng), grain=0.1, slope=(scene.shading(0.5 / width), 0.0))


def _lamp_post(scene: _Scene, foot: FloatArray, side: int) -> None:
    """A street lamp with an arm over the road."""
    rng = scene.rng
    height, width, arm = rng.uniform(5.0, 8.5), rng.uniform(0.14, 0.2), rng.uniform(0.6, 2.2)
    material = _pole_paint(scene, width)
    lamp = material._replace(colour=_grey(rng, 0.3, 0.85), slope=(0.0, 0.0))
    rise = rng.uniform(0.0, 0.5)
    _post(scene, foot, height, width, material)

    def paint() -> None:
        face = scene.canvas.face(foot, np.array([1.0, 0.0, 0.0]), UP)
        tip = (-side * arm, height + rise)
        scene.canvas.paint(face, [_limb((0, height - 0.05), tip, 0.11, 0.09)], material._replace(slope=(0, 0)), POLE)
        head = _limb((tip[0] + side * 0.1, tip[1]), (tip[0] - side * 0.6, tip[1] + 0.03), 0.2, 0.12)
        scene.canvas.paint(face, [head], lamp, POLE)

    scene.later(float(foot[2]), paint)


def _sign_face(rng: np.random.Generator) -> list[tuple[Points, RGB]]:
    """The layers of a sign about the origin, of unit half width."""
    white, black = _grey(rng, 0.82, 0.97), (0.08, 0.08, 0.09)
    red, blue = (0.72, 0.1, 0.1), (0.08, 0.25, 0.62)
    kind = int(rng.integers(9))
    digits = [_box(-0.4, -0.35, -0.08, 0.35), _box(0.08, -0.35, 0.4, 0.35)]
    arrow = [(-0.1, -0.6), (0.1, -0.6), (0.1, 0.1), (0.4, 0.1), (0.0, 0.65), (-0.4, 0.1), (-0.1, 0.1)]
    if kind == 0:
        return [(_disc(0, 0, 1), red), (_disc(0, 0, 0.74), white), *((d, black) for d in digits)]
    if kind == 1:
        return [(_disc(0, 0, 1), red), (_box(-0.7, -0.17, 0.7, 0.17), white)]
    if kind == 2:
        return [(_disc(0, 0, 1), blue), (arrow, white)]
    if kind == 3:
        triangle = _disc(0, -0.2, 1.15, corners=3, turn=np.pi / 2)
        inner = _disc(0, -0.2, 0.72, corners=3, turn=np.pi / 2)
        return [(triangle, red), (inner, white), (_box(-0.07, -0.3, 0.07, 0.15), black)]
    if kind == 4:
        return [(_disc(0, 0, 1.1, corners=4), white), (_disc(0, 0, 0.8, corners=4), (0.85, 0.65, 0.1))]
    if kind == 5:
        return [
            (_box(-0.9, -0.9, 0.9, 0.9), blue),
            (_box(-0.35, -0.6, -0.1, 0.6), white),
            (_disc(0.05, 0.25, 0.35), white),
        ]
    if kind == 6:
        return [(_disc(0, 0, 1.05, corners=8, turn=np.pi / 8), red), (_box(-0.7, -0.2, 0.7, 0.2), white)]
    if kind == 7:
        board, ink = (white, black) if rng.random() < 0.5 else (_paint(rng, 0.9), white)
        lines = [_box(-1.2, y, rng.uniform(0.2, 1.2), y + 0.22) for y in (-0.6, -0.1, 0.4)]
        return [(_box(-1.5, -0.9, 1.5, 0.9), ink), (_box(-1.42, -0.82, 1.42, 0.82), board), *((n, ink) for n in lines)]
    return [(_disc(0, 0, 1), red), (_disc(0, 0, 0.78), blue), (_limb((-0.7, 0.7), (0.7, -0.7), 0.24, 0.24), red)]


def _sign(scene: _Scene, foot: FloatArray) -> None:
    """A post with one or two signs, from the front or now and then from behind."""
    rng, canvas = scene.rng, scene.canvas
    width = rng.uniform(0.1, 0.15)
    height = rng.uniform(2.3, 3.3)
    material = _pole_paint(scene, width)
    _post(scene, foot, height, width, material)
    turn, behind = rng.normal(0, 0.3), rng.random() < 0.2
    plates = [(height - 0.3, rng.uniform(0.36, 0.52), _sign_face(rng))]
    if rng.random() < 0.35:
        plates.append((height - 0.3 - 2 * plates[0][1], rng.uniform(0.28, 0.4), _sign_face(rng)))
    grey = _grey(rng, 0.35, 0.75)
    faded = rng.uniform(0.6, 1.0)

    def paint() -> None:
        face = canvas.face(foot, np.array([np.cos(turn), 0.0, np.sin(turn)]), UP)
        sun = scene.light_at(foot) + 0.1
        for y, radius, layers in plates:
            for points, colour in layers[:1] if behind else layers:
                shown = Material(grey if behind else _times(colour, faded), grain=0.06, sun=sun)
                canvas.paint(face, [[(a * radius, y + b * radius) for a, b in points]], shown, TRAFFIC_SIGN)
            if behind:
                back = material._replace(sun=sun)
                canvas.paint(face, [_box(-width / 2, y - radius, width / 2, y + radius * 0.3)], back, POLE)

    scene.later(float(foot[2]) - 0.02, paint)


def _traffic_light(scene: _Scene, foot: FloatArray, side: int) -> None:
    """A post with a signal head; sometimes a second head on an arm over the road."""
    rng, canvas = scene.rng, scene.canvas
    height, width = rng.uniform(2.6, 3.4), rng.uniform(0.13, 0.18)
    material = _pole_paint(scene, width)
    box = _paint(rng, 0.6) if rng.random() < 0.3 else _grey(rng, 0.06, 0.35)
    heads = [(0.0, height - 0.35)]
    reach = rng.uniform(2.0, 4.0)
    if rng.random() < 0.4:
        heads.append((-side * reach, 5.2))
    tall = 6.0 if len(heads) > 1 else height
    _post(scene, foot, tall, width, material)
    plated = rng.random() < 0.5
    lit, behind, scale = int(rng.integers(3)), rng.random() < 0.2, rng.uniform(1.0, 1.3)

    def paint() -> None:
        face, sun = canvas.face(foot, np.array([1.0, 0.0, 0.0]), UP), scene.light_at(foot)
        if len(heads) > 1:
            canvas.paint(
                face, [_limb((0, 5.5), (-side * (reach + 0.4), 5.75), 0.13, 0.1)], material._replace(slope=(0, 0)), POLE
            )
        for x, y in heads:
            shell = Material(box, grain=0.08, sun=sun)
            w, h = 0.19 * scale, 0.5 * scale
            if x and plated:
                plate = _box(x - w * 1.7, y - h * 1.3, x + w * 1.7, y + h * 1.3)
                canvas.paint(face, [plate], shell._replace(colour=(0.9, 0.9, 0.9)), TRAFFIC_LIGHT)
            canvas.paint(face, [_box(x - w, y - h, x + w, y + h)], shell, TRAFFIC_LIGHT)
            if behind:
                continue
            for place, colour in enumerate(((0.95, 0.12, 0.08), (0.98, 0.66, 0.1), (0.15, 0.85, 0.5))):
                lens = Material(
                    _times(colour, 1.0 if place == lit else 0.28), glow=2.0 if place == lit else 0.0, sun=0.1
                )
                canvas.paint(face, [_disc(x, y + h * (0.64 - 0.64 * place), h * 0.24)], lens, TRAFFIC_LIGHT)

    scene.later(float(foot[2]) - 0.02, paint)


def _clutter(scene: _Scene, foot: FloatArray) -> None:
    """A bin or cabinet, which belongs to no class."""
    rng, canvas = scene.rng, scene.canvas
    wide, deep, tall = rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.6), rng.uniform(0.7, 1.5)
    material = Material(_paint(rng, 0.7), grain=0.1)
    base = foot + np.array([[-wide, 0, -deep], [wide, 0, -deep], [wide, 0, deep], [-wide, 0, deep]]) / 2
    canvas.cast(np.concatenate([base, base + UP * tall]))
    canvas.darken(base + (base - foot) * 0.15, 0.8)

    def paint() -> None:
        for i in range(4):
            a, b = base[i], base[(i + 1) % 4]
            canvas.facet(np.array([a, b, b + UP * tall, a + UP * tall]), foot + UP * tall / 2, material, VOID)
        canvas.facet(base + UP * tall, foot, material._replace(colour=_times(material.colour, 0.8)), VOID)

    scene.later(float(foot[2]), paint)


# Putting a street together. -------------------------------------------------------------------------------------------


def _light(rng: np.random.Generator) -> Light:
    """Weather and time of day."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(20, 65))
    towards = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    overcast = rng.random() < 0.38
    warm = rng.uniform(0.0, 0.25)
    strength = rng.uniform(0.0, 0.12) if overcast else rng.uniform(0.8, 1.9)
    ambient = rng.uniform(0.7, 1.0) if overcast else rng.uniform(0.28, 0.6)
    bright = rng.uniform(0.45, 1.1)
    if overcast:
        cloud, zenith = _grey(rng, bright * 0.8, bright), _grey(rng, bright * 0.6, bright)
        horizon = _grey(rng, bright * 0.9, bright)
        clouds = (rng.uniform(-1.5, 0.3), rng.uniform(0.2, 0.6))
    else:
        hue = rng.uniform(0.52, 0.64)
        zenith = colorsys.hsv_to_rgb(hue, rng.uniform(0.15, 0.65), bright)
        hue = rng.uniform(0.03, 0.13) if rng.random() < 0.25 else hue
        horizon = colorsys.hsv_to_rgb(hue, rng.uniform(0.03, 0.25), min(bright * 1.1, 1.1))
        cloud, clouds = _grey(rng, 0.75, 1.0), (rng.uniform(-0.5, 2.2), rng.uniform(0.4, 1.2))
    blue = 0.0 if overcast else rng.uniform(0.0, 0.2)
    return Light(
        towards_sun=towards,
        sun=(strength, strength * (1 - 0.4 * warm), strength * (1 - warm)),
        ambient=(ambient * (1 - blue), ambient * (1 - blue * 0.4), ambient),
        horizon=horizon,
        zenith=zenith,
        cloud=cloud,
        clouds=clouds,
        haze=float(np.exp(rng.uniform(np.log(130), np.log(1200)))),
    )


def _row_of_houses(scene: _Scene, side: int, junction: tuple[float, float] | None) -> None:
    """Buildings, gaps and front gardens of one side."""
    rng = scene.rng
    front = scene.half + scene.walks[side]
    usual, s = rng.uniform(5.5, 19), -rng.uniform(2, 10)
    leafy = rng.random() < 0.25
    while s < scene.end:
        length = rng.uniform(7, 22)
        if junction is not None and s < junction[1] and s + length > junction[0]:
            if junction[0] - s > 5:
                length = junction[0] - s - rng.uniform(1.0, 3.5)
            else:
                s = junction[1] + rng.uniform(1.0, 3.5)
                continue
        if rng.random() < (0.4 if leafy else 0.13):
            _gap(scene, side, s, s + length, front)
        else:
            garden = rng.uniform(1.5, 5.0) if rng.random() < (0.6 if leafy else 0.22) else 0.0
            height = float(np.clip(usual * rng.uniform(0.6, 1.4), 4.5, 26))
            _building(scene, side, s, s + length, front + garden, height, rng.uniform(9, 24))
            if garden:
                _boundary(scene, side, s, s + length, front + 0.1)
                if rng.random() < 0.6:
                    spot = rng.uniform(s + 1, s + length - 1)
                    height = rng.uniform(1.0, 3.5)
                    foot = scene.on_walk(side * (front + garden * 0.6), spot)
                    _tree(scene, foot, spot, height, rng.uniform(0.5, 1.2), trunk=False)
        s += length + (rng.uniform(0.5, 4.0) if rng.random() < 0.25 else 0.0)


def _boundary(scene: _Scene, side: int, start: float, stop: float, offset: float) -> None:
    """What separates a garden from the sidewalk."""
    rng = scene.rng
    if rng.random() < 0.62:
        height = rng.uniform(0.9, 1.8)
        for s in np.arange(start, stop, 5.0).tolist():
            near, far = scene.on_walk(side * offset, s), scene.on_walk(side * offset, min(s + 5, stop))
            _fence(scene, near, far, s + 4.8, height)
    else:
        _hedge(scene, side, start, stop, offset, rng.uniform(0.8, 2.0))


def _gap(scene: _Scene, side: int, start: float, stop: float, front: float) -> None:
    """A plot without a house: trees behind a fence or hedge."""
    rng = scene.rng
    for _ in range(int(rng.integers(2, 6))):
        s, offset = rng.uniform(start, stop), front + rng.uniform(2.5, 9)
        height = rng.uniform(4, 11)
        _tree(scene, scene.at(side * offset, s), s + 2, height, height * rng.uniform(0.28, 0.42))
    _boundary(scene, side, start, stop, front + 0.2)


def _street_end(scene: _Scene) -> None:
    """What closes the view: houses across, trees, or a far horizon."""
    rng, kind = scene.rng, scene.rng.random()
    if kind < 0.5:
        x = -45.0 + rng.uniform(-5, 5)
        while x < 45:
            width = rng.uniform(9, 20)
            near = scene.at(x, scene.end + rng.uniform(8, 14))
            _facing(scene, near, width, rng.uniform(5, 20))
            x += width
    for _ in range(12 if kind > 0.5 else 3):
        s, offset = scene.end + rng.uniform(2, 30), rng.normal(0, 22)
        height = rng.uniform(5, 13)
        _tree(scene, scene.at(offset, s), s, height, height * rng.uniform(0.3, 0.5))


def _facing(scene: _Scene, near: FloatArray, width: float, height: float) -> None:
    """A building that faces along the street."""
    rng, canvas = scene.rng, scene.canvas
    wall = _wall(rng)
    columns, storeys = max(round(width / rng.uniform(2, 3.5)), 1), max(round(height / 3.2), 1)
    front = Material(
        wall,
        second=_grey(rng, 0.5, 0.9),
        pattern=FACADE,
        cell=(width / columns, height / storeys),
        fill=(rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.65)),
    )
    far = near + np.array([width, 0.0, 0.0])
    outline = np.array([near, far, far + UP * height, near + UP * height])
    canvas.cast(np.concatenate([outline, _moved(outline, 0.0, 0.0, 12.0)]))
    scene.later(float(near[2]), lambda: _painted_facet(canvas, outline, front))


def _painted_facet(canvas: Canvas, outline: FloatArray, material: Material) -> None:
    canvas.facet(outline, outline.mean(axis=0) + np.array([0.0, 0.0, 5.0]), material, BUILDING)


def _traffic(scene: _Scene, crossings: Sequence[float], junction: tuple[float, float] | None) -> None:
    """Parked and moving cars."""
    rng, half = scene.rng, scene.half
    barred = [(s - 3.5, s + 3.5) for s in crossings] + (
        [] if junction is None else [(junction[0] - 2, junction[1] + 2)]
    )
    for side in (-1, 1):
        if half < 4.2 or rng.random() < 0.3:
            continue
        s, share = rng.uniform(2.5, 8), rng.uniform(0.4, 0.95)
        while s < min(scene.end, 90):
            if rng.random() < share and not any(low < s < high for low, high in barred):
                way = 0.0 if side > 0 or rng.random() < 0.2 else np.pi
                _car(scene, scene.at(side * (half - 1.15), s), scene.heading(s) + way + rng.normal(0, 0.02))
            s += rng.uniform(5.2, 7.0)
    for lane, way in ((half * 0.36, 0.0), (-half * 0.36, np.pi)):
        s = rng.uniform(9, 30) if way == 0 else rng.uniform(6, 30)
        while s < min(scene.end, 100):
            if rng.random() < 0.7:
                _car(scene, scene.at(lane, s), scene.heading(s) + way + rng.normal(0, 0.03))
            s += rng.uniform(8, 35)
    if junction is not None and rng.random() < 0.5:
        way = float(rng.choice([-1.0, 1.0]))
        middle = (junction[0] + junction[1]) / 2
        for _ in range(2):
            offset = rng.uniform(-16, 16)
            _car(scene, scene.at(offset, middle + 1.8 * way), way * np.pi / 2)


def _people(scene: _Scene, crossings: Sequence[float]) -> None:
    """People on the sidewalks and crossing, riders, parked bicycles."""
    rng, half = scene.rng, scene.half
    for _ in range(int(rng.integers(3, 9))):
        side = int(rng.choice([-1, 1]))
        s = 4.5 + 34 * rng.random() ** 1.5
        offset = half + rng.uniform(0.5, max(scene.walks[side] - 0.4, 0.6))
        for i in range(int(rng.choice([1, 1, 2, 3]))):
            spot = offset + rng.normal(0, 0.35), s + 0.55 * i
            _person(scene, scene.on_walk(side * spot[0], spot[1]))
    for s in crossings:
        for _ in range(int(rng.integers(0, 5))):
            _person(scene, scene.at(rng.uniform(-half, half), s + rng.uniform(-1.2, 1.2)))
    if rng.random() < 0.3:
        _person(scene, scene.at(rng.uniform(-half, half), rng.uniform(7, 25)))
    for _ in range(int(rng.choice([0, 1, 1, 2, 3]))):
        sideways, s = rng.random() < 0.6, 5.0 + 20 * rng.random() ** 1.4
        offset = rng.uniform(-half, half) if sideways else float(rng.choice([-1, 1])) * (half - rng.uniform(0.5, 1.2))
        _bicycle(scene, scene.at(offset, s), ridden=True, sideways=sideways)
    for _ in range(int(rng.integers(0, 3))):
        side, s = int(rng.choice([-1, 1])), rng.uniform(5, 22)
        place = half + (0.5 if rng.random() < 0.5 else max(scene.walks[side] - 0.5, 0.4))
        for i in range(int(rng.integers(1, 4))):
            _bicycle(scene, scene.on_walk(side * place, s + 0.8 * i), ridden=False, sideways=rng.random() < 0.75)


def _furniture(scene: _Scene, crossings: Sequence[float]) -> None:
    """Lamps, signs, signals, trees, railings and bins along the kerbs."""
    rng, half = scene.rng, scene.half
    for side, walk in scene.walks.items():
        if rng.random() < 0.8:
            for s in np.arange(rng.uniform(5, 18), min(scene.end, 100), rng.uniform(17, 28)).tolist():
                _lamp_post(scene, scene.on_walk(side * (half + 0.45), s), side)
        if rng.random() < 0.55 and walk > 2.2:
            size = rng.uniform(4.5, 9)
            for s in np.arange(rng.uniform(5, 20), min(scene.end, 110), rng.uniform(7, 18)).tolist():
                height = size * rng.uniform(0.8, 1.2)
                _tree(scene, scene.on_walk(side * (half + 0.9), s), s, height, height * rng.uniform(0.26, 0.4))
        for _ in range(int(rng.integers(1, 5))):
            s = 5.0 + 26 * rng.random() ** 1.3
            _sign(scene, scene.on_walk(side * (half + rng.uniform(0.3, 0.9)), s))
        if rng.random() < 0.35:
            start = rng.uniform(4, 22)
            height = rng.uniform(0.9, 1.2)
            for s in np.arange(start, start + rng.uniform(6, 20), 4.0).tolist():
                near, far = scene.on_walk(side * (half + 0.25), s), scene.on_walk(side * (half + 0.25), s + 4)
                _fence(scene, near, far, s + 2.0, height)
        for _ in range(int(rng.integers(0, 3))):
            _clutter(scene, scene.on_walk(side * (half + walk * rng.uniform(0.15, 0.9)), rng.uniform(5, 30)))
    for s in crossings:
        if rng.random() < 0.85:
            for side in scene.walks:
                _traffic_light(scene, scene.on_walk(side * (half + 0.5), s - 1.9), side)


def _bonnet(scene: _Scene) -> None:
    """The camera's own car at the lower edge."""
    rng, canvas, camera = scene.rng, scene.canvas, scene.canvas.camera
    depth = 1.0
    half_high, half_wide = camera.height / 2 / camera.focal, camera.width / 2 / camera.focal
    top = -half_high * rng.uniform(0.78, 0.93)
    middle = rng.normal(0, 0.12) * half_wide
    centre = camera.position + camera.rotation[2] * depth
    face = canvas.face(centre, camera.rotation[0], -camera.rotation[1])
    xs = np.linspace(-1.15, 1.15, 15) * half_wide
    rim = [(x, top - 0.3 * half_high * abs((x - middle) / half_wide) ** rng.uniform(2.2, 3.2)) for x in xs.tolist()]
    outline = [*rim, (2 * half_wide, -2 * half_high), (-2 * half_wide, -2 * half_high)]
    paint = Material(_paint(rng, 0.7), grain=0.03, slope=(0.0, 1.5), sun=0.3, mirror=rng.uniform(0.02, 0.25))
    canvas.paint(face, [outline], paint, VOID)
    canvas.stroke(face, [rim], 0.006, paint._replace(mirror=0.4), VOID)


def draw_street(seed: int, index: int, height: int, width: int) -> tuple[UInt8Array, UInt8Array]:
    """Draw one street scene; the same arguments always give the same scene.

    Args:
        seed: of the data set, not negative.
        index: of the scene in the data set, not negative.
        height: of the picture in pixels, at least 16.
        width: of the picture in pixels, at least 16; a wider picture shows more of the street's sides.

    Returns:
        The photograph (H×W×3, RGB, 0 to 255), and the class of each pixel (H×W): ids of `CITYSCAPES`, or `VOID`.

    Raises:
        UserError: if the size is too small.
    """
    _check_size((height, width))
    return _street(numpy_generator(seed, "street", index), height, width)


def _street(rng: np.random.Generator, height: int, width: int) -> tuple[UInt8Array, UInt8Array]:
    # Small pictures are painted on a relatively finer canvas, so that thin things neither vanish nor thicken.
    shrink = 2 if min(height, width) >= 192 else 3 if min(height, width) >= 96 else 4
    half = rng.uniform(3.2, 6.8)
    walks = {-1: rng.uniform(1.6, 4.5), 1: rng.uniform(1.6, 4.5)}
    bend = rng.normal(0, 0.0012) if rng.random() < 0.4 else 0.0
    end = float(np.exp(rng.uniform(np.log(40), np.log(140))))
    focal = rng.uniform(0.75, 1.15) * min(height, width) * shrink
    place = np.array([np.clip(half * 0.36 + rng.normal(0, 0.9), -half + 1.5, half - 1.2), rng.uniform(1.25, 2.4), 0.0])
    camera = Camera(
        place,
        float(np.clip(rng.normal(0, 0.11), -0.26, 0.26)),
        rng.uniform(-0.16, 0.13),
        rng.normal(0, 0.018),
        focal,
        height * shrink,
        width * shrink,
    )
    canvas = Canvas(camera, _light(rng), SKY)
    scene = _Scene(rng, canvas, bend, half, walks, end)
    junction = None
    if rng.random() < 0.6:
        start = rng.uniform(11, 30)
        junction = (start, start + rng.uniform(7, 12))
    crossings = [] if junction is None else [junction[0] - 2.5]
    if junction is None and rng.random() < 0.7:
        crossings = [rng.uniform(8, 20)]
    _ground(scene, crossings, junction)
    for side in (-1, 1):
        _row_of_houses(scene, side, junction)
        if junction is not None:
            far = scene.at(side * (half + rng.uniform(28, 50)), junction[1] + 8)
            _tree(scene, far, junction[1] + 25, 9, 4)
            _building(scene, side, junction[0] - 15, junction[1] + 25, abs(float(far[0])) + 5, rng.uniform(6, 16), 10)
    _street_end(scene)
    _furniture(scene, crossings)
    _traffic(scene, crossings, junction)
    _people(scene, crossings)
    scene.finish()
    if rng.random() < 0.25:
        _bonnet(scene)
    mirrored = rng.random() < 0.5
    ids = canvas.classes(shrink)
    photograph = develop(canvas.photograph(rng, shrink), rng)
    if mirrored:
        return np.ascontiguousarray(photograph[:, ::-1]), np.ascontiguousarray(ids[:, ::-1])
    return photograph, ids


# Writing the data set. ------------------------------------------------------------------------------------------------


def _check_size(size: tuple[int, int]) -> None:
    if min(size) < SMALLEST:
        raise UserError(f"streets of {size[0]}×{size[1]} pixels are too small; give at least {SMALLEST}×{SMALLEST}")


def _write_pair(job: tuple[Path, int, int, int], size: tuple[int, int]) -> None:
    """Draw one pair and write it as one picture."""
    path, seed, split, index = job
    photograph, ids = _street(numpy_generator(seed, "street", split, index), *size)
    both = np.concatenate([photograph, CITYSCAPES.to_colours(ids)], axis=1)
    unfinished = path.with_name(f".{path.name}.unfinished")
    Image.fromarray(both).save(unfinished, format="PNG", compress_level=1)
    unfinished.replace(path)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def write_streets(out: Path, *, size: tuple[int, int], train_pairs: int, val_pairs: int, seed: int) -> None:
    """Write a data set of street scenes: `out/train/0000.png` and so on, and `out/val/`.

    Each file holds the photograph in its left half and the segmentation in Cityscapes colours in its right half. The
    splits share no scene. All cores draw; an interruption (Ctrl-C) leaves whole files only.

    Args:
        out: a folder that is empty or does not exist yet.
        size: height and width of each half, in pixels.
        train_pairs: number of pairs in `out/train`.
        val_pairs: number of pairs in `out/val`.
        seed: decides every scene; not negative.

    Raises:
        UserError: if `out` is not an empty folder, or a number is too small.
    """
    _check_size(size)
    pairs = dict(zip(SPLITS, (train_pairs, val_pairs), strict=True))
    for split, count in pairs.items():
        if count < 1:
            raise UserError(f"{count} {split} pairs are too few; ask for at least 1")
    if seed < 0:
        raise UserError(f"the seed {seed} is negative; give 0 or more")
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; name a folder for the pairs")
    if out.is_dir() and any(out.iterdir()):
        raise UserError(f"{out}: the folder is not empty; name a new one, or empty it first")
    jobs = []
    for number, (split, count) in enumerate(pairs.items()):
        (out / split).mkdir(parents=True, exist_ok=True)
        digits = max(len(str(count - 1)), 4)
        jobs += [(out / split / f"{index:0{digits}}.png", seed, number, index) for index in range(count)]
    # Spawned, since forking a process that has used torch's threads can hang.
    pool = ProcessPoolExecutor(min(_cores(), len(jobs)), get_context("spawn"), _leave_interrupts_to_the_parent)
    try:
        drawn = pool.map(partial(_write_pair, size=size), jobs, chunksize=4)
        for _ in track(drawn, total=len(jobs), description="Drawing streets"):
            pass
    finally:
        pool.shutdown(cancel_futures=True)


def _cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
