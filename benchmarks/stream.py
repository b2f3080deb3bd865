"""Whether the private memory of `pairloom translate` stays flat, however many images there are.

    python benchmarks/stream.py [--images 10000] [--streets 200] [--size 128] [--json]

Draws a few hundred streets, repeats them under other names by hard links, translates them all in a process of its own
with a tiny model (it is the streaming that is measured), and looks at the process's unique set size (USS) four times a
second. Compares the median of the first quarter of the images with that of the last.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

import pairloom
from pairloom.data.store import CACHE_VARIABLE
from pairloom.images import write_picture
from pairloom.streets import draw_street, write_streets
from private_memory import MIB, Sample, sample_command

EVERY = 0.25
"""Seconds between two looks."""


def main() -> None:
    """Draw, train, translate, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--streets", type=int, default=200, help="different ones among them")
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ[CACHE_VARIABLE] = str(folder / "cache")
        draw_photographs(folder / "photographs", options.images, options.streets, options.size)
        model = train_tiny(folder)
        out = folder / "translated"
        words = ["translate", str(model), str(folder / "photographs"), "--out", str(out), "--device", "cpu"]
        row = compare_quarters(sample_command(words, every=EVERY, mark=lambda: _translated(out)), options.images)
        if (count := _translated(out)) != options.images:
            raise SystemExit(f"{count:.0f} of {options.images} images were translated")
    for label, value in row.items():
        print(f"{label.replace('_', ' '):<28}{value:10.1f}")
    if options.json:
        print(json.dumps(row))


def draw_photographs(folder: Path, images: int, streets: int, size: int) -> None:
    """Write so many different photographs, and link them until there are enough."""
    for index in range(images):
        path = folder / f"{index:06d}.png"
        if index < streets:
            write_picture(path, draw_street(0, index, size, size)[0])
        else:
            os.link(folder / f"{index % streets:06d}.png", path)


def train_tiny(folder: Path) -> Path:
    """Train the smallest of models, and return its run."""
    write_streets(folder / "streets", size=(32, 32), train_pairs=4, val_pairs=1, seed=0)
    settings = {"size": 32, "model.width": 4, "epochs": 1, "train.device": "cpu"}
    pairloom.train(folder / "streets", folder / "run", settings=settings, log=lambda _line: None)
    return folder / "run"


def compare_quarters(samples: list[Sample], images: int) -> dict[str, float]:
    """Return the row: medians in MiB while the first and the last quarter of the images were translated."""
    busy = [sample for sample in samples if 0 < sample.mark < images]
    first = statistics.median(sample.uss for sample in busy if sample.mark <= images / 4)
    last = statistics.median(sample.uss for sample in busy if sample.mark > images * 3 / 4)
    return {
        "images": images,
        "images_per_second": (busy[-1].mark - busy[0].mark) / (busy[-1].seconds - busy[0].seconds),
        "first_quarter_mib": first / MIB,
        "last_quarter_mib": last / MIB,
        "growth_mib": (last - first) / MIB,
        "growth_percent": 100 * (last / first - 1),
        "peak_mib": max(sample.uss for sample in samples) / MIB,
        "looks": len(busy),
    }


def _translated(out: Path) -> float:
    """Return how many translations are there."""
    if not out.exists():
        return 0
    with os.scandir(out) as entries:
        return sum(entry.name.endswith(".png") and not entry.name.startswith(".") for entry in entries)


if __name__ == "__main__":
    main()
