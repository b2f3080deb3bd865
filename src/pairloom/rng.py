"""Every random draw as a pure function of (seed, purpose, counters).

Nothing keeps a random state that would have to be saved: the draws of step 1234 can be made without the 1233 before
it, which is what lets a run resume exactly and lets validation leave training undisturbed.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch


def numpy_generator(seed: int, purpose: str, *counters: int) -> np.random.Generator:
    """Return a NumPy generator that belongs to this seed, purpose and counters (such as the step and slot) alone.

    All numbers must be non-negative. Different purposes or counters give independent streams.
    """
    return np.random.default_rng([seed, zlib.crc32(purpose.encode()), len(counters), *counters])


def derived_seed(seed: int, purpose: str, *counters: int) -> int:
    """Return a 63-bit seed for libraries that take a single number, drawn like `numpy_generator`."""
    return int(numpy_generator(seed, purpose, *counters).integers(2**63))


@contextmanager
def torch_seeded(seed: int, device: "torch.device") -> Iterator[None]:
    """Seed torch's global random state on the CPU and on `device` inside the block, and restore it afterwards."""
    # Processes that only draw numbers, such as the street scenes' workers, start faster without torch.
    import torch

    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield
