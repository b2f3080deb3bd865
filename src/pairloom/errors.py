"""The one exception that a user of Pairloom is meant to read, and what other errors say in a line of it."""

from collections.abc import Iterable


class UserError(Exception):
    """A mistake the user can mend; the message says what is wrong, where, and what to do.

    The command line prints the message alone and ends with exit code 2. Everything else that is raised is a defect.
    """


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory is full, main memory or a GPU's.

    PyTorch has a class for its own allocator's alone, which is known by its name here, without loading PyTorch; its
    other errors of that kind are told from their text.
    """
    if isinstance(error, MemoryError):
        return True
    said = ("can't allocate memory", "out of memory", "STATUS_ALLOC_FAILED")
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in said)
    )


def first_line(error: BaseException) -> str:
    """Return the first line that an error says, up to 300 characters, or its kind where it says nothing."""
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)[:300]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a question that names the known word most like one that is unknown; empty where none is like it."""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"did you mean {close[0]!r}?" if close else ""
