"""What the page of one run shows of its course: state, samples, curves, data, times, config."""

import math
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from pairloom.data.image_spec import ImageSpec
from pairloom.data.pairs import Pair
from pairloom.data.store import PairStore
from pairloom.evaluation.history import EpochRecord, RunState, kept_record, seconds_left, seconds_spent
from pairloom.evaluation.labels import SCORE_LABELS
from pairloom.models.translation import describe_size
from pairloom.report.charts import COLOURS, Chart
from pairloom.report.data_words import SHOWN_PAIRS, ShownClass, Words, shown_classes, shown_pair, spread
from pairloom.report.grid import drawn_epochs, read_sample
from pairloom.report.pictures import data_uri, shown
from pairloom.report.run_summary import RunSummary
from pairloom.report.svg import draw_all
from pairloom.setting_changes import describe_settings, name_alone, without_places
from pairloom.settings import dump_experiment

REPORT_SECONDS = 60
"""Time after which the page of a run that goes on is written again at the end of an epoch, without a validation too."""
FRAMES = 24
"""Epochs of which the page shows the sample translations at the most."""


def run_words(
    summary: RunSummary, state: RunState, trouble: str, charts: Sequence[Chart], frames: dict[Path, str]
) -> Words:
    """Return what is to be said of the course of a run.

    Args:
        summary: the run.
        state: whether it goes on.
        trouble: what has ended it, where that was an error.
        charts: its curves.
        frames: sample translations as they were encoded for the page before, by file; replaced by those of this one.
    """
    experiment = without_places(summary.experiment)
    data, model, train = experiment.data, experiment.model, experiment.train
    samples = _samples(summary, frames)
    now = datetime.now().astimezone()
    kept = kept_record(summary.history, train.keep)
    scores: Mapping[str, Any] = kept["validation"] if kept else {}
    return {
        "title": summary.run.path.absolute().name,
        "state": state,
        "trouble": trouble,
        "kept": kept,
        "measure": "mean IoU" if summary.target.palette is not None else "L1",
        "tiles": [(SCORE_LABELS[name], value) for name, value in scores.items() if name in SCORE_LABELS],
        "written": now.strftime("%Y-%m-%d %H:%M"),
        "written_at": round(now.timestamp()),
        "expected_after": _seconds_between_pages(summary),
        "done": summary.history[-1]["epoch"] if summary.history else 0,
        "epochs": train.epochs,
        "left": seconds_left(summary.history, train) if state == "running" else None,
        "spent": seconds_spent(summary.history),
        "settings": describe_settings(experiment),
        "resume": f"pairloom train --resume {shlex.quote(name_alone(str(summary.run.path)))}",
        "generator": model.generator_name,
        "pairs": len(summary.training),
        "validation_pairs": len(summary.validation),
        "data": data.root,
        "size": describe_size(summary.experiment.input_size, None if data.crop is None else data.scale),
        "source": _side_words(summary.source),
        "target": _side_words(summary.target),
        "samples": samples,
        "drawings": draw_all(charts, kept["epoch"] if kept else None),
        "uses": _uses(summary.run.path),
        "speed": _speed(summary),
        "circumstances": summary.circumstances,
        "times": _times(summary.history),
        "config": dump_experiment(experiment),
    }


def data_words(training: PairStore) -> Words:
    """Return what the training pairs look like: some of them, and each class where it is seen best."""
    palette = training.target.palette
    drawn = training.source.palette is not None
    places = spread(len(training), SHOWN_PAIRS)
    return {
        "shown": [shown_pair(training[place], "train", palette, drawn_source=drawn) for place in places],
        "classes": None if palette is None else shown_classes(_training_classes(training), palette),
    }


def _training_classes(training: PairStore) -> list[ShownClass]:
    counts, shares = training.class_counts(), training.class_fractions()
    own_shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    found = (counts > 0).sum(axis=0)
    return [
        ShownClass(
            index,
            float(shares[index]),
            {"training": int(found[index])} if found[index] else {},
            training[int(own_shares[:, index].argmax())] if found[index] else None,
        )
        for index in range(counts.shape[1])
    ]


def _side_words(side: ImageSpec) -> str:
    if side.palette is not None:
        return f"maps of {side.palette.counted}"
    kinds = {"uint8": "", "uint16": "16-bit ", "float32": "float "}
    names = {1: "greyscale pictures", 3: "colour pictures"}
    return f"{kinds[side.dtype]}{names.get(side.channels, f'pictures of {side.channels} channels')}{side.values}"


def _samples(summary: RunSummary, frames: dict[Path, str]) -> Words:
    """Return the sample pairs, and the frames of their translations: a list a pair, one an epoch."""
    run, source, target = summary.run, summary.source, summary.target
    drawn = drawn_epochs(run, summary.history, summary.samples, target)
    epochs = [drawn[round(place)] for place in np.linspace(0, len(drawn) - 1, min(FRAMES, len(drawn)))]

    def frame(epoch: int, pair: Pair) -> str:
        path = run.sample(epoch, pair.name, target.suffix)
        if path not in frames:
            frames[path] = data_uri(read_sample(run, epoch, pair, target), exact=target.palette is not None)
        return frames[path]

    shown_frames = [[frame(epoch, pair) for epoch in epochs] for pair in summary.samples]
    used = {run.sample(epoch, pair.name, target.suffix) for pair in summary.samples for epoch in epochs}
    for path in frames.keys() - used:
        del frames[path]
    return {
        "labels": [f"epoch {epoch}" for epoch in epochs],
        "frames": shown_frames,
        "rows": [
            {
                "name": pair.name,
                "source": shown(pair.source, source),
                "target": shown(pair.target, target),
            }
            for pair in summary.samples
        ],
    }


def _seconds_between_pages(summary: RunSummary) -> int:
    """Return after how long a run that goes on is expected to have written its page again; 0 in its first epoch."""
    if not summary.history:
        return 0
    epoch = seconds_spent(summary.history) / len(summary.history)
    return math.ceil(max(REPORT_SECONDS, epoch) + epoch)


def _times(history: Sequence[EpochRecord]) -> list[Words]:
    """Return what the time of all epochs went to."""
    spent: dict[str, float] = {}
    for record in history:
        for name, seconds in record["seconds"].items():
            spent[name] = spent.get(name, 0.0) + seconds
    whole = sum(spent.values()) or 1.0
    return [
        {"name": name, "seconds": seconds, "share": seconds / whole, "colour": colour}
        for (name, seconds), colour in zip(spent.items(), COLOURS, strict=False)
    ]


def _speed(summary: RunSummary) -> float | None:
    """Return the pairs per second that training took, waiting for data included; None before the first epoch's end."""
    if not summary.history:
        return None
    seconds = sum(record["seconds"]["data"] + record["seconds"]["steps"] for record in summary.history)
    pairs = summary.history[-1]["step"] * summary.experiment.train.batch_size
    return pairs / seconds if seconds else None


def _uses(run: Path) -> list[Words]:
    """Return what can be done with the model, and the words for it."""
    place = shlex.quote(name_alone(str(run)))
    python = (
        "import pairloom\n\n"
        f"translator = pairloom.Translator.load({name_alone(str(run))!r})\n"
        "translation = translator('photo.jpg')  # a file or an array, of any size\n"
        "translation.save('translated.png')"
    )
    return [
        {"purpose": "Translate photographs", "words": f"pairloom translate {place} photo.jpg --out translated"},
        {"purpose": "The same in Python", "words": python},
        {"purpose": "Score it, each image too", "words": f"pairloom evaluate {place} --csv images.csv"},
        {"purpose": "Train it further", "words": f"pairloom train --resume {place} --epochs N"},
        {"purpose": "Train it again", "words": f"pairloom train DATA --config {place}/config.yaml --out NEW-RUN"},
        {"purpose": "Compare it with another run", "words": f"pairloom compare {place} OTHER-RUN"},
    ]
