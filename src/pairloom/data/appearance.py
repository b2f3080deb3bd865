"""Tells pictures that look like labels, areas of flat colour, from those that look like photographs."""

from pairloom.images import Picture

_ROWS, _FEW_ROWS = 64, 8
"""Rows that are looked at, and those that are looked at first."""
_EQUAL_SHARE = 0.5
"""Share of neighbours that are equal in labels, after JPEG too; in photographs most of them differ."""


def looks_like_labels(picture: Picture) -> bool:
    """Tell whether a picture (H×W×C) consists of flat areas, as labels do; one of a single colour shows nothing."""
    few = picture[:: max(1, picture.shape[0] // _FEW_ROWS), :, 0]
    if not few[:, 1:].size or (few[:, 1:] == few[:, :-1]).mean() <= _EQUAL_SHARE / 2:
        return False  # most photographs
    rows = picture[:: max(1, picture.shape[0] // _ROWS)]
    return bool(_EQUAL_SHARE < (rows[:, 1:] == rows[:, :-1]).all(axis=2).mean() < 1)
