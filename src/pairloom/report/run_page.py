"""What the page of one run shows: its training, and how good its model is."""

import dataclasses
import math
import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from pairloom.config import Experiment
from pairloom.data.image_spec import ImageSpec
from pairloom.data.pairs import Pair
from pairloom.data.store import PairStore
from pairloom.evaluation.history import EpochRecord, RunState, best_record, kept_record, seconds_left, seconds_spent
from pairloom.evaluation.labels import SCORE_LABELS
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.models.layers import count_parameters
from pairloom.models.translation import TranslationModel, describe_size
from pairloom.palette import Palette
from pairloom.report.charts import COLOURS, Chart, hexadecimal
from pairloom.report.data_words import SHOWN_PAIRS, ShownClass, Words, shown_classes, shown_pair, spread
from pairloom.report.grid import drawn_epochs, read_sample
from pairloom.report.image_table import image_table
from pairloom.report.pictures import UNSCORED, WRONG, data_uri, densest_box, error_map
from pairloom.report.run_summary import RunSummary
from pairloom.report.svg import draw_all
from pairloom.settings import describe_settings, dump_experiment

REPORT_SECONDS = 60
"""Time after which the page of a run that goes on is written again at the end of an epoch, without a validation too."""
FRAMES = 24
"""Epochs of which the page shows the sample translations at the most."""


def run_words(summary: RunSummary, state: RunState, charts: Sequence[Chart], frames: dict[Path, str]) -> Words:
    """Return what is to be said of the course of a run.

    Args:
        summary: the run.
        state: whether it goes on.
        charts: its curves.
        frames: sample translations as they were encoded for earlier pages, by file; new ones are added.
    """
    experiment = _without_places(summary.experiment)
    data, model, train = experiment.data, experiment.model, experiment.train
    samples = _samples(summary, frames)
    now = datetime.now().astimezone()
    kept = kept_record(summary.history, train.keep)
    return {
        "title": summary.run.path.absolute().name,
        "state": state,
        "written": now.strftime("%Y-%m-%d %H:%M"),
        "written_at": round(now.timestamp()),
        "expected_after": _seconds_between_pages(summary),
        "done": summary.history[-1]["epoch"] if summary.history else 0,
        "epochs": train.epochs,
        "left": seconds_left(summary.history, train) if state == "running" else None,
        "spent": seconds_spent(summary.history),
        "settings": describe_settings(experiment),
        "resume": f"pairloom train --resume {shlex.quote(_name_alone(str(summary.run.path)))}",
        "generator": model.generator_name,
        "pairs": len(summary.training),
        "validation_pairs": len(summary.validation),
        "data": data.root,
        "size": describe_size(summary.experiment.input_size, None if data.crop is None else data.scale),
        "source": _side_words(summary.source),
        "target": _side_words(summary.target),
        "samples": samples,
        "drawings": draw_all(charts, kept["epoch"] if kept else None),
        "uses": _uses(summary.run.path, experiment),
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


def quality_words(
    model: TranslationModel, scores: Scores | PictureScores, validation: PairStore, *, all_pictures: bool
) -> Words:
    """Return what is to be said of a model: its scores, its confusions, the images; see `image_table`."""
    record = scores.to_record()
    tiles = [(SCORE_LABELS[name], value) for name, value in record.items() if name in SCORE_LABELS]
    words: Words = {
        "parameters": f"{count_parameters(model.generator):,}",
        "tiles": tiles,
        "measure": "mean IoU" if isinstance(scores, Scores) else "L1",
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

    return {
        "labels": [f"epoch {epoch}" for epoch in epochs],
        "frames": [[frame(epoch, pair) for epoch in epochs] for pair in summary.samples],
        "rows": [
            {
                "name": pair.name,
                "source": _shown(pair.source, source),
                "target": _shown(pair.target, target),
            }
            for pair in summary.samples
        ],
    }


def _shown(picture: np.ndarray, side: ImageSpec) -> str:
    return data_uri(side.display(picture), exact=side.palette is not None)


def pair_words(model: TranslationModel, pair: Pair) -> Words:
    """Return a pair's source, translation, target and errors, all at the model's size."""
    prediction, source, target = model.predict(pair.source), model.source, model.target
    return {
        "name": pair.name,
        "source": _shown(pair.source, source),
        "translation": _shown(prediction, target),
        "target": _shown(pair.target, target),
        "errors": data_uri(
            error_map(prediction, pair.target, source.display(pair.source), target), exact=target.palette is not None
        ),
    }


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
            "taken_for": _mostly_taken_for(scores, index, palette),
            "share": float(pixels[index] / max(1, pixels.sum())),
            "crop": _crop(model, scores, index, validation) if pixels[index] else None,
        }
        for index in order
    ]


def _mostly_taken_for(scores: Scores, index: int, palette: Palette) -> Words | None:
    """Return the other class that most pixels of a class are taken for, and their fraction; None where none are."""
    row = scores.confusion[index].astype(np.float64)
    whole = row.sum()
    row[index] = 0
    if not row.any():
        return None
    other = int(row.argmax())
    return {"index": other, "name": palette.names[other], "share": float(row[other] / whole)}


def findings(history: Sequence[EpochRecord], state: RunState, scores: Scores | PictureScores | None) -> list[str]:
    """Say in a few sentences what is worst, and whether training was long enough."""
    said = []
    if isinstance(scores, Scores) and len(scores.names) > 1 and np.isfinite(scores.iou).any():
        worst = int(np.nanargmin(scores.iou))
        row = np.delete(scores.confusion[worst], worst)
        taken = ""
        if row.any():
            others = [name for name in scores.names if name != scores.names[worst]]
            share = row.max() / scores.confusion[worst].sum()
            taken = f"; {share:.0%} of its pixels are taken for {others[int(row.argmax())]}"
        said.append(f"Worst class: {scores.names[worst]}, IoU {scores.iou[worst]:.3f}{taken}.")
    validated = [record["epoch"] for record in history if "validation" in record]
    best = best_record(history)
    if state == "finished" and best is not None and len(validated) > 1:
        if best["epoch"] == validated[-1]:
            said.append("The last epoch is the best: a longer training may score higher.")
        else:
            said.append(
                f"No validation after epoch {best['epoch']} was better: a longer training is not likely to help."
            )
    return said


def _crop(model: TranslationModel, scores: Scores, index: int, validation: PairStore) -> Words:
    """Return the part with most of a class, of the image that has most of it."""
    pair = validation[int(scores.confusions[:, index].sum(axis=1).argmax())]
    box, target = densest_box(pair.target == index), model.target
    return {
        "name": pair.name,
        "source": _shown(pair.source[box], model.source),
        "translation": _shown(model.predict(pair.source)[box], target),
        "target": _shown(pair.target[box], target),
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


def _without_places(experiment: Experiment) -> Experiment:
    """Return an experiment in which what lies on this machine has its name alone: a page is made to be passed on."""
    data = dataclasses.replace(
        experiment.data,
        root=_name_alone(experiment.data.root),
        sources=_name_alone(experiment.data.sources),
        targets=_name_alone(experiment.data.targets),
        palette=_name_alone(experiment.data.palette),
    )
    model = dataclasses.replace(experiment.model, encoder=_name_alone(experiment.model.encoder))
    train = dataclasses.replace(experiment.train, init=_name_alone(experiment.train.init))
    return dataclasses.replace(experiment, data=data, model=model, train=train)


def _name_alone(place: str) -> str:
    return Path(place).name if Path(place).is_absolute() else place


def _seconds_between_pages(summary: RunSummary) -> int:
    """Return after how long a run that goes on is expected to have written its page again."""
    epoch = seconds_spent(summary.history) / max(1, len(summary.history))
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


def _uses(run: Path, experiment: Experiment) -> list[Words]:
    """Return what can be done with the model, and the words for it."""
    again = f"pairloom train {shlex.quote(experiment.data.root)} --out NEW-RUN --{describe_settings(experiment)}"
    place = shlex.quote(_name_alone(str(run)))
    python = (
        "import pairloom\n\n"
        f"translator = pairloom.Translator.load({_name_alone(str(run))!r})\n"
        "translation = translator('photo.jpg')  # a file or an array, of any size\n"
        "translation.save('translated.png')"
    )
    return [
        {"purpose": "Translate photographs", "words": f"pairloom translate {place} photo.jpg --out translated"},
        {"purpose": "The same in Python", "words": python},
        {"purpose": "Score it, each image too", "words": f"pairloom evaluate {place} --csv images.csv"},
        {"purpose": "Train it further", "words": f"pairloom train --resume {place} --epochs N"},
        {"purpose": "Train it again", "words": again},
        {"purpose": "Compare it with another run", "words": f"pairloom compare {place} OTHER-RUN"},
    ]
