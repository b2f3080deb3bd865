"""Which processes train together: this one alone, those that Pairloom starts, or those of `torchrun` or SLURM."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.lightning import LightningEnvironment, find_free_network_port
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from pairloom.config import TrainConfig
from pairloom.errors import UserError

GRACE = 20.0
"""Seconds that a process has to end when there is nothing left to do."""


@dataclass(frozen=True)
class Members:
    """The processes that train together, and the place of this one among them."""

    environment: ClusterEnvironment | None = None
    """Where they find one another; None where there is one process alone."""
    rank: int = 0
    world_size: int = 1
    local_world_size: int = 1
    """Processes on this machine."""
    started: Sequence["subprocess.Popen[bytes]"] = field(default=())
    """Those that this process has started, from rank 1 on."""

    def lost(self) -> str | None:
        """Say which process has ended too early, if that is known."""
        for rank, process in enumerate(self.started, 1):
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(0.5)
                how = f"was killed by {signal.Signals(-code).name}" if code < 0 else "has ended; its message is above"
                return f"process {rank + 1} of {self.world_size} {how}"
        return None


class OwnProcesses(LightningEnvironment):
    """Processes on one machine that Pairloom has started itself."""

    def __init__(self, rank: int, port: int) -> None:
        super().__init__()
        self._rank = rank
        self._main_port = port

    @property
    def creates_processes_externally(self) -> bool:
        """They are there."""
        return True

    @property
    def main_address(self) -> str:
        """This machine."""
        return "127.0.0.1"

    def local_rank(self) -> int:
        """The number of this process."""
        return self._rank

    def node_rank(self) -> int:
        """The number of this machine."""
        return 0


def found_members() -> Members | None:
    """Return the processes that `torchrun` or SLURM's `srun` has started, if one of them has started this one.

    Raises:
        UserError: if `srun` was not told how many tasks a machine has.
    """
    if TorchElasticEnvironment.detect():
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        environment: ClusterEnvironment = TorchElasticEnvironment()
    elif int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:  # set by `srun` alone, not in the script of a job
        try:
            environment = SLURMEnvironment(auto_requeue=False)
        except RuntimeError as error:
            raise UserError(f"SLURM: {' '.join(str(error).split())}") from error
        here = environment.world_size() // int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))
    else:
        return None
    count = environment.world_size()
    return Members(environment, environment.global_rank(), count, here) if count > 1 else Members()


@contextmanager
def gathered(config: TrainConfig) -> Iterator[Members]:
    """Inside the block the processes are there that are to train: found, or started as `train.devices` says.

    Raises:
        UserError: if they cannot share the batch.
    """
    found = found_members()
    if found is None and config.devices > 1:
        with _started(config) as members:
            yield members
        return
    members = found or Members()
    if config.batch_size % members.world_size:
        raise UserError(
            f"train.batch_size {config.batch_size} cannot be shared by {members.world_size} processes; make it a "
            "multiple"
        )
    yield members


@contextmanager
def _started(config: TrainConfig) -> Iterator[Members]:
    port = find_free_network_port()
    started: list[subprocess.Popen[bytes]] = []
    ended = threading.Event()
    try:
        for rank in range(1, config.devices):
            words = [str(word) for word in (rank, config.devices, port, config.device, config.precision)]
            # In a group of their own: Ctrl-C reaches the main process alone, which tells the others when to stop.
            command = [sys.executable, "-m", "pairloom.follower", *words]
            quiet = {**os.environ, "RANK": str(rank)}  # as `torchrun` says it: no progress bars there
            started.append(subprocess.Popen(command, stdin=subprocess.PIPE, process_group=0, env=quiet))  # noqa: S603
        environment = OwnProcesses(0, port)
        environment.set_world_size(config.devices)
        members = Members(environment, 0, config.devices, config.devices, started)
        threading.Thread(target=_end_with_other_ranks, args=(members, ended), daemon=True).start()
        yield members
        ended.set()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE)
    finally:
        ended.set()
        for process in started:
            process.kill()
            process.wait()


def _end_with_other_ranks(members: Members, ended: threading.Event) -> None:
    """End this process if another rank has died and this one waits for it, as NCCL may."""
    while not ended.wait(1.0):
        if any(process.poll() not in (None, 0) for process in members.started) and not ended.wait(GRACE):
            print(f"pairloom: {members.lost()}; --resume continues from the last saved state", file=sys.stderr)
            for process in members.started:
                process.kill()
            os._exit(2)


def own_member(rank: int, count: int, port: int) -> Members:
    """Return the processes of which this one was started by `gathered`; it ends when the one that started it does."""
    environment = OwnProcesses(rank, port)
    environment.set_world_size(count)
    environment.set_global_rank(rank)

    def end_with_main_process() -> None:
        os.read(sys.stdin.fileno(), 1)  # which nobody writes: it returns when the main process has ended
        os._exit(1)

    threading.Thread(target=end_with_main_process, daemon=True).start()
    return Members(environment, rank, count, count)
