"""Data sets of things, people and rooms, and competitions, as their authors lay them out."""

from itertools import chain
from pathlib import Path

import numpy as np
from PIL import Image

from folder_verdicts import TOGETHER, Meant
from pairloom.palette import VOID, UInt8Array
from public_makers import Dataset, Makers, as_is, white
from random_annotations import Annotated, coco, filled, polygons
from random_masks import photograph, save_photograph, with_void

GENERAL = Makers()


@GENERAL.of("Oxford-IIIT Pet")
def _(root: Path) -> list[Meant]:
    data = Dataset(root, classes=3)
    lists: dict[str, list[str]] = {"trainval": [], "test": []}
    for n in range(10):
        stem = f"{('Abyssinian', 'american_bulldog')[n % 2]}_{n + 1}"
        split, listed = ("train", "trainval") if n < 7 else ("test", "test")
        data.add(split, f"images/{stem}.jpg", f"annotations/trimaps/{stem}.png", lambda ids: ids + 1)
        (root / f"annotations/trimaps/._{stem}.png").write_bytes(b"\x00\x05\x16\x07Mac OS X")
        data.text(f"annotations/xmls/{stem}.xml", "<annotation><object><name>cat</name></object></annotation>")
        lists[listed].append(f"{stem} {n % 2 + 1} {n % 2 + 1} 1\n")
    for name, rows in lists.items():
        data.text(f"annotations/{name}.txt", "".join(rows))
    data.text("annotations/list.txt", "#Image CLASS-ID SPECIES BREED ID\n" + "".join(chain(*lists.values())))
    data.text("annotations/README")
    (root / "images/Abyssinian_100.mat").write_bytes(b"MATLAB 5.0")
    return [data.meant(), data.together()]


def _voc_table() -> list[int]:
    table = np.zeros((256, 3), np.uint8)
    for n in range(256):
        for bit in range(8):
            for channel in range(3):
                table[n, channel] |= ((n >> (3 * bit + channel)) & 1) << (7 - bit)
    return [int(level) for level in table.ravel()]


def _mapped(path: Path, ids: UInt8Array) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(ids)
    image.putpalette(_voc_table())
    image.save(path)


@GENERAL.of("Pascal VOC 2012")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=5)
    base = "VOCdevkit/VOC2012"
    stems: dict[str, list[str]] = {"train": [], "val": []}
    for n in range(9):
        split = "train" if n < 6 else "val"
        stem = f"2007_{32 + 7 * n:06}"
        picture, ids = data.scene()
        classes = with_void(ids)
        data.photograph(f"{base}/JPEGImages/{stem}.jpg", picture)
        _mapped(root / f"{base}/SegmentationClass/{stem}.png", classes)
        numbers = np.where(classes == VOID, VOID, np.where(ids > 0, 1 + (np.arange(64) > 32), 0)).astype(np.uint8)
        _mapped(root / f"{base}/SegmentationObject/{stem}.png", numbers)
        data.text(f"{base}/Annotations/{stem}.xml", "<annotation><segmented>1</segmented></annotation>")
        data.keep(split, f"{base}/JPEGImages/{stem}.jpg", f"{base}/SegmentationClass/{stem}.png", classes)
        stems[split].append(stem)
    for n in range(12):  # most photographs have boxes only
        data.photograph(f"{base}/JPEGImages/2008_{n:06}.jpg")
        data.text(f"{base}/Annotations/2008_{n:06}.xml", "<annotation><segmented>0</segmented></annotation>")
    for split, names in (*stems.items(), ("trainval", [*stems["train"], *stems["val"]])):
        data.text(f"{base}/ImageSets/Segmentation/{split}.txt", "".join(f"{name}\n" for name in names))
        data.text(f"{base}/ImageSets/Main/aeroplane_{split}.txt", "".join(f"{name} -1\n" for name in names))
        data.text(f"{base}/ImageSets/Main/{split}.txt", "".join(f"2008_{n:06}\n" for n in range(12)))
    return data.meant()


@GENERAL.of("COCO 2017")
def _(root: Path) -> Meant:
    data, rng = Dataset(root), np.random.default_rng(5)
    for split, count in (("train", 6), ("val", 3)):
        images = []
        for n in range(count):
            shapes = polygons(rng, 48, 64, 3)
            ids = filled(48, 64, shapes)
            path = f"{split}2017/{9 + 16 * n:012}.jpg"
            save_photograph(root / path, photograph(rng, ids))
            images.append(Annotated(path, 48, 64, shapes))
            data.keep(split, path, f"annotations/instances_{split}2017.json", ids)
        coco(root, images, ("person", "bicycle"), f"annotations/instances_{split}2017.json")
        data.json(f"annotations/captions_{split}2017.json", {"images": [], "annotations": [{"caption": "a man"}]})
        data.json(f"annotations/person_keypoints_{split}2017.json", {"images": [], "annotations": []})
    return data.meant(near=True, names=("background", "person", "bicycle"))


@GENERAL.of("COCO-Stuff")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for split, count in (("train", 6), ("val", 3)):
        for n in range(count):
            name = f"{split}2017/{9 + 16 * n:012}"
            ids = data.add(split, f"images/{name}.jpg", f"annotations/{name}.png", with_void)
            data.pairs[split][-1] = data.pairs[split][-1]._replace(classes=with_void(ids))
    return data.meant()


@GENERAL.of("ADE20K, scene parsing")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=7)
    for split, spelled, short, count in (("train", "training", "train", 6), ("val", "validation", "val", 3)):
        for n in range(1, count + 1):
            name = f"{spelled}/ADE_{short}_{n:08}"
            base = "ADEChallengeData2016"
            data.add(split, f"{base}/images/{name}.jpg", f"{base}/annotations/{name}.png", as_is)
    data.text("ADEChallengeData2016/objectInfo150.txt", "Idx\tRatio\tTrain\tVal\tStuff\tName\n1\t0.1\t1\t1\t1\twall\n")
    data.text("ADEChallengeData2016/sceneCategories.txt", "ADE_train_00000001 airport_terminal\n")
    return data.meant(named=True)


@GENERAL.of("ADE20K, full")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for spelled, short in (("training", "train"), ("validation", "val")):
        for n in range(6):
            place = ("a/abbey", "b/bathroom")[n % 2]
            stem = f"images/{spelled}/{place}/ADE_{short}_{n:08}"
            picture, ids = data.scene()
            numbers = np.array([0, 976, 2420, 447, 2684, 350])[ids]
            parts = np.stack([numbers // 256 * 10, numbers % 256, ids * 20 + n], axis=2).astype(np.uint8)
            data.photograph(f"{stem}.jpg", picture)
            data.write(f"{stem}_seg.png", parts)
            data.write(f"{stem}_parts_1.png", np.roll(parts, 5, 0) * (ids > 3)[..., None])
            data.text(f"{stem}_atr.txt", "001 # 0 # 0 # wall # wall # ''\n")
    return Meant({}, must_refuse=True)


@GENERAL.of("SUN RGB-D")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 9):
        base = f"SUNRGBD/kv1/NYUdata/NYU{n:04}"
        picture, ids = data.scene()
        data.photograph(f"{base}/image/NYU{n:04}.jpg", picture)
        for folder in ("depth", "depth_bfx"):
            data.write(f"{base}/{folder}/NYU{n:04}.png", (ids.astype(np.uint16) + 2) * 5000)
        data.json(f"{base}/annotation2Dfinal/index.json", {"frames": [], "objects": []})
        (root / base / "seg.mat").write_bytes(b"MATLAB 5.0 MAT-file")
        data.text(f"{base}/scene.txt", "office")
        data.text(f"{base}/intrinsics.txt", "520 0 320")
    return Meant({}, must_refuse=True, refusals=("depth",))


@GENERAL.of("NYUv2 labels of 13 classes")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=7)
    for split, first, count in (("train", 1, 6), ("test", 200, 4)):
        for n in range(first, first + count):
            source, target = f"{split}_rgb/nyu_rgb_{n:04}.png", f"{split}_labels_13/new_nyu_class13_{n:04}.png"
            data.add(split, source, target, as_is)
    data.text("README.md")
    return data.meant()


@GENERAL.of("Carvana")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 9):
        stem = f"{'0cdf5b5d0ce1' if n < 5 else 'fff9b3a5373f'}_{n:02}"
        data.add("train", f"train/{stem}.jpg", f"train_masks/{stem}_mask.gif", white)
    for n in range(1, 4):
        data.photograph(f"test/0004d4463b50_{n:02}.jpg")
    data.text("metadata.csv", "id,year,make\n0cdf5b5d0ce1,2014,Ford\n")
    data.text("train_masks.csv", "img,rle_mask\n0cdf5b5d0ce1_01.jpg,879386 40\n")
    data.text("sample_submission.csv", "img,rle_mask\n0004d4463b50_01.jpg,1 1\n")
    return data.meant()


@GENERAL.of("TGS Salt")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(8):
        stem = f"00{n}e218f21"
        data.add("train", f"train/images/{stem}.png", f"train/masks/{stem}.png", lambda i: i.astype(np.uint16) * 65535)
    for n in range(3):
        data.photograph(f"test/images/ff{n}ab12.png")
    data.text("train.csv", "id,rle_mask\n000e218f21,\n")
    data.text("depths.csv", "id,z\n000e218f21,306\n")
    data.text("sample_submission.csv", "id,rle_mask\n")
    return data.meant()


@GENERAL.of("SUIM")
def _(root: Path) -> list[Meant]:
    data = Dataset(root, classes=6)
    corners = np.array([(0, 0, 0), (0, 0, 255), (0, 255, 0), (0, 255, 255), (255, 0, 0), (255, 0, 255)], np.uint8)
    for split, base, count in (("train", "train_val", 7), ("test", "TEST", 4)):
        for n in range(count):
            stem = f"d_r_{n + 40 * (split == 'test')}_"
            data.add(split, f"{base}/images/{stem}.jpg", f"{base}/masks/{stem}.bmp", lambda ids: corners[ids])
    for pair in data.pairs["test"]:
        assert pair.classes is not None
        for number, kind in enumerate(("HD", "RO", "FV", "WR", "RI"), start=1):
            data.write(
                f"TEST/masks/{kind}/{Path(pair.source).stem}.bmp", white((pair.classes == number).astype(np.uint8))
            )
    data.text("readme.txt")
    return [each(refusals=("masks",)) for each in (data.meant, data.together)]


@GENERAL.of("CelebAMask-HQ")
def _(root: Path) -> Meant:
    """Parts of a face in files of their own, half as large as the photograph, numbered with five digits."""
    data = Dataset(root, classes=4)
    for n in range(8):
        picture, ids = data.scene()
        data.photograph(f"CelebAMask-HQ/CelebA-HQ-img/{n}.jpg", picture.repeat(2, axis=0).repeat(2, axis=1))
        for number, part in ((1, "skin"), (2, "hair"), (3, "l_brow")):
            folder = f"CelebAMask-HQ/CelebAMask-HQ-mask-anno/{n // 4}"
            data.write(
                f"{folder}/{n:05}_{part}.png", np.repeat(white((ids == number).astype(np.uint8))[..., None], 3, 2)
            )
    data.text("CelebAMask-HQ/CelebA-HQ-to-CelebA-mapping.txt", "idx orig_idx orig_file\n0 119613 119614.jpg\n")
    return Meant({}, must_refuse=True)


@GENERAL.of("Supervisely Persons")
def _(root: Path) -> Meant:
    data, rng = Dataset(root), np.random.default_rng(6)
    base = "Supervisely Person Dataset/ds1"
    for n in range(8):
        shapes = polygons(rng, 48, 64, 2)
        ids = filled(48, 64, shapes)
        source, target = f"{base}/img/pexels-photo-{n}.png", f"{base}/ann/pexels-photo-{n}.png.json"
        data.photograph(source, photograph(rng, ids))
        objects = [
            {"description": "", "geometryType": "polygon", "classTitle": "person_poly", "tags": [],
             "points": {"exterior": [list(corner) for corner in corners], "interior": []}}
            for _, corners in shapes
        ]  # fmt: skip
        data.json(target, {"description": "", "size": {"height": 48, "width": 64}, "tags": [], "objects": objects})
        data.keep(TOGETHER, source, target, ids)
    classes = [{"title": "person_poly", "shape": "polygon", "color": "#54D4C4"}]
    data.json("Supervisely Person Dataset/meta.json", {"classes": classes, "tags": [], "projectType": "images"})
    return data.meant(near=True, named=True, refusals=("Supervisely",))


@GENERAL.of("AISegment matting")
def _(root: Path) -> Meant:
    data = Dataset(root)
    y, x = np.mgrid[:48, :64]
    for n in range(8):
        picture, _ = data.scene()
        distance = np.hypot(y - 24, x - 32 - n)
        alpha = ((22 - distance) * 25).clip(0, 255).astype(np.uint8)
        part, stem = f"1803151818/{{}}_0000000{n % 2}", f"1803151818-{n:08}"
        source, target = f"clip_img/{part.format('clip')}/{stem}.jpg", f"matting/{part.format('matting')}/{stem}.png"
        data.photograph(source, picture)
        data.write(target, np.dstack([picture * (alpha > 0)[..., None].astype(np.uint8), alpha]))
        data.keep(TOGETHER, source, target, None)
    return data.meant(refusals=("matting",))
