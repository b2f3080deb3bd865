"""How the C library deals with memory that has been freed."""

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h
LARGEST = 2**30
"""Bytes of a block from which on it is given back to the system at once."""


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, up to blocks of a GiB; tell whether the C library does so.

    A training step on the CPU frees and asks for the same hundreds of megabytes again and again. By itself glibc gives
    every block above 32 MiB back, and each page of the next one costs a fault. Does nothing where there is no glibc.
    """
    if sys.platform != "linux":
        return False
    try:
        set_option = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(set_option(_MMAP_THRESHOLD, LARGEST) and set_option(_TRIM_THRESHOLD, 2**31 - 1))
