"""Writes the course of training: `metrics.jsonl` for programs, TensorBoard for people."""

from collections.abc import Sequence

from torch.utils.tensorboard import SummaryWriter

from pairloom.evaluation.history import EpochRecord, format_record
from pairloom.files import replacing
from pairloom.run import RunFolder


class MetricsLog:
    """Appends one record an epoch.

    Args:
        run: the run.
        history: the records up to where training goes on; what a stopped run has written after them is cut off.
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
                values |= {f"validation_iou/{label}": iou for label, iou in value.items()}
        for name, value in values.items():
            if value is not None:
                self._tensorboard.add_scalar(name, value, record["step"])
        self._tensorboard.flush()

    def close(self) -> None:
        """Close the TensorBoard file."""
        self._tensorboard.close()
