"""What each ingredient of a recipe is worth: rows of one budget, trained, scored and laid side by side.

    python benchmarks/recipes.py CAMVID --out DIR [--leave-out DRIVE ...] [--scale small|medium|full|smoke]
        [--rows NAME ...] [--seeds 0 1 2] [--at native] [--until EPOCH] [--json]

Every row is a preset with some settings changed; all have the same pairs and size. Scores are taken at set epochs on
`--split`, or with `--leave-out` on all frames of each named drive in turn (the part of a file's name before `_`), after
a training on up to 300 pairs of the others: validation frames of a drive that is also trained on flatter. Each score is
a line of DIR/SCALE.jsonl as soon as it is there: a bench that was stopped continues where it stopped, and rows trained
apart (or at the same time, into the same DIR) come together in one table.
`--until` ends rows at an earlier epoch of those, with the learning rate as it is in a whole training.
`--list` names the rows. At `small` a row takes about a quarter of an hour on one CPU core (set OMP_NUM_THREADS=1 and
start two at once on two cores); `full` wants a GPU; `smoke` proves the script.
"""

import argparse
import csv
import json
import random
import statistics
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pairloom
from pairloom.evaluation.history import EpochRecord, read_history
from pairloom.evaluation.labels import SCORE_LABELS
from pairloom.evaluation.metrics import known
from pairloom.evaluation.scoring import At

Record = dict[str, Any]


class Scale(NamedTuple):
    """A budget."""

    settings: Mapping[str, object]
    stages: Sequence[int]
    """Epochs after which scores are taken; the last ends the training."""
    square: int
    """Size of the rows of the preset seed, whose network needs a power of two."""


SCALES = {
    "smoke": Scale({"size": 32, "model.width": 4, "train_pairs": 4}, (1, 2), 32),
    "small": Scale({"size": 128, "model.width": 32, "train_pairs": 300}, (5, 10, 15, 20), 128),
    "medium": Scale({"size": "240x320", "model.width": 32, "train_pairs": 300}, (5, 10, 15, 20), 256),
    "full": Scale({"size": "360x480", "model.width": 64, "train_pairs": 300}, (20, 40, 80, 160), 256),
}


@dataclass(frozen=True)
class Row:
    """A preset and what is changed of it."""

    preset: str = "recommended"
    changes: Mapping[str, object] = field(default_factory=dict)


RANDOM_WEIGHTS: Mapping[str, object] = {
    "augment.scale": [0.9, 1.25],
    "model.encoder": "none",
    "model.norm": "instance",
    "loss.adversarial_weight": 0.1,
    "loss.deep_supervision": 0.0,
    "batch_size": 1,
    "optim.optimizer": "adam",
    "optim.learning_rate": 2e-4,
    "optim.beta1": 0.5,
    "optim.decay": "none",
}
"""What `recommended` was before it had an encoder: the config's defaults."""


def gan(**changes: object) -> Row:
    """Return a row of both networks from random weights, with settings changed (`model__width` for `model.width`)."""
    return Row(changes={**RANDOM_WEIGHTS, **{name.replace("__", "."): value for name, value in changes.items()}})


ROWS: dict[str, Row] = {
    "seed": Row("seed"),
    "seed as usual in PyTorch": Row("seed", {"model.discriminator": "patch70", "train.update": "joint"}),
    "recommended": Row(),
    # Without one of its ingredients, or with another in its place.
    "no encoder": Row(changes={"model.encoder": "none"}),
    "encoder at the full rate": Row(changes={"optim.encoder_rate": 1.0}),
    "instance norm": Row(changes={"model.norm": "instance"}),
    "learning rate 0.002": Row(changes={"optim.learning_rate": 2e-3}),
    "learning rate 0.0003": Row(changes={"optim.learning_rate": 3e-4}),
    "batch 2": Row(changes={"batch_size": 2}),
    "mild zoom": Row(changes={"augment.scale": [0.9, 1.25]}),
    "stronger colours": Row(
        changes={"augment.brightness": 0.4, "augment.contrast": 0.4, "augment.saturation": 0.4, "augment.hue": 0.02}
    ),
    "no EMA": Row(changes={"optim.ema": 0.0}),
    "no Lovász": Row(changes={"loss.lovasz": 0.0}),
    "no class weights": Row(changes={"loss.class_weights": "none"}),
    "no deep supervision": Row(changes={"loss.deep_supervision": 0.0}),
    "class weights up to 10": Row(changes={"loss.class_weight_offset": 1.1}),
    "a discriminator": Row(changes={"loss.adversarial_weight": 0.1}),
    "crops at two thirds": Row(changes={"data.crop": 128, "data.scale": 0.667}),
    "crops at two thirds, half of them rare": Row(changes={"data.crop": 128, "data.scale": 0.667, "augment.rare": 0.5}),
    "a narrow discriminator": Row(changes={"loss.adversarial_weight": 0.1, "model.discriminator_width": 8}),
    # Both networks from random weights, and the same with one thing changed.
    "from random weights": gan(),
    "from random weights, no adversarial term": gan(loss__adversarial_weight=0.0),
    "from random weights, wide zoom": gan(augment__scale=[0.8, 1.6]),
    "from random weights, nothing at full resolution": gan(model__full_resolution=False),
    "from random weights, transposed convolution": gan(model__up="transposed"),
    "from random weights, group norm": gan(model__norm="group"),
    "from random weights, batch norm": gan(model__norm="batch"),
    "from random weights, cosine decay": gan(optim__decay="cosine"),
    "from random weights, critic ten times as heavy": gan(loss__adversarial_weight=1.0),
    "from random weights, hinge": gan(loss__adversarial="hinge"),
    "from random weights, least squares": gan(loss__adversarial="lsgan"),
    "from random weights, patch142": gan(model__discriminator="patch142"),
    # Segmentation to photograph.
    "photo": Row("photo", {"direction": "BtoA"}),
    "photo, no EMA": Row("photo", {"direction": "BtoA", "optim.ema": 0.0}),
}


def main() -> None:
    """Train what is missing, and print the table of all rows that are there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--scale", choices=SCALES, default="small")
    parser.add_argument("--rows", nargs="*", choices=ROWS, default=list(ROWS), metavar="NAME")
    parser.add_argument("--seeds", nargs="*", type=int, default=[0])
    parser.add_argument("--split", default="val")
    parser.add_argument("--leave-out", nargs="*", metavar="DRIVE", help="score on these drives, each left out in turn")
    parser.add_argument("--at", choices=("size", "native"), default="size", help="score there, as evaluate does")
    parser.add_argument("--until", type=int, metavar="EPOCH", help="stop, and compare, after this epoch")
    parser.add_argument("--list", action="store_true", help="name the rows and stop")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    if options.list:
        print("\n".join(ROWS))
        return
    if options.data is None or options.out is None:
        parser.error("CAMVID and --out are needed")

    stages = SCALES[options.scale].stages
    if options.until is not None and options.until not in stages:
        parser.error(f"--until {options.until}: {options.scale} is scored at {', '.join(map(str, stages))}")
    last = options.until or stages[-1]

    options.out.mkdir(parents=True, exist_ok=True)
    results = options.out / f"{options.scale}.jsonl"
    if options.leave_out:
        splits = {drive: leave_out(options.data, drive, options.out) for drive in options.leave_out}
    else:
        splits = {options.split: options.data}
    for seed in options.seeds:
        for split, data in splits.items():
            for name in options.rows:
                train_row(name, seed, options.scale, last, data, split, options.at, options.out, results)
    records = [
        record
        for record in read_results(results)
        if record["split"] in splits and record.get("at", "size") == options.at
    ]
    for line in table([record for record in records if record["epoch"] <= last], last):
        print(line)
    if options.json:
        print(json.dumps(records))


def train_row(
    name: str, seed: int, scale: str, last: int, data: Path, split: str, at: At, out: Path, results: Path
) -> None:
    """Train a row up to an epoch, scoring it after each stage; stages whose scores are there are not repeated."""
    row, stages = ROWS[name], SCALES[scale].stages
    done = {
        record["epoch"]
        for record in read_results(results)
        if (record["row"], record["seed"], record["split"], record.get("at", "size")) == (name, seed, split, at)
    }
    left_out = data.suffix == ".csv"
    run = out / scale / "-".join([*name.split(), str(seed), *([split] if left_out else [])])
    for stage in stages:
        if stage in done or stage > last:
            continue
        began = time.perf_counter()
        snapshot = run / "checkpoints" / f"epoch-{stage:04d}"  # the last epoch of each stage leaves one
        if len(logged(run)) >= stage:
            print(f"{name}, seed {seed}: has been trained to epoch {stage}, and is only scored")
        elif (run / "config.yaml").exists():
            pairloom.resume(run, epochs=stage, log=quiet)
        else:
            settings = {
                **SCALES[scale].settings,
                **({"data.palette": "camvid"} if left_out else {}),
                **({"size": SCALES[scale].square} if row.preset == "seed" else {}),
                **row.changes,
                "seed": seed,
                "epochs": stage,
                "optim.decay_end": stages[-1],
                "train.validate_every": stages[-1],
                "train.snapshot_every": stages[-1],
                "train.keep": "last",
            }
            pairloom.train(data, run, preset=row.preset, settings=settings, log=quiet)
        record = score_stage(run, snapshot, stage, "val" if left_out else split, at, boundaries=row.preset != "photo")
        record |= {
            "split": split,
            "at": at,
            "row": name,
            "seed": seed,
            "scale": scale,
            "epoch": stage,
            "changes": dict(row.changes),
        }
        record |= {"preset": row.preset, "commit": commit(), "stage_seconds": round(time.perf_counter() - began)}
        append(results, record)
        print(f"{name}, seed {seed}, epoch {stage}: {spread([record['scores'][headline(record)]])}", flush=True)


def leave_out(camvid: Path, drive: str, out: Path) -> Path:
    """Write a manifest: all frames of a drive for validation, up to 300 pairs of the other drives to train on."""
    pairs = [
        (photograph, camvid / f"{split}annot" / f"{photograph.stem}.png", photograph.name.partition("_")[0] == drive)
        for split in ("train", "val")
        for photograph in sorted((camvid / split).iterdir())
    ]
    others = [pair for pair in pairs if not pair[2]]
    random.Random(0).shuffle(others)  # noqa: S311 (no secret)
    path = out / f"{drive}.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["source", "target", "split"])
        for photograph, labels, left_out in [*sorted(others[:300]), *(pair for pair in pairs if pair[2])]:
            rows.writerow([photograph.absolute(), labels.absolute(), "val" if left_out else "train"])
    return path


def score_stage(run: Path, snapshot: Path, stage: int, split: str, at: At, *, boundaries: bool) -> Record:
    """Score a run's generator as it was after a stage, and take the losses and times until then from its log.

    Of class maps the mean IoU with `--tta` is scored as well: what the mirror image at use is worth.
    """
    scores = pairloom.evaluate(snapshot, split=split, at=at, boundaries=boundaries)
    epochs = logged(run)[:stage]
    record: Record = {
        "scores": scores.to_record(),
        "losses": epochs[-1]["losses"],
        "train_seconds": sum(epoch["seconds"]["data"] + epoch["seconds"]["steps"] for epoch in epochs),
    }
    shares = [epoch["losses"]["adversarial_share"] for epoch in epochs if "adversarial_share" in epoch["losses"]]
    if shares:
        record["adversarial_share"] = statistics.median(shares)
    if isinstance(scores, pairloom.Scores):
        mirrored = pairloom.evaluate(snapshot, split=split, at=at, tta=True)
        record["mirrored"] = mirrored.to_record().get("mean_iou")
        for part in ("precision", "recall"):
            record[part] = dict(zip(scores.names, map(known, getattr(scores, part)), strict=True))
    return record


def logged(run: Path) -> list[EpochRecord]:
    """Return the records of the epochs that a run has closed."""
    return read_history(run / "metrics.jsonl")


def headline(record: Record) -> str:
    """Name the score by which rows are told apart."""
    return "mean_iou" if "mean_iou" in record["scores"] else "l1"


def read_results(path: Path) -> list[Record]:
    """Return the lines that are there; one that was cut short is left out."""
    if not path.exists():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def append(path: Path, record: Record) -> None:
    """Add a line; one that was cut short before it is ended first."""
    cut = path.exists() and not path.read_bytes().endswith(b"\n")
    with path.open("a", encoding="utf-8") as file:
        file.write(("\n" if cut else "") + json.dumps(record) + "\n")


def table(records: Iterable[Record], last: int) -> list[str]:
    """Lay the rows out as Markdown: means over the seeds, with the range where there are several."""
    lines: list[str] = []
    by_row: dict[str, list[Record]] = {}
    for record in records:
        by_row.setdefault(record["row"], []).append(record)
    header: list[str] = []
    for name, of_row in by_row.items():
        final = [record for record in of_row if record["epoch"] == last]
        if not final:
            continue
        columns = figures(of_row, final)
        if list(columns) != header:
            header = list(columns)
            lines += ["", f"| row | seeds | {' | '.join(header)} | minutes |", f"|---|---|{'---|' * (len(header) + 1)}"]
        minutes = statistics.mean(record["train_seconds"] for record in final) / 60
        lines.append(f"| {name} | {len(final)} | {' | '.join(columns.values())} | {minutes:.0f} |")
    return lines


def figures(of_row: Sequence[Record], final: Sequence[Record]) -> dict[str, str]:
    """Return the columns of one row."""
    columns: dict[str, str] = {}
    main_score = headline(final[0])
    for epoch in sorted({record["epoch"] for record in of_row}):
        columns[f"{SCORE_LABELS[main_score]}, epoch {epoch}"] = spread(
            [record["scores"][main_score] for record in of_row if record["epoch"] == epoch]
        )
    for name, value in final[0]["scores"].items():
        if isinstance(value, float) and name != main_score:
            columns[SCORE_LABELS[name]] = spread([record["scores"][name] for record in final])
    for name in final[0]["scores"].get("per_class", ()):
        columns[name] = spread([record["scores"]["per_class"][name] for record in final], 2)
    if "mirrored" in final[0]:
        columns["mean IoU with --tta"] = spread([record.get("mirrored") for record in final])
    if "adversarial_share" in final[0]:
        columns["adversarial share"] = spread([record["adversarial_share"] for record in final])
    elif main_score == "mean_iou":
        columns["adversarial share"] = "-"
    return columns


def spread(values: Sequence[float | None], digits: int = 3) -> str:
    """Return the mean, and the range of several values."""
    numbers = [value for value in values if value is not None]
    if not numbers:
        return "-"
    mean = f"{statistics.mean(numbers):.{digits}f}"
    return mean if len(numbers) == 1 else f"{mean} ({min(numbers):.{digits}f} to {max(numbers):.{digits}f})"


def commit() -> str:
    """Return the commit of the code that is measured, marked where files are changed."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return result.stdout.strip() or "unknown"


def quiet(_line: str) -> None:
    """Say nothing."""


if __name__ == "__main__":
    main()
