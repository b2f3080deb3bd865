"""Where pairs lie on disk: a table of layouts, and how the one of a folder is found."""

from collections.abc import Mapping
from pathlib import Path

from pairloom.config import LayoutName
from pairloom.data.layouts.camvid import CamVid
from pairloom.data.layouts.cityscapes import Cityscapes
from pairloom.data.layouts.listing import SPLITS, Layout, Listing, PairFiles, Part, Problem
from pairloom.data.layouts.manifest import Manifest
from pairloom.data.layouts.side_by_side import SideBySide
from pairloom.data.layouts.two_folders import TwoFolders
from pairloom.errors import UserError

__all__ = ["LAYOUTS", "SPLITS", "Layout", "Listing", "PairFiles", "Part", "Problem", "find_layout"]

LAYOUTS: Mapping[LayoutName, Layout] = {
    layout.name: layout for layout in (Manifest(), Cityscapes(), CamVid(), TwoFolders(), SideBySide())
}
"""Every layout by the name that `data.layout` takes, in the order in which `auto` tries them."""


def find_layout(root: Path, name: LayoutName = "auto") -> Layout:
    """Return the layout of that name, or for `auto` the first that recognises the folder.

    Raises:
        UserError: if there is no such folder or file, or none recognises it.
    """
    if not root.exists():
        raise UserError(f"{root}: no such folder; DATA is the folder that holds the pairs, or a manifest file")
    known = LAYOUTS.values() if name == "auto" else [LAYOUTS[name]]
    for layout in known:
        if layout.recognises(root):
            return layout
    expected = "; or ".join(layout.description for layout in known)
    raise UserError(f"{root}: holds no pairs in a layout that is known. Expected: {expected}")
