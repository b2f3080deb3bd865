"""The data set on disk: street scenes drawn by all cores and written as pictures."""

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from pairloom.errors import UserError
from pairloom.files import replacing
from pairloom.palette import CITYSCAPES
from pairloom.progress import track
from pairloom.rng import numpy_generator
from pairloom.run import require_empty
from pairloom.streets.drawing import check_size, draw_pair
from pairloom.worker_processes import map_in_processes

SPLITS = ("train", "val")


def write_streets(out: str | Path, *, size: tuple[int, int], train_pairs: int, val_pairs: int, seed: int) -> None:
    """Write a data set of street scenes: `out/train/0000.png` and so on, and `out/val/`.

    Each file holds the photograph in its left half and the segmentation in Cityscapes colours in its right half. The
    splits share no scene. All cores draw; an interruption (Ctrl-C) leaves whole files only.

    Args:
        out: a folder that is empty or does not exist yet.
        size: height and width of each half, in pixels, at least 16 each.
        train_pairs: number of pairs in `out/train`, at least 1.
        val_pairs: number of pairs in `out/val`, at least 1.
        seed: decides every scene; not negative.

    Raises:
        UserError: if `out` is not an empty folder, or a number is too small.
    """
    check_size(size)
    pairs = dict(zip(SPLITS, (train_pairs, val_pairs), strict=True))
    for split, count in pairs.items():
        if count < 1:
            raise UserError(f"{count} {split} pairs are too few; ask for at least 1")
    if seed < 0:
        raise UserError(f"the seed {seed} is negative; give 0 or more")
    out = Path(out)
    require_empty(out)
    jobs = []
    for number, (split, count) in enumerate(pairs.items()):
        (out / split).mkdir(parents=True, exist_ok=True)
        digits = max(len(str(count - 1)), 4)
        jobs += [(out / split / f"{index:0{digits}}.png", seed, number, index) for index in range(count)]
    try:
        drawn = map_in_processes(partial(_write_pair, size=size), jobs)
        for _ in track(drawn, total=len(jobs), description="Drawing streets"):
            pass
    except UserError as error:
        raise UserError(f"{out}: {error}; remove the folder, and run the command again") from error


def _write_pair(job: tuple[Path, int, int, int], size: tuple[int, int]) -> None:
    """Draw one pair and write it as one picture."""
    path, seed, split, index = job
    photograph, ids = draw_pair(numpy_generator(seed, "street", split, index), *size)
    both = np.concatenate([photograph, CITYSCAPES.to_colours(ids)], axis=1)
    with replacing(path) as unfinished:
        Image.fromarray(both).save(unfinished, format="PNG", compress_level=1)
