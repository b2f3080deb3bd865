"""Folders of annotated images for tests, and how they are read."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.path import Path as Outline
from numpy.typing import NDArray
from PIL import Image

from pairloom.data.annotations import AnnotationReader, AnnotationSet, find_annotations, match_references
from pairloom.data.layouts import Part
from pairloom.images import UInt8Array, is_image

GOLDEN = Path(__file__).parent / "data/annotations/golden"


def save_image(path: Path, height: int, width: int) -> None:
    """Write a grey image."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), 128, np.uint8)).save(path)


def write_json(path: Path, record: object) -> None:
    """Write JSON, with the folder around it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")


def find_in(root: Path) -> list[AnnotationSet]:
    """Find the annotations of a folder."""
    return find_annotations([path for path in root.rglob("*") if path.is_file() and not is_image(path)])


def only_set(root: Path) -> AnnotationSet:
    """Return the only set of annotations of a folder."""
    (found,) = find_in(root)
    return found


def read_all(
    root: Path, background: Literal["class", "void"] = "class"
) -> tuple[AnnotationReader, dict[str, UInt8Array]]:
    """Read the class maps of a folder by the names of its images."""
    found = only_set(root)
    images = sorted(path for path in root.rglob("*") if is_image(path))
    reader = AnnotationReader(found, background)
    matches = match_references(found.references, images, root)
    return reader, {
        image.name: reader.read(Part(reference.file, entry=reference.entry, image=image))
        for reference, image in matches.items()
    }


def golden(name: str) -> tuple[Any, tuple[str, ...], UInt8Array]:
    """Return a file that a tool reads, the classes, and the class map that the tool's own library makes of it."""
    record: Mapping[str, Any] = json.loads((GOLDEN / name).read_text(encoding="utf-8"))
    rows: Sequence[str] = record["class map"]
    ids = np.array([[0 if letter == "." else int(letter) for letter in row] for row in rows], np.uint8)
    return record["file"], tuple(record["classes"]), ids


def coverage(points: NDArray[np.float64], height: int, width: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pixels' centres lie in a polygon, N×2 (x, y), and which lie within 1.5 pixels of its outline."""
    y, x = np.mgrid[:height, :width] + 0.5
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    inside = Outline(np.vstack([points, points[:1]])).contains_points(centres)
    near = np.zeros(len(centres), dtype=np.bool_)
    for begin, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        along = end - begin
        share = np.clip((centres - begin) @ along / max(float(along @ along), 1e-9), 0, 1)
        near |= np.hypot(*(centres - begin - share[:, None] * along).T) <= 1.5
    return inside.reshape(height, width), near.reshape(height, width)


def assert_covers(mask: NDArray[np.bool_], points: NDArray[np.float64]) -> None:
    """Check that a mask is a polygon's, but for pixels at its outline."""
    inside, near = coverage(points, *mask.shape)
    assert (mask == inside)[~near].all()
    assert not (mask & ~inside & ~near).any()
