"""Which processes train together is read from what has started them."""

import pytest

from pairloom.config import TrainConfig
from pairloom.errors import UserError
from pairloom.training.members import found_members, gathered


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


@pytest.mark.parametrize(("variables", "count"), [(TORCHRUN, 6), (SRUN, 4)])
def test_torchrun_and_srun_say_how_many_there_are(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, object], count: int
) -> None:
    _started_by(monkeypatch, **variables)
    members = found_members()
    assert members is not None
    assert (members.rank, members.world_size, members.local_world_size) == (3, count, 2)


def test_in_the_script_of_a_job_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **SLURM_JOB)
    assert found_members() is None


def test_torchrun_with_one_process_trains_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **{**TORCHRUN, "WORLD_SIZE": 1, "LOCAL_WORLD_SIZE": 1, "RANK": 0})
    members = found_members()
    assert members is not None
    assert (members.environment, members.world_size) == (None, 1)


def test_srun_that_was_not_told_the_tasks_of_a_machine_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **SRUN)
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE")
    with pytest.raises(UserError, match="ntasks-per-node"):
        found_members()


def test_found_processes_must_be_able_to_share_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    _started_by(monkeypatch, **TORCHRUN)
    with (
        pytest.raises(UserError, match=r"batch_size 4 cannot be shared by 6 processes"),
        gathered(TrainConfig(batch_size=4)),
    ):
        pass
