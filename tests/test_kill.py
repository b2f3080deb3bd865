"""A run that is killed at ten random moments ends as one that was left alone, byte for byte."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

KILLS = 10
SETTINGS = "--size 32 --model.width 16 --epochs 30 --train.checkpoint_steps 7 --train.snapshot_every 10 --seed 1"


def _command(*words: str) -> list[str]:
    return [sys.executable, "-m", "pairloom", "train", *words]


def _metrics(run: Path) -> list[dict[str, object]]:
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


@pytest.mark.slow
def test_ten_kills_in_a_row_leave_the_same_model(streets: Path, tmp_path: Path) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    started = time.monotonic()
    subprocess.run(_command(str(streets), "--out", str(undisturbed), *SETTINGS.split()), check=True)
    whole = time.monotonic() - started
    draw = random.Random(0)  # noqa: S311 (moments, not secrets)
    kills, moments = 0, []
    while True:
        begun = (killed / "config.yaml").is_file()
        words = ("--resume", str(killed)) if begun else (str(streets), "--out", str(killed), *SETTINGS.split())
        process = subprocess.Popen(_command(*words), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            # Starting takes the larger part of so short a run; moments in it count too.
            _, errors = process.communicate(timeout=draw.uniform(0.4, 0.8) * whole if kills < KILLS else None)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
            moments.append(_step(killed))
            continue
        assert process.returncode == 0, errors.decode()
        if kills >= KILLS:
            break
        # It was done before its moment came: take the last states away, so that there is something left to kill.
        for name in ("last.pt", "previous.pt"):
            (killed / "checkpoints" / name).unlink(missing_ok=True)
    print(f"{kills} kills with kill -9, after which {moments} epochs were on record; undisturbed: {whole:.0f} s")
    for name in ("model/model.safetensors", "checkpoints/epoch-0010/model.safetensors"):
        assert (killed / name).read_bytes() == (undisturbed / name).read_bytes(), name
    assert (killed / "model/config.json").read_bytes() == (undisturbed / "model/config.json").read_bytes()
    assert _metrics(killed) == _metrics(undisturbed)
    assert not list(killed.rglob("*.unfinished"))


def _step(run: Path) -> int:
    path = run / "metrics.jsonl"
    return len(path.read_text().splitlines()) if path.is_file() else 0
