"""Where pairs lie on disk: a table of layouts, each of which proposes ways to read a folder."""

from collections.abc import Mapping

from pairloom.config import LayoutName
from pairloom.data.layouts.annotated import Annotated
from pairloom.data.layouts.camvid import CamVid
from pairloom.data.layouts.cityscapes import Cityscapes
from pairloom.data.layouts.listing import Layout, Listing, Problem, Reading
from pairloom.data.layouts.manifest import Manifest
from pairloom.data.layouts.mask_files import MaskFilesLayout
from pairloom.data.layouts.pairing import OneFolder, TwoFolders
from pairloom.data.layouts.patterns import Patterns
from pairloom.data.layouts.side_by_side import SideBySide
from pairloom.data.layouts.splits import SPLITS
from pairloom.data.layouts.tree import Tree
from pairloom.data.pairs import PairFiles, Part

__all__ = ["LAYOUTS", "SPLITS", "Layout", "Listing", "PairFiles", "Part", "Problem", "Reading", "Tree"]

LAYOUTS: Mapping[LayoutName, Layout] = {
    layout.name: layout
    for layout in (
        Patterns(),
        Manifest(),
        Cityscapes(),
        CamVid(),
        TwoFolders(),
        OneFolder(),
        MaskFilesLayout(),
        Annotated(),
        SideBySide(),
    )
}
"""Every layout by the name that `data.layout` takes."""
