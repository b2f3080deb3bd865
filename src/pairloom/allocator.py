"""How the C library deals with memory that has been freed."""

import ctypes
import sys
from collections.abc import Mapping

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # names of glibc's malloc.h
LARGEST = 2**30
"""Bytes of a block from which on it is given back to the system at once."""
_LARGE_IMAGE = 2**23
"""The same where images are looked at one by one: more than what an image of a usual size takes."""


def keep_freed_memory() -> bool:
    """Let this process keep what it frees, up to blocks of a GiB; tell whether the C library does so.

    A training step on the CPU frees and asks for the same hundreds of megabytes again and again. By itself glibc gives
    every block above 32 MiB back, and each page of the next one costs a fault. Does nothing where there is no glibc.
    """
    return _set({_MMAP_THRESHOLD: LARGEST, _TRIM_THRESHOLD: 2**31 - 1})


def return_freed_images() -> bool:
    """Let this process give the memory of large images back as it frees them; tell whether the C library does so.

    By itself glibc keeps blocks up to 32 MiB, of each thread apart, so that one image of 64 million pixels left
    hundreds of megabytes behind. Does nothing where there is no glibc.
    """
    return _set({_MMAP_THRESHOLD: _LARGE_IMAGE})


def _set(options: Mapping[int, int]) -> bool:
    if sys.platform != "linux":
        return False
    try:
        set_option = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return all(set_option(option, value) for option, value in options.items())
