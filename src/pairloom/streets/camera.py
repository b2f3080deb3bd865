"""A pinhole camera, the planes in front of it, and how outlines on them become pixels.

The world is metric: x to the right, y up, z ahead. The camera's own axes are right, down and ahead.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Float32Array = NDArray[np.float32]
Outline = Sequence[tuple[float, float]] | FloatArray
Pixels = list[tuple[int, int]]

NEAR = 0.35
"""Nothing closer to the camera than this is painted (metres)."""


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
        self.centre = (width / 2, height / 2)

    def see(self, points: FloatArray) -> FloatArray:
        """Turn world points (…×3) into the camera's own axes: right, down, ahead."""
        seen: FloatArray = (points - self.position) @ self.rotation.T
        return seen

    def sees(self, centre: FloatArray, radius: float) -> bool:
        """Whether a ball in the world may be in the picture; in doubt, yes."""
        right, down, ahead = self.see(centre).tolist()
        for aside, half in ((right, self.width / 2), (down, self.height / 2)):
            # How far the centre is beyond the plane through the camera and the picture's edge.
            if abs(aside) * self.focal - ahead * half > radius * math.hypot(self.focal, half):
                return False
        return bool(ahead + radius > NEAR)

    def project(self, seen: FloatArray) -> Pixels:
        """Project points in camera axes (N×3) to pixels, clipped at the near plane; empty if behind the camera."""
        # Outlines have few points: plain numbers are faster than arrays.
        points = seen.tolist()
        depths = [ahead for _, _, ahead in points]
        if min(depths) < NEAR:
            if max(depths) <= NEAR:
                return []
            points = _clipped(points)
        focal, (x, y) = self.focal, self.centre
        return [
            (round(right * focal / ahead + x - 0.5), round(down * focal / ahead + y - 0.5))
            for right, down, ahead in points
        ]

    def rays(self) -> Float32Array:
        """The direction of every pixel in camera axes, scaled to (right, down, 1): 3×(H·W)."""
        rays = np.ones((3, self.height, self.width), dtype=np.float32)
        rays[0] = (np.arange(self.width) + 0.5 - self.centre[0]) / self.focal
        rays[1] = ((np.arange(self.height) + 0.5 - self.centre[1]) / self.focal)[:, None]
        return rays.reshape(3, -1)


class Face:
    """A plane with an origin and two axes (unit vectors of the world); outlines on it are (u, v) in metres."""

    def __init__(self, camera: Camera, origin: FloatArray, across: FloatArray, along: FloatArray) -> None:
        frame = np.stack([across, along, origin - camera.position])
        self.camera = camera
        self.frame: FloatArray = frame @ camera.rotation.T
        normal = cross(across, along)
        self.normal = -normal if normal @ frame[2] > 0 else normal
        self.depth = float(self.frame[2, 2])

    def see(self, outlines: FloatArray) -> FloatArray:
        """Turn points on the face (…×2) into camera axes (…×3)."""
        seen: FloatArray = outlines @ self.frame[:2] + self.frame[2]
        return seen

    def project(self, outlines: Sequence[Outline] | FloatArray) -> list[Pixels]:
        """Project outlines to pixels; all at once where they come as one array (M×N×2)."""
        camera = self.camera
        if not isinstance(outlines, np.ndarray):
            return [camera.project(self.see(np.asarray(outline))) for outline in outlines]
        seen = self.see(outlines)
        if not outlines.size or seen[..., 2].min() < NEAR:
            return [camera.project(outline) for outline in seen]
        pixels = np.rint(seen[..., :2] * (camera.focal / seen[..., 2:]) + np.array(camera.centre) - 0.5)
        return [[(x, y) for x, y in points] for points in pixels.astype(int).tolist()]


def cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """The cross product of two vectors; NumPy's own spends its time on shapes."""
    (x, y, z), (i, j, k) = a.tolist(), b.tolist()
    return np.array([y * k - z * j, z * i - x * k, x * j - y * i])


def _clipped(points: list[list[float]]) -> list[list[float]]:
    """Cut a polygon in camera axes at the near plane (Sutherland and Hodgman)."""
    kept: list[list[float]] = []
    for before, point in zip([points[-1], *points], points, strict=False):
        if (before[2] < NEAR) != (point[2] < NEAR):
            share = (NEAR - before[2]) / (point[2] - before[2])
            kept.append([a + (b - a) * share for a, b in zip(before, point, strict=True)])
        if point[2] >= NEAR:
            kept.append(point)
    return kept
