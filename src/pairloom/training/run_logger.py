"""Writes the files of a run: checkpoints, the kept model, snapshots, metrics and the report."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from pairloom.evaluation.history import EpochRecord, RunState, best_record, format_record, kept_record
from pairloom.evaluation.labels import CLASS_SCORE_LABELS
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.files import replacing
from pairloom.images import UInt8Array, write_picture
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.report.model_card import write_card
from pairloom.report.run_page import REPORT_SECONDS
from pairloom.report.run_report import RunReport
from pairloom.report.run_summary import RunSummary
from pairloom.run import RunFolder
from pairloom.setting_changes import without_places
from pairloom.settings import setting_values
from pairloom.training.checkpoint import TrainingState, save_state
from pairloom.training.kept_model import KeptModel

REPORT_SHARE = 0.1
"""Most of the time that the reports of validations which follow each other quickly may take."""


class RunLogger:
    """Writes training states, the kept model, snapshots, the log and the report.

    Args:
        summary: the run as far as it has come; the logger adds to its history.
        eval_model: the model that is validated and kept.
        device: where the report translates.
        step: the step from which training goes on.
    """

    def __init__(self, summary: RunSummary, eval_model: TranslationModel, device: torch.device, step: int) -> None:
        self._summary, self._eval_model = summary, eval_model
        self._run, self._keep = summary.run, summary.experiment.train.keep
        self._metrics = MetricsLog(summary.run, summary.history, step)
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
            self._kept.replace(self._eval_model, self._about(record, self._keep))
            self._report.model_is_kept(scores)

    def save_snapshot(self, record: EpochRecord) -> None:
        """Write the model as it is after an epoch."""
        folder = self._run.snapshot(record["epoch"])
        save_model(self._eval_model, folder, about=self._about(record, "snapshot"))
        write_card(folder)

    def save_samples(self, record: EpochRecord, *, for_tensorboard: bool) -> None:
        """Write the sample pairs as they are translated after an epoch; for TensorBoard, which never drops any, too."""
        source, target = self._eval_model.source, self._eval_model.target
        for pair in self._summary.samples:
            translation = self._eval_model.predict(pair.source)
            write_picture(self._run.sample(record["epoch"], pair.name, target.suffix), target.draw(translation))
            if for_tensorboard:
                parts = source.display(pair.source), target.display(translation), target.display(pair.target)
                self._metrics.add_picture(f"samples/{pair.name}", np.hstack(parts), record["step"])

    def log_losses(self, step: int, losses: Mapping[str, float]) -> None:
        """Log the mean of each loss over some steps, up to this one."""
        self._metrics.add_losses(step, losses)

    def _about(self, record: EpochRecord, kept: str) -> dict[str, object]:
        """Return what a model folder tells of its training; where the data lie is nobody else's business."""
        data = self._summary.experiment.data
        return {
            "epoch": record["epoch"],
            "kept": kept,
            **({"validation": record["validation"]} if "validation" in record else {}),
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

    def write_report(self, state: RunState, trouble: str = "") -> None:
        """Write the report and its pictures of a run that ends for now; `trouble` is the error that has ended it."""
        self._report.write(state, pictures=True, trouble=trouble)
        kept = kept_record(self._summary.history, self._keep)
        if state == "finished" and kept is not None:
            scores = {f"best/{name}": value for name, value in kept["validation"].items() if isinstance(value, float)}
            self._metrics.add_settings(setting_values(without_places(self._summary.experiment)), scores)

    def write_report_if_old(self, *, validated: bool) -> None:
        """Write the page of a run that goes on, without its pictures, if it is old.

        After a validation it is old as soon as the time since then is long beside the time that it took.
        """
        passed = time.monotonic() - self._reported
        if passed > REPORT_SECONDS or (validated and passed * REPORT_SHARE >= self._report_seconds):
            began = time.monotonic()
            self._report.write("running", pictures=False)
            self._reported = time.monotonic()
            self._report_seconds = self._reported - began

    def write_first_report(self, *, finished: bool) -> None:
        """Write the report of a run that begins or goes on; of one that is finished, if there is none."""
        missing = not self._report.page.exists()
        if missing or not finished:
            self._report.write("finished" if finished else "running", pictures=missing)

    def close(self) -> None:
        """Close the log."""
        self._metrics.close()


class MetricsLog:
    """Appends one record per epoch.

    Args:
        run: the run.
        history: the records up to where training continues; what a stopped run has written after them is cut off.
        step: the step from which it continues, which may be within an epoch.
    """

    def __init__(self, run: RunFolder, history: Sequence[EpochRecord], step: int) -> None:
        self._path = run.metrics
        with replacing(self._path, durable=True) as unfinished:
            unfinished.write_text("".join(map(format_record, history)), encoding="utf-8")
        self._tensorboard = SummaryWriter(str(run.tensorboard), purge_step=step + 1)

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
                self._tensorboard.add_scalar(_text(name), value, record["step"])
        self._tensorboard.flush()

    def add_losses(self, step: int, losses: Mapping[str, float]) -> None:
        """Write losses within an epoch, for TensorBoard alone."""
        for name, loss in losses.items():
            self._tensorboard.add_scalar(f"loss_by_step/{name}", loss, step)

    def add_picture(self, name: str, picture: UInt8Array, step: int) -> None:
        """Write a picture (H×W×3) for TensorBoard."""
        self._tensorboard.add_image(_text(name), picture, step, dataformats="HWC")

    def add_settings(self, settings: Mapping[str, object], scores: Mapping[str, float]) -> None:
        """Write a run's settings and its best scores for TensorBoard's table of runs."""
        values = {
            name: value if isinstance(value, bool | int | float) else _text(str(value))
            for name, value in settings.items()
        }
        self._tensorboard.add_hparams(values, dict(scores), run_name=".")

    def close(self) -> None:
        """Close the TensorBoard file."""
        self._tensorboard.close()


def _text(name: str) -> str:
    """Return a name as TensorBoard's files can hold it: file names may hold any bytes."""
    return name.encode(errors="backslashreplace").decode()
