"""How well the outlines of classes are met: the boundary F1 score (G. Csurka et al., BMVC 2013)."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pairloom.images import Picture
from pairloom.palette import VOID

TOLERANCE = 0.0075
"""How far off an outline may be and still be met, as a share of the picture's diagonal; at least a pixel."""


def boundary_counts(prediction: Picture, truth: Picture, classes: int) -> NDArray[np.int64]:
    """Count what of the outlines in two class maps meets.

    A pixel lies on the outline of its class where one beside, above or below it has another; outlines toward void are
    in no count. Distances are taken along the rows and columns (the larger of both).

    Args:
        prediction: class ids, H×W.
        truth: class ids, H×W, `VOID` where there is none.
        classes: how many there are (K).

    Returns:
        K×4: the prediction's outline pixels, those of them that the truth's outline of the class is near to, the
        truth's outline pixels, and those of them that the prediction's is near to.
    """
    known = truth != VOID
    predicted, true = (_outlines(np.where(known, ids, VOID), classes) for ids in (prediction, truth))
    reach = max(1, round(TOLERANCE * math.hypot(*truth.shape)))
    near_predicted, near_true = (_widened(outlines, reach) for outlines in (predicted, true))
    parts = (predicted, predicted & near_true, true, true & near_predicted)
    counts: NDArray[np.int64] = torch.stack([part.sum(dim=(1, 2)) for part in parts], dim=1).numpy()
    return counts


def boundary_f1(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the harmonic mean of precision and recall of each class's outline (K), 0 to 1, from counts (K×4).

    NaN where neither the truth nor the prediction has one.
    """
    predicted, met, true, found = counts.T.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        precision = np.where(predicted > 0, met / predicted, 0.0)
        recall = np.where(true > 0, found / true, 0.0)
        both = precision + recall
        score: NDArray[np.float64] = np.where(both > 0, 2 * precision * recall / both, 0.0)
    score[predicted + true == 0] = np.nan
    return score


def _outlines(ids: Picture, classes: int) -> Tensor:
    """Return where the outline of each class lies, K×H×W."""
    edge = np.zeros(ids.shape, dtype=bool)
    for axis in (0, 1):
        first = [slice(None), slice(None)]
        second = [slice(None), slice(None)]
        first[axis], second[axis] = slice(None, -1), slice(1, None)
        before, after = ids[tuple(first)], ids[tuple(second)]
        differ = (before != after) & (before != VOID) & (after != VOID)
        edge[tuple(first)] |= differ
        edge[tuple(second)] |= differ
    places = torch.arange(classes).view(-1, 1, 1)
    return torch.from_numpy(edge) & (torch.from_numpy(ids.astype(np.int64)) == places)


def _widened(outlines: Tensor, reach: int) -> Tensor:
    """Return where an outline (K×H×W) is at most so many pixels away."""
    wide = F.max_pool2d(outlines.float().unsqueeze(0), 2 * reach + 1, stride=1, padding=reach)
    return wide.squeeze(0) > 0
