"""The page of a comparison: scores and differences with their intervals, curves, and where the runs differ most."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from pairloom.evaluation.comparison import DRAWS, ComparedRun, Comparison
from pairloom.evaluation.history import read_history, seconds_spent
from pairloom.evaluation.labels import CLASS_SCORE_LABELS, SCORE_LABELS
from pairloom.evaluation.scoring import at_model_size
from pairloom.evaluation.splits import EvaluationSplit
from pairloom.models.layers import count_parameters
from pairloom.models.model_folder import load_model
from pairloom.models.translation import describe_size
from pairloom.report.charts import COLOURS, Chart, hexadecimal, score_series
from pairloom.report.data_words import Words
from pairloom.report.image_table import pair_pictures
from pairloom.report.page import write_page
from pairloom.report.svg import draw_all
from pairloom.run import known_experiment, owning_run
from pairloom.setting_changes import differing_settings

IMAGES = 6
"""Pairs that are shown of those on which the runs differ most."""


def write_comparison(
    page: Path,
    comparison: Comparison,
    models: Sequence[Path],
    splits: Sequence[EvaluationSplit],
    device: torch.device,
) -> None:
    """Write the page of a comparison.

    Args:
        page: the file.
        comparison: what it came to.
        models: the model folder of each run.
        splits: the pairs, as each model is scored on them.
        device: where to translate the images that are shown.
    """
    palette = splits[0].folder.palette
    colours = dict(zip(palette.names, map(hexadecimal, palette.colours), strict=True)) if palette else {}
    runs, images = _runs_and_images(comparison, models, splits, device)
    context = {
        "runs": runs,
        "pairs": len(comparison.pairs),
        "split": comparison.runs[0].scores.split,
        "data": splits[0].folder.root.name,
        "at": _at_words(comparison, [str(run["size"]) for run in runs]),
        "draws": f"{DRAWS:,}",
        "verdicts": [comparison.verdict(run) for run in comparison.runs[1:]],
        "overall": [_row(comparison, name) for name in comparison.runs[0].overall],
        "classes": [_class_differences(comparison, run, colours) for run in comparison.runs[1:]],
        "reach": _reach(comparison),
        "settings": differing_settings([known_experiment(folder) for folder in models]),
        "drawings": draw_all(_charts(comparison, models)),
        "measure": SCORE_LABELS[comparison.headline],
        "images": images,
    }
    write_page(page, "comparison.html.jinja", context)


def _runs_and_images(
    comparison: Comparison, models: Sequence[Path], splits: Sequence[EvaluationSplit], device: torch.device
) -> tuple[list[Words], list[Words]]:
    """Return the runs, and the pairs on which they differ most, as each run translates them at its own size."""
    shown = comparison.most_different[:IMAGES]
    translations: list[list[Words]] = [[] for _ in shown]
    runs: list[Words] = []
    for number, (run, folder, split) in enumerate(zip(comparison.runs, models, splits, strict=True)):
        model = load_model(folder, device)
        colour = COLOURS[number % len(COLOURS)]
        owner = owning_run(folder)
        runs.append(
            {
                "name": run.name,
                "colour": colour,
                "size": describe_size(model.size, model.scale),
                "parameters": f"{count_parameters(model.generator):,}",
                "seconds": seconds_spent(read_history(owner.metrics)) if owner else None,
            }
        )
        for index, words in zip(shown, translations, strict=True):
            score = abs(float(run.scores.qualities[index]))
            pictures = pair_pictures(model, at_model_size(split[index], model))
            words.append({**pictures, "run": run.name, "score": score})
    return runs, [
        {"name": comparison.pairs[index], "runs": words} for index, words in zip(shown, translations, strict=True)
    ]


def _at_words(comparison: Comparison, sizes: Sequence[str]) -> str:
    if comparison.at == "native":
        return "the images' own size"
    return sizes[0] if len(set(sizes)) == 1 else "each model's own size"


def _row(comparison: Comparison, name: str) -> Words:
    """Return a score of each run, and how it differs from the first's."""
    return {
        "label": SCORE_LABELS[name],
        "cells": [
            {
                "score": run.overall[name],
                "difference": run.difference[name],
                "tone": comparison.tendency(name, run.difference[name]),
            }
            for run in comparison.runs
        ],
    }


def _class_differences(comparison: Comparison, run: ComparedRun, colours: Mapping[str, str]) -> Words:
    """Return by score how a run's classes differ from the first's, a row each; empty for pictures."""
    first = comparison.runs[0]
    scores = {
        CLASS_SCORE_LABELS["per_class"]: (first.per_class, run.per_class, run.class_difference),
        CLASS_SCORE_LABELS["per_class_dice"]: (first.per_class_dice, run.per_class_dice, run.class_dice_difference),
    }
    if not comparison.classes:
        return {}
    return {
        label: [
            {
                "name": name,
                "colour": colours[name],
                "first": base[name],
                "score": own[name],
                "difference": difference[name],
                "tone": comparison.tendency(name, difference[name]),
            }
            for name in comparison.classes
        ]
        for label, (base, own, difference) in scores.items()
    }


def _reach(comparison: Comparison) -> float:
    """Return the largest end of the classes' intervals: how far their axes reach to both sides."""
    ends = [
        abs(end)
        for run in comparison.runs[1:]
        for differences in (run.class_difference, run.class_dice_difference)
        for name in comparison.classes
        for end in (differences[name].low, differences[name].high)
        if end is not None
    ]
    return max(ends, default=0.0) or 0.01


def _charts(comparison: Comparison, models: Sequence[Path]) -> list[Chart]:
    """Return the curves of the validation scores that runs took while they trained."""
    histories = [read_history(run.metrics) if (run := owning_run(folder)) else [] for folder in models]
    return [
        Chart(
            f"Validation {SCORE_LABELS[name]} in training",
            tuple(
                score_series(history, run.name, COLOURS[index % len(COLOURS)], name)
                for index, (run, history) in enumerate(zip(comparison.runs, histories, strict=True))
            ),
        )
        for name in comparison.runs[0].overall
    ]
