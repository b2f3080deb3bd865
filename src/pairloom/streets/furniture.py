"""What stands along the kerbs: fences, posts, lamps, signals and bins."""

import numpy as np

from pairloom.palette import VOID
from pairloom.streets.camera import FloatArray
from pairloom.streets.colours import any_colour, grey, masonry, metal, times
from pairloom.streets.materials import Material
from pairloom.streets.scene import EAST, FENCE, POLE, TRAFFIC_LIGHT, UP, Scene
from pairloom.streets.shapes import box, disc, limb, moved

LENSES = ((0.95, 0.12, 0.08), (0.98, 0.66, 0.1), (0.15, 0.85, 0.5))
"""A signal's lights, from the top."""


def fence(scene: Scene, a: FloatArray, b: FloatArray, s: float, height: float) -> None:
    """Railings, boards or wire mesh between two points, painted at the turn of `s` metres ahead.

    What is seen through a fence counts as fence.
    """
    rng, canvas = scene.rng, scene.canvas
    iron = Material(metal(rng) if rng.random() < 0.6 else masonry(rng), grain=0.12)
    style, gap = rng.random(), rng.uniform(0.13, 0.2)
    base = np.array([a, b])
    canvas.cast(np.concatenate([base, base + UP * height]), 0.4 if style < 0.75 else 1.0)

    def paint() -> None:
        length = float(np.linalg.norm(b - a))
        face = canvas.face(a, (b - a) / length, UP)
        canvas.paint(face, [box(0, 0.0, length, height)], None, FENCE)
        bars = np.arange(0, length, gap).tolist()
        if style > 0.75:
            behind = iron._replace(colour=times(iron.colour, 0.6))
            canvas.paint(face, [box(0, 0, length, height * 0.96)], behind, FENCE)
            canvas.paint(face, [box(x, 0.05, x + gap * 0.9, height) for x in bars], iron, FENCE)
            return
        if style > 0.5:
            canvas.stroke(face, [[(x, 0), (x + height, height)] for x in bars[::2]], 0.02, iron, FENCE)
            canvas.stroke(face, [[(x + height, 0), (x, height)] for x in bars[::2]], 0.02, iron, FENCE)
        else:
            canvas.paint(face, [box(x, 0.05, x + 0.045, height) for x in bars], iron, FENCE)
        canvas.paint(face, [box(0, y, length, y + 0.07) for y in (0.12, height - 0.07)], iron, FENCE)
        posts = [box(x, 0, x + 0.09, height * 1.04) for x in np.arange(0, length, 2.4).tolist()]
        canvas.paint(face, posts, iron, FENCE)

    scene.later(s, (a + b) / 2, float(np.linalg.norm(b - a)) / 2 + 2 * height, paint)


def post(scene: Scene, foot: FloatArray, height: float, width: float, material: Material) -> None:
    """An upright post with its shadow; height and width in metres."""
    sides = np.array([moved(foot, x, 0.0, 0.0) for x in (-width / 2, width / 2)])
    scene.canvas.cast(np.concatenate([sides, sides + UP * height]))

    def paint() -> None:
        lit = material._replace(sun=scene.light_at(foot) + 0.1)
        outline = limb((0, 0), (0, height), width, width * 0.85)
        scene.canvas.paint(scene.canvas.standing(foot), [outline], lit, POLE)

    scene.later(float(foot[2]) + 0.01, foot, height + width, paint)


def post_paint(scene: Scene, width: float) -> Material:
    """What a post of this width in metres is made of."""
    return Material(metal(scene.rng), grain=0.1, slope=(scene.shading(0.5 / width), 0.0))


def lamp_post(scene: Scene, foot: FloatArray, side: int) -> None:
    """A street lamp on a side of the street (-1 left, 1 right) with an arm over the road."""
    rng = scene.rng
    height, width, arm = rng.uniform(5.0, 8.5), rng.uniform(0.14, 0.2), rng.uniform(0.6, 2.2)
    material = post_paint(scene, width)
    lamp = material._replace(colour=grey(rng, 0.3, 0.85), slope=(0.0, 0.0))
    tip = (-side * arm, height + rng.uniform(0.0, 0.5))
    post(scene, foot, height, width, material)

    def paint() -> None:
        face = scene.canvas.face(foot, EAST, UP)
        scene.canvas.paint(face, [limb((0, height - 0.05), tip, 0.11, 0.09)], material._replace(slope=(0, 0)), POLE)
        head = limb((tip[0] + side * 0.1, tip[1]), (tip[0] - side * 0.6, tip[1] + 0.03), 0.2, 0.12)
        scene.canvas.paint(face, [head], lamp, POLE)

    scene.later(float(foot[2]), foot, height + arm + 2, paint)


def traffic_light(scene: Scene, foot: FloatArray, side: int) -> None:
    """A post with a signal head; sometimes a second head on an arm over the road.

    The post stands on a side of the street: -1 left, 1 right.
    """
    rng, canvas = scene.rng, scene.canvas
    height, width = rng.uniform(2.6, 3.4), rng.uniform(0.13, 0.18)
    material = post_paint(scene, width)
    colour = any_colour(rng, 0.6) if rng.random() < 0.3 else grey(rng, 0.06, 0.35)
    heads = [(0.0, height - 0.35)]
    reach = rng.uniform(2.0, 4.0)
    if rng.random() < 0.4:
        heads.append((-side * reach, 5.2))
    post(scene, foot, 6.0 if len(heads) > 1 else height, width, material)
    plated = rng.random() < 0.5
    lit, behind, scale = int(rng.integers(3)), rng.random() < 0.2, rng.uniform(1.0, 1.3)
    w, h = 0.19 * scale, 0.5 * scale

    def paint() -> None:
        face = canvas.face(foot, EAST, UP)
        shell = Material(colour, grain=0.08, sun=scene.light_at(foot))
        if len(heads) > 1:
            arm = limb((0, 5.5), (-side * (reach + 0.4), 5.75), 0.13, 0.1)
            canvas.paint(face, [arm], material._replace(slope=(0, 0)), POLE)
        for x, y in heads:
            if x and plated:
                plate = box(x - w * 1.7, y - h * 1.3, x + w * 1.7, y + h * 1.3)
                canvas.paint(face, [plate], shell._replace(colour=(0.9, 0.9, 0.9)), TRAFFIC_LIGHT)
            canvas.paint(face, [box(x - w, y - h, x + w, y + h)], shell, TRAFFIC_LIGHT)
            for place, shade in enumerate(() if behind else LENSES):
                on = place == lit
                lens = Material(times(shade, 1.0 if on else 0.28), glow=2.0 if on else 0.0, sun=0.1)
                canvas.paint(face, [disc(x, y + h * (0.64 - 0.64 * place), h * 0.24)], lens, TRAFFIC_LIGHT)

    scene.later(float(foot[2]) - 0.02, foot, 7.0 + reach, paint)


def clutter(scene: Scene, foot: FloatArray) -> None:
    """A bin or cabinet, which belongs to no class."""
    rng, canvas = scene.rng, scene.canvas
    wide, deep, tall = rng.uniform(0.3, 0.9), rng.uniform(0.3, 0.6), rng.uniform(0.7, 1.5)
    material = Material(any_colour(rng, 0.7), grain=0.1)
    base = foot + np.array([[-wide, 0, -deep], [wide, 0, -deep], [wide, 0, deep], [-wide, 0, deep]]) / 2
    canvas.cast(np.concatenate([base, base + UP * tall]))
    canvas.darken(base + (base - foot) * 0.15, 0.8)

    def paint() -> None:
        for i in range(4):
            a, b = base[i], base[(i + 1) % 4]
            canvas.facet(np.array([a, b, b + UP * tall, a + UP * tall]), foot + UP * tall / 2, material, VOID)
        canvas.facet(base + UP * tall, foot, material._replace(colour=times(material.colour, 0.8)), VOID)

    scene.later(float(foot[2]), foot, wide + deep + tall, paint)
