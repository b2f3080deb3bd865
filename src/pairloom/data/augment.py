"""One random draw, applied to both images of a pair; colour changes touch the photograph only."""

import math
from typing import NamedTuple

import kornia.enhance as enhance
import numpy as np
import torch
from torch import Tensor

from pairloom.config import AugmentConfig, Size
from pairloom.data.pairs import Pair
from pairloom.images import WHOLE, Picture, Values, limits, to_tensor, without_reading
from pairloom.palette import VOID

PADDING_GREY = 128
"""What pictures hold, of 255, where a shrunk pair leaves a border; class maps hold void there."""


def augment(
    pair: Pair, size: Size, config: AugmentConfig, rng: np.random.Generator, *, scale: float | None = None
) -> tuple[Tensor, Tensor]:
    """Draw one augmented example from a pair.

    Args:
        pair: source and target at their native size, so that zooming in shows detail that was there.
        size: the size of the result.
        config: the largest changes.
        rng: source of the draw; the same state gives the same example.
        scale: at a zoom of 1 the example is a crop of the pair at this scale; None: the whole pair, resized.

    Returns:
        The source (C×H×W float in [-1, 1]) and the target, as of `target_tensor`: void, or no reading where there is a
        number for it, in the padding.
    """
    source, target = _cropped(pair, size, config, rng, scale)
    if config.flip and rng.random() < 0.5:
        source, target = source[:, ::-1], target[:, ::-1]
    changes = {
        name: rng.uniform(-limit, limit)
        for name, limit in (
            ("brightness", config.brightness),
            ("contrast", config.contrast),
            ("saturation", config.saturation),
            ("hue", config.hue),
        )
        if limit
    }
    tensor = to_tensor(source, pair.source_values)
    return (_recoloured(tensor, changes) if changes else tensor), target_tensor(target, pair.target_values)


def target_tensor(target: Picture, values: Values = WHOLE) -> Tensor:
    """Return what networks are compared with: class ids (H×W uint8) as they are, a picture as C×H×W in [-1, 1].

    Pixels of a picture that hold no reading are NaN.
    """
    if target.ndim == 2:
        return torch.from_numpy(target.copy())
    tensor, empty = to_tensor(target, values), without_reading(target, values)
    return tensor if empty is None else tensor.masked_fill_(torch.from_numpy(empty), torch.nan)


def _cropped(
    pair: Pair, size: Size, config: AugmentConfig, rng: np.random.Generator, scale: float | None
) -> tuple[Picture, Picture]:
    """Show a random window of the pair, or, along a side at which it is smaller than the window, all of it padded."""
    zoom = math.exp(rng.uniform(math.log(config.scale[0]), math.log(config.scale[1])))
    across, down = rng.random(2)
    whole = pair.size if scale is None else (size.height / scale, size.width / scale)  # what a zoom of 1 shows
    at = _rare_pixel(pair.target, rng) if config.rare and rng.random() < config.rare else (None, None)
    rows = _Extent.draw(pair.size.height, whole[0] / zoom, size.height, down, at[0])
    columns = _Extent.draw(pair.size.width, whole[1] / zoom, size.width, across, at[1])
    inner = Size(rows.length, columns.length)
    window = pair.resized(inner, (columns.first, rows.first, columns.last, rows.last))
    if inner == size:
        return window.source, window.target
    source = _padding(window.source, size, pair.source_values)
    target = _padding(window.target, size, pair.target_values)
    place = np.s_[rows.place : rows.place + rows.length, columns.place : columns.place + columns.length]
    source[place], target[place] = window.source, window.target
    return source, target


class _Extent(NamedTuple):
    """Along one side: which part of the pair is shown, and where in the example."""

    first: float
    last: float
    place: int
    length: int

    @classmethod
    def draw(cls, side: int, window: float, size: int, share: float, at: int | None) -> "_Extent":
        """Place a window.

        Args:
            side: of the pair, in pixels.
            window: what the example would show of it, in pixels of the pair.
            size: of the example, in its own pixels.
            share: where the window lies in the room that there is for it, 0 to 1.
            at: a pixel of the pair that the window is to hold, at this share of it; None: anywhere.
        """
        if window > side:
            length = max(1, round(size * side / window))
            return cls(0, side, round(share * (size - length)), length)
        first = share * (side - window) if at is None else min(max(at + 0.5 - share * window, 0.0), side - window)
        return cls(first, min(first + window, side), 0, size)


def _rare_pixel(target: Picture, rng: np.random.Generator) -> tuple[int, int] | tuple[None, None]:
    """Draw one of the classes that a class map has, and one of its pixels (row, column); None for pictures."""
    if target.ndim != 2:
        return None, None
    classes = np.flatnonzero(np.bincount(target.ravel(), minlength=VOID + 1)[:VOID])
    if not len(classes):
        return None, None
    pixels = np.flatnonzero(target == rng.choice(classes))
    row, column = divmod(int(rng.choice(pixels)), target.shape[1])
    return row, column


def _padding(image: Picture, size: Size, values: Values) -> Picture:
    """Return what surrounds a shrunk image: void around class ids, no reading or grey around a picture."""
    if image.ndim == 2:
        return np.full(size, VOID, dtype=np.uint8)
    low, high = limits(image.dtype, values)
    number = low + PADDING_GREY * (high - low) / 255
    if values.no_reading is not None and (
        image.dtype == np.float32 or 0 <= values.no_reading <= limits(image.dtype)[1]
    ):
        number = values.no_reading
    return np.full((*size, image.shape[2]), number, dtype=image.dtype)


def _recoloured(source: Tensor, changes: dict[str, float]) -> Tensor:
    picture = source.add(1).div_(2).unsqueeze(0)
    coloured = len(source) == 3
    if "brightness" in changes:
        picture = enhance.adjust_brightness_accumulative(picture, 1 + changes["brightness"])
    if "contrast" in changes:
        picture = enhance.adjust_contrast_with_mean_subtraction(picture, 1 + changes["contrast"])
    if "saturation" in changes and coloured:
        picture = enhance.adjust_saturation_with_gray_subtraction(picture, 1 + changes["saturation"])
    if "hue" in changes and coloured:
        picture = enhance.adjust_hue(picture, 2 * math.pi * changes["hue"])
    recoloured: Tensor = picture.squeeze(0).mul(2).sub(1)
    return recoloured
