"""Outlines on a face, as points (u, v) in metres, and parts of flat facets."""

import numpy as np

from pairloom.streets.camera import FloatArray

Points = list[tuple[float, float]]


def box(left: float, bottom: float, right: float, top: float) -> Points:
    """An upright rectangle."""
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def disc(x: float, y: float, across: float, along: float | None = None, corners: int = 12, turn: float = 0.0) -> Points:
    """A regular polygon about (x, y) with the radii `across` and `along` (by default the same), turned by radians."""
    angles = np.arange(corners) * (2 * np.pi / corners) + turn
    tall = across if along is None else along
    return list(zip((x + across * np.cos(angles)).tolist(), (y + tall * np.sin(angles)).tolist(), strict=True))


def limb(a: tuple[float, float], b: tuple[float, float], width: float, end: float) -> Points:
    """A bar from a to b that tapers from `width` to `end`."""
    x, y = b[0] - a[0], b[1] - a[1]
    length = max(float(np.hypot(x, y)), 1e-6)
    x, y = -y / length / 2, x / length / 2
    return [
        (a[0] + x * width, a[1] + y * width),
        (b[0] + x * end, b[1] + y * end),
        (b[0] - x * end, b[1] - y * end),
        (a[0] - x * width, a[1] - y * width),
    ]


def moved(points: FloatArray, x: float, y: float, z: float) -> FloatArray:
    """A world point, or points (N×3), shifted."""
    there: FloatArray = points + np.array([x, y, z])
    return there


def patch(foot: FloatArray, across: float, ahead: float) -> FloatArray:
    """The ellipse on the ground about a point, with its radii to the right and ahead: corners in the world (12×3)."""
    return np.array([moved(foot, x, 0.0, z) for x, z in disc(0, 0, across, ahead)])


def inset(quad: FloatArray, left: float, right: float, low: float, high: float) -> FloatArray:
    """The part of a four-cornered facet between shares of its width and height (corners 0-1 low, 3-2 high)."""
    spots = [(left, low), (right, low), (right, high), (left, high)]
    return np.array(
        [(quad[0] * (1 - a) + quad[1] * a) * (1 - b) + (quad[3] * (1 - a) + quad[2] * a) * b for a, b in spots]
    )
