"""The exponential moving average of a network's weights."""

import copy
from typing import Any

import torch
from torch.optim.swa_utils import get_ema_multi_avg_fn

from pairloom.models.generator import Generator


class EMA:
    """Follows a network's weights, each step a little; steadier than they are, and better on unseen pairs.

    Args:
        network: the network that is trained.
        decay: of the average a step. It is lower at first, so that the random weights of the start are soon forgotten.
    """

    def __init__(self, network: Generator, decay: float) -> None:
        self._source = network
        self._decay = decay
        self.network = copy.deepcopy(network).requires_grad_(False)
        """The network with the averaged weights."""

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move toward the weights after a step, numbered from 1; statistics of norms are taken as they are."""
        decay = min(self._decay, (1 + step) / (10 + step))
        average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        average(tuple(self.network.parameters()), tuple(self._source.parameters()), None)
        for buffer, other in zip(self.network.buffers(), self._source.buffers(), strict=True):
            buffer.copy_(other)

    def state_dict(self) -> dict[str, Any]:
        """Return the averaged weights."""
        return self.network.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take averaged weights."""
        self.network.load_state_dict(state)
