"""The processes are found by what has started them, and settings that depend on the device are resolved."""

from typing import Any

import pytest
import torch

from pairloom import UserError
from pairloom.config import LossConfig, TrainConfig
from pairloom.training.distributed import (
    DistributedContext,
    cluster_environment,
    local_world_size,
    resolve_precision,
)
from pairloom.training.networks import is_captured

CPU = torch.device("cpu")


def test_by_itself_a_cpu_computes_in_float32_kernel_by_kernel() -> None:
    assert resolve_precision("auto", CPU) == "32-true"
    context = DistributedContext(TrainConfig(device="cpu"))
    assert context.precision == "32-true"
    assert not is_captured(TrainConfig(compile="auto"), LossConfig(), context)
    assert not is_captured(TrainConfig(compile="off"), LossConfig(), context)


def test_what_is_asked_for_is_taken() -> None:
    assert resolve_precision("bf16-mixed", CPU) == "bf16-mixed"


def test_a_graph_is_refused_where_there_is_no_gpu() -> None:
    with pytest.raises(UserError, match="needs a single GPU"):
        is_captured(TrainConfig(compile="graph"), LossConfig(), DistributedContext(TrainConfig(device="cpu")))


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        ({"checkpoint_activations": True}, True),
        ({"batch_size": 2, "accumulate": 2, "update": "joint"}, True),
        ({"batch_size": 2, "accumulate": 2, "update": "separate"}, False),  # only for want of a GPU
    ],
)
def test_a_graph_is_refused_where_activations_are_computed_again(settings: dict[str, Any], refused: bool) -> None:
    train = TrainConfig(compile="graph", device="cpu", **settings)
    with pytest.raises(UserError, match="computed again" if refused else "needs a single GPU"):
        is_captured(train, LossConfig(adversarial_weight=1.0), DistributedContext(train))
    if not settings.get("checkpoint_activations"):
        with pytest.raises(UserError, match="needs a single GPU"):
            is_captured(train, LossConfig(adversarial_weight=0.0), DistributedContext(train))


def _started_by(monkeypatch: pytest.MonkeyPatch, **variables: object) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))


TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "WORLD_SIZE": 6, "LOCAL_WORLD_SIZE": 2, "RANK": 3, "LOCAL_RANK": 1}
SLURM_JOB = {"SLURM_JOB_NAME": "train", "SLURM_NTASKS": 4, "SLURM_NTASKS_PER_NODE": 2}
SRUN = {
    **SLURM_JOB,
    "SLURM_STEP_NUM_TASKS": 4,
    "SLURM_STEP_NUM_NODES": 2,
    "SLURM_PROCID": 3,
    "SLURM_LOCALID": 1,
    "SLURM_NODEID": 1,
}


@pytest.mark.parametrize(("variables", "world_size"), [(TORCHRUN, 6), (SRUN, 4)])
def test_torchrun_and_srun_say_how_many_processes_there_are(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, object], world_size: int
) -> None:
    _started_by(monkeypatch, **variables)
    environment = cluster_environment()
    assert environment is not None
    assert (environment.global_rank(), environment.world_size(), local_world_size(environment)) == (3, world_size, 2)


def test_in_the_script_of_a_slurm_job_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **SLURM_JOB)
    assert cluster_environment() is None


def test_torchrun_with_one_process_trains_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **{**TORCHRUN, "WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 1, "RANK": 0})
    environment = cluster_environment()
    assert environment is not None
    context = DistributedContext(TrainConfig(device="cpu"), environment)
    assert (context.world_size, context.is_main_process) == (1, True)
    assert not torch.distributed.is_initialized()


def test_srun_that_was_not_told_the_tasks_of_a_machine_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **SRUN)
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(UserError, match="ntasks-per-node"):
        cluster_environment()


def test_the_processes_must_be_able_to_share_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **TORCHRUN)
    with pytest.raises(UserError, match=r"batch_size 4 cannot be shared by 6 processes"):
        DistributedContext(TrainConfig(batch_size=4), cluster_environment())


def test_each_process_must_be_able_to_divide_its_share(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **TORCHRUN)
    with pytest.raises(UserError, match=r"train\.accumulate 4 does not divide .* 2 \(train\.batch_size 12 over 6\)"):
        DistributedContext(TrainConfig(batch_size=12, accumulate=4), cluster_environment())
