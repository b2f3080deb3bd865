"""Seconds from the start of each command to its first useful line, and to its end.

    python benchmarks/startup.py RUN PHOTO [--rounds 5] [--drop] [--json]

RUN is a run folder whose data are still there, PHOTO an image file. Every round starts each command once, in a process
of its own, on two small data sets that are drawn for it; the median counts. `--drop` empties the page cache before each
start, as after a reboot (Linux, root). The processor's seconds are those of the whole command, on all cores.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pairloom.streets import write_streets

FIRST_LINES = {"check": "layout", "evaluate": "mean IoU", "train": "layout", "translate": "written"}
"""What is in the first line that tells something, where it is not the first of all."""


def main() -> None:
    """Measure, print a table and, with `--json`, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--drop", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found: dict[str, list[tuple[float, float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        streets = Path(folder, "streets")
        write_streets(streets, size=(128, 128), train_pairs=8, val_pairs=2, seed=0)
        for turn in range(options.rounds):
            for name, words in commands(options.run, options.photo, streets, Path(folder, str(turn))).items():
                if options.drop:
                    os.sync()
                    Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")
                found.setdefault(name, []).append(timed(words))
    rows = {
        name: [round(statistics.median(column), 2) for column in zip(*of, strict=True)] for name, of in found.items()
    }
    print(f"{'command':<40}{'first line':>12}{'end':>8}{'processor':>12}")
    for name, (first, end, processor) in rows.items():
        print(f"{name:<40}{first:>12.2f}{end:>8.2f}{processor:>12.2f}")
    if options.json:
        print(json.dumps(rows))


def commands(run: Path, photo: Path, streets: Path, out: Path) -> dict[str, list[str]]:
    """Return the words of each command by what it does."""
    return {
        "--version": ["--version"],
        "train --help": ["train", "--help"],
        "check, 10 pairs": ["check", str(streets)],
        "data streets, 10 pairs of 128×128": [
            *("data", "streets", "--out", str(out / "streets")),
            *("--size", "128", "--train-pairs", "8", "--val-pairs", "2"),
        ],
        "translate, one photograph": ["translate", str(run), str(photo), "--out", str(out / "translated")],
        "evaluate, all validation pairs": ["evaluate", str(run)],
        "train, to the description of the data": [
            *("train", str(streets), "--out", str(out / "run"), "--size", "64", "--model.width", "8"),
            *("--epochs", "1", "--device", "cpu"),
        ],
    }


def timed(words: list[str]) -> tuple[float, float, float]:
    """Return the seconds until a command's first useful line, until its end, and those of the processor."""
    before = os.times()
    started = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 (this package)
        [sys.executable, "-m", "pairloom", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        first = None
        lines = []
        for line in process.stdout or ():
            lines.append(line)
            if first is None and FIRST_LINES.get(words[0], "") in line:
                first = time.perf_counter() - started
    end = time.perf_counter() - started
    if process.returncode or first is None:
        raise SystemExit(f"pairloom {' '.join(words)} ended with {process.returncode}:\n{''.join(lines)}")
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return first, end, processor


if __name__ == "__main__":
    main()
