"""One scene from its seed: where the camera stands, how the street runs, and the finished pair of pictures."""

import numpy as np

from pairloom.errors import UserError
from pairloom.palette import UInt8Array
from pairloom.rng import numpy_generator
from pairloom.streets.camera import Camera
from pairloom.streets.canvas import Canvas
from pairloom.streets.composition import compose
from pairloom.streets.photograph import develop, expose
from pairloom.streets.scene import SKY, Scene
from pairloom.streets.vehicles import bonnet
from pairloom.streets.weather import draw_light

SMALLEST = 16
"""Pictures have at least this many pixels per side."""


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
    check_size((height, width))
    return draw_pair(numpy_generator(seed, "street", index), height, width)


def check_size(size: tuple[int, int]) -> None:
    """Refuse pictures (height, width) of fewer than `SMALLEST` pixels per side.

    Raises:
        UserError: if the size is too small.
    """
    if min(size) < SMALLEST:
        raise UserError(f"streets of {size[0]}×{size[1]} pixels are too small; give at least {SMALLEST}×{SMALLEST}")


def draw_pair(rng: np.random.Generator, height: int, width: int) -> tuple[UInt8Array, UInt8Array]:
    """Draw the photograph (H×W×3) and the class map (H×W) that `rng` decides, as `draw_street` returns them."""
    # Small pictures are painted on a relatively finer canvas, so that thin things neither vanish nor thicken.
    shrink = 2 if min(height, width) >= 192 else 3 if min(height, width) >= 96 else 4
    scene = _empty_street(rng, height * shrink, width * shrink)
    compose(scene)
    scene.finish()
    if rng.random() < 0.25:
        bonnet(scene)
    mirrored = rng.random() < 0.5
    ids = scene.canvas.classes(shrink)
    photograph = develop(expose(scene.canvas, rng, shrink), rng)
    if mirrored:
        return np.ascontiguousarray(photograph[:, ::-1]), np.ascontiguousarray(ids[:, ::-1])
    return photograph, ids


def _empty_street(rng: np.random.Generator, height: int, width: int) -> Scene:
    """A street before anything stands on it, and a camera in its right lane; the canvas has height × width pixels."""
    half = rng.uniform(3.2, 6.8)
    walks = {-1: rng.uniform(1.6, 4.5), 1: rng.uniform(1.6, 4.5)}
    bend = rng.normal(0, 0.0012) if rng.random() < 0.4 else 0.0
    end = float(np.exp(rng.uniform(np.log(40), np.log(140))))
    focal = rng.uniform(1.2, 1.6) * min(height, width)
    place = np.array([np.clip(half * 0.36 + rng.normal(0, 0.9), -half + 1.5, half - 1.2), rng.uniform(1.25, 2.4), 0.0])
    yaw, pitch = float(np.clip(rng.normal(0, 0.11), -0.26, 0.26)), rng.uniform(-0.16, 0.13)
    camera = Camera(place, yaw, pitch, rng.normal(0, 0.018), focal, height, width)
    canvas = Canvas(camera, draw_light(rng), SKY)
    junction, crossings = None, []
    if rng.random() < 0.6:
        start = rng.uniform(11, 30)
        junction = (start, start + rng.uniform(7, 12))
        crossings = [start - 2.5]
    elif rng.random() < 0.7:
        crossings = [rng.uniform(8, 20)]
    return Scene(rng, canvas, bend, half, walks, end, junction, crossings)
