"""Data sets whose targets are pictures, and those of pix2pix and CycleGAN, as their authors lay them out."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from folder_verdicts import TOGETHER, Meant
from pairloom.palette import CITYSCAPES, UInt8Array
from public_makers import COLOURS, Dataset, Makers

PICTURES = Makers()
FACADES = np.array([(0, 0, 170), (0, 85, 255), (0, 255, 255), (255, 255, 0), (255, 85, 0), (170, 0, 0)], np.uint8)


@PICTURES.of("LOL low light")
def _(root: Path) -> list[Meant]:
    data = Dataset(root)
    for split, folder, count in (("train", "our485", 6), ("test", "eval15", 3)):
        for n in range(count):
            name = f"{(2, 5, 6, 7, 8, 9)[n] if split == 'train' else (1, 22, 23)[n]}.png"
            data.add_pictures(split, f"{folder}/low/{name}", f"{folder}/high/{name}")
    learned = Meant({TOGETHER: data.pairs["train"]}, either_way=True)
    return [data.meant(either_way=True, refusals=("our485",)), data.together(either_way=True), learned]


@PICTURES.of("GoPro deblurring")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split, count in (("train", 6), ("test", 3)):
        for n in range(count):
            film = f"GOPR0{(372, 378)[n % 2]}_07_0{n % 2}"
            base, name = f"{split}/{film}", f"{47 + n:06}.png"
            picture, _ = data.scene()
            blurred = np.asarray(Image.fromarray(picture).resize((16, 12)).resize((64, 48)))
            for folder, image in (("blur", blurred), ("blur_gamma", blurred + np.uint8(3)), ("sharp", picture)):
                data.write(f"{base}/{folder}/{name}", image)
            data.keep(split, f"{base}/blur/{name}", f"{base}/sharp/{name}", None)
    return data.meant(either_way=True, refusals=("blur_gamma",))


@PICTURES.of("Rain100")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 9):
        data.add_pictures(TOGETHER, f"Rain100L/rainy/rain-{n:03}.png", f"Rain100L/norain/norain-{n:03}.png")
    return data.meant(either_way=True)


@PICTURES.of("SIDD Small")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for n in range(1, 9):
        base = f"SIDD_Small_sRGB_Only/Data/{n:04}_001_S6_00100_00060_3200_L"
        data.add_pictures(TOGETHER, f"{base}/NOISY_SRGB_010.PNG", f"{base}/GT_SRGB_010.PNG")
    data.text("SIDD_Small_sRGB_Only/ReadMe_sRGB.txt")
    data.text("SIDD_Small_sRGB_Only/Scene_Instances.txt", "0001_001_S6_00100_00060_3200_L\n")
    return data.meant(either_way=True)


def _halves(
    data: Dataset, split: str, path: str, left: UInt8Array, right: UInt8Array, classes: UInt8Array | None
) -> None:
    data.write(path, np.concatenate([left, right], axis=1), quality=95, subsampling=0)
    data.keep(split, path, path, classes)


@PICTURES.of("pix2pix facades")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=5)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for n in range(1, count + 1):
            picture, ids = data.scene()
            _halves(data, split, f"facades/{split}/{n}.jpg", picture, FACADES[ids], ids)
    return data.meant(near=True)


@PICTURES.of("pix2pix cityscapes")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=19)
    for split, count in (("train", 6), ("val", 4)):
        for n in range(1, count + 1):
            picture, ids = data.scene()
            path = f"cityscapes/{split}/{n}.jpg"
            _halves(data, split, path, picture, CITYSCAPES.to_colours(ids), ids)
    return data.meant(near=True, named=True)


@PICTURES.of("pix2pix night2day")
def _(root: Path) -> Meant:
    data = Dataset(root)
    for split, count in (("train", 6), ("val", 3), ("test", 3)):
        for n in range(count):
            day, _ = data.scene()
            night = (day * np.array([0.25, 0.3, 0.5])).astype(np.uint8)
            _halves(data, split, f"night2day/{split}/30000{n}_20120809_12{n:04}.jpg", night, day, None)
    return data.meant(either_way=True)


@PICTURES.of("pix2pix edges2shoes")
def _(root: Path) -> list[Meant]:
    """The photograph is on the right, and the edges are what is translated to it; the other way is no worse."""
    data, turned = Dataset(root), Dataset(root)
    for split, count in (("train", 6), ("val", 3)):
        for n in range(1, count + 1):
            picture, ids = data.scene()
            edge = np.zeros(ids.shape, bool)
            edge[1:] |= ids[1:] != ids[:-1]
            edge[:, 1:] |= ids[:, 1:] != ids[:, :-1]
            drawn = np.where(edge[..., None], 0, 255).astype(np.uint8).repeat(3, axis=2)
            path = f"edges2shoes/{split}/{n}_AB.jpg"
            _halves(data, split, path, drawn, picture, None)
            turned.keep(split, path, path, edge.astype(np.uint8))
    return [
        each(refusals=("side-by-side",))
        for each in (partial(data.meant, either_way=True), partial(turned.meant, near=True))
    ]


def _a_and_b(root: Path, splits: Sequence[tuple[str, int]], unpaired: bool) -> Dataset:
    data = Dataset(root, classes=5)
    for split, count in splits:
        for n in range(1, count + 1):
            source = f"{split}A/{f'n02381460_{7 * n}' if unpaired else f'{n}_A'}.jpg"
            target = f"{split}B/{f'n02391049_{11 * n + 3}' if unpaired else f'{n}_B'}.jpg"
            picture, ids = data.scene()
            data.photograph(source, picture)
            if unpaired:
                data.photograph(target)
                continue
            data.write(target, FACADES[ids], quality=95, subsampling=0)
            data.keep(split, source, target, ids)
    return data


@PICTURES.of("CycleGAN facades")
def _(root: Path) -> Meant:
    return _a_and_b(root, (("train", 6), ("test", 4)), unpaired=False).meant(near=True)


@PICTURES.of("CycleGAN horse2zebra")
def _(root: Path) -> Meant:
    _a_and_b(root, (("train", 6), ("test", 4)), unpaired=True)
    return Meant({}, must_refuse=True)


@PICTURES.of("CMP facades")
def _(root: Path) -> Meant:
    data = Dataset(root, classes=6)
    for n in range(1, 9):
        stem = f"base/cmp_b{n:04}"
        picture, ids = data.scene()
        data.photograph(f"{stem}.jpg", picture)
        image = Image.fromarray(ids + np.uint8(1))
        image.putpalette([0, 0, 0, *COLOURS.ravel().tolist()])
        image.save(root / f"{stem}.png")
        data.text(f"{stem}.xml", "<object>\n <points>\n <x>0.1</x>\n</points></object>\n")
        data.keep(TOGETHER, f"{stem}.jpg", f"{stem}.png", ids)
    data.text("label_names.txt", "1 background 1\n2 facade 2\n3 window 8\n")
    return data.meant(named=True)


@PICTURES.of("DIV2K")
def _(root: Path) -> Meant:
    """The source is half as large as the target, which is said and not put right in silence."""
    data = Dataset(root)
    for spelled, first in (("train", 1), ("valid", 801)):
        for n in range(first, first + 5):
            picture, _ = data.scene()
            data.write(f"DIV2K_{spelled}_HR/{n:04}.png", picture)
            data.write(f"DIV2K_{spelled}_LR_bicubic/X2/{n:04}x2.png", picture[::2, ::2])
    return Meant({}, must_refuse=True)
