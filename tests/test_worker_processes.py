"""Worker processes map a function over items in order, and end with the parent's errors understood."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pairloom.errors import UserError
from pairloom.worker_processes import map_in_processes

SLEEPERS = """
import os, sys, time
from pairloom.worker_processes import map_in_processes

def sleep(item):
    open(os.path.join(sys.argv[1], str(os.getpid())), "w").close()
    time.sleep(60)

if __name__ == "__main__":
    list(map_in_processes(sleep, range(8), workers=2))
"""
"""A script whose worker processes note down their numbers, then sleep."""


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


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc tells which processes there are")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_the_process_that_started_it(tmp_path: Path, number: signal.Signals) -> None:
    script, noted = tmp_path / "sleepers.py", tmp_path / "noted"
    script.write_text(SLEEPERS, encoding="utf-8")
    noted.mkdir()
    started = subprocess.Popen([sys.executable, script, noted], stderr=subprocess.DEVNULL)
    _wait_until(lambda: len(list(noted.iterdir())) == 2)
    started.send_signal(number)
    assert started.wait(20) == -number
    _wait_until(lambda: not any(Path("/proc", worker.name).exists() for worker in noted.iterdir()))


def _wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
