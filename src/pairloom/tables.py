"""Scores as a table on the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pairloom.data.check import CheckResult
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
