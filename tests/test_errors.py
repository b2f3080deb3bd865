"""What other errors say fits a line of a message."""

import pytest

from pairloom.errors import first_line


@pytest.mark.parametrize(
    ("said", "line"), [("one\ntwo", "one"), ("\n  \n two \nthree", "two"), ("", "ValueError"), ("a" * 999, "a" * 300)]
)
def test_an_error_says_one_line(said: str, line: str) -> None:
    assert first_line(ValueError(said)) == line
