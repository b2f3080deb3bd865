"""Tables of scores and of a checked data set on the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pairloom.cli.terminal import printable
from pairloom.evaluation.labels import CLASS_SCORE_LABELS, SCORE_LABELS
from pairloom.progress import duration

if TYPE_CHECKING:
    from pairloom.data.check import CheckResult
    from pairloom.data.layouts import Problem
    from pairloom.evaluation.comparison import Comparison, Estimate
    from pairloom.evaluation.metrics import ScoreRecord
    from pairloom.evaluation.picture_metrics import PictureScoreRecord
    from pairloom.evaluation.run_list import ListedRun


STATE_STYLES = {"running": "green", "unreadable": "red"}
"""Of the states that want a look, where the output is a terminal."""

SHOWN_OF_A_KIND = 3
"""Problems of one kind that are printed in full."""


def print_check(result: "CheckResult", data: str) -> None:
    """Print one row per class, then warnings and problems by kind.

    Args:
        result: the result of `check`.
        data: the data set, as the user named it.
    """
    if result.classes:
        table = Table(box=None, pad_edge=False)
        table.add_column("class")
        table.add_column("share of pixels", justify="right")
        for split in result.pairs:
            table.add_column(f"{split} pairs with it", justify="right")
        for name, count in result.classes.items():
            pairs = (str(count.pairs.get(split, 0)) for split in result.pairs)
            table.add_row(_name(name), f"{result.share(name):.2%}", *pairs)
        Console().print(table)
    if result.far_share is not None:
        from pairloom.data.discovery import palette_match

        print(palette_match(result.far_share))
    _print_problems(result.warnings, data, " (warning)")
    _print_problems(result.problems, data)
    total = sum(result.pairs.values())
    warnings = f", {_counted(len(result.warnings), 'warning')}" if result.warnings else ""
    if result.problems:
        print(f"{total} pairs, {_counted(len(result.problems), 'problem')}{warnings}")
    else:
        print(f"{total} pairs, no problems{warnings}")


def _print_problems(problems: "Sequence[Problem]", data: str, mark: str = "") -> None:
    """Print the number and the first few problems of each kind."""
    from pairloom.data.check import by_kind

    for kind, group in by_kind(problems).items():
        print(printable(f"{kind}{mark}: {len(group)}"))
        for problem in group[:SHOWN_OF_A_KIND]:
            print(printable(f"  {problem}"))
        if len(group) > SHOWN_OF_A_KIND:
            print(printable(f"  … and {len(group) - SHOWN_OF_A_KIND} more (pairloom check {data} --json lists all)"))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def print_scores(columns: Mapping[str, "ScoreRecord | PictureScoreRecord"]) -> None:
    """Print the scores over all, one column per record, and by class, without classes that occur nowhere.

    The classes of one record have a column per score; those of several have their IoU alone, below the other scores.
    """
    table = Table(box=None, pad_edge=False, show_header=len(columns) > 1)
    table.add_column("")
    for title in columns:
        table.add_column(title, justify="right")
    records = list(columns.values())
    for name in records[0]:
        values = [record[name] for record in records]  # type: ignore[literal-required]  # of one kind, all
        if name in SCORE_LABELS:
            table.add_row(SCORE_LABELS[name], *map(_figure, values))
    classes = [record for record in records if "per_class" in record]
    if len(classes) > 1:
        for name in classes[0]["per_class"]:
            _add_class(table, f"  IoU {name}", [record["per_class"][name] for record in classes])
    Console().print(table)
    if len(classes) == 1:
        print()
        _print_classes(classes[0])


def _print_classes(record: "ScoreRecord") -> None:
    """Print one row per class and one column per score."""
    table = Table(box=None, pad_edge=False)
    table.add_column("class")
    parts = [part for part in CLASS_SCORE_LABELS if part in record]
    for part in parts:
        table.add_column(CLASS_SCORE_LABELS[part], justify="right")
    for name in record["per_class"]:
        _add_class(table, name, [record[part][name] for part in parts])  # type: ignore[literal-required]
    Console().print(table)


def _add_class(table: Table, label: str, scores: "Sequence[float | None]") -> None:
    """Add a row, unless there was nothing to score."""
    if any(score is not None for score in scores):
        table.add_row(_name(label), *map(_figure, scores))


def print_comparison(comparison: "Comparison") -> None:
    """Print a table for each later run: scores per class, differences from the first run, and the verdict."""
    first = comparison.runs[0]
    for run in comparison.runs[1:]:
        print(f"A  {first.name}\nB  {run.name}")
        table = Table(box=None, pad_edge=False)
        table.add_column("")
        for title in ("A", "B", "B - A", "95 % interval"):
            table.add_column(title, justify="right")
        for name, difference in run.difference.items():
            table.add_row(SCORE_LABELS[name], *_compared(first.overall[name], run.overall[name], difference))
        for name in comparison.classes:
            difference = run.class_difference[name]
            table.add_row(_name(f"  IoU {name}"), *_compared(first.per_class[name], run.per_class[name], difference))
        Console().print(table)
        print(f"{comparison.verdict(run)}\n")


def print_settings(runs: Sequence[str], settings: Mapping[str, Sequence[str]]) -> None:
    """Print the settings in which runs differ, a row each."""
    if not settings:
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("settings that differ", overflow="fold")
    for run in runs:
        table.add_column(_name(run), overflow="fold")
    for name, values in settings.items():
        table.add_row(name, *map(_name, values))
    Console().print(table)
    print()


def _compared(first: "Estimate", run: "Estimate", difference: "Estimate") -> tuple[str, str, str, str]:
    low, high = difference.low, difference.high
    return (
        _figure(first.value),
        _figure(run.value),
        "-" if difference.value is None else f"{difference.value:+.3f}",
        "-" if low is None or high is None else f"{low:+.3f} to {high:+.3f}",
    )


def _name(name: str) -> Text:
    """Return a class name without reading brackets in it as markup."""
    return Text(printable(name))


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def print_runs(runs: "Sequence[ListedRun]") -> None:
    """Print one row per run."""
    table = Table(box=None, pad_edge=False)
    table.add_column("run", overflow="fold")
    table.add_column("state", no_wrap=True)
    table.add_column("epoch", justify="right", no_wrap=True)
    table.add_column("best score", no_wrap=True)
    table.add_column("at epoch", justify="right", no_wrap=True)
    table.add_column("changed", no_wrap=True)
    some_left = any(run.seconds_left is not None for run in runs)
    if some_left:
        table.add_column("left", no_wrap=True)
    for run in runs:
        best = "-" if run.score is None else f"{SCORE_LABELS[run.score]} {_figure(run.best)}"
        left = "" if run.seconds_left is None else duration(run.seconds_left)
        table.add_row(
            _name(str(run.path)),
            Text(run.state, style=STATE_STYLES.get(run.state, "")),
            f"{run.epoch}/{'?' if run.epochs is None else run.epochs}",
            best,
            "" if run.best_epoch is None else str(run.best_epoch),
            f"{run.changed:%Y-%m-%d %H:%M}",
            *([left] if some_left else []),
        )
    Console().print(table)
