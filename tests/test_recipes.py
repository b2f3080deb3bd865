"""The bench for recipes, at its smallest scale."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "benchmarks" / "recipes.py"
ROWS = ("seed", "no encoder")


def _bench(streets: Path, out: Path, *rows: str, seeds: tuple[int, ...] = (0,)) -> tuple[str, list[dict[str, object]]]:
    words = [
        str(streets),
        "--out",
        str(out),
        "--scale",
        "smoke",
        "--rows",
        *rows,
        "--json",
        "--seeds",
        *map(str, seeds),
    ]
    done = subprocess.run([sys.executable, str(BENCH), *words], capture_output=True, text=True, check=True)
    *table, records = done.stdout.splitlines()
    return "\n".join(table), json.loads(records)


@pytest.mark.slow
def test_rows_are_trained_once_scored_at_each_stage_and_laid_side_by_side(streets: Path, tmp_path: Path) -> None:
    _bench(streets, tmp_path, ROWS[0])
    lines = (tmp_path / "smoke.jsonl").read_text(encoding="utf-8").splitlines()
    # A bench that was stopped: the last score is only half written.
    (tmp_path / "smoke.jsonl").write_text(f"{lines[0]}\n{lines[1][:40]}", encoding="utf-8")

    table, records = _bench(streets, tmp_path, *ROWS, seeds=(0, 1))

    found = sorted((record["row"], record["seed"], record["epoch"]) for record in records)
    assert found == sorted((row, seed, epoch) for row in ROWS for seed in (0, 1) for epoch in (1, 2))
    assert records[0] == json.loads(lines[0]), "what was scored before is kept"
    for row in ROWS:
        assert f"| {row} | 2 |" in table
    shares = [record.get("adversarial_share") for record in records if record["row"] == "seed"]
    assert all(isinstance(share, float) and share > 0 for share in shares)
    assert table.count(", seed 0, epoch 1:") == 1, "only the stage that had no whole score was trained again"
