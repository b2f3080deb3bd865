"""Progress on the terminal: speed and time remaining; silent where the output is not a terminal."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

Item = TypeVar("Item")  # Python 3.11 has no syntax for it


class _Speed(ProgressColumn):
    """Items a second, averaged over the last moments."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="dim")


class _Note(ProgressColumn):
    """What a task has as its field `note`, as far as there is room."""

    def render(self, task: Task) -> Text:
        return Text(task.fields.get("note", ""), style="dim", no_wrap=True, overflow="ellipsis")


@cache
def _console() -> Console:
    """One console for all bars: rich stacks the bars of one console, and those of two would overwrite each other."""
    return Console(stderr=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """Show progress bars on standard error while the block runs."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        _Speed(),
        TimeRemainingColumn(),
        TextColumn("[dim]left"),
        _Note(table_column=Column(ratio=1, no_wrap=True)),
    )
    with Progress(
        *columns,
        expand=True,
        console=_console(),
        disable=not sys.stderr.isatty() or follows(),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as bars:
        yield bars


def follows() -> bool:
    """Tell whether this process was started beside another one that speaks for both: by us, `torchrun` or SLURM."""
    return any(os.environ.get(name, "0") != "0" for name in ("RANK", "SLURM_PROCID"))


def track(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yield the items while a bar on standard error counts them."""
    with progress() as bars:
        yield from bars.track(items, total=total, description=description)


def duration(seconds: float) -> str:
    """Write a time in the units that people say it in."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
