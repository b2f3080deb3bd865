"""Writes the course of training: `metrics.jsonl` for programs, TensorBoard for people."""

from torch.utils.tensorboard import SummaryWriter

from pairloom.evaluation.history import EpochRecord, format_record, read_history
from pairloom.run import RunFolder


class MetricsLog:
    """Appends one record an epoch.

    Args:
        run: the run.
        after_epoch: the epoch to go on after, 0 to begin; records of later epochs, left by a run that was stopped
            between its last checkpoint and its end, are cut off.
    """

    def __init__(self, run: RunFolder, *, after_epoch: int) -> None:
        self._path = run.metrics
        self.history = [record for record in read_history(run.metrics) if record["epoch"] <= after_epoch]
        unfinished = self._path.with_name(f".{self._path.name}.unfinished")
        unfinished.write_text("".join(map(format_record, self.history)), encoding="utf-8")
        unfinished.replace(self._path)
        done = self.history[-1]["step"] if self.history else 0
        self._tensorboard = SummaryWriter(str(run.tensorboard), purge_step=done + 1)

    def append(self, record: EpochRecord) -> None:
        """Write a record; it is on disk when this returns."""
        self.history.append(record)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(format_record(record))
        values: dict[str, float | None] = {"learning_rate": record["learning_rate"]}
        values |= {f"loss/{name}": loss for name, loss in record["losses"].items()}
        if "validation" in record:
            scores = record["validation"]
            values["validation/pixel_accuracy"] = scores["pixel_accuracy"]
            values["validation/class_accuracy"] = scores["class_accuracy"]
            values["validation/mean_iou"] = scores["mean_iou"]
            values |= {f"validation_iou/{name}": iou for name, iou in scores["per_class"].items()}
        for name, value in values.items():
            if value is not None:
                self._tensorboard.add_scalar(name, value, record["step"])
        self._tensorboard.flush()

    def close(self) -> None:
        """Close the TensorBoard file."""
        self._tensorboard.close()
