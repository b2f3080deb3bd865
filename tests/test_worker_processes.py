"""Worker processes map a function over items in order, and end with the parent's errors understood."""

import os
import signal

import pytest

from pairloom.errors import UserError
from pairloom.worker_processes import map_in_processes


def _square(number: int) -> int:
    return number * number


def _refuse(number: int) -> int:
    raise UserError(f"{number} is refused")


def _die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_order_whatever_the_chunks() -> None:
    assert list(map_in_processes(_square, range(11), chunk=3, workers=2)) == [number**2 for number in range(11)]


def test_no_items_give_no_results() -> None:
    assert list(map_in_processes(_square, [])) == []


def test_an_error_of_the_function_is_raised_here() -> None:
    with pytest.raises(UserError, match=r"^0 is refused$"):
        list(map_in_processes(_refuse, range(4), workers=1))


def test_a_worker_that_dies_is_an_error_with_a_message() -> None:
    with pytest.raises(UserError, match="worker process died"):
        list(map_in_processes(_die, range(4), workers=1))
