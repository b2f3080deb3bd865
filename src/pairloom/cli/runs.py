"""`pairloom runs`."""

import json
from pathlib import Path

from pairloom.cli.parsing import Parser


def runs(words: list[str]) -> None:
    """List runs."""
    parser = Parser(
        "runs",
        description="List the runs in a folder and below it: how far each has come, and its best score.",
        epilog="example: pairloom runs runs --json",
    )
    parser.add_argument(
        "folder", metavar="DIR", type=Path, nargs="?", default=Path("runs"), help="folder of runs (default: runs)"
    )
    parser.add_argument("--out", metavar="FILE", type=Path, help="HTML page to write, with links to the reports")
    parser.add_argument("--json", action="store_true", help="print one JSON list")
    options = parser.parse_args(words)
    if options.out:
        from pairloom.report.page import require_replaceable

        require_replaceable(options.out, "runs.html")

    from pairloom.cli.tables import print_runs
    from pairloom.evaluation.run_list import find_runs

    found = find_runs(options.folder)
    if options.out:
        from pairloom.report.runs_page import write_runs

        write_runs(options.out, found)
    if options.json:
        print(json.dumps([run.to_record() for run in found]))
    elif not found:
        print(f"no runs in {options.folder}; start one with pairloom train DATA --out {options.folder / 'first'}")
    else:
        print_runs(found)
    if options.out and not options.json:
        print(f"\nPage: {options.out}")
