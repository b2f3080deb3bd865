"""Finding the colours of flat areas in pictures whose areas are blended at their borders, as JPEG blends them.

What tells a class map from a photograph: much of it is flat, and the flat pixels' colours crowd tightly around few
colours, where shading spreads them out. This must hold beside the most frequent colour too, which in a photograph may
be a plain background.

Measured on generated streets of 128×128 and 256×256, on CamVid's 367 training photographs (each alone, at 480×360 and
as 256×256 JPEG) and on its annotations drawn in colours: of class maps at JPEG quality 75, more than 0.34 is flat, and
0.99 or more of that, beside the background, is tight; of photographs that are as flat, 0.94 at the most.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pairloom.palette.areas import neighbourhood
from pairloom.palette.colour_reading import as_tuples, nearest_colours, pack, unpack

_FLAT = 3
"""Levels a channel by which a flat pixel's 3×3 neighbourhood varies at the most."""
_FLAT_SHARE = 0.25
"""Of all pixels, those that must be flat."""
_FLAT_BESIDE = 0.05
"""Of the pixels that have not the most frequent colour, those that must be flat."""
_ABSORBED = 30
"""Levels (Euclidean) around a colour within which others are taken for the same, changed by compression."""
_TIGHT = 8
"""Levels (Euclidean) around a colour within which JPEG at quality 75 keeps flat areas."""
_TIGHT_SHARE = 0.97
"""Of the flat pixels that have not the most frequent colour."""
_COVERED = 0.995
"""Of the flat pixels."""
_RARE = 2e-4
"""Of the flat pixels; a colour rarer than that and between two others is a blend of them."""
_NEAR = 40
_NEAR_SHARE = 0.8
"""Of all pixels, those that must lie at most 40 levels (Euclidean) from one of the colours."""


def area_colours(pictures: Sequence[NDArray[np.uint8]], most: int) -> list[tuple[int, int, int]] | None:
    """Find the colours of a class map's areas.

    Args:
        pictures: each H×W×3, RGB, 0 to 255.
        most: as many colours are looked for at the most.

    Returns:
        The colours, the one of the largest area first, each within few levels of what it was before compression; or
        None where the pictures are no class maps.
    """
    flat = [_is_flat(picture) for picture in pictures]
    pixels = sum(mask.size for mask in flat)
    different, counts = np.unique(
        np.concatenate([pack(picture[mask]) for picture, mask in zip(pictures, flat, strict=True)]), return_counts=True
    )
    if counts.sum() <= _FLAT_SHARE * pixels:
        return None
    rgb = unpack(different)
    centres = _centres(rgb, counts, most)
    if centres is None or not _is_tight(rgb, counts, centres, pixels):
        return None
    near = sum(int((nearest_colours(picture, centres)[1] <= _NEAR**2).sum()) for picture in pictures)
    if near < _NEAR_SHARE * pixels:
        return None
    return as_tuples(centres)


def _is_flat(picture: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Tell which pixels (H×W) have a neighbourhood, cut off at the picture's border, that hardly varies."""
    low, high = neighbourhood(picture)
    flat: NDArray[np.bool_] = np.all(high - low <= _FLAT, axis=2)
    return flat


def _centres(rgb: NDArray[np.int32], counts: NDArray[np.intp], most: int) -> NDArray[np.int32] | None:
    """Return the colours (K×3) around which different colours (N×3) crowd, or None if more than `most` are needed."""
    left = counts.copy()
    centres: list[NDArray[np.int32]] = []
    shares: list[float] = []
    while left.any() and len(centres) <= 2 * most:
        around = np.square(rgb - rgb[left.argmax()]).sum(axis=1)
        tight = (around <= _TIGHT**2) & (left > 0)
        absorbed = around <= _ABSORBED**2
        share = left[absorbed].sum() / counts.sum()
        centre = np.average(rgb[tight], axis=0, weights=left[tight]).round().astype(np.int32)
        left[absorbed] = 0
        if share >= _RARE or not _is_blend(centre, centres):
            centres.append(centre)
            shares.append(share)
    order = sorted(range(len(centres)), key=lambda number: -shares[number])[:most]
    if sum(shares[number] for number in order) < _COVERED:
        return None
    return np.array([centres[number] for number in order], dtype=np.int32)


def _is_blend(colour: NDArray[np.int32], others: list[NDArray[np.int32]]) -> bool:
    """Tell whether a colour lies between two of the others, roughly."""
    if len(others) < 2:
        return False
    ends = np.array(others, dtype=np.float64)
    first, second = np.triu_indices(len(ends), 1)
    start, way = ends[first], ends[second] - ends[first]
    along = ((colour - start) * way).sum(axis=1) / np.maximum(np.square(way).sum(axis=1), 1)
    aside = np.square(start + np.clip(along, 0, 1)[:, None] * way - colour).sum(axis=1)
    return bool((aside <= _ABSORBED**2).any())


def _is_tight(rgb: NDArray[np.int32], counts: NDArray[np.intp], centres: NDArray[np.int32], pixels: int) -> bool:
    """Tell whether colours (N×3) that occur so often (N) in flat places crowd tightly, beside the background's too."""
    apart = np.square(rgb[:, None, :] - centres[None, :, :]).sum(axis=2)
    background = apart.argmin(axis=1) == 0
    tight = apart.min(axis=1) <= _TIGHT**2
    beside = counts[~background].sum()
    enough = beside > _FLAT_BESIDE * (pixels - counts[background].sum())
    return bool(enough and counts[~background & tight].sum() >= _TIGHT_SHARE * beside)
