"""How fast the store of decoded pairs is built and opened, and that its memory stays flat.

    python benchmarks/store.py --folder DIR [--pairs 3000] [--scenes 12] [--json]

Draws a few scenes at 2048×1024 in the official Cityscapes tree and repeats them under other names by hard links (the
store cannot tell), so that little disk is needed for the photographs; the store itself takes 2 MB a pair. Compares
building the store with decoding the same files on all cores and throwing the result away.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from pairloom.config import DataConfig, Experiment
from pairloom.cpu import cpu_count
from pairloom.data.folder import PairFolder
from pairloom.data.store import CACHE_VARIABLE, PairStore
from pairloom.palette import CITYSCAPES
from pairloom.streets import draw_street

HEIGHT, WIDTH = 1024, 2048
SHRINK = 4
"""Scenes are drawn so many times smaller, and enlarged with noise: drawing is not what is measured."""


def main() -> None:
    """Build the tree, then measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--pairs", type=int, default=3000)
    parser.add_argument("--scenes", type=int, default=12)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    tree = options.folder / "cityscapes"
    os.environ[CACHE_VARIABLE] = str(options.folder / "cache")
    draw_tree(tree, options.pairs, options.scenes)

    fit = Experiment().store_fit
    folder = PairFolder.open(DataConfig(str(tree)))
    files = folder.files("train")
    row: dict[str, float] = {"pairs": len(files), "cores": cpu_count()}

    def decode_all() -> None:
        with ThreadPoolExecutor(cpu_count()) as pool:
            for _ in pool.map(lambda pair: folder.read(pair).size, files[: max(60, len(files) // 10)]):
                pass

    row["decoded_per_second"] = max(60, len(files) // 10) / _seconds(decode_all)
    before = _resident()
    row["built_per_second"] = len(files) / _seconds(lambda: PairStore.open(folder, "train", fit))
    row["memory_growth_while_building_mb"] = _peak() - before
    row["second_start_seconds"] = _seconds(lambda: PairStore.open(PairFolder.open(folder.config), "train", fit))
    store = PairStore.open(folder, "train", fit)
    before = _resident()
    order = np.random.default_rng(0).permutation(len(store))
    row["read_per_second"] = len(store) / _seconds(lambda: [store[int(index)].source[0, 0, 0] for index in order])
    row["memory_growth_while_reading_mb"] = _resident() - before
    row["store_gb"] = sum(path.stat().st_size for path in (options.folder / "cache").rglob("*.safetensors")) / 1e9
    for name, value in row.items():
        print(f"{name.replace('_', ' '):<36} {value:10.2f}")
    if options.json:
        print(json.dumps(row))


def draw_tree(tree: Path, pairs: int, scenes: int) -> None:
    """Write so many different scenes, and link them until there are enough pairs; keep a tree that is there."""
    if tree.exists():
        return
    labels = np.zeros(256, dtype=np.uint8)
    labels[: len(CITYSCAPES)] = CITYSCAPES.values
    rng = np.random.default_rng(0)
    for index in range(pairs):
        name = f"city_{index:06d}_000019"
        photograph = tree / "leftImg8bit" / "train" / "city" / f"{name}_leftImg8bit.png"
        target = tree / "gtFine" / "train" / "city" / f"{name}_gtFine_labelIds.png"
        for path in (photograph, target):
            path.parent.mkdir(parents=True, exist_ok=True)
        if index >= scenes:
            twin = f"city_{index % scenes:06d}_000019"
            os.link(photograph.with_name(f"{twin}_leftImg8bit.png"), photograph)
            os.link(target.with_name(f"{twin}_gtFine_labelIds.png"), target)
            continue
        small, ids = draw_street(0, index, HEIGHT // SHRINK, WIDTH // SHRINK)
        large = np.asarray(Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)).astype(np.int16)
        noisy = (large + rng.integers(-4, 5, large.shape)).clip(0, 255).astype(np.uint8)
        Image.fromarray(noisy).save(photograph)
        Image.fromarray(labels[ids].repeat(SHRINK, axis=0).repeat(SHRINK, axis=1)).save(target)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _resident() -> float:
    """Return the memory that this process holds now, in MB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def _peak() -> float:
    """Return the most memory that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    main()
