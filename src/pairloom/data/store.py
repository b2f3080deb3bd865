"""Pairs decoded once and kept at hand."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairloom.config import Size
from pairloom.data.layouts import Layout, Pair, split_files
from pairloom.draws import numpy_generator
from pairloom.errors import UserError
from pairloom.images import resize_class_map, resize_picture
from pairloom.palette import Palette
from pairloom.progress import track


class PairStore:
    """The pairs of one split at their native size, in memory, in the order of their names.

    Targets are kept as class ids, so that no later step can blend their colours.
    """

    def __init__(self, pairs: Sequence[Pair], palette: Palette) -> None:
        self._pairs = tuple(pairs)
        self.palette = palette

    @classmethod
    def open(cls, root: Path, split: str, layout: Layout, *, count: int | None = None, seed: int = 0) -> "PairStore":
        """Decode the pairs of a split, on all cores.

        Args:
            root: the folder that holds the pairs.
            split: `train`, `val` or `test`.
            layout: how they lie there.
            count: how many to use, drawn with `seed`; None takes all.
            seed: seed of that draw.

        Raises:
            UserError: if the split has fewer pairs than `count`, or one of its files cannot serve.
        """
        files = split_files(root, split, layout)
        if count is not None:
            if count > len(files):
                raise UserError(f"{root}: {count} pairs were asked for, but its split {split!r} has {len(files)}")
            chosen = numpy_generator(seed, "subset").permutation(len(files))[:count]
            files = [files[index] for index in sorted(chosen)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                pairs = list(track(pool.map(layout.read, files), len(files), f"Reading {split} pairs"))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        return cls(pairs, layout.palette)

    def __len__(self) -> int:
        return len(self._pairs)

    def __getitem__(self, index: int) -> Pair:
        return self._pairs[index]

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def class_shares(self) -> NDArray[np.float64]:
        """Return the share of each class (K) among the pixels that have one; all 0 where none has."""
        counts = np.zeros(256, dtype=np.int64)
        for pair in self:
            counts += np.bincount(pair.target.ravel(), minlength=256)
        known = counts[: len(self.palette)]
        shares: NDArray[np.float64] = known / max(1, known.sum())
        return shares

    def resized(self, size: Size) -> "PairStore":
        """Return a store of the same pairs at one size: photographs bilinear, targets nearest, aspect not kept."""
        pairs = [
            Pair(pair.name, resize_picture(pair.source, size), resize_class_map(pair.target, size)) for pair in self
        ]
        return PairStore(pairs, self.palette)
