"""Pairs decoded once and kept at hand: memory-mapped files in the user's cache, one a pair."""

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import platformdirs
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from pairloom.config import Size
from pairloom.cpu import cpu_count
from pairloom.data.digests import contents_digest, digest, fingerprint
from pairloom.data.folder import PairFolder
from pairloom.data.image_spec import ImageSpec, common_spec
from pairloom.data.layouts import PairFiles
from pairloom.data.pairs import Pair
from pairloom.errors import UserError
from pairloom.files import replacing
from pairloom.images import ImageInfo, Picture, inspect, with_channels
from pairloom.progress import track
from pairloom.rng import numpy_generator

Fit = Size | int | float
"""How large pairs are stored: at exactly this size, at their own up to this longest side in pixels (an int), or at this
fraction of their own (a float)."""

DECODER = 2
"""Version of how files become arrays; raise it when the same file would be read differently."""

CACHE_VARIABLE = "PAIRLOOM_CACHE"
"""Environment variable that names the folder of all stores."""

UNUSED_DAYS = 30
"""Entries that no run has opened for so long are removed when others are made."""

SPARE_BYTES = 100 * 2**20
"""What is to stay free on the disk."""


class Entry(NamedTuple):
    """The place of one pair in the store."""

    files: PairFiles
    path: Path
    fingerprint: str
    """Sizes and times of the files that the pair is decoded from."""


class Head(NamedTuple):
    """What a stored pair is, without its pixels."""

    source: ImageInfo
    target: ImageInfo
    counts: tuple[int, ...]
    """Pixels of each class of the target; none for pictures."""
    digest: str
    """Digest of the contents of the files that the pair was decoded from."""


class PairStore:
    """The pairs of one split in the order of their names, each mapped from its file when it is asked for.

    So the memory that is taken does not grow with the number of pairs, while the system keeps at hand what fits.
    Targets are stored as class ids, so that no later step can blend their colours.

    Attributes:
        source, target: what the images of each side are; pairs are brought to their channels.
        names: of the pairs.
        digests: of the contents of each pair's files, wherever they lie.
    """

    def __init__(
        self,
        folder: PairFolder,
        entries: Sequence[Entry],
        heads: Sequence[Head],
        fit: Fit,
        source: ImageSpec,
        target: ImageSpec,
    ) -> None:
        self._folder, self._entries, self._heads, self._fit = folder, tuple(entries), tuple(heads), fit
        self.source, self.target = source, target
        self.names = tuple(entry.files.name for entry in entries)
        self.digests = tuple(head.digest for head in heads)

    @classmethod
    def open(
        cls,
        folder: PairFolder,
        split: str,
        fit: Fit,
        *,
        count: int | None = None,
        seed: int = 0,
        channels: tuple[int | None, int | None] = (None, None),
    ) -> "PairStore":
        """Open the store of a split; pairs that are not in it, or whose files have changed, are decoded on all cores.

        Two runs may do so at once: an entry is written beside its place and renamed.

        Args:
            folder: the pairs.
            split: `train`, `val` or `test`.
            fit: how large they are kept.
            count: how many to use, drawn with `seed`; None takes all.
            seed: seed of that draw.
            channels: of sources and of target pictures; None follows the data.

        Raises:
            UserError: if the split has fewer pairs than `count`, one of its files cannot serve, or the disk is short.
        """
        files = folder.files(split)
        if count is not None:
            if count > len(files):
                raise UserError(
                    f"{folder.root}: {count} pairs were requested, but its split {split!r} has {len(files)}"
                )
            chosen = numpy_generator(seed, "subset").permutation(len(files))[:count]
            files = [files[index] for index in sorted(chosen)]
        place = cache_folder() / "pairs" / digest(str(folder.root))
        with ThreadPoolExecutor(cpu_count()) as pool:
            try:
                entries = list(pool.map(lambda pair: _entry(folder, pair, fit, place), files))
                heads = list(pool.map(_head, entries))
                missing = [entry for entry, head in zip(entries, heads, strict=True) if head is None]
                if missing:
                    _make_room(place, sum(pool.map(lambda entry: _bytes(folder, entry, fit), missing)))
                    built = pool.map(lambda entry: _build(folder, entry, fit), missing)
                    for _ in track(built, len(missing), f"Reading {split} pairs"):
                        pass
                    heads = list(pool.map(_head, entries))
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        whole = [head for head in heads if head is not None]
        if len(whole) < len(heads):
            raise UserError(f"{place}: entries of the store disappear while they are written; do not clear the folder")
        sides = (
            common_spec([head.source for head in whole], channels[0], folder.source_palette, folder.source_values),
            common_spec([head.target for head in whole], channels[1], folder.palette, folder.target_values),
        )
        store = cls(folder, entries, whole, fit, *sides)
        store.require_channels()
        return store

    def require_channels(self) -> None:
        """Raise UserError for the first file whose channels cannot be brought to those of its side."""
        for entry, head in zip(self._entries, self._heads, strict=True):
            parts = self._folder.parts(entry.files)
            infos, sides = (head.source, head.target), (self.source, self.target)
            for part, info, side in zip(parts, infos, sides, strict=True):
                if side.palette is None:
                    with_channels(np.empty((1, 1, info.channels), np.uint8), side.channels, part.path)

    def __len__(self) -> int:
        return len(self._entries)

    def __getitem__(self, index: int) -> Pair:
        entry = self._entries[index]
        try:
            source, target = _read(entry.path)
        except (OSError, SafetensorError):  # somebody has cleared the cache
            if fingerprint(self._folder.parts(entry.files)) != entry.fingerprint:
                raise UserError(
                    f"{self._folder.parts(entry.files)[0].path}: this pair has changed since it was stored, and the "
                    "store was cleared; restore it or start a new run"
                ) from None
            _build(self._folder, entry, self._fit)
            source, target = _read(entry.path)
        return self._folder.in_channels(
            self._folder.pair(entry.files, source, target), entry.files, (self.source.channels, self.target.channels)
        )

    def __iter__(self) -> Iterator[Pair]:
        return (self[index] for index in range(len(self)))

    def class_counts(self) -> NDArray[np.int64]:
        """Return how many pixels of each class each pair has, N×K; K is 0 for pictures."""
        return np.array([head.counts for head in self._heads], dtype=np.int64).reshape(len(self), -1)

    def class_fractions(self) -> NDArray[np.float64]:
        """Return the share of each class (K) among the pixels that have one; all 0 where none has."""
        counts = self.class_counts().sum(axis=0)
        shares: NDArray[np.float64] = counts / max(1, counts.sum())
        return shares


def cache_folder() -> Path:
    """Return the folder of all stores: `PAIRLOOM_CACHE`, or the user's cache folder."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser().absolute() if named else platformdirs.user_cache_path("pairloom")


def fitted(native: Size, fit: Fit) -> Size:
    """Return the size at which a pair of this native size is stored."""
    if isinstance(fit, Size):
        return fit
    share = min(1.0, fit / max(native)) if isinstance(fit, int) else fit
    return Size(max(1, round(native.height * share)), max(1, round(native.width * share)))


def _entry(folder: PairFolder, files: PairFiles, fit: Fit, place: Path) -> Entry:
    parts = folder.parts(files)
    state = fingerprint(parts)
    # A changed file has another entry, so that a run continues with what it began with.
    readers = folder.source_reader.key, folder.target_reader.key
    key = [DECODER, str(fit), *readers, folder.config.exif, *map(str, parts), state]
    return Entry(files, place / f"{digest(key)}.safetensors", state)


def _head(entry: Entry) -> Head | None:
    """Read what a stored pair is; None where it is missing or damaged."""
    try:
        with safe_open(entry.path, framework="numpy") as file:
            notes = file.metadata()
            counts, contents = tuple(json.loads(notes["counts"])), str(notes["digest"])
            source, target = (_info(file.get_slice(name)) for name in ("source", "target"))
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        return None
    with suppress(OSError):  # of a store that is shared, and not ours to write
        os.utime(entry.path)
    return Head(source, target, counts, contents)


def _info(array: Any) -> ImageInfo:
    height, width, channels = (*array.get_shape(), 1)[:3]
    return ImageInfo(height, width, channels, _DTYPES[array.get_dtype()])


_DTYPES = {"U8": "uint8", "U16": "uint16", "F32": "float32"}


def _read(path: Path) -> tuple[Picture, Picture]:
    with safe_open(path, framework="numpy") as file:
        return file.get_tensor("source"), file.get_tensor("target")


def _build(folder: PairFolder, entry: Entry, fit: Fit) -> None:
    """Decode a pair and put it into the store."""
    pair = folder.read(entry.files)
    pair = pair.resized(fitted(pair.size, fit))
    arrays = {"source": np.ascontiguousarray(pair.source), "target": np.ascontiguousarray(pair.target)}
    classes = len(folder.palette) if folder.palette else 0
    counts = np.bincount(pair.target.ravel(), minlength=classes)[:classes].tolist() if classes else []
    content = save(arrays, {"counts": json.dumps(counts), "digest": contents_digest(folder.parts(entry.files))})
    try:
        entry.path.parent.mkdir(parents=True, exist_ok=True)  # somebody may have cleared the cache
        # Written with plain writes: the pages of a map would count as this process's memory.
        with replacing(entry.path) as unfinished:
            unfinished.write_bytes(content)
    except OSError as error:
        raise _unwritable(entry.path.parent, error) from error


def _bytes(folder: PairFolder, entry: Entry, fit: Fit) -> int:
    """Return what an entry will take on the disk."""
    total = 0
    # Class ids take a byte, their painted colours three.
    known = (3 if folder.source_palette else None, 1 if folder.palette else None)
    for part, depth in zip(folder.parts(entry.files), known, strict=True):
        info = inspect(part.image or part.path)
        height, width = fitted(Size(info.height, info.width if part.half == "whole" else info.width // 2), fit)
        total += height * width * (depth or info.channels * np.dtype(info.dtype).itemsize)
    return total


def _make_room(place: Path, needed: int) -> None:
    """Create a store's folder, remove entries of any store that nobody uses, and check that the rest will fit.

    Raises:
        UserError: if the folder cannot be written, or the disk has too little room.
    """
    try:
        place.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - UNUSED_DAYS * 24 * 3600
        for path in place.parent.glob("*/*"):
            with suppress(FileNotFoundError):  # another process may be about the same
                if path.stat().st_mtime < oldest:
                    path.unlink()
        free = shutil.disk_usage(place).free
    except OSError as error:
        raise _unwritable(place, error) from error
    if needed + SPARE_BYTES > free:
        raise UserError(
            f"{place}: the store of decoded pairs needs {_gigabytes(needed)}, the disk has {_gigabytes(free)} free; "
            f"free some, lower data.store_size, or name another folder by the environment variable {CACHE_VARIABLE}"
        )


def _unwritable(place: Path, error: OSError) -> UserError:
    return UserError(
        f"{place}: the store of decoded pairs cannot be written ({error.strerror}); "
        f"name another folder by the environment variable {CACHE_VARIABLE}"
    )


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
