"""How much private memory a training takes, the writing of training states included.

    python benchmarks/memory.py [--size 256] [--width 64] [--batch 1] [--steps 12] [--presets recommended seed]
        [--ways kept parts again both] [--json]

Trains on generated streets in a process of its own, on the CPU, with a state written after half of the steps and at the
end, and looks at the process's unique set size (USS) every 50 ms. Prints the most that was seen until the first state
was begun, while one was written, and over all, and the seconds of a step.

The ways: all activations are kept; the batch is computed pair by pair (`train.accumulate`); activations are computed
again (`train.checkpoint_activations`); both.
"""

import argparse
import json
import math
import os
import tempfile
from pathlib import Path

from pairloom.config import Size
from pairloom.data.store import CACHE_VARIABLE
from pairloom.streets import write_streets
from private_memory import MIB, Sample, sample_command

EVERY = 0.05
"""Seconds between two looks."""

WAYS = {"kept": (False, False), "parts": (True, False), "again": (False, True), "both": (True, True)}
"""Whether the batch is computed pair by pair, and whether activations are computed again."""


def main() -> None:
    """Train with each preset, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=Size.parse, default=Size(256, 256))
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--presets", nargs="+", default=["recommended", "seed"])
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=["kept"])
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = str(Path(folder) / "cache")
        write_streets(
            Path(folder) / "streets",
            size=options.size,
            train_pairs=options.steps * options.batch,
            val_pairs=2,
            seed=0,
        )
        for preset in options.presets:
            for way in options.ways:
                rows[f"{preset}, {way}"] = measure(Path(folder), preset, way, options)
    columns = list(next(iter(rows.values())))
    print(f"{'':<20}" + "".join(f"{name.replace('_', ' '):>22}" for name in columns))
    for name, row in rows.items():
        print(f"{name:<20}" + "".join(f"{value:>22.4g}" for value in row.values()))
    if options.json:
        print(json.dumps(rows))


def measure(folder: Path, preset: str, way: str, options: argparse.Namespace) -> dict[str, float]:
    """Return the row of a preset and a way: GiB, seconds, and the number of looks."""
    out = folder / f"{preset}-{way}"
    in_parts, again = WAYS[way]
    words = ["train", str(folder / "streets"), "--preset", preset, "--out", str(out), "--device", "cpu"]
    settings = {
        "size": options.size,
        "model.width": options.width,
        "batch-size": options.batch,
        "train.accumulate": options.batch if in_parts else 1,
        "train.checkpoint_activations": str(again).lower(),
        "epochs": 1,
        "train.checkpoint_steps": options.steps // 2,
    }
    words += [f"--{name}={value}" for name, value in settings.items()]
    samples = sample_command(words, every=EVERY, mark=lambda: _writing(out / "checkpoints"))
    first = next(index for index, sample in enumerate(samples) if sample.mark)
    record = json.loads((out / "metrics.jsonl").read_text(encoding="utf-8"))
    return {
        "steps_gib": _most(samples[:first]),
        "writing_a_state_gib": _most([sample for sample in samples if sample.mark]),
        "peak_gib": _most(samples),
        "seconds_a_step": record["seconds"]["steps"] / options.steps,
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
