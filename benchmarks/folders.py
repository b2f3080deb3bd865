"""How long a large folder takes to open, with how much memory, and how fast `check` is beside decoding alone.

    python benchmarks/folders.py --work DIR [--files 100000] [--pairs 3000] [--rounds 3] [--json]

The folders are made once in DIR and kept. Opened, each in a process of its own, are two folders (`images/`, `masks/`),
one folder with suffixes, and nested folders; the files are hard links to a few tiny images. Checked are photographs of
256×256 in JPEG with masks of numbers, and photographs in PNG with masks in colours; decoding alone reads the same files
by as many threads and throws them away. Rounds take both in turn, and the best of each counts.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pairloom.cpu import cpu_count
from pairloom.palette import CITYSCAPES
from pairloom.streets import draw_street

TINY = 32
"""Pixels a side of the images in large folders."""
ORIGINALS = 200
"""Different images in a large folder; a file system allows some ten thousand links to each."""
SIDE = 256
SCENES = 24
"""Streets that are drawn; the photographs that are checked are these with noise, moved and mirrored."""
LARGE: Mapping[str, tuple[str, str]] = {
    "two folders": ("images/{n:06}.png", "masks/{n:06}.png"),
    "suffixes": ("{n:06}.png", "{n:06}_mask.png"),
    "nested": ("{split}/images/{place}/{n:06}.png", "{split}/masks/{place}/{n:06}.png"),
}
"""Where the pairs of the large folders lie."""


def main() -> None:
    """Make what is missing, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="where the folders are made and kept")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.open:
        print(json.dumps(open_folder(options.open)))
        return
    row: dict[str, Any] = {"files": options.files, "pairs": options.pairs, "cores": cpu_count()}
    for name in LARGE:
        folder = make_large(options.work, name, options.files // 2)
        rounds = [_in_a_process(options.work, folder) for _ in range(options.rounds)]
        row[name] = min(rounds, key=lambda each: each["seconds"])
    for kind in ("numbers", "colours"):
        row[f"check, {kind}"] = check_beside_decoding(make_pairs(options.work, kind, options.pairs), options.rounds)
    for name, value in row.items():
        told = ", ".join(f"{key} {number:.2f}" for key, number in value.items()) if isinstance(value, dict) else value
        print(f"{name:<18} {told}")
    if options.json:
        print(json.dumps(row))


def open_folder(root: Path) -> dict[str, float]:
    """Open a folder and list its splits in this process, which must have done nothing else."""
    from pairloom.config import DataConfig
    from pairloom.data.folder import PairFolder

    before = _peak()
    started, core_started = time.perf_counter(), time.process_time()
    folder = PairFolder.open(DataConfig(root=str(root)))
    pairs = sum(len(folder.files(split)) for split in folder.splits())
    seconds, core_seconds = time.perf_counter() - started, time.process_time() - core_started
    # Other work on the machine changes the former, hardly the latter, which adds up all threads.
    times = {"seconds": seconds, "core_seconds": core_seconds}
    return {**times, "pairs": pairs, "peak_mb": _peak(), "imports_mb": before}


def _in_a_process(work: Path, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--work", str(work), "--open", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 (this file)
    if done.returncode:
        raise SystemExit(f"opening {folder} failed:\n{done.stderr}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def check_beside_decoding(root: Path, rounds: int) -> dict[str, float]:
    """Return pairs per second of `check`, of decoding alone, and their ratio."""
    from pairloom.config import DataConfig
    from pairloom.data.check import check_pairs
    from pairloom.data.folder import PairFolder
    from pairloom.data.prefetch import read_ahead
    from pairloom.images import read_picture

    folder = PairFolder.open(DataConfig(root=str(root)))
    files = [pair for split in folder.splits() for pair in folder.files(split)]

    def decode() -> None:
        for _ in read_ahead(lambda pair: [read_picture(part.path).shape for part in (pair.a, pair.b)], files):
            pass

    def check() -> None:
        check_pairs(folder, processes=cpu_count())

    check_seconds, decode_seconds = [], []
    for _ in range(rounds):
        decode_seconds.append(_seconds(decode))
        check_seconds.append(_seconds(check))
    decoded, checked = len(files) / min(decode_seconds), len(files) / min(check_seconds)
    return {"checked_per_second": checked, "decoded_per_second": decoded, "ratio": checked / decoded}


def make_large(work: Path, name: str, pairs: int) -> Path:
    """Write a folder of so many pairs of tiny images; keep one that is there."""
    root = work / f"{name.replace(' ', '-')}-{2 * pairs}"
    if root.exists():
        return root
    beside = root.with_name(root.name + ".new")
    originals = [_original(work / "originals", n) for n in range(ORIGINALS)]
    for n in range(pairs):
        words = {"n": n, "split": "val" if n % 10 == 0 else "train", "place": f"place{n % 40:02}"}
        for pattern, original in zip(LARGE[name], originals[n % ORIGINALS], strict=True):
            path = beside / pattern.format(**words)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.link(original, path)
    beside.rename(root)
    return root


def _original(folder: Path, number: int) -> tuple[Path, Path]:
    photograph, mask = folder / f"{number}.png", folder / f"{number}_mask.png"
    if not mask.exists():
        folder.mkdir(parents=True, exist_ok=True)
        picture, ids = draw_street(0, number % SCENES, TINY, TINY)
        noise = np.random.default_rng(number).integers(-4, 5, picture.shape)
        Image.fromarray((picture + noise).clip(0, 255).astype(np.uint8)).save(photograph)
        Image.fromarray(np.where(ids == 255, 0, ids).astype(np.uint8)).save(mask)
    return photograph, mask


def make_pairs(work: Path, kind: str, count: int) -> Path:
    """Write so many pairs of 256×256, all different; keep those that are there."""
    root = work / f"{kind}-{count}"
    if root.exists():
        return root
    beside = root.with_name(root.name + ".new")
    for folder in ("images", "masks"):
        (beside / folder).mkdir(parents=True, exist_ok=True)
    for n, (picture, ids) in enumerate(_scenes(count)):
        photograph, mask = Image.fromarray(picture), Image.fromarray(ids)
        if kind == "colours":
            photograph.save(beside / f"images/{n:05}.png", compress_level=1)
            Image.fromarray(CITYSCAPES.to_colours(ids)).save(beside / f"masks/{n:05}.png")
        else:
            photograph.save(beside / f"images/{n:05}.jpg", quality=90)
            mask.save(beside / f"masks/{n:05}.png")
    beside.rename(root)
    return root


def _scenes(count: int) -> Iterator[tuple[Any, Any]]:
    drawn = [draw_street(0, index, SIDE, SIDE) for index in range(SCENES)]
    rng = np.random.default_rng(0)
    for n in range(count):
        picture, ids = drawn[n % SCENES]
        moved = 3 * (n // SCENES) % SIDE
        picture, ids = np.roll(picture, moved, axis=1), np.roll(np.where(ids == 255, 0, ids), moved, axis=1)
        if n // SCENES % 2:
            picture, ids = picture[:, ::-1], ids[:, ::-1]
        noisy = picture + rng.integers(-4, 5, picture.shape, dtype=np.int16)
        yield noisy.clip(0, 255).astype(np.uint8), np.ascontiguousarray(ids.astype(np.uint8))


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _peak() -> float:
    """Return the most memory that this process has held, in MB; unlike getrusage's, without what its parent held."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1e3


if __name__ == "__main__":
    main()
