"""Cars, estates and vans, and the bonnet of the camera's own car."""

from dataclasses import dataclass

import numpy as np

from pairloom.palette import VOID
from pairloom.streets.camera import FloatArray
from pairloom.streets.canvas import Canvas
from pairloom.streets.colours import RGB, any_colour, grey, times
from pairloom.streets.materials import Material
from pairloom.streets.scene import CAR, UP, Scene
from pairloom.streets.shapes import Points, box, disc, inset

BOTTOM = 0.26
"""Height of the body's lower edge in metres. Panels that meet share their corners, or cracks would show between."""

FINE = 28.0
"""Beyond this distance in metres, the smallest details of a car are left out."""

DARK = Material((0.16, 0.16, 0.17), grain=0.1, sun=0.2)
"""Plastic, glass that shows nothing, and the dark of a wheel house."""

TYRE = DARK._replace(colour=(0.07, 0.07, 0.07))


def car(scene: Scene, foot: FloatArray, heading: float) -> None:
    """A car, estate or van with its shadow; `heading` is in radians, clockwise from z."""
    rng, canvas = scene.rng, scene.canvas
    van, suv = rng.random() < 0.16, rng.random() < 0.3
    length, width = rng.uniform(3.7, 4.9) + 0.6 * van, rng.uniform(1.7, 1.88) + 0.12 * van
    height = rng.uniform(1.4, 1.52) + 0.22 * suv + rng.uniform(0.5, 1.0) * van
    belt = height * rng.uniform(0.58, 0.64) if not van else rng.uniform(1.1, 1.3)
    colour = any_colour(rng, 0.9)
    if rng.random() < 0.35:
        colour = grey(rng, 0.08, 0.9)
    lamps_on = rng.random() < 0.35
    tail = rng.uniform(0.0, 0.1) if van or rng.random() < 0.55 else rng.uniform(0.35, 0.75)
    built = _Car(
        canvas=canvas,
        foot=foot,
        ahead=np.array([np.sin(heading), 0.0, np.cos(heading)]),
        right=np.array([np.cos(heading), 0.0, -np.sin(heading)]),
        length=length,
        width=width,
        height=height,
        belt=belt,
        colour=colour,
        lamps_on=lamps_on,
        trunk=tail * 0.4 + 0.1,
        nose=rng.uniform(0.45, 0.7) if van else rng.uniform(0.85, 1.2),
        rake_back=rng.uniform(0.15, 0.75) * (0.25 if van else 1.0),
        rake_front=rng.uniform(0.5, 0.85),
        blind=van and rng.random() < 0.6,
        reflection=float(rng.uniform(0.05, 0.6)),
        rim=Material(grey(rng, 0.3, 0.75), grain=0.3, sun=0.4),
    )
    corners = built.rectangle(0.0, length, 1.0, 0.0)
    roof = built.rectangle(0.6, length - 1.6, 0.8, height)
    canvas.cast(np.concatenate([corners + UP * 0.75, roof, corners + UP * 0.2]))
    canvas.darken(corners + (corners - foot) * 0.05, 0.95)
    scene.later(float(foot[2]), foot, length / 2 + height, built.paint)


@dataclass(frozen=True)
class _Car:
    """A car's shape. Lengths are in metres; places on it are along from its tail, across in half widths, and up."""

    canvas: Canvas
    foot: FloatArray
    ahead: FloatArray
    right: FloatArray
    length: float
    width: float
    height: float
    belt: float
    """Height at which the windows begin."""
    colour: RGB
    lamps_on: bool
    trunk: float
    """From the tail to the rear window."""
    nose: float
    """From the windscreen to the front."""
    rake_back: float
    rake_front: float
    """How far the rear window and the windscreen lean over the cabin."""
    blind: bool
    """Whether the rear has no windows."""
    reflection: float
    """Share of the sky that the windows mirror."""
    rim: Material
    cut: float = 0.2
    """How far the corners are cut off."""

    @property
    def low_nose(self) -> float:
        """Height of the front."""
        return self.belt * 0.74

    @property
    def low_tail(self) -> float:
        """Height of the rear."""
        return self.belt * 0.82

    def at(self, along: float, across: float, y: float) -> FloatArray:
        """A point of the car in the world."""
        place = self.foot + self.ahead * (along - self.length / 2) + self.right * (across * self.width / 2)
        point: FloatArray = place + UP * y
        return point

    def rectangle(self, back: float, front: float, across: float, y: float) -> FloatArray:
        """A level rectangle, 4×3: corners 0 and 3 at the back, 0 and 1 on the left."""
        return np.array([self.at(a, b, y) for a, b in box(back, -across, front, across)])

    def paint(self) -> None:
        """Paint the car, lower body first; each facet only where its outside is seen."""
        body = Material(self.colour, grain=0.025, slope=(0.0, 0.22), mirror=0.04)
        sunny = self.canvas.sunlit(self.foot)
        if not sunny:
            body = body._replace(sun=0.0)
        fine = float(np.linalg.norm(self.foot - self.canvas.camera.position)) < FINE
        self._treads()
        for side in (-1, 1):
            self._side(side, body, fine)
        self._lids(body)
        for front in (False, True):
            self._end(body, front)
        if fine:
            self._mirrors()
        self._cabin(body, sunny)

    def _facet(self, points: list[FloatArray] | FloatArray, material: Material) -> bool:
        return self.canvas.facet(np.asarray(points), self.foot + UP * self.height / 2, material, CAR)

    def _side_facet(self, side: float, outline: Points, material: Material) -> bool:
        """Paint an outline of (along, up) on a flank; a side beyond ±1 stands out from it."""
        return self._facet([self.at(along, side, y) for along, y in outline], material)

    @property
    def axles(self) -> tuple[float, float]:
        """Where the rear and the front wheels are."""
        return self.length * 0.19, self.length * 0.8

    def _treads(self) -> None:
        """What is seen of the wheels from behind or from ahead, below the body."""
        for axle in self.axles:
            for inner, outer in ((-0.96, -0.72), (0.72, 0.96)):
                tread = np.array([self.at(axle, across, y) for across, y in box(inner, 0.0, outer, BOTTOM + 0.1)])
                # With an inside point beyond it, a tread is seen from ahead as well as from behind.
                self.canvas.facet(tread, 2 * tread[0] - self.canvas.camera.position, TYRE, CAR)

    def _side(self, side: int, body: Material, fine: bool) -> None:
        """A flank with its rounded corners, sill, wheels and doors."""
        cut, length, belt, nose = self.cut, self.length, self.belt, self.nose
        for corner, tip, y in ((cut, 0.0, self.low_tail), (length - cut, length, self.low_nose)):
            outline = [(corner, side, BOTTOM), (tip, side * 0.8, BOTTOM), (tip, side * 0.8, y), (corner, side, y)]
            self._facet([self.at(*spot) for spot in outline], body)
        profile = [(cut, BOTTOM), (length - cut, BOTTOM), (length - cut, self.low_nose)]
        profile += [(length - nose, belt), (self.trunk, belt), (cut, self.low_tail)]
        if not self._side_facet(side, profile, body):
            return
        self._side_facet(side, box(cut, 0.2, length - cut, 0.34), DARK)
        shade = body._replace(colour=times(self.colour, 0.86))
        self._side_facet(side * 1.001, box(cut, 0.34, length - cut, 0.56), shade)
        if fine:
            shine = box(0.4, belt * 0.88, length - nose, belt * 0.93)
            self._side_facet(side * 1.001, shine, body._replace(mirror=0.14))
        for axle in self.axles:
            for radius, material in ((0.38, TYRE), (0.31, DARK), (0.2, self.rim)):
                self._side_facet(side * 1.005, disc(axle, 0.31, radius), material)
        if fine:
            seam = body._replace(colour=times(self.colour, 0.65))
            for along in (length * 0.36, length * 0.6):
                self._side_facet(side * 1.002, box(along, 0.4, along + 0.03, belt), seam)

    def _lids(self, body: Material) -> None:
        """Bonnet and boot, which narrow towards the tips."""
        length, belt = self.length, self.belt
        for tip, joint, y in ((length, length - self.nose, self.low_nose), (0.0, self.trunk, self.low_tail)):
            lid = [self.at(tip, -0.8, y), self.at(tip, 0.8, y), self.at(joint, 1, belt), self.at(joint, -1, belt)]
            self._facet(lid, body)
            for side in (-1, 1):
                wing = [self.at(tip, side * 0.8, y), self.at(abs(tip - self.cut), side, y), self.at(joint, side, belt)]
                self._facet(wing, body)

    def _end(self, body: Material, front: bool) -> None:
        """Front or rear with lamps, number plate, grille and bumper."""
        along, y = (self.length, self.low_nose) if front else (0.0, self.low_tail)
        panel = np.array([self.at(along, across, up) for across, up in box(-0.8, BOTTOM, 0.8, y)])
        if not self._facet(panel, body):
            return
        lamp = Material(
            (0.9, 0.9, 0.86) if front else (0.6, 0.07, 0.06), grain=0.2, sun=0.5, mirror=0.05, glow=1.5 * self.lamps_on
        )
        low, high = (0.62, 0.88) if front else (0.55, 0.92)
        for left, right in ((0.0, 0.2), (0.8, 1.0)):
            self._facet(inset(panel, left, right, low - 0.04, high + 0.03), DARK)
            self._facet(inset(panel, max(left, 0.02), min(right, 0.98), low, high), lamp)
        self._facet(inset(panel, 0.0, 1.0, 0.0, 0.14), DARK)
        if front:
            self._facet(inset(panel, 0.24, 0.76, 0.58, 0.85), DARK)
        height = (0.28, 0.44) if front else (0.42, 0.6)
        self._facet(inset(panel, 0.36, 0.64, *height), DARK._replace(colour=(0.82, 0.82, 0.74), sun=0.5))

    def _mirrors(self) -> None:
        """The rear-view mirrors beside the windscreen; one side of them is the outside."""
        from_behind = float(self.ahead @ (self.foot - self.canvas.camera.position)) > 0
        inside = self.at(self.length if from_behind else 0.0, 0, 1.0)
        for side in (-1, 1):
            ear = [
                self.at(self.length - self.nose - 0.35, side * across, self.belt + y)
                for across, y in box(0.98, 0.0, 1.16, 0.16)
            ]
            self.canvas.facet(np.array(ear), inside, DARK, CAR)

    def _cabin(self, body: Material, sunny: float) -> None:
        """Windows and roof on the shoulders of the lower body."""
        back, fore = self.trunk, self.length - self.nose
        # Without the shoulders the street would show between body and roof.
        deck = np.array([self.at(a, b, self.belt) for a, b in ((back, -1), (back, 1), (fore, 1), (fore, -1))])
        self.canvas.facet(deck, self.foot - UP * self.height / 2, body, CAR)
        base, top = [(back, 0.96, self.belt), (fore, 0.96, self.belt)], (0.8, self.height)
        pane = [*base, (fore - self.rake_front, *top), (back + self.rake_back, *top)]
        left, right = (np.array([self.at(a, side * b, y) for a, b, y in pane]) for side in (-1, 1))
        rear, screen = (np.array([left[i], right[i], right[j], left[j]]) for i, j in ((0, 3), (1, 2)))
        roof = np.array([left[3], left[2], right[2], right[3]])
        shell = body._replace(colour=times(self.colour, 0.95))
        for quad in (left, right, rear, screen, roof):
            self._facet(quad, shell)
        glass = Material((0.14, 0.16, 0.17), grain=0.25, mirror=self.reflection, slope=(0.0, 0.3), sun=0.15 * sunny)
        for quad in (left, right):
            for start, stop in ((0.62, 0.95),) if self.blind else ((0.05, 0.34), (0.38, 0.62), (0.66, 0.95)):
                self._facet(inset(quad, start, stop, 0.08, 0.86), glass)
        if not self.blind:
            self._facet(inset(rear, 0.08, 0.92, 0.12, 0.88), glass)
        self._facet(inset(screen, 0.04, 0.96, 0.04, 0.94), glass)


def bonnet(scene: Scene) -> None:
    """The camera's own car at the lower edge; it belongs to no class. Paint it last."""
    rng, canvas, camera = scene.rng, scene.canvas, scene.canvas.camera
    depth = 1.0
    half_high, half_wide = camera.height / 2 / camera.focal, camera.width / 2 / camera.focal
    top = -half_high * rng.uniform(0.78, 0.93)
    middle = rng.normal(0, 0.12) * half_wide
    centre = camera.position + camera.rotation[2] * depth
    face = canvas.face(centre, camera.rotation[0], -camera.rotation[1])
    xs = np.linspace(-1.15, 1.15, 15) * half_wide
    rim = [(x, top - 0.3 * half_high * abs((x - middle) / half_wide) ** rng.uniform(2.2, 3.2)) for x in xs.tolist()]
    outline = [*rim, (2 * half_wide, -2 * half_high), (-2 * half_wide, -2 * half_high)]
    paint = Material(any_colour(rng, 0.7), grain=0.03, slope=(0.0, 1.5), sun=0.3, mirror=rng.uniform(0.02, 0.25))
    canvas.paint(face, [outline], paint, VOID)
    canvas.stroke(face, [rim], 0.006, paint._replace(mirror=0.4), VOID)
