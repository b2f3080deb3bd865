"""Scenes with their class maps, and the ways in which people save class maps, for data sets drawn at random."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pairloom.palette import VOID, UInt8Array
from pairloom.streets import draw_street

Array = NDArray[Any]

HUES = np.array(
    [(96, 92, 88), (196, 64, 52), (64, 176, 74), (58, 84, 198), (202, 186, 66), (168, 72, 176), (72, 186, 186),
     (226, 142, 62), (122, 62, 24), (24, 122, 92), (236, 198, 196), (44, 42, 92), (152, 148, 226)]
)  # fmt: skip


@dataclass(frozen=True)
class Look:
    """What all class maps of a data set share.

    Attributes:
        classes: number of classes.
        colours: of the classes, K×3.
        values: of the classes, K, increasing, where numbers have gaps.
        quality: of JPEG files.
    """

    classes: int
    colours: UInt8Array
    values: UInt8Array
    quality: int

    @classmethod
    def drawn(cls, rng: np.random.Generator, classes: int) -> "Look":
        """Draw one; colours lie at least 90 levels apart, the first is black more often than not."""
        colours: list[Array] = [np.zeros(3)] if rng.random() < 0.7 else []
        while len(colours) < classes:
            colour = rng.integers(0, 256, 3)
            if all(np.linalg.norm(colour - other) > 90 for other in colours):
                colours.append(colour)
        values = np.sort(rng.choice(np.arange(1, 60), classes, replace=False) * 4)
        values[0] = 0
        return cls(classes, np.array(colours, np.uint8), values.astype(np.uint8), int(rng.integers(75, 97)))


# Scenes.


def shapes(rng: np.random.Generator, height: int, width: int, classes: int) -> UInt8Array:
    """Draw discs and boxes of the classes 1 to K-1 on 0."""
    y, x = np.mgrid[:height, :width]
    ids = np.zeros((height, width), np.uint8)
    for number in range(max(4, 2 * (classes - 1))):
        cy, cx, radius = rng.integers(0, height), rng.integers(0, width), rng.integers(height // 8, height // 4)
        disc = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
        box = (abs(y - cy) < radius) & (abs(x - cx) < radius)
        ids[disc if number % 2 else box] = 1 + number % (classes - 1)
    return ids


def photograph(rng: np.random.Generator, ids: UInt8Array) -> UInt8Array:
    """Paint a textured photograph whose hue follows the class."""
    height, width = ids.shape
    light = np.linspace(-25, 25, width)[None, :, None] * rng.uniform(-1, 1)
    coarse = Image.fromarray(rng.integers(0, 255, (max(2, height // 6), max(2, width // 6), 3), dtype=np.uint8))
    texture = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).astype(float) - 127
    noise = rng.normal(0, 9, (height, width, 3))
    painted: Array = HUES[ids % len(HUES)] + 0.25 * texture + noise + light
    return painted.clip(0, 255).astype(np.uint8)


@cache
def _street(index: int) -> tuple[UInt8Array, UInt8Array]:
    return draw_street(7, index, 160, 320)


def street(rng: np.random.Generator, height: int, width: int, classes: int) -> tuple[UInt8Array, UInt8Array]:
    """Cut a photograph and its class map out of a generated street; its classes are put together to so many."""
    picture, labels = _street(int(rng.integers(6)))
    for _ in range(20):
        top, left = (
            int(rng.integers(0, all_ - side + 1)) for all_, side in zip(labels.shape, (height, width), strict=True)
        )
        cut = labels[top : top + height, left : left + width]
        ids = (np.where(cut == VOID, 0, cut) * 7 // 3 % classes).astype(np.uint8)
        if len(np.unique(ids)) > 1:
            break
    return picture[top : top + height, left : left + width].copy(), ids


def scene(rng: np.random.Generator, kind: str, height: int, width: int, classes: int) -> tuple[UInt8Array, UInt8Array]:
    """Draw a photograph (H×W×3, or H×W for `grey`) and its class map (H×W)."""
    if kind == "street":
        return street(rng, height, width, classes)
    ids = shapes(rng, height, width, classes)
    picture = photograph(rng, ids)
    return (picture.mean(2).astype(np.uint8) if kind == "grey" else picture), ids


def with_void(ids: UInt8Array) -> UInt8Array:
    """Return class ids with void along the borders of the areas."""
    edge = np.zeros(ids.shape, bool)
    edge[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    edge[1:] |= ids[1:] != ids[:-1]
    return np.where(edge, VOID, ids).astype(np.uint8)


# Files.


def save(path: Path, array: Array, **options: Any) -> None:
    """Write an array to an image file by its ending, and the folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = path.suffix.lower()
    if ending == ".npy":
        np.save(path, array)
        return
    if ending == ".webp":
        options = {"lossless": True, "exact": True, **options}
    Image.fromarray(array).save(path, **options)


def save_photograph(path: Path, picture: UInt8Array) -> None:
    """Write a photograph by its ending."""
    lossy = path.suffix.lower() in (".jpg", ".jpeg")
    save(path, picture, **({"quality": 92} if lossy else {}))


def _table(look: Look) -> list[int]:
    table = np.zeros((256, 3), np.uint8)
    table[: look.classes] = look.colours
    table[VOID] = (224, 224, 192)
    return [int(level) for level in table.ravel()]


def _save_mapped(path: Path, ids: UInt8Array, table: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids)
    image.putpalette(table)
    image.save(path)


def _reordered(path: Path, ids: UInt8Array, look: Look, number: int) -> None:
    """Write indices whose table is in another order in each file."""
    order = np.random.default_rng(number).permutation(look.classes)
    _save_mapped(path, np.argsort(order)[ids].astype(np.uint8), look.colours[order].ravel().tolist())


def _coverage(ids: UInt8Array, classes: int) -> Array:
    """Return how much of each pixel each class covers where edges are antialiased: H×W×K, 0 to 1."""
    one_hot = (ids[..., None] == np.arange(classes)).astype(float)
    padded = np.pad(one_hot, ((1, 1), (1, 1), (0, 0)), mode="edge")
    rows = (padded[:-2] + 2 * padded[1:-1] + padded[2:]) / 4
    blurred: Array = (rows[:, :-2] + 2 * rows[:, 1:-1] + rows[:, 2:]) / 4
    return blurred


def _levels(ids: UInt8Array, look: Look) -> UInt8Array:
    return (ids.astype(int) * 255 // (look.classes - 1)).astype(np.uint8)


def _alpha(ids: UInt8Array) -> UInt8Array:
    layers = np.zeros((*ids.shape, 4), np.uint8)
    layers[..., 3] = ids * 255
    return layers


def _white_is_zero(path: Path, ids: UInt8Array, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    white = number % 2 == 1
    levels = 255 - ids * 255 if white else ids * 255
    tifffile.imwrite(path, levels.astype(np.uint8), photometric="miniswhite" if white else "minisblack")


@dataclass(frozen=True)
class Coding:
    """A way to save class maps.

    Attributes:
        write: takes the path, the class ids, what the data set's maps share, and the number of the map.
        endings: of the files that can hold it.
        most: classes at the most.
        near: whether pixels at the borders may be read as another class.
        void: whether the maps hold void.
    """

    write: Callable[[Path, UInt8Array, Look, int], None]
    endings: tuple[str, ...] = (".png",)
    most: int = 6
    near: bool = False
    void: bool = False


EXACT = (".png", ".PNG", ".bmp", ".tif", ".webp")

CODINGS: Mapping[str, Coding] = {
    "indices": Coding(lambda path, ids, look, n: save(path, ids), (".png", ".png", ".PNG", ".bmp", ".tif", ".npy"), 10),
    "0 and 255": Coding(
        lambda path, ids, look, n: save(path, ids * np.uint8(255)), (".png", ".PNG", ".bmp", ".tif"), 2
    ),
    "grey levels": Coding(lambda path, ids, look, n: save(path, _levels(ids, look)), (".png", ".tif", ".bmp")),
    "gaps": Coding(lambda path, ids, look, n: save(path, look.values[ids]), (".png", ".tif")),
    "from one": Coding(lambda path, ids, look, n: save(path, ids + np.uint8(1)), (".png", ".tif", ".npy"), 10),
    "colours": Coding(lambda path, ids, look, n: save(path, look.colours[ids]), EXACT, 10),
    "colours with alpha": Coding(
        lambda path, ids, look, n: save(path, np.dstack([look.colours[ids], np.full(ids.shape, 255, np.uint8)]))
    ),
    "colour table": Coding(lambda path, ids, look, n: _save_mapped(path, ids, _table(look)), (".png", ".gif"), 10),
    "another table in each": Coding(_reordered, (".png", ".gif")),
    "void in a colour table": Coding(lambda path, ids, look, n: _save_mapped(path, ids, _table(look)), void=True),
    "255 is void": Coding(lambda path, ids, look, n: save(path, ids), (".png", ".tif", ".npy"), void=True),
    "-1 is void": Coding(
        lambda path, ids, look, n: save(path, np.where(ids == VOID, -1, ids.astype(np.int16))), (".npy",), void=True
    ),
    "grey JPEG": Coding(
        lambda path, ids, look, n: save(path, _levels(ids, look), quality=look.quality), (".jpg", ".JPG"), 2, near=True
    ),
    "three levels in JPEG": Coding(
        lambda path, ids, look, n: save(path, _levels(ids, look), quality=look.quality), (".jpg",), 3, near=True
    ),
    "colour JPEG": Coding(
        lambda path, ids, look, n: save(path, look.colours[ids], quality=95, subsampling=0), (".jpg",), 4, near=True
    ),
    "soft edges": Coding(
        lambda path, ids, look, n: save(path, (_coverage(ids, 2)[..., 1] * 255).astype(np.uint8)), most=2, near=True
    ),
    "soft edges in colours": Coding(
        lambda path, ids, look, n: save(path, (_coverage(ids, look.classes) @ look.colours).round().astype(np.uint8)),
        most=3,
        near=True,
    ),
    "equal channels": Coding(
        lambda path, ids, look, n: save(path, np.repeat(ids[..., None], 3, axis=2)), (".png", ".bmp"), 12
    ),
    "equal channels, 0 and 255": Coding(
        lambda path, ids, look, n: save(path, np.repeat(ids[..., None] * np.uint8(255), 3, axis=2)), EXACT, 2
    ),
    "red channel": Coding(lambda path, ids, look, n: save(path, np.dstack([ids, 0 * ids, 0 * ids])), most=12),
    "1 bit": Coding(lambda path, ids, look, n: save(path, ids.astype(bool)), (".png", ".tif", ".bmp"), 2),
    "1 bit beside 8": Coding(
        lambda path, ids, look, n: save(path, ids.astype(bool) if n % 2 else ids * np.uint8(255)), most=2
    ),
    "white is zero": Coding(lambda path, ids, look, n: _white_is_zero(path, ids, n), (".tif",), 2),
    "16 bits": Coding(lambda path, ids, look, n: save(path, ids.astype(np.uint16)), (".png", ".tif"), 10),
    "booleans": Coding(lambda path, ids, look, n: save(path, ids.astype(bool)), (".npy",), 2),
    "a channel a class": Coding(
        lambda path, ids, look, n: save(path, (ids[..., None] == np.arange(look.classes)).astype(np.uint8)), (".npy",)
    ),
    "64-bit numbers": Coding(lambda path, ids, look, n: save(path, ids.astype(np.int64)), (".npy",)),
    "alpha": Coding(lambda path, ids, look, n: save(path, _alpha(ids)), most=2),
    "grey with alpha": Coding(
        lambda path, ids, look, n: save(path, np.dstack([ids * np.uint8(255), np.full(ids.shape, 255, np.uint8)])),
        most=2,
    ),
}
"""The ways by name."""
