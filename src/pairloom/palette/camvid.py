"""CamVid: its 11 classes."""

from pairloom.palette.classes import Palette

CAMVID = Palette(
    name="camvid",
    names=(
        "sky",
        "building",
        "pole",
        "road",
        "sidewalk",
        "tree",
        "traffic sign",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ),
    # Drawn in the colours that Cityscapes gives to the same things.
    colours=(
        (70, 130, 180),
        (70, 70, 70),
        (153, 153, 153),
        (128, 64, 128),
        (244, 35, 232),
        (107, 142, 35),
        (220, 220, 0),
        (190, 153, 153),
        (0, 0, 142),
        (220, 20, 60),
        (119, 11, 32),
    ),
    void_values=(11,),
)
"""The 11 classes of CamVid in the selection of the SegNet tutorial (V. Badrinarayanan et al., 2017).

Its annotations are index files with values 0 to 10, and 11 for void.
"""
