"""What the curves of a run show, whatever draws them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pairloom.evaluation.history import EpochRecord
from pairloom.evaluation.labels import SCORE_LABELS
from pairloom.palette import Palette

COLOURS = ("#4c78a8", "#f58518", "#54a24b", "#e45756", "#b279a2", "#72b7b2", "#9d755d", "#d6a800")
"""For curves that have no colour of their own; they can be told apart on light and on dark ground."""


ADVERSARIAL_SHARE = "adversarial_share"
"""What is logged beside the losses; see `EpochRecord.losses`."""


@dataclass(frozen=True)
class Series:
    """One curve."""

    label: str
    epochs: tuple[int, ...]
    values: tuple[float | None, ...]
    """One an epoch; None leaves a gap."""
    colour: str
    """As `#rrggbb`."""


@dataclass(frozen=True)
class Chart:
    """Curves over the epochs that share their axes."""

    title: str
    series: tuple[Series, ...]
    logarithmic: bool = False
    limits: tuple[float, float] | None = None
    """Of the values, where they are known beforehand."""
    exact: bool = False
    """Whether its values are set, not measured, so that smoothing would falsify them."""


def training_charts(history: Sequence[EpochRecord], palette: Palette | None) -> tuple[Chart, ...]:
    """Return the losses of both networks, the learning rate, and the validation scores, over all and in detail.

    Args:
        history: the records, one or more.
        palette: the classes, where targets are class maps: the detail is the IoU of each class that occurs, the best
            last one first. With pictures it is the PSNR.
    """
    names = history[-1]["losses"]
    discriminator = [name for name in names if name.startswith("discriminator")]
    generator = [name for name in names if name not in (*discriminator, ADVERSARIAL_SHARE)]
    positive = all(record["losses"].get(name, 1) > 0 for record in history for name in generator)
    rates = tuple(record["learning_rate"] for record in history)
    epochs = tuple(record["epoch"] for record in history)
    losses = (
        Chart("Generator losses", _losses(history, generator), logarithmic=positive),  # they differ by magnitudes
        Chart("Discriminator losses", _losses(history, discriminator)),
        Chart(
            "Adversarial gradient / gradient of the other terms", _losses(history, names.keys() & {ADVERSARIAL_SHARE})
        ),
        Chart("Learning rate", (Series("learning rate", epochs, rates, COLOURS[0]),), exact=True),
    )
    if palette is None:
        return (
            *losses,
            Chart("Validation scores", _scores(history, ("l1", "ssim"))),
            Chart("Validation PSNR", _scores(history, ("psnr",))),
        )
    overall = Chart(
        "Validation scores",
        _scores(history, ("pixel_accuracy", "class_accuracy", "mean_iou", "mean_dice")),
        limits=(0, 1),
    )
    return (*losses, overall, Chart("Validation IoU by class", _class_scores(history, palette), limits=(0, 1)))


def score_series(history: Sequence[EpochRecord], label: str, colour: str, name: str, kind: str = "") -> Series:
    """Return the curve of one validation score, over the epochs where scores were taken.

    Args:
        history: the records.
        label: of the curve.
        colour: of the curve.
        name: of the score; what is no number is a gap.
        kind: `per_class` where the name is that of a class.
    """
    epochs, values = [], []
    for record in history:
        if "validation" in record:
            scores: Mapping[str, Any] = record["validation"]
            value = (scores.get(kind, {}) if kind else scores).get(name)
            epochs.append(record["epoch"])
            values.append(value if isinstance(value, int | float) else None)
    return Series(label, tuple(epochs), tuple(values), colour)


def _scores(history: Sequence[EpochRecord], names: Sequence[str]) -> tuple[Series, ...]:
    """Return the curves of scores, but not of those that no record has, being of an earlier version."""
    return tuple(
        score_series(history, SCORE_LABELS[name], colour, name)
        for name, colour in zip(names, COLOURS, strict=False)
        if any(name in record.get("validation", ()) for record in history)
    )


def _class_scores(history: Sequence[EpochRecord], palette: Palette) -> tuple[Series, ...]:
    series = [
        score_series(history, name, hexadecimal(colour), name, "per_class")
        for name, colour in zip(palette.names, palette.colours, strict=True)
    ]
    present = [curve for curve in series if curve.values and curve.values[-1] is not None]
    return tuple(sorted(present, key=lambda curve: -(curve.values[-1] or 0)))


def _losses(history: Sequence[EpochRecord], names: Collection[str]) -> tuple[Series, ...]:
    epochs = tuple(record["epoch"] for record in history)
    return tuple(
        Series(
            name.removeprefix("discriminator_").replace("_", " "),
            epochs,
            tuple(record["losses"][name] for record in history),
            COLOURS[index % len(COLOURS)],
        )
        for index, name in enumerate(names)
    )


def hexadecimal(colour: Sequence[int]) -> str:
    """Return an RGB colour as `#rrggbb`."""
    return "#{:02x}{:02x}{:02x}".format(*colour)
