"""The moving average of the weights."""

import torch

from pairloom.models.generator import UNetGenerator
from pairloom.models.layers import Norm
from pairloom.training.ema import EMA


def _generator() -> UNetGenerator:
    torch.manual_seed(0)
    return UNetGenerator(width=2, depth=2, norm=Norm("batch"))


def _move(network: UNetGenerator, by: float) -> None:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(by)


def test_the_average_starts_at_the_weights_and_follows_them_by_the_decay() -> None:
    network = _generator()
    average = EMA(network, 0.75)
    start = network.state_dict()["bottleneck.0.weight"].clone()
    _move(network, 1.0)
    average.update(1000)  # far from the start, where the decay is lower
    torch.testing.assert_close(average.network.state_dict()["bottleneck.0.weight"], start + 0.25)


def test_the_first_weights_are_soon_forgotten() -> None:
    network = _generator()
    average = EMA(network, 0.9999)
    _move(network, 1.0)
    for step in range(1, 101):
        average.update(step)
    first, now = (net.state_dict()["bottleneck.0.weight"] for net in (_generator(), average.network))
    assert ((now - first) > 0.99).all()


def test_statistics_are_taken_as_they_are_and_the_network_stays_as_it_is() -> None:
    network = _generator()
    average = EMA(network, 0.9)
    network.train()(torch.randn(2, 3, 8, 8))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    average.update(1)
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
        if "running" in name or "tracked" in name:
            assert torch.equal(average.network.state_dict()[name], value)


def test_the_average_goes_on_from_a_saved_state() -> None:
    network = _generator()
    first = EMA(network, 0.9)
    _move(network, 1.0)
    first.update(1)
    second = EMA(network, 0.9)
    second.load_state_dict(first.state_dict())
    for average in (first, second):
        average.update(2)
    for one, other in zip(first.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)
