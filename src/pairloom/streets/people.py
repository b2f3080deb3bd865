"""People on foot."""

from collections.abc import Callable

import numpy as np

from pairloom.streets.camera import FloatArray
from pairloom.streets.colours import RGB, any_colour, skin, times
from pairloom.streets.materials import Material
from pairloom.streets.scene import PERSON, Scene
from pairloom.streets.shapes import Points, box, disc, limb, moved, patch


def clothes(scene: Scene, foot: FloatArray) -> Callable[[RGB], Material]:
    """What turns a colour into cloth (or skin) on a body that stands there."""
    sun = scene.light_at(foot) + 0.05
    slope = (scene.shading(0.9), 0.06)
    return lambda colour: Material(colour, grain=0.14, sun=sun, slope=slope)


def person(scene: Scene, foot: FloatArray) -> None:
    """Somebody walking or standing, seen from the front, the back or the side."""
    rng, canvas = scene.rng, scene.canvas
    size = rng.uniform(1.05, 1.4) if rng.random() < 0.1 else rng.uniform(1.55, 1.92)
    stout = rng.uniform(0.9, 1.3)
    step = rng.uniform(-0.16, 0.16) if rng.random() < 0.75 else 0.02
    face_colour = skin(rng)
    coat, trousers, hair, shoes = (any_colour(rng, s) for s in (0.85, 0.45, 0.4, 0.5))
    trousers, hair = times(trousers, rng.uniform(0.35, 0.9)), times(hair, rng.uniform(0.2, 0.8))
    hem = rng.uniform(0.3, 0.47)
    swing = step * rng.uniform(0.5, 1.0)
    bag, cap = rng.random() < 0.4, rng.random() < 0.6
    bag_colour, bag_side = any_colour(rng, 0.7), rng.choice([-1.0, 1.0])
    canvas.darken(patch(foot, 0.3, 0.22), 0.75)
    corners = ((-0.1, 0), (0.1, 0), (-0.24, 0.6), (0.24, 0.8), (0, 1))
    canvas.cast(np.array([moved(foot, x, y * size, 0.0) for x, y in corners]), 0.9)

    def paint() -> None:
        face, cloth = canvas.standing(foot), clothes(scene, foot)

        def draw(points: Points, colour: RGB) -> None:
            """Paint a part whose points are in body heights."""
            canvas.paint(face, [[(x * size, y * size) for x, y in points]], cloth(colour), PERSON)

        for stride, side in ((step, 1), (-step, -1)):
            knee = (side * 0.028 + stride * 0.55 + 0.01, 0.26)
            shade = trousers if side > 0 else times(trousers, 0.8)
            draw(limb((side * 0.035 * stout, 0.52), knee, 0.105 * stout, 0.075), shade)
            draw(limb(knee, (side * 0.03 + stride, 0.03), 0.075, 0.05), shade)
            draw(disc(side * 0.03 + stride + 0.012 * np.sign(step), 0.018, 0.045, 0.022, 8), shoes)
        draw(limb((-0.1 * stout, 0.79), (-0.125 * stout - swing, 0.6), 0.06, 0.05), times(coat, 0.8))
        if bag:
            draw(box(bag_side * 0.1 - 0.06, 0.5, bag_side * 0.1 + 0.06, 0.72), bag_colour)
        shoulder, waist = 0.118 * stout, 0.088 * stout
        torso = [(waist, hem), (waist, 0.6), (shoulder, 0.78), (0.05, 0.83)]
        draw(torso + [(-x, y) for x, y in reversed(torso)], coat)
        elbow = (0.13 * stout + swing * 0.6, 0.63)
        hand = elbow[0] + swing * 0.7 - 0.01
        draw(limb((0.1 * stout, 0.79), elbow, 0.06, 0.05), times(coat, 0.9))
        draw(limb(elbow, (hand, 0.5), 0.05, 0.035), times(coat, 0.9))
        draw(disc(hand, 0.49, 0.022, 0.028, 8), face_colour)
        draw(limb((0, 0.81), (0, 0.88), 0.05, 0.05), times(face_colour, 0.85))
        draw(disc(0.0, 0.918, 0.05, 0.07, 12), face_colour)
        crown = disc(0.0, 0.93, 0.056, 0.068, 14)
        draw([(x, max(y, 0.925)) for x, y in crown] if cap else crown, hair)

    scene.later(float(foot[2]), foot, size * 1.1, paint)
