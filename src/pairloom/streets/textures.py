"""Noise that tiles, and the patterns made with it: facades and paving."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pairloom.streets.camera import Float32Array

Numbers = NDArray[np.floating]


@lru_cache
def noise(steepness: float) -> Float32Array:
    """A fractal texture that tiles: 512×512, mean 0, standard deviation 1; a higher steepness is smoother."""
    frequency = np.fft.fftfreq(512) * 512
    spectrum = np.maximum(np.hypot(frequency[:, None], frequency[None, :]), 1.5) ** -steepness
    white = np.fft.fft2(np.random.default_rng(20).standard_normal((512, 512)))
    texture = np.fft.ifft2(white * spectrum).real
    texture -= texture.mean()
    tile: Float32Array = np.clip(texture / texture.std(), -2.5, 2.5).astype(np.float32)
    return tile


def lookup(texture: Float32Array, x: Numbers, y: Numbers) -> Float32Array:
    """Look a tiling 512×512 texture up at the nearest places."""
    place = ((y.astype(np.int32) & 511) << 9) | (x.astype(np.int32) & 511)
    found: Float32Array = texture.take(place)
    return found


def smooth_lookup(texture: Float32Array, x: Numbers, y: Numbers) -> Numbers:
    """Look a tiling 512×512 texture up at fractional places, bilinearly."""
    left, top = np.floor(x), np.floor(y)
    a, b = x - left, y - top
    upper = lookup(texture, left, top) * (1 - a) + lookup(texture, left + 1, top) * a
    lower = lookup(texture, left, top + 1) * (1 - a) + lookup(texture, left + 1, top + 1) * a
    smooth: Numbers = upper * (1 - b) + lower * b
    return smooth


def facade(
    colour: Float32Array, table: Float32Array, u: Numbers, v: Numbers, depth: Numbers
) -> tuple[Numbers, Numbers]:
    """Draw windows, doors, ledges and shop fronts on N pixels.

    Args:
        colour: of the wall, 3×N, linear.
        table: a material's second colour (linear), cell, fill and base: 8×N.
        u: place along the wall in metres, N.
        v: height in metres, N.
        depth: distance from the camera in metres, N.

    Returns:
        The colours (3×N), and how much of the sky each pixel mirrors (N).
    """
    grain = noise(1.0)
    second, (cell_u, cell_v, fill_u, fill_v, base) = table[0:3], table[3:]
    shop = v < base
    column, level = u / np.where(shop, cell_u * 1.7, cell_u), np.where(shop, 0.0, (v - base) / cell_v)
    column_number, floor_number = np.floor(column), np.floor(level)
    x = np.abs(column - column_number - 0.5)
    y = np.where(shop, v / np.maximum(base, 0.1), level - floor_number)
    door = ~shop & (base == 0) & (floor_number == 0) & (np.mod(column_number, 3) == 1)
    # Two numbers that each window keeps: its curtains, how it reflects, what the shop is called.
    key = (column_number * 37 + floor_number * 101 + cell_u * 977).astype(np.int32)
    chance, other = grain[key & 511, ((key >> 3) * 29) & 511], grain[(key * 7) & 511, (key * 13 + 5) & 511]

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
    goods = 0.05 + 0.14 * np.maximum(lookup(grain, u * 60, v * 60), 0)
    pane = np.clip(0.05 + 0.07 * chance, 0.012, 0.5) * np.array([[0.9], [1.0], [1.08]], dtype=np.float32)
    pane = np.where(curtain, 0.45 + 0.1 * other, np.where(shop, goods * (0.4 + tint), pane))
    pane = np.where(wood, 0.03 + 0.22 * tint, pane)
    shine = np.where(glass & ~wood, np.clip(0.28 + 0.42 * other, 0.04, 0.95) * (0.55 + 0.6 * y), 0.0)
    shine = np.where(curtain | shop, shine * 0.35, shine)
    return np.where(glass, pane, colour), shine


def slabs(colour: Float32Array, table: Float32Array, u: Numbers, v: Numbers, depth: Numbers) -> tuple[Numbers, Numbers]:
    """Draw paving stones: joints, and stones of slightly different brightness, that fade with distance.

    Takes and returns what `facade` does.
    """
    second, cell_u, cell_v = table[0:3], table[3], table[4]
    level = v / cell_v
    row = np.floor(level)
    column = u / cell_u + 0.5 * np.mod(row, 2)
    column_number = np.floor(column)
    fade = np.clip(9.0 / depth - 0.2, 0.0, 1.0)
    joint = ((column - column_number) * cell_u < 0.035) | ((level - row) * cell_v < 0.035)
    stone = lookup(noise(1.0), row * 57, row * 7 + column_number * 31)
    weight = joint * fade * 0.7
    return colour * ((1.0 + 0.09 * stone * fade) * (1 - weight)) + second * weight, np.zeros_like(u)
