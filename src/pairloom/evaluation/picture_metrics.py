"""Scores of pictures: mean absolute difference, PSNR and SSIM, averaged over a split."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from pairloom.images import WHOLE, Picture, Values, filled, limits, without_reading

SSIM_SIDE = 11
"""Pixels a side of the window of SSIM (Z. Wang et al., 2004); smaller pictures have none."""


@final
class PictureScoreRecord(TypedDict):
    """Scores as programs read them, means over the pictures; None where there is none."""

    split: str
    pairs: int
    l1: float | None
    """Mean absolute difference, as a share of the range of values: 0 to 1."""
    psnr: float | None
    """Peak signal-to-noise ratio in dB, over the pictures that differ from the truth at all."""
    ssim: float | None
    """Structural similarity, at most 1."""


@dataclass(frozen=True)
class PictureScores:
    """How close pictures are to the truth: one number of each kind a picture.

    Attributes:
        split: name of the split that was scored.
        pairs: names of its pairs.
        l1: mean absolute difference of each picture, as a share of the range of values: 0 to 1.
        psnr: peak signal-to-noise ratio of each picture in dB; infinite where it equals the truth.
        ssim: structural similarity of each picture, at most 1; NaN where it is smaller than 11 pixels per side.
    """

    split: str
    pairs: tuple[str, ...]
    l1: tuple[float, ...]
    psnr: tuple[float, ...]
    ssim: tuple[float, ...]

    @property
    def qualities(self) -> NDArray[np.float64]:
        """The negative L1 of each pair (N), by which pairs are ranked."""
        return -np.asarray(self.l1, dtype=np.float64)

    def to_record(self) -> PictureScoreRecord:
        """Return the means over the pictures as plain numbers for JSON; None where there is none."""
        return PictureScoreRecord(
            split=self.split, pairs=len(self.l1), l1=_mean(self.l1), psnr=_mean(self.psnr), ssim=_mean(self.ssim)
        )


def score_pictures(pairs: Iterable[tuple[str, Picture, Picture]], split: str, values: Values = WHOLE) -> PictureScores:
    """Score predictions against the truth.

    Args:
        pairs: (name, prediction, truth); pictures H×W×C each, of equal size.
        split: its name, for the record.
        values: the range of which scores are shares, and what is no reading: such pixels of the truth are left out.
            Numbers of the truth beyond the range count as they are.
    """
    rows = [(name, *_scores(prediction, truth, values)) for name, prediction, truth in pairs]
    names, l1, psnr, ssim = zip(*rows, strict=True) if rows else ((), (), (), ())
    return PictureScores(split, names, l1, psnr, ssim)


def _scores(prediction: Picture, truth: Picture, values: Values) -> tuple[float, float, float]:
    """Return L1, PSNR and SSIM of one picture; NaN for those that it has not."""
    empty = without_reading(truth, values)
    shown, true = _unit(prediction, values), _unit(filled(truth, values), values)
    known = torch.ones(true.shape[-2:], dtype=torch.bool) if empty is None else torch.from_numpy(~empty)
    if not known.any():
        return math.nan, math.nan, math.nan
    true = torch.where(known, true, shown)  # where there is no reading, no window of SSIM finds a difference
    ssim = math.nan
    if min(true.shape[-2:]) >= SSIM_SIDE:
        whole, windows = structural_similarity_index_measure(shown, true, data_range=1.0, return_full_image=True)
        ssim = float(whole)
        if empty is not None:
            border = SSIM_SIDE // 2
            inside = np.s_[border:-border, border:-border]
            ssim = float(windows[0, :, *inside][:, known[inside]].mean())
    shown, true = shown[:, :, known], true[:, :, known]
    return float((shown - true).abs().mean()), float(peak_signal_noise_ratio(shown, true, 1.0)), ssim


def _unit(picture: Picture, values: Values) -> Tensor:
    """Return a picture in shares of the range, 1×C×H×W: 0 to 1, and beyond for numbers beyond the range."""
    low, high = limits(picture.dtype, values)
    shares = (picture.astype(np.float32) - np.float32(low)) / np.float32(high - low)
    return torch.from_numpy(shares).permute(2, 0, 1).unsqueeze(0)


def _mean(values: tuple[float, ...]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else None
