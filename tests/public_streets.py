"""Data sets of streets, trails and driving, as their authors lay them out."""

from pathlib import Path

import numpy as np
from PIL import Image

from folder_verdicts import TOGETHER, Meant
from pairloom.palette import CITYSCAPES_LABELS, VOID, UInt8Array
from public_makers import COLOURS, Dataset, Makers, as_is, coloured
from random_masks import street, with_void
from trees import label_ids, scenes

STREETS = Makers()
SPLITS = (("train", 6), ("val", 3))


def _cityscapes(data: Dataset, photographs: str, labels: str) -> None:
    """Write the files of the official tree below two folders, with all that the archives hold."""
    colours = np.zeros((256, 4), np.uint8)
    colours[:, 3] = 255
    train_ids = np.full(256, VOID, np.uint8)
    for label in CITYSCAPES_LABELS:
        if label.id >= 0:
            colours[label.id, :3], train_ids[label.id] = label.colour, label.train_id
    for split, cities in (("train", ("aachen", "bochum")), ("val", ("lindau",)), ("test", ("berlin",))):
        for n, (picture, ids) in enumerate(scenes(split, 64, 128)):
            official = np.full(ids.shape, 3, np.uint8) if split == "test" else label_ids(ids)
            city = cities[n % len(cities)]
            source = f"{photographs}/{split}/{city}/{city}_{n:06}_000019_leftImg8bit.png"
            base = f"{labels}/{split}/{city}/{city}_{n:06}_000019_gtFine"
            data.photograph(source, picture)
            data.write(f"{base}_labelIds.png", official)
            data.write(f"{base}_color.png", colours[official])
            data.write(f"{base}_instanceIds.png", official.astype(np.uint16) * 1000)
            data.json(f"{base}_polygons.json", {"imgHeight": 64, "imgWidth": 128, "objects": []})
            if split != "test":
                data.keep(split, source, f"{base}_labelIds.png", train_ids[official])


@STREETS.of("Cityscapes")
def _(root: Path) -> Meant:
    data = Dataset(root)
    _cityscapes(data, "leftImg8bit", "gtFine")
    data.text("README")
    data.text("license.txt")
    return data.meant(named=True)


@STREETS.of("Cityscapes, each archive in its folder")
def _(root: Path) -> Meant:
    data = Dataset(root)
    _cityscapes(data, "leftImg8bit_trainvaltest/leftImg8bit", "gtFine_trainvaltest/gtFine")
    for folder in ("leftImg8bit_trainvaltest", "gtFine_trainvaltest"):
        data.text(f"{folder}/README")
        data.text(f"{folder}/license.txt")
    return data.meant(named=True)


def _segnet_names() -> list[str]:
    return ["0001TP_009210", "0006R0_f00930", "0016E5_00390", "Seq05VD_f00000", "0001TP_006690", "0016E5_08540"]


CAMVID_COLOURS = np.array(
    [(128, 128, 128), (128, 0, 0), (192, 192, 128), (128, 64, 128), (0, 0, 192), (128, 128, 0), (0, 0, 0)], np.uint8
)
CAMVID_NAMES = ("Sky", "Building", "Column_Pole", "Road", "Sidewalk", "Tree", "Void")


def _camvid_scene(rng: np.random.Generator) -> tuple[UInt8Array, UInt8Array]:
    return street(rng, 48, 64, len(CAMVID_NAMES))


@STREETS.of("CamVid, all stills")
def _(root: Path) -> Meant:
    data, rng = Dataset(root), np.random.default_rng(1)
    for n, name in enumerate([*_segnet_names(), "Seq05VD_f00030", "Seq05VD_f00060"]):
        picture, ids = _camvid_scene(rng)
        source, target = f"701_StillsRaw_full/{name}.png", f"LabeledApproved_full/{name}_L.png"
        data.photograph(source, picture)
        data.write(target, CAMVID_COLOURS[ids])
        data.keep(TOGETHER, source, target, np.where(ids == 6, VOID, ids).astype(np.uint8))
        assert n < 8
    rows = [f"{r} {g} {b}\t\t{name}" for (r, g, b), name in zip(CAMVID_COLOURS.tolist(), CAMVID_NAMES, strict=True)]
    data.text("label_colors.txt", "\n".join(rows) + "\n")
    return data.meant(named=True)


@STREETS.of("CamVid from Kaggle")
def _(root: Path) -> Meant:
    data, rng = Dataset(root), np.random.default_rng(2)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for n in range(count):
            picture, ids = _camvid_scene(rng)
            name = f"0016E5_{30 * n + len(split):05}"
            source, target = f"CamVid/{split}/{name}.png", f"CamVid/{split}_labels/{name}_L.png"
            data.photograph(source, picture)
            data.write(target, CAMVID_COLOURS[ids])
            data.keep(split, source, target, np.where(ids == 6, VOID, ids).astype(np.uint8))
    rows = [f"{name},{r}, {g}, {b}" for (r, g, b), name in zip(CAMVID_COLOURS.tolist(), CAMVID_NAMES, strict=True)]
    data.text("CamVid/class_dict.csv", "name,r,g,b\n" + "\n".join(rows) + "\n")
    return data.meant(names=CAMVID_NAMES[:6])


@STREETS.of("CamVid of the SegNet tutorial")
def _(root: Path) -> Meant:
    data, rng = Dataset(root), np.random.default_rng(3)
    for split, count in (("train", 6), ("val", 3), ("test", 2)):
        rows = []
        for n in range(count):
            picture, ids = street(rng, 48, 64, 12)
            name = f"{('0001TP', '0006R0', '0016E5')[n % 3]}_{6690 + 30 * n + len(split):06}.png"
            data.photograph(f"CamVid/{split}/{name}", picture)
            data.write(f"CamVid/{split}annot/{name}", ids)
            classes = np.where(ids == 11, VOID, ids).astype(np.uint8)
            data.keep(split, f"CamVid/{split}/{name}", f"CamVid/{split}annot/{name}", classes)
            rows.append(f"/SegNet/CamVid/{split}/{name} /SegNet/CamVid/{split}annot/{name}\n")
        data.text(f"CamVid/{split}.txt", "".join(rows))
    return data.meant(named=True)


@STREETS.of("KITTI semantics")
def _(root: Path) -> list[Meant]:
    data, other = Dataset(root, classes=5), Dataset(root, classes=5)
    values = np.array([0, 7, 8, 11, 26], np.uint8)
    for n in range(8):
        name = f"{n:06}_10.png"
        ids = data.add("train", f"training/image_2/{name}", f"training/semantic/{name}", lambda i: values[i])
        data.write(f"training/semantic_rgb/{name}", coloured(ids))
        data.write(
            f"training/instance/{name}", (values[ids].astype(int) * 256 + (ids == 4) * (n + 1)).astype(np.uint16)
        )
        other.keep("train", f"training/image_2/{name}", f"training/semantic_rgb/{name}", ids)
        if n < 4:
            data.photograph(f"testing/image_2/{name}")
    refusals = ("semantic_rgb", "instance")
    return [data.meant(refusals=refusals), other.meant(refusals=refusals)]


@STREETS.of("BDD100K, segmentation of 2018")
def _(root: Path) -> list[Meant]:
    data, other = Dataset(root, classes=5), Dataset(root, classes=5)
    for split, count in SPLITS:
        for n in range(count):
            stem = f"{n:x}a1b2c3d-{len(split)}e4f5a6b"
            source, target = f"seg/images/{split}/{stem}.jpg", f"seg/labels/{split}/{stem}_train_id.png"
            ids = data.add(split, source, target, with_void)
            data.pairs[split][-1] = data.pairs[split][-1]._replace(classes=with_void(ids))
            colour_map = f"seg/color_labels/{split}/{stem}_train_color.png"
            data.write(colour_map, np.dstack([coloured(ids), np.full(ids.shape, 255, np.uint8)]))
            other.keep(split, source, colour_map, ids)
    for n in range(3):
        data.photograph(f"seg/images/test/{n:x}f-test.jpg")
    return [data.meant(refusals=("color_labels",)), other.meant(refusals=("color_labels",))]


@STREETS.of("BDD100K, segmentation of 2020")
def _(root: Path) -> list[Meant]:
    data, other = Dataset(root, classes=5), Dataset(root, classes=5)
    for split, count in SPLITS:
        for n in range(count):
            stem = f"{n:x}a1b2c3d-{len(split)}e4f5a6b"
            source = f"bdd100k/images/10k/{split}/{stem}.jpg"
            ids = data.add(split, source, f"bdd100k/labels/sem_seg/masks/{split}/{stem}.png", as_is)
            data.write(f"bdd100k/labels/sem_seg/colormaps/{split}/{stem}.png", coloured(ids))
            other.keep(split, source, f"bdd100k/labels/sem_seg/colormaps/{split}/{stem}.png", ids)
        data.json(f"bdd100k/labels/sem_seg/polygons/sem_seg_{split}.json", [])
    for n in range(3):
        data.photograph(f"bdd100k/images/10k/test/{n:x}f-test.jpg")
    return [each.meant(refusals=("colormaps",)) for each in (data, other)]


def _mapped(path: Path, ids: UInt8Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids)
    image.putpalette(COLOURS.ravel().tolist())
    image.save(path)


@STREETS.of("Mapillary Vistas 1.1")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=5)
    for split, spelled, count in (("train", "training", 6), ("val", "validation", 3)):
        for n in range(count):
            stem = f"{'-Ab_'[n % 4]}{n}CuFpVKkRW{len(split)}"
            picture, ids = data.scene()
            data.photograph(f"{spelled}/images/{stem}.jpg", picture)
            _mapped(root / f"{spelled}/labels/{stem}.png", ids)
            data.write(f"{spelled}/instances/{stem}.png", ids.astype(np.uint16) * 256 + (ids == 4))
            data.keep(split, f"{spelled}/images/{stem}.jpg", f"{spelled}/labels/{stem}.png", ids)
    for n in range(3):
        data.photograph(f"testing/images/t{n}.jpg")
    labels = [{"name": f"object--{n}", "readable": f"Object {n}", "color": COLOURS[n].tolist()} for n in range(5)]
    data.json("config.json", {"labels": labels, "version": "1.1", "folder_structure": "{split}/{content}/{image}"})
    data.text("LICENSE")
    return data.meant(refusals=("instances", "instance"))


@STREETS.of("Mapillary Vistas 2.0")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=5)
    for spelled in ("training", "validation"):
        for n in range(6):
            picture, ids = data.scene()
            data.photograph(f"{spelled}/images/m{n}.jpg", picture)
            _mapped(root / f"{spelled}/v1.2/labels/m{n}.png", np.minimum(ids, 3))
            _mapped(root / f"{spelled}/v2.0/labels/m{n}.png", ids)
            for version in ("v1.2", "v2.0"):
                data.write(f"{spelled}/{version}/instances/m{n}.png", ids.astype(np.uint16) * 256)
            data.json(f"{spelled}/v2.0/polygons/m{n}.json", {"width": 64, "height": 48, "objects": []})
    return Meant({}, must_refuse=True, refusals=("v2.0",))


@STREETS.of("RUGD")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for place in ("creek", "park-1", "trail"):
        for n in (1, 6, 11, 16):
            name = f"{place}/{place}_{n:05}.png"
            data.add(TOGETHER, f"RUGD_frames-with-annotations/{name}", f"RUGD_annotations/{name}", coloured)
    rows = [f"{n} kind{n} {r} {g} {b}" for n, (r, g, b) in enumerate(COLOURS.tolist())]
    data.text("RUGD_annotations/RUGD_annotation-colormap.txt", "\n".join(rows) + "\n")
    return data.meant()


@STREETS.of("UAVid")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for split, first, count in (("train", 1, 2), ("val", 16, 1)):
        for sequence in range(first, first + count):
            for n in range(0, 500, 100):
                base = f"uavid_{split}/seq{sequence}"
                data.add(split, f"{base}/Images/{n:06}.png", f"{base}/Labels/{n:06}.png", coloured)
    for n in range(0, 300, 100):
        data.photograph(f"uavid_test/seq21/Images/{n:06}.png")
    return data.meant()


@STREETS.of("IDD Lite")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=5)
    for split, count in SPLITS:
        for n in range(count):
            place = f"{n % 2}/{n:06}{len(split)}"
            source, target = f"idd20k_lite/leftImg8bit/{split}/{place}_image.jpg", f"idd20k_lite/gtFine/{split}/{place}"
            ids = data.add(split, source, f"{target}_label.png", with_void)
            data.pairs[split][-1] = data.pairs[split][-1]._replace(classes=with_void(ids))
            data.write(f"{target}_inst_label.png", (ids + np.uint8(n % 3) * (ids == 4)).astype(np.uint8))
    for n in range(3):
        data.photograph(f"idd20k_lite/leftImg8bit/test/0/{n:06}9_image.jpg")
    return data.meant(refusals=("inst_label",))


@STREETS.of("IDD, prepared")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=5)
    for split, count in SPLITS:
        for n in range(count):
            place = f"{split}/{n % 2}/{n:06}{len(split)}"
            data.add(
                split,
                f"IDD_Segmentation/leftImg8bit/{place}_leftImg8bit.png",
                f"IDD_Segmentation/gtFine/{place}_gtFine_labellevel3Ids.png",
                as_is,
            )
            data.json(f"IDD_Segmentation/gtFine/{place}_gtFine_polygons.json", {"imgHeight": 48, "objects": []})
    return data.meant()


@STREETS.of("GTA5")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for n in range(1, 9):
        picture, ids = data.scene()
        data.photograph(f"images/{n:05}.png", picture)
        _mapped(root / f"labels/{n:05}.png", ids)
        data.keep(TOGETHER, f"images/{n:05}.png", f"labels/{n:05}.png", ids)
    data.text("read_mapping.m")
    return data.meant()


@STREETS.of("SYNTHIA-RAND-CITYSCAPES")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for n in range(8):
        picture, ids = data.scene()
        data.photograph(f"RAND_CITYSCAPES/RGB/{n:07}.png", picture)
        data.write(f"RAND_CITYSCAPES/GT/COLOR/{n:07}.png", coloured(ids))
        data.write(f"RAND_CITYSCAPES/Depth/{n:07}.png", (ids.astype(np.uint16) + 3) * 1500)
        data.keep(TOGETHER, f"RAND_CITYSCAPES/RGB/{n:07}.png", f"RAND_CITYSCAPES/GT/COLOR/{n:07}.png", ids)
    return data.meant(refusals=("Depth",))


@STREETS.of("Freiburg Forest")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for split, count in (("train", 6), ("test", 4)):
        for n in range(count):
            stem = f"b{n % 3}-{9517 + 30 * n + len(split):05}"
            base = f"freiburg_forest_annotated/{split}"
            ids = data.add(split, f"{base}/rgb/{stem}_Clipped.jpg", f"{base}/GT_color/{stem}_mask.png", coloured)
            for kind in ("nir_color", "ndvi_color"):
                picture = np.roll(coloured(ids), 1, 2) // 2 + np.random.default_rng(n).integers(0, 90, (48, 64, 3))
                data.write(f"{base}/{kind}/{stem}.png", picture.astype(np.uint8))
    return data.meant(refusals=("GT_color",))
