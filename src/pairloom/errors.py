"""The one exception that a user of Pairloom is meant to read, and what other errors say in a line of it."""


class UserError(Exception):
    """A mistake the user can mend; the message says what is wrong, where, and what to do.

    The command line prints the message alone and ends with exit code 2. Everything else that is raised is a defect.
    """


def first_line(error: BaseException) -> str:
    """Return the first line that an error says, up to 300 characters, or its kind where it says nothing."""
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)[:300]
