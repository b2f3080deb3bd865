"""What a team makes of the settings that depend on the device."""

import pytest
import torch

from pairloom import UserError
from pairloom.config import TrainConfig
from pairloom.training.members import Members
from pairloom.training.networks import is_recorded
from pairloom.training.team import Team, arithmetic

CPU = torch.device("cpu")


def test_by_itself_a_cpu_computes_in_float32_kernel_by_kernel() -> None:
    assert arithmetic("auto", CPU) == "32-true"
    team = Team(TrainConfig(device="cpu"), Members())
    assert team.precision == "32-true"
    assert not is_recorded("auto", team)
    assert not is_recorded("off", team)


def test_what_is_asked_for_is_taken() -> None:
    assert arithmetic("bf16-mixed", CPU) == "bf16-mixed"


def test_a_graph_is_refused_where_there_is_no_gpu() -> None:
    with pytest.raises(UserError, match="needs one GPU"):
        is_recorded("graph", Team(TrainConfig(device="cpu"), Members()))
