"""What benchmarks share: what the machine can do at its best, and work that is timed in turn with other work."""

import ctypes
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from pairloom.models.convolution import ONE_DNN


@dataclass
class Timed:
    """A piece of work that is timed in turn with others."""

    name: str
    work: Callable[[], object]
    prepare: Callable[[], object]
    """Sets the memory of the process up as this side has it."""
    seconds: list[float] = field(default_factory=list)
    """Of once, a round each."""

    def time(self, times: int, device: torch.device) -> None:
        """Time a round of so many times, after one that is not counted."""
        self.prepare()
        self.work()
        wait(device)
        began = time.perf_counter()
        for _ in range(times):
            self.work()
        wait(device)
        self.seconds.append((time.perf_counter() - began) / times)


def wait(device: torch.device) -> None:
    """Wait until a device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def as_glibc_does() -> None:
    """Give freed memory back as glibc does by itself once it has met large blocks; the opposite of `allocator`."""
    if sys.platform == "linux":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 32 * 2**20)  # M_MMAP_THRESHOLD, at the height to which it rises by itself
        libc.mallopt(-1, 64 * 2**20)  # M_TRIM_THRESHOLD, twice that


def matrix_rate(device: torch.device, precision: str) -> float:
    """Return the operations a second of a large matrix product, by the quicker of the libraries that are there."""
    side = 8192 if device.type == "cuda" else 2048
    kind = torch.float32 if precision == "32-true" else torch.bfloat16
    first, second = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    seconds = best_seconds(lambda: first @ second, device)  # by MKL where PyTorch has it
    if device.type == "cpu" and ONE_DNN:
        one_dnn = torch.ops.mkldnn._linear_pointwise
        seconds = min(seconds, best_seconds(lambda: one_dnn(first, second, None, "none", [], ""), device))
    return 2 * side**3 / seconds


def copy_rate(device: torch.device) -> float:
    """Return the bytes per second that a copy reads and writes."""
    data = torch.zeros(2**28 if device.type == "cuda" else 2**26, device=device)
    other = torch.empty_like(data)
    return 2 * data.nbytes / best_seconds(lambda: other.copy_(data), device)


def best_seconds(work: Callable[[], object], device: torch.device, times: int = 6) -> float:
    """Return the shortest time of a piece of work, after one that is not counted."""
    found = []
    for _ in range(times + 1):
        began = time.perf_counter()
        work()
        wait(device)
        found.append(time.perf_counter() - began)
    return min(found[1:])
