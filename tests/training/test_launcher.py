"""A function is called in several processes; the caller gets what rank 0 logs, returns and raises."""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pairloom.config import TrainConfig
from pairloom.errors import UserError
from pairloom.training.launcher import launch
from pairloom.training.signals import SIGNALS, Interrupted

FUNCTION = """
import os
import signal
import time

from pairloom.errors import UserError

RANK, LAUNCHER = int(os.environ.get("RANK", "0")), os.getppid()


def run(case, log):
    log(f"rank {RANK} of {os.environ['WORLD_SIZE']}\\non two lines")
    if case == "error":
        if RANK == 0:
            raise UserError("no such folder")
        raise SystemExit(2)  # rank 0 says why
    if case == "killed" and RANK == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    if case == "stopped":
        os.kill(LAUNCHER, signal.SIGTERM)
        time.sleep(60)
    if case == "alone" and RANK == 1:
        raise UserError("this machine lacks the file")
    if case in ("killed", "alone"):
        time.sleep(60)
    return RANK, case
"""


def _launch(case: str, folder: Path, monkeypatch: pytest.MonkeyPatch, log: Any = print) -> Any:
    """Call the function above, which each process finds in the folder it is started in."""
    (folder / "function.py").write_text(FUNCTION)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "function", raising=False)
    from function import run  # type: ignore[import-not-found]

    return launch(partial(run, case), TrainConfig(device="cpu", devices=2, batch_size=2), log)


@pytest.mark.slow
def test_what_rank_0_returns_and_logs_is_the_callers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handlers, lines = [signal.getsignal(number) for number in SIGNALS], list[str]()
    assert _launch("well", tmp_path, monkeypatch, lines.append) == (0, "well")
    assert lines == ["rank 0 of 2", "on two lines"]
    assert [signal.getsignal(number) for number in SIGNALS] == handlers
    assert not [name for name in os.environ if name.startswith(("TORCHELASTIC_", "TORCH_ELASTIC_"))]


def test_what_rank_0_raises_is_raised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"^no such folder$"):
        _launch("error", tmp_path, monkeypatch)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_a_killed_rank_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"^process 2 of 2 was killed by SIGKILL; --resume continues"):
        _launch("killed", tmp_path, monkeypatch)
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_a_rank_that_fails_alone_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"^process 2 of 2 has ended; its message is above; --resume continues"):
        _launch("alone", tmp_path, monkeypatch)
    assert capfd.readouterr().err == "pairloom (process 2 of 2): this machine lacks the file\n"


def test_a_signal_before_training_ends_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Interrupted) as caught:
        _launch("stopped", tmp_path, monkeypatch)
    assert caught.value.signal == signal.SIGTERM
    assert capfd.readouterr().err == ""
