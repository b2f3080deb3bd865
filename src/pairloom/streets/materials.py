"""What surfaces look like, and the light that falls on them."""

from dataclasses import dataclass
from typing import NamedTuple

from pairloom.streets.camera import FloatArray
from pairloom.streets.colours import RGB

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
    """A unit vector of the world."""
    sun: RGB
    """The sun's light, which may exceed 1."""
    ambient: RGB
    """The sky's light on things."""
    horizon: RGB
    zenith: RGB
    cloud: RGB
    clouds: tuple[float, float]
    """Threshold and sharpness of the clouds."""
    haze: float
    """Distance in metres at which 63 % of the light is the air's."""
