"""Medical and microscopic data sets, as their authors lay them out."""

from pathlib import Path

import numpy as np
import tifffile

from folder_verdicts import TOGETHER, Meant
from public_makers import Dataset, Makers, as_is, disc, white, white_rgb
from random_masks import photograph, save

MEDICAL = Makers()


@MEDICAL.of("DRIVE")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split, name, first in (("train", "training", 21), ("test", "test", 1)):
        for n in range(first, first + 5):
            base = f"DRIVE/{name}"
            data.add(split, f"{base}/images/{n:02}_{name}.tif", f"{base}/1st_manual/{n:02}_manual1.gif", white)
            data.write(f"{base}/mask/{n:02}_{name}_mask.gif", disc(*data.size))
    return data.meant(refusals=("1st_manual",))


@MEDICAL.of("DRIVE with a second annotator")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split, name, first in (("train", "training", 21), ("test", "test", 1)):
        for n in range(first, first + 5):
            ids = data.add(split, f"{name}/images/{n:02}_{name}.tif", f"{name}/1st_manual/{n:02}_manual1.gif", white)
            data.write(f"{name}/mask/{n:02}_{name}_mask.gif", disc(*data.size))
            if split == "test":
                data.write(f"{name}/2nd_manual/{n:02}_manual2.gif", white(ids & np.roll(ids, 3, 0)))
    return data.meant(refusals=("1st_manual",))


@MEDICAL.of("CHASE_DB1")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 5):
        for eye in "LR":
            stem = f"Image_{n:02}{eye}"
            ids = data.add(TOGETHER, f"{stem}.jpg", f"{stem}_1stHO.png", lambda ids: ids.astype(bool))
            data.write(f"{stem}_2ndHO.png", (ids & np.roll(ids, 4, 0)).astype(bool))
    return data.meant(refusals=("2ndHO",))


@MEDICAL.of("STARE")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 9):
        ids = data.add(TOGETHER, f"stare-images/im{n:04}.ppm", f"labels-ah/im{n:04}.ah.ppm", white)
        data.write(f"labels-vk/im{n:04}.vk.ppm", white(ids & np.roll(ids, 4, 0)))
    return Meant({}, must_refuse=True, refusals=("labels-vk",))


@MEDICAL.of("HRF")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 4):
        for kind, ending in (("dr", "JPG"), ("g", "jpg"), ("h", "jpg")):
            data.add(TOGETHER, f"images/{n:02}_{kind}.{ending}", f"manual1/{n:02}_{kind}.tif", white)
            save(root / f"mask/{n:02}_{kind}_mask.tif", np.repeat(disc(*data.size)[..., None], 3, 2))
    return data.meant(refusals=("manual1",))


@MEDICAL.of("ISIC 2018")
def _(root: Path) -> Meant:
    data, number = Dataset(root), 0
    for split, name, count in (("train", "Training", 6), ("val", "Validation", 3), ("test", "Test", 3)):
        sources, targets = f"ISIC2018_Task1-2_{name}_Input", f"ISIC2018_Task1_{name}_GroundTruth"
        for _ in range(count):
            stem = f"ISIC_{number:07}"
            data.add(split, f"{sources}/{stem}.jpg", f"{targets}/{stem}_segmentation.png", white)
            number += 1
        for folder in (sources, targets):
            data.text(f"{folder}/LICENSE.txt", "CC-0\n")
            data.text(f"{folder}/ATTRIBUTION.txt", "ISIC\n")
    return data.meant()


@MEDICAL.of("ISIC 2018, training only")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(8):
        stem = f"ISIC_{n:07}"
        data.add(
            TOGETHER,
            f"ISIC2018_Task1-2_Training_Input/{stem}.jpg",
            f"ISIC2018_Task1_Training_GroundTruth/{stem}_segmentation.png",
            white,
        )
    data.text("ISIC2018_Task1-2_Training_Input/LICENSE.txt")
    return data.meant()


@MEDICAL.of("Kvasir-SEG")
def _(root: Path) -> Meant:
    data = Dataset(root)
    boxes = {}
    for n in range(8):
        stem = f"cju0qkwl35piu0993l0dewei{n}"
        data.add(TOGETHER, f"Kvasir-SEG/images/{stem}.jpg", f"Kvasir-SEG/masks/{stem}.jpg", white_rgb, quality=92)
        box = {"label": "polyp", "xmin": 3, "ymin": 4, "xmax": 30, "ymax": 40}
        boxes[stem] = {"height": 48, "width": 64, "bbox": [box]}
    data.json("Kvasir-SEG/kavsir_bboxes.json", boxes)
    return data.meant(near=True)


@MEDICAL.of("CVC-ClinicDB")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 9):
        data.add(TOGETHER, f"Original/{n}.tif", f"Ground Truth/{n}.tif", white)
    return data.meant()


@MEDICAL.of("CVC-ClinicDB, in two formats")
def _(root: Path) -> list[Meant]:
    by_format = {kind: Dataset(root) for kind in ("PNG", "TIF")}
    for n in range(1, 9):
        picture, ids = by_format["PNG"].scene()
        for kind, data in by_format.items():
            source, target = (f"{kind}/{folder}/{n}.{kind.lower()}" for folder in ("Original", "Ground Truth"))
            data.photograph(source, picture)
            data.write(target, white(ids))
            data.keep(TOGETHER, source, target, ids)
    by_format["PNG"].text("metadata.csv", "frame_id,sequence_id\n1,1\n")
    return [data.meant(refusals=("PNG", "TIF")) for data in by_format.values()]


@MEDICAL.of("DSB 2018")
def _(root: Path) -> list[Meant]:
    data = Dataset(root)
    for n in range(8):
        stem = f"{n:x}" * 12
        picture, ids = data.scene()
        source = f"stage1_train/{stem}/images/{stem}.png"
        data.write(source, np.dstack([picture, np.full(ids.shape, 255, np.uint8)]))
        targets = []
        half = np.arange(ids.shape[1]) < 32
        for index, side in enumerate((half, ~half)):
            if ((ids > 0) & side).any():
                targets.append(f"stage1_train/{stem}/masks/{'ab'[index] * 20}{n}.png")
                data.write(targets[-1], white(((ids > 0) & side).astype(np.uint8)))
        data.keep("train", source, targets, ids)
    for n in range(3):
        data.photograph(f"stage1_test/{'t' * 9}{n}/images/{'t' * 9}{n}.png")
    data.text("stage1_train_labels.csv", "ImageId,EncodedPixels\n000000000000,1 3\n")
    data.text("stage1_sample_submission.csv", "ImageId,EncodedPixels\n")
    return [data.meant(), data.together()]


@MEDICAL.of("ISBI 2012 as it is")
def _(root: Path) -> Meant:
    data = Dataset(root)
    maps = [data.scene()[1] for _ in range(5)]
    pictures = [data.scene()[0].mean(2).astype(np.uint8) for _ in range(5)]
    root.mkdir(exist_ok=True)
    tifffile.imwrite(root / "train-volume.tif", np.stack(pictures), photometric="minisblack")
    tifffile.imwrite(root / "train-labels.tif", np.stack(maps) * np.uint8(255), photometric="minisblack")
    tifffile.imwrite(root / "test-volume.tif", np.stack(pictures), photometric="minisblack")
    return Meant({}, must_refuse=True)


@MEDICAL.of("ISBI 2012 in single files")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(8):
        picture, ids = data.scene()
        data.write(f"membrane/train/image/{n}.png", picture.mean(2).astype(np.uint8))
        data.write(f"membrane/train/label/{n}.png", white(ids))
        data.keep("train", f"membrane/train/image/{n}.png", f"membrane/train/label/{n}.png", ids)
        data.write(f"membrane/test/{n}.png", data.scene()[0].mean(2).astype(np.uint8))
        data.write(f"membrane/test/{n}_predict.png", white(data.scene()[1]))
    (root / "membrane/train/aug").mkdir()
    return data.meant()


@MEDICAL.of("LGG MRI")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for case in ("TCGA_CS_4941_19960909", "TCGA_DU_5849_19950405"):
        for n in range(1, 6):
            stem = f"kaggle_3m/{case}/{case}_{n}"
            data.add(TOGETHER, f"{stem}.tif", f"{stem}_mask.tif", white)
    data.text("kaggle_3m/data.csv", "Patient,RNASeqCluster\nTCGA_CS_4941,2\n")
    data.text("kaggle_3m/README.md")
    return data.meant()


@MEDICAL.of("PH2")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in (2, 3, 4, 6, 8, 9, 10, 13):
        stem = f"IMD{n:03}"
        base = f"PH2 Dataset images/{stem}/{stem}"
        data.add(TOGETHER, f"{base}_Dermoscopic_Image/{stem}.bmp", f"{base}_lesion/{stem}_lesion.bmp", lambda i: i > 0)
    data.text("PH2_dataset.txt", "|| Name || Histological Diagnosis ||\n")
    return data.meant()


@MEDICAL.of("BUSI")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for kind in ("benign", "malignant"):
        for n in range(1, 6):
            stem = f"Dataset_BUSI_with_GT/{kind}/{kind} ({n})"
            picture, ids = data.scene()
            data.photograph(f"{stem}.png", picture)
            left = np.arange(64) < (20 if n == 2 else 64)
            names = [f"{stem}_mask.png", *([f"{stem}_mask_1.png"] if n == 2 else [])]
            for name, side in zip(names, (left, ~left), strict=False):
                data.write(name, white(((ids > 0) & side).astype(np.uint8)))
            data.keep(TOGETHER, f"{stem}.png", names, ids)
    return data.meant(refusals=("_mask_1",))


@MEDICAL.of("GlaS")
def _(root: Path) -> Meant:
    """Glands are numbered in each picture anew."""
    data = Dataset(root, classes=2)
    y, x = np.mgrid[:48, :64]
    for name, count in (("train", 6), ("testA", 3), ("testB", 2)):
        for n in range(1, count + 1):
            objects = np.zeros((48, 64), np.uint8)
            for number in range(2 + n % 4):
                objects[(y - 12 - 24 * (number // 3)) ** 2 + (x - 11 - 20 * (number % 3)) ** 2 < 70] = number + 1
            data.photograph(
                f"{name}_{n}.bmp",
                photograph(np.random.default_rng([n, len(name), count]), (objects > 0).astype(np.uint8)),
            )
            data.write(f"{name}_{n}_anno.bmp", objects)
    data.text("Grade.csv", "name, patient ID, grade (GlaS)\n")
    return Meant({}, must_refuse=True, refusals=("instance",))


@MEDICAL.of("MoNuSeg")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(6):
        data.photograph(f"Tissue Images/TCGA-18-5592-01Z-00-DX{n}.tif")
        vertices = '<Vertices><Vertex X="1" Y="2"/><Vertex X="9" Y="2"/><Vertex X="9" Y="9"/></Vertices>'
        region = (
            f'<Annotations><Annotation><Regions><Region Id="1">{vertices}</Region></Regions></Annotation></Annotations>'
        )
        data.text(f"Annotations/TCGA-18-5592-01Z-00-DX{n}.xml", region)
    return Meant({}, must_refuse=True)


@MEDICAL.of("Montgomery")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 7):
        picture, ids = data.scene()
        data.write(f"MontgomerySet/CXR_png/MCUCXR_{n:04}_0.png", picture.mean(2).astype(np.uint8))
        half = np.arange(64) < 32
        for side, mask in (("left", half), ("right", ~half)):
            data.write(
                f"MontgomerySet/ManualMask/{side}Mask/MCUCXR_{n:04}_0.png", white(((ids > 0) & mask).astype(np.uint8))
            )
        left, right = (f"MontgomerySet/ManualMask/{side}Mask/MCUCXR_{n:04}_0.png" for side in ("left", "right"))
        classes = np.where(ids > 0, np.where(half, 1, 2), 0).astype(np.uint8)
        data.keep(TOGETHER, f"MontgomerySet/CXR_png/MCUCXR_{n:04}_0.png", (left, right), classes)
        data.text(f"MontgomerySet/ClinicalReadings/MCUCXR_{n:04}_0.txt", "Patient's Sex: F\n")
    return data.meant(refusals=("leftMask",))


@MEDICAL.of("CRAG")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split in ("train", "valid"):
        for n in range(1, 6):
            name = f"{split}_{n}"
            meant = {"train": "train", "valid": "val"}[split]
            picture, ids = data.scene()
            data.photograph(f"CRAG/{split}/Images/{name}.png", picture)
            data.write(f"CRAG/{split}/Annotation/{name}.png", as_is(ids))
            data.write(f"CRAG/{split}/Overlay/{name}.png", np.where(ids[..., None] > 0, picture // 2 + 120, picture))
            data.keep(meant, f"CRAG/{split}/Images/{name}.png", f"CRAG/{split}/Annotation/{name}.png", ids)
    return data.meant(refusals=("Overlay",))
