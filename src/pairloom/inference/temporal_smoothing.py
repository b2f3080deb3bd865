"""Outputs to the frames of a video, averaged over time where the picture stands still."""

import torch
from torch import Tensor
from torch.nn import functional as F

MEMORY = 8.0
"""So many earlier frames count at most, together, beside the new one."""
STILL, CHANGED = 1.5, 3.0
"""Mean squared differences, in those that noise makes: up to the first the picture has not changed, from the second on
it has."""
WINDOW = 1 / 32
"""Reach of the window in which differences are averaged, as a share of the shorter side."""
LEAST_NOISE = 2 / 255
"""Standard deviation in [-1, 1] that is always granted: one step of 8 bits."""
DEVIATION = 1.4826
"""A normal distribution's standard deviation over the median of its absolute values."""


class Steadier:
    """Holds what a generator says of consecutive frames steady, and lets go where something moves.

    Each pixel's output is averaged with its earlier ones as long as the picture around it differs from what it was by
    no more than the sensor's noise; the average weighs all frames alike, up to `memory`. Where the picture changes, the
    new output stands alone and a new average begins. Nothing is moved along with the picture.

    Args:
        memory: how many earlier frames count at most beside the new one; 0 averages nothing.
    """

    def __init__(self, memory: float = MEMORY) -> None:
        self._memory = memory
        self._past: tuple[Tensor, Tensor, Tensor] | None = None  # the picture, the output, how many frames they hold

    @torch.no_grad()
    def __call__(self, picture: Tensor, output: Tensor) -> Tensor:
        """Return the steadied output to the next frame.

        Args:
            picture: the frame as the network saw it, 1×C×h×w in [-1, 1].
            output: its output, 1×K×h×w, of what may be averaged.
        """
        if self._past is None or self._past[0].shape != picture.shape or self._past[1].shape != output.shape:
            held = torch.zeros_like(picture[:, :1])
        else:
            past_picture, past_output, frames = self._past
            held = frames.clamp(max=self._memory) * stillness(picture, past_picture, frames)
            weight = 1 / (held + 1)
            picture, output = past_picture.lerp(picture, weight), past_output.lerp(output, weight)
        self._past = picture, output, held + 1
        return output


def stillness(picture: Tensor, past: Tensor, frames: Tensor) -> Tensor:
    """Return how far a picture has stayed what it was: 1×1×h×w, from 0 (changed) to 1 (noise alone).

    Args:
        picture: 1×C×h×w in [-1, 1].
        past: the mean of earlier pictures, likewise.
        frames: of how many pictures it is the mean, 1×1×h×w, 1 or more.
    """
    # The mean of n pictures has a n-th of the noise's variance itself.
    differences = (picture - past) * (1 + 1 / frames).rsqrt()
    reach = max(1, round(min(picture.shape[2:]) * WINDOW))
    surprise = _windowed(differences.square().mean(dim=1, keepdim=True), reach) / noise(picture, differences) ** 2
    return ((CHANGED - surprise) / (CHANGED - STILL)).clamp(0, 1)


def noise(picture: Tensor, differences: Tensor) -> float:
    """Estimate the standard deviation of a picture's noise, at least `LEAST_NOISE`.

    It is the smaller one of two estimates that each may be too large: from the differences to the past, which motion
    adds to, and from the finest detail (Donoho and Johnstone, 1994, section 4.2), which texture adds to. Both go by
    medians, so that they are right while less than half of the picture moves or is textured.

    Args:
        picture: 1×C×h×w in [-1, 1].
        differences: of the standard deviation that the noise has, likewise.
    """
    height, width = (side // 2 * 2 for side in picture.shape[2:])
    if min(height, width) == 0:
        return LEAST_NOISE
    even, odd = picture[:, :, 0:height:2, :width], picture[:, :, 1:height:2, :width]
    detail = ((even - odd)[..., 0::2] - (even - odd)[..., 1::2]) / 2
    deviations = (DEVIATION * values.abs().median().item() for values in (differences, detail))
    return max(LEAST_NOISE, min(deviations))


def _windowed(values: Tensor, reach: int) -> Tensor:
    """Average over squares of 2 × reach + 1 pixels per side, in which the border counts no pixels outside."""
    return F.avg_pool2d(values, 2 * reach + 1, stride=1, padding=reach, count_include_pad=False)
