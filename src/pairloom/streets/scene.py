"""A street being built: its shape, the classes of what stands on it, and what still waits to be painted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from pairloom.palette import CITYSCAPES
from pairloom.streets.camera import FloatArray
from pairloom.streets.canvas import Canvas
from pairloom.streets.shapes import Points

ROAD, SIDEWALK, BUILDING, FENCE, POLE = (CITYSCAPES.index(n) for n in ("road", "sidewalk", "building", "fence", "pole"))
TRAFFIC_LIGHT, TRAFFIC_SIGN = CITYSCAPES.index("traffic light"), CITYSCAPES.index("traffic sign")
VEGETATION, SKY = (CITYSCAPES.index(n) for n in ("vegetation", "sky"))
PERSON, RIDER, CAR, BICYCLE = (CITYSCAPES.index(n) for n in ("person", "rider", "car", "bicycle"))

UP = np.array([0.0, 1.0, 0.0])
EAST = np.array([1.0, 0.0, 0.0])
NORTH = np.array([0.0, 0.0, 1.0])
"""The world's axes; north is straight ahead."""

KERB = 0.12
"""Height of the sidewalk above the road in metres."""


@dataclass
class Scene:
    """A street along z. `s` is metres ahead along it, `offset` metres to the right of its middle."""

    rng: np.random.Generator
    canvas: Canvas
    bend: float
    """Sideways shift of the street, per metre ahead squared."""
    half: float
    """Half the road's width in metres."""
    walks: dict[int, float]
    """Width of the sidewalk on each side (-1 left, 1 right)."""
    end: float
    """Where the street ends, metres ahead."""
    junction: tuple[float, float] | None
    """Where a street that crosses begins and stops, metres ahead."""
    crossings: Sequence[float]
    """Where people cross, metres ahead."""
    _waiting: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    """Turns, metres ahead, and what is painted then."""

    def at(self, offset: float, s: float, y: float = 0.0) -> FloatArray:
        """The world point `offset` metres right of the street's middle and `s` metres ahead."""
        return np.array([offset + self.bend * max(s, 0.0) ** 2, y, s])

    def on_walk(self, offset: float, s: float) -> FloatArray:
        """A point at the height of the sidewalk."""
        return self.at(offset, s, KERB if abs(offset) > self.half else 0.0)

    def heading(self, s: float) -> float:
        """The street's direction in radians, clockwise from z."""
        return float(np.arctan(2 * self.bend * max(s, 0.0)))

    def strip(self, inner: float, outer: float, start: float, stop: float) -> Points:
        """The outline of a strip along the street on the ground, as (x, z)."""
        steps = np.linspace(start, stop, 2 if self.bend == 0 else max(int((stop - start) / 5), 1) + 1)
        there = [(inner + self.bend * max(s, 0.0) ** 2, s) for s in steps.tolist()]
        back = [(outer + self.bend * max(s, 0.0) ** 2, s) for s in steps[::-1].tolist()]
        return there + back

    def barred(self, s: float, before_crossing: float, before_junction: float) -> bool:
        """Whether a place is within these distances of a crossing or of the junction."""
        if self.junction is not None and self.junction[0] - before_junction < s < self.junction[1] + before_junction:
            return True
        return any(abs(s - crossing) < before_crossing for crossing in self.crossings)

    def later(self, s: float, centre: FloatArray, radius: float, paint: Callable[[], None]) -> None:
        """Paint a thing when everything farther than `s` metres ahead has been painted.

        The ball about `centre` (a world point) with this radius in metres holds all of the thing; it is left out where
        the camera does not see the ball.
        """
        if self.canvas.camera.sees(centre, radius):
            self._waiting.append((s, paint))

    def finish(self) -> None:
        """Paint all that waits, far to near."""
        for _, paint in sorted(self._waiting, key=lambda item: -item[0]):
            paint()

    def light_at(self, foot: FloatArray) -> float:
        """The sun's share for round things that stand there."""
        return self.canvas.sunlit(foot) * 0.55

    def shading(self, strength: float) -> float:
        """Brightness a metre to the right on round things: brighter on the sun's side."""
        return strength * (1.0 if self.canvas.light.towards_sun[0] > 0 else -1.0)
