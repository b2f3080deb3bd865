"""Class maps laid over photographs."""

import numpy as np
from numpy.typing import NDArray

from pairloom.images import UInt8Array
from pairloom.palette import VOID, Palette

_STRENGTH = 0.5
"""Share of a class's colour in what it covers."""
_DIMMED, _RAISED = 0.3, 20
"""Share of the brightness that is left of what a spotlight does not show, and levels that are added."""


def overlay(photograph: UInt8Array, ids: UInt8Array, palette: Palette) -> UInt8Array:
    """Lay the classes over a photograph: translucent, and outlined in their full colours.

    Void is left clear, and so is a class whose colour is black, which is the background as a rule.

    Args:
        photograph: H×W×3.
        ids: class ids, H×W.
        palette: their colours.
    """
    colours = palette.to_colours(ids)
    mixed = (photograph * (1 - _STRENGTH) + colours * _STRENGTH).round().astype(np.uint8)
    clear = (ids == VOID) | ~colours.any(axis=2)
    mixed[clear] = photograph[clear]
    outlined = borders(ids)
    mixed[outlined] = colours[outlined]
    return mixed


def spotlight(photograph: UInt8Array, shown: NDArray[np.bool_], colour: tuple[int, int, int]) -> UInt8Array:
    """Darken all of a photograph (H×W×3) but one part (H×W), and outline that in a colour on white."""
    grey = photograph.mean(axis=2, keepdims=True) * _DIMMED + _RAISED
    picture = np.where(shown[:, :, None], photograph, grey).round().astype(np.uint8)
    rim = _grown(shown) & ~shown
    picture[_grown(rim) & ~shown] = 255
    picture[rim] = colour
    return picture


def borders(ids: UInt8Array) -> NDArray[np.bool_]:
    """Tell which pixels (H×W) have a neighbour of another class."""
    found = np.zeros(ids.shape, dtype=np.bool_)
    down, across = ids[1:] != ids[:-1], ids[:, 1:] != ids[:, :-1]
    found[1:] |= down
    found[:-1] |= down
    found[:, 1:] |= across
    found[:, :-1] |= across
    return found


def _grown(shown: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add the pixels next to a part."""
    grown = shown.copy()
    grown[1:] |= shown[:-1]
    grown[:-1] |= shown[1:]
    grown[:, 1:] |= shown[:, :-1]
    grown[:, :-1] |= shown[:, 1:]
    return grown
