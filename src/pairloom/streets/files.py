"""The data set on disk: street scenes drawn by all cores and written as pictures."""

import os
import signal
import threading
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path

import numpy as np
from PIL import Image

from pairloom.cpu import cpu_count
from pairloom.errors import UserError
from pairloom.files import replacing
from pairloom.palette import CITYSCAPES
from pairloom.progress import track
from pairloom.rng import numpy_generator
from pairloom.run import require_empty
from pairloom.streets.drawing import check_size, draw_pair

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
    # Spawned, since forking a process that has used torch's threads can hang.
    pool = ProcessPoolExecutor(min(cpu_count(), len(jobs)), get_context("spawn"), _leave_the_end_to_the_parent)
    try:
        drawn = pool.map(partial(_write_pair, size=size), jobs, chunksize=4)
        for _ in track(drawn, total=len(jobs), description="Drawing streets"):
            pass
    except BrokenExecutor as error:
        raise UserError(
            f"{out}: a worker process died: the memory is full, or a script of yours calls this outside "
            "`if __name__ == '__main__':`, which each process then runs again; remove the folder, and say it again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _write_pair(job: tuple[Path, int, int, int], size: tuple[int, int]) -> None:
    """Draw one pair and write it as one picture."""
    path, seed, split, index = job
    photograph, ids = draw_pair(numpy_generator(seed, "street", split, index), *size)
    both = np.concatenate([photograph, CITYSCAPES.to_colours(ids)], axis=1)
    with replacing(path) as unfinished:
        Image.fromarray(both).save(unfinished, format="PNG", compress_level=1)


def _leave_the_end_to_the_parent() -> None:
    """Go on at Ctrl-C, which the parent hears as well; end when it is no more, as after `kill -9`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def end_with_parent() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
