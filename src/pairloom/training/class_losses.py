"""Losses of class maps: pure functions of logits (B×K×H×W) and class ids (B×H×W uint8, `VOID` where there is none)."""

import torch
from torch import Tensor
from torch.nn import functional as F

from pairloom.palette import VOID


def lovasz_loss(logits: Tensor, target: Tensor) -> Tensor:
    """The Lovász extension of the Jaccard loss, mean over the classes in the batch."""
    shares = logits.float().softmax(dim=1).movedim(1, 0).flatten(1)  # K×N
    scored = (target != VOID).flatten()
    places = torch.arange(logits.shape[1], device=target.device, dtype=target.dtype).view(-1, 1)
    truth = (target.flatten().unsqueeze(0) == places).float()
    errors = (truth - shares).abs() * scored
    order = errors.detach().argsort(dim=1, descending=True)
    truth = truth.gather(1, order)
    weight = scored.float().expand_as(truth).gather(1, order)
    count = truth.sum(dim=1, keepdim=True)
    jaccard = 1 - (count - truth.cumsum(1)) / (count + (weight - truth).cumsum(1)).clamp(min=1)
    steps = jaccard.diff(dim=1, prepend=torch.zeros_like(jaccard[:, :1]))
    losses = (errors.gather(1, order) * steps).sum(dim=1)
    there = (count.squeeze(1) > 0).float()
    return (losses * there).sum() / there.sum().clamp(min=1)


def cross_entropy(logits: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    """Weighted mean over the pixels that have a class; 0, not NaN, where a batch has none."""
    losses = F.cross_entropy(logits.float(), target.long(), weights, ignore_index=VOID, reduction="none").flatten()
    target = target.flatten()
    shares = (target != VOID).float()
    if weights is not None:
        # Void is looked up as the last class and then left out: picking the scored pixels would wait for the device.
        shares = shares * weights[target.long().clamp(max=len(weights) - 1)]
    return losses.sum() / shares.sum().clamp(min=torch.finfo(shares.dtype).tiny)
