"""What is painted: which surface, which class and which shadow is at each pixel.

Things are painted far to near. Painting notes the surface and the class of a pixel and nothing else; `photograph`
computes the picture from that.
"""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from pairloom.palette import UInt8Array
from pairloom.streets.camera import NEAR, Camera, Face, FloatArray, Outline, Pixels, cross
from pairloom.streets.materials import Light, Material


class Canvas:
    """The index buffer of a scene, its class map, and its shadows.

    Args:
        camera: decides the size and what is seen.
        light: of the scene; the sun's direction decides the shadows.
        sky_label: the class of pixels on which nothing is painted.
    """

    def __init__(self, camera: Camera, light: Light, sky_label: int) -> None:
        size = (camera.width, camera.height)
        self.camera, self.light = camera, light
        self.painted: list[tuple[Face, Material]] = []
        """The surfaces; `surfaces` refers to them, counted from 1."""
        self.surfaces, self._labels = Image.new("I", size, 0), Image.new("L", size, sky_label)
        self.shadow, self.contact = Image.new("L", size, 0), Image.new("L", size, 0)
        self._draw_surface, self._draw_label = ImageDraw.Draw(self.surfaces), ImageDraw.Draw(self._labels)
        self._draw_shadow, self._draw_contact = ImageDraw.Draw(self.shadow), ImageDraw.Draw(self.contact)

    def face(self, origin: FloatArray, across: FloatArray, along: FloatArray) -> Face:
        """A plane in front of this canvas's camera."""
        return Face(self.camera, origin, across, along)

    def standing(self, foot: FloatArray) -> Face:
        """An upright plane at a point, turned towards the camera: u to the right, v up."""
        x, z = foot[0] - self.camera.position[0], foot[2] - self.camera.position[2]
        distance = max(float(np.hypot(x, z)), 1e-6)
        return self.face(foot, np.array([z / distance, 0.0, -x / distance]), np.array([0.0, 1.0, 0.0]))

    def paint(
        self, face: Face, outlines: Sequence[Outline] | FloatArray, material: Material | None, label: int | None
    ) -> None:
        """Paint outlines on a face: in the photograph with the material, in the class map with the label."""
        self._draw(face, [points for points in face.project(outlines) if self._shown(points)], material, label)

    def _shown(self, outline: Pixels) -> bool:
        """Whether an outline in pixels may be in the picture."""
        if len(outline) < 3:
            return False
        columns, rows = zip(*outline, strict=True)
        beside = max(columns) < 0 or min(columns) >= self.camera.width
        return not (beside or max(rows) < 0 or min(rows) >= self.camera.height)

    def _draw(self, face: Face, outlines: list[Pixels], material: Material | None, label: int | None) -> None:
        if not outlines:
            return
        if material is not None:
            self.painted.append((face, material))
        for points in outlines:
            if material is not None:
                self._draw_surface.polygon(points, fill=len(self.painted))
            if label is not None:
                self._draw_label.polygon(points, fill=label)

    def stroke(self, face: Face, lines: Sequence[Outline], width: float, material: Material, label: int | None) -> None:
        """Paint thin lines, `width` metres wide, on a face."""
        self.painted.append((face, material))
        for line in lines:
            seen = face.see(np.asarray(line))
            points = self.camera.project(seen)
            if len(points) < 2:
                continue
            pixels = max(round(width * self.camera.focal / max(float(seen[:, 2].mean()), NEAR)), 1)
            self._draw_surface.line(points, fill=len(self.painted), width=pixels)
            if label is not None:
                self._draw_label.line(points, fill=label, width=pixels)

    def facet(self, points: FloatArray, inside: FloatArray, material: Material, label: int | None) -> bool:
        """Paint a flat polygon of a solid (N×3, world) if its outside is seen; `inside` is any point of the solid."""
        across = points[1] - points[0]
        normal = cross(across, points[-1] - points[0])
        if (normal @ (points[0] - inside)) * (normal @ (self.camera.position - points[0])) <= 0:
            return False
        # Projected from the world, not from the plane, so that facets which share corners share their pixels too.
        outline = self.camera.project(self.camera.see(points))
        if self._shown(outline):
            across = across / math.hypot(*across)
            along = cross(normal, across)
            self._draw(self.face(points[0], across, along / math.hypot(*along)), [outline], material, label)
        return True

    def cast(self, points: FloatArray, strength: float = 1.0) -> None:
        """Let a convex body with these corners (N×3) cast the sun's shadow on the ground."""
        sun = self.light.towards_sun
        fallen = points - np.maximum(points[:, 1:2], 0) / sun[1] * sun
        self._shade(self._draw_shadow, _hull(fallen), strength)

    def darken(self, points: FloatArray, strength: float) -> None:
        """Darken a patch of the ground (N×3) where a thing that stands on it keeps the sky's light away."""
        self._shade(self._draw_contact, points, strength)

    def _shade(self, mask: ImageDraw.ImageDraw, points: FloatArray, strength: float) -> None:
        outline = self.camera.project(self.camera.see(points))
        if len(outline) > 2:
            mask.polygon(outline, fill=int(255 * strength))

    def sunlit(self, foot: FloatArray) -> float:
        """How much of the sun reaches what stands at a point: 0 or 1, by the shadows cast so far."""
        outline = self.camera.project(self.camera.see((foot + self.light.towards_sun * [0.9, 0.0, 0.9])[None]))
        if not outline:
            return 1.0
        column, row = outline[0]
        if not (0 <= column < self.camera.width and 0 <= row < self.camera.height):
            return 1.0
        return 0.0 if self.shadow.getpixel((column, row)) else 1.0

    def classes(self, shrink: int) -> UInt8Array:
        """The class map, at one pixel of every `shrink`×`shrink`."""
        return np.asarray(self._labels)[shrink // 2 :: shrink, shrink // 2 :: shrink].copy()


def _hull(points: FloatArray) -> FloatArray:
    """The convex hull of points on the ground (N×3), in order (Andrew's monotone chain)."""
    order: list[tuple[float, float]] = sorted(map(tuple, points[:, ::2].tolist()))
    halves: list[tuple[float, float]] = []
    for run in (order, order[::-1]):
        chain: list[tuple[float, float]] = []
        for x, z in run:
            while len(chain) > 1:
                (x0, z0), (x1, z1) = chain[-2:]
                if (x1 - x0) * (z - z1) - (z1 - z0) * (x - x1) > 0:
                    break
                chain.pop()
            chain.append((x, z))
        halves += chain[:-1]
    return np.array([(x, 0.0, z) for x, z in halves])
