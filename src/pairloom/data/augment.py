"""One random draw, applied to both images of a pair; colour changes touch the photograph only."""

import math

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


def augment(pair: Pair, size: Size, config: AugmentConfig, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw one augmented example from a pair.

    Args:
        pair: source and target at their native size, so that zooming in shows detail that was there.
        size: the size of the result.
        config: the largest changes.
        rng: source of the draw; the same state gives the same example.

    Returns:
        The source (C×H×W float in [-1, 1]) and the target, as of `target_tensor`: void, or no reading where there is a
        number for it, in the padding.
    """
    source, target = _zoomed(pair, size, config.scale, rng)
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


def _zoomed(pair: Pair, size: Size, scale: tuple[float, float], rng: np.random.Generator) -> tuple[Picture, Picture]:
    """Show a random window of the pair (zoom above 1), or the whole pair in a random place (zoom below 1)."""
    zoom = math.exp(rng.uniform(math.log(scale[0]), math.log(scale[1])))
    across, down = rng.random(2)
    height, width = pair.size
    if zoom >= 1:
        left, top = across * width * (1 - 1 / zoom), down * height * (1 - 1 / zoom)
        box = (left, top, min(left + width / zoom, width), min(top + height / zoom, height))
        window = pair.resized(size, box)
        return window.source, window.target
    inner = Size(max(1, round(size.height * zoom)), max(1, round(size.width * zoom)))
    top, left = round(down * (size.height - inner.height)), round(across * (size.width - inner.width))
    place = np.s_[top : top + inner.height, left : left + inner.width]
    shrunk = pair.resized(inner)
    source = _padding(shrunk.source, size, pair.source_values)
    target = _padding(shrunk.target, size, pair.target_values)
    source[place], target[place] = shrunk.source, shrunk.target
    return source, target


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
