"""The road with its markings, the sidewalks and kerbs."""

import colorsys

import numpy as np

from pairloom.streets.camera import Face
from pairloom.streets.colours import grey, masonry, times
from pairloom.streets.materials import PLAIN, SLABS, Material
from pairloom.streets.scene import EAST, KERB, NORTH, ROAD, SIDEWALK, UP, Scene
from pairloom.streets.shapes import Points, box
from pairloom.streets.wear import puddles, wear

BEHIND = -5.0
"""The ground begins here (metres ahead), behind the camera."""


def ground(scene: Scene) -> None:
    """Paint all that is flat, at once; everything else stands on it."""
    rng, canvas, half = scene.rng, scene.canvas, scene.half
    floor = canvas.face(np.zeros(3), EAST, NORTH)
    asphalt = _asphalt(rng)
    tinted = rng.random() < 0.35
    paving = Material(
        masonry(rng) if tinted else grey(rng, 0.45, 0.9),
        # Without joints, green paving would pass for grass.
        pattern=SLABS if tinted or rng.random() < 0.8 else PLAIN,
        cell=(rng.uniform(0.3, 1.0), rng.uniform(0.3, 1.0)),
        grain=rng.uniform(0.05, 0.14),
        ground=True,
    )
    paving = paving._replace(second=times(paving.colour, rng.uniform(0.5, 0.8)))
    canvas.paint(floor, [box(-400, 0.4, 400, 700)], paving, SIDEWALK)
    canvas.paint(floor, [scene.strip(-half, half, BEHIND, scene.end + 60)], asphalt, ROAD)
    edges = [BEHIND, scene.end + 60]
    if scene.junction is not None:
        start, stop = scene.junction
        x = scene.bend * start**2
        canvas.paint(floor, [box(x - 120, start, x + 120, stop)], asphalt, ROAD)
        edges[1:1] = scene.junction
    kerb = paving._replace(colour=grey(rng, 0.35, 0.8), pattern=PLAIN)
    for side in scene.walks:
        for start, stop in zip(edges[::2], edges[1::2], strict=True):
            _sidewalk(scene, side, start, stop, paving, kerb)
            gutter = asphalt._replace(colour=times(asphalt.colour, rng.uniform(0.75, 1.15)))
            canvas.paint(floor, [scene.strip(side * half - side * 0.35, side * half, start, stop)], gutter, ROAD)
    wear(scene, floor, asphalt)
    _markings(scene, floor)
    puddles(scene, floor, asphalt)


def _asphalt(rng: np.random.Generator) -> Material:
    """The road's surface: grey, tinted, or cobbled."""
    bright = rng.uniform(0.24, 0.6)
    tone = times(grey(rng, bright, bright), 1.0)
    if rng.random() < 0.2:
        tone = times(colorsys.hsv_to_rgb(rng.uniform(0.02, 0.13), rng.uniform(0.1, 0.35), 1.0), bright)
    asphalt = Material(tone, grain=rng.uniform(0.05, 0.16), ground=True)
    if rng.random() < 0.12:
        asphalt = asphalt._replace(pattern=SLABS, cell=(0.22, 0.22), second=times(tone, 0.6))
    return asphalt


def _sidewalk(scene: Scene, side: int, start: float, stop: float, paving: Material, kerb: Material) -> None:
    """A stretch of sidewalk with its kerb."""
    canvas, half, width = scene.canvas, scene.half, scene.walks[side]
    raised = canvas.face(UP * KERB, EAST, NORTH)
    inner, outer = side * half, side * (half + width + 6)
    canvas.paint(raised, [scene.strip(inner, outer, start, stop)], paving, SIDEWALK)
    canvas.paint(raised, [scene.strip(inner, inner + side * 0.2, start, stop)], kerb, SIDEWALK)
    dark = kerb._replace(colour=times(kerb.colour, 0.7), ground=False)
    for s in np.arange(start, min(stop, 45), 5.0).tolist():
        corners = [scene.at(inner, s), scene.at(inner, s + 5), scene.at(inner, s + 5, KERB), scene.at(inner, s, KERB)]
        canvas.facet(np.array(corners), scene.at(2 * inner, s), dark, SIDEWALK)


def _markings(scene: Scene, floor: Face) -> None:
    """Lane lines, crosswalks, stop lines and arrows, more or less worn."""
    rng, canvas, half, strip = scene.rng, scene.canvas, scene.half, scene.strip
    worn = rng.uniform(0.5, 0.95)
    colour = (worn, worn * 0.82, worn * 0.3) if rng.random() < 0.15 else (worn, worn, worn * 0.97)
    white = Material((worn, worn, worn * 0.97), grain=rng.uniform(0.1, 0.3), ground=True)

    def free(s: float) -> bool:
        return not scene.barred(s, 4, 3)

    lines: list[Points] = []
    dash, style = rng.uniform(2.0, 4.0), rng.random()
    for s in np.arange(0.5, min(scene.end, 110), dash * 2).tolist():
        if style < 0.75 and free(s) and free(s + dash):
            lines.append(strip(-0.07, 0.07, s, s + dash))
    canvas.paint(floor, lines, white._replace(colour=colour), ROAD)
    lines = []
    if rng.random() < 0.45:
        for s in np.arange(0.0, min(scene.end, 100), 5.0).tolist():
            if free(s) and free(s + 5):
                lines += [strip(x - 0.06, x + 0.06, s, s + 5) for x in (0.45 - half, half - 0.45)]
    if rng.random() < 0.3 and half > 5:
        lines += [strip(half - 2.1, half - 1.98, s, s + 3) for s in np.arange(0.0, 60, 6.0).tolist() if free(s)]
    for s in scene.crossings:
        if rng.random() < 0.75:
            lines += [strip(x, x + 0.5, s - 1.5, s + 1.5) for x in np.arange(0.35 - half, half - 0.5, 1.0).tolist()]
        else:
            lines += [strip(-half, half, z, z + 0.2) for z in (s - 1.6, s + 1.6)]
        lines.append(strip(0.2, half - 0.2, s - 3.4, s - 3.0))
    canvas.paint(floor, lines, white, ROAD)
    if rng.random() < 0.3:
        z = rng.uniform(6, 16)
        arrow = [(0.1, 0.0), (0.1, 2.2), (0.4, 2.2), (0.0, 3.4), (-0.4, 2.2), (-0.1, 2.2), (-0.1, 0.0)]
        canvas.paint(floor, [[(x + half * 0.45, y + z) for x, y in arrow]], white, ROAD)
