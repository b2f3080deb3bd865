"""The pools that colours are drawn from. Things of different classes share them.

Colours are RGB from 0 to 1 as on a screen.
"""

import colorsys

import numpy as np

RGB = tuple[float, float, float]


def grey(rng: np.random.Generator, low: float, high: float) -> RGB:
    """A nearly neutral colour."""
    value = rng.uniform(low, high)
    red, green, blue = np.clip(value * (1 + rng.normal(0, 0.035, 3)), 0.02, 1).tolist()
    return red, green, blue


def any_colour(rng: np.random.Generator, saturation: float = 0.5) -> RGB:
    """Any colour that things are given: the pool that cars, walls, clothes, fences and bins share."""
    if rng.random() < 0.4:
        return grey(rng, 0.1, 0.92)
    return colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.05, saturation) ** 0.8, rng.uniform(0.15, 0.9))


def masonry(rng: np.random.Generator) -> RGB:
    """Plaster, stone, brick and concrete; sometimes anything, greens among it."""
    kind = rng.random()
    if kind < 0.3:
        return grey(rng, 0.25, 0.92)
    if kind < 0.9:
        return colorsys.hsv_to_rgb(rng.uniform(0.0, 0.16), rng.uniform(0.1, 0.55), rng.uniform(0.3, 0.92))
    return any_colour(rng, 0.3)


def foliage(rng: np.random.Generator) -> RGB:
    """Leaves of any season and species, in the colours of brick and concrete too."""
    hue = rng.uniform(0.06, 0.16) if rng.random() < 0.12 else rng.uniform(0.17, 0.36)
    return colorsys.hsv_to_rgb(hue, rng.uniform(0.2, 0.75), rng.uniform(0.2, 0.6))


def metal(rng: np.random.Generator) -> RGB:
    """What posts are made of: galvanised, painted, rusty."""
    return any_colour(rng, 0.35) if rng.random() < 0.35 else grey(rng, 0.12, 0.8)


def skin(rng: np.random.Generator) -> RGB:
    """Skin from pale to dark."""
    return times((0.87, 0.68, 0.56), rng.uniform(0.4, 1.1))


def times(colour: RGB, factor: float) -> RGB:
    """A colour made darker (below 1) or brighter, within 0 to 1."""
    red, green, blue = (min(max(channel * factor, 0.0), 1.0) for channel in colour)
    return red, green, blue
