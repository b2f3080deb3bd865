"""Which device to compute on."""

import torch

from pairloom.allocator import keep_freed_memory
from pairloom.errors import UserError


def choose_device(name: str) -> torch.device:
    """Return the device that `auto`, `cpu` or `cuda` means on this machine; a CPU's process keeps what it frees.

    Raises:
        UserError: if `cuda` is asked for where there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda was requested, but torch finds no CUDA GPU; use --device cpu")
    if name != "cpu" and torch.cuda.is_available():
        return torch.device("cuda")
    keep_freed_memory()  # each pass, of a training and of a translation, asks for the same blocks again
    return torch.device("cpu")
