"""How much private memory a training takes, the writing of training states included.

    python benchmarks/memory.py [--size 256] [--width 64] [--steps 12] [--presets recommended seed] [--json]

Trains on generated streets in a process of its own, at batch size 1 on the CPU, with a state written after half of the
steps and at the end, and looks at the process's unique set size (USS) every 50 ms. Prints the most that was seen until
the first state was begun, while one was written, and over all.
"""

import argparse
import json
import math
import os
import tempfile
from pathlib import Path

from pairloom.data.store import CACHE_VARIABLE
from pairloom.streets import write_streets
from private_memory import MIB, Sample, sample_command

EVERY = 0.05
"""Seconds between two looks."""


def main() -> None:
    """Train with each preset, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--presets", nargs="+", default=["recommended", "seed"])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = str(Path(folder) / "cache")
        write_streets(
            Path(folder) / "streets",
            size=(options.size, options.size),
            train_pairs=options.steps,
            val_pairs=2,
            seed=0,
        )
        for preset in options.presets:
            rows[preset] = measure(Path(folder), preset, options)
    columns = list(next(iter(rows.values())))
    print(f"{'':<16}" + "".join(f"{name.replace('_', ' '):>22}" for name in columns))
    for preset, row in rows.items():
        print(f"{preset:<16}" + "".join(f"{value:>22.4g}" for value in row.values()))
    if options.json:
        print(json.dumps(rows))


def measure(folder: Path, preset: str, options: argparse.Namespace) -> dict[str, float]:
    """Return the row of a preset: GiB, and the number of looks."""
    out = folder / preset
    words = ["train", str(folder / "streets"), "--preset", preset, "--out", str(out), "--device", "cpu"]
    settings = {
        "size": options.size,
        "model.width": options.width,
        "batch-size": 1,
        "epochs": 1,
        "train.checkpoint_steps": options.steps // 2,
    }
    words += [f"--{name}={value}" for name, value in settings.items()]
    samples = sample_command(words, every=EVERY, mark=lambda: _writing(out / "checkpoints"))
    first = next(index for index, sample in enumerate(samples) if sample.mark)
    return {
        "steps_gib": _most(samples[:first]),
        "writing_a_state_gib": _most([sample for sample in samples if sample.mark]),
        "peak_gib": _most(samples),
        "looks": len(samples),
        "looks_while_writing": sum(sample.mark > 0 for sample in samples),
    }


def _writing(checkpoints: Path) -> float:
    """Return 1 while a training state is being written, which is when its unfinished file is there."""
    return float(any(checkpoints.glob(".last.pt.*.unfinished")))


def _most(samples: list[Sample]) -> float:
    return max((sample.uss for sample in samples), default=math.nan) / MIB / 1024


if __name__ == "__main__":
    main()
