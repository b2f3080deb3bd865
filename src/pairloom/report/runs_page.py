"""The page of several runs: how far each has come and how well it does, with links to their reports."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from pairloom.evaluation.labels import SCORE_LABELS
from pairloom.evaluation.run_list import ListedRun
from pairloom.report.data_words import Words
from pairloom.report.page import write_page


def write_runs(page: Path, runs: Sequence[ListedRun]) -> None:
    """Write the page; its links lead from where it lies to the reports.

    Args:
        page: the file.
        runs: the runs, in their order.
    """
    context = {
        "written": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "runs": [_row(run, page.absolute().parent) for run in runs],
    }
    write_page(page, "runs.html.jinja", context)


def _row(run: ListedRun, folder: Path) -> Words:
    report = None if run.report is None else quote(os.fsencode(os.path.relpath(run.report.absolute(), folder)))
    return {
        "name": os.path.relpath(run.path.absolute(), folder),
        "report": report,
        "state": run.state,
        "done": run.epoch,
        "epochs": run.epochs,
        "left": run.seconds_left,
        "score": None if run.score is None else SCORE_LABELS[run.score],
        "best": run.best,
        "best_epoch": run.best_epoch,
        "settings": run.settings,
        "changed": f"{run.changed:%Y-%m-%d %H:%M}",
    }
