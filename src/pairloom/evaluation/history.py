"""The history of a run as `metrics.jsonl` keeps it: one JSON object per epoch."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

from pairloom.config import Keep, TrainConfig

if TYPE_CHECKING:  # which load PyTorch; a list of runs needs none
    from pairloom.evaluation.metrics import ScoreRecord
    from pairloom.evaluation.picture_metrics import PictureScoreRecord


RunState = Literal["running", "stopped", "finished"]


class EpochRecord(TypedDict):
    """One line of `metrics.jsonl`."""

    epoch: int
    """Epochs done, from 1 on."""
    step: int
    """Steps done."""
    seconds: dict[str, float]
    """What the time went to: `data` (waiting for pairs), `steps`, `validation`, and `pictures`: the snapshot, the
    samples, and the page that was written after the epoch before, as a record is written before its page. On a GPU,
    which works on while Python goes ahead, the time is counted where Python waits for it."""
    learning_rate: float
    """Step size of the epoch's last step."""
    losses: dict[str, float]
    """Mean of each term over the epoch, unweighted. With an adversarial loss also `adversarial_share`: the norm of
    its gradient at the generator's output over the norm of the other terms', weights included."""
    validation: NotRequired["ScoreRecord | PictureScoreRecord"]
    """Scores on the validation pairs, where they were taken."""


def format_record(record: EpochRecord) -> str:
    """Return the line of `metrics.jsonl` for a record."""
    return json.dumps(record) + "\n"


def read_history(path: Path) -> list[EpochRecord]:
    """Read a `metrics.jsonl`; empty where there is none, or it is of another version."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        records: list[EpochRecord] = [json.loads(line) for line in lines]
    except (OSError, ValueError, RecursionError):
        return []
    return records if is_history(records) else []


def is_history(records: object) -> bool:
    """Tell whether what was read from a file is a list of records."""
    return isinstance(records, list) and all(map(_is_record, records))


def _is_record(line: object) -> bool:
    if not isinstance(line, dict) or not _are_numbers(line.get("losses")):
        return False
    validation = line.get("validation", {"l1": None})
    return (
        all(isinstance(line.get(key), int) for key in ("epoch", "step"))
        and isinstance(line.get("seconds"), dict)
        and isinstance(line.get("learning_rate"), float | int)
        and isinstance(validation, dict)
        and isinstance(validation.get("mean_iou", validation.get("l1", "")), float | int | None)
    )


def _are_numbers(values: object) -> bool:
    return isinstance(values, dict) and all(isinstance(value, float | int) for value in values.values())


def best_record(history: Sequence[EpochRecord]) -> EpochRecord | None:
    """Return the first epoch that did best on validation, or None where none was validated."""
    validated = [record for record in history if "validation" in record]
    return max(validated, key=lambda record: _quality(record["validation"]), default=None)


def kept_record(history: Sequence[EpochRecord], keep: Keep) -> EpochRecord | None:
    """Return the epoch whose generator is kept as the run's model, or None where none was validated yet."""
    if keep == "best":
        return best_record(history)
    return next((record for record in reversed(history) if "validation" in record), None)


def is_finished(history: Sequence[EpochRecord], config: TrainConfig) -> bool:
    """Tell whether a run is at its end: after its last epoch, or when its patience or its time is exhausted."""
    return (
        len(history) >= config.epochs
        or is_out_of_patience(history, config.patience)
        or is_out_of_time(history, config.minutes)
    )


def is_out_of_patience(history: Sequence[EpochRecord], patience: int | None) -> bool:
    """Tell whether so many validations in a row have brought no better model; None has patience without end."""
    best = best_record(history)
    if patience is None or best is None:
        return False
    return sum("validation" in record for record in history if record["epoch"] > best["epoch"]) >= patience


def is_out_of_time(history: Sequence[EpochRecord], minutes: float | None) -> bool:
    """Tell whether another epoch would take training beyond so many minutes; None has no limit."""
    if minutes is None or not history:
        return False
    # The pictures of the last epoch are timed after this has been asked first: with them, a resumed run could be at its
    # end where it was not before.
    seconds = seconds_spent(history) - history[-1]["seconds"].get("pictures", 0.0)
    return seconds * (1 + 1 / len(history)) > minutes * 60


def seconds_spent(history: Sequence[EpochRecord]) -> float:
    """Return the time that the epochs have taken, over all starts of the run."""
    return sum(sum(record["seconds"].values()) for record in history)


def seconds_left(history: Sequence[EpochRecord], config: TrainConfig) -> float | None:
    """Estimate the time until a run's end from the epochs so far; None before the first has ended."""
    if not history:
        return None
    spent = seconds_spent(history)
    left = spent / len(history) * max(0, config.epochs - len(history))
    return left if config.minutes is None else max(0.0, min(left, config.minutes * 60 - spent))


def _quality(scores: "ScoreRecord | PictureScoreRecord") -> float:
    """Return what is to be as large as can be: the mean IoU of classes, the negative L1 of pictures."""
    if "mean_iou" in scores:
        return scores["mean_iou"] or 0.0
    return -(scores["l1"] or 0.0)
