"""How settings that depend on the device are resolved."""

import pytest
import torch

from pairloom import UserError
from pairloom.config import TrainConfig
from pairloom.training.distributed import DistributedContext, resolve_precision
from pairloom.training.members import Members
from pairloom.training.networks import is_captured

CPU = torch.device("cpu")


def test_by_itself_a_cpu_computes_in_float32_kernel_by_kernel() -> None:
    assert resolve_precision("auto", CPU) == "32-true"
    context = DistributedContext(TrainConfig(device="cpu"), Members())
    assert context.precision == "32-true"
    assert not is_captured("auto", context)
    assert not is_captured("off", context)


def test_what_is_asked_for_is_taken() -> None:
    assert resolve_precision("bf16-mixed", CPU) == "bf16-mixed"


def test_a_graph_is_refused_where_there_is_no_gpu() -> None:
    with pytest.raises(UserError, match="needs a single GPU"):
        is_captured("graph", DistributedContext(TrainConfig(device="cpu"), Members()))
