"""Scores of class maps: one confusion matrix over a whole split, and what follows from it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NotRequired, TypedDict, final

import numpy as np
import torch
from numpy.typing import NDArray
from torchmetrics.functional.classification import multiclass_confusion_matrix

from pairloom.evaluation.boundaries import boundary_counts, boundary_f1
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
    mean_dice: NotRequired[float | None]
    """Missing in runs of earlier versions, as is `per_class_dice`."""
    per_class: dict[str, float | None]
    """IoU of each class."""
    per_class_dice: NotRequired[dict[str, float | None]]
    boundary_f1: NotRequired[float | None]
    """Mean over the classes, where outlines were scored."""
    per_class_boundary_f1: NotRequired[dict[str, float | None]]


@dataclass(frozen=True)
class Scores:
    """How well class maps agree with the truth.

    Attributes:
        split: name of the split that was scored.
        pairs: names of its pairs (N).
        names: the classes (K).
        confusions: N×K×K counts of pixels, a pair each; row = true class, column = predicted class. Void is in neither.
        outlines: N×K×4 counts of outline pixels, as `boundary_counts` gives them for each pair; None where they were
            not asked for.
    """

    split: str
    pairs: tuple[str, ...]
    names: tuple[str, ...]
    confusions: NDArray[np.int32]
    outlines: NDArray[np.int64] | None = None

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """The same counts over the whole split, K×K."""
        total: NDArray[np.int64] = self.confusions.sum(axis=0, dtype=np.int64)
        return total

    @property
    def qualities(self) -> NDArray[np.float64]:
        """Mean IoU of each pair alone (N), by which pairs are ranked; NaN where it has no class."""
        return nan_mean(iou(self.confusions))

    @property
    def iou(self) -> NDArray[np.float64]:
        """Intersection over union of each class (K), 0 to 1; NaN where neither truth nor prediction has it."""
        return iou(self.confusion)

    @property
    def dice(self) -> NDArray[np.float64]:
        """Dice coefficient (F1) of each class (K), 0 to 1; NaN where neither truth nor prediction has it."""
        return dice(self.confusion)

    @property
    def recall(self) -> NDArray[np.float64]:
        """Share of each class's true pixels that were predicted (K), 0 to 1; NaN where the truth has none."""
        return recall(self.confusion)

    @property
    def precision(self) -> NDArray[np.float64]:
        """Share of the pixels predicted as each class (K) that are of it, 0 to 1; NaN where none was predicted."""
        return recall(self.confusion.T)

    @property
    def pixel_accuracy(self) -> float | None:
        """Share of all pixels with a class that were predicted right, 0 to 1; None where no pixel has a class."""
        return known(pixel_accuracy(self.confusion))

    @property
    def class_accuracy(self) -> float | None:
        """Mean of the classes' recalls, 0 to 1, those that are NaN left out; None where all are."""
        return known(nan_mean(self.recall))

    @property
    def mean_iou(self) -> float | None:
        """Mean of the classes' IoU, 0 to 1, those that are NaN left out; None where all are."""
        return known(nan_mean(self.iou))

    @property
    def mean_dice(self) -> float | None:
        """Mean of the classes' Dice coefficients, 0 to 1, those that are NaN left out; None where all are."""
        return known(nan_mean(self.dice))

    @property
    def boundary_f1(self) -> NDArray[np.float64] | None:
        """Boundary F1 of each class over the whole split (K), 0 to 1; None where outlines were not scored."""
        return None if self.outlines is None else boundary_f1(self.outlines.sum(axis=0))

    def to_record(self) -> ScoreRecord:
        """Return the scores as plain numbers for JSON; None where there was nothing to score."""
        record = ScoreRecord(
            split=self.split,
            pairs=len(self.pairs),
            pixel_accuracy=self.pixel_accuracy,
            class_accuracy=self.class_accuracy,
            mean_iou=self.mean_iou,
            mean_dice=self.mean_dice,
            per_class=self._by_name(self.iou),
            per_class_dice=self._by_name(self.dice),
        )
        if (by_class := self.boundary_f1) is not None:
            record["boundary_f1"] = known(nan_mean(by_class))
            record["per_class_boundary_f1"] = self._by_name(by_class)
        return record

    def _by_name(self, values: NDArray[np.float64]) -> dict[str, float | None]:
        return {name: known(value) for name, value in zip(self.names, values, strict=True)}


def score(
    pairs: Iterable[tuple[str, Picture, Picture]], palette: Palette, split: str, *, boundaries: bool = False
) -> Scores:
    """Score predictions against the truth.

    Args:
        pairs: (name, prediction, truth); class maps H×W each; pixels whose truth is `VOID` are left out.
        palette: the classes.
        split: its name, for the record.
        boundaries: score the outlines of the classes as well.
    """
    classes = max(len(palette), 2)  # torchmetrics knows no single class
    names, confusions = [], [np.zeros((0, len(palette), len(palette)), dtype=np.int32)]
    outlines = [np.zeros((0, len(palette), 4), dtype=np.int64)]
    for name, prediction, truth in pairs:
        confusion = multiclass_confusion_matrix(
            torch.from_numpy(prediction.astype(np.int64)),
            torch.from_numpy(truth.astype(np.int64)),
            num_classes=classes,
            ignore_index=VOID,
        )
        names.append(name)
        confusions.append(confusion.numpy()[None, : len(palette), : len(palette)].astype(np.int32))
        if boundaries:
            outlines.append(boundary_counts(prediction, truth, len(palette))[None])
    return Scores(
        split,
        tuple(names),
        palette.names,
        np.concatenate(confusions),
        np.concatenate(outlines) if boundaries else None,
    )


# The scores of one confusion matrix, or of many at once: ...×K×K counts of pixels, row = truth, column = prediction.


def iou(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Return the intersection over union of each class (...×K); NaN where neither truth nor prediction has it."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _ratio(hits, confusion.sum(axis=-2) + confusion.sum(axis=-1) - hits)


def dice(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Return the Dice coefficient of each class (...×K); NaN where neither truth nor prediction has it.

    L. Dice, 1945: twice the overlap over the sum of both areas, which is F1 of the pixels; 2·IoU / (1 + IoU).
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return _ratio(2 * hits, confusion.sum(axis=-2) + confusion.sum(axis=-1))


def recall(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share of each class's true pixels that were predicted (...×K); NaN where the truth has none."""
    return _ratio(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1))


def pixel_accuracy(confusion: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share of pixels that were predicted right (...); NaN where there are none."""
    return _ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum(axis=(-2, -1)))


def nan_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of what is not NaN along the last axis; NaN where all is."""
    present = ~np.isnan(values)
    return _ratio(np.where(present, values, 0.0).sum(axis=-1), present.sum(axis=-1))


def known(value: float | NDArray[np.float64]) -> float | None:
    """Return a number as JSON has it: None for NaN."""
    return None if np.isnan(value) else float(value)


def _ratio(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore"):
        ratio: NDArray[np.float64] = np.where(whole > 0, part / whole, np.nan)
    return ratio
