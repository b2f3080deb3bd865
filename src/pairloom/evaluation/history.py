"""The course of a run as `metrics.jsonl` keeps it: one JSON object an epoch."""

import json
from typing import NotRequired, TypedDict

from pairloom.evaluation.metrics import ScoreRecord
from pairloom.evaluation.picture_metrics import PictureScoreRecord


class EpochRecord(TypedDict):
    """One line of `metrics.jsonl`."""

    epoch: int
    """Epochs done, from 1 on."""
    step: int
    """Steps done."""
    seconds: float
    """Time that the epoch's steps took."""
    learning_rate: float
    """Step size of the epoch's last step."""
    losses: dict[str, float]
    """Mean of each term over the epoch, unweighted."""
    validation: NotRequired[ScoreRecord | PictureScoreRecord]
    """Scores on the validation pairs, where they were taken."""


def format_record(record: EpochRecord) -> str:
    """Return the line of `metrics.jsonl` for a record."""
    return json.dumps(record) + "\n"


def best_record(history: list[EpochRecord]) -> EpochRecord | None:
    """Return the first epoch that did best on validation, or None where none was validated."""
    validated = [record for record in history if "validation" in record]
    return max(validated, key=lambda record: _quality(record["validation"]), default=None)


def _quality(scores: ScoreRecord | PictureScoreRecord) -> float:
    """Return what is to be as large as can be: the mean IoU of classes, the negative L1 of pictures."""
    if "mean_iou" in scores:
        return scores["mean_iou"] or 0.0
    return -(scores["l1"] or 0.0)
