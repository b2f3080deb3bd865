"""Cityscapes: its 35 labels, and palettes of the 19 that are scored and of the 30 that can be kept.

All facts are those of the Cityscapes label definition (M. Cordts et al., CVPR 2016, and the labels.py of its scripts).
"""

from typing import NamedTuple

from pairloom.palette.classes import VOID, Colour, Palette


class CityscapesLabel(NamedTuple):
    """One row of the Cityscapes label definition."""

    name: str
    id: int
    """The value in `labelIds` files."""
    train_id: int
    """The value in `labelTrainIds` files: 0 to 18, or 255 for classes that are not scored."""
    colour: Colour


CITYSCAPES_LABELS: tuple[CityscapesLabel, ...] = (
    CityscapesLabel("unlabeled", 0, VOID, (0, 0, 0)),
    CityscapesLabel("ego vehicle", 1, VOID, (0, 0, 0)),
    CityscapesLabel("rectification border", 2, VOID, (0, 0, 0)),
    CityscapesLabel("out of roi", 3, VOID, (0, 0, 0)),
    CityscapesLabel("static", 4, VOID, (0, 0, 0)),
    CityscapesLabel("dynamic", 5, VOID, (111, 74, 0)),
    CityscapesLabel("ground", 6, VOID, (81, 0, 81)),
    CityscapesLabel("road", 7, 0, (128, 64, 128)),
    CityscapesLabel("sidewalk", 8, 1, (244, 35, 232)),
    CityscapesLabel("parking", 9, VOID, (250, 170, 160)),
    CityscapesLabel("rail track", 10, VOID, (230, 150, 140)),
    CityscapesLabel("building", 11, 2, (70, 70, 70)),
    CityscapesLabel("wall", 12, 3, (102, 102, 156)),
    CityscapesLabel("fence", 13, 4, (190, 153, 153)),
    CityscapesLabel("guard rail", 14, VOID, (180, 165, 180)),
    CityscapesLabel("bridge", 15, VOID, (150, 100, 100)),
    CityscapesLabel("tunnel", 16, VOID, (150, 120, 90)),
    CityscapesLabel("pole", 17, 5, (153, 153, 153)),
    CityscapesLabel("polegroup", 18, VOID, (153, 153, 153)),
    CityscapesLabel("traffic light", 19, 6, (250, 170, 30)),
    CityscapesLabel("traffic sign", 20, 7, (220, 220, 0)),
    CityscapesLabel("vegetation", 21, 8, (107, 142, 35)),
    CityscapesLabel("terrain", 22, 9, (152, 251, 152)),
    CityscapesLabel("sky", 23, 10, (70, 130, 180)),
    CityscapesLabel("person", 24, 11, (220, 20, 60)),
    CityscapesLabel("rider", 25, 12, (255, 0, 0)),
    CityscapesLabel("car", 26, 13, (0, 0, 142)),
    CityscapesLabel("truck", 27, 14, (0, 0, 70)),
    CityscapesLabel("bus", 28, 15, (0, 60, 100)),
    CityscapesLabel("caravan", 29, VOID, (0, 0, 90)),
    CityscapesLabel("trailer", 30, VOID, (0, 0, 110)),
    CityscapesLabel("train", 31, 16, (0, 80, 100)),
    CityscapesLabel("motorcycle", 32, 17, (0, 0, 230)),
    CityscapesLabel("bicycle", 33, 18, (119, 11, 32)),
    CityscapesLabel("license plate", -1, VOID, (0, 0, 142)),
)
"""Every label; the licence plate's official id is -1."""

COLOUR_COLLISIONS = {
    "ego vehicle": "unlabeled",
    "rectification border": "unlabeled",
    "out of roi": "unlabeled",
    "static": "unlabeled",
    "polegroup": "pole",
    "license plate": "car",
}
"""Labels that share another's official colour, each with the label that it therefore reads as in `color` files.

Only `labelIds` files tell them apart.
"""

_OWN_COLOURS: dict[str, Colour] = {"static": (0, 50, 0), "polegroup": (115, 165, 145)}
"""What `CITYSCAPES_ALL` draws its labels in whose official colour belongs to another: a dark and a pale green, of the
brightness of what they collide with, and more than 35 levels from every other colour."""

_TRAINED = sorted((label for label in CITYSCAPES_LABELS if label.train_id != VOID), key=lambda label: label.train_id)
_NO_THING = ("unlabeled", "ego vehicle", "rectification border", "out of roi")
_KEPT = [
    *_TRAINED,
    *(label for label in CITYSCAPES_LABELS if label.train_id == VOID and label.id >= 0 and label.name not in _NO_THING),
]
_BLACK: Colour = (0, 0, 0)


def _void_colours(kept: list[CityscapesLabel]) -> tuple[Colour, ...]:
    """Return the official colours, black aside, of which no kept label is the owner."""
    scored = {_BLACK, *(label.colour for label in kept)}
    return tuple(dict.fromkeys(label.colour for label in CITYSCAPES_LABELS if label.colour not in scored))


def _void_values(kept: list[CityscapesLabel]) -> tuple[int, ...]:
    """Return the ids of labels that are not kept; a file cannot hold the licence plate's -1."""
    return tuple(label.id for label in CITYSCAPES_LABELS if label not in kept and label.id >= 0)


CITYSCAPES = Palette(
    name="cityscapes",
    names=tuple(label.name for label in _TRAINED),
    colours=tuple(label.colour for label in _TRAINED),
    void_colours=_void_colours(_TRAINED),
    values=tuple(label.id for label in _TRAINED),
    void_values=_void_values(_TRAINED),
)
"""The 19 classes that Cityscapes trains and scores, in the order of their train ids; reads `labelIds` files."""

CITYSCAPES_TRAIN_IDS = Palette(
    name="cityscapes-train-ids",
    names=CITYSCAPES.names,
    colours=CITYSCAPES.colours,
    void_colours=CITYSCAPES.void_colours,
    values=tuple(label.train_id for label in _TRAINED),
)
"""The same 19 classes for `labelTrainIds` files, whose values are 0 to 18, and 255 for void."""

CITYSCAPES_ALL = Palette(
    name="cityscapes-all",
    names=tuple(label.name for label in _KEPT),
    colours=tuple(_OWN_COLOURS.get(label.name, label.colour) for label in _KEPT),
    values=tuple(label.id for label in _KEPT),
    void_values=_void_values(_KEPT),
)
"""The 30 labels that stand for something seen: the 19 first, then the others in the order of their ids.

Reads `labelIds` files in full. `color` files cannot show static and polegroup, see `COLOUR_COLLISIONS`.
"""


def written_palette(palette: Palette) -> Palette:
    """Return the palette whose values stand in index maps that are written.

    For Cityscapes these are the official `labelIds`, also where training read `labelTrainIds`.
    """
    return CITYSCAPES if palette == CITYSCAPES_TRAIN_IDS else palette
