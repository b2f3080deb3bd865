"""The processes that train one run: each has a part of every batch, and all take the same step."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Literal, Self, TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import Tensor, nn

from pairloom.config import Experiment, Precision, TrainConfig
from pairloom.cpu import cpu_count
from pairloom.errors import UserError, first_line, is_out_of_memory
from pairloom.models.devices import choose_device

Thing = TypeVar("Thing")

PATIENCE = timedelta(hours=12)
"""How long a process waits for another's words: the first may have all pairs to decode before training can begin."""

BUCKET = 25 * 2**20
"""Bytes of gradients that travel together; the next are packed meanwhile."""


class LostProcessError(UserError):
    """Another process has ended, or cannot be reached."""


def cluster_environment() -> ClusterEnvironment | None:
    """Return how this process finds the others that `torchrun`, `launch` or SLURM's `srun` has started with it.

    None if none of them has started it.

    Raises:
        UserError: if `srun` was not told how many tasks a machine has.
    """
    if TorchElasticEnvironment.detect():
        return TorchElasticEnvironment()
    if int(os.environ.get("SLURM_STEP_NUM_TASKS", "1")) > 1:  # set by `srun` alone, not in the script of a job
        try:
            return SLURMEnvironment(auto_requeue=False)
        except RuntimeError as error:
            raise UserError(f"SLURM: {' '.join(str(error).split())}") from error
    return None


def local_world_size(environment: ClusterEnvironment) -> int:
    """Return how many of the processes are on this machine."""
    if isinstance(environment, TorchElasticEnvironment):
        return int(os.environ["LOCAL_WORLD_SIZE"])
    return environment.world_size() // int(os.environ.get("SLURM_STEP_NUM_NODES", "1"))


def too_few_gpus(processes: int) -> UserError:
    """Return the error that there is not a GPU for each process on this machine."""
    return UserError(
        f"{processes} processes on one machine need one GPU each, but torch finds {torch.cuda.device_count()}; start "
        "fewer, or say --device cpu"
    )


def resolve_precision(name: Precision, device: torch.device) -> Literal["32-true", "bf16-mixed", "16-mixed"]:
    """Return the number format that `train.precision` means on a device."""
    if name != "auto":
        return name
    return "bf16-mixed" if device.type == "cuda" and torch.cuda.is_bf16_supported() else "32-true"


class _Averaging(DDPStrategy):
    """Fabric's processes and devices, without the wrapper that averages gradients.

    `DistributedDataParallel` wants one backward pass, through all parameters, for each forward pass. A GAN's
    discriminator is passed twice before its update and once more, held fixed, for the generator's; so
    `DistributedContext.average_gradients` does it before an update, for those parameters that are updated.
    """

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        return module

    @property
    def root_device(self) -> torch.device:
        devices = self.parallel_devices or []
        return devices[self.local_rank % len(devices)]

    def _configure_launcher(self) -> None:
        self._launcher = None  # the processes are there


class DistributedContext:
    """The processes that train together, and this one among them; a process alone never waits.

    Use it as a context: at its end the others are told, if they do not know it yet, that there is nothing to do.

    Args:
        config: the device, the number format of the arithmetic, and the batch size.
        environment: how the processes find one another; None for a process alone.

    Raises:
        UserError: if the device is not there, or the processes cannot share the batch.
    """

    def __init__(self, config: TrainConfig, environment: ClusterEnvironment | None = None) -> None:
        self.rank, self.world_size = (environment.global_rank(), environment.world_size()) if environment else (0, 1)
        if config.batch_size % self.world_size:
            raise UserError(
                f"train.batch_size {config.batch_size} cannot be shared by {self.world_size} processes; make it a "
                "multiple"
            )
        config.require_equal_parts(self.world_size)
        device = choose_device(config.device)
        if device.type == "cuda":
            torch.backends.cudnn.benchmark = True  # sizes never change, so the search for algorithms pays
        self.precision = resolve_precision(config.precision, device)
        self._knows_experiment = False
        self._asked: tuple[Tensor, dist.Work] | None = None
        if environment is None or self.world_size == 1:
            self.fabric = Fabric(accelerator=device.type, devices=1, precision=self.precision)
            return
        devices = here = local_world_size(environment)
        if device.type == "cuda" and (visible := torch.cuda.device_count()) < here:
            if visible > 1:
                raise too_few_gpus(here)
            devices = 1  # each process is shown its own GPU alone, as SLURM's --gpus-per-task does
        self.fabric = Fabric(
            accelerator=device.type,
            devices=devices,
            num_nodes=self.world_size // here,
            strategy=_Averaging(),
            plugins=[environment],
            precision=self.precision,
        )
        self._threads = torch.get_num_threads()
        if device.type == "cpu":
            torch.set_num_threads(max(1, cpu_count() // here))
        logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it tells of every process that it meets
        with self._explained_if_lost():
            self.fabric.launch()
            # What processes tell one another goes past the GPU, which must not wait for it.
            self._cpu_group = dist.new_group(backend="gloo", timeout=PATIENCE)

    @property
    def is_main_process(self) -> bool:
        """Whether this is the first process, which alone writes files and speaks."""
        return self.rank == 0

    @property
    def rank_counters(self) -> tuple[int, ...]:
        """What to add to the counters of a draw that each process makes for itself; nothing in the main process."""
        return () if self.is_main_process else (self.rank,)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        if self.world_size == 1:
            return
        try:
            if self.is_main_process and not self._knows_experiment:
                self.broadcast_experiment(None)
        finally:
            torch.set_num_threads(self._threads)
            dist.destroy_process_group()

    def broadcast_experiment(self, experiment: Experiment | None) -> Experiment | None:
        """Return the main process's experiment, which all train; None if there is nothing to train."""
        self._knows_experiment = True
        return self.broadcast(experiment)

    def shard(self, count: int) -> range:
        """Return the indices, of so many, that are this process's; together the processes have each once."""
        return range(self.rank, count, self.world_size)

    def backward(self, loss: Tensor, inputs: list[Tensor]) -> None:
        """Add the gradient of this process's loss to the listed parameters, and to no others."""
        self.fabric.backward(loss, inputs=inputs)

    def average_gradients(self, parameters: list[Tensor]) -> None:
        """Replace the gradients of the parameters by their means over the processes."""
        self.average([tensor.grad for tensor in parameters if tensor.grad is not None])

    @torch.no_grad()
    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its mean over the processes."""
        if self.world_size == 1:
            return
        with self._explained_if_lost():
            travelling = []
            for bucket in _buckets(tensors):
                packed = torch.cat([tensor.flatten() for tensor in bucket])
                travelling.append((bucket, packed, dist.all_reduce(packed, async_op=True)))
            for bucket, packed, work in travelling:
                work.wait()
                packed /= self.world_size
                parts = torch.split(packed, [tensor.numel() for tensor in bucket])
                for tensor, part in zip(bucket, parts, strict=True):
                    tensor.copy_(part.view_as(tensor))

    def agree(self, *flags: int) -> tuple[int, ...]:
        """Start a reduction of these flags to their maximum over the processes; return the result of the last call's.

        So that no step waits for it. The first call returns 0 for each; a process alone has its own flags back at once.
        """
        if self.world_size == 1:
            return flags
        with self._explained_if_lost():
            answer: tuple[int, ...] = (0,) * len(flags)
            if self._asked:
                told, work = self._asked
                work.wait()
                answer = tuple(int(flag) for flag in told)
            asked = torch.tensor(flags)
            self._asked = asked, dist.all_reduce(asked, dist.ReduceOp.MAX, group=self._cpu_group, async_op=True)
            return answer

    @torch.no_grad()
    def broadcast_tensors(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by the main process's."""
        if self.world_size == 1:
            return
        with self._explained_if_lost():
            for tensor in tensors:
                dist.broadcast(tensor, src=0)

    def broadcast(self, thing: Thing) -> Thing:
        """Return what the main process has given."""
        if self.world_size == 1:
            return thing
        things = [thing]
        with self._explained_if_lost():
            dist.broadcast_object_list(things, src=0, group=self._cpu_group)
        return things[0]

    def barrier(self) -> None:
        """Wait until every process has come here."""
        self.broadcast(None)

    def gather(self, thing: Thing) -> list[Thing]:
        """Return what every process has given, in their order."""
        if self.world_size == 1:
            return [thing]
        things: list[Thing] = [thing] * self.world_size
        with self._explained_if_lost():
            dist.all_gather_object(things, thing, group=self._cpu_group)
        return things

    @contextmanager
    def _explained_if_lost(self) -> Iterator[None]:
        """Say that another process has ended, where that is why this one cannot go on."""
        try:
            yield
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            raise LostProcessError(
                f"the {self.world_size} processes failed ({first_line(error)}); --resume continues from "
                "the last saved state, if there is one"
            ) from error


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Yield the tensors in groups of about `BUCKET` bytes, of one type each."""
    bucket: list[Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and (size + tensor.nbytes > BUCKET or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.nbytes
    if bucket:
        yield bucket
