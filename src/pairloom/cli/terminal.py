"""What the commands print: names of files may hold anything, and must not disturb the terminal."""

import errno
import os
import sys

FULL = (errno.ENOSPC, errno.EDQUOT)


def printable(text: str) -> str:
    """Write control characters, line breaks and marks of direction as escapes: no name may rule the terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def told(error: OSError) -> str:
    """Say in a line what the system has refused."""
    if error.filename is None or error.strerror is None:
        return f"cannot be read or written: {error}"
    hint = "; make room there, then say the command again" if error.errno in FULL else ""
    return f"{os.fsdecode(error.filename)}: {error.strerror}{hint}"


def open_streams() -> None:
    """Lead what is closed to nowhere, so that no file that is opened takes its number, and what is printed, in."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # which takes the lowest number that is free
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (open until the end)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def drop_output() -> None:
    """Lead what is still to be printed to nowhere: nobody takes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
