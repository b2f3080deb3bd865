"""Traffic signs."""

import numpy as np

from pairloom.streets.camera import FloatArray
from pairloom.streets.colours import RGB, any_colour, grey, times
from pairloom.streets.furniture import post, post_paint
from pairloom.streets.materials import Material
from pairloom.streets.scene import POLE, TRAFFIC_SIGN, UP, Scene
from pairloom.streets.shapes import Points, box, disc, limb

RED, BLUE, YELLOW, BLACK = (0.72, 0.1, 0.1), (0.08, 0.25, 0.62), (0.85, 0.65, 0.1), (0.08, 0.08, 0.09)
ARROW = [(-0.1, -0.6), (0.1, -0.6), (0.1, 0.1), (0.4, 0.1), (0.0, 0.65), (-0.4, 0.1), (-0.1, 0.1)]


def sign(scene: Scene, foot: FloatArray) -> None:
    """A post with one or two signs, from the front or now and then from behind."""
    rng, canvas = scene.rng, scene.canvas
    width = rng.uniform(0.1, 0.15)
    height = rng.uniform(2.3, 3.3)
    material = post_paint(scene, width)
    post(scene, foot, height, width, material)
    turn, behind = rng.normal(0, 0.3), rng.random() < 0.2
    plates = [(height - 0.3, rng.uniform(0.36, 0.52), _plate(rng))]
    if rng.random() < 0.35:
        plates.append((height - 0.3 - 2 * plates[0][1], rng.uniform(0.28, 0.4), _plate(rng)))
    back_colour = grey(rng, 0.35, 0.75)
    faded = rng.uniform(0.6, 1.0)

    def paint() -> None:
        face = canvas.face(foot, np.array([np.cos(turn), 0.0, np.sin(turn)]), UP)
        sun = scene.light_at(foot) + 0.1
        for y, radius, layers in plates:
            for points, colour in layers[:1] if behind else layers:
                shown = Material(back_colour if behind else times(colour, faded), grain=0.06, sun=sun)
                canvas.paint(face, [[(a * radius, y + b * radius) for a, b in points]], shown, TRAFFIC_SIGN)
            if behind:
                before = box(-width / 2, y - radius, width / 2, y + radius * 0.3)
                canvas.paint(face, [before], material._replace(sun=sun), POLE)

    scene.later(float(foot[2]) - 0.02, foot, height + 1.0, paint)


def _plate(rng: np.random.Generator) -> list[tuple[Points, RGB]]:
    """The layers of a sign about the origin, of unit half width; the lowest is the plate."""
    white = grey(rng, 0.82, 0.97)
    round_plate = disc(0, 0, 1)
    # No entry, which is the plainest, should not be the commonest.
    kind = int(rng.choice(9, p=[0.14, 0.04, 0.14, 0.13, 0.12, 0.11, 0.08, 0.13, 0.11]))
    if kind == 0:
        digits = [box(-0.4, -0.35, -0.08, 0.35), box(0.08, -0.35, 0.4, 0.35)]
        return [(round_plate, RED), (disc(0, 0, 0.74), white), *((digit, BLACK) for digit in digits)]
    if kind == 1:
        return [(round_plate, RED), (box(-0.7, -0.17, 0.7, 0.17), white)]
    if kind == 2:
        return [(round_plate, BLUE), (ARROW, white)]
    if kind == 3:
        outer, inner = (disc(0, -0.2, radius, corners=3, turn=np.pi / 2) for radius in (1.15, 0.72))
        return [(outer, RED), (inner, white), (box(-0.07, -0.3, 0.07, 0.15), BLACK)]
    if kind == 4:
        return [(disc(0, 0, 1.1, corners=4), white), (disc(0, 0, 0.8, corners=4), YELLOW)]
    if kind == 5:
        letter = [box(-0.35, -0.6, -0.1, 0.6), disc(0.05, 0.25, 0.35)]
        return [(box(-0.9, -0.9, 0.9, 0.9), BLUE), *((part, white) for part in letter)]
    if kind == 6:
        octagon = disc(0, 0, 1.05, corners=8, turn=np.pi / 8)
        letters = [box(x, -0.25, x + 0.24, 0.25) for x in (-0.71, -0.3, 0.11, 0.52)]
        return [(octagon, RED), *((letter, white) for letter in letters)]
    if kind == 7:
        board, ink = (white, BLACK) if rng.random() < 0.5 else (any_colour(rng, 0.9), white)
        lines = [box(-1.2, y, rng.uniform(0.2, 1.2), y + 0.22) for y in (-0.6, -0.1, 0.4)]
        return [(box(-1.5, -0.9, 1.5, 0.9), ink), (box(-1.42, -0.82, 1.42, 0.82), board), *((n, ink) for n in lines)]
    return [(round_plate, RED), (disc(0, 0, 0.78), BLUE), (limb((-0.7, 0.7), (0.7, -0.7), 0.24, 0.24), RED)]
