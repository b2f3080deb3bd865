"""Class maps drawn at random, and the ways in which people save them."""

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pairloom.palette import VOID, UInt8Array

Maps = list[UInt8Array]
Writer = Callable[[Path, Maps, np.random.Generator], list[Path]]
"""Writes maps (H×W, 0 to K-1) into a folder, and returns their paths in the same order."""


def draw_maps(rng: np.random.Generator, classes: int, count: int, *, side: int = 96, sparse: bool = False) -> Maps:
    """Discs, boxes and stripes of the classes 1 to K-1 on 0, each class in some map; or a few small things alone."""
    maps = []
    y, x = np.mgrid[:side, : side + 16]
    for number in range(count):
        ids = np.zeros(y.shape, dtype=np.uint8)
        for shape in range(2 if sparse else 3 + classes):
            label = 1 + (number + shape) % (classes - 1)
            row, column = rng.integers(8, side - 8, 2)
            reach = rng.integers(5, 7) if sparse else rng.integers(9, 8 + side // 6)
            inside = [
                (y - row) ** 2 + (x - column) ** 2 < reach**2,
                (abs(y - row) < reach) & (abs(x - column) < 2 * reach),
                (abs(y - row) < reach // 2 + 3) & (x > column),
            ][int(rng.integers(0, 2 if sparse else 3))]
            ids[inside] = label
        maps.append(ids)
    return maps


def colours_for(rng: np.random.Generator, count: int, apart: float = 90) -> UInt8Array:
    """Draw colours (K×3) that differ by so many levels."""
    colours: list[NDArray[np.int64]] = []
    while len(colours) < count:
        colour = rng.integers(0, 256, 3)
        if all(np.linalg.norm(colour - other) > apart for other in colours):
            colours.append(colour)
    return np.array(colours, dtype=np.uint8)


def _save(folder: Path, arrays: list[NDArray[Any]], suffix: str, **options: Any) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:03}{suffix}" for number in range(len(arrays))]
    for path, array in zip(paths, arrays, strict=True):
        if suffix == ".npy":
            np.save(path, array)
        elif suffix == ".tif":
            tifffile.imwrite(path, array, **options)
        else:
            Image.fromarray(array).save(path, **options)
    return paths


def _levels(maps: Maps) -> list[UInt8Array]:
    step = 255 // max(1, max(int(ids.max()) for ids in maps))
    return [(ids * step).astype(np.uint8) for ids in maps]


def _grey_jpeg(quality: int) -> Writer:
    return lambda folder, maps, rng: _save(folder, _levels(maps), ".jpg", quality=quality)


def _colour_jpeg(quality: int) -> Writer:
    def write(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
        colours = colours_for(rng, max(int(ids.max()) for ids in maps) + 1, 120)
        return _save(folder, [colours[ids] for ids in maps], ".jpg", quality=quality)

    return write


def _resaved(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    """JPEG once, PNG now."""
    arrays = []
    for levels in _levels(maps):
        file = io.BytesIO()
        Image.fromarray(levels).save(file, "JPEG", quality=int(rng.integers(75, 96)))
        arrays.append(np.asarray(Image.open(file)))
    return _save(folder, arrays, ".png")


def _soft(picture: UInt8Array) -> UInt8Array:
    """Draw at four times the size with smooth outlines, a little aside, and reduce."""
    large = np.pad(picture.repeat(4, 0).repeat(4, 1), [(0, 4), (0, 4)] + [(0, 0)] * (picture.ndim - 2), mode="edge")
    smooth = Image.fromarray(np.ascontiguousarray(large[2:-2, 1:-3])).filter(ImageFilter.MedianFilter(7))
    return np.asarray(smooth.resize((picture.shape[1], picture.shape[0]), Image.Resampling.BOX))


def _soft_grey(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(folder, [_soft(levels) for levels in _levels(maps)], ".png")


def _soft_colour(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    colours = colours_for(rng, 2)
    return _save(folder, [_soft(colours[(ids > 0).astype(int)]) for ids in maps], ".png")


def _indices(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(folder, list(maps), ".png")


def _from_one(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(folder, [ids + np.uint8(1) for ids in maps], ".png")


def _with_gaps(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    numbers = np.sort(rng.choice(60, max(int(ids.max()) for ids in maps) + 1, replace=False)).astype(np.uint8)
    return _save(folder, [numbers[ids] for ids in maps], ".png")


def _grey_levels(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(folder, list(_levels(maps)), ".png")


def _equal(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(folder, [np.repeat(ids[:, :, None], 3, axis=2) for ids in maps], ".png")


def _one_channel(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    place = int(rng.integers(0, 3))
    return _save(folder, [np.insert(np.zeros((*ids.shape, 2), np.uint8), place, ids, axis=2) for ids in maps], ".png")


def _packed(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    numbers = np.sort(rng.choice(np.arange(1, 3000), max(int(ids.max()) for ids in maps) + 1, replace=False))
    numbers[0], numbers[-1] = 0, max(numbers[-1], 300)
    arrays = [numbers[ids] for ids in maps]
    return _save(folder, [np.dstack([a & 255, a >> 8, 0 * a]).astype(np.uint8) for a in arrays], ".png")


def _colours(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    colours = colours_for(rng, max(int(ids.max()) for ids in maps) + 1)
    return _save(folder, [colours[ids] for ids in maps], ".png")


def _tables(own: bool) -> Writer:
    def write(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        count = max(int(ids.max()) for ids in maps) + 1
        colours, paths = colours_for(rng, count), []
        for number, ids in enumerate(maps):
            order = rng.permutation(count) if own else np.arange(count)
            image = Image.fromarray(np.argsort(order)[ids].astype(np.uint8), "P")
            image.putpalette(colours[order].ravel().tolist())
            paths.append(folder / f"{number:03}.png")
            image.save(paths[-1])
        return paths

    return write


def _alpha(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    colour = rng.integers(0, 256, 3).astype(np.uint8)
    return _save(
        folder, [np.dstack([np.full((*ids.shape, 3), colour), (ids > 0) * np.uint8(255)]) for ids in maps], ".png"
    )


def _erased(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    """Paint of one colour, parts of it erased to transparency."""
    arrays = []
    for ids in maps:
        painted = np.zeros((*ids.shape, 4), dtype=np.uint8)
        painted[(ids > 0) | (np.roll(ids, 20, 1) > 0), 0] = 255
        painted[..., 3] = (ids > 0) * np.uint8(255)
        arrays.append(painted)
    return _save(folder, arrays, ".png")


def _painted(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    """Colours on transparency, with white beneath it."""
    colours = np.vstack([[255, 255, 255], colours_for(rng, max(int(ids.max()) for ids in maps))]).astype(np.uint8)
    return _save(folder, [np.dstack([colours[ids], (ids > 0) * np.uint8(255)]) for ids in maps], ".png")


def _grey_alpha(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(folder, [np.dstack([ids * np.uint8(60), np.full_like(ids, 255)]) for ids in maps], ".png")


def _opaque(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    colours = colours_for(rng, max(int(ids.max()) for ids in maps) + 1)
    return _save(folder, [np.dstack([colours[ids], np.full_like(ids, 255)]) for ids in maps], ".png")


def _planes(scale: int, suffix: str) -> Writer:
    def write(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
        count = max(max(int(ids.max()) for ids in maps) + 1, 2)
        count += count == 3  # three channels are colours
        arrays = [(ids[:, :, None] == np.arange(count)).astype(np.uint8) * np.uint8(scale) for ids in maps]
        options = {"photometric": "minisblack", "planarconfig": "contig"} if suffix == ".tif" else {}
        return _save(folder, list(arrays), suffix, **options)

    return write


def _without_background(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    count = max(max(int(ids.max()) for ids in maps), 4)
    return _save(folder, [ids[:, :, None] == 1 + np.arange(count) for ids in maps], ".npy")


def _one_bit_among(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, ids in enumerate(maps):
        image = Image.fromarray((ids > 0).astype(np.uint8) * np.uint8(255))
        paths.append(folder / f"{number:03}.png")
        (image.convert("1") if number % 3 else image).save(paths[-1])
    return paths


def _mixed_scales(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(
        folder, [(ids > 0).astype(np.uint8) * np.uint8(255 if n % 2 else 1) for n, ids in enumerate(maps)], ".png"
    )


def _booleans(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(folder, [ids > 0 for ids in maps], ".npy")


def _white_is_zero(every: int) -> Writer:
    def write(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for number, ids in enumerate(maps):
            white = number % every == 0
            grey = (ids > 0).astype(np.uint8) * np.uint8(255)
            paths.append(folder / f"{number:03}.tif")
            tifffile.imwrite(
                paths[-1], 255 - grey if white else grey, photometric="miniswhite" if white else "minisblack"
            )
        return paths

    return write


def _floats(folder: Path, maps: Maps, rng: np.random.Generator) -> list[Path]:
    return _save(folder, [ids.astype(np.float32) for ids in maps], ".npy")


EXACT: Mapping[str, Writer] = {
    "indices": _indices,
    "from one": _from_one,
    "with gaps": _with_gaps,
    "grey levels": _grey_levels,
    "equal channels": _equal,
    "one channel": _one_channel,
    "red and green as bytes": _packed,
    "colours": _colours,
    "the same table": _tables(own=False),
    "tables of their own": _tables(own=True),
    "colours on transparency": _painted,
    "grey with alpha": _grey_alpha,
    "opaque colours": _opaque,
    "planes of 0 and 1": _planes(1, ".npy"),
    "planes of 0 and 255": _planes(255, ".tif"),
    "planes without background": _without_background,
    "floats": _floats,
}
"""Of any number of classes."""

EXACT_OF_TWO: Mapping[str, Writer] = {
    "alpha": _alpha,
    "erased paint": _erased,
    "one bit among eight": _one_bit_among,
    "0 and 1 among 0 and 255": _mixed_scales,
    "booleans": _booleans,
    "white is zero": _white_is_zero(1),
    "white is zero in some": _white_is_zero(3),
}
"""Of two classes: 0 and all others."""

BLENDED: Mapping[str, Writer] = {
    **{f"grey JPEG {quality}": _grey_jpeg(quality) for quality in (75, 85, 95)},
    **{f"colour JPEG {quality}": _colour_jpeg(quality) for quality in (75, 95)},
    "JPEG saved as PNG": _resaved,
    "soft grey": _soft_grey,
}
"""Of up to four classes; borders are read nearly right."""

BLENDED_OF_TWO: Mapping[str, Writer] = {"soft colours": _soft_colour}


def save_signed(folder: Path, maps: Maps, dtype: str, suffix: str) -> list[Path]:
    """Write maps whose `VOID` becomes -1."""
    return _save(folder, [np.where(ids == VOID, -1, ids.astype(np.int64)).astype(dtype) for ids in maps], suffix)
