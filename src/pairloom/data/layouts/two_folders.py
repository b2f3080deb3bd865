"""Two folders whose images belong together by name."""

from collections.abc import Iterator
from pathlib import Path

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import SPLITS, Listing, matched
from pairloom.palette import Palette

FOLDERS = (
    ("source", "target"),
    ("sources", "targets"),
    ("input", "output"),
    ("inputs", "targets"),
    ("A", "B"),
    ("images", "masks"),
    ("images", "labels"),
    ("images", "annotations"),
    ("photos", "labels"),
    ("photos", "masks"),
)
"""Names that the folders of A and B may have."""


class TwoFolders:
    """A and B under the same stem in two folders; the extensions may differ.

    The splits lie below the folders (`images/train/`), above them (`train/images/`), in their names (`trainA/`,
    `trainB/`), or are not told apart (`images/`).
    """

    name: LayoutName = "two-folders"
    description = (
        "two folders with files of the same names: "
        + ", ".join(f"{a}/ and {b}/" for a, b in FOLDERS)
        + ", each with train/ and val/ below, above or not at all; or trainA/ and trainB/, valA/ and valB/"
    )

    def recognises(self, root: Path) -> bool:
        """Look for two folders that belong together."""
        return bool(self.splits(root)) or self._folders(root, None) is not None

    def splits(self, root: Path) -> tuple[str, ...]:
        """Name the splits that have two folders."""
        return tuple(split for split in SPLITS if self._folders(root, split))

    def listing(self, root: Path, split: str | None) -> Listing:
        """Match the files of the split's two folders."""
        folders = self._folders(root, split)
        return matched(*folders) if folders else Listing()

    def classes(self, config: DataConfig) -> Palette | None:
        """Each data set has its own."""
        return None

    def _folders(self, root: Path, split: str | None) -> tuple[Path, Path] | None:
        places = _split_places(root, split) if split else ((root / a, root / b) for a, b in FOLDERS)
        return next(((a, b) for a, b in places if a.is_dir() and b.is_dir()), None)


def _split_places(root: Path, split: str) -> Iterator[tuple[Path, Path]]:
    yield root / f"{split}A", root / f"{split}B"
    for a, b in FOLDERS:
        yield root / a / split, root / b / split
        yield root / split / a, root / split / b
