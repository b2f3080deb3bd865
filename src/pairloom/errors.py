"""The one exception that a user of Pairloom is meant to read."""


class UserError(Exception):
    """A mistake the user can mend; the message says what is wrong, where, and what to do.

    The command line prints the message alone and ends with exit code 2. Everything else that is raised is a defect.
    """
