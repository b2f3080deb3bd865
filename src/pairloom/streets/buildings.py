"""Houses along the street, and those that close the view."""

import numpy as np

from pairloom.streets.camera import FloatArray
from pairloom.streets.colours import any_colour, grey, masonry, times
from pairloom.streets.materials import FACADE, PLAIN, Material
from pairloom.streets.scene import BUILDING, UP, Scene
from pairloom.streets.shapes import moved


def house(scene: Scene, side: int, start: float, stop: float, offset: float, height: float, depth: float) -> None:
    """A house with a facade on the street, its end walls and roof.

    Args:
        scene: where it is built.
        side: of the street, -1 left or 1 right.
        start: of its facade, metres ahead.
        stop: of its facade, metres ahead.
        offset: of its facade from the street's middle, in metres.
        height: of its walls in metres.
        depth: from its facade to its back in metres.
    """
    rng, canvas = scene.rng, scene.canvas
    near, far = scene.at(side * offset, start), scene.at(side * offset, stop)
    outward = np.array([side * depth, 0.0, 0.0])
    up, inside = UP * height, (near + far) / 2 + outward / 2 + UP * height / 2
    front = _front(rng, float(np.linalg.norm(far - near)), height)
    if rng.random() < 0.12:
        front = front._replace(fill=(0.92, 0.85))
    blank = front._replace(pattern=PLAIN, colour=times(front.colour, rng.uniform(0.8, 1.1)))
    roof = Material(any_colour(rng, 0.5) if rng.random() < 0.4 else grey(rng, 0.15, 0.6), grain=0.12)
    pitched = rng.random() < 0.5 and height < 17
    ridge = outward / 2 + up * (1 + rng.uniform(2.0, 4.5) / height)
    end_wall = front if rng.random() < 0.5 else blank
    ledges = rng.random() < 0.5

    def paint() -> None:
        for corner in (near, far):
            wall = [corner, corner + outward, corner + outward + up, corner + up]
            canvas.facet(np.array(wall), inside, end_wall, BUILDING)
            if pitched:
                gable = [corner + up, corner + outward + up, corner + ridge]
                canvas.facet(np.array(gable), inside, blank, BUILDING)
        if pitched:
            canvas.facet(np.array([near + up, far + up, far + ridge, near + ridge]), inside, roof, BUILDING)
        canvas.facet(np.array([near, far, far + up, near + up]), inside, front, BUILDING)
        if ledges:
            out = -outward / depth * 0.35
            cornice = front._replace(colour=front.second, pattern=PLAIN)
            # It leans out of the wall, so that no sky shows between them from below.
            lip = np.array([near + up * 0.97, far + up * 0.97, far + up + out, near + up + out])
            canvas.facet(lip, inside, cornice, BUILDING)

    corners = np.array([near, far, near + outward, far + outward])
    canvas.cast(np.concatenate([corners, corners + up * (1.1 if pitched else 1.0)]))
    scene.later(stop, inside, float(np.linalg.norm(up + far - near + outward)) / 2 + 5, paint)


def _front(rng: np.random.Generator, length: float, height: float) -> Material:
    """A facade of this size, with shops on the ground floor or with doors."""
    wall = masonry(rng)
    bright = wall[0] + wall[1] + wall[2] > 1.7
    trim = times(wall, rng.uniform(0.5, 0.85)) if bright and rng.random() < 0.6 else grey(rng, 0.55, 0.95)
    storeys = max(round((height - 3.2) / rng.uniform(2.8, 3.6)), 1)
    shops = rng.random() < 0.45 and height > 6
    base = rng.uniform(3.2, 4.2) if shops else 0.0
    columns = max(round(length / rng.uniform(1.5, 3.4)), 1)
    return Material(
        wall,
        second=trim,
        pattern=FACADE,
        cell=(length / columns, (height - base) / (storeys if shops else storeys + 1)),
        fill=(rng.uniform(0.3, 0.62), rng.uniform(0.42, 0.66)),
        base=base,
        grain=rng.uniform(0.04, 0.13),
    )


def facing_house(scene: Scene, near: FloatArray, width: float, height: float) -> None:
    """A building that faces along the street; `near` is the lower left corner of its facade, sizes are in metres."""
    rng, canvas = scene.rng, scene.canvas
    wall = masonry(rng)
    columns, storeys = max(round(width / rng.uniform(2, 3.5)), 1), max(round(height / 3.2), 1)
    front = Material(
        wall,
        second=grey(rng, 0.5, 0.9),
        pattern=FACADE,
        cell=(width / columns, height / storeys),
        fill=(rng.uniform(0.3, 0.6), rng.uniform(0.4, 0.65)),
    )
    far = near + np.array([width, 0.0, 0.0])
    outline = np.array([near, far, far + UP * height, near + UP * height])
    inside = outline.mean(axis=0) + np.array([0.0, 0.0, 5.0])
    canvas.cast(np.concatenate([outline, moved(outline, 0.0, 0.0, 12.0)]))

    def paint() -> None:
        canvas.facet(outline, inside, front, BUILDING)

    scene.later(float(near[2]), outline.mean(axis=0), width + height, paint)
