"""Several processes train one run as one process does, stop together, and a lost process is named."""

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
    "--model.head rgb --loss.l1 100 --loss.cross_entropy 0 --loss.lovasz 0 --loss.deep_supervision 0 "
    "--loss.adversarial_weight 1 --loss.adversarial lsgan --model.norm instance --augment.scale [0.9,1.25] "
    "--optim.optimizer adam --optim.learning_rate 0.0002 --optim.beta1 0.5 --optim.decay none"
)
EPOCHS = 25  # of one step each
TINY = (
    f"--size 32 --model.width 4 --model.encoder none --batch-size 4 --epochs {EPOCHS} --train.samples 1 "
    f"--train.snapshot_every {EPOCHS} --train.validate_every {EPOCHS} --device cpu"
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
def one_process(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process."""
    run = tmp_path_factory.mktemp("one_process") / "run"
    done = _train(str(streets), "--out", str(run), *TINY.split(), *SMOOTH.split())
    assert done.returncode == 0, done.stderr
    return run


@pytest.mark.slow
@pytest.mark.parametrize("world_size", [2, 4])
def test_the_loss_curve_is_that_of_one_process_with_the_same_batch(
    world_size: int, one_process: Path, streets: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    done = _train(str(streets), "--out", str(run), *TINY.split(), *SMOOTH.split(), "--devices", str(world_size))
    assert (done.returncode, done.stderr) == (0, "")
    _require_same_curve(run, one_process)
    assert _scores(run)["pairs"] == 3
    assert _scores(run)["pixel_accuracy"] == pytest.approx(_scores(one_process)["pixel_accuracy"], abs=5e-3)
    assert done.stdout.count("epoch 25/25") == 1


@pytest.mark.slow
def test_processes_that_compute_their_share_in_parts_have_the_same_curve(
    one_process: Path, streets: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    in_parts = ("--devices", "2", "--train.accumulate", "2", "--train.checkpoint_activations", "true")
    done = _train(str(streets), "--out", str(run), *TINY.split(), *SMOOTH.split(), *in_parts)
    assert (done.returncode, done.stderr) == (0, "")
    _require_same_curve(run, one_process)


@pytest.mark.slow
def test_all_ranks_find_the_same_epoch_to_be_the_last_that_fits(streets: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    # Snapshots, which take time in one process alone, at every epoch.
    limited = ("--epochs", "5000", "--train.minutes", "0.1", "--train.snapshot_every", "1", "--devices", "2")
    done = _train(str(streets), "--out", str(run), *TINY.split(), *limited)
    assert (done.returncode, done.stderr) == (0, "")
    epochs = len((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    assert 1 < epochs < 5000
    assert f"finished: {epochs} of 5000 epochs; another would not fit into 0.1 minutes" in done.stdout


@pytest.mark.slow
def test_torchrun_starts_the_ranks(one_process: Path, streets: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    often = ("--train.checkpoint_steps", "1", "--train.validate_every", "1")
    done = _train(str(streets), "--out", str(run), *TINY.split(), *SMOOTH.split(), *often, launcher=torchrun)
    assert done.returncode == 0, done.stderr
    before = torch.load(run / "checkpoints/previous.pt", weights_only=True)
    assert before["step"] >= EPOCHS - 2, "states are saved on the way, whatever else the processes agree on"
    assert done.stdout.count("epoch 25/25") == done.stdout.count("Report:") == 1
    _require_same_curve(run, one_process)


@pytest.mark.slow
@pytest.mark.parametrize("world_size", [1, 4])
def test_a_killed_run_is_resumed_with_another_world_size(
    world_size: int, one_process: Path, streets: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with _started(streets, run, "--devices", "2") as launcher:
        _wait_for_steps(run, 2)
        ranks = _ranks(launcher.pid)
        launcher.kill()
    _wait_for_end(ranks)  # they do not train on when the launcher is gone
    state = load_state(run / "checkpoints")
    assert state is not None
    assert 2 <= state["step"] < EPOCHS, "the kill came in the middle"
    done = _train("--resume", str(run), "--devices", str(world_size))
    assert done.returncode == 0, done.stderr
    _require_same_curve(run, one_process)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("receivers", "number"),
    [
        pytest.param("rank 1", signal.SIGTERM, id="rank 1"),
        pytest.param("launcher", signal.SIGUSR1, id="the launcher"),
        # As schedulers do: it then reaches each rank twice, since the launcher passes it on.
        pytest.param("launcher, rank 0, rank 1", signal.SIGTERM, id="all"),
    ],
)
def test_all_ranks_stop_and_save_when_one_process_gets_a_signal(
    receivers: str, number: signal.Signals, streets: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    with _started(streets, run, "--devices", "2") as launcher:
        _wait_for_steps(run, 2)
        rank_0, rank_1 = _ranks(launcher.pid)
        processes = {"launcher": launcher.pid, "rank 0": rank_0, "rank 1": rank_1}
        for receiver in receivers.split(", "):
            os.kill(processes[receiver], number)
        _, said = launcher.communicate(timeout=60)
        assert not any(Path(f"/proc/{rank}").exists() for rank in (rank_0, rank_1))
    assert launcher.returncode == 128 + number
    assert said.splitlines() == [f"pairloom: to resume: pairloom train --resume {run}", "pairloom: stopped"]
    state = load_state(run / "checkpoints")
    assert state is not None
    assert state["step"] < EPOCHS


@pytest.mark.parametrize("rank", [pytest.param(0, marks=pytest.mark.slow), 1])
def test_a_process_that_dies_ends_the_run_with_a_message(rank: int, streets: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    with _started(streets, run, "--devices", "2") as launcher:
        _wait_for_steps(run, 2)
        ranks = _ranks(launcher.pid)
        os.kill(ranks[rank], signal.SIGKILL)
        _, said = launcher.communicate(timeout=60)
    assert launcher.returncode == 2
    assert said == (
        f"pairloom: process {rank + 1} of 2 was killed by SIGKILL; --resume continues from the last saved state, if "
        "there is one\n"
    )
    assert load_state(run / "checkpoints") is not None
    _wait_for_end(ranks)


@pytest.mark.slow
def test_a_script_needs_no_main_guard(streets: Path, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(
        f"""
import pairloom

small = {{"size": 32, "model.width": 4, "model.encoder": "none"}}
settings = {{**small, "batch_size": 4, "epochs": 1, "device": "cpu", "devices": 2}}
result = pairloom.train({str(streets)!r}, "run", settings=settings, log=lambda line: print("log:", line))
print("result:", result.run.path, result.record["epoch"], result.is_main_process)
try:
    pairloom.resume("run", data="nowhere")
except pairloom.UserError as error:
    print("error:", error)
"""
    )
    done = subprocess.run(
        [sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    *logged, result, error = done.stdout.splitlines()
    assert [line.split()[:2] for line in (logged[0], logged[-1])] == [["log:", f"{streets}:"], ["log:", "epoch"]]
    assert result == "result: run 1 True"
    assert error.startswith("error: ")
    assert "nowhere" in error


@pytest.mark.slow
def test_running_statistics_of_batch_norm_are_those_of_the_whole_batch(streets: Path, tmp_path: Path) -> None:
    states = []
    for world_size in ("1", "2"):
        run = tmp_path / world_size
        once = ("--epochs", "1", "--model.norm", "batch", "--devices", world_size)
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
def test_an_error_in_rank_0_is_printed_once(tmp_path: Path) -> None:
    done = _train(str(tmp_path / "nowhere"), "--out", str(tmp_path / "run"), "--devices", "2", "--batch-size", "2")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "nowhere: no such folder" in done.stderr


@contextmanager
def _started(streets: Path, run: Path, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """Inside the block a run is trained that takes a state after each step."""
    settings = (*TINY.split(), *SMOOTH.split(), "--train.checkpoint_steps", "1", *words)
    command = [sys.executable, "-m", "pairloom", "train", str(streets), "--out", str(run), *settings]
    here = {**os.environ, "TMPDIR": str(run.parent)}  # a launcher that is killed leaves a folder
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=here) as process:
        try:
            yield process
        finally:
            process.kill()


def _ranks(launcher: int) -> list[int]:
    """Return the process ids of the ranks."""
    children = Path(f"/proc/{launcher}/task/{launcher}/children")
    if not children.exists():
        pytest.skip("only Linux tells a process's children")
    ranks: dict[int, int] = {}
    for process in map(int, children.read_text().split()):
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
        ranks[next(int(entry[5:]) for entry in variables if entry.startswith(b"RANK="))] = process
    assert sorted(ranks) == [0, 1]
    return [ranks[0], ranks[1]]


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
        assert time.monotonic() < deadline, "a rank outlives its launcher"
        time.sleep(0.05)
