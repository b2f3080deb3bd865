"""What annotation tools and their hubs export, as it lies on disk."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from folder_verdicts import TOGETHER, Meant
from pairloom.palette import UInt8Array
from public_makers import COLOURS, Dataset, Makers, as_is
from random_annotations import Annotated, coco, cvat, filled, label_studio, labelme, polygons, yolo
from random_masks import photograph, save_photograph

EXPORTS = Makers()
NAMES = ("cell", "nucleus")
ALL_NAMES = ("background", *NAMES)
ROBOFLOW = (("train", "train", 6), ("val", "valid", 3), ("test", "test", 3))


class _Annotation:
    """Photographs with polygons, and the class maps that these mean."""

    def __init__(self, root: Path) -> None:
        self.data, self._rng = Dataset(root), np.random.default_rng(9)
        self.classes: dict[str, UInt8Array] = {}

    def photograph(self, path: str) -> Annotated:
        """Write a photograph and return its polygons."""
        shapes = polygons(self._rng, 48, 64, 3)
        ids = filled(48, 64, shapes)
        save_photograph(self.data.root / path, photograph(self._rng, ids))
        self.classes[path] = ids
        return Annotated(path, 48, 64, shapes)

    def keep(self, split: str, path: str, target: str) -> None:
        """Note what is meant."""
        self.data.keep(split, path, target, self.classes[path])

    def meant(self, names: Sequence[str] = ALL_NAMES, refusals: Sequence[str] = ()) -> Meant:
        """Return what is meant."""
        return self.data.meant(near=True, names=tuple(names), refusals=tuple(refusals))


@EXPORTS.of("Roboflow, COCO segmentation")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    for split, folder, count in ROBOFLOW:
        images = [marks.photograph(f"{folder}/img{n}_jpg.rf.{n:032x}.jpg") for n in range(count)]
        coco(root / folder, images, NAMES)
        path = root / folder / "_annotations.coco.json"
        record = json.loads(path.read_text())
        record["categories"].insert(0, {"id": 0, "name": "cells", "supercategory": "none"})
        path.write_text(json.dumps(record))
        for image in images:
            marks.keep(split, image.path, f"{folder}/_annotations.coco.json")
    for name in ("README.dataset.txt", "README.roboflow.txt"):
        marks.data.text(name)
    return marks.data.meant(near=True, named=True)


@EXPORTS.of("Roboflow, YOLOv8 segmentation")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    for split, folder, count in ROBOFLOW:
        for n in range(count):
            stem = f"img{n}_jpg.rf.{n:032x}"
            image = marks.photograph(f"{folder}/images/{stem}.jpg")
            yolo(root / f"{folder}/labels/{stem}.txt", image)
            marks.keep(split, image.path, f"{folder}/labels/{stem}.txt")
    paths = "train: ../train/images\nval: ../valid/images\ntest: ../test/images\n"
    marks.data.text("data.yaml", f"{paths}\nnc: 2\nnames: ['cell', 'nucleus']\n")
    marks.data.text("README.roboflow.txt")
    return marks.meant()


@EXPORTS.of("Roboflow, semantic masks")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=3)
    for split, folder, count in ROBOFLOW:
        for n in range(count):
            stem = f"{folder}/img{n}_jpg.rf.{n:032x}"
            data.add(split, f"{stem}.jpg", f"{stem}_mask.png", as_is)
        data.text(f"{folder}/_classes.csv", "Pixel Value, Class\n0, background\n1, cell\n2, nucleus\n")
    data.text("README.dataset.txt")
    return data.meant(names=ALL_NAMES)


@EXPORTS.of("Roboflow, boxes")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for folder in ("train", "valid"):
        for n in range(5):
            data.photograph(f"{folder}/images/b{n}.jpg")
            data.text(f"{folder}/labels/b{n}.txt", "0 0.5 0.5 0.25 0.3\n1 0.2 0.2 0.1 0.1\n")
    data.text("data.yaml", "train: ../train/images\nval: ../valid/images\nnc: 2\nnames: ['cell', 'nucleus']\n")
    return Meant({}, must_refuse=True, refusals=("box",))


@EXPORTS.of("CVAT for images 1.1")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    images = [marks.photograph(f"images/frame_{n:06}.png") for n in range(8)]
    cvat(root / "annotations.xml", images, NAMES)
    for image in images:
        marks.keep(TOGETHER, image.path, "annotations.xml")
    return marks.meant()


@EXPORTS.of("CVAT, COCO 1.0")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    images = [marks.photograph(f"images/frame_{n:06}.jpg") for n in range(8)]
    coco(root, images, NAMES, "annotations/instances_default.json")
    for image in images:
        marks.keep(TOGETHER, image.path, "annotations/instances_default.json")
    return marks.meant()


@EXPORTS.of("CVAT, segmentation mask 1.1")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=3)
    stems = [f"frame_{n:06}" for n in range(8)]
    for stem in stems:
        picture, ids = data.scene()
        data.photograph(f"JPEGImages/{stem}.jpg", picture)
        data.write(f"SegmentationClass/{stem}.png", COLOURS[ids])
        data.write(f"SegmentationObject/{stem}.png", COLOURS[np.where(ids > 0, ids + 2 * (np.arange(64) > 32), 0)])
        data.keep(TOGETHER, f"JPEGImages/{stem}.jpg", f"SegmentationClass/{stem}.png", ids)
    rows = [f"{name}:{r},{g},{b}::" for name, (r, g, b) in zip(ALL_NAMES, COLOURS[:3].tolist(), strict=True)]
    data.text("labelmap.txt", "# label:color_rgb:parts:actions\n" + "\n".join(rows) + "\n")
    data.text("ImageSets/Segmentation/default.txt", "".join(f"{stem}\n" for stem in stems))
    return data.meant(names=ALL_NAMES)


@EXPORTS.of("CVAT, Ultralytics YOLO segmentation")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    paths = []
    for n in range(8):
        image = marks.photograph(f"images/train/frame_{n:06}.png")
        yolo(root / f"labels/train/frame_{n:06}.txt", image)
        marks.keep("train", image.path, f"labels/train/frame_{n:06}.txt")
        paths.append(f"data/{image.path}\n")
    marks.data.text("train.txt", "".join(paths))
    marks.data.text("data.yaml", "names:\n  0: cell\n  1: nucleus\npath: .\ntrain: train.txt\n")
    return marks.meant()


@EXPORTS.of("CVAT, Pascal VOC boxes")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(6):
        data.photograph(f"JPEGImages/frame_{n:06}.jpg")
        box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox>"
        record = (
            f"<annotation><filename>frame_{n:06}.jpg</filename><object><name>cell</name>{box}</object></annotation>"
        )
        data.text(f"Annotations/frame_{n:06}.xml", record)
    data.text("ImageSets/Main/default.txt", "".join(f"frame_{n:06}\n" for n in range(6)))
    data.text("labelmap.txt", "# label:color_rgb:parts:actions\ncell:128,0,0::\n")
    return Meant({}, must_refuse=True, refusals=("box",))


@EXPORTS.of("Label Studio, JSON beside the uploads")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    images = [marks.photograph(f"images/scan {n}.jpg") for n in range(8)]
    label_studio(root / "project-3-at-2024-05-01-10-00-0a1b2c3d.json", images, NAMES)
    for image in images:
        marks.keep(TOGETHER, image.path, "project-3-at-2024-05-01-10-00-0a1b2c3d.json")
    return marks.meant()


@EXPORTS.of("Label Studio, COCO")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    images = [marks.photograph(f"images/{n:08x}-scan.jpg") for n in range(8)]
    coco(root, images, NAMES, "result.json")
    record = json.loads((root / "result.json").read_text())
    for entry in record["images"]:
        entry["file_name"] = f"images\\{entry['file_name']}"  # as its users on Windows get it
    for entry in (*record["annotations"], *record["categories"]):
        place = "category_id" if "category_id" in entry else "id"
        entry[place] -= 1
    (root / "result.json").write_text(json.dumps(record))
    for image in images:
        marks.keep(TOGETHER, image.path, "result.json")
    return marks.meant()


@EXPORTS.of("Label Studio, masks without photographs")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(6):
        for name in NAMES:
            ids = data.scene()[1]
            data.write(f"task-{n}-annotation-{n + 3}-by-1-tag-{name}-0.png", ids * np.uint8(255))
    return Meant({}, must_refuse=True)


@EXPORTS.of("LabelMe")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    for n in range(8):
        image = marks.photograph(f"2011_{n:06}.jpg")
        labelme(root / f"2011_{n:06}.json", image, NAMES)
        marks.keep(TOGETHER, image.path, f"2011_{n:06}.json")
    return marks.meant()


@EXPORTS.of("LabelMe, in folders of their own")
def _(root: Path) -> Meant:
    marks = _Annotation(root)
    for n in range(8):
        image = marks.photograph(f"images/2011_{n:06}.jpg")
        path = root / f"annotations/2011_{n:06}.json"
        labelme(path, image, NAMES)
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "imagePath": f"..\\images\\2011_{n:06}.jpg"}))
        marks.keep(TOGETHER, image.path, f"annotations/2011_{n:06}.json")
    return marks.meant()


def _labelme_voc(root: Path, more: Callable[[Dataset, str, UInt8Array, UInt8Array], None]) -> Dataset:
    data = Dataset(root, classes=3)
    for n in range(8):
        stem = f"2011_{n:06}"
        picture, ids = data.scene()
        data.photograph(f"data_dataset_voc/JPEGImages/{stem}.jpg", picture)
        path = root / f"data_dataset_voc/SegmentationClassPNG/{stem}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(ids)
        image.putpalette(COLOURS.ravel().tolist())
        image.save(path)
        more(data, stem, picture, ids)
        data.keep(TOGETHER, f"data_dataset_voc/JPEGImages/{stem}.jpg", path.relative_to(root).as_posix(), ids)
    data.text("data_dataset_voc/class_names.txt", "_background_\ncell\nnucleus\n")
    return data


@EXPORTS.of("LabelMe, made into VOC")
def _(root: Path) -> Meant:
    def more(data: Dataset, stem: str, picture: UInt8Array, ids: UInt8Array) -> None:
        data.write(f"data_dataset_voc/SegmentationClass/{stem}.npy", ids.astype(np.int32))
        painted = (picture * 0.5 + COLOURS[ids] * 0.5).astype(np.uint8)
        data.write(f"data_dataset_voc/SegmentationClassVisualization/{stem}.jpg", painted)

    return _labelme_voc(root, more).meant(named=True, refusals=("SegmentationClassPNG",))


@EXPORTS.of("LabelMe, a folder a picture")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=3)
    for n in range(8):
        base = f"img{n}_json"
        picture, ids = data.scene()
        data.photograph(f"{base}/img.png", picture)
        image = Image.fromarray(ids)
        image.putpalette(COLOURS.ravel().tolist())
        image.save(root / f"{base}/label.png")
        data.write(f"{base}/label_viz.png", (picture * 0.5 + COLOURS[ids] * 0.5).astype(np.uint8))
        data.text(f"{base}/label_names.txt", "_background_\ncell\nnucleus\n")
        data.keep(TOGETHER, f"{base}/img.png", f"{base}/label.png", ids)
    return data.meant(named=True, refusals=("label_viz",))
