"""Pictures as arrays: their size, their channels, and their way to tensors and back."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import Size
from pairloom.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

UInt8Array = NDArray[np.uint8]
Picture = NDArray[np.uint8 | np.uint16 | np.float32]
"""H×W×C: uint8 (0 to 255), uint16 (0 to 65535) or float32 (0 to 1)."""

Box = tuple[float, float, float, float]
"""Left, top, right and bottom of a part of a picture, in pixels."""

_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


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
        f"{where}: has {own} channels where {channels} are wanted; only grey and RGB are brought to each other, "
        "so convert it, or remove it"
    )


def resize_picture(picture: Picture, size: Size, box: Box | None = None) -> Picture:
    """Resize a picture (H×W×C), or the part of it in `box`, bilinearly and without aliasing; its depth is kept."""
    if box is None and picture.shape[:2] == size:
        return picture
    target = (size.width, size.height)
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        return np.asarray(Image.fromarray(picture).resize(target, Image.Resampling.BILINEAR, box=box))
    # Pillow resizes deep channels one by one, as floats.
    channels = [
        np.asarray(
            Image.fromarray(picture[:, :, channel].astype(np.float32)).resize(
                target, Image.Resampling.BILINEAR, box=box
            )
        )
        for channel in range(picture.shape[2])
    ]
    return _as_dtype(np.stack(channels, axis=2), picture.dtype)


def resize_class_map(ids: Picture, size: Size, box: Box | None = None) -> Picture:
    """Resize a class map (H×W uint8), or the part of it in `box`, by nearest neighbour: classes are never mixed."""
    if box is None and ids.shape == size:
        return ids
    image = Image.fromarray(ids)
    return np.asarray(image.resize((size.width, size.height), Image.Resampling.NEAREST, box=box))


def to_tensor(picture: Picture) -> "Tensor":
    """Turn a picture (H×W×C) into what networks see (C×H×W float32 in [-1, 1])."""
    import torch  # takes seconds to load, which reading images need not wait for

    # torch has little arithmetic for uint16, but every value of it is a float.
    values = picture if picture.dtype == np.uint8 else picture.astype(np.float32)
    return torch.from_numpy(np.array(values)).permute(2, 0, 1).float().div_(half_range(picture.dtype)).sub_(1.0)


def to_picture(tensor: "Tensor", dtype: str = "uint8") -> Picture:
    """Turn a C×H×W tensor in [-1, 1] back into a picture of a dtype; values outside are clipped."""
    half = half_range(dtype)
    values = tensor.detach().float().add(1.0).mul(half).permute(1, 2, 0).cpu().numpy()
    return _as_dtype(values, np.dtype(dtype))


def for_display(picture: Picture) -> UInt8Array:
    """Return a picture as people see it: H×W×3 uint8; of many channels the first three, deep ones at 8 bits."""
    values = picture
    if picture.dtype != np.uint8:
        scale = 255.0 if picture.dtype == np.float32 else 1 / 257
        values = _as_dtype(picture * scale, np.dtype(np.uint8))
    channels = values.shape[2]
    if channels == 1:
        values = values.repeat(3, axis=2)
    elif channels == 2:
        values = np.concatenate([values, np.zeros_like(values[:, :, :1])], axis=2)
    return values[:, :, :3].astype(np.uint8, copy=False)


def half_range(dtype: np.dtype[Any] | str) -> float:
    """Return half of the range of a picture's values, which is 1 for a network: 127.5 for uint8."""
    return 0.5 if np.dtype(dtype) == np.float32 else np.iinfo(dtype).max / 2


def _as_dtype(values: NDArray[np.floating], dtype: np.dtype[Any]) -> Picture:
    """Round and clip values that stand in the range of a dtype already."""
    if dtype == np.float32:
        return values.clip(0.0, 1.0).astype(np.float32)
    rounded: Picture = values.round().clip(0, np.iinfo(dtype).max).astype(dtype)
    return rounded
