"""A run that is killed at ten random moments ends as one that was left alone, byte for byte."""

import json
import random
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

KILLS = 10
SETTINGS = "--size 32 --model.width 16 --epochs 150 --train.checkpoint_steps 7 --train.snapshot_every 50 --seed 1"


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pairloom", "train", *words]


def _metrics(run: Path) -> list[dict[str, object]]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


@pytest.mark.slow
def test_ten_kills_in_a_row_leave_the_same_model(streets: Path, tmp_path: Path) -> None:
    undisturbed, killed, said = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "said.txt"
    words = (str(streets), "--out", str(undisturbed), *SETTINGS.split())
    whole, start = _seconds(*words), _seconds("--resume", str(undisturbed))
    draw = random.Random(0)  # noqa: S311 (moments, not secrets)
    moments = []
    for _ in range(KILLS):
        # A tenth of the training at the most, so that there is something left to kill; starting is hit as well.
        moment = draw.uniform(0.5 * start, start + (whole - start) / KILLS)
        with said.open("w") as file:
            process = subprocess.Popen(_next(streets, killed), stdout=file, stderr=file)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=moment)
        assert process.poll() is None, f"ended before it was killed: {said.read_text()[-2000:]}"
        process.kill()
        process.wait()
        moments.append(_epochs(killed))
    subprocess.run(_next(streets, killed), check=True, stdout=subprocess.DEVNULL)
    print(f"{len(moments)} kills with kill -9, after {moments} of 150 epochs")
    for name in ("model/model.safetensors", "checkpoints/epoch-0050/model.safetensors"):
        assert (killed / name).read_bytes() == (undisturbed / name).read_bytes(), name
    assert (killed / "model/config.json").read_bytes() == (undisturbed / "model/config.json").read_bytes()
    assert _metrics(killed) == _metrics(undisturbed)
    assert not list(killed.rglob("*.unfinished"))


def _next(streets: Path, run: Path) -> list[str]:
    """Return the words that begin the run, or go on with it once it has a config."""
    if (run / "config.yaml").is_file():
        return _command("--resume", str(run))
    return _command(str(streets), "--out", str(run), *SETTINGS.split())


def _seconds(*words: str) -> float:
    started = time.monotonic()
    subprocess.run(_command(*words), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - started


def _epochs(run: Path) -> int:
    path = run / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.is_file() else 0
