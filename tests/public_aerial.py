"""Aerial and satellite data sets, cracks and defects, as their authors lay them out."""

from pathlib import Path

import numpy as np

from folder_verdicts import TOGETHER, Meant
from public_makers import COLOURS, Dataset, Makers, as_is, coloured, white, white_rgb

AERIAL = Makers()
LAND = np.array(
    [(0, 255, 255), (255, 255, 0), (255, 0, 255), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)], np.uint8
)
LAND_NAMES = (
    "urban_land", "agriculture_land", "rangeland", "forest_land", "water", "barren_land", "unknown",
)  # fmt: skip


@AERIAL.of("DeepCrack")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split, count in (("train", 6), ("test", 4)):
        for n in range(count):
            stem = f"{11111 + n if split == 'train' else 11200 + n}"
            data.add(split, f"{split}_img/{stem}.jpg", f"{split}_lab/{stem}.png", white)
    data.text("README.md")
    return data.meant()


@AERIAL.of("Crack500")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        rows = []
        for n in range(count):
            stem = f"{split}crop/20160222_08{n:04}_{n % 3}_361"
            data.add(split, f"{stem}.jpg", f"{stem}.png", white)
            rows.append(f"{stem}.jpg {stem}.png\n")
        data.text(f"{split}.txt", "".join(rows))
    return data.meant()


@AERIAL.of("Crack Forest")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 9):
        data.photograph(f"image/{n:03}.jpg")
        (root / "groundTruth").mkdir(exist_ok=True)
        (root / f"groundTruth/{n:03}.mat").write_bytes(b"MATLAB 5.0 MAT-file, Platform: PCWIN64".ljust(128, b" "))
    return Meant({}, must_refuse=True, refusals=(".mat", "MATLAB"))


@AERIAL.of("MVTec AD, one object")
def _(root: Path) -> list[Meant]:
    data = Dataset(root)
    for n in range(6):
        data.photograph(f"bottle/train/good/{n:03}.png")
    for n in range(3):
        data.photograph(f"bottle/test/good/{n:03}.png")
    for kind in ("broken_large", "contamination"):
        for n in range(4):
            source, target = f"bottle/test/{kind}/{n:03}.png", f"bottle/ground_truth/{kind}/{n:03}_mask.png"
            data.add("test", source, target, white)
    data.text("bottle/license.txt")
    data.text("bottle/readme.txt")
    return [each(refusals=("ground_truth",)) for each in (data.meant, data.together)]


@AERIAL.of("Massachusetts Roads")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for n in range(count):
            stem = f"{10078660 + 15 * n + len(split)}_15"
            data.add(split, f"tiff/{split}/{stem}.tiff", f"tiff/{split}_labels/{stem}.tif", white)
    data.text("label_class_dict.csv", "name,r,g,b\nbackground,0,0,0\nroad,255,255,255\n")
    data.text("metadata.csv", "image_id,split,tiff_image_path,tif_label_path\n")
    return data.meant(names=("background", "road"))


@AERIAL.of("Inria Aerial")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for city in ("austin", "chicago"):
        for n in range(1, 5):
            base = "AerialImageDataset/train"
            data.add("train", f"{base}/images/{city}{n}.tif", f"{base}/gt/{city}{n}.tif", white)
    for n in range(1, 4):
        data.photograph(f"AerialImageDataset/test/images/bellingham{n}.tif")
    return data.meant()


@AERIAL.of("DeepGlobe Road")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(8):
        stem = f"train/{100034 + 7 * n}"
        data.add("train", f"{stem}_sat.jpg", f"{stem}_mask.png", white_rgb)
    for split in ("valid", "test"):
        for n in range(3):
            data.photograph(f"{split}/{200 + 9 * n}_sat.jpg")
    return data.meant()


@AERIAL.of("DeepGlobe Land")
def _(root: Path) -> list[Meant]:
    data = Dataset(root, classes=7)
    rows = ["image_id,split,sat_image_path,mask_path"]
    for n in range(8):
        name = f"{119 + 8 * n}"
        data.add("train", f"train/{name}_sat.jpg", f"train/{name}_mask.png", lambda ids: LAND[ids])
        rows.append(f"{name},train,train/{name}_sat.jpg,train/{name}_mask.png")
    for split in ("valid", "test"):
        for n in range(3):
            data.photograph(f"{split}/{2000 + n}_sat.jpg")
            rows.append(f"{2000 + n},{split},{split}/{2000 + n}_sat.jpg,")
    data.text("metadata.csv", "\n".join(rows) + "\n")
    names = [f"{name},{r},{g},{b}" for name, (r, g, b) in zip(LAND_NAMES, LAND.tolist(), strict=True)]
    data.text("class_dict.csv", "name,r,g,b\n" + "\n".join(names) + "\n")
    by_split = data.pairs["train"]
    # `unknown` is what has no class: void, or a class of its own.
    void = [pair._replace(classes=np.where(pair.classes == 6, 255, pair.classes).astype(np.uint8))
            for pair in by_split if pair.classes is not None]  # fmt: skip
    return [Meant({"train": void}, names=LAND_NAMES[:6]), data.meant(names=LAND_NAMES)]


@AERIAL.of("LoveDA")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for split, spelled, first in (("train", "Train", 0), ("val", "Val", 2522)):
        for place, offset in (("Rural", 0), ("Urban", 1366)):
            for n in range(first + offset, first + offset + 4):
                base = f"{spelled}/{place}"
                data.add(split, f"{base}/images_png/{n}.png", f"{base}/masks_png/{n}.png", lambda ids: ids + 1)
    for n in range(4190, 4193):
        data.photograph(f"Test/Rural/images_png/{n}.png")
    return data.meant()


POTSDAM = np.array(
    [(255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0), (0, 0, 0), (0, 0, 0)],
    np.uint8,
)


def _potsdam(root: Path) -> Dataset:
    data = Dataset(root, classes=6)
    for n in (10, 11, 12, 13, 14, 15, 7, 8):
        stem = f"top_potsdam_2_{n}"
        data.add(TOGETHER, f"2_Ortho_RGB/{stem}_RGB.tif", f"5_Labels_all/{stem}_label.tif", lambda ids: POTSDAM[ids])
    return data


@AERIAL.of("ISPRS Potsdam")
def _(root: Path) -> Meant:
    return _potsdam(root).meant()


@AERIAL.of("ISPRS Potsdam, with heights")
def _(root: Path) -> Meant:
    """Heights in metres, under other names, are no part of any pair."""
    data = _potsdam(root)
    for n, pair in enumerate(data.pairs[TOGETHER]):
        assert pair.classes is not None
        data.write(f"1_DSM/dsm_potsdam_02_{n + 10}.tif", pair.classes.astype(np.float32) * 3 + 30)
    return data.meant()


@AERIAL.of("ISPRS Potsdam, all folders")
def _(root: Path) -> Meant:
    data = _potsdam(root)
    for pair in data.pairs[TOGETHER]:
        stem = Path(pair.source).stem.removesuffix("_RGB")
        assert pair.classes is not None
        ids = pair.classes
        data.photograph(f"3_Ortho_IRRG/{stem}_IRRG.tif")
        data.write(f"1_DSM/dsm_potsdam_{stem[-4:].strip('_').replace('_', '_0')}.tif", ids.astype(np.float32) * 3 + 30)
        eroded = np.where(ids != np.roll(ids, 1, 1), 7, ids)
        data.write(f"5_Labels_all_noBoundary/{stem}_label_noBoundary.tif", POTSDAM[eroded])
    return Meant({}, must_refuse=True, refusals=("5_Labels_all_noBoundary",))


@AERIAL.of("LandCover.ai")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=5)
    names = [f"M-33-{20 + n}-D-c-4-{n % 4 + 1}" for n in range(8)]
    for name in names:
        data.add(TOGETHER, f"images/{name}.tif", f"masks/{name}.tif", as_is)
    data.text("train.txt", "".join(f"{name}_{part}\n" for name in names[:6] for part in range(40)))
    data.text("val.txt", "".join(f"{name}_{part}\n" for name in names[6:] for part in range(40)))
    data.text("split.py", "import cv2\n")
    return data.meant(refusals=("train.txt",))


@AERIAL.of("LandCover.ai, cut into tiles")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=5)
    for split, count in (("train", 6), ("val", 3), ("test", 2)):
        stems = [f"M-33-7-A-d-2-{len(split)}_{n}" for n in range(count)]
        for stem in stems:
            data.add(split, f"output/{stem}.jpg", f"output/{stem}_m.png", as_is)
        data.text(f"{split}.txt", "".join(f"{stem}\n" for stem in stems))
    return data.meant()


@AERIAL.of("WHU Building")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for n in range(count):
            data.add(split, f"{split}/Image/{n}.tif", f"{split}/Mask/{n}.tif", white)
    return data.meant()


@AERIAL.of("FloodNet")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=7)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for n in range(count):
            base, stem = f"FloodNet-Supervised_v1.0/{split}/{split}", f"{6279 + 7 * n + len(split)}"
            data.add(split, f"{base}-org-img/{stem}.jpg", f"{base}-label-img/{stem}_lab.png", as_is)
    return data.meant()


@AERIAL.of("Semantic Drone")
def _(root: Path) -> list[Meant]:
    data, other = Dataset(root, classes=6), Dataset(root, classes=6)
    for n in range(8):
        base = "dataset/semantic_drone_dataset"
        source, target = f"{base}/original_images/{n:03}.jpg", f"{base}/label_images_semantic/{n:03}.png"
        ids = data.add(TOGETHER, source, target, as_is)
        painted = f"RGB_color_image_masks/RGB_color_image_masks/{n:03}.png"
        data.write(painted, coloured(ids))
        other.keep(TOGETHER, source, painted, ids)
    rows = [f"kind{n}, {r}, {g}, {b}" for n, (r, g, b) in enumerate(COLOURS[:6].tolist())]
    data.text("class_dict_seg.csv", "name, r, g, b\n" + "\n".join(rows) + "\n")
    return [each.meant(named=True, refusals=("RGB_color_image_masks",)) for each in (data, other)]


@AERIAL.of("LEVIR-CD")
def _(root: Path) -> Meant:
    """Two photographs and one mask of what has changed: no pairs of two."""
    data = Dataset(root)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for n in range(1, count + 1):
            picture, ids = data.scene()
            for folder, image in (("A", picture), ("B", data.scene()[0]), ("label", white(ids))):
                data.write(f"{split}/{folder}/{split}_{n}.png", image)
    return Meant({}, must_refuse=True, refusals=("label",))
