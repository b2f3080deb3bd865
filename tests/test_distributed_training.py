"""Several processes train one run: they follow one alone, stop together, and what is lost is said."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from pairloom.training.checkpoint import load_state

# Without class decisions in it, which a rounding could turn: the curves must agree to rounding alone.
SMOOTH = (
    "--model.head rgb --loss.l1 100 --loss.cross_entropy 0 --loss.lovasz 0 --loss.adversarial_weight 1 "
    "--loss.adversarial lsgan"
)
EPOCHS = 25  # of one step each
TINY = (
    f"--size 32 --model.width 4 --batch-size 4 --epochs {EPOCHS} --train.samples 1 --train.snapshot_every {EPOCHS} "
    f"--train.validate_every {EPOCHS} --device cpu"
)


def _train(*words: str, launcher: tuple[str, ...] = (sys.executable,)) -> "subprocess.CompletedProcess[str]":
    command = [*launcher, "-m", "pairloom", "train", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def _losses(run: Path) -> list[dict[str, float]]:
    records = [json.loads(line)["losses"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: loss for name, loss in record.items() if name != "adversarial_share"} for record in records]


def _scores(run: Path) -> dict[str, Any]:
    scores: dict[str, Any] = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["validation"]
    return scores


def _require_same_curve(run: Path, other: Path) -> None:
    for step, (losses, others) in enumerate(zip(_losses(run), _losses(other), strict=True)):
        # Sums in another order differ in their last bits, and Adam makes more of it with each step.
        assert losses == pytest.approx(others, rel=1e-4 if step < 10 else 5e-3), step


@pytest.fixture(scope="module")
def alone(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process."""
    run = tmp_path_factory.mktemp("alone") / "run"
    done = _train(str(streets), "--out", str(run), *TINY.split(), *SMOOTH.split())
    assert done.returncode == 0, done.stderr
    return run


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_several_processes_follow_one_process_with_the_same_batch(
    count: int, alone: Path, streets: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = _train(str(streets), "--out", str(run), *TINY.split(), *SMOOTH.split(), "--devices", str(count))
    assert (done.returncode, done.stderr) == (0, "")
    _require_same_curve(run, alone)
    assert _scores(run)["pairs"] == 3
    assert _scores(run)["pixel_accuracy"] == pytest.approx(_scores(alone)["pixel_accuracy"], abs=5e-3)
    assert done.stdout.count("epoch 25/25") == 1


@pytest.mark.slow
def test_torchrun_starts_a_team(alone: Path, streets: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    often = ("--train.checkpoint_steps", "1", "--train.validate_every", "1")
    done = _train(str(streets), "--out", str(run), *TINY.split(), *SMOOTH.split(), *often, launcher=torchrun)
    assert done.returncode == 0, done.stderr
    before = torch.load(run / "checkpoints/previous.pt", weights_only=True)
    assert before["step"] >= EPOCHS - 2, "states are saved on the way, whatever else the processes agree on"
    assert done.stdout.count("epoch 25/25") == done.stdout.count("Report:") == 1
    _require_same_curve(run, alone)


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 4])
def test_killed_it_goes_on_with_another_number_of_processes(
    after: int, alone: Path, streets: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with _started(streets, run, "--devices", "2") as leader:
        _wait_for_steps(run, 2)
        followers = _followers(leader.pid)
        leader.kill()
    assert len(followers) == 1
    _wait_for_end(followers)  # nobody is left to compute for nothing
    state = load_state(run / "checkpoints")
    assert state is not None
    assert 2 <= state["step"] < EPOCHS, "the kill came in the middle"
    done = _train("--resume", str(run), "--devices", str(after))
    assert done.returncode == 0, done.stderr
    _require_same_curve(run, alone)


@pytest.mark.slow
def test_all_stop_when_one_is_asked_to(streets: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with _started(streets, run, "--devices", "2") as leader:
        _wait_for_steps(run, 2)
        os.kill(_followers(leader.pid)[0], signal.SIGTERM)
        _, said = leader.communicate(timeout=60)
    assert leader.returncode == 128 + signal.SIGTERM
    assert said.splitlines() == [f"pairloom: to resume: pairloom train --resume {run}", "pairloom: stopped"]
    state = load_state(run / "checkpoints")
    assert state is not None
    assert state["step"] < EPOCHS


def test_a_process_that_dies_ends_the_run_with_a_message(streets: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with _started(streets, run, "--devices", "2") as leader:
        _wait_for_steps(run, 2)
        os.kill(_followers(leader.pid)[0], signal.SIGKILL)
        _, said = leader.communicate(timeout=60)
    assert leader.returncode == 2
    assert said.startswith("pairloom: process 2 of 2 was killed by SIGKILL (")
    assert said.endswith("); --resume continues from the last saved state, if there is one\n")
    assert load_state(run / "checkpoints") is not None


@pytest.mark.slow
def test_what_batch_norm_has_measured_is_that_of_the_whole_batch(streets: Path, tmp_path: Path) -> None:
    states = []
    for count in ("1", "2"):
        run = tmp_path / count
        once = ("--epochs", "1", "--model.norm", "batch", "--devices", count)
        done = _train(str(streets), "--out", str(run), *TINY.split(), *SMOOTH.split(), *once)
        assert done.returncode == 0, done.stderr
        states.append(torch.load(run / "checkpoints/last.pt", weights_only=True)["networks"]["generator"])
    name = next(name for name in states[0] if name.endswith("running_mean"))
    assert states[0][name].abs().max() > 0
    torch.testing.assert_close(states[1][name], states[0][name], rtol=1e-4, atol=1e-7)


def test_a_batch_that_cannot_be_shared_is_refused(streets: Path, tmp_path: Path) -> None:
    done = _train(str(streets), "--out", str(tmp_path / "run"), "--devices", "2", "--batch-size", "3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "pairloom: train.batch_size 3 is not a multiple of 2 devices; change one of them\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_mistake_of_the_leader_is_told_once(tmp_path: Path) -> None:
    done = _train(str(tmp_path / "nowhere"), "--out", str(tmp_path / "run"), "--devices", "2", "--batch-size", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "nowhere: no such folder" in done.stderr


@contextmanager
def _started(streets: Path, run: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Inside the block a run is trained that takes a state after each step."""
    settings = (*TINY.split(), *SMOOTH.split(), "--train.checkpoint_steps", "1", *words)
    command = [sys.executable, "-m", "pairloom", "train", str(streets), "--out", str(run), *settings]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _followers(leader: int) -> list[int]:
    children = Path(f"/proc/{leader}/task/{leader}/children")
    if not children.exists():
        pytest.skip("only Linux tells a process's children")
    return [int(word) for word in children.read_text().split()]


def _wait_for_steps(run: Path, steps: int) -> None:
    deadline = time.monotonic() + 60
    while _steps(run) < steps:
        assert time.monotonic() < deadline, f"{steps} steps have not been made in a minute"
        time.sleep(0.02)


def _steps(run: Path) -> int:
    if not (run / "checkpoints/previous.pt").exists():  # the last state is whole when there is one before it
        return 0
    state = load_state(run / "checkpoints")
    return state["step"] if state else 0


def _wait_for_end(processes: list[int]) -> None:
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{process}").exists() for process in processes):
        assert time.monotonic() < deadline, "a follower outlives its leader"
        time.sleep(0.05)
