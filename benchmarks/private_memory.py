"""The private memory of a command while it runs: what `benchmarks/memory.py` and `benchmarks/stream.py` sample."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

MIB = 2**20


@dataclass(frozen=True)
class Sample:
    """The memory of a process and of those that it started, at one moment."""

    seconds: float
    """Since the command was started."""
    uss: int
    """Bytes that would be free if the processes ended (unique set size): what they share with others does not count."""
    mark: float
    """What the caller's `mark` has told just before."""


def sample_command(words: Sequence[str], *, every: float, mark: Callable[[], float]) -> list[Sample]:
    """Run `pairloom WORDS`, look at its memory every so many seconds, and return what was seen.

    Args:
        words: the verb and its options.
        every: seconds between two looks; a look itself takes some milliseconds.
        mark: tells how far the command has come.

    Raises:
        SystemExit: with its output, if the command fails.
    """
    process = subprocess.Popen(  # noqa: S603 (the words are the benchmarks' own)
        [sys.executable, "-m", "pairloom", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    began, samples, watched = time.monotonic(), [], psutil.Process(process.pid)
    try:
        while process.poll() is None:
            told = mark()
            if uss := _private(watched):
                samples.append(Sample(time.monotonic() - began, uss, told))
            time.sleep(every)
        output = process.communicate()[0]
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise SystemExit(f"pairloom {' '.join(words)} ended with {process.returncode}:\n{output}")
    return samples


def _private(process: psutil.Process) -> int:
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().uss
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # it is just ending
        return 0
    return total
