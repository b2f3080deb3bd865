"""Polygons as annotation tools write them, with the class maps that they mean."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np
from PIL import Image, ImageDraw

from pairloom.palette import UInt8Array

Corners = Sequence[tuple[int, int]]
Shape = tuple[int, Corners]
"""The class, from 1, and the corners (x, y) of a polygon."""


class Annotated(NamedTuple):
    """A photograph with its polygons; the path counts from the data folder."""

    path: str
    height: int
    width: int
    shapes: Sequence[Shape]


def polygons(rng: np.random.Generator, height: int, width: int, classes: int) -> list[Shape]:
    """Draw one polygon in each quarter of an image; none covers another."""
    found: list[Shape] = []
    for quarter in range(4):
        top, left = (height // 2) * (quarter // 2), (width // 2) * (quarter % 2)
        tall, wide = height // 2 - 4, width // 2 - 4
        inset = rng.integers(0, min(tall, wide) // 4, 8)
        corners = [
            (int(left + 2 + inset[0]), int(top + 2 + inset[1])),
            (int(left + 2 + wide - inset[2]), int(top + 2 + inset[3])),
            (int(left + 2 + wide - inset[4]), int(top + 2 + tall - inset[5])),
            (int(left + 2 + inset[6]), int(top + 2 + tall - inset[7])),
        ]
        found.append((1 + quarter % (classes - 1), corners))
    return found


def filled(height: int, width: int, shapes: Sequence[Shape]) -> UInt8Array:
    """Return the class map, H×W, of polygons on 0."""
    image = Image.new("L", (width, height))
    for number, corners in shapes:
        ImageDraw.Draw(image).polygon([(float(x), float(y)) for x, y in corners], fill=number)
    return np.asarray(image)


def _flat(corners: Corners) -> list[float]:
    return [float(value) for corner in corners for value in corner]


def _box(corners: Corners) -> list[float]:
    xs, ys = zip(*corners, strict=True)
    return [float(min(xs)), float(min(ys)), float(max(xs) - min(xs)), float(max(ys) - min(ys))]


def coco(folder: Path, images: Sequence[Annotated], names: Sequence[str], file: str = "_annotations.coco.json") -> None:
    """Write one file of the COCO format for all images; file names count from its folder."""
    marks: list[dict[str, object]] = []
    for number, image in enumerate(images):
        for label, corners in image.shapes:
            box = _box(corners)
            marks.append(
                {"id": len(marks) + 1, "image_id": number, "category_id": label, "iscrowd": 0, "area": box[2] * box[3],
                 "bbox": box, "segmentation": [_flat(corners)]}
            )  # fmt: skip
    record: dict[str, object] = {
        "info": {"description": "exported"},
        "licenses": [],
        "images": [
            {"id": number, "file_name": Path(image.path).name, "height": image.height, "width": image.width}
            for number, image in enumerate(images)
        ],
        "annotations": marks,
        "categories": [{"id": 1 + n, "name": name, "supercategory": "none"} for n, name in enumerate(names)],
    }
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).write_text(json.dumps(record), encoding="utf-8")


def labelme(path: Path, image: Annotated, names: Sequence[str]) -> None:
    """Write one LabelMe file."""
    record: dict[str, object] = {
        "version": "5.5.0", "flags": {}, "imagePath": Path(image.path).name, "imageData": None,
        "imageHeight": image.height, "imageWidth": image.width,
        "shapes": [
            {"label": names[label - 1], "points": [[float(x), float(y)] for x, y in corners], "group_id": None,
             "shape_type": "polygon", "flags": {}}
            for label, corners in image.shapes
        ],
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2), encoding="utf-8")


def yolo(path: Path, image: Annotated) -> None:
    """Write one file of YOLO polygons, in fractions of the size; classes count from 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{label - 1} " + " ".join(f"{x / image.width:.6f} {y / image.height:.6f}" for x, y in corners)
        for label, corners in image.shapes
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def cvat(path: Path, images: Sequence[Annotated], names: Sequence[str]) -> None:
    """Write `annotations.xml` of CVAT for images 1.1."""
    rows = [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<annotations>",
        "  <version>1.1</version>",
        "  <meta><task><labels>",
    ]
    rows += [f"    <label><name>{name}</name><color>#{40 * n:02x}8040</color></label>" for n, name in enumerate(names)]
    rows.append("  </labels></task></meta>")
    for number, image in enumerate(images):
        name = quoteattr(Path(image.path).name)
        rows.append(f'  <image id="{number}" name={name} width="{image.width}" height="{image.height}">')
        for label, corners in image.shapes:
            points = ";".join(f"{x:.2f},{y:.2f}" for x, y in corners)
            rows.append(
                f'    <polygon label={quoteattr(names[label - 1])} source="manual" occluded="0" points="{points}" '
                'z_order="0"></polygon>'
            )
        rows.append("  </image>")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*rows, "</annotations>"]) + "\n", encoding="utf-8")


def label_studio(path: Path, images: Sequence[Annotated], names: Sequence[str]) -> None:
    """Write Label Studio's JSON export: points in per cent of the size."""
    tasks = []
    for number, image in enumerate(images):
        results = [
            {"id": f"r{number}{index}", "type": "polygonlabels", "from_name": "label", "to_name": "image",
             "original_width": image.width, "original_height": image.height, "image_rotation": 0,
             "value": {"points": [[100 * x / image.width, 100 * y / image.height] for x, y in corners], "closed": True,
                       "polygonlabels": [names[label - 1]]}}
            for index, (label, corners) in enumerate(image.shapes)
        ]  # fmt: skip
        uploaded = f"/data/upload/1/{number:08x}-{Path(image.path).name}"
        tasks.append(
            {"id": number + 1, "file_upload": uploaded.rsplit("/", 1)[-1], "data": {"image": uploaded},
             "annotations": [{"id": number + 1, "was_cancelled": False, "result": results}], "predictions": []}
        )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(tasks), encoding="utf-8")


Targets = Mapping[str, str]
"""The annotation file of each photograph; both count from the data folder."""
Writer = Callable[[Path, Sequence[Annotated], Sequence[str]], Targets]


def _coco_beside(root: Path, images: Sequence[Annotated], names: Sequence[str]) -> Targets:
    """As Roboflow exports COCO: one file in each folder of images."""
    targets: dict[str, str] = {}
    for folder in dict.fromkeys(Path(image.path).parent for image in images):
        inside = [image for image in images if Path(image.path).parent == folder]
        coco(root / folder, inside, names)
        targets |= {image.path: (folder / "_annotations.coco.json").as_posix() for image in inside}
    return targets


def _labelme_beside(root: Path, images: Sequence[Annotated], names: Sequence[str]) -> Targets:
    targets: dict[str, str] = {}
    for image in images:
        path = Path(image.path).with_name(Path(image.path).stem + ".json")
        labelme(root / path, image, names)
        targets[image.path] = path.as_posix()
    return targets


def _yolo_beside(root: Path, images: Sequence[Annotated], names: Sequence[str]) -> Targets:
    """As many export it: text files beside the images, names in `data.yaml`."""
    targets: dict[str, str] = {}
    for image in images:
        path = Path(image.path).with_name(Path(image.path).stem + ".txt")
        yolo(root / path, image)
        targets[image.path] = path.as_posix()
    rows = "".join(f"  {n}: {name}\n" for n, name in enumerate(names))
    (root / "data.yaml").write_text(f"nc: {len(names)}\nnames:\n{rows}", encoding="utf-8")
    return targets


def _cvat_beside(root: Path, images: Sequence[Annotated], names: Sequence[str]) -> Targets:
    targets: dict[str, str] = {}
    for folder in dict.fromkeys(Path(image.path).parent for image in images):
        inside = [image for image in images if Path(image.path).parent == folder]
        cvat(root / folder / "annotations.xml", inside, names)
        targets |= {image.path: (folder / "annotations.xml").as_posix() for image in inside}
    return targets


def _label_studio_beside(root: Path, images: Sequence[Annotated], names: Sequence[str]) -> Targets:
    targets: dict[str, str] = {}
    for folder in dict.fromkeys(Path(image.path).parent for image in images):
        inside = [image for image in images if Path(image.path).parent == folder]
        label_studio(root / folder / "project-1-at-2024-05-01.json", inside, names)
        targets |= {image.path: (folder / "project-1-at-2024-05-01.json").as_posix() for image in inside}
    return targets


TOOLS: Mapping[str, Writer] = {
    "labelme": _labelme_beside,
    "coco": _coco_beside,
    "yolo": _yolo_beside,
    "cvat": _cvat_beside,
    "label studio": _label_studio_beside,
}
"""Annotation tools, each writing its files beside the photographs."""
