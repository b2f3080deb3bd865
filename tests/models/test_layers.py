"""Norms by name, and holding a network still."""

import pytest
import torch
from torch import nn

from pairloom.models.layers import Norm, frozen_batch_stats


def test_held_statistics_use_the_batch_and_record_nothing() -> None:
    torch.manual_seed(0)
    norm = Norm("batch", momentum=0.5)(4)
    batch = 3 + 2 * torch.randn(2, 4, 8, 8)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    with frozen_batch_stats(norm):
        held = norm(batch)
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
    assert torch.equal(held, norm(batch))
    assert not torch.equal(norm.state_dict()["running_mean"], before["running_mean"])


def test_statistics_are_recorded_again_after_an_error() -> None:
    norm = nn.BatchNorm2d(2)
    buffers = list(norm.buffers())
    with pytest.raises(ZeroDivisionError), frozen_batch_stats(norm):
        _ = 1 / 0
    norm(torch.randn(2, 2, 4, 4))
    assert all(now is before for now, before in zip(norm.buffers(), buffers, strict=True))
    assert norm.num_batches_tracked == 1


@pytest.mark.parametrize("channels", [1, 3, 8, 12, 64])
def test_group_norm_fits_any_number_of_channels(channels: int) -> None:
    assert Norm("group")(channels)(torch.randn(1, channels, 4, 4)).shape == (1, channels, 4, 4)


def test_keras_numerics_reach_the_layers() -> None:
    norm = Norm("batch", epsilon=1e-3, momentum=0.01)(4)
    assert isinstance(norm, nn.BatchNorm2d)
    assert (norm.eps, norm.momentum) == (1e-3, 0.01)
