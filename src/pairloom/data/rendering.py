"""A small renderer of flat faces: a pinhole camera, an index buffer, and the photograph developed from it.

Faces are painted far to near. Painting only notes *which surface* is seen at a pixel; colour, texture, light, shadow
and haze are computed afterwards for all pixels at once. The class map is painted alongside, so it is exact.

The world is metric: x to the right, y up, z ahead. Colours are RGB from 0 to 1 as on a screen; light is linear.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from pairloom.palette import UInt8Array

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
Numbers = NDArray[np.floating]
RGB = tuple[float, float, float]
Outline = Sequence[tuple[float, float]] | FloatArray

NEAR = 0.35
"""Nothing closer to the camera than this is painted (metres)."""

PLAIN, FACADE, SLABS = 0, 1, 2
"""Patterns: none; windows, doors and shop fronts; paving stones or bricks."""


class Material(NamedTuple):
    """What a surface looks like."""

    colour: RGB
    second: RGB = (0.0, 0.0, 0.0)
    """Window frames and ledges of facades; joints of slabs."""
    pattern: int = PLAIN
    cell: tuple[float, float] = (1.0, 1.0)
    """Size of the pattern's cells in metres."""
    fill: tuple[float, float] = (0.5, 0.5)
    """Share of a facade's cell that its window takes."""
    base: float = 0.0
    """Height of a facade's ground floor of shops; 0 for a house with doors."""
    grain: float = 0.08
    """Strength of the texture."""
    slope: tuple[float, float] = (0.0, 0.0)
    """Relative change of brightness a metre, along the two axes of the face."""
    sun: float = -1.0
    """Share of the sun's light that arrives; negative: by the angle of the face."""
    sky: float = 1.0
    """Share of the sky's light that arrives."""
    glow: float = 0.0
    """Light of its own."""
    mirror: float = 0.0
    """Share of the sky's brightness that is reflected."""
    ground: bool = False
    """Whether shadows on the ground fall on it."""


@dataclass(frozen=True)
class Light:
    """Sun, sky and air of a scene."""

    towards_sun: FloatArray
    sun: RGB
    ambient: RGB
    horizon: RGB
    zenith: RGB
    cloud: RGB
    clouds: tuple[float, float]
    """Threshold and sharpness of the clouds."""
    haze: float
    """Distance in metres at which 63 % of the light is the air's."""


class Camera:
    """A pinhole camera above the ground.

    Args:
        position: where it stands.
        yaw: to the right, in radians.
        pitch: up, in radians.
        roll: clockwise, in radians.
        focal: in pixels of the canvas.
        height: of the canvas, in pixels.
        width: of the canvas, in pixels.
    """

    def __init__(
        self, position: FloatArray, yaw: float, pitch: float, roll: float, focal: float, height: int, width: int
    ) -> None:
        self.position, self.focal, self.height, self.width = position, focal, height, width
        ahead = np.array([np.sin(yaw) * np.cos(pitch), np.sin(pitch), np.cos(yaw) * np.cos(pitch)])
        right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
        down = np.cross(right, ahead)
        self.rotation = np.stack(
            [np.cos(roll) * right + np.sin(roll) * down, np.cos(roll) * down - np.sin(roll) * right, ahead]
        )
        self.centre = np.array([width / 2, height / 2])

    def see(self, points: FloatArray) -> FloatArray:
        """Turn world points (N×3) into the camera's own axes: right, down, ahead."""
        seen: FloatArray = (points - self.position) @ self.rotation.T
        return seen

    def rays(self) -> Float32Array:
        """The direction of every pixel in camera axes, scaled to (right, down, 1): 3×(H·W)."""
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        rows, columns = (rows + 0.5 - self.centre[1]) / self.focal, (columns + 0.5 - self.centre[0]) / self.focal
        return np.stack([columns, rows, np.ones_like(rows)]).astype(np.float32).reshape(3, -1)


class Face:
    """A plane with an origin and two axes (unit vectors of the world); outlines on it are (u, v) in metres."""

    def __init__(self, camera: Camera, origin: FloatArray, across: FloatArray, along: FloatArray) -> None:
        frame = np.stack([across, along, origin - camera.position])
        self.frame: FloatArray = frame @ camera.rotation.T
        normal = _cross(across, along)
        self.normal = -normal if normal @ frame[2] > 0 else normal
        self.depth = float(self.frame[2, 2])


class Canvas:
    """What is painted: surfaces, classes and shadows."""

    def __init__(self, camera: Camera, light: Light, sky_label: int) -> None:
        size = (camera.width, camera.height)
        self.camera, self.light = camera, light
        self._surfaces, self._labels = Image.new("I", size, 0), Image.new("L", size, sky_label)
        self._shadow, self._contact = Image.new("L", size, 0), Image.new("L", size, 0)
        self._draw_surface, self._draw_label = ImageDraw.Draw(self._surfaces), ImageDraw.Draw(self._labels)
        self._draw_shadow, self._draw_contact = ImageDraw.Draw(self._shadow), ImageDraw.Draw(self._contact)
        self._painted: list[tuple[Face, Material]] = []

    def face(self, origin: FloatArray, across: FloatArray, along: FloatArray) -> Face:
        """A plane in front of this canvas's camera."""
        return Face(self.camera, origin, across, along)

    def standing(self, foot: FloatArray) -> Face:
        """An upright plane at a point, turned towards the camera: u to the right, v up."""
        x, z = foot[0] - self.camera.position[0], foot[2] - self.camera.position[2]
        distance = max(float(np.hypot(x, z)), 1e-6)
        return self.face(foot, np.array([z / distance, 0.0, -x / distance]), np.array([0.0, 1.0, 0.0]))

    def _project(self, seen: FloatArray) -> list[tuple[float, float]]:
        """Project points in camera axes (N×3) to pixels, clipped at the near plane; empty if behind the camera."""
        depth = seen[:, 2]
        if depth.min() < NEAR:
            if depth.max() <= NEAR:
                return []
            seen = _clipped(seen)
        pixels = seen[:, :2] * (self.camera.focal / seen[:, 2:]) + self.camera.centre
        points: list[tuple[float, float]] = list(map(tuple, np.rint(pixels - 0.5).tolist()))
        return points

    def _all_projected(self, face: Face, outlines: Sequence[Outline] | FloatArray) -> list[list[tuple[float, float]]]:
        """Project outlines on a face; all at once where they come as one array (M×N×2)."""
        if not isinstance(outlines, np.ndarray):
            return [self._project(np.asarray(outline) @ face.frame[:2] + face.frame[2]) for outline in outlines]
        seen = outlines @ face.frame[:2] + face.frame[2]
        if not outlines.size or seen[..., 2].min() < NEAR:
            return [self._project(outline) for outline in seen]
        pixels = np.rint(seen[..., :2] * (self.camera.focal / seen[..., 2:]) + (self.camera.centre - 0.5))
        return [list(map(tuple, points)) for points in pixels.tolist()]

    def paint(
        self, face: Face, outlines: Sequence[Outline] | FloatArray, material: Material | None, label: int | None
    ) -> None:
        """Paint outlines on a face: in the photograph with the material, in the class map with the label."""
        number = 0
        if material is not None:
            self._painted.append((face, material))
            number = len(self._painted)
        for points in self._all_projected(face, outlines):
            if len(points) < 3:
                continue
            if material is not None:
                self._draw_surface.polygon(points, fill=number)
            if label is not None:
                self._draw_label.polygon(points, fill=label)

    def stroke(self, face: Face, lines: Sequence[Outline], width: float, material: Material, label: int | None) -> None:
        """Paint thin lines, `width` metres wide, on a face."""
        self._painted.append((face, material))
        for line in lines:
            seen = np.asarray(line) @ face.frame[:2] + face.frame[2]
            points = self._project(seen)
            if len(points) < 2:
                continue
            pixels = max(round(width * self.camera.focal / max(float(seen[:, 2].mean()), NEAR)), 1)
            self._draw_surface.line(points, fill=len(self._painted), width=pixels)
            if label is not None:
                self._draw_label.line(points, fill=label, width=pixels)

    def facet(self, points: FloatArray, inside: FloatArray, material: Material, label: int | None) -> bool:
        """Paint a flat polygon of a solid (N×3, world) if its outside is seen; `inside` is any point of the solid."""
        across = points[1] - points[0]
        normal = _cross(across, points[-1] - points[0])
        if (normal @ (points[0] - inside)) * (normal @ (self.camera.position - points[0])) <= 0:
            return False
        across = across / math.hypot(*across)
        along = _cross(normal, across)
        along /= math.hypot(*along)
        relative = points - points[0]
        outline = np.stack([relative @ across, relative @ along], axis=1)
        self.paint(self.face(points[0], across, along), [outline], material, label)
        return True

    def cast(self, points: FloatArray, strength: float = 1.0) -> None:
        """Let a convex body with these corners (N×3) cast the sun's shadow on the ground."""
        sun = self.light.towards_sun
        fallen = points - np.maximum(points[:, 1:2], 0) / sun[1] * sun
        outline = self._project(self.camera.see(_hull(fallen)))
        if len(outline) > 2:
            self._draw_shadow.polygon(outline, fill=int(255 * strength))

    def darken(self, points: FloatArray, strength: float) -> None:
        """Darken a patch of the ground (N×3) where a thing that stands on it keeps the sky's light away."""
        outline = self._project(self.camera.see(points))
        if len(outline) > 2:
            self._draw_contact.polygon(outline, fill=int(255 * strength))

    def sunlit(self, foot: FloatArray) -> float:
        """How much of the sun reaches what stands at a point: 0 or 1, by the shadows cast so far."""
        outline = self._project(self.camera.see((foot + self.light.towards_sun * [0.9, 0.0, 0.9])[None]))
        if not outline:
            return 1.0
        column, row = int(outline[0][0]), int(outline[0][1])
        if not (0 <= column < self.camera.width and 0 <= row < self.camera.height):
            return 1.0
        return 0.0 if self._shadow.getpixel((column, row)) else 1.0

    def classes(self, shrink: int) -> UInt8Array:
        """The class map, at one pixel of every `shrink`×`shrink`."""
        return np.asarray(self._labels)[shrink // 2 :: shrink, shrink // 2 :: shrink].copy()

    def photograph(self, rng: np.random.Generator, shrink: int) -> Float32Array:
        """The light that arrives at each pixel, averaged over `shrink`×`shrink` pixels of the canvas: H×W×3, linear."""
        height, width = self.camera.height, self.camera.width
        index, rays = np.asarray(self._surfaces).ravel(), self.camera.rays()
        light = np.empty((3, height * width), dtype=np.float32)
        above, below = np.flatnonzero(index == 0), np.flatnonzero(index)
        light[:, above] = self._sky(rays[:, above], rng)
        if below.size:
            light[:, below] = self._surfaces_light(index[below] - 1, rays[:, below], below, rng)
        picture = light.reshape(3, height, width)
        averaged = np.zeros((height // shrink, width // shrink, 3), dtype=np.float32)
        for row in range(shrink):
            for column in range(shrink):
                averaged += picture[:, row::shrink, column::shrink].transpose(1, 2, 0)
        averaged /= shrink**2
        return averaged

    def _sky(self, rays: Float32Array, rng: np.random.Generator) -> Float32Array:
        """Gradient from the horizon to the zenith with clouds on a plane high above: 3×N for rays 3×N."""
        east, up, ahead = self.camera.rotation.T.astype(np.float32) @ rays
        height = np.maximum(up / np.sqrt(east**2 + up**2 + ahead**2), 0.0)
        blend = 1.0 - (1.0 - height) ** 2.5
        sky = _linear(self.light.horizon) * (1 - blend) + _linear(self.light.zenith) * blend
        scale, (x, y) = 95.0 / (np.maximum(up, 0.0) + 0.18), rng.uniform(0, 512, 2).tolist()
        clouds = _smooth_lookup(_noise(1.75), east * scale + x, ahead * scale + y)
        threshold, sharpness = self.light.clouds
        cover = np.clip((clouds - threshold) * sharpness + 0.5, 0.0, 1.0)
        mixed: Float32Array = sky * (1 - cover) + _linear(self.light.cloud) * (1.0 + 0.16 * clouds) * cover
        return mixed

    def _surfaces_light(
        self, row: NDArray[np.int32], rays: Float32Array, where: NDArray[np.intp], rng: np.random.Generator
    ) -> Float32Array:
        """Texture, light, shadow and haze of N pixels that show surfaces: 3×N."""
        light = self.light
        # With A = [across, along, origin] (columns, camera axes), A⁻¹·ray is proportional to (u, v, 1).
        frames = np.stack([face.frame.T for face, _ in self._painted])
        sound = np.abs(np.linalg.det(frames)) > 1e-9
        inverse = np.linalg.inv(np.where(sound[:, None, None], frames, np.eye(3))).astype(np.float32)
        right, down = rays[0], rays[1]

        def along_ray(axis: int) -> Float32Array:
            x, y, z = np.ascontiguousarray(inverse[:, axis].T)
            spot: Float32Array = x[row] * right + y[row] * down + z[row]
            return spot

        depth = 1.0 / np.maximum(along_ray(2), 1e-3)
        u: Float32Array = np.clip(along_ray(0) * depth, -5000, 5000)
        v: Float32Array = np.clip(along_ray(1) * depth, -5000, 5000)
        rows = np.array([_row(face, material, light) for face, material in self._painted], dtype=np.float32)
        columns = np.ascontiguousarray(rows.T)
        colour = np.stack([channel[row] for channel in columns[0:3]])
        sun, sky, grain, slope_u, slope_v, glow, mirror, ground = (column[row] for column in columns[3:11])

        noise, shift = _noise(1.0), rng.integers(0, 512, 2).tolist()
        coarse = _lookup(noise, u * 23.0 + shift[0], v * 23.0 + shift[1])
        # Wheels polish the road in streaks along it.
        coarse = np.where(ground > 0, 0.4 * coarse + 0.5 * _lookup(noise, u * 14.0, v * 1.3), 0.8 * coarse)
        texture = coarse + _lookup(noise, u * 171.0, v * 171.0) * np.minimum(5.0 / depth, 1.0)
        colour *= np.maximum(1.0 + grain * texture, 0.05)
        for pattern, draw in ((FACADE, _facade), (SLABS, _slabs)):
            chosen = np.flatnonzero((columns[11] == pattern)[row])
            if chosen.size:
                shown = columns[12:, row[chosen]]
                colour[:, chosen], mirror[chosen] = draw(colour[:, chosen], shown, u[chosen], v[chosen], depth[chosen])
        shadow = _blurred(self._shadow, 1)[where] * ground
        contact = _blurred(self._contact, 2)[where] * ground
        fall = np.clip(1.0 + slope_u * u + slope_v * v, 0.25, 1.8) * (1.0 - 0.5 * contact)
        sun *= fall * (1 - shadow)
        sky *= fall * (1 - 0.85 * contact)
        air = np.exp(-depth / light.haze)
        hazy = np.empty_like(colour)
        for channel in range(3):
            horizon = light.horizon[channel] ** 2
            arriving = sun * light.sun[channel] + sky * light.ambient[channel] + glow
            hazy[channel] = (colour[channel] * arriving + mirror * horizon) * air + 0.9 * horizon * (1 - air)
        return hazy


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


def _facade(
    colour: Float32Array, table: Float32Array, u: Numbers, v: Numbers, depth: Numbers
) -> tuple[Numbers, Numbers]:
    """Windows, doors, ledges and shop fronts: colours (3×N), and how much of the sky each pixel mirrors."""
    noise = _noise(1.0)
    second, (cell_u, cell_v, fill_u, fill_v, base) = table[0:3], table[3:]
    shop = v < base
    column, level = u / np.where(shop, cell_u * 1.7, cell_u), np.where(shop, 0.0, (v - base) / cell_v)
    column_number, floor_number = np.floor(column), np.floor(level)
    x = np.abs(column - column_number - 0.5)
    y = np.where(shop, v / np.maximum(base, 0.1), level - floor_number)
    door = ~shop & (base == 0) & (floor_number == 0) & (np.mod(column_number, 3) == 1)
    # Two numbers that each window keeps: its curtains, how it reflects, what the shop is called.
    key = (column_number * 37 + floor_number * 101 + cell_u * 977).astype(np.int32)
    chance, other = noise[key & 511, ((key >> 3) * 29) & 511], noise[(key * 7) & 511, (key * 13 + 5) & 511]

    half = np.where(shop, 0.44, np.where(door, np.minimum(fill_u, 0.4), fill_u) / 2)
    low = np.where(shop, 0.14, np.where(door, 0.0, 0.52 - fill_v / 2))
    high = np.where(shop, 0.74, np.where(door, 0.72, 0.52 + fill_v / 2))
    rim = 0.035 + 0.0006 * depth
    inside = (x < half) & (y > low) & (y < high)
    glass = inside & (x < half - rim) & (y > low + rim) & (y < high - rim) & ((x > 0.018) | shop)
    ledge = ~shop & ((y < 0.035) | ((y < low) & (y > low - 0.05) & (x < half + 0.03)))
    board = shop & (y > 0.78) & (y < 0.95)
    wood = door & glass
    curtain = (other > 0.7) & (y > low + (high - low) * 0.35) & ~shop

    colour = np.where(ledge | (inside & ~glass), second, colour)
    tint = 0.5 + 0.5 * np.cos(chance * 5.0 + np.arange(3, dtype=np.float32)[:, None] * (1.0 + other))
    colour = np.where(board, colour * 0.35 + tint * (0.1 + 0.25 * np.abs(other)), colour)
    goods = 0.05 + 0.14 * np.maximum(_lookup(noise, u * 60, v * 60), 0)
    pane = np.clip(0.05 + 0.07 * chance, 0.012, 0.5) * np.array([[0.9], [1.0], [1.08]], dtype=np.float32)
    pane = np.where(curtain, 0.45 + 0.1 * other, np.where(shop, goods * (0.4 + tint), pane))
    pane = np.where(wood, 0.03 + 0.22 * tint, pane)
    shine = np.where(glass & ~wood, np.clip(0.28 + 0.42 * other, 0.04, 0.95) * (0.55 + 0.6 * y), 0.0)
    shine = np.where(curtain | shop, shine * 0.35, shine)
    return np.where(glass, pane, colour), shine


def _slabs(
    colour: Float32Array, table: Float32Array, u: Numbers, v: Numbers, depth: Numbers
) -> tuple[Numbers, Numbers]:
    """Paving stones: joints, and stones of slightly different brightness, that fade with distance."""
    second, cell_u, cell_v = table[0:3], table[3], table[4]
    level = v / cell_v
    row = np.floor(level)
    column = u / cell_u + 0.5 * np.mod(row, 2)
    column_number = np.floor(column)
    fade = np.clip(9.0 / depth - 0.2, 0.0, 1.0)
    joint = ((column - column_number) * cell_u < 0.035) | ((level - row) * cell_v < 0.035)
    stone = _lookup(_noise(1.0), row * 57, row * 7 + column_number * 31)
    weight = joint * fade * 0.7
    return colour * ((1.0 + 0.09 * stone * fade) * (1 - weight)) + second * weight, np.zeros_like(u)


def develop(light: Float32Array, rng: np.random.Generator) -> UInt8Array:
    """Turn linear light (H×W×3) into what a camera writes: exposure, white balance, tone, blur and noise."""
    height, width = light.shape[:2]
    grey = light.mean(axis=2, keepdims=True)
    saturation = float(rng.uniform(0.6, 1.3))
    light = grey + (light - grey) * saturation
    balance = np.exp(rng.normal(0.0, [0.08, 0.035, 0.08])).astype(np.float32)
    exposure = rng.uniform(0.32, 0.75) / max(float(np.median(grey)) * 0.6 + float(grey.mean()) * 0.4, 1e-3)
    exposed = np.maximum(light * (balance * exposure), 0.0)
    tone = 1.0 - np.exp(-exposed * 0.8)
    rows, columns = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    tone *= (1.0 - rng.uniform(0.0, 0.14) * (rows**2 + columns**2))[:, :, None]
    values = np.sqrt(np.maximum(tone, 0.0)) * 255.0 * rng.uniform(0.92, 1.06) + rng.uniform(-10.0, 8.0)
    picture = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.1, 0.5)) * min(height, width) / 256))
    noise = rng.standard_normal((height, width, 3), dtype=np.float32) * np.float32(rng.uniform(0.8, 4.0))
    noise += rng.standard_normal((height, width, 1), dtype=np.float32) * np.float32(rng.uniform(0.5, 3.0))
    developed: UInt8Array = np.clip(np.asarray(picture) + noise, 0, 255).astype(np.uint8)
    return developed


def _linear(colour: RGB) -> Float32Array:
    """The light of a colour, 3×1."""
    return np.array(colour, dtype=np.float32)[:, None] ** 2


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """The cross product of two vectors; NumPy's own spends its time on shapes."""
    (x, y, z), (i, j, k) = a.tolist(), b.tolist()
    return np.array([y * k - z * j, z * i - x * k, x * j - y * i])


def _blurred(mask: Image.Image, radius: float) -> Float32Array:
    """A mask as numbers from 0 to 1, one a pixel, with soft edges."""
    soft = np.asarray(mask.filter(ImageFilter.BoxBlur(radius)), dtype=np.float32).ravel()
    soft /= 255
    return soft


def _clipped(points: FloatArray) -> FloatArray:
    """Cut a polygon in camera axes at the near plane (Sutherland and Hodgman)."""
    kept: list[FloatArray] = []
    for before, point in zip(np.roll(points, 1, axis=0), points, strict=True):
        if (before[2] < NEAR) != (point[2] < NEAR):
            kept.append(before + (point - before) * ((NEAR - before[2]) / (point[2] - before[2])))
        if point[2] >= NEAR:
            kept.append(point)
    return np.array(kept)


def _hull(points: FloatArray) -> FloatArray:
    """The convex hull of points on the ground (N×3), in order (Andrew's monotone chain)."""
    order = points[np.lexsort((points[:, 2], points[:, 0]))]
    halves: list[FloatArray] = []
    for run in (order, order[::-1]):
        chain: list[FloatArray] = []
        for point in run:
            while len(chain) > 1:
                first, second = chain[-1] - chain[-2], point - chain[-1]
                if first[0] * second[2] - first[2] * second[0] > 0:
                    break
                chain.pop()
            chain.append(point)
        halves += chain[:-1]
    return np.array(halves)


@lru_cache
def _noise(steepness: float) -> Float32Array:
    """A fractal texture that tiles: 512×512, mean 0, standard deviation 1."""
    frequency = np.fft.fftfreq(512) * 512
    spectrum = np.maximum(np.hypot(frequency[:, None], frequency[None, :]), 1.5) ** -steepness
    white = np.fft.fft2(np.random.default_rng(20).standard_normal((512, 512)))
    texture = np.fft.ifft2(white * spectrum).real
    texture -= texture.mean()
    tile: Float32Array = np.clip(texture / texture.std(), -2.5, 2.5).astype(np.float32)
    return tile


def _lookup(texture: Float32Array, x: Numbers, y: Numbers) -> Float32Array:
    """Look a tiling 512×512 texture up at the nearest places."""
    found: Float32Array = texture[y.astype(np.int32) & 511, x.astype(np.int32) & 511]
    return found


def _smooth_lookup(texture: Float32Array, x: Numbers, y: Numbers) -> Numbers:
    """Look a tiling 512×512 texture up at fractional places, bilinearly."""
    left, top = np.floor(x), np.floor(y)
    a, b = x - left, y - top
    upper = _lookup(texture, left, top) * (1 - a) + _lookup(texture, left + 1, top) * a
    lower = _lookup(texture, left, top + 1) * (1 - a) + _lookup(texture, left + 1, top + 1) * a
    smooth: Numbers = upper * (1 - b) + lower * b
    return smooth
