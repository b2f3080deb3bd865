"""Adam for both networks, and its learning rate over time."""

import math

from torch import nn
from torch.optim import Adam

from pairloom.config import OptimConfig


def adam(network: nn.Module, config: OptimConfig) -> Adam:
    """Return the optimizer that a config describes, for all parameters of a network."""
    return Adam(
        network.parameters(),
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        fused=True,  # one pass over the weights: at batch size 1 the optimizer is a large part of a step
    )


def learning_rate(config: OptimConfig, epochs: int, epoch: float) -> float:
    """Return the step size after this many epochs (a fraction within one) of a training of so many."""
    if config.decay == "none":
        return config.learning_rate
    end = config.decay_end or max(epochs, config.decay_start + 1)
    course = min(max((epoch - config.decay_start) / (end - config.decay_start), 0.0), 1.0)
    share = 1 - course if config.decay == "linear" else (1 + math.cos(math.pi * course)) / 2
    return config.learning_rate * share
