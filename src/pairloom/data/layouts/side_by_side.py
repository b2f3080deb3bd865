"""Both images of a pair in one file, next to each other, as the pix2pix data sets have them."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import Layout, Listing, Problem, Reading, empty, taken
from pairloom.data.layouts.splits import SPLITS
from pairloom.data.layouts.tree import Folder, Tree
from pairloom.data.pairs import PairFiles, Part


class SideBySide(Layout):
    """A in the left half, B in the right; in `train/`, `val/`, `test/`, or all in one folder."""

    name: LayoutName = "side-by-side"
    description = "images with one picture in the left half and its partner in the right; in train/ and val/, or flat"

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Take the images of each kind of folder as two halves; those of the data folder and its splits first."""
        kinds: dict[tuple[str, ...], list[Folder]] = defaultdict(list)
        for folder in tree.folders:
            if folder.images or (folder.split and len(folder.parts) == 1):
                kinds[folder.rest].append(folder)
        found = [_reading(kind, folders) for kind, folders in sorted(kinds.items(), key=lambda item: len(item[0]))]
        return [reading for reading in found if reading.pairs]


def _reading(kind: tuple[str, ...], folders: Sequence[Folder]) -> Reading:
    """Read the folders of one kind; where splits have folders of their own, what lies beside them is left out."""
    splits = [folder for folder in folders if folder.split] or folders
    listings: dict[str | None, Listing] = {}
    for split in {folder.split for folder in splits}:
        images: dict[str, Path] = {}
        problems: list[Problem] = []
        for folder in splits:
            if folder.split != split:
                continue
            for path in sorted((folder.path / name for name in folder.images), key=lambda path: (path.stem, path.name)):
                stem = path.stem  # as it is: no partner has to be found by it
                if stem in images:
                    problems.append(taken(path, images[stem]))
                else:
                    images[stem] = path
            if not folder.images:
                problems.append(empty(folder.path))
        pairs = (PairFiles(stem, Part(path, "left"), Part(path, "right")) for stem, path in sorted(images.items()))
        listings[split] = Listing(tuple(pairs), tuple(problems))
    first = min(splits, key=lambda folder: SPLITS.index(folder.split) if folder.split else len(SPLITS))
    where = first.label if first.parts else ""
    return Reading("side-by-side", f"the left and the right half of {where}*", listings)
