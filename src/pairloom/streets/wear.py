"""What years of traffic and weather leave on the road: repairs, covers, cracks, wheel tracks, stains and puddles.

All of it is road. Most of it is near the camera, where an even surface would look empty.
"""

import numpy as np

from pairloom.streets.camera import Face, FloatArray
from pairloom.streets.colours import times
from pairloom.streets.materials import SLABS, Material
from pairloom.streets.scene import ROAD, Scene
from pairloom.streets.shapes import Points, disc

TAR = 0.55
"""How bright tar is, relative to the road."""


def wear(scene: Scene, floor: Face, asphalt: Material) -> None:
    """Paint what the road's markings lie on; `floor` has the axes x and z, `asphalt` is the road's surface."""
    _wheel_tracks(scene, floor, asphalt)
    _repairs(scene, floor, asphalt)
    _covers(scene, floor, asphalt)
    _cracks(scene, floor, asphalt)


def puddles(scene: Scene, floor: Face, asphalt: Material) -> None:
    """Paint stains, and on some days puddles, over the road's markings; takes what `wear` does."""
    rng = scene.rng
    for _ in range(int(rng.integers(0, 4))):
        stain = _blob(scene, rng.uniform(0.1, 0.45), rng.uniform(0.2, 0.8))
        scene.canvas.paint(floor, [stain], _toned(asphalt, rng.uniform(0.6, 0.85)), ROAD)
    if rng.random() < 0.22:
        water = _toned(asphalt, 0.45)._replace(grain=0.05, sun=0.3, mirror=rng.uniform(0.15, 0.45))
        for _ in range(int(rng.integers(1, 5))):
            pool = _blob(scene, rng.uniform(0.3, 1.1), rng.uniform(0.4, 1.6))
            scene.canvas.paint(floor, [pool], water, ROAD)


def _near(scene: Scene, margin: float) -> tuple[float, float]:
    """A place on the road, `margin` metres or more from the kerbs, more often near than far: x and z."""
    z = 2.5 + 22 * scene.rng.random() ** 2
    return scene.rng.uniform(-1, 1) * (scene.half - margin) + scene.bend * z**2, z


def _toned(asphalt: Material, factor: float) -> Material:
    """The road's surface, darker or brighter."""
    return asphalt._replace(colour=times(asphalt.colour, factor), second=times(asphalt.second, factor))


def _blob(scene: Scene, across: float, along: float) -> Points:
    """A patch without corners somewhere on the road, of about these radii in metres."""
    rng = scene.rng
    x, z = _near(scene, 1.6 * across)
    corners = np.array(disc(0, 0, across, along, corners=14))
    turn = rng.uniform(0, 2 * np.pi, 3)
    angles = np.linspace(0, 2 * np.pi, 14, endpoint=False)
    uneven = 1.0 + sum(0.16 * np.sin((k + 1) * angles + turn[k]) for k in range(3))
    return [(x + a, z + b) for a, b in (corners * uneven[:, None]).tolist()]


def _wheel_tracks(scene: Scene, floor: Face, asphalt: Material) -> None:
    """Where wheels run, and now and then where they braked."""
    rng, canvas, half = scene.rng, scene.canvas, scene.half
    if rng.random() < 0.6:
        worn = _toned(asphalt, rng.uniform(0.86, 1.1))
        middles = [lane * half * 0.36 + wheel for lane in (-1, 1) for wheel in (-0.8, 0.8)]
        tracks = [scene.strip(x - 0.28, x + 0.28, -5, min(scene.end, 60)) for x in middles]
        canvas.paint(floor, tracks, worn, ROAD)
    if rng.random() < 0.35:
        (x, z), length = _near(scene, 1.6), rng.uniform(2, 9)
        drift, rubber = rng.uniform(-0.6, 0.6), _toned(asphalt, rng.uniform(0.6, 0.8))
        marks = [
            [(x + a, z), (x + a + drift, z + length), (x + a + drift + 0.19, z + length), (x + a + 0.19, z)]
            for a in (-0.82, 0.63)
        ]
        canvas.paint(floor, marks, rubber, ROAD)


def _repairs(scene: Scene, floor: Face, asphalt: Material) -> None:
    """Patches and trenches filled with another asphalt, some with their seams sealed."""
    rng, canvas, half = scene.rng, scene.canvas, scene.half
    for _ in range(int(rng.integers(2, 8))):
        x, z = rng.uniform(-half, half - 1.0), 2.0 + 34 * rng.random() ** 1.6
        stop = z + (rng.uniform(0.6, 4.0) if rng.random() < 0.6 else rng.uniform(4.0, 16.0))
        outline = scene.strip(x, min(x + rng.uniform(0.5, 3.0), half), z, stop)
        canvas.paint(floor, [outline], _toned(asphalt, rng.uniform(0.68, 1.22)), ROAD)
        if rng.random() < 0.4:
            canvas.stroke(floor, [[*outline, outline[0]]], 0.05, _toned(asphalt, TAR), ROAD)
    if rng.random() < 0.35:
        z, width = rng.uniform(4, 20), rng.uniform(0.4, 1.1)
        canvas.paint(floor, [scene.strip(-half, half, z, z + width)], _toned(asphalt, rng.uniform(0.7, 1.15)), ROAD)


def _covers(scene: Scene, floor: Face, asphalt: Material) -> None:
    """Manhole covers in the lanes, and drains at the kerbs."""
    rng, canvas, half = scene.rng, scene.canvas, scene.half
    iron = _toned(asphalt, rng.uniform(0.6, 0.95))._replace(pattern=SLABS, cell=(0.09, 0.09), grain=0.2)
    iron = iron._replace(second=times(iron.colour, 0.5))
    for _ in range(int(rng.integers(0, 4))):
        x, z = _near(scene, 1.2)
        canvas.paint(floor, [disc(x, z, 0.4)], _toned(asphalt, rng.uniform(0.6, 1.15)), ROAD)
        canvas.paint(floor, [disc(x, z, 0.31)], iron, ROAD)
    for side in (-1, 1):
        for s in np.arange(rng.uniform(3, 20), min(scene.end, 60), rng.uniform(12, 22)).tolist():
            canvas.paint(floor, [scene.strip(side * (half - 0.42), side * (half - 0.04), s, s + 0.45)], iron, ROAD)


def _cracks(scene: Scene, floor: Face, asphalt: Material) -> None:
    """Cracks along and across the road, open or sealed with tar."""
    rng, canvas = scene.rng, scene.canvas

    def crack(x: float, z: float) -> FloatArray:
        """A wandering line that begins there."""
        heading, steps = rng.uniform(0, np.pi), int(rng.integers(5, 12))
        turns = heading + np.cumsum(rng.normal(0, 0.45, steps))
        wander = np.stack([np.cos(turns), np.sin(turns)], axis=1) * rng.uniform(0.2, 0.6, (steps, 1))
        line: FloatArray = np.array([x, z]) + np.cumsum(wander, axis=0)
        return line

    lines = [crack(*_near(scene, 0.5)) for _ in range(int(rng.integers(2, 7)))]
    branches = [crack(*line[len(line) // 2].tolist())[: len(line) // 2] for line in lines]
    canvas.stroke(floor, [*lines, *branches], 0.02, _toned(asphalt, 0.7), None)
    if rng.random() < 0.3:
        sealed = [crack(*_near(scene, 0.5)) for _ in range(int(rng.integers(2, 6)))]
        canvas.stroke(floor, sealed, rng.uniform(0.05, 0.1), _toned(asphalt, TAR), None)
