"""The private memory of a command while it runs: what the benchmarks of memory sample."""

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
            if uss := private_bytes(watched):
                samples.append(Sample(time.monotonic() - began, uss, told))
            time.sleep(every)
        output = process.communicate()[0]
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        raise SystemExit(f"pairloom {' '.join(words)} ended with {process.returncode}:\n{output}")
    return samples


def private_bytes(process: psutil.Process) -> int:
    """Return what would be free if a process and those that it started ended; 0 where they are just ending."""
    total = 0
    try:
        for each in (process, *process.children(recursive=True)):
            total += each.memory_full_info().uss
    except (psutil.NoSuchProcess, psutil.AccessDenied):  # it is just ending
        return 0
    return total
