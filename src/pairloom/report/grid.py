"""The grid of a run: how its sample pairs were translated over the epochs."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pairloom.data.image_spec import ImageSpec
from pairloom.data.pairs import Pair
from pairloom.evaluation.history import EpochRecord
from pairloom.evaluation.labels import SCORE_LABELS
from pairloom.files import replacing
from pairloom.images import UInt8Array, for_display, read_picture
from pairloom.run import RunFolder

GRID_EPOCHS = 3
"""Validations shown in the grid: the first, the last, and the one nearest to halfway."""

CELL_INCHES = 2.4
TOP_INCHES, BOTTOM_INCHES = 0.4, 0.5
"""Room for the epochs above and the scores below."""

LARGEST_FONT = 10
FONT_PER_CHARACTER_INCH = 120
"""Points of a font of which a character takes an inch; the caption of a narrow grid has to be small."""


def draw_grid(
    run: RunFolder, history: Sequence[EpochRecord], samples: Sequence[Pair], source: ImageSpec, target: ImageSpec
) -> None:
    """Draw `report/grid.png`: a row a sample; source, translations by epoch, target; the scores below."""
    epochs = chosen_epochs(drawn_epochs(run, history, samples, target))
    titles = ["source", *("1 epoch" if epoch == 1 else f"{epoch} epochs" for epoch in epochs), "target"]
    height, width = samples[0].size
    row_inches = CELL_INCHES * height / width
    figure = Figure(figsize=(CELL_INCHES * len(titles), row_inches * len(samples) + TOP_INCHES + BOTTOM_INCHES))
    axes = figure.subplots(len(samples), len(titles), squeeze=False)
    # The layouts that find their margins by themselves take longer than the drawing.
    high = float(figure.get_figheight())
    figure.subplots_adjust(0.01, BOTTOM_INCHES / high, 0.99, 1 - TOP_INCHES / high, wspace=0.04, hspace=0.04)
    for row, pair in zip(axes, samples, strict=True):
        translations = [read_sample(run, epoch, pair, target) for epoch in epochs]
        for cell, picture in zip(
            row, [source.display(pair.source), *translations, target.display(pair.target)], strict=True
        ):
            _show(cell, picture)
    for cell, title in zip(axes[0], titles, strict=True):
        cell.set_title(title, fontsize=11)
    validated = [record for record in history if "validation" in record]
    if validated:
        words = _scores_line(validated[-1])
        size = min(LARGEST_FONT, float(figure.get_figwidth()) / len(words) * FONT_PER_CHARACTER_INCH)
        figure.supxlabel(words, fontsize=size, y=0.15 / high)
    with replacing(run.report / "grid.png") as unfinished:
        figure.savefig(unfinished, dpi=120, format="png")


def read_sample(run: RunFolder, epoch: int, pair: Pair, target: ImageSpec) -> UInt8Array:
    """Return a sample pair as it was translated after an epoch, as people see it."""
    picture = read_picture(run.sample(epoch, pair.name, target.suffix), any_number=target.values.range is not None)
    return for_display(picture, target.values)


def drawn_epochs(
    run: RunFolder, history: Sequence[EpochRecord], samples: Sequence[Pair], target: ImageSpec
) -> list[int]:
    """Return the epochs after which all samples were translated, and their files are still there.

    A run that was killed may have left pictures of epochs after the one from which it went on; those are left out.
    """
    last = history[-1]["epoch"] if history else 0
    return [
        epoch
        for epoch in run.sampled_epochs()
        if epoch <= last and all(run.sample(epoch, pair.name, target.suffix).is_file() for pair in samples)
    ]


def chosen_epochs(epochs: Sequence[int]) -> list[int]:
    """Choose at most `GRID_EPOCHS` of the sampled epochs: the first, the one nearest to halfway, the last."""
    if len(epochs) <= GRID_EPOCHS:
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
