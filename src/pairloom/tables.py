"""Scores as a table on the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from pairloom.evaluation.metrics import ScoreRecord


def print_scores(columns: Mapping[str, "ScoreRecord"]) -> None:
    """Print a table: a row a score, a column a set of scores, classes that occur nowhere left out."""
    table = Table(box=None, pad_edge=False, show_header=len(columns) > 1)
    table.add_column("")
    for title in columns:
        table.add_column(title, justify="right")
    records = list(columns.values())
    for name in ("pixel_accuracy", "class_accuracy", "mean_iou"):
        table.add_row(name.replace("_", " ").replace("iou", "IoU"), *(_figure(record[name]) for record in records))
    for name in records[0]["per_class"]:
        figures = [record["per_class"][name] for record in records]
        if any(figure is not None for figure in figures):
            table.add_row(f"  IoU {name}", *map(_figure, figures))
    Console().print(table)


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
