"""Pictures of a run: the grid of sample translations over the epochs, and the curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pairloom.data.layouts import Pair
from pairloom.evaluation.history import EpochRecord
from pairloom.evaluation.metrics import ScoreRecord
from pairloom.images import UInt8Array, read_picture
from pairloom.palette import Palette
from pairloom.run import RunFolder

GRID_SNAPSHOTS = 3
"""Snapshots shown in the grid: the first, the last, and the one nearest to halfway."""

CELL_INCHES = 2.4


def draw_report(run: RunFolder, history: Sequence[EpochRecord], samples: Sequence[Pair], palette: Palette) -> None:
    """Draw the run's `report/grid.png` and `report/curves.png` as far as it has come.

    Args:
        run: the run, with sample translations of one epoch or more.
        history: its records.
        samples: the sample pairs at the run's size.
        palette: the classes.
    """
    scores = [record["validation"] for record in history if "validation" in record]
    draw_grid(run, samples, palette, scores[-1] if scores else None)
    draw_curves(history, palette, run.report / "curves.png")


def draw_grid(run: RunFolder, samples: Sequence[Pair], palette: Palette, scores: ScoreRecord | None) -> None:
    """Draw `report/grid.png`: a row a sample; source, translations by epoch, target; the scores below."""
    epochs = chosen_epochs(run.sampled_epochs())
    titles = ["source", *(f"{epoch} epochs" for epoch in epochs), "target"]
    height, width = samples[0].target.shape
    row_inches = CELL_INCHES * height / width
    figure = Figure(figsize=(CELL_INCHES * len(titles), row_inches * len(samples) + 0.9), layout="constrained")
    axes = figure.subplots(len(samples), len(titles), squeeze=False)
    for row, pair in zip(axes, samples, strict=True):
        translations = [read_picture(run.samples(epoch) / f"{pair.name}.png") for epoch in epochs]
        for cell, picture in zip(row, [pair.source, *translations, palette.to_colours(pair.target)], strict=True):
            _show(cell, picture)
    for cell, title in zip(axes[0], titles, strict=True):
        cell.set_title(title, fontsize=11)
    if scores is not None:
        figure.supxlabel(_scores_line(scores), fontsize=10)
    _save(figure, run.report / "grid.png")


def draw_curves(history: Sequence[EpochRecord], palette: Palette, path: Path) -> None:
    """Draw the losses of both networks, and the validation scores overall and by class, over the epochs."""
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    (generator, discriminator), (overall, by_class) = figure.subplots(2, 2)
    epochs = [record["epoch"] for record in history]
    for name in history[-1]["losses"]:
        ax = discriminator if name.startswith("discriminator") else generator
        label = name.removeprefix("discriminator_").replace("_", " ")
        ax.plot(epochs, [record["losses"][name] for record in history], label=label)
    validated = [(record["epoch"], record["validation"]) for record in history if "validation" in record]
    at = [epoch for epoch, _ in validated]
    series: Mapping[str, list[float | None]] = {
        "pixel accuracy": [scores["pixel_accuracy"] for _, scores in validated],
        "class accuracy": [scores["class_accuracy"] for _, scores in validated],
        "mean IoU": [scores["mean_iou"] for _, scores in validated],
    }
    for name, values in series.items():
        overall.plot(at, _gaps(values), label=name, marker=".")
    classes = validated[-1][1]["per_class"] if validated else {}
    present = [name for name, iou in classes.items() if iou is not None]
    for name in sorted(present, key=lambda name: -(classes[name] or 0)):
        values = [scores["per_class"][name] for _, scores in validated]
        colour = palette.table[palette.index(name)] / 255
        by_class.plot(at, _gaps(values), label=name, color=colour, linewidth=2)
    titles = {
        generator: "Generator losses",
        discriminator: "Discriminator losses",
        overall: "Validation scores",
        by_class: "Validation IoU by class",
    }
    for ax, title in titles.items():
        ax.set_title(title)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
        if ax.lines:
            ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    if all(loss > 0 for record in history for loss in record["losses"].values()):
        generator.set_yscale("log")  # its terms differ by orders of magnitude
    for ax in (overall, by_class):
        ax.set_ylim(0, 1)
    _save(figure, path)


def chosen_epochs(epochs: Sequence[int]) -> list[int]:
    """Choose at most `GRID_SNAPSHOTS` of the sampled epochs: the first, the one nearest to halfway, the last."""
    if len(epochs) <= GRID_SNAPSHOTS:
        return list(epochs)
    middle = (epochs[0] + epochs[-1]) / 2
    return [epochs[0], min(epochs[1:-1], key=lambda epoch: abs(epoch - middle)), epochs[-1]]


def _show(cell: Axes, picture: UInt8Array) -> None:
    cell.imshow(picture, interpolation="nearest")
    cell.set_xticks([])
    cell.set_yticks([])
    for spine in cell.spines.values():
        spine.set_visible(False)


def _scores_line(scores: ScoreRecord) -> str:
    overall = {
        "mean IoU": scores["mean_iou"],
        "pixel accuracy": scores["pixel_accuracy"],
        "class accuracy": scores["class_accuracy"],
    }
    figures = "   ".join(f"{name} {value:.2f}" for name, value in overall.items() if value is not None)
    return f"{scores['pairs']} validation pairs:   {figures}"


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _save(figure: Figure, path: Path) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    figure.savefig(unfinished, dpi=120, format="png")
    unfinished.replace(path)
