"""The page of a comparison: scores and differences with their intervals, curves, and where the runs differ most."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pairloom.evaluation.comparison import LOWER_IS_BETTER, RESAMPLES, ComparedRun, Comparison, Estimate
from pairloom.evaluation.history import EpochRecord, read_history
from pairloom.evaluation.splits import EvaluationSplit
from pairloom.models.translation import TranslationModel
from pairloom.report.charts import COLOURS, Chart, hexadecimal, score_series
from pairloom.report.page import write_page
from pairloom.report.run_page import Words, pair_words
from pairloom.report.svg import draw
from pairloom.run import RunFolder
from pairloom.tables import SCORE_LABELS

IMAGES = 6
"""Pairs that are shown of those on which the runs differ most."""


def write_comparison(
    page: Path,
    comparison: Comparison,
    paths: Sequence[Path],
    models: Sequence[TranslationModel],
    splits: Sequence[EvaluationSplit],
) -> None:
    """Write the page of a comparison.

    Args:
        page: the file.
        comparison: what it came to.
        paths: the run folders or model folders.
        models: the model of each.
        splits: the pairs, as each model is scored on them.
    """
    palette = models[0].target.palette
    colours = dict(zip(palette.names, map(hexadecimal, palette.colours), strict=True)) if palette else {}
    context = {
        "runs": [
            {
                "name": run.name,
                "colour": COLOURS[index % len(COLOURS)],
                "size": f"{model.size.height}×{model.size.width}",
            }
            for index, (run, model) in enumerate(zip(comparison.runs, models, strict=True))
        ],
        "pairs": len(comparison.pairs),
        "split": comparison.runs[0].scores.split,
        "data": splits[0].folder.root,
        "at": comparison.at,
        "resamples": f"{RESAMPLES:,}",
        "verdicts": [comparison.verdict(run) for run in comparison.runs[1:]],
        "overall": [_row(comparison, name, SCORE_LABELS[name]) for name in comparison.runs[0].overall],
        "classes": [
            [_class_row(comparison.runs[0], run, name, colours[name]) for name in comparison.classes]
            for run in comparison.runs[1:]
        ],
        "reach": _reach(comparison),
        "drawings": [drawing for drawing in map(draw, _charts(comparison, paths)) if drawing is not None],
        "measure": SCORE_LABELS[comparison.headline],
        "images": _images(comparison, models, splits),
    }
    write_page(page, "comparison.html.jinja", context)


def _row(comparison: Comparison, name: str, label: str) -> Words:
    """Return a score of each run, and how it differs from the first's."""
    return {
        "label": label,
        "cells": [
            {"score": run.overall[name], "difference": run.difference[name], "tone": _tone(run.difference[name], name)}
            for run in comparison.runs
        ],
    }


def _class_row(first: ComparedRun, run: ComparedRun, name: str, colour: str) -> Words:
    difference = run.class_difference[name]
    return {
        "name": name,
        "colour": colour,
        "first": first.per_class[name],
        "score": run.per_class[name],
        "difference": difference,
        "tone": _tone(difference, name),
    }


def _tone(difference: Estimate, name: str) -> str:
    """Return the style of a difference: better, worse, or neither."""
    if difference.value is None or not difference.is_clear:
        return ""
    return "better" if (difference.value > 0) != (name in LOWER_IS_BETTER) else "worse"


def _reach(comparison: Comparison) -> float:
    """Return the largest end of the classes' intervals: how far their axis reaches to both sides."""
    ends = [
        abs(end)
        for run in comparison.runs[1:]
        for name in comparison.classes
        for end in (run.class_difference[name].low, run.class_difference[name].high)
        if end is not None
    ]
    return max(ends, default=0.0) or 0.01


def _charts(comparison: Comparison, paths: Sequence[Path]) -> list[Chart]:
    """Return the curves of the validation scores that runs took while they trained."""
    names = list(comparison.runs[0].overall)
    histories = [read_history(RunFolder(path).metrics) for path in paths]
    return [
        Chart(
            f"Validation {SCORE_LABELS[name]} in training",
            tuple(
                _series(run.name, COLOURS[index % len(COLOURS)], history, name)
                for index, (run, history) in enumerate(zip(comparison.runs, histories, strict=True))
                if history
            ),
        )
        for name in names
    ]


def _series(label: str, colour: str, history: Sequence[EpochRecord], name: str) -> Any:
    def value(scores: Mapping[str, Any]) -> float | None:
        score: float | None = scores.get(name)
        return score

    return score_series(history, label, colour, value)


def _images(
    comparison: Comparison, models: Sequence[TranslationModel], splits: Sequence[EvaluationSplit]
) -> list[Words]:
    """Return the pairs on which the runs differ most, as each run translates them at its own size."""
    return [
        {
            "name": comparison.pairs[index],
            "runs": [
                pair_words(model, split[index].resized(model.size))
                | {"run": run.name, "score": abs(float(run.scores.qualities[index]))}
                for run, model, split in zip(comparison.runs, models, splits, strict=True)
            ],
        }
        for index in comparison.most_different[:IMAGES]
    ]
