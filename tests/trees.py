"""Generated data sets in every layout, as users have them on their disks."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import LayoutName
from pairloom.palette import CAMVID, CITYSCAPES, CITYSCAPES_LABELS, VOID, UInt8Array
from pairloom.streets import draw_street

Scene = tuple[UInt8Array, UInt8Array]
"""Photograph (H×W×3) and train ids (H×W)."""

COUNTS = {"train": 5, "val": 2}


def scenes(split: str, height: int = 40, width: int = 64, *, counts: Mapping[str, int] = COUNTS) -> list[Scene]:
    """The street scenes of a split; no two splits share one."""
    first = {"train": 0, "val": 1000, "test": 2000}[split]
    return [_drawn(first + index, height, width) for index in range(counts.get(split, 1))]


@cache
def _drawn(index: int, height: int, width: int) -> Scene:
    photograph, ids = draw_street(0, index, height, width)
    photograph.flags.writeable = ids.flags.writeable = False  # others get the same arrays
    return photograph, ids


def save(path: Path, image: NDArray[np.uint8 | np.uint16]) -> Path:
    """Write an image file, and its folder where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)
    return path


def side_by_side(root: Path) -> None:
    """`train/0000.png` with the photograph on the left, its colours on the right."""
    for split in COUNTS:
        for index, (photograph, ids) in enumerate(scenes(split)):
            both = np.concatenate([photograph, CITYSCAPES.to_colours(ids)], axis=1)
            save(root / split / f"{index:04d}.png", both)


def two_folders(root: Path) -> None:
    """`images/train/0000.jpg` and `masks/train/0000.png` with train ids."""
    for split in COUNTS:
        for index, (photograph, ids) in enumerate(scenes(split)):
            save(root / "images" / split / f"{index:04d}.jpg", photograph)
            save(root / "masks" / split / f"{index:04d}.png", ids)


def manifest(root: Path) -> None:
    """`manifest.csv` with photographs and coloured maps in folders of their own."""
    rows = []
    for split in COUNTS:
        for index, (photograph, ids) in enumerate(scenes(split)):
            name = f"{split}-{index}"
            save(root / "photos" / f"{name}.png", photograph)
            save(root / "maps" / f"coloured-{name}.png", CITYSCAPES.to_colours(ids))
            rows.append((f"photos/{name}.png", f"maps/coloured-{name}.png", split))
    write_manifest(root / "manifest.csv", rows)


def write_manifest(path: Path, rows: Sequence[tuple[str, str, str]]) -> None:
    """Write rows of source, target and split as CSV or JSON lines."""
    names = ("source", "target", "split")
    with path.open("w", newline="", encoding="utf-8") as file:
        if path.suffix == ".csv":
            writer = csv.writer(file)
            writer.writerows([names, *rows])
        else:
            file.writelines(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in rows)


def camvid(root: Path) -> None:
    """CamVid's folders and names; the classes of a scene are taken by name, others are void."""
    ids_of = {name: CAMVID.index(name) if name in CAMVID.names else 11 for name in CITYSCAPES.names}
    table = np.full(256, 11, dtype=np.uint8)
    table[: len(CITYSCAPES)] = [ids_of[name] for name in CITYSCAPES.names]
    for split in COUNTS:
        for index, (photograph, ids) in enumerate(scenes(split)):
            save(root / split / f"0016E5_{index:05d}.png", photograph)
            save(root / f"{split}annot" / f"0016E5_{index:05d}.png", table[ids])


def label_ids(ids: UInt8Array) -> UInt8Array:
    """Official label ids of train ids (H×W): void becomes the labels that official files have there."""
    table = np.zeros(256, dtype=np.uint8)
    table[: len(CITYSCAPES)] = CITYSCAPES.values
    labels: UInt8Array = table[ids]
    rows = len(labels)
    labels[-max(1, rows // 10) :] = 1  # ego vehicle
    labels[:1] = 3  # out of roi
    labels[rows // 2, :4] = [4, 9, 18, 29]  # static, parking, polegroup, caravan
    return labels


def cityscapes(root: Path, kinds: Sequence[str] = ("labelIds", "labelTrainIds", "color", "instanceIds")) -> None:
    """The official tree, with names, ids, colours and alpha as official files have them; test labels are dummies."""
    by_id = {label.id: label for label in CITYSCAPES_LABELS if label.id >= 0}
    train_ids, colours = np.full(256, VOID, np.uint8), np.zeros((256, 4), np.uint8)
    colours[:, 3] = 255
    for number, label in by_id.items():
        train_ids[number] = label.train_id
        colours[number, :3] = label.colour
    for split, cities in (("train", ("aachen", "bochum")), ("val", ("lindau",)), ("test", ("berlin",))):
        for index, (photograph, ids) in enumerate(scenes(split, 64, 128)):
            city = cities[index % len(cities)]
            name = f"{city}_{index:06d}_000019"
            labels = np.full(ids.shape, 3, dtype=np.uint8) if split == "test" else label_ids(ids)
            save(root / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png", photograph)
            files: dict[str, NDArray[np.uint8 | np.uint16]] = {
                "labelIds": labels,
                "labelTrainIds": train_ids[labels],
                "color": colours[labels],
                "instanceIds": labels.astype(np.uint16) * (1000 if index else 1),
            }
            for kind in kinds:
                save(root / "gtFine" / split / city / f"{name}_gtFine_{kind}.png", files[kind])


WRITERS: Mapping[LayoutName, Callable[[Path], None]] = {
    "side-by-side": side_by_side,
    "two-folders": two_folders,
    "manifest": manifest,
    "camvid": camvid,
    "cityscapes": cityscapes,
}
"""A data set in each layout, by its name."""
