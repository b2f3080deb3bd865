"""The optimizers' numbers: where they are kept, and that they are the config's."""

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from pairloom.config import OptimConfig
from pairloom.models.generator import Generator
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


class _HalfPretrained(Generator):
    def __init__(self) -> None:
        super().__init__()
        self.known, self.fresh = nn.Linear(3, 3), nn.Linear(3, 3)

    def pretrained_parameters(self) -> Iterator[nn.Parameter]:
        return self.known.parameters()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        output: torch.Tensor = self.known(x) + self.fresh(x)
        return output


@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0])
def test_a_pretrained_encoder_takes_steps_of_its_own_size(factor: float) -> None:
    network = _HalfPretrained()
    optimizer = build_optimizer(network, OptimConfig(encoder_rate=factor))
    set_rate(optimizer, 0.25)
    before = copy.deepcopy(network)
    _step(network, optimizer)
    assert torch.allclose(before.fresh.weight - network.fresh.weight, torch.tensor(0.25))
    assert torch.allclose(before.known.weight - network.known.weight, torch.tensor(0.25 * factor))


def test_adamw_takes_a_share_of_the_weights_away_and_adam_does_not() -> None:
    network = nn.Linear(3, 2)
    for name, left in (("adam", 1.0), ("adamw", 1 - 0.5 * 0.1)):
        nn.init.ones_(network.weight)
        config = OptimConfig(optimizer=name, learning_rate=0.5, weight_decay=0.1)  # type: ignore[arg-type]
        optimizer = build_optimizer(network, config)
        optimizer.zero_grad()
        torch.autograd.backward(0.0 * network(torch.ones(1, 3)).sum())
        optimizer.step()
        assert torch.allclose(network.weight, torch.tensor(left))


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
