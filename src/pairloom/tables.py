"""Scores as a table on the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pairloom.data.check import CheckResult
    from pairloom.evaluation.comparison import Comparison, Estimate
    from pairloom.evaluation.metrics import ScoreRecord
    from pairloom.evaluation.picture_metrics import PictureScoreRecord


def print_check(result: "CheckResult") -> None:
    """Print what was found in a data set: a row a class, then the problems."""
    if result.classes:
        table = Table(box=None, pad_edge=False)
        table.add_column("class")
        table.add_column("share of pixels", justify="right")
        for split in result.pairs:
            table.add_column(f"{split} pairs with it", justify="right")
        for name, count in result.classes.items():
            pairs = (str(count.pairs.get(split, 0)) for split in result.pairs)
            table.add_row(name, f"{result.share(name):.2%}", *pairs)
        Console().print(table)
    if result.far_share is not None:
        print(f"{result.far_share:.2%} of the target pixels are far from every colour of the palette")
    for problem in result.problems:
        print(f"{problem.kind}: {problem}")
    total = sum(result.pairs.values())
    print(f"{total} pairs, {f'{len(result.problems)} problems' if result.problems else 'no problems: all is well'}")


def print_scores(columns: Mapping[str, "ScoreRecord | PictureScoreRecord"]) -> None:
    """Print a table: a row a score, a column a set of scores, classes that occur nowhere left out."""
    table = Table(box=None, pad_edge=False, show_header=len(columns) > 1)
    table.add_column("")
    for title in columns:
        table.add_column(title, justify="right")
    records = list(columns.values())
    for name in records[0]:
        values = [record[name] for record in records]  # type: ignore[literal-required]  # of one kind, all
        if name in SCORE_LABELS:
            table.add_row(SCORE_LABELS[name], *map(_figure, values))
    classes = [record["per_class"] for record in records if "per_class" in record]
    for name in classes[0] if classes else ():
        figures = [ious[name] for ious in classes]
        if any(figure is not None for figure in figures):
            table.add_row(f"  IoU {name}", *map(_figure, figures))
    Console().print(table)


def print_comparison(comparison: "Comparison") -> None:
    """Print a row a score and class: each run's, and its difference to the first with the interval; then verdicts."""
    letters = [chr(ord("A") + index) if index < 26 else str(index + 1) for index in range(len(comparison.runs))]
    for letter, run in zip(letters, comparison.runs, strict=True):
        print(f"{letter}  {run.name}")
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for letter in letters:
        table.add_column(letter, justify="right")
        if letter != letters[0]:
            table.add_column(f"{letter} - A", justify="right")
    for name in comparison.runs[0].overall:
        cells = [[run.overall[name], run.difference[name]] for run in comparison.runs]
        table.add_row(SCORE_LABELS[name], *_compared(cells))
    for name in comparison.classes:
        cells = [[run.per_class[name], run.class_difference[name]] for run in comparison.runs]
        table.add_row(f"  IoU {name}", *_compared(cells))
    Console(soft_wrap=True).print(table, markup=False)
    for run in comparison.runs[1:]:
        print(comparison.verdict(run))


def _compared(cells: Sequence[Sequence["Estimate"]]) -> Iterator[str]:
    for index, (score, difference) in enumerate(cells):
        yield _figure(score.value)
        if index and difference.value is None:
            yield "-"
        elif index:
            yield f"{difference.value:+.3f} [{difference.low:+.3f}, {difference.high:+.3f}]"


SCORE_LABELS = {
    "pixel_accuracy": "pixel accuracy",
    "class_accuracy": "class accuracy",
    "mean_iou": "mean IoU",
    "l1": "L1",
    "psnr": "PSNR in dB",
    "ssim": "SSIM",
}


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
