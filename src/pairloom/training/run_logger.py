"""Writes the files of a run: checkpoints, the kept model, snapshots, metrics and the report."""

import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.utils.tensorboard import SummaryWriter

from pairloom.evaluation.history import EpochRecord, best_record, format_record
from pairloom.evaluation.labels import CLASS_SCORE_LABELS
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.files import replacing
from pairloom.images import write_picture
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.report.model_card import write_card
from pairloom.report.run_report import RunReport
from pairloom.report.run_summary import RunSummary
from pairloom.run import RunFolder
from pairloom.training.checkpoint import TrainingState, save_state
from pairloom.training.kept_model import KeptModel

REPORT_SECONDS = 60
"""Time after which the report is written again at the end of an epoch, between the snapshots too."""
REPORT_SHARE = 0.1
"""Most of the time that the reports of snapshots which follow each other quickly may take."""


class RunLogger:
    """Writes training states, the kept model, snapshots, the log and the report.

    Args:
        summary: the run as far as it has come; the logger adds to its history.
        eval_model: the model that is validated and kept.
        device: where the report translates.
    """

    def __init__(self, summary: RunSummary, eval_model: TranslationModel, device: torch.device) -> None:
        self._summary, self._eval_model = summary, eval_model
        self._run, self._keep = summary.run, summary.experiment.train.keep
        self._metrics = MetricsLog(summary.run, summary.history)
        self._kept = KeptModel(summary.run)
        self._report = RunReport(summary, device)
        self._reported, self._report_seconds = time.monotonic(), 0.0

    def save_state(self, state: TrainingState) -> None:
        """Save a training state."""
        save_state(self._run.checkpoints, state)
        self._kept.state_is_saved()

    def keep_model(self, record: EpochRecord, scores: Scores | PictureScores) -> None:
        """Put the model in `model/` if the record, which has its scores, is to be kept."""
        best = best_record(self._summary.history)
        if self._keep == "last" or best is None or best_record([best, record]) is record:
            about = {**self._about(record["epoch"], self._keep), "validation": record["validation"]}
            self._kept.replace(self._eval_model, about)
            self._report.model_is_kept(scores)

    def save_snapshot(self, epoch: int) -> None:
        """Write the model as it is after an epoch, and the sample pairs as it translates them."""
        save_model(self._eval_model, self._run.snapshot(epoch), about=self._about(epoch, "snapshot"))
        write_card(self._run.snapshot(epoch))
        for pair in self._summary.samples:
            translation = self._eval_model.target.draw(self._eval_model.predict(pair.source))
            write_picture(self._run.sample(epoch, pair.name, self._eval_model.target.suffix), translation)

    def _about(self, epoch: int, kept: str) -> dict[str, object]:
        """Return what a model folder tells of its training; where the data lie is nobody else's business."""
        data = self._summary.experiment.data
        return {
            "epoch": epoch,
            "kept": kept,
            "data": {
                "name": Path(data.root).name,
                "layout": data.layout,
                "direction": data.direction,
                "training_pairs": len(self._summary.training),
                "validation_pairs": len(self._summary.validation),
                "license": data.license,
            },
        }

    def log_epoch(self, record: EpochRecord) -> None:
        """Log a finished epoch."""
        self._summary.history.append(record)
        self._metrics.append(record)

    def write_report(self, *, now: bool = True, snapshot: bool = False) -> None:
        """Write the report and its pictures if there is anything to tell; or, if not `now`, the page where it is old.

        At a snapshot it is old as soon as the time since then is long beside the time that it took.
        """
        began = time.monotonic()
        passed = began - self._reported
        old = passed > REPORT_SECONDS or (snapshot and passed * REPORT_SHARE >= self._report_seconds)
        if self._summary.history and (now or old):
            self._report.write(pictures=now)
            self._reported = time.monotonic()
            self._report_seconds = self._reported - began

    def write_first_report(self) -> None:
        """Write the report if there is none."""
        if not self._report.page.exists():
            self._report.write(pictures=True)

    def close(self) -> None:
        """Close the log."""
        self._metrics.close()


class MetricsLog:
    """Appends one record per epoch.

    Args:
        run: the run.
        history: the records up to where training continues; what a stopped run has written after them is cut off.
    """

    def __init__(self, run: RunFolder, history: Sequence[EpochRecord]) -> None:
        self._path = run.metrics
        with replacing(self._path, durable=True) as unfinished:
            unfinished.write_text("".join(map(format_record, history)), encoding="utf-8")
        done = history[-1]["step"] if history else 0
        self._tensorboard = SummaryWriter(str(run.tensorboard), purge_step=done + 1)

    def append(self, record: EpochRecord) -> None:
        """Write a record."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(format_record(record))
        values: dict[str, float | None] = {"learning_rate": record["learning_rate"]}
        values |= {f"loss/{name}": loss for name, loss in record["losses"].items()}
        for name, value in record.get("validation", {}).items():
            if isinstance(value, float):
                values[f"validation/{name}"] = value
            elif isinstance(value, dict):
                group = f"validation_{CLASS_SCORE_LABELS[name].lower()}"
                values |= {f"{group}/{label}": score for label, score in value.items()}
        for name, value in values.items():
            if value is not None:
                self._tensorboard.add_scalar(name, value, record["step"])
        self._tensorboard.flush()

    def close(self) -> None:
        """Close the TensorBoard file."""
        self._tensorboard.close()
