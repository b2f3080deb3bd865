"""CamVid in the selection of the SegNet tutorial."""

from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import SPLITS, Listing, matched
from pairloom.palette import CAMVID, Palette


class CamVid:
    """Photographs in `train/`, `val/`, `test/`; class indices under the same stem in `trainannot/` and so on."""

    name: LayoutName = "camvid"
    description = "train/ and val/ with photographs, trainannot/ and valannot/ with class indices 0 to 11 (11 is void)"

    def recognises(self, root: Path) -> bool:
        """Look for the two folders of a split."""
        return any((root / split).is_dir() and (root / f"{split}annot").is_dir() for split in SPLITS)

    def splits(self, root: Path) -> tuple[str, ...]:
        """Name the splits of which a folder is there."""
        return tuple(split for split in SPLITS if (root / split).is_dir() or (root / f"{split}annot").is_dir())

    def listing(self, root: Path, split: str | None) -> Listing:
        """Match photographs and annotations of a split by stem."""
        return matched(root / split, root / f"{split}annot") if split else Listing()

    def classes(self, config: DataConfig) -> Palette | None:
        """Return the 11 classes."""
        return CAMVID
