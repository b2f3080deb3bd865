"""What the miniatures of public data sets are made with."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from folder_verdicts import TOGETHER, Meant, MeantPair
from pairloom.palette import UInt8Array
from random_masks import Array, photograph, save, save_photograph, shapes

COLOURS = np.array(
    [(0, 0, 0), (128, 64, 128), (244, 35, 232), (70, 130, 180), (220, 20, 60), (0, 0, 142), (107, 142, 35),
     (250, 170, 30)],
    np.uint8,
)  # fmt: skip


class Dataset:
    """Writes a data set's files, and keeps which are meant as pairs.

    Args:
        root: its folder.
        classes: in its scenes.
        size: of its scenes, height and width.
    """

    def __init__(self, root: Path, classes: int = 2, size: tuple[int, int] = (48, 64)) -> None:
        self.root, self.classes, self.size = root, classes, size
        self.pairs: dict[str, list[MeantPair]] = {}
        self._rng = np.random.default_rng([len(root.name), classes])

    def scene(self) -> tuple[UInt8Array, UInt8Array]:
        """Draw a photograph (H×W×3) and its class map (H×W)."""
        ids = shapes(self._rng, *self.size, self.classes)
        return photograph(self._rng, ids), ids

    def write(self, path: str, array: Array, **options: Any) -> None:
        """Write an array to an image file by its ending."""
        save(self.root / path, array, **options)

    def photograph(self, path: str, picture: UInt8Array | None = None) -> None:
        """Write a photograph, a new one where none is given."""
        save_photograph(self.root / path, self.scene()[0] if picture is None else picture)

    def text(self, path: str, content: str = "\n") -> None:
        """Write a text file."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(content, encoding="utf-8")

    def json(self, path: str, record: object) -> None:
        """Write a JSON file."""
        self.text(path, json.dumps(record))

    def keep(self, split: str, source: str, target: str | Sequence[str], classes: UInt8Array | None) -> None:
        """Note what is meant as a pair."""
        targets = (target,) if isinstance(target, str) else tuple(target)
        self.pairs.setdefault(split, []).append(MeantPair(source, targets, classes))

    def add(
        self, split: str, source: str, target: str, code: Callable[[UInt8Array], Array], **options: Any
    ) -> UInt8Array:
        """Write a pair, its class map changed by `code`; return the class map."""
        picture, ids = self.scene()
        self.photograph(source, picture)
        self.write(target, code(ids), **options)
        self.keep(split, source, target, ids)
        return ids

    def add_pictures(self, split: str, source: str, target: str) -> None:
        """Write a pair of pictures: the source is darker."""
        picture, _ = self.scene()
        self.photograph(source, (picture * 0.35).astype(np.uint8))
        self.photograph(target, picture)
        self.keep(split, source, target, None)

    def meant(self, **options: Any) -> Meant:
        """Return what is meant: the pairs noted so far, and whatever else is named."""
        return Meant(dict(self.pairs), **options)

    def together(self, **options: Any) -> Meant:
        """Return the same with no splits."""
        return Meant({TOGETHER: [pair for pairs in self.pairs.values() for pair in pairs]}, **options)


def as_is(ids: UInt8Array) -> UInt8Array:
    """Save numbers."""
    return ids


def white(ids: UInt8Array) -> UInt8Array:
    """Save 0 and 255."""
    levels: UInt8Array = ids * np.uint8(255)
    return levels


def white_rgb(ids: UInt8Array) -> UInt8Array:
    """Save black and white in three channels."""
    return np.repeat(ids[..., None] * np.uint8(255), 3, axis=2)


def coloured(ids: UInt8Array) -> UInt8Array:
    """Save in colours."""
    painted: UInt8Array = COLOURS[ids]
    return painted


def disc(height: int, width: int) -> UInt8Array:
    """Return the field of view of a round lens: 0 and 255."""
    y, x = np.mgrid[:height, :width]
    inside = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (min(height, width) / 2 - 1) ** 2
    return white(inside.astype(np.uint8))


Maker = Callable[[Path], Meant | Sequence[Meant]]
"""Writes a data set to a folder; returns what it means, or several meanings of which each is right."""


class Makers(dict[str, Maker]):
    """A table of makers by the name of the data set."""

    def of(self, name: str) -> Callable[[Maker], Maker]:
        """Take a maker in under a name."""

        def keep(make: Maker) -> Maker:
            self[name] = make
            return make

        return keep
