"""Both images of a pair in one file, next to each other, as the pix2pix data sets have them."""

from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import SPLITS, Listing, PairFiles, Part, by_stem, empty, holds_images
from pairloom.palette import Palette


class SideBySide:
    """A in the left half, B in the right; in `train/`, `val/`, `test/`, or all in one folder."""

    name: LayoutName = "side-by-side"
    description = "images with one picture in the left half and its partner in the right; in train/ and val/, or flat"

    def recognises(self, root: Path) -> bool:
        """Look for images in the folder of a split, or in the folder itself."""
        return any(holds_images(folder) for folder in (*(root / split for split in SPLITS), root))

    def splits(self, root: Path) -> tuple[str, ...]:
        """Name the sub-folders that are there."""
        return tuple(split for split in SPLITS if (root / split).is_dir())

    def listing(self, root: Path, split: str | None) -> Listing:
        """List the images of a sub-folder, or of the folder itself."""
        folder = root / split if split else root
        images, problems = by_stem(folder)
        if not images:
            problems.append(empty(folder))
        pairs = (PairFiles(stem, Part(path, "left"), Part(path, "right")) for stem, path in images.items())
        return Listing(tuple(pairs), tuple(problems))

    def classes(self, config: DataConfig) -> Palette | None:
        """Each data set has its own."""
        return None
