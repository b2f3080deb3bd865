"""Pictures of a run: the grid of sample translations over the epochs, and the curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pairloom.data.pairs import Pair
from pairloom.data.sides import Side
from pairloom.evaluation.history import EpochRecord
from pairloom.files import replacing
from pairloom.images import UInt8Array, for_display, read_picture
from pairloom.palette import Palette
from pairloom.run import RunFolder
from pairloom.tables import SCORE_LABELS

GRID_SNAPSHOTS = 3
"""Snapshots shown in the grid: the first, the last, and the one nearest to halfway."""

CELL_INCHES = 2.4


def draw_report(run: RunFolder, history: Sequence[EpochRecord], samples: Sequence[Pair], target: Side) -> None:
    """Draw the run's `report/grid.png` and `report/curves.png` as far as it has come.

    Args:
        run: the run, with sample translations of one epoch or more.
        history: its records.
        samples: the sample pairs at the run's size.
        target: what the targets are.
    """
    draw_grid(run, history, samples, target)
    draw_curves(history, target.palette, run.report / "curves.png")


def draw_grid(run: RunFolder, history: Sequence[EpochRecord], samples: Sequence[Pair], target: Side) -> None:
    """Draw `report/grid.png`: a row a sample; source, translations by epoch, target; the scores below."""
    # A run that was killed may have left pictures of epochs after the one from which it went on.
    epochs = chosen_epochs([epoch for epoch in run.sampled_epochs() if epoch <= history[-1]["epoch"]])
    titles = ["source", *(f"{epoch} epochs" for epoch in epochs), "target"]
    height, width = samples[0].size
    row_inches = CELL_INCHES * height / width
    figure = Figure(figsize=(CELL_INCHES * len(titles), row_inches * len(samples) + 0.9), layout="constrained")
    axes = figure.subplots(len(samples), len(titles), squeeze=False)
    for row, pair in zip(axes, samples, strict=True):
        translations = [read_picture(run.samples(epoch) / f"{pair.name}{target.suffix}") for epoch in epochs]
        for cell, picture in zip(row, [pair.source, *translations, target.draw(pair.target)], strict=True):
            _show(cell, for_display(picture))
    for cell, title in zip(axes[0], titles, strict=True):
        cell.set_title(title, fontsize=11)
    validated = [record for record in history if "validation" in record]
    if validated:
        figure.supxlabel(_scores_line(validated[-1]), fontsize=10)
    _save(figure, run.report / "grid.png")


def draw_curves(history: Sequence[EpochRecord], palette: Palette | None, path: Path) -> None:
    """Draw the losses of both networks, and the validation scores, over the epochs.

    With classes, the scores are accuracies and IoU, overall and by class; with pictures, L1 and SSIM, and the PSNR.
    """
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    (generator, discriminator), (overall, detail) = figure.subplots(2, 2)
    epochs = [record["epoch"] for record in history]
    for name in history[-1]["losses"]:
        ax = discriminator if name.startswith("discriminator") else generator
        label = name.removeprefix("discriminator_").replace("_", " ")
        ax.plot(epochs, [record["losses"][name] for record in history], label=label)
    validated = [(record["epoch"], record["validation"]) for record in history if "validation" in record]
    at = [epoch for epoch, _ in validated]
    names = ("l1", "ssim") if palette is None else ("pixel_accuracy", "class_accuracy", "mean_iou")
    for name in names:
        values = [scores[name] for _, scores in validated]  # type: ignore[literal-required]  # of one kind, all
        overall.plot(at, _gaps(values), label=SCORE_LABELS[name], marker=".")
    if palette is None:
        psnr = [scores["psnr"] for _, scores in validated if "psnr" in scores]
        detail.plot(at, _gaps(psnr), label=SCORE_LABELS["psnr"], marker=".")
    else:
        _draw_classes(detail, at, [scores["per_class"] for _, scores in validated if "per_class" in scores], palette)
    titles = {
        generator: "Generator losses",
        discriminator: "Discriminator losses",
        overall: "Validation scores",
        detail: "Validation IoU by class" if palette else "Validation PSNR",
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
    for ax in (overall, detail) if palette else (overall,):
        ax.set_ylim(0, 1)
    _save(figure, path)


def _draw_classes(ax: Axes, at: Sequence[int], scores: Sequence[Mapping[str, float | None]], palette: Palette) -> None:
    """Draw a curve for each class that occurs, in its colour, the best last one first."""
    last = scores[-1] if scores else {}
    present = [name for name, iou in last.items() if iou is not None]
    for name in sorted(present, key=lambda name: -(last[name] or 0)):
        colour = palette.table[palette.index(name)] / 255
        ax.plot(at, _gaps([classes[name] for classes in scores]), label=name, color=colour, linewidth=2)


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


def _scores_line(record: EpochRecord) -> str:
    scores = record["validation"]
    overall = {SCORE_LABELS[name]: value for name, value in scores.items() if name in SCORE_LABELS}
    figures = "   ".join(f"{name} {value:.2f}" for name, value in overall.items() if isinstance(value, float))
    return f"{scores['pairs']} validation pairs after epoch {record['epoch']}:   {figures}"


def _gaps(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]


def _save(figure: Figure, path: Path) -> None:
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=120, format="png")
