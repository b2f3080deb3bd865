"""Pictures as arrays: their size, their channels, and their way to tensors and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import Size
from pairloom.errors import UserError
from pairloom.images.values import WHOLE, Values, filled, limits, without_reading

if TYPE_CHECKING:
    from torch import Tensor

UInt8Array = NDArray[np.uint8]
Picture = NDArray[np.uint8 | np.uint16 | np.float32]
"""H×W×C: uint8 (0 to 255), uint16 (0 to 65535) or float32 (0 to 1, or the data's own units; see `Values`)."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, in pixels."""

NO_READING = (176, 0, 176)
"""The colour in which pixels without a reading are drawn; no grey picture has it."""

_STRIP = 2**22
"""Pixels that are copied out of Pillow at a time."""

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


def pixels_of(image: Image.Image) -> NDArray[Any]:
    """Return the pixels of an image (H×W or H×W×C), as `numpy.asarray` does, but with no second copy on the way."""
    rows = max(1, _STRIP // max(1, image.width))
    if image.height <= rows:
        return np.asarray(image)
    first = np.asarray(image.crop((0, 0, image.width, rows)))
    pixels = np.empty((image.height, *first.shape[1:]), first.dtype)
    pixels[:rows] = first
    for top in range(rows, image.height, rows):
        pixels[top : top + rows] = image.crop((0, top, image.width, min(image.height, top + rows)))
    return pixels


def with_channels(picture: Picture, channels: int, where: str | Path) -> Picture:
    """Bring a picture to so many channels: grey is repeated as colours, colours become grey by their luma.

    Raises:
        UserError: naming `where`, for any other change.
    """
    own = picture.shape[2]
    if own == channels:
        return picture
    if own == 1 and channels == 3:
        return picture.repeat(3, axis=2)
    if own == 3 and channels == 1:
        luma = (picture * _LUMA).sum(axis=2, keepdims=True)
        return _as_dtype(luma, picture.dtype)
    raise UserError(
        f"{where}: has {own} channels where {channels} are expected; convert it (only grey and RGB are converted "
        "automatically), or remove it"
    )


def resize_picture(picture: Picture, size: Size, box: Box | None = None, values: Values = WHOLE) -> Picture:
    """Resize a picture (H×W×C), or the part of it in `box`, bilinearly and without aliasing; its depth is kept.

    Pixels without a reading stay so, and lend nothing to their neighbours.
    """
    if box is None and picture.shape[:2] == size:
        return picture
    empty = without_reading(picture, values)
    if empty is not None:
        return _resize_readings(picture, empty, size, box, values)
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        target = (size.width, size.height)
        return np.asarray(Image.fromarray(picture).resize(target, Image.Resampling.BILINEAR, box=box))
    # Pillow resizes deep channels one by one, as floats.
    channels = [_resize_plane(picture[:, :, channel], size, box) for channel in range(picture.shape[2])]
    return _as_dtype(np.stack(channels, axis=2), picture.dtype)


def _resize_readings(
    picture: Picture, empty: NDArray[np.bool_], size: Size, box: Box | None, values: Values
) -> Picture:
    """Resize a picture some of whose pixels hold no reading: a mean of the readings, none where most are missing."""
    weights = _resize_plane(~empty, size, box)
    known = np.where(empty[:, :, None], 0, picture)
    sums = [_resize_plane(known[:, :, channel], size, box) for channel in range(picture.shape[2])]
    resized = _as_dtype(np.stack(sums, axis=2) / weights.clip(min=1e-6)[:, :, None], picture.dtype)
    # A number that stands for no reading is written back; without one the picture is of floats, which have NaN.
    resized[weights < 0.5] = np.nan if values.no_reading is None else values.no_reading
    return resized


def _resize_plane(plane: NDArray[Any], size: Size, box: Box | None) -> NDArray[np.float32]:
    image = Image.fromarray(plane.astype(np.float32))
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.BILINEAR, box=box))


def resize_class_map(ids: Picture, size: Size, box: Box | None = None) -> Picture:
    """Resize a class map (H×W uint8), or the part of it in `box`, by nearest neighbour: classes are never mixed."""
    if box is None and ids.shape == size:
        return ids
    image = Image.fromarray(ids)
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.NEAREST, box=box))


def to_tensor(picture: Picture, values: Values = WHOLE) -> "Tensor":
    """Turn a picture (H×W×C) into what networks see (C×H×W float32 in [-1, 1]).

    Numbers outside the range are clipped; pixels without a reading become -1, the low end.
    """
    import torch  # takes seconds to load, which reading images need not wait for

    # torch has little arithmetic for uint16, but every value of it is a float.
    numbers = picture if picture.dtype == np.uint8 else picture.astype(np.float32)
    tensor = torch.from_numpy(np.array(numbers)).permute(2, 0, 1).float()
    low, high = limits(picture.dtype, values)
    if low:
        tensor.sub_(low)
    tensor.div_((high - low) / 2).sub_(1.0)
    if values.range is not None or picture.dtype == np.float32:
        tensor.clamp_(-1.0, 1.0)
    empty = without_reading(picture, values)
    return tensor if empty is None else tensor.masked_fill_(torch.from_numpy(empty), -1.0)


def to_picture(tensor: "Tensor", dtype: str = "uint8", values: Values = WHOLE) -> Picture:
    """Turn a C×H×W tensor in [-1, 1] back into a picture of a dtype; values outside are clipped."""
    low, high = limits(dtype, values)
    numbers = tensor.detach().float().add(1.0).mul((high - low) / 2).add(low).permute(1, 2, 0).cpu().numpy()
    return _as_dtype(numbers.clip(low, high), np.dtype(dtype))


def for_display(picture: Picture, values: Values = WHOLE) -> UInt8Array:
    """Return a picture as people see it: H×W×3 uint8; of many channels the first three, the range at 8 bits.

    Pixels without a reading have the colour `NO_READING`.
    """
    shown, empty = filled(picture, values), without_reading(picture, values)
    if picture.dtype != np.uint8 or values.range is not None:
        low, high = limits(picture.dtype, values)
        shown = _as_dtype((shown - np.float32(low)) * (255 / (high - low)), np.dtype(np.uint8))
    channels = shown.shape[2]
    if channels == 1:
        shown = shown.repeat(3, axis=2)
    elif channels == 2:
        shown = np.concatenate([shown, np.zeros_like(shown[:, :, :1])], axis=2)
    drawn: UInt8Array = shown[:, :, :3].astype(np.uint8, copy=False)
    if empty is not None:
        drawn[empty] = NO_READING
    return drawn


def stretched(picture: Picture) -> UInt8Array:
    """Return a picture as `for_display` does, a deep one by its own range: for a look at numbers not yet understood."""
    if picture.dtype == np.uint8:
        return for_display(picture)
    numbers = picture[np.isfinite(picture)]
    numbers = numbers[(numbers > numbers.min()) & (numbers < numbers.max())] if numbers.size else numbers
    if not numbers.size:
        return for_display(picture, Values((0.0, 1.0)))
    low, high = (float(end) for end in np.percentile(numbers, [1, 99]))
    return for_display(picture, Values((low, high if high > low else low + 1)))


def _as_dtype(values: NDArray[np.floating], dtype: np.dtype[Any]) -> Picture:
    """Bring values to a dtype: integers are rounded and clipped, floats stand as they are."""
    if dtype == np.float32:
        return values.astype(np.float32)
    rounded: Picture = values.round().clip(0, np.iinfo(dtype).max).astype(dtype)
    return rounded
