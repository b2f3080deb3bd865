"""Generated pictures of depths and heights, in units of their own, with the photographs that show them."""

from pathlib import Path
from typing import Literal

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pairloom.images import UInt8Array

Kind = Literal["depth", "heights"]


def draw_depth(seed: int, height: int = 48, width: int = 64) -> NDArray[np.float64]:
    """Draw distances in millimetres, 420 to 4800: a floor that recedes, and discs that stand on it."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    depth = 900 + 3800 * (1 - y / height) + rng.normal(0, 3, (height, width))
    for _ in range(5):
        across, down, radius = rng.integers(0, width), rng.integers(0, height), rng.integers(5, 12)
        distance = rng.uniform(420, 3000)
        disc = ((y - down) ** 2 + (x - across) ** 2 < radius**2) & (depth > distance)
        depth[disc] = distance + rng.uniform(0, 20, disc.sum())
    drawn: NDArray[np.float64] = depth.clip(420, 4800)
    return drawn


def draw_photograph(depth: NDArray[np.float64], seed: int) -> UInt8Array:
    """Draw a photograph whose colours follow the distance."""
    share = (depth - 400) / 4600
    colours = np.stack([255 * (1 - share), 60 + 150 * share, 80 + 100 * np.sin(6 * share)], axis=2)
    noise = np.random.default_rng(1000 + seed).normal(0, 8, colours.shape)
    photograph: UInt8Array = (colours + noise).clip(0, 255).astype(np.uint8)
    return photograph


def write_depths(root: Path, kind: Kind, *, train: int = 6, val: int = 2, holes: bool = True) -> None:
    """Write pairs into `A/` and `B/`.

    `depth` is in millimetres, 16 bits, 0 where there is no reading; `heights` is -20 to 80 m, float32, -9999 there.
    """
    for split, first, count in (("train", 0, train), ("val", 100, val)):
        for seed in range(first, first + count):
            depth = draw_depth(seed)
            source, target = root / "A" / split / f"{seed}.png", root / "B" / split / f"{seed}"
            for path in (source, target):
                path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(draw_photograph(depth, seed)).save(source)
            if kind == "depth":
                numbers = depth.round().astype(np.uint16)
                if holes:
                    numbers[8:14, 10:20] = 0
                Image.fromarray(numbers).save(target.with_suffix(".png"))
            else:
                metres = ((depth - 400) / 4400 * 100 - 20).astype(np.float32)
                if holes:
                    metres[8:14, 10:20] = -9999
                tifffile.imwrite(target.with_suffix(".tif"), metres)
