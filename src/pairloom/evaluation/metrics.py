"""Scores of class maps: one confusion matrix over a whole split, and what follows from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict, final

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.classification import multiclass_confusion_matrix

from pairloom.images import Picture
from pairloom.palette import VOID, Palette


@final
class ScoreRecord(TypedDict):
    """Scores as programs read them; fractions in [0, 1], None where there was nothing to score."""

    split: str
    pairs: int
    pixel_accuracy: float | None
    class_accuracy: float | None
    mean_iou: float | None
    per_class: dict[str, float | None]


@dataclass(frozen=True)
class Scores:
    """How well class maps agree with the truth.

    Attributes:
        split: name of the split that was scored.
        pairs: how many pairs it has.
        names: the classes.
        confusion: K×K counts of pixels; row = true class, column = predicted class. Void is in neither.
    """

    split: str
    pairs: int
    names: tuple[str, ...]
    confusion: NDArray[np.int64]

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class (K), 0 to 1; NaN where neither truth nor prediction has it."""
        hits = np.diag(self.confusion)
        return _ratio(hits, self.confusion.sum(axis=0) + self.confusion.sum(axis=1) - hits)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of each class's true pixels that were predicted (K), 0 to 1; NaN where the truth has none."""
        return _ratio(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def pixel_accuracy(self) -> float | None:
        """Share of all pixels with a class that were predicted right, 0 to 1; None where no pixel has a class."""
        return _mean(_ratio(np.diag(self.confusion).sum(), self.confusion.sum()))

    @property
    def class_accuracy(self) -> float | None:
        """Mean of the classes' recalls, 0 to 1, those that are NaN left out; None where all are."""
        return _mean(self.recall)

    @property
    def mean_iou(self) -> float | None:
        """Mean of the classes' IoU, 0 to 1, those that are NaN left out; None where all are."""
        return _mean(self.iou)

    def to_record(self) -> ScoreRecord:
        """Return the scores as plain numbers for JSON, `per_class` being IoU; None where there was nothing to score."""
        per_class = {name: _mean(np.asarray(iou)) for name, iou in zip(self.names, self.iou, strict=True)}
        return ScoreRecord(
            split=self.split,
            pairs=self.pairs,
            pixel_accuracy=self.pixel_accuracy,
            class_accuracy=self.class_accuracy,
            mean_iou=self.mean_iou,
            per_class=per_class,
        )


def score(pairs: Iterable[tuple[Picture, Picture]], palette: Palette, split: str) -> Scores:
    """Score predictions against the truth.

    Args:
        pairs: (prediction, truth) class maps, H×W each; pixels whose truth is `VOID` are left out.
        palette: the classes.
        split: its name, for the record.
    """
    classes = max(len(palette), 2)  # torchmetrics knows no single class
    confusion = torch.zeros(classes, classes, dtype=torch.int64)
    count = 0
    for prediction, truth in pairs:
        confusion += multiclass_confusion_matrix(
            torch.from_numpy(prediction.astype(np.int64)),
            torch.from_numpy(truth.astype(np.int64)),
            num_classes=classes,
            ignore_index=VOID,
        )
        count += 1
    return Scores(split, count, palette.names, confusion.numpy()[: len(palette), : len(palette)])


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        ratio: NDArray[np.float64] = np.where(whole > 0, part / whole, np.nan)
    return ratio


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None
