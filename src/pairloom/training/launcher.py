"""Start the processes of a run on this machine by PyTorch's elastic launcher, which ends all when one fails.

As a program (`python -m pairloom.training.launcher`) this module is what each of them runs.
"""

import ctypes
import io
import logging
import os
import pickle
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeVar, cast

import torch
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure
from torch.distributed.elastic.multiprocessing.tail_log import TailLog
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from pairloom.config import TrainConfig
from pairloom.errors import UserError
from pairloom.models.devices import choose_device
from pairloom.training.distributed import LostProcessError, too_few_gpus
from pairloom.training.signals import Interrupted, handled_signals

Result = TypeVar("Result")

SAVING_SECONDS = 600
"""How long the processes have to save a checkpoint once they were asked to stop; then they are killed.

Before version 2.12 torch gives them 30 seconds, whatever it is told.
"""

LOST_SECONDS = 30
"""How long a process that has lost another one waits for the launcher to end it."""

PR_SET_PDEATHSIG = 1
"""Of Linux's prctl: the signal that the kernel sends to a process when its parent has ended."""


def launch(function: Callable[..., Result], config: TrainConfig, log: Callable[[str], None]) -> Result:
    """Call a function in `train.devices` processes on this machine, and return what it returned in rank 0.

    Args:
        function: can be pickled, and takes `log`; each process calls it.
        config: the number of processes, and the device.
        log: receives the lines that rank 0 logs.

    Raises:
        UserError: if there are fewer GPUs than processes, or a process was lost.
        Interrupted: if a signal stopped the processes.
        BaseException: what the function raised in rank 0.
    """
    if choose_device(config.device).type == "cuda" and torch.cuda.device_count() < config.devices:
        raise too_few_gpus(config.devices)
    elastic = logging.getLogger("torch.distributed.elastic")  # failures are told here
    elastic.addHandler(logging.NullHandler())
    elastic.propagate = False
    with tempfile.TemporaryDirectory(prefix="pairloom-") as name, _launcher_environment():
        folder = Path(name)
        log_file = None if log is print and sys.stdout is sys.__stdout__ else folder / "log"  # else rank 0 prints
        (folder / "call").write_bytes(pickle.dumps((function, log_file)))
        lines = _Lines(log)
        tail = TailLog("log", {0: str(log_file)} if log_file else {}, cast(TextIO, lines), {0: ""}).start()
        settings = LaunchConfig(
            min_nodes=1,
            max_nodes=1,
            nproc_per_node=config.devices,
            run_id=folder.name,
            rdzv_backend="c10d",
            rdzv_endpoint="localhost:0",
            local_addr="127.0.0.1",
            max_restarts=0,
            logs_specs=DefaultLogsSpecs(log_dir=os.devnull),  # the processes write to this one's streams
            signals_to_handle=",".join(number.name for number in handled_signals()),
        )
        failures: dict[int, ProcessFailure] = {}
        stopped: Interrupted | None = None
        try:
            elastic_launch(settings, sys.executable)("-m", __name__, folder, os.getpid())
        except ChildFailedError as error:
            failures = error.failures
        except SignalException as error:
            stopped = Interrupted(error.sigval)
        finally:
            tail.stop()
        outcome = pickle.loads(file.read_bytes()) if (file := folder / "outcome").exists() else stopped  # noqa: S301
    if isinstance(outcome, LostProcessError):
        failures.pop(0, None)  # rank 0 failed because another one had
        outcome = None if failures else outcome
    if failures and outcome is None:
        raise UserError(_lost(failures, config.devices))
    if raised := lines.error or (outcome if isinstance(outcome, BaseException) else None):
        raise raised
    return cast(Result, outcome)


def _lost(failures: dict[int, ProcessFailure], world_size: int) -> str:
    rank, failure = next(iter(failures.items()))  # the first; the launcher has ended those after it
    how = f"was killed by {failure.signal_name()}" if failure.exitcode < 0 else "has ended; its message is above"
    return f"process {rank + 1} of {world_size} {how}; --resume continues from the last saved state, if there is one"


@contextmanager
def _launcher_environment() -> Iterator[None]:
    """Give the launcher time to stop; afterwards set variables and signal handlers back, as it leaves its own."""
    variables, handlers = dict(os.environ), {number: signal.getsignal(number) for number in handled_signals()}
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", str(SAVING_SECONDS))
    try:
        yield
    finally:
        for name in ("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", "TORCHELASTIC_SIGNALS_TO_HANDLE"):
            if name not in variables:
                os.environ.pop(name, None)
        for number, handler in handlers.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)


class _Lines:
    """What `TailLog` writes lines to, in a thread of its own."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self.error: BaseException | None = None
        """What `log` raised."""

    def write(self, line: str) -> None:
        try:
            self._log(line.removesuffix("\n"))
        except BaseException as error:
            self.error = error
            raise


def main(folder: Path, launcher: int) -> int:
    """Call the function that `launch` has put into the folder, and return the exit code.

    Where all ranks fail, only rank 0 returns an error, so that the launcher does not end it before it has said why.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # when the launcher is killed, nothing goes on
    if os.getppid() != launcher:
        return 1
    rank, world_size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    function, log_file = pickle.loads((folder / "call").read_bytes())  # noqa: S301  # written by `launch`
    if rank > 0:
        try:
            function(log=lambda _line: None)
        except (KeyboardInterrupt, SystemExit):
            return 0
        except UserError as error:
            if isinstance(error, LostProcessError):
                time.sleep(LOST_SECONDS)  # if another one has failed, the launcher ends this one now
            print(f"pairloom (process {rank + 1} of {world_size}): {error}", file=sys.stderr)
            return 2
        return 0
    if log_file:
        sys.stdout = log_file.open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
    elif isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    try:
        outcome = function(log=print)
    except (UserError, KeyboardInterrupt) as error:
        outcome = error
    except BaseException as error:
        error.add_note(traceback.format_exc())
        outcome = error
    (folder / "outcome").write_bytes(pickle.dumps(outcome))
    try:
        sys.stdout.flush()
    except OSError:  # nobody reads, or the disk is full; the outcome says it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return int(isinstance(outcome, BaseException) and not isinstance(outcome, KeyboardInterrupt))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
