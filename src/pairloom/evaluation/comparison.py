"""How runs differ on the same pairs, and what of it the choice of pairs could explain: a paired Bayesian bootstrap."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pairloom.evaluation.metrics import Scores, dice, iou, known, nan_mean, pixel_accuracy, recall
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.evaluation.scoring import At
from pairloom.rng import numpy_generator

DRAWS = 2000
LEVEL = 0.95
FEWEST = 10
"""Pairs below which intervals are too narrow to be trusted: of two equal runs on 5 pairs every sixth would win."""
MOST_NUMBERS = 2**24
"""Entries of confusion matrices that are held at once."""
LISTED = 10
"""Pairs that are named as those on which the runs differ most."""

SMALLEST = 0.0005
"""Differences below it are printed as 0.000, and call no run better."""

LOWER_IS_BETTER = frozenset({"l1"})


@dataclass(frozen=True)
class Estimate:
    """A number, and an interval that holds its value for all pairs of this kind in about 95 of 100 cases.

    Attributes:
        value: of the pairs as they are; None where there was nothing to score.
        low, high: the 2.5th and the 97.5th percentile over the draws; None where `value` is, and of a single pair.
    """

    value: float | None
    low: float | None
    high: float | None

    def to_record(self) -> dict[str, float | None]:
        """Return it as plain numbers for JSON."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs that are compared.

    Attributes:
        name: what it is called.
        scores: on the pairs.
        overall: its scores over all, by name, with their intervals.
        per_class: the IoU of each class; empty for pictures.
        per_class_dice: the Dice coefficient of each class; empty for pictures.
        difference: `overall`, this run minus the first of the comparison.
        class_difference: `per_class`, likewise.
        class_dice_difference: `per_class_dice`, likewise.
    """

    name: str
    scores: Scores | PictureScores
    overall: Mapping[str, Estimate]
    per_class: Mapping[str, Estimate]
    per_class_dice: Mapping[str, Estimate]
    difference: Mapping[str, Estimate]
    class_difference: Mapping[str, Estimate]
    class_dice_difference: Mapping[str, Estimate]

    def to_record(self, classes: Sequence[str]) -> dict[str, Any]:
        """Return it as plain values for JSON, of these classes."""
        return {
            "run": self.name,
            "scores": _records(self.overall, self.overall),
            "per_class": _records(self.per_class, classes),
            "per_class_dice": _records(self.per_class_dice, classes),
            "difference": _records(self.difference, self.overall),
            "per_class_difference": _records(self.class_difference, classes),
            "per_class_dice_difference": _records(self.class_dice_difference, classes),
        }


@dataclass(frozen=True)
class Comparison:
    """The scores of several runs on the same pairs; the others are compared with the first.

    Attributes:
        runs: two or more; the first one's differences are zero.
        at: `size` or `native`, the size at which the scores were taken.
    """

    runs: tuple[ComparedRun, ...]
    at: At

    @property
    def pairs(self) -> tuple[str, ...]:
        """Names of the pairs (N)."""
        return self.runs[0].scores.pairs

    @property
    def headline(self) -> str:
        """Name of the score by which runs are ranked: `mean_iou` of classes, `l1` of pictures."""
        return "mean_iou" if "mean_iou" in self.runs[0].overall else "l1"

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that the truth or a prediction has; none for pictures."""
        names = self.runs[0].per_class
        return tuple(name for name in names if any(run.per_class[name].value is not None for run in self.runs))

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        """How far the runs lie apart on each pair (N): the largest minus the smallest mean IoU, or L1; NaN for none."""
        qualities = np.stack([run.scores.qualities for run in self.runs])
        spread: NDArray[np.float64] = qualities.max(axis=0) - qualities.min(axis=0)
        return spread

    @property
    def most_different(self) -> list[int]:
        """Numbers of the pairs on which the runs differ at all, those with the largest spread first."""
        order = np.argsort(-np.nan_to_num(self.spread), kind="stable")
        return [int(index) for index in order if self.spread[index] > 0]

    def tendency(self, score: str, difference: Estimate) -> Literal["better", "worse", ""]:
        """Return what a difference in a score, or class, tells of a run: nothing if it is tiny, or could be zero."""
        value, low, high = difference.value, difference.low, difference.high
        if value is None or low is None or high is None or low <= 0 <= high or len(self.pairs) < FEWEST:
            return ""
        if abs(value) < SMALLEST:
            return ""
        return "better" if (low > 0) != (score in LOWER_IS_BETTER) else "worse"

    def verdict(self, run: ComparedRun) -> str:
        """Say in a sentence whether a run is better than the first."""
        first = self.runs[0]
        if len(self.pairs) < FEWEST:
            return (
                f"{run.name} and {first.name}: {len(self.pairs)} pairs are too few to tell them apart; {FEWEST} are "
                "needed (a larger data.val_share in training, or other pairs by --data)"
            )
        tendency = self.tendency(self.headline, run.difference[self.headline])
        if not tendency:
            return f"{run.name} and {first.name}: no significant difference on these pairs"
        return f"{run.name} is {tendency} than {first.name}"

    def to_record(self) -> dict[str, Any]:
        """Return it as plain values for JSON."""
        return {
            "split": self.runs[0].scores.split,
            "pairs": len(self.pairs),
            "at": self.at,
            "level": LEVEL,
            "draws": DRAWS,
            "runs": [run.to_record(self.classes) for run in self.runs],
            "most_different": [
                {
                    "pair": self.pairs[index],
                    "scores": [abs(float(run.scores.qualities[index])) for run in self.runs],
                }
                for index in self.most_different[:LISTED]
            ],
        }


def distinct(names: Sequence[str]) -> list[str]:
    """Number names that come again, so that a run can be compared with itself."""
    taken: list[str] = []
    for name in names:
        numbered = (f"{name} ({number})" for number in count(2))
        taken.append(next(other for other in chain([name], numbered) if other not in taken))
    return taken


def compare_scores(names: Sequence[str], scores: Sequence[Scores | PictureScores], at: At) -> Comparison:
    """Compare runs by their scores on the same pairs.

    The pairs are weighted at random `DRAWS` times, and every run is scored with the same weights: what makes a pair
    hard for all runs does not blur their differences (D. Rubin, 1981, The Bayesian bootstrap). Drawing pairs with
    replacement would leave rare classes out of many draws, and so change what the mean over the classes means.

    Args:
        names: what the runs are called.
        scores: of each run; same pairs in the same order, same classes.
        at: the size at which they were taken.
    """
    pairs = len(scores[0].pairs)
    draws = numpy_generator(0, "bootstrap").dirichlet([1.0] * pairs, size=DRAWS) * pairs
    weights = np.concatenate([np.ones((1, pairs)), draws])  # how much each pair counts: first once, as they are
    values = [_values(entry, weights) for entry in scores]  # of each run: over all, IoU and Dice by class
    return Comparison(
        tuple(
            ComparedRun(
                name,
                entry,
                *(_estimates(part, pairs) for part in own),
                *(
                    _estimates({key: samples - base[key] for key, samples in part.items()}, pairs)
                    for part, base in zip(own, values[0], strict=True)
                ),
            )
            for name, entry, own in zip(names, scores, values, strict=True)
        ),
        at,
    )


Samples = dict[str, NDArray[np.float64]]
"""By score, its value on the pairs as they are, then on each draw of them; NaN where there is none."""


def _values(scores: Scores | PictureScores, weights: NDArray[np.float64]) -> tuple[Samples, Samples, Samples]:
    """Return the scores over all, IoU and Dice by class, of pairs that count as often as the weights (D×N) say."""
    if not isinstance(scores, Scores):
        return {name: _weighted_mean(getattr(scores, name), weights) for name in ("l1", "psnr", "ssim")}, {}, {}
    classes = len(scores.names)
    flat = scores.confusions.reshape(len(scores.pairs), -1)
    parts = []
    for some in np.array_split(weights, -(-weights.shape[0] * classes**2 // MOST_NUMBERS)):
        confusions = (some @ flat).reshape(-1, classes, classes)
        ious, dices = iou(confusions), dice(confusions)
        means = (pixel_accuracy(confusions), nan_mean(recall(confusions)), nan_mean(ious), nan_mean(dices))
        parts.append((np.stack(means, axis=-1), ious, dices))
    overall, by_class, dice_by_class = (np.concatenate(columns).T for columns in zip(*parts, strict=True))
    return (
        dict(zip(("pixel_accuracy", "class_accuracy", "mean_iou", "mean_dice"), overall, strict=True)),
        dict(zip(scores.names, by_class, strict=True)),
        dict(zip(scores.names, dice_by_class, strict=True)),
    )


def _weighted_mean(values: Sequence[float], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the means of the finite values."""
    numbers = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(numbers)
    with np.errstate(invalid="ignore"):
        means: NDArray[np.float64] = weights[:, finite] @ numbers[finite] / weights[:, finite].sum(axis=1)
    return means


def _estimates(samples: Samples, pairs: int) -> dict[str, Estimate]:
    return {name: _estimate(values, alone=pairs == 1) for name, values in samples.items()}


def _estimate(values: NDArray[np.float64], *, alone: bool) -> Estimate:
    value = known(values[0])
    drawn = values[1:][np.isfinite(values[1:])]
    if value is None or not drawn.size or alone:
        return Estimate(value, None, None)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high))


def _records(estimates: Mapping[str, Estimate], names: Iterable[str]) -> dict[str, dict[str, float | None]]:
    return {name: estimates[name].to_record() for name in names}
