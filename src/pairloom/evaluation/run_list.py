"""The runs below a folder: how far each has come, and how well it does."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pairloom.errors import UserError
from pairloom.evaluation.history import EpochRecord, RunState, best_record, is_finished, read_history, seconds_left
from pairloom.run import RunFolder
from pairloom.setting_changes import describe_settings

_DEEPEST = 6
"""Levels of folders that are searched."""

State = RunState | Literal["unreadable"]


@dataclass(frozen=True)
class ListedRun:
    """A run as a list shows it."""

    path: Path
    """The run folder."""
    state: State
    """`running` while a process trains in it, `finished` after its last epoch, else `stopped`; `unreadable` where its
    config is damaged or of another version."""
    epoch: int
    """Epochs done."""
    epochs: int | None
    """Epochs asked for; None where the config cannot be read."""
    score: str | None
    """What `best` is: `mean_iou` (0 to 1, higher is better) or `l1` (0 to 1, lower is better); None before the first
    validation."""
    best: float | None
    """The best validation score."""
    best_epoch: int | None
    """The epoch that had it, from 1."""
    seconds_left: float | None
    """An estimate for a run that is running, from its epochs so far; None for others, and within the first epoch."""
    settings: str | None
    """The nearest preset, and what is set otherwise, as flags; None where the config cannot be read."""
    changed: datetime
    """When an epoch ended last, or the run began; in local time."""
    report: Path | None
    """The report's page, if it is there."""

    def to_record(self) -> dict[str, Any]:
        """Return what `runs --json` prints."""
        return {
            "run": str(self.path),
            "state": self.state,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "score": self.score,
            "best": self.best,
            "best_epoch": self.best_epoch,
            "seconds_left": self.seconds_left,
            "settings": self.settings,
            "changed": self.changed.isoformat(timespec="seconds"),
            "report": None if self.report is None else str(self.report),
        }


def find_runs(folder: str | Path = "runs") -> list[ListedRun]:
    """List the runs in a folder and below it, those that changed last first.

    Args:
        folder: a folder of runs, or one run folder.

    Raises:
        UserError: if there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; name the folder of your runs")
    return sorted(map(_listed, _run_folders(root)), key=lambda run: run.changed, reverse=True)


def _run_folders(root: Path) -> Iterator[RunFolder]:
    for name, folders, _ in os.walk(root):
        run = RunFolder(Path(name))
        if run.config.is_file() and run.checkpoints.is_dir():
            folders.clear()
            yield run
        elif len(run.path.relative_to(root).parts) == _DEEPEST:
            folders.clear()
        else:
            folders[:] = sorted(folder for folder in folders if not folder.startswith("."))


def _listed(run: RunFolder) -> ListedRun:
    history = read_history(run.metrics)
    epoch = history[-1]["epoch"] if history else 0
    epochs: int | None = None
    left: float | None = None
    settings: str | None = None
    state: State = "unreadable"
    try:
        experiment = run.experiment()
        config = experiment.train
        settings = describe_settings(experiment)
        epochs = config.epochs
        state = "running" if run.is_locked() else "finished" if is_finished(history, config) else "stopped"
        left = seconds_left(history, config) if state == "running" else None
    except UserError:
        pass
    best = best_record(history)
    page = run.report / "index.html"
    score, value = _score(best)
    return ListedRun(
        path=run.path,
        state=state,
        epoch=epoch,
        epochs=epochs,
        score=score,
        best=value,
        best_epoch=best["epoch"] if best else None,
        seconds_left=left,
        settings=settings,
        changed=datetime.fromtimestamp((run.metrics if history else run.config).stat().st_mtime),
        report=page if page.is_file() else None,
    )


def _score(record: EpochRecord | None) -> tuple[str | None, float | None]:
    if record is None:
        return None, None
    scores = record["validation"]
    return ("mean_iou", scores["mean_iou"]) if "mean_iou" in scores else ("l1", scores["l1"])
