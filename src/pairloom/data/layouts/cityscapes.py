"""The official Cityscapes tree (M. Cordts et al., CVPR 2016)."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import Layout, Listing, Problem, Reading, alone, empty, taken
from pairloom.data.layouts.tree import Folder, Tree, stem_of
from pairloom.data.pairs import PairFiles, Part
from pairloom.data.readers import Classes, ColourReader, IndexReader, Reader
from pairloom.errors import UserError
from pairloom.images import Picture
from pairloom.palette import CITYSCAPES, CITYSCAPES_ALL, CITYSCAPES_TRAIN_IDS, Palette

PHOTOGRAPHS, LABELS = "leftImg8bit", "gtFine"
LABEL_KINDS = ("labelIds", "labelTrainIds", "color")
"""Files in which the classes of a photograph may lie, the first that is there is read. `instanceIds` tell no more."""


class Cityscapes(Layout):
    """`leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png` and `gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png`.

    The labels of the official test split are dummies, so it has no pairs.
    """

    name: LayoutName = "cityscapes"
    description = (
        "leftImg8bit/train/CITY/ with photographs, gtFine/train/CITY/ with labelIds (or labelTrainIds, color); "
        "the labels of the test split are dummies and are not read"
    )

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Match photographs and labels of all cities of a split, by the official names."""
        found: dict[str | None, Listing] = {}
        for split in ("train", "val"):
            folders = [folder for folder in tree.folders if folder.split == split]
            listing = _listing(folders)
            if listing is not None:
                found[split] = listing
        if not any(listing.pairs for listing in found.values()):
            return ()
        how = f"{PHOTOGRAPHS}/ with {LABELS}/, by the names of Cityscapes"
        return [Reading(self.name, how, found, certain=True)]

    def classes(self, reading: Reading, config: DataConfig, palette: Palette | None) -> Classes:
        """Return the 19 classes, or all that can be told apart."""
        palette = palette or (CITYSCAPES_ALL if config.classes == "all" else CITYSCAPES)
        return Classes(palette, CityscapesReader(palette))


class CityscapesReader:
    """Reads official label files, each by what its name says that it holds."""

    def __init__(self, palette: Palette) -> None:
        by_train_ids = CITYSCAPES_TRAIN_IDS if len(palette) == len(CITYSCAPES_TRAIN_IDS) else None
        self._readers: Mapping[str, Reader | None] = {
            "labelIds": IndexReader(palette),
            "labelTrainIds": IndexReader(by_train_ids) if by_train_ids else None,
            "color": ColourReader(palette),
        }
        self.key = f"cityscapes {palette.to_record()}"

    def read(self, part: Part) -> Picture:
        """Return the class ids, H×W."""
        reader = self._readers[part.path.stem.rsplit("_", 1)[-1]]
        if reader is None:
            raise UserError(f"{part.path}: holds the 19 train ids only; data.classes all needs labelIds")
        return reader.read(part)


def _listing(folders: Sequence[Folder]) -> Listing | None:
    """List the pairs of a split; None where it has no folder of photographs."""
    tops = [folder for folder in folders if PHOTOGRAPHS in folder.parts]
    if not tops:
        return None
    photographs, problems = _named(tops, f"_{PHOTOGRAPHS}")
    targets = [folder for folder in folders if LABELS in folder.parts]
    labels: dict[str, Path] = {}
    for kind in reversed(LABEL_KINDS):
        found, more = _named(targets, f"_{LABELS}_{kind}")
        labels |= found
        problems += more
    if not photographs:
        problems.append(empty(tops[0].path))
    cities = {_city(name): folder.path for folder in targets for name in folder.images}
    homes = {_city(name): folder.path for folder in tops for name in folder.images}
    for name in sorted(photographs.keys() ^ labels.keys()):
        if name in photographs:
            home = cities.get(_city(name), targets[0].path if targets else Path(LABELS))
            problems.append(alone(photographs[name], str(home / f"{name}_{LABELS}_labelIds.png")))
        else:
            home = homes.get(_city(name), tops[0].path)
            problems.append(alone(labels[name], str(home / f"{name}_{PHOTOGRAPHS}.png")))
    both = sorted(photographs.keys() & labels.keys())
    pairs = tuple(PairFiles(name, Part(photographs[name]), Part(labels[name])) for name in both)
    return Listing(pairs, tuple(problems))


def _city(name: str) -> str:
    return name.split("_")[0]


def _named(folders: Sequence[Folder], ending: str) -> tuple[dict[str, Path], list[Problem]]:
    """Return the images whose stem has this ending, by their name without it, and those named alike."""
    images: dict[str, Path] = {}
    twice = []
    for folder in folders:
        for file in folder.images:
            stem, path = stem_of(file), folder.path / file
            if not stem.endswith(ending):
                continue
            name = stem.removesuffix(ending)
            if name in images:
                twice.append(taken(path, images[name]))
            else:
                images[name] = path
    return images, twice
