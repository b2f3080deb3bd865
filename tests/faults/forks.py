"""Pairloom's commands in processes of their own that start at once: forked from a server that has loaded everything.

So a kill hits the work and not the seconds of loading, and two hundred of them take minutes.
"""

import contextlib
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import TextIO

PRELOADED = [
    *("pairloom.cli", "pairloom.api", "pairloom.training_run"),
    *("pairloom.inference.image_files", "pairloom.exporters.model_export", "pairloom.exporters.cyclegan_import"),
    *("onnx", "onnxscript", "torch.onnx._internal.exporter._core", "forks"),
]

LONG = 300.0
"""Seconds after which a command hangs; none takes a tenth of it where the machine is free."""

_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(PRELOADED)


@dataclass(frozen=True)
class Ended:
    """How a command has ended."""

    code: int
    """Its exit code; negative: the number of the signal that has ended it."""
    out: str
    err: str
    seconds: float
    mebibytes: int
    """The most memory that it held beyond what was loaded at its start; 0 where it was killed."""

    @property
    def answered(self) -> bool:
        """Whether it ended by itself, with a result or a mistake that is told in one or two lines."""
        return "Traceback" not in self.err and (
            self.code == 0 or (self.code == 2 and 1 <= len(self.err.splitlines()) <= 3)
        )


class Command:
    """A command of Pairloom that runs beside the tests.

    Args:
        words: the command line, without `pairloom`.
        folder: for what it prints.
        fault: called in the process before the command, to bring about what it must bear.
    """

    def __init__(self, words: Sequence[object], folder: Path, fault: Callable[[], None] | None = None) -> None:
        self._said = folder / f"said-{time.monotonic_ns()}"
        self._said.mkdir(parents=True)
        self._started = time.monotonic()
        arguments = ([str(word) for word in words], self._said, fault, dict(os.environ))
        self._process: ForkServerProcess = _CONTEXT.Process(target=_run, args=arguments)
        self._process.start()
        self.pid = self._process.pid or 0

    @property
    def lives(self) -> bool:
        """Whether it still runs."""
        return self._process.is_alive()

    @property
    def out(self) -> str:
        """What it has printed so far."""
        path = self._said / "out"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def err(self) -> str:
        """What it has complained so far."""
        path = self._said / "err"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def kill(self) -> None:
        """End it as `kill -9` does, and wait until the processes that it has started have ended by themselves."""
        helpers = self.helpers()
        self._process.kill()
        self._process.join()
        deadline = time.monotonic() + LONG
        while any(Path(f"/proc/{helper}").exists() for helper in helpers):
            assert time.monotonic() < deadline, f"{helpers} outlive the command that has started them"
            time.sleep(0.02)

    def helpers(self) -> list[int]:
        """Return the processes that it has started."""
        with contextlib.suppress(OSError):
            return [int(word) for word in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()]
        return []

    def wait(self, seconds: float = LONG) -> Ended:
        """Wait for its end, and fail where it takes longer."""
        self._process.join(seconds)
        if self._process.exitcode is None:
            self.kill()
            self._process.join()
            raise AssertionError(f"hangs: no end after {seconds} s; {self.out[-500:]}")
        memory = self._said / "memory"
        return Ended(
            self._process.exitcode,
            self.out,
            self.err,
            time.monotonic() - self._started,
            int(memory.read_text()) if memory.exists() else 0,
        )


def run(words: Sequence[object], folder: Path, fault: Callable[[], None] | None = None, seconds: float = LONG) -> Ended:
    """Run a command to its end."""
    return Command(words, folder, fault).wait(seconds)


def _run(words: list[str], said: Path, fault: Callable[[], None] | None, environment: dict[str, str]) -> None:
    """Be the command."""
    import torch

    from pairloom.cli import main

    os.environ.clear()
    os.environ.update(environment)
    torch.set_num_threads(1)
    for number, name in ((1, "out"), (2, "err")):
        file = os.open(said / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
        os.close(file)
    before = reset_peak()
    if fault:
        fault()
    sys.stdout, sys.stderr = _stream(1), _stream(2)
    code = main(words)
    with contextlib.suppress(OSError):
        (said / "memory").write_text(str(max(0, peak() - before)))
    sys.stdout.flush()
    os._exit(code)


def _stream(number: int) -> TextIO:
    """Open a stream as Python does at its start: not at all where it is closed."""
    with contextlib.suppress(OSError):
        os.fstat(number)
        return open(number, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)
    return None  # type: ignore[return-value]


def reset_peak() -> int:
    """Begin to measure this process's memory anew, and return what it holds in MiB.

    As far as the system lets it: a fork takes its parent's peak over.
    """
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """Return the most memory that this process has held since, in MiB."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
