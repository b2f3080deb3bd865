"""The weather and the time of day."""

import colorsys

import numpy as np

from pairloom.streets.colours import grey
from pairloom.streets.materials import Light


def draw_light(rng: np.random.Generator) -> Light:
    """Draw a clear or an overcast day."""
    azimuth, elevation = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(20, 65))
    towards = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    overcast = rng.random() < 0.38
    warm = rng.uniform(0.0, 0.25)
    strength = rng.uniform(0.0, 0.12) if overcast else rng.uniform(0.8, 1.9)
    ambient = rng.uniform(0.7, 1.0) if overcast else rng.uniform(0.28, 0.6)
    bright = rng.uniform(0.45, 1.1)
    if overcast:
        cloud, zenith = grey(rng, bright * 0.8, bright), grey(rng, bright * 0.6, bright)
        horizon = grey(rng, bright * 0.9, bright)
        clouds = (rng.uniform(-1.5, 0.3), rng.uniform(0.2, 0.6))
    else:
        hue = rng.uniform(0.52, 0.64)
        zenith = colorsys.hsv_to_rgb(hue, rng.uniform(0.15, 0.65), bright)
        hue = rng.uniform(0.03, 0.13) if rng.random() < 0.25 else hue
        horizon = colorsys.hsv_to_rgb(hue, rng.uniform(0.03, 0.25), min(bright * 1.1, 1.1))
        cloud, clouds = grey(rng, 0.75, 1.0), (rng.uniform(-0.5, 2.2), rng.uniform(0.4, 1.2))
    blue = 0.0 if overcast else rng.uniform(0.0, 0.2)
    return Light(
        towards_sun=towards,
        sun=(strength, strength * (1 - 0.4 * warm), strength * (1 - warm)),
        ambient=(ambient * (1 - blue), ambient * (1 - blue * 0.4), ambient),
        horizon=horizon,
        zenith=zenith,
        cloud=cloud,
        clouds=clouds,
        haze=float(np.exp(rng.uniform(np.log(250), np.log(1500)))),
    )
