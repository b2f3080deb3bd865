"""The photograph of a painted canvas: the light that arrives at each pixel, and its development.

Light is linear: the square of a colour as on a screen.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pairloom.palette import UInt8Array
from pairloom.streets.camera import Face, Float32Array
from pairloom.streets.canvas import Canvas
from pairloom.streets.colours import RGB
from pairloom.streets.materials import FACADE, SLABS, Light, Material
from pairloom.streets.textures import facade, lookup, noise, slabs, smooth_lookup

BLOCK = 32768
"""As many pixels are computed at once as fit a processor's cache."""


def expose(canvas: Canvas, rng: np.random.Generator, shrink: int) -> Float32Array:
    """The light that arrives at each pixel, averaged over `shrink`×`shrink` pixels of the canvas: H×W×3, linear."""
    height, width = canvas.camera.height, canvas.camera.width
    clouds, grain = rng.uniform(0, 512, 2).tolist(), rng.integers(0, 512, 2).tolist()
    surfaces = _Surfaces(canvas, grain)
    index, rays = np.asarray(canvas.surfaces).ravel(), canvas.camera.rays()
    light = np.empty((3, height * width), dtype=np.float32)
    for start in range(0, height * width, BLOCK):
        block = index[start : start + BLOCK]
        above, below = np.flatnonzero(block == 0) + start, np.flatnonzero(block) + start
        if above.size:
            light[:, above] = _sky(canvas, rays.take(above, axis=1), clouds)
        if below.size:
            light[:, below] = surfaces.light(index.take(below) - np.intp(1), rays.take(below, axis=1), below)
    picture = light.reshape(3, height, width)
    averaged = np.zeros((3, height // shrink, width // shrink), dtype=np.float32)
    for row in range(shrink):
        for column in range(shrink):
            averaged += picture[:, row::shrink, column::shrink]
    averaged /= shrink**2
    return np.ascontiguousarray(averaged.transpose(1, 2, 0))


def develop(light: Float32Array, rng: np.random.Generator) -> UInt8Array:
    """Turn linear light (H×W×3) into what a camera writes: exposure, white balance, tone, blur and noise."""
    height, width = light.shape[:2]
    grey = light.mean(axis=2, keepdims=True)
    saturation = float(rng.uniform(0.8, 1.3))
    light = grey + (light - grey) * saturation
    balance = np.exp(rng.normal(0.0, [0.05, 0.02, 0.05])).astype(np.float32)
    exposure = rng.uniform(0.32, 0.75) / max(float(np.median(grey)) * 0.6 + float(grey.mean()) * 0.4, 1e-3)
    exposed = np.maximum(light * (balance * exposure), 0.0)
    tone = 1.0 - np.exp(-exposed * 0.8)
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    tone *= (1.0 - rng.uniform(0.0, 0.14) * (rows**2 + columns**2))[:, :, None]
    values = np.sqrt(np.maximum(tone, 0.0)) * 255.0 * rng.uniform(0.92, 1.06) + rng.uniform(-10.0, 8.0)
    picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.1, 0.5)) * min(height, width) / 256))
    noisy = rng.standard_normal((height, width, 3), dtype=np.float32) * np.float32(rng.uniform(0.8, 3.0))
    noisy += rng.standard_normal((height, width, 1), dtype=np.float32) * np.float32(rng.uniform(0.5, 2.0))
    developed: UInt8Array = np.clip(np.asarray(picture) + noisy, 0, 255).astype(np.uint8)
    return developed


def _sky(canvas: Canvas, rays: Float32Array, shift: Sequence[float]) -> Float32Array:
    """Gradient from the horizon to the zenith with clouds on a plane high above: 3×N for rays 3×N."""
    light = canvas.light
    east, up, ahead = canvas.camera.rotation.T.astype(np.float32) @ rays
    height = np.maximum(up / np.sqrt(east**2 + up**2 + ahead**2), 0.0)
    blend = 1.0 - (1.0 - height) ** 2.5
    sky = _linear(light.horizon) * (1 - blend) + _linear(light.zenith) * blend
    scale = 95.0 / (np.maximum(up, 0.0) + 0.18)
    clouds = smooth_lookup(noise(1.75), east * scale + shift[0], ahead * scale + shift[1])
    threshold, sharpness = light.clouds
    cover = np.clip((clouds - threshold) * sharpness + 0.5, 0.0, 1.0)
    mixed: Float32Array = sky * (1 - cover) + _linear(light.cloud) * (1.0 + 0.16 * clouds) * cover
    return mixed


class _Surfaces:
    """All that is painted, as tables to look pixels up in.

    Args:
        canvas: what is painted.
        shift: of the texture, two numbers.
    """

    def __init__(self, canvas: Canvas, shift: Sequence[float]) -> None:
        self._air, self._shift = canvas.light, shift
        # With A = [across, along, origin] (columns, camera axes), A⁻¹·ray is proportional to (u, v, 1).
        frames = np.array([face.frame.T for face, _ in canvas.painted])
        sound = np.abs(np.linalg.det(frames)) > 1e-9
        inverse = np.linalg.inv(np.where(sound[:, None, None], frames, np.eye(3))).astype(np.float32)
        self._inverse = np.ascontiguousarray(inverse.transpose(1, 2, 0))
        rows = np.array([_row(face, material, canvas.light) for face, material in canvas.painted], dtype=np.float32)
        self._table = np.ascontiguousarray(rows.T)
        self._shadow, self._contact = _blurred(canvas.shadow, 1), _blurred(canvas.contact, 2)

    def light(self, row: NDArray[np.intp], rays: Float32Array, where: NDArray[np.intp]) -> Float32Array:
        """Texture, light, shadow and haze of N pixels that show surfaces: 3×N.

        `row` is each pixel's place in the canvas's `painted`, `rays` (3×N) its direction, `where` its place.
        """
        table = self._table
        u, v, depth = self._place(row, rays)
        colour = np.stack([channel.take(row) for channel in table[0:3]])
        sun, sky, grain, slope_u, slope_v, glow, mirror, ground = (column.take(row) for column in table[3:11])
        colour *= np.maximum(1.0 + grain * self._texture(u, v, depth, ground), 0.05)
        for pattern, draw in ((FACADE, facade), (SLABS, slabs)):
            chosen = np.flatnonzero((table[11] == pattern).take(row))
            if chosen.size:
                shown = table[12:, row[chosen]]
                colour[:, chosen], mirror[chosen] = draw(colour[:, chosen], shown, u[chosen], v[chosen], depth[chosen])
        shadow, contact = self._shadow.take(where) * ground, self._contact.take(where) * ground
        fall = np.clip(1.0 + slope_u * u + slope_v * v, 0.25, 1.8) * (1.0 - 0.5 * contact)
        sun *= fall * (1 - shadow)
        sky *= fall * (1 - 0.85 * contact)
        air = np.exp(-depth / self._air.haze)
        for channel in range(3):
            horizon = self._air.horizon[channel] ** 2
            arriving = sun * self._air.sun[channel] + sky * self._air.ambient[channel] + glow
            colour[channel] = (colour[channel] * arriving + mirror * horizon) * air + 0.9 * horizon * (1 - air)
        return colour

    def _place(self, row: NDArray[np.intp], rays: Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
        """Where N pixels' rays meet their surfaces: u and v on it, and the depth, in metres."""
        right, down = rays[0], rays[1]
        across, along, ahead = (x.take(row) * right + y.take(row) * down + z.take(row) for x, y, z in self._inverse)
        depth = 1.0 / np.maximum(ahead, 1e-3)
        return np.clip(across * depth, -5000, 5000), np.clip(along * depth, -5000, 5000), depth

    def _texture(self, u: Float32Array, v: Float32Array, depth: Float32Array, ground: Float32Array) -> Float32Array:
        """Coarse and fine grain of N pixels, about 0."""
        fine = noise(1.0)
        coarse = lookup(fine, u * 23.0 + self._shift[0], v * 23.0 + self._shift[1])
        # Wheels polish the road in streaks along it.
        coarse = np.where(ground > 0, 0.4 * coarse + 0.5 * lookup(fine, u * 14.0, v * 1.3), 0.8 * coarse)
        texture: Float32Array = coarse + lookup(fine, u * 171.0, v * 171.0) * np.minimum(5.0 / depth, 1.0)
        return texture


def _row(face: Face, material: Material, light: Light) -> tuple[float, ...]:
    """One surface as numbers, for lookup by pixel."""
    sun = material.sun if material.sun >= 0 else max(float(face.normal @ light.towards_sun), 0.0)
    sky = material.sky * (0.75 + 0.25 * float(face.normal[1]))
    return (
        *(channel**2 for channel in material.colour),
        sun,
        sky,
        material.grain,
        *material.slope,
        material.glow,
        material.mirror,
        float(material.ground),
        float(material.pattern),
        *(channel**2 for channel in material.second),
        *material.cell,
        *material.fill,
        material.base,
    )


def _linear(colour: RGB) -> Float32Array:
    """The light of a colour, 3×1."""
    return np.array(colour, dtype=np.float32)[:, None] ** 2


def _blurred(mask: Image.Image, radius: float) -> Float32Array:
    """A mask as numbers from 0 to 1, one a pixel, with soft edges."""
    soft = np.asarray(mask.filter(ImageFilter.BoxBlur(radius)), dtype=np.float32).ravel()
    soft /= 255
    return soft
