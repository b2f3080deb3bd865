"""Bicycles, parked and ridden."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pairloom.streets.camera import Face, FloatArray
from pairloom.streets.colours import RGB, any_colour, skin, times
from pairloom.streets.materials import Material
from pairloom.streets.people import clothes
from pairloom.streets.scene import BICYCLE, RIDER, UP, Scene
from pairloom.streets.shapes import Points, box, disc, limb, moved, patch

Part = tuple[Points, RGB]

RUBBER = (0.13, 0.13, 0.13)
SPOKES = (0.6, 0.6, 0.6)


def bicycle(scene: Scene, foot: FloatArray, *, ridden: bool, sideways: bool) -> None:
    """A bicycle, with or without a rider; seen from the side or along the street."""
    rng, canvas = scene.rng, scene.canvas
    built = _Bicycle(
        scene=scene,
        foot=foot,
        ridden=ridden,
        frame=any_colour(rng, 0.9),
        coat=any_colour(rng, 0.9),
        trousers=times(any_colour(rng, 0.5), rng.uniform(0.3, 0.9)),
        skin=skin(rng),
        helmet=any_colour(rng, 0.9),
        turn=rng.uniform(-0.5, 0.5),
        flip=float(rng.choice([-1.0, 1.0])),
        phase=rng.uniform(0, 2 * np.pi),
        tall=rng.uniform(0.94, 1.08),
    )
    reach = 0.85 if sideways else 0.3
    canvas.darken(patch(foot, reach, 0.2 if sideways else 0.8), 0.55)
    top = 1.7 if ridden else 0.9
    canvas.cast(np.array([moved(foot, x, y, 0.0) for x, y in ((-reach, 0), (reach, 0), (-0.2, top), (0.2, top))]), 0.7)
    scene.later(float(foot[2]), foot, 2.0, built.from_the_side if sideways else built.along_the_street)


@dataclass(frozen=True)
class _Bicycle:
    """A bicycle and who rides it. Outlines are in metres on an upright face above the foot."""

    scene: Scene
    foot: FloatArray
    ridden: bool
    frame: RGB
    coat: RGB
    trousers: RGB
    skin: RGB
    helmet: RGB
    turn: float
    """Out of the line of sight's perpendicular, in radians."""
    flip: float
    """1 to the right, -1 to the left."""
    phase: float
    """Of the pedals, in radians."""
    tall: float
    """The rider's height as a factor."""

    def from_the_side(self) -> None:
        """Paint it riding across the view."""
        canvas, cloth = self.scene.canvas, clothes(self.scene, self.foot)
        across = canvas.standing(self.foot).frame[0] @ canvas.camera.rotation
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        across = np.array([across[0] * cos + across[2] * sin, 0.0, across[2] * cos - across[0] * sin])
        face = canvas.face(self.foot, across * self.flip, UP)
        hubs = ((-0.52, 0.34), (0.53, 0.34))
        for x, y in hubs:
            # What is seen through a wheel or the frame counts as bicycle, as people label it.
            canvas.paint(face, [disc(x, y, 0.36, corners=14)], None, BICYCLE)
            rim = disc(x, y, 0.33, corners=16)
            canvas.stroke(face, [[*rim, rim[0]]], 0.05, cloth(RUBBER), BICYCLE)
            canvas.stroke(face, [[(x, y), spoke] for spoke in rim[::2]], 0.008, cloth(SPOKES), None)
        canvas.paint(face, [[(-0.5, 0.32), (0.0, 0.28), (0.42, 0.8), (-0.15, 0.8)]], None, BICYCLE)
        seat, bottom, head = (-0.17, 0.82), (-0.03, 0.3), (0.4, 0.8)
        tubes = [[hubs[0], bottom, head, seat, bottom], [hubs[0], seat], [hubs[1], head, (0.38, 1.0)]]
        canvas.stroke(face, tubes, 0.05, cloth(self.frame), BICYCLE)
        canvas.paint(face, [box(-0.3, 0.86, -0.06, 0.92), box(0.3, 0.98, 0.5, 1.02)], cloth(RUBBER), BICYCLE)
        self._seat(face, cloth, self._rider_from_the_side())

    def along_the_street(self) -> None:
        """Paint it coming or going."""
        canvas, cloth = self.scene.canvas, clothes(self.scene, self.foot)
        face, tyre = canvas.standing(self.foot), cloth(RUBBER)
        canvas.paint(face, [box(-0.045, 0.0, 0.045, 0.7)], tyre, BICYCLE)
        canvas.paint(face, [box(-0.05, 0.45, 0.05, 0.95)], cloth(self.frame), BICYCLE)
        canvas.paint(face, [limb((-0.3, 1.04), (0.3, 1.04), 0.05, 0.05), box(-0.1, 0.84, 0.1, 0.92)], tyre, BICYCLE)
        self._seat(face, cloth, self._rider_along_the_street())

    def _seat(self, face: Face, cloth: Callable[[RGB], Material], parts: list[Part]) -> None:
        """Paint the rider, if there is one."""
        if self.ridden:
            for points, colour in parts:
                self.scene.canvas.paint(face, [[(x, y * self.tall) for x, y in points]], cloth(colour), RIDER)

    def _rider_from_the_side(self) -> list[Part]:
        sleeve = times(self.coat, 0.85)
        parts: list[Part] = []
        for angle, shade in ((self.phase + np.pi, 0.75), (self.phase, 1.0)):
            shoe = (-0.02 + 0.17 * float(np.cos(angle)), 0.3 + 0.17 * float(np.sin(angle)))
            knee = (0.22 + 0.1 * shoe[0], 0.68 + (shoe[1] - 0.3) * 0.45)
            leg = times(self.trousers, shade)
            parts += [(limb((-0.16, 0.94), knee, 0.19, 0.14), leg), (limb(knee, shoe, 0.13, 0.08), leg)]
            parts.append((disc(shoe[0] + 0.04, shoe[1] - 0.03, 0.12, 0.045, 8), times(self.skin, 0.4)))
        return [
            *parts,
            ([(-0.3, 0.86), (0.02, 0.9), (0.22, 1.38), (0.1, 1.5), (-0.06, 1.46)], self.coat),
            (limb((0.1, 1.4), (0.24, 1.15), 0.12, 0.1), sleeve),
            (limb((0.24, 1.15), (0.42, 1.02), 0.1, 0.07), sleeve),
            (disc(0.2, 1.58, 0.1, 0.13), self.skin),
            ([(x, max(y, 1.6)) for x, y in disc(0.19, 1.62, 0.125, 0.13)], self.helmet),
        ]

    def _rider_along_the_street(self) -> list[Part]:
        sleeve = times(self.coat, 0.85)
        parts: list[Part] = []
        for side in (-1.0, 1.0):
            low = 0.2 + 0.17 * (1 + side * float(np.sin(self.phase)))
            knee = (side * 0.17, 0.55 + low * 0.3)
            parts += [
                (limb((side * 0.1, 0.95), knee, 0.2, 0.15), self.trousers),
                (limb(knee, (side * 0.12, low), 0.14, 0.09), times(self.trousers, 0.85)),
                (disc(side * 0.12, low - 0.03, 0.06, 0.06, 8), times(self.skin, 0.4)),
                (limb((side * 0.2, 1.44), (side * 0.32, 1.2), 0.13, 0.1), sleeve),
                (limb((side * 0.32, 1.2), (side * 0.27, 1.04), 0.1, 0.07), sleeve),
            ]
        back = [(0.18, 0.88), (0.2, 1.2), (0.22, 1.45), (0.08, 1.53)]
        return [
            *parts,
            (back + [(-x, y) for x, y in reversed(back)], self.coat),
            (disc(0.0, 1.62, 0.095, 0.12), self.skin),
            ([(x, max(y, 1.61)) for x, y in disc(0.0, 1.65, 0.125, 0.125)], self.helmet),
        ]
