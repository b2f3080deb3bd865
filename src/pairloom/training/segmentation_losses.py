"""Losses of class maps: pure functions of logits (B×K×H×W) and class ids (B×H×W uint8, `VOID` where there is none).

Each is a mean over the pairs, so that what a pair contributes does not depend on those that share its batch: a batch
that is divided among processes gives the gradient of the whole.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from pairloom.palette import VOID


def bounded_class_weights(fractions: NDArray[np.float64], offset: float) -> Tensor:
    """Return one weight per class (K, float32): 1 / ln(offset + fraction) (A. Paszke et al., 2016, arXiv:1606.02147).

    Args:
        fractions: of the training pixels that have a class, those of each (K, 0 to 1).
        offset: above 1; the largest weight is 1 / ln(offset).
    """
    return torch.from_numpy(1 / np.log(offset + fractions)).float()


def lovasz_loss(logits: Tensor, target: Tensor) -> Tensor:
    """The Lovász extension of the Jaccard loss: mean over the classes in a pair, then over the pairs."""
    shares = logits.float().softmax(dim=1).flatten(2)  # B×K×N
    scored = (target != VOID).flatten(1).unsqueeze(1)  # B×1×N
    places = torch.arange(logits.shape[1], device=target.device, dtype=target.dtype).view(1, -1, 1)
    truth = (target.flatten(1).unsqueeze(1) == places).float()
    errors = (truth - shares).abs() * scored
    order = descending(errors.detach())
    truth = truth.gather(2, order)
    weight = scored.float().expand_as(truth).gather(2, order)
    count = truth.sum(dim=2, keepdim=True)
    jaccard = 1 - (count - truth.cumsum(2)) / (count + (weight - truth).cumsum(2)).clamp(min=1)
    steps = jaccard.diff(dim=2, prepend=torch.zeros_like(jaccard[..., :1]))
    losses = (errors.gather(2, order) * steps).sum(dim=2)  # B×K
    there = (count.squeeze(2) > 0).float()
    return ((losses * there).sum(dim=1) / there.sum(dim=1).clamp(min=1)).mean()


def descending(errors: Tensor) -> Tensor:
    """Return the indices that sort errors (B×K×N float32, ≥ 0) along N from the largest to the smallest.

    On a CPU NumPy sorts whole numbers with vector instructions, four times as fast as PyTorch sorts floats. Floats of 0
    or more sort as their bits do, and below these lie the indices.
    """
    if errors.device.type != "cpu":
        return errors.argsort(dim=2, descending=True)
    keys = (~errors.contiguous().numpy().view(np.uint32)).astype(np.uint64) << np.uint64(32)
    keys |= np.arange(errors.shape[2], dtype=np.uint64)
    keys.sort(axis=2)
    return torch.from_numpy((keys & np.uint64(2**32 - 1)).astype(np.int64))


def cross_entropy(logits: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    """Weighted mean over a pair's pixels that have a class, then over the pairs; 0, not NaN, where there is none."""
    losses = F.cross_entropy(logits.float(), target.long(), weights, ignore_index=VOID, reduction="none").flatten(1)
    target = target.flatten(1)
    shares = (target != VOID).float()
    if weights is not None:
        # Void is looked up as the last class and then left out: picking the scored pixels would wait for the device.
        shares = shares * weights[target.long().clamp(max=len(weights) - 1)]
    return (losses.sum(dim=1) / shares.sum(dim=1).clamp(min=torch.finfo(shares.dtype).tiny)).mean()
