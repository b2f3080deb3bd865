"""Seconds of training until a model is as good as the usual pix2pix project's at its end, on the same pairs.

    python benchmarks/time_to_quality.py CAMVID --out DIR [--leave-out 0001TP] [--epochs 20] [--size 128] [--width 32]
        [--presets seed recommended] [--device cpu] [--json]

The usual project is `benchmarks/yardstick.py`: both networks trained on colours, batch 1, with its DataLoader of two
workers. It is trained on up to 300 pairs of the other drives, and scored after each epoch on the drive left out; a
pixel's class is that of the nearest colour. Then each preset is trained on the same pairs, with as many epochs in its
schedule, until it is scored as high. One after another, in one run: nothing else should. The seconds are those of
training alone, on both sides, without scoring. `--epochs 1 --size 32 --width 4` proves the script.
"""

import argparse
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import pairloom
import recipes
import yardstick
from pairloom.config import DataConfig, Size
from pairloom.data.folder import PairFolder
from pairloom.data.image_spec import ImageSpec
from pairloom.data.store import PairStore
from pairloom.evaluation.metrics import score
from pairloom.images import to_tensor
from pairloom.models.heads import build_head
from pairloom.palette import CAMVID

WORKERS = 2


def main() -> None:
    """Train all, print a table and, with `--json`, one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("camvid", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", default="0001TP", metavar="DRIVE")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--presets", nargs="+", default=["seed", "recommended"])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} exists; name another --out, or remove it first")
    options.out.mkdir(parents=True)
    manifest = recipes.leave_out(options.camvid, options.leave_out, options.out)
    curves = {"plain PyTorch": train_plain(manifest, options)}
    goal = curves["plain PyTorch"][-1][1]
    for preset in options.presets:
        curves[preset] = train_preset(preset, manifest, goal, options)
    whole = curves["plain PyTorch"][-1][0]
    print(f"\n{'':<16}{'epochs':>8}{'mean IoU':>10}{'seconds':>9}{'times as soon':>15}")
    rows: dict[str, Any] = {}
    for name, curve in curves.items():
        seconds, quality = curve[-1]
        reached = quality >= goal
        rows[name] = {"curve": curve, "reached": reached, "times_as_soon": whole / seconds if reached else None}
        times = f"{whole / seconds:.1f}" if reached else "not reached"
        print(f"{name:<16}{len(curve):>8}{quality:>10.3f}{seconds:>9.0f}{times:>15}")
    if options.json:
        print(json.dumps(rows))


def train_plain(manifest: Path, options: argparse.Namespace) -> list[tuple[float, float]]:
    """Train the usual project; return the seconds so far and the mean IoU after each epoch."""
    folder = PairFolder.open(DataConfig(root=str(manifest), palette="camvid"))
    side_by_side = options.out / "side-by-side"
    side_by_side.mkdir(exist_ok=True)
    for index, files in enumerate(folder.files("train")):
        pair = folder.read(files)
        both = np.hstack([pair.source, CAMVID.to_colours(pair.target.astype(np.uint8))])
        Image.fromarray(both).save(side_by_side / f"{index:04}.png")
    size, device = Size(options.size, options.size), torch.device(options.device)
    held_out = PairStore.open(folder, "val", size)
    head = build_head("rgb", ImageSpec(3, palette=CAMVID), device)
    torch.manual_seed(0)
    model = yardstick.Pix2Pix(options.size, options.width, device)
    pairs = yardstick.batches(side_by_side, options.size, 1, WORKERS)
    seconds, curve = 0.0, []
    for epoch in range(options.epochs):
        began = time.perf_counter()
        for _ in folder.files("train"):
            model.step(*next(pairs))
        seconds += time.perf_counter() - began
        # As that project tests: dropout is on, and batch norm takes the statistics of the picture.
        with torch.no_grad():
            predictions = (
                (pair.name, head.read(model.generator(to_tensor(pair.source)[None].to(device)))[0], pair.target)
                for pair in held_out
            )
            scores = score(((name, ids.cpu().numpy(), truth) for name, ids, truth in predictions), CAMVID, "val")
        curve.append((seconds, scores.mean_iou or 0.0))
        print(f"plain PyTorch, epoch {epoch + 1}: {seconds:.0f} s, mean IoU {curve[-1][1]:.3f}", flush=True)
    return curve


def train_preset(preset: str, manifest: Path, goal: float, options: argparse.Namespace) -> list[tuple[float, float]]:
    """Train a preset, epoch by epoch, until it is scored as high; return what `train_plain` returns."""
    run = options.out / f"run-{preset}"
    settings: dict[str, object] = {
        "data.palette": "camvid",
        "size": options.size,
        "model.width": options.width,
        "device": options.device,
        "epochs": 1,
        "optim.decay_end": options.epochs,
        "train.validate_every": 1,
        "train.snapshot_every": 1000,
    }
    curve: list[tuple[float, float]] = []
    for epoch in range(1, options.epochs + 1):
        if epoch == 1:
            pairloom.train(manifest, run, preset=preset, settings=settings, log=recipes.quiet)
        else:
            pairloom.resume(run, epochs=epoch, log=recipes.quiet)
        records = recipes.logged(run)
        seconds = sum(record["seconds"]["data"] + record["seconds"]["steps"] for record in records)
        scores: Mapping[str, Any] = records[-1]["validation"]
        curve.append((seconds, scores["mean_iou"] or 0.0))
        print(f"{preset}, epoch {epoch}: {seconds:.0f} s, mean IoU {curve[-1][1]:.3f}", flush=True)
        if curve[-1][1] >= goal:
            break
    return curve


if __name__ == "__main__":
    main()
