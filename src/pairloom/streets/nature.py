"""Trees, bushes and hedges."""

import numpy as np
from numpy.typing import NDArray

from pairloom.streets.camera import FloatArray
from pairloom.streets.colours import foliage, grey, times
from pairloom.streets.materials import Material
from pairloom.streets.scene import UP, VEGETATION, Scene
from pairloom.streets.shapes import limb, moved, patch


def tree(scene: Scene, foot: FloatArray, s: float, height: float, radius: float, *, trunk: bool = True) -> None:
    """A trunk with branches and a crown of many leafy clumps; without a trunk, a bush.

    Args:
        scene: where it grows.
        foot: its place in the world.
        s: its turn to be painted, metres ahead.
        height: of its top in metres.
        radius: of its crown in metres.
        trunk: whether it has one.
    """
    rng, canvas = scene.rng, scene.canvas
    leaf, bark = foliage(rng), times(grey(rng, 0.2, 0.5), rng.uniform(0.8, 1.0))
    bottom = rng.uniform(0.28, 0.42) * height if trunk else 0.0
    middle, half = (bottom + height) / 2, (height - bottom) / 2
    density = rng.uniform(0.6, 1.0)
    body = rng.normal(size=(24, 3))
    body = body / np.linalg.norm(body, axis=1, keepdims=True) * [radius, half, radius] + foot + UP * middle
    canvas.cast(body, 0.85)
    if trunk:
        canvas.cast(np.array([moved(foot, 0.12, 0, 0), moved(foot, -0.12, 0, 0), moved(foot, 0.0, middle, 0.0)]))
    spread = 0.6 if trunk else radius * 1.05
    canvas.darken(patch(foot, spread, spread), 0.6)
    # A generator of its own, so that what is drawn here does not depend on the order of painting.
    seed = int(rng.integers(2**32))
    grain = rng.uniform(0.3, 0.55)

    def paint() -> None:
        draw = np.random.default_rng(seed)
        face, sun = canvas.standing(foot), scene.light_at(foot) + 0.15
        if trunk:
            wood = Material(bark, grain=0.3, slope=(scene.shading(1.2), 0.0), sun=sun)
            thick = 0.05 * radius + 0.09
            canvas.paint(face, [limb((0, 0), (draw.normal(0, 0.1), middle), thick * 2.0, thick)], wood, VEGETATION)
            ends = np.stack([draw.uniform(-0.8, 0.8, 7) * radius, middle + draw.uniform(-0.3, 0.8, 7) * half], axis=1)
            canvas.stroke(face, [[(0, bottom * 0.9), (x, y)] for x, y in ends.tolist()], thick * 0.6, wood, VEGETATION)
        pixels = radius * canvas.camera.focal / max(face.depth, 1.0)
        count = int(np.clip(pixels * 1.1, 14, 110) * density)
        clumps, lit, order = _clumps(draw, count, 1 if scene.shading(1.0) > 0 else -1)
        clumps = clumps * [radius, half] + [0.0, middle]
        if not trunk:
            clumps[:, :, 1] = np.maximum(clumps[:, :, 1], 0.0)
        for band in np.array_split(order, 6):
            shade = float(np.clip(0.78 + 0.42 * lit[band].mean(), 0.35, 1.35))
            leaves = Material(times(leaf, shade), grain=grain, sun=sun * shade, sky=min(0.45 + 0.5 * shade, 1.0))
            canvas.paint(face, clumps[band], leaves, VEGETATION)

    scene.later(s - radius * 0.5, foot + UP * middle, height + radius, paint)


def _clumps(draw: np.random.Generator, count: int, sunny: int) -> tuple[FloatArray, FloatArray, NDArray[np.intp]]:
    """Leafy outlines within a crown of unit radius, how brightly each is lit, and an order from dark to bright.

    Args:
        draw: decides them.
        count: of the outlines.
        sunny: the side that is brighter, -1 left or 1 right.

    Returns:
        The outlines (count×9×2), their light relative to the crown's (count), and their places in order (count).
    """
    angle, far = draw.uniform(0, 2 * np.pi, count), np.sqrt(draw.uniform(0, 1, count))
    x, y = far * np.cos(angle), far * np.sin(angle)
    lit = 0.55 * y + 0.35 * x * sunny + draw.normal(0, 0.28, count)
    sizes = (0.36 - 0.16 * far) * draw.uniform(0.6, 1.35, count) * min((40 / count) ** 0.35, 1.25)
    order = np.argsort(lit + draw.normal(0, 0.25, count))
    spokes = np.linspace(0, 2 * np.pi, 9, endpoint=False)
    reach = draw.uniform(0.55, 1.3, (count, 9)) * sizes[:, None]
    outlines = np.stack([x[:, None] + reach * np.cos(spokes), y[:, None] + reach * np.sin(spokes)], axis=2)
    return outlines, lit, order


def hedge(scene: Scene, side: int, start: float, stop: float, offset: float, height: float) -> None:
    """A hedge along the sidewalk, with an uneven top.

    Args:
        scene: where it grows.
        side: of the street, -1 left or 1 right.
        start: metres ahead.
        stop: metres ahead.
        offset: of its front from the street's middle, in metres.
        height: in metres.
    """
    rng, canvas = scene.rng, scene.canvas
    leaf = Material(foliage(rng), grain=0.5, slope=(0.0, 0.25))
    shaded = leaf._replace(colour=times(leaf.colour, 0.85))
    seed = int(rng.integers(2**32))

    def stretch(s: float) -> None:
        near, far = scene.at(side * offset, s), scene.at(side * offset, min(s + 4.0, stop))
        deep = np.array([side * 0.8, 0.0, 0.0])

        def paint() -> None:
            draw = np.random.default_rng([seed, int(s * 10 + 1000)])
            inside = near + deep
            end = np.array([near, inside, inside + UP * height, near + UP * height])
            canvas.facet(end, far + UP + deep / 2, shaded, VEGETATION)
            shares = np.linspace(1, 0, 14)
            top = [near * (1 - a) + far * a + UP * height * draw.uniform(0.85, 1.12) for a in shares.tolist()]
            canvas.facet(np.array([near, far, *top]), inside, leaf, VEGETATION)

        base = np.array([near, far, far + deep, near + deep])
        canvas.cast(np.concatenate([base, base + UP * height]))
        scene.later(s + 3.9, (near + far) / 2, 4.0 + height, paint)

    for s in np.arange(start, stop, 4.0).tolist():
        stretch(s)
