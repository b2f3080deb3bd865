"""The optimizer of both networks, its learning rate over time, and the backward pass of listed parameters."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from pairloom.config import OptimConfig
from pairloom.models.generator import Generator

Backward = Callable[[Tensor, list[Tensor]], None]
"""Adds the gradient of a loss to the listed parameters, and to no others."""


AverageGradients = Callable[[list[Tensor]], None]
"""Replaces the gradients of the listed parameters by their means over the processes that train."""


def backward(loss: Tensor, inputs: list[Tensor]) -> None:
    """Add the gradient of a loss to the listed parameters: the plain `Backward`."""
    torch.autograd.backward(loss, inputs=inputs)


def keep_gradients(_parameters: list[Tensor]) -> None:
    """Leave the gradients as they are: the `AverageGradients` of a process alone."""


def build_optimizer(
    network: nn.Module, config: OptimConfig, captured_on: torch.device | None = None, *, also: nn.Module | None = None
) -> Adam:
    """Return the optimizer that a config describes, for all parameters of a network; AdamW is an Adam in PyTorch.

    Those of a pretrained encoder have a learning rate of their own, `rate_factor` times that of the others.

    Args:
        network: the network.
        config: its hyperparameters.
        captured_on: the GPU on which its steps are captured as a CUDA graph, if they are: learning rate and step
            counts are then tensors there.
        also: a module whose parameters are updated with the network's.
    """
    pretrained = list(network.pretrained_parameters()) if isinstance(network, Generator) else []
    known = {id(parameter) for parameter in pretrained}
    others = [parameter for parameter in network.parameters() if id(parameter) not in known]
    others += also.parameters() if also else ()
    groups = [
        {"params": parameters, "rate_factor": factor, "lr": _as_rate(factor * config.learning_rate, captured_on)}
        for parameters, factor in ((others, 1.0), (pretrained, config.encoder_rate))
        if parameters
    ]
    settings: dict[str, Any] = {
        "betas": (config.beta1, config.beta2),
        "eps": config.epsilon,
        "fused": True,  # one pass over the weights: at batch size 1 the optimizer is a large part of a step
        "capturable": captured_on is not None,
    }
    if config.optimizer == "adamw":
        return AdamW(groups, weight_decay=config.weight_decay, **settings)
    return Adam(groups, **settings)


def _as_rate(rate: float, captured_on: torch.device | None) -> float | Tensor:
    return torch.tensor(rate, device=captured_on) if captured_on else rate


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Give an optimizer a learning rate, where it keeps it."""
    for group in optimizer.param_groups:
        own = rate * group["rate_factor"]
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(own)
        else:
            group["lr"] = own


def load_moments(optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Take the moments and step counts that were saved; the numbers of the config stay, as tensors or not.

    Raises:
        ValueError, KeyError: if they do not fit.
    """
    own = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
    optimizer.load_state_dict(state)
    for group, numbers in zip(optimizer.param_groups, own, strict=True):
        group.update(numbers)


def learning_rate(config: OptimConfig, epochs: int, epoch: float) -> float:
    """Return the step size after this many epochs (a fraction within one) of a training of so many."""
    if config.decay == "none":
        return config.learning_rate
    end = config.decay_end or max(epochs, config.decay_start + 1)
    course = min(max((epoch - config.decay_start) / (end - config.decay_start), 0.0), 1.0)
    share = 1 - course if config.decay == "linear" else (1 + math.cos(math.pi * course)) / 2
    return config.learning_rate * share
