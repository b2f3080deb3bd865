"""Output of the commands: file names may contain anything, and must not inject terminal escapes."""

import errno
import os
import sys

FULL = (errno.ENOSPC, errno.EDQUOT)


def printable(text: str) -> str:
    """Escape control characters, line breaks and direction marks."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def told(error: OSError) -> str:
    """Return a system error in one line."""
    if error.filename is None or error.strerror is None:
        return f"cannot be read or written: {error}"
    hint = "; free some space, then run the command again" if error.errno in FULL else ""
    return f"{os.fsdecode(error.filename)}: {error.strerror}{hint}"


def open_streams() -> None:
    """Redirect closed streams to the null device, so that no opened file gets their descriptors."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free descriptor
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (open until the end)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115


def drop_output() -> None:
    """Redirect further output to the null device."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
