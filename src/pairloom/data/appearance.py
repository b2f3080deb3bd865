"""Tells pictures that look like labels, areas of flat colour, from those that look like photographs."""

from pairloom.images import Picture

_ROWS = 64
"""Rows that are looked at."""
_EQUAL_SHARE = 0.5
"""Share of neighbours that are equal in labels, after JPEG too; in photographs most of them differ."""


def looks_like_labels(picture: Picture) -> bool:
    """Tell whether a picture (H×W×C) consists of flat areas, as labels do; one of a single colour shows nothing."""
    rows = picture[:: max(1, picture.shape[0] // _ROWS)]
    equal = (rows[:, 1:] == rows[:, :-1]).all(axis=2)
    return bool(equal.size and _EQUAL_SHARE < equal.mean() < 1)
