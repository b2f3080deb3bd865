"""What the machine can do at its best: the rate of a matrix product, and that of a copy."""

import time
from collections.abc import Callable

import torch


def matrix_rate(device: torch.device, precision: str) -> float:
    """Return the operations a second of a large matrix product."""
    side = 8192 if device.type == "cuda" else 2048
    kind = torch.float32 if precision == "32-true" else torch.bfloat16
    first, second = (torch.randn(side, side, device=device, dtype=kind) for _ in range(2))
    return 2 * side**3 / best_seconds(lambda: first @ second, device)


def copy_rate(device: torch.device) -> float:
    """Return the bytes a second that a copy reads and writes."""
    data = torch.zeros(2**28 if device.type == "cuda" else 2**26, device=device)
    other = torch.empty_like(data)
    return 2 * data.nbytes / best_seconds(lambda: other.copy_(data), device)


def best_seconds(work: Callable[[], object], device: torch.device, times: int = 6) -> float:
    """Return the shortest time of a piece of work, after one that is not counted."""
    found = []
    for _ in range(times + 1):
        began = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize()
        found.append(time.perf_counter() - began)
    return min(found[1:])
