"""Where pairs lie on disk, and how one pair is read.

A layout lists the files of a split and reads one of them; `LAYOUTS` is the table that `data.layout` names, and
`find_layout` looks at a folder to tell which one it is.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from pairloom.config import LayoutName
from pairloom.errors import UserError
from pairloom.images import UInt8Array, is_image, read_class_map, read_picture
from pairloom.palette import CAMVID, CITYSCAPES, VOID, Palette

SPLITS = ("train", "val", "test")


class PairFiles(NamedTuple):
    """The files of one pair; both are the same file where the two images share one."""

    name: str
    source: Path
    target: Path


class Pair(NamedTuple):
    """One decoded pair at its native size."""

    name: str
    source: UInt8Array
    """Photograph, H×W×3, 0 to 255."""
    target: UInt8Array
    """Class ids, H×W; `VOID` where there is no class."""


class Layout(Protocol):
    """A way in which pairs lie in a folder."""

    name: LayoutName
    """What `data.layout` calls it."""
    palette: Palette
    """The classes that targets hold."""
    description: str
    """What must be in the folder, for messages."""

    def recognises(self, root: Path) -> bool:
        """Tell whether the folder looks like this layout."""

    def files(self, root: Path, split: str) -> list[PairFiles]:
        """List the pairs of a split, sorted by name; raise UserError where one lacks its partner."""

    def read(self, files: PairFiles) -> Pair:
        """Decode one pair; raise UserError, with the file's name, for files that cannot serve."""


class SideBySide:
    """Both images in one file: the photograph in the left half, the colour-coded target in the right."""

    name: LayoutName = "side-by-side"
    palette = CITYSCAPES
    description = "train/ and val/ with images that hold the photograph in the left half, the target in the right"

    def recognises(self, root: Path) -> bool:
        """Look for images in train/, and for no folder of targets beside it."""
        return any(map(is_image, (root / "train").glob("*"))) and not (root / "trainannot").exists()

    def files(self, root: Path, split: str) -> list[PairFiles]:
        """List the images of `root/split`."""
        return [PairFiles(stem, path, path) for stem, path in _by_stem(root / split).items()]

    def read(self, files: PairFiles) -> Pair:
        """Cut the picture in the middle and read the right half's colours as classes."""
        both = read_picture(files.source)
        width = both.shape[1]
        if width % 2:
            raise UserError(f"{files.source}: {width} pixels wide; two images side by side need an even width")
        target = self.palette.to_ids(both[:, width // 2 :])
        return Pair(files.name, np.ascontiguousarray(both[:, : width // 2]), target)


class CamVid:
    """Photographs in train/, val/, test/; class indices under the same stem in trainannot/, valannot/, testannot/."""

    name: LayoutName = "camvid"
    palette = CAMVID
    description = "train/ and val/ with photographs, trainannot/ and valannot/ with class indices 0 to 11"

    def recognises(self, root: Path) -> bool:
        """Look for train/ and trainannot/."""
        return (root / "train").is_dir() and (root / "trainannot").is_dir()

    def files(self, root: Path, split: str) -> list[PairFiles]:
        """Match photographs and annotations of a split by stem."""
        sources, targets = _by_stem(root / split), _by_stem(root / f"{split}annot")
        for stem in sorted(sources.keys() ^ targets.keys()):
            found, folder = (sources[stem], f"{split}annot") if stem in sources else (targets[stem], split)
            raise UserError(f"{found}: its partner {root / folder / stem}.* is missing; add it or remove this file")
        return [PairFiles(stem, sources[stem], targets[stem]) for stem in sorted(sources)]

    def read(self, files: PairFiles) -> Pair:
        """Read the photograph and its class indices; the index after the last class is void."""
        source, indices = read_picture(files.source), read_class_map(files.target)
        if source.shape[:2] != indices.shape:
            raise UserError(
                f"{files.target}: {indices.shape[1]}×{indices.shape[0]} pixels, but its photograph "
                f"{files.source.name} has {source.shape[1]}×{source.shape[0]}"
            )
        void = len(self.palette)
        outside = indices[(indices > void) & (indices != VOID)]
        if outside.size:
            raise UserError(
                f"{files.target}: holds the index {outside[0]}; classes are 0 to {void - 1}, void is {void}"
            )
        return Pair(files.name, source, np.where(indices == void, VOID, indices).astype(np.uint8))


LAYOUTS: Mapping[LayoutName, Layout] = {layout.name: layout for layout in (CamVid(), SideBySide())}
"""Every layout by the name that `data.layout` takes."""


def find_layout(root: Path, name: LayoutName = "auto") -> Layout:
    """Return the layout of that name, or for `auto` the one that recognises the folder.

    Raises:
        UserError: if the folder does not exist, or none recognises it.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; DATA is the folder that holds the pairs")
    if name != "auto":
        return LAYOUTS[name]
    for layout in LAYOUTS.values():
        if layout.recognises(root):
            return layout
    known = "; or ".join(layout.description for layout in LAYOUTS.values())
    raise UserError(f"{root}: holds no pairs in a layout that is known. Expected: {known}")


def split_files(root: Path, split: str, layout: Layout) -> list[PairFiles]:
    """List the pairs of a split.

    Raises:
        UserError: if there are none, two share a name, or one lacks its partner.
    """
    files = layout.files(root, split)
    if not files:
        raise UserError(f"{root / split}: no images for the split {split!r}. Expected: {layout.description}")
    return files


def _by_stem(folder: Path) -> dict[str, Path]:
    """Return a folder's images by their names without extension, sorted; none where there is no folder."""
    images: dict[str, Path] = {}
    for path in sorted(filter(is_image, folder.glob("*")), key=lambda path: (path.stem, path.name)):
        if path.stem in images:
            raise UserError(f"{path}: the name {path.stem!r} belongs to {images[path.stem].name} too; rename one")
        images[path.stem] = path
    return images
