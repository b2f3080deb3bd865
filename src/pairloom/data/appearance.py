"""Tells pictures that look like labels, areas of flat colour, from those that look like photographs."""

from pairloom.data.thumbnails import Points
from pairloom.images import Picture, UInt8Array

_ROWS = 64
"""Rows that are looked at."""
_EQUAL_SHARE = 0.5
"""Share of neighbours that are equal in labels, after JPEG too; in photographs most of them differ."""
_EQUAL_POINTS = 0.2
"""Share of neighbouring points that are equal in a small version of labels, and rarely in one of a photograph."""
_BORDER_SHARE = 0.05
"""Share of neighbouring points that differ in what may be a photograph read as classes, and in few class maps."""


def looks_like_labels(picture: Picture) -> bool:
    """Tell whether a picture (H×W×C) consists of flat areas, as labels do; one of a single colour shows nothing."""
    rows = picture[:: max(1, picture.shape[0] // _ROWS)]
    equal = (rows[:, 1:] == rows[:, :-1]).all(axis=2)
    return bool(equal.size and _EQUAL_SHARE < equal.mean() < 1)


def may_be_labels(points: Points) -> bool:
    """Tell from a small version (C×H×W) whether a picture is worth `looks_like_labels`."""
    return bool((points[:, :, 1:] == points[:, :, :-1]).all(axis=0).mean() > _EQUAL_POINTS)


def may_be_photograph(ids: UInt8Array) -> bool:
    """Tell from the class ids at some points (H×W) whether what was read as a class map may be a photograph."""
    return bool((ids[:, 1:] != ids[:, :-1]).mean() > _BORDER_SHARE)
