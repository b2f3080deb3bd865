"""Choices that make a data folder: where pairs lie, what they are called, how class maps are saved, what else is there.

A `Spec` holds all of them and a seed; the plainest value of each comes first.
"""

import dataclasses
import unicodedata
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from random_annotations import TOOLS
from random_masks import CODINGS
from stray_files import STRAYS


class Places(NamedTuple):
    """Where the two files of a pair lie, without their endings; `{split}` is there only where splits are told apart."""

    source: str
    target: str


LAYOUTS: Mapping[str, Sequence[Places]] = {
    "two folders": [
        Places("{a}/{stem}", "{b}/{stem}"),
        Places("{a}/{split}/{stem}", "{b}/{split}/{stem}"),
        Places("{split}/{a}/{stem}", "{split}/{b}/{stem}"),
    ],
    "suffix in two folders": [
        Places("{a}/{stem}", "{b}/{stem}{sb}"),
        Places("{a}/{split}/{stem}", "{b}/{split}/{stem}{sb}"),
        Places("{split}/{a}/{stem}", "{split}/{b}/{stem}{sb}"),
    ],
    "two suffixes in two folders": [
        Places("{a}/{stem}{sa}", "{b}/{stem}{sb}"),
        Places("{split}/{a}/{stem}{sa}", "{split}/{b}/{stem}{sb}"),
    ],
    "prefix in two folders": [
        Places("{a}/{stem}", "{b}/{pb}{stem}"),
        Places("{a}/{pa}{stem}", "{b}/{pb}{stem}"),
        Places("{a}/{split}/{pa}{stem}", "{b}/{split}/{pb}{stem}"),
    ],
    "suffix in one folder": [
        Places("{stem}", "{stem}{sb}"),
        Places("{split}/{stem}", "{split}/{stem}{sb}"),
        Places("data/{stem}", "data/{stem}{sb}"),
    ],
    "endings in one folder": [
        Places("{stem}", "{stem}"),
        Places("{split}/{stem}", "{split}/{stem}"),
        Places("{split}/{city}/{stem}", "{split}/{city}/{stem}"),
    ],
    "two suffixes in one folder": [
        Places("{stem}{sa}", "{stem}{sb}"),
        Places("{split}/{stem}{sa}", "{split}/{stem}{sb}"),
    ],
    "two prefixes in one folder": [
        Places("{pa}{stem}", "{pb}{stem}"),
        Places("{split}/{pa}{stem}", "{split}/{pb}{stem}"),
    ],
    "infix in one folder": [
        Places("scene{sa}_{stem}", "scene{sb}_{stem}"),
        Places("{split}/scene{sa}_{stem}", "{split}/scene{sb}_{stem}"),
    ],
    "beside": [
        Places("{split}/{stem}", "{split}_{b}/{stem}"),
        Places("{split}_{a}/{stem}", "{split}_{b}/{stem}"),
        Places("{a}_{split}/{stem}", "{b}_{split}/{stem}"),
        Places("{split}-{a}/{stem}", "{split}-{b}/{stem}"),
    ],
    "masks inside": [
        Places("{a}/{stem}", "{a}/{b}/{stem}"),
        Places("{split}/{stem}", "{split}/{b}/{stem}"),
        Places("{a}/{split}/{stem}", "{a}/{split}/{b}/{stem}"),
    ],
    "a folder a sample": [
        Places("{stem}/image", "{stem}/mask"),
        Places("{split}/{stem}/image", "{split}/{stem}/mask"),
        Places("{stem}/{stem}", "{stem}/{stem}{sb}"),
        Places("{stem}/rgb", "{stem}/label"),
        Places("samples/{stem}/{a}", "samples/{stem}/{b}"),
    ],
    "nested": [
        Places("{a}/{city}/{stem}", "{b}/{city}/{stem}"),
        Places("{city}/{a}/{stem}", "{city}/{b}/{stem}"),
        Places("{split}/{a}/{city}/{stem}", "{split}/{b}/{city}/{stem}"),
        Places("{a}/{split}/{city}/{stem}", "{b}/{split}/{city}/{stem}"),
        Places("{split}/{city}/{a}/{stem}", "{split}/{city}/{b}/{stem}"),
        Places("{a}/{split}/{city}/{stem}{sa}", "{b}/{split}/{city}/{stem}{sb}"),
    ],
    "mmseg": [Places("img_dir/{split}/{stem}", "ann_dir/{split}/{stem}")],
    "VOC": [Places("JPEGImages/{stem}", "SegmentationClass/{stem}")],
    "annot": [Places("{split}/{stem}", "{split}annot/{stem}")],
    "trainA and trainB": [Places("{split}A/{stem}", "{split}B/{stem}")],
    "a mask file an object": [
        Places("{stem}/images/{stem}", "{stem}/masks/{object}"),
        Places("{split}/{stem}/images/{stem}", "{split}/{stem}/masks/{object}"),
        Places("{a}/{stem}", "{b}/{stem}/{object}"),
        Places("{a}/{stem}", "{b}/{stem}_{object}"),
    ],
    "a folder a class": [
        Places("{a}/{stem}", "{b}/{class}/{stem}"),
        Places("{split}/{a}/{stem}", "{split}/{b}/{class}/{stem}"),
    ],
    "side by side": [
        Places("{stem}", "{stem}"),
        Places("{split}/{stem}", "{split}/{stem}"),
        Places("pairs/{stem}", "pairs/{stem}"),
    ],
    "side by side, photograph right": [Places("{stem}", "{stem}"), Places("{split}/{stem}", "{split}/{stem}")],
    "manifest": [Places("{a}/{stem}", "{b}/x{number}"), Places("all/{stem}{sa}", "all/{stem}{sb}")],
    "annotations": [Places("{stem}", ""), Places("{split}/{stem}", "")],
}

FOLDERS = (
    ("images", "masks"), ("images", "labels"), ("imgs", "gts"), ("photos", "groundtruth"), ("image", "label"),
    ("JPEGImages", "Annotations"), ("rgb", "semantic"), ("Original", "Ground Truth"), ("input", "target"), ("x", "y"),
    ("tiles", "segmentation"), ("Bilder", "Masken"), ("fotos", "mascaras"), ("scans", "regions"), ("left", "gt"),
    ("IMAGES", "MASKS"), ("qwop", "zxcv"), ("foo", "bar"), ("frames", "anno_png"), ("data_a", "data_b"),
)  # fmt: skip
SUFFIXES = (
    ("_image", "_mask"), ("_img", "_gt"), ("_rgb", "_seg"), ("_photo", "_label"), ("_x", "_y"), ("-in", "-L"),
    ("_raw", "_segmentation"), (".image", ".mask"), ("_sat", "_map"), ("_orig", "_groundtruth"), ("_img", "_labelIds"),
    ("_abc", "_qrs"),
)  # fmt: skip
PREFIXES = (("image_", "mask_"), ("img", "gt"), ("photo-", "label-"), ("x_", "y_"), ("im_", "ann_"), ("foo_", "bar_"))
SPLITS: Sequence[Mapping[str, str]] = [
    {},
    {"train": "train", "val": "val"},
    {"train": "train", "val": "val", "test": "test"},
    {"train": "train", "val": "valid"},
    {"train": "train", "val": "validation"},
    {"train": "training", "val": "validation", "test": "testing"},
    {"train": "Train", "val": "Val", "test": "Test"},
    {"train": "TRAIN", "val": "DEV"},
    {"train": "train", "test": "test"},
    {"train": "Training", "val": "Validation"},
]
STEMS: Mapping[str, Callable[[np.random.Generator, int], str]] = {
    "padded": lambda rng, n: f"{n:04}",
    "plain": lambda rng, n: str(n + 1),
    "camera": lambda rng, n: f"IMG_{1200 + 7 * n}",
    "words": lambda rng, n: (
        f"{('apple', 'beach', 'city', 'dune')[n % 4]}-{'abcdefghijklmnopqrstuvwxyz'[n % 26]}{n // 26 or ''}"
    ),
    "dates": lambda rng, n: f"2021-03-{1 + n % 28:02}_{7 + n // 28:02}-30-0{n % 10}",
    "uuid": lambda rng, n: str(uuid.UUID(bytes=rng.bytes(16))),
    "spaces": lambda rng, n: f"my photo ({n + 1})",
    "dots": lambda rng, n: f"v1.2.frame.{n:03}",
    "roboflow": lambda rng, n: f"frame{n}_jpg.rf.{rng.bytes(8).hex()}",
    "unicode": lambda rng, n: unicodedata.normalize("NFC", f"straße-ü{n}"),
    "NFC and NFD": lambda rng, n: unicodedata.normalize("NFC", f"höhe é{n}"),
    "brackets": lambda rng, n: f"[{n}] café & co",
}
PHOTOGRAPH_ENDINGS = (".jpg", ".png", ".JPG", ".jpeg", ".PNG", ".tif", ".bmp", ".webp", ".tiff")
CITIES = ("berlin", "drive_02", "Scene 3")
LISTED = ("two folders", "suffix in two folders", "suffix in one folder", "masks inside", "VOC")
"""Layouts whose splits may be told by lists."""
PICTURES = "pictures"
"""In place of a coding: both sides are pictures."""
PICTURE_LAYOUTS = (
    "two folders",
    "suffix in one folder",
    "trainA and trainB",
    "side by side",
    "mmseg",
    "nested",
    "manifest",
)


@dataclass(frozen=True)
class Spec:
    """All choices that make a folder."""

    layout: str = "two folders"
    places: int = 0
    """Which of the layout's places; those without `{split}` come with no splits, or with lists."""
    coding: str = "indices"
    folders: int = 0
    affixes: int = 0
    splits: int = 0
    lists: str = ""
    """Folder of `train.txt` and so on where places do not tell the splits; `-` is the data folder itself."""
    entries: str = "stems"
    """What a line of a list holds: the `stems` of photographs, their `names`, or the paths of both `files`."""
    stems: str = "padded"
    photographs: str = ".jpg"
    target_ending: int = 0
    scene: str = "shapes"
    classes: int = 3
    sizes: str = "same"
    wrapped: str = ""
    """A folder around everything, as archives have them."""
    names: str = ""
    """A file that names the classes."""
    tool: str = "labelme"
    strays: tuple[str, ...] = ()
    seed: int = 0

    def __str__(self) -> str:
        plain = Spec()
        told = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != getattr(plain, field.name) or field.name in ("layout", "coding")
        ]
        return f"Spec({', '.join(told)})"


def settle(spec: Spec) -> Spec:
    """Bring choices that exclude each other into agreement."""
    change: dict[str, object] = {"places": spec.places % len(LAYOUTS[spec.layout])}
    places = LAYOUTS[spec.layout][spec.places % len(LAYOUTS[spec.layout])]
    if spec.coding == PICTURES and spec.layout not in PICTURE_LAYOUTS:
        change["coding"] = "indices"
    if spec.layout in ("a mask file an object", "a folder a class"):
        change.update(coding="0 and 255", target_ending=0)
    elif spec.layout.startswith("side by side"):
        if spec.coding not in (PICTURES, "colours", "colour JPEG"):
            change["coding"] = "colours"
        change["photographs"] = ".jpg" if change.get("coding", spec.coding) == "colour JPEG" else ".png"
    elif spec.layout == "annotations":
        change["coding"] = "indices"
    elif spec.layout == "endings in one folder":
        change.update(photographs=".jpg", target_ending=0)
        if spec.coding.endswith("JPEG"):
            change["coding"] = "indices"
    coding = change.get("coding", spec.coding)
    if spec.scene == "grey" and (spec.layout.startswith("side by side") or coding == PICTURES):
        change["scene"] = "shapes"
    if spec.layout == "annotations":
        change["scene"] = "shapes"
    most = 12 if coding == PICTURES else CODINGS[str(coding)].most
    change["classes"] = max(2, min(spec.classes, most)) if spec.layout != "a mask file an object" else 2
    if spec.layout == "a folder a class":
        change["classes"] = max(3, min(spec.classes, 5))
    if spec.scene == "street" and coding != PICTURES and CODINGS[str(coding)].near:  # its areas are small: all is edge
        change["scene"] = "shapes"
    if coding == "a channel a class" and spec.scene == "street":  # whose classes may occur nowhere
        change["scene"] = "shapes"
    if "/" not in places.source:  # there it is one more photograph
        change["strays"] = tuple(stray for stray in spec.strays if stray != "preview.png")
    told = "{split}" in places.source
    if told and not spec.splits:
        change["splits"] = 1
    if spec.layout == "VOC":
        change["lists"] = "ImageSets/Segmentation"
    elif told or spec.layout not in LISTED:
        change["lists"] = ""
    if change.get("lists", spec.lists):
        change["splits"] = 2 if spec.splits == 2 else 1
    else:
        change["entries"] = "stems"
        if not told and spec.layout != "manifest":
            change["splits"] = 0
    if coding == PICTURES or spec.layout in ("annotations", "a folder a class", "a mask file an object"):
        change["names"] = ""
    elif spec.names:
        painted = str(coding) in ("colours", "colour table", "colours with alpha", "colour JPEG")
        numbered = str(coding) in ("indices", "16 bits", "equal channels", "64-bit numbers")
        change["names"] = (
            (spec.names if spec.names in PAINTED_NAMES else PAINTED_NAMES[0]) if painted
            else (spec.names if spec.names in NUMBERED_NAMES else NUMBERED_NAMES[0]) if numbered
            else ""
        )  # fmt: skip
    return dataclasses.replace(spec, **change)  # type: ignore[arg-type]


PAINTED_NAMES = ("class_dict.csv", "labelmap.txt")
NUMBERED_NAMES = ("classes.txt", "_classes.csv", "classes.json", "classes.yaml")


def draw_spec(seed: int) -> Spec:
    """Draw all choices from a seed."""
    rng = np.random.default_rng([17, seed])

    def one(choices: Sequence[str], plain: float = 0.0) -> str:
        return choices[0] if rng.random() < plain else choices[int(rng.integers(len(choices)))]

    strays = [one(list(STRAYS)) for _ in range(int(rng.choice([0, 0, 1, 1, 2, 3])))]
    return settle(
        Spec(
            layout=one(list(LAYOUTS)),
            places=int(rng.integers(12)),
            coding=PICTURES if rng.random() < 0.12 else one(list(CODINGS)),
            folders=int(rng.integers(len(FOLDERS))),
            affixes=int(rng.integers(60)),
            splits=int(rng.integers(len(SPLITS))),
            lists=one(("", "-", "splits", "ImageSets/Segmentation", "lists"), plain=0.7),
            entries=one(("stems", "stems", "names", "files")),
            stems=one(list(STEMS)),
            photographs=one(PHOTOGRAPH_ENDINGS, plain=0.3),
            target_ending=int(rng.integers(6)),
            scene=one(("shapes", "shapes", "street", "grey")),
            classes=int(rng.integers(2, 13)),
            sizes=one(("same", "vary", "wide")),
            wrapped=one(("", "", "", "dataset", "My Data v2")),
            names=one(("", "", "", *PAINTED_NAMES, *NUMBERED_NAMES)),
            tool=one(list(TOOLS)),
            strays=tuple(dict.fromkeys(strays)),
            seed=seed,
        )
    )
