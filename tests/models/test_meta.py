"""Networks on the device `meta`: the shapes of the true ones, whatever their size, and no random draw."""

import torch
from torch import nn

from pairloom.models.meta import on_meta
from pairloom.models.translation import TranslationModel
from random_models import random_model


def test_it_has_the_shapes_of_the_network() -> None:
    model = random_model()
    with on_meta() as device:
        built = TranslationModel.build(model.config, model.source, model.target, model.size, device)
    expected, found = model.generator.state_dict(), built.generator.state_dict()
    assert {name: tensor.shape for name, tensor in found.items()} == {
        name: tensor.shape for name, tensor in expected.items()
    }
    assert all(tensor.is_meta for tensor in found.values())


def test_it_takes_no_memory_and_leaves_the_random_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with on_meta() as device:
        layer = nn.Linear(1 << 24, 1 << 24)  # a petabyte
        for fill in (nn.init.kaiming_normal_, nn.init.xavier_uniform_, nn.init.trunc_normal_):
            assert fill(layer.weight) is layer.weight
    assert layer.weight.device == device
    assert torch.equal(torch.get_rng_state(), before)
