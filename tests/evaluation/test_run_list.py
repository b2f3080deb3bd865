"""The list of runs: which there are, how far each has come, and how well it does."""

import json
import os
from pathlib import Path

import pytest

import pairloom
from pairloom.cli import main
from pairloom.run import CONFIG, LOCK, RunFolder
from pairloom.settings import load_experiment
from trained import TinyRun


def _begun(path: Path, epochs: int = 3) -> RunFolder:
    run = RunFolder(path)
    with run.locked():
        run.begin(load_experiment("seed", settings={"epochs": epochs, "size": 64}), None)
    return run


def _record(epoch: int, mean_iou: float, seconds: float = 10.0) -> str:
    record = {"epoch": epoch, "step": epoch, "seconds": {"steps": seconds}, "learning_rate": 0.1, "losses": {}}
    return json.dumps({**record, "validation": {"mean_iou": mean_iou}}) + "\n"


def test_a_finished_run_has_its_best_score_and_its_report(tiny_run: TinyRun) -> None:
    (run,) = pairloom.find_runs(tiny_run.path)
    best = max(
        (json.loads(line) for line in (tiny_run.path / "metrics.jsonl").read_text().splitlines()),
        key=lambda record: record["validation"]["mean_iou"],
    )
    assert (run.path, run.state, run.epoch, run.epochs) == (tiny_run.path, "finished", 4, 4)
    assert (run.score, run.best, run.best_epoch) == ("mean_iou", best["validation"]["mean_iou"], best["epoch"])
    assert run.seconds_left is None
    assert run.report == tiny_run.path / "report" / "index.html"


def test_runs_below_a_folder_are_listed_with_what_changed_last_first(tmp_path: Path) -> None:
    for seconds, name in ((300, "old"), (100, "deeper/down/new"), (200, "middle")):
        run = _begun(tmp_path / name)
        os.utime(run.config, (2_000_000_000 - seconds,) * 2)
    (tmp_path / "other project" / "checkpoints").mkdir(parents=True)
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / CONFIG).touch()  # somebody else's
    found = pairloom.find_runs(tmp_path)
    assert [run.path.name for run in found] == ["new", "middle", "old"]
    assert {(run.state, run.epoch, run.epochs, run.best) for run in found} == {("stopped", 0, 3, None)}


def test_a_run_is_running_while_a_process_holds_it_and_tells_the_time_that_is_left(tmp_path: Path) -> None:
    run = _begun(tmp_path / "run", epochs=5)
    run.metrics.write_text(_record(1, 0.25) + _record(2, 0.125, seconds=20.0))
    with run.locked():
        (listed,) = pairloom.find_runs(tmp_path)
    assert (listed.state, listed.epoch, listed.best, listed.best_epoch) == ("running", 2, 0.25, 1)
    assert listed.seconds_left == 45.0
    (listed,) = pairloom.find_runs(tmp_path)
    assert (listed.state, listed.seconds_left) == ("stopped", None)
    with run.locked():  # listing has left it free
        pass


def test_a_list_leaves_no_trace_and_a_damaged_run_does_not_end_it(tmp_path: Path) -> None:
    good, bad = _begun(tmp_path / "good"), _begun(tmp_path / "bad")
    (good.path / LOCK).unlink()
    bad.config.write_text("size: [")
    bad.metrics.write_text("no history")
    before = sorted(tmp_path.rglob("*"))
    found = {run.path.name: run for run in pairloom.find_runs(tmp_path)}
    assert sorted(tmp_path.rglob("*")) == before
    assert (found["good"].state, found["bad"].state) == ("stopped", "unreadable")
    assert (found["bad"].epochs, found["bad"].best) == (None, None)


def test_a_run_of_any_name_has_a_row_on_the_page(tmp_path: Path) -> None:
    run = _begun(tmp_path / os.fsdecode(b"caf\xe9"))
    (run.report / "index.html").touch()
    assert main(["runs", str(tmp_path), "--out", str(tmp_path / "runs.html")]) == 0
    assert 'href="caf%E9/report/index.html"' in (tmp_path / "runs.html").read_text(encoding="utf-8")


def test_the_command_prints_a_row_per_run_or_a_list(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["runs", str(tiny_run.path)]) == 0
    heading, *rows = capsys.readouterr().out.splitlines()
    assert heading.split() == ["run", "state", "epoch", "best", "score", "at", "epoch", "changed"]
    assert any("finished" in row and "4/4" in row and "mean IoU 0." in row for row in rows)
    assert main(["runs", str(tiny_run.path), "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record == pairloom.find_runs(tiny_run.path)[0].to_record()
    assert main(["runs", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith(f"no runs in {tmp_path}; start one with pairloom train")
