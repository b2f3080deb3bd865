"""What a file system refuses, brought about in a process of its own: nothing may be written below a folder."""

import ctypes
import errno
import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CAPABILITIES_VERSION = 0x20080522
OVERRIDES = 1 << 1 | 1 << 2
"""Linux' capabilities to read and write (DAC_OVERRIDE) and to read (DAC_READ_SEARCH) what permissions forbid."""


def refusing(folder: Path, number: int = errno.ENOSPC, after: int = 0) -> Callable[[], None]:
    """Return what lets Python's own calls write so many files below a folder, and refuses all others by an error."""
    return partial(_refuse, str(folder), number, after)


def _refuse(folder: str, number: int, after: int) -> None:
    left = after

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if not arguments or not str(arguments[0]).startswith(folder):
            return
        if (event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING) or event == "os.mkdir":
            if left == 0:
                raise OSError(number, os.strerror(number), str(arguments[0]))
            left -= 1

    sys.addaudithook(hook)


def full_output() -> None:
    """Lead standard output to a device that is always full."""
    _lead_output(os.open("/dev/full", os.O_WRONLY))


def cut_output() -> None:
    """Lead standard output to a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    _lead_output(writer)


def closed_streams() -> None:
    """Close all three streams, as a daemon's parent may."""
    for number in range(3):
        os.close(number)
    sys.stdin = None  # as Python itself sets it


def _lead_output(number: int) -> None:
    os.dup2(number, 1)
    os.close(number)


def without_privileges() -> None:
    """Let the permissions of files hold for root too, as they do for everybody else."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = (ctypes.c_uint32 * 2)(CAPABILITIES_VERSION, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, sets) == 0:
        for place in range(3):  # effective, permitted and inheritable, of the first 32
            sets[place] &= ~OVERRIDES
        libc.capset(header, sets)
