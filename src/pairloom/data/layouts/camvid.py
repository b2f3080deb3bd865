"""CamVid in the selection of the SegNet tutorial."""

import re
from collections.abc import Sequence
from dataclasses import replace

from pairloom.config import DataConfig, LayoutName
from pairloom.data.layouts.listing import Layout, Reading
from pairloom.data.layouts.matching import match_places
from pairloom.data.layouts.pairing import reading_of
from pairloom.data.layouts.places import Group, Place
from pairloom.data.layouts.tree import Folder, Tree
from pairloom.data.readers import Classes, IndexReader
from pairloom.palette import CAMVID, Palette

NAMES = re.compile(r"(0001TP|0006R0|0016E5|Seq05VD)_f?\d+", re.IGNORECASE)
"""What the four drives of CamVid call their frames."""


class CamVid(Layout):
    """Photographs in `train/`, `val/`, `test/`; class indices under the same stem in `trainannot/` and so on."""

    name: LayoutName = "camvid"
    description = (
        "train/ and val/ with photographs, trainannot/ and valannot/ with class indices 0 to 11 (11 is void), under "
        "the names of CamVid's frames, such as 0016E5_07959"
    )

    def readings(self, tree: Tree, config: DataConfig) -> Sequence[Reading]:
        """Look for the folders of a split, and for the names of the four drives."""
        photographs, annotations = _place(tree, ""), _place(tree, "annot")
        stems = [stem for _, stem in annotations.files]
        if not stems or sum(NAMES.fullmatch(stem) is not None for stem in stems) < len(stems) / 2:
            return ()
        matches = match_places(photographs, annotations)
        found = [reading_of(tree, self.name, match) for match in matches[:1]]
        return [replace(reading, certain=True) for reading in found if reading is not None]

    def classes(self, reading: Reading, config: DataConfig, palette: Palette | None) -> Classes:
        """Return the 11 classes."""
        palette = palette or CAMVID
        return Classes(palette, IndexReader(palette))


def _place(tree: Tree, ending: str) -> Place:
    """Return the folders `train`, `val` and `test` with an ending to their names."""
    groups: dict[Group, tuple[Folder, ...]] = {}
    for folder in tree.folders:
        if folder.split and folder.parts[-1].lower() == f"{folder.split}{ending}":
            groups[Group(folder.split, tuple(folder.parts[:-1]))] = (folder,)
    return Place((ending,) if ending else (), groups)
