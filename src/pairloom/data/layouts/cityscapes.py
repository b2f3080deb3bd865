"""The official Cityscapes tree (M. Cordts et al., CVPR 2016)."""

from collections.abc import Mapping
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import Listing, PairFiles, Part, Problem, empty, taken
from pairloom.images import is_image
from pairloom.palette import CITYSCAPES, CITYSCAPES_ALL, Palette

PHOTOGRAPHS, LABELS = "leftImg8bit", "gtFine"
LABEL_KINDS = ("labelIds", "labelTrainIds", "color")
"""Files in which the classes of a photograph may lie, the first that is there is read. `instanceIds` tell no more."""


class Cityscapes:
    """`leftImg8bit/SPLIT/CITY/NAME_leftImg8bit.png` and `gtFine/SPLIT/CITY/NAME_gtFine_labelIds.png`.

    The labels of the official test split are dummies, so it has no pairs.
    """

    name: LayoutName = "cityscapes"
    description = (
        "leftImg8bit/train/CITY/ with photographs, gtFine/train/CITY/ with labelIds (or labelTrainIds, color); "
        "the labels of the test split are dummies and are not read"
    )

    def recognises(self, root: Path) -> bool:
        """Look for leftImg8bit/ and gtFine/."""
        return (root / PHOTOGRAPHS).is_dir() and (root / LABELS).is_dir()

    def splits(self, root: Path) -> tuple[str, ...]:
        """Name the splits whose labels are real."""
        return tuple(split for split in ("train", "val") if (root / PHOTOGRAPHS / split).is_dir())

    def listing(self, root: Path, split: str | None) -> Listing:
        """Match photographs and labels of all cities of a split."""
        if not split:
            return Listing()
        photographs, twice = _named(root / PHOTOGRAPHS / split, f"_{PHOTOGRAPHS}")
        labels: dict[str, Path] = {}
        for kind in reversed(LABEL_KINDS):
            found, more = _named(root / LABELS / split, f"_{LABELS}_{kind}")
            labels |= found
            twice += more
        problems = [] if photographs else [empty(root / PHOTOGRAPHS / split)]
        problems += twice
        for name in sorted(photographs.keys() ^ labels.keys()):
            city = name.split("_")[0]
            if name in photographs:
                alone, wanted = photographs[name], root / LABELS / split / city / f"{name}_{LABELS}_labelIds.png"
            else:
                alone, wanted = labels[name], root / PHOTOGRAPHS / split / city / f"{name}_{PHOTOGRAPHS}.png"
            message = f"its partner {wanted} is missing; add it, or remove this file"
            problems.append(Problem("missing partner", alone, message))
        pairs = (
            PairFiles(name, Part(path), Part(labels[name])) for name, path in photographs.items() if name in labels
        )
        return Listing(tuple(pairs), tuple(problems))

    def classes(self, config: DataConfig) -> Palette | None:
        """Return the 19 classes, or all that can be told apart."""
        return CITYSCAPES_ALL if config.classes == "all" else CITYSCAPES


def label_kind(path: Path) -> str:
    """Tell by its name what a label file holds: one of `LABEL_KINDS`."""
    return path.stem.rsplit("_", 1)[-1]


def _named(folder: Path, ending: str) -> tuple[Mapping[str, Path], list[Problem]]:
    """Return the images of all cities whose stem has this ending, by their name without it, and those named alike."""
    images: dict[str, Path] = {}
    twice = []
    for path in sorted(path for path in folder.glob("*/*") if path.stem.endswith(ending) and is_image(path)):
        name = path.stem.removesuffix(ending)
        if name in images:
            twice.append(taken(path, images[name]))
        else:
            images[name] = path
    return images, twice
