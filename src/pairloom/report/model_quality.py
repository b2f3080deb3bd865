"""What the page of a run shows of its model: classes, confusions, and the validation images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pairloom.data.layouts.tree import counted
from pairloom.data.store import PairStore
from pairloom.evaluation.history import EpochRecord, RunState, best_record
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.models.layers import count_parameters
from pairloom.models.translation import TranslationModel
from pairloom.palette import Palette
from pairloom.report.charts import hexadecimal
from pairloom.report.data_words import Words
from pairloom.report.image_table import image_table
from pairloom.report.pictures import UNSCORED, WRONG, densest_box, shown

FEWEST_VALIDATIONS = 5
"""Validations below which nothing is said of the length of a training."""


def quality_words(
    model: TranslationModel, scores: Scores | PictureScores, validation: PairStore, *, all_pictures: bool
) -> Words:
    """Return what is to be said of a model: its scores, its confusions, the images; see `image_table`."""
    words: Words = {
        "parameters": f"{count_parameters(model.generator):,}",
        "table": image_table(model, scores, validation, all_pictures=all_pictures),
        "classes": None,
    }
    if isinstance(scores, Scores) and model.target.palette is not None:
        words |= {
            "classes": _classes(model, scores, model.target.palette, validation),
            "confusion": _confusion(scores, model.target.palette),
            "wrong": hexadecimal(WRONG),
            "unscored": hexadecimal(UNSCORED),
        }
    return words


def findings(history: Sequence[EpochRecord], state: RunState, scores: Scores | PictureScores | None) -> list[str]:
    """Say in a few sentences which class is worst, and where the best model came in a finished training."""
    said = []
    if isinstance(scores, Scores) and len(scores.names) > 1:
        pixels = scores.confusion.sum(axis=1)
        if pixels.any():
            worst = int(np.where(pixels > 0, scores.iou, np.inf).argmin())
            other = mostly_taken_for(scores, worst)
            taken = f"; {other.share:.0%} of its pixels are taken for {other.name}" if other else ""
            said.append(f"Worst class: {scores.names[worst]}, IoU {scores.iou[worst]:.3f}{taken}.")
    validated = [record["epoch"] for record in history if "validation" in record]
    best = best_record(history)
    if state == "finished" and best is not None and len(validated) >= FEWEST_VALIDATIONS:
        if best["epoch"] == validated[-1]:
            said.append("The last validation is the best: a longer training may score higher.")
        else:
            later = len(validated) - 1 - validated.index(best["epoch"])
            said.append(
                f"Epoch {best['epoch']} is the best; {counted(later, 'later validation')} brought no better one."
            )
    return said


def _classes(model: TranslationModel, scores: Scores, palette: Palette, validation: PairStore) -> list[Words]:
    """Return the classes that are there or predicted, with their scores and a sample crop; the worst first."""
    pixels = scores.confusion.sum(axis=1)
    order = [int(index) for index in np.argsort(scores.iou, kind="stable") if not np.isnan(scores.iou[index])]
    return [
        {
            "index": index,
            "name": palette.names[index],
            "colour": hexadecimal(palette.colours[index]),
            "iou": float(scores.iou[index]),
            "dice": float(scores.dice[index]),
            "recall": float(scores.recall[index]) if pixels[index] else None,
            "taken_for": mostly_taken_for(scores, index),
            "share": float(pixels[index] / max(1, pixels.sum())),
            "crop": _crop(model, scores, index, validation) if pixels[index] else None,
        }
        for index in order
    ]


@dataclass(frozen=True)
class TakenFor:
    """A class that another one is taken for."""

    index: int
    name: str
    share: float
    """Of the other one's pixels, 0 to 1."""


def mostly_taken_for(scores: Scores, index: int) -> TakenFor | None:
    """Return the class that most pixels of a class are wrongly taken for; None where none are."""
    row = scores.confusion[index].copy()
    row[index] = 0
    if not row.any():
        return None
    other = int(row.argmax())
    return TakenFor(other, scores.names[other], float(row[other] / scores.confusion[index].sum()))


def _crop(model: TranslationModel, scores: Scores, index: int, validation: PairStore) -> Words:
    """Return the part with most of a class, of the image that has most of it."""
    pair = validation[int(scores.confusions[:, index].sum(axis=1).argmax())]
    box, target = densest_box(pair.target == index), model.target
    return {
        "name": pair.name,
        "source": shown(pair.source[box], model.source),
        "translation": shown(model.predict(pair.source)[box], target),
        "target": shown(pair.target[box], target),
    }


def _confusion(scores: Scores, palette: Palette) -> Words:
    """Return the confusion matrix of the classes that occur, in shares of each true class."""
    counts = scores.confusion
    present = [index for index in range(len(palette)) if counts[index].any() or counts[:, index].any()]
    sums = counts.sum(axis=1)
    return {
        "indices": present,
        "names": [palette.names[index] for index in present],
        "colours": [hexadecimal(palette.colours[index]) for index in present],
        "rows": [
            [float(counts[row, column] / sums[row]) if sums[row] else None for column in present] for row in present
        ],
    }
