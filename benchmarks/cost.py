"""How the cost of a training step grows with the size of the pictures, the width of the networks and the batch.

    python benchmarks/cost.py [--device cpu] [--preset recommended] [--precision 32-true] [--json]

One thing is varied at a time, from 128×128, width 32, batch 1; every step reads its pairs and updates both networks.
The parameters tell what processes that share a batch have to average: 4 bytes for each, at every step.
"""

import argparse
import json
import os
import statistics
import tempfile
from pathlib import Path

import torch

from pairloom.data.store import CACHE_VARIABLE
from pairloom.streets import write_streets
from rates import Timed, wait
from step import Pairloom

BASE = {"size": 128, "width": 32, "batch": 1}
VARIED = {"size": (64, 128, 256, 384), "width": (16, 32, 64), "batch": (1, 2, 4, 8)}
LARGEST = 400
"""Pixels a side of the street scenes, which are cut down to each size."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--preset", choices=("seed", "recommended"), default="recommended")
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    device = torch.device(options.device)
    rows: list[dict[str, float]] = []
    print(f"{'size':>6}{'width':>7}{'batch':>7}{'ms a step':>12}{'ms a pair':>12}{'million parameters':>20}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = str(Path(folder) / "cache")
        write_streets(Path(folder) / "streets", size=(LARGEST, LARGEST), train_pairs=16, val_pairs=1, seed=0)
        for name, values in VARIED.items():
            for value in values:
                cell = {**BASE, name: value}
                if name != "size" and cell == BASE:
                    continue  # is there already
                rows.append(measure(Path(folder) / "streets", cell, options, device))
                print("{:>6}{:>7}{:>7}{:>12.1f}{:>12.1f}{:>20.2f}".format(*rows[-1].values()), flush=True)
    if options.json:
        print(json.dumps({"preset": options.preset, "precision": options.precision, "rows": rows}))


def measure(folder: Path, cell: dict[str, int], options: argparse.Namespace, device: torch.device) -> dict[str, float]:
    """Return a row of the table."""
    ours = Pairloom(
        folder,
        preset=options.preset,
        size=cell["size"],
        width=cell["width"],
        batch=cell["batch"],
        device=options.device,
        precision=options.precision,
    )
    side = Timed("step", ours.step, lambda: None)
    for _ in range(options.rounds):
        side.time(2, device)
    wait(device)
    seconds = statistics.median(side.seconds)
    parameters = sum(tensor.numel() for network in ours.networks.modules.values() for tensor in network.parameters())
    return {
        **cell,
        "ms_a_step": 1e3 * seconds,
        "ms_a_pair": 1e3 * seconds / cell["batch"],
        "parameters": parameters / 1e6,
    }


if __name__ == "__main__":
    main()
