"""Adam's numbers: where they are kept, and that they are the config's."""

import copy

import pytest
import torch
from torch import nn

from pairloom.config import OptimConfig
from pairloom.training.optimizers import build_optimizer, load_moments, set_rate


def _step(network: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    torch.autograd.backward(network(torch.ones(1, 3)).sum())
    optimizer.step()


@pytest.mark.parametrize("kept_as_tensor", [False, True])
def test_a_step_is_as_large_as_the_rate_that_was_set(kept_as_tensor: bool) -> None:
    network = nn.Linear(3, 2)
    optimizer = build_optimizer(network, OptimConfig())
    if kept_as_tensor:
        optimizer.param_groups[0]["lr"] = torch.tensor(1.0)
    set_rate(optimizer, 0.25)
    before = network.weight.clone()
    _step(network, optimizer)
    assert torch.allclose((before - network.weight).detach(), torch.tensor(0.25))  # of the first step of Adam


def test_moments_are_taken_and_the_numbers_of_the_config_stay() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 2)
    optimizer = build_optimizer(network, OptimConfig())
    _step(network, optimizer)
    state = copy.deepcopy(optimizer.state_dict())
    # As another device may have kept them.
    state["param_groups"][0].update(lr=torch.tensor(7.0), capturable=True, betas=(0.1, 0.2))
    other = build_optimizer(network, OptimConfig(learning_rate=1e-3))
    load_moments(other, state)
    assert other.param_groups[0]["lr"] == 1e-3
    assert other.param_groups[0]["capturable"] is False
    assert other.param_groups[0]["betas"] == (0.5, 0.999)
    for parameter in network.parameters():
        assert torch.equal(other.state[parameter]["exp_avg"], optimizer.state[parameter]["exp_avg"])
        assert other.state[parameter]["step"] == 1
