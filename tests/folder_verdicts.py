"""Compares how a data folder is read with what was meant when it was made: pair by pair, and pixel by pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import DataConfig
from pairloom.data.check import check_pairs
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import PairFiles
from pairloom.errors import UserError
from pairloom.palette import VOID, UInt8Array

TOGETHER = ""
"""In place of a split, where a folder does not tell its splits apart."""
HARMLESS = "class in one split only"
"""The kind of problem that says nothing of how a folder is read."""
NEAR = 2
"""Pixels from a border within which soft edges, compression and the corners of polygons may decide otherwise."""
INNER_LIMIT = 0.005
"""Share of the pixels farther from a border that may be of another class where those near one may."""
BORDER_LIMIT = 0.15
"""Share of all pixels that may be of another class there; the scenes are small, and so mostly border."""


class MeantPair(NamedTuple):
    """One pair as it was meant; paths count from the data folder, with slashes."""

    source: str
    targets: tuple[str, ...]
    classes: UInt8Array | None = None
    """The class map, H×W with `VOID`; None where the target is a picture, which must be read as it was written."""


@dataclass(frozen=True)
class Meant:
    """What a folder holds.

    Attributes:
        pairs: by split; all under `TOGETHER` where the folder does not tell the splits apart.
        near: whether pixels close to a border may be of another class.
        names: of the classes, by the meant number, where the folder tells them.
        named: whether classes that occur nowhere may be known, from a file or from what the data set is.
        either_way: whether each side may be the source.
        refusals: words of which a refusal must hold one to be as good as reading; none where it must be read.
        must_refuse: whether reading the folder is wrong, whatever comes of it.
    """

    pairs: Mapping[str, Sequence[MeantPair]]
    near: bool = False
    names: tuple[str, ...] = ()
    named: bool = False
    either_way: bool = False
    refusals: tuple[str, ...] = ()
    must_refuse: bool = False


class Verdict(NamedTuple):
    """What came of a folder, and why."""

    outcome: Literal["right", "refused", "told", "SILENT", "crash"]
    """`right`; `refused` by a message; `told`: read otherwise, but `check` reports problems and ends with exit code 2;
    `SILENT`: read otherwise without a word; `crash`: anything but a message."""
    reason: str
    accepted: bool
    """Whether that is as good as can be."""


def judge(root: Path, meant: Meant, config: DataConfig | None = None) -> Verdict:
    """Read a folder and compare it with what was meant."""
    config = config or DataConfig(root=str(root))
    try:
        folder = PairFolder.open(config)
        wrong = "it was read" if meant.must_refuse else _difference(folder, meant)
        problems = [problem for problem in check_pairs(folder).problems if problem.kind != HARMLESS]
    except UserError as error:
        said = str(error).removeprefix(str(root))
        return Verdict("refused", said, _is_meant(said, meant))
    except Exception as error:  # what is none of the user's mistakes is a finding, and the next folder is looked at
        return Verdict("crash", f"{type(error).__name__}: {error}", False)
    if problems:
        said = f"{wrong or 'read as meant'}; check: {problems[0].kind}: {problems[0].message}"
        return Verdict("told", said, any(_is_meant(str(problem), meant) for problem in problems))
    return Verdict("SILENT", wrong, False) if wrong else Verdict("right", "", True)


def _is_meant(message: str, meant: Meant) -> bool:
    """Tell whether a refusal is what was meant."""
    return any(word.lower() in message.lower() for word in meant.refusals) or (meant.must_refuse and not meant.refusals)


def _difference(folder: PairFolder, meant: Meant) -> str:
    """Return how what is read differs from what was meant; an empty text if it does not."""
    read = {split: folder.files(split) for split in folder.splits()}
    found: dict[str, list[PairFiles]] = {}
    for split, files in read.items():
        found.setdefault(_meant_split(split, meant), []).extend(files)
    for split in {**found, **meant.pairs}:
        if wrong := _other_files(folder, found.get(split, ()), meant.pairs.get(split, ()), meant.either_way):
            return f"{split or 'all pairs'}: {wrong}"
    together = [files for split in found for files in found[split]]
    if folder.palette is None:
        return _other_pictures(folder, together, meant)
    return _other_classes(folder, together, meant)


def _meant_split(split: str, meant: Meant) -> str:
    """Return under which split what is read as `split` was meant: `val` may be drawn from what is not told apart."""
    if TOGETHER in meant.pairs and split in ("train", "val"):
        return TOGETHER
    return "train" if split == "val" and "val" not in meant.pairs else split


def _names(folder: PairFolder, files: PairFiles) -> tuple[str, tuple[str, ...]]:
    """Return the source and the files of the target, counted from the data folder."""
    root = folder.root if folder.root.is_dir() else folder.root.parent
    source, target = folder.parts(files)
    source_path = source.image or source.path
    return (
        source_path.relative_to(root).as_posix(),
        tuple(sorted(path.relative_to(root).as_posix() for path in target.files)),
    )


def _other_files(folder: PairFolder, found: Sequence[PairFiles], meant: Sequence[MeantPair], either_way: bool) -> str:
    pairs = {_names(folder, files) for files in found}
    turned = {(targets[0], (source,)) for source, targets in pairs}
    wanted = {(pair.source, tuple(sorted(pair.targets))) for pair in meant}
    if pairs == wanted or (either_way and turned == wanted):
        return "" if len(found) == len(meant) else f"{len(found)} pairs of {len(meant)}, some twice"
    if len(pairs) != len(wanted):
        return f"{len(pairs)} pairs, not {len(wanted)}; such as {min(pairs ^ wanted)}"
    if turned == wanted:
        return "sources and targets changed places"
    return f"other pairs: {min(pairs - wanted)}, not {min(wanted - pairs)}"


def _meant_by_name(meant: Meant) -> dict[str, MeantPair]:
    return {name: pair for pairs in meant.pairs.values() for pair in pairs for name in (*pair.targets, pair.source)}


def _other_pictures(folder: PairFolder, found: Sequence[PairFiles], meant: Meant) -> str:
    for files in found:
        name, _ = _names(folder, files)
        if _meant_by_name(meant)[name].classes is not None:
            return "class maps are read as pictures"
        _, part = folder.parts(files)
        if part.path.suffix == ".npy":
            written = np.load(part.path)
        else:
            with Image.open(part.path) as image:
                written = np.asarray(image)
        written = written if written.ndim == 3 else written[..., None]
        middle = written.shape[1] // 2
        halves = {"left": written[:, :middle], "right": written[:, middle:]}
        if not np.array_equal(folder.read(files).target, halves.get(part.half, written)):
            return f"{part.path.name}: the picture read is not the one written"
    return ""


def _other_classes(folder: PairFolder, found: Sequence[PairFiles], meant: Meant) -> str:
    assert folder.palette is not None
    counts = np.zeros((VOID + 1, VOID + 1), np.int64)
    inner = np.zeros_like(counts)
    by_name = _meant_by_name(meant)
    for files in found:
        name, _ = _names(folder, files)
        wanted = by_name[name].classes
        if wanted is None:
            return "pictures are read as class maps"
        read = folder.read(files).target
        if read.shape != wanted.shape:
            return f"{name}: read as {read.shape}, not {wanted.shape}"
        both = wanted.astype(int) * (VOID + 1) + read
        counts += np.bincount(both.ravel(), minlength=counts.size).reshape(counts.shape)
        inner += np.bincount(both[_inner(wanted)], minlength=counts.size).reshape(counts.shape)
    wanted_ids, read_ids = np.flatnonzero(counts.any(1)), np.flatnonzero(counts.any(0))
    # Borders decide nothing where they may be read either way, but for classes that are border alone.
    deciding = np.where(inner.any(axis=1, keepdims=True), inner, counts) if meant.near else counts
    partner = deciding.argmax(1)
    mapped = {int(wanted): int(partner[wanted]) for wanted in wanted_ids}
    if len(set(mapped.values())) < len(mapped):
        return f"{len(mapped)} classes are read as {len(set(mapped.values()))}: {mapped}"
    if mapped.get(VOID, VOID) != VOID or VOID in [read for wanted, read in mapped.items() if wanted != VOID]:
        return f"void is confused with a class: {mapped}"
    strangers = [folder.palette.names[read] for read in read_ids if read not in mapped.values() and read != VOID]
    if strangers:
        return f"{len(mapped)} classes are read as {len(read_ids)}; such as {strangers[0]!r}"
    if len(folder.palette) > len(read_ids) and not (meant.names or meant.named):
        return f"{len(folder.palette)} classes, of which {len(read_ids) - (VOID in read_ids)} occur"
    agreed = sum(int(inner[wanted, read]) for wanted, read in mapped.items())
    agreed_at_all = sum(int(counts[wanted, read]) for wanted, read in mapped.items())
    least = (1 - INNER_LIMIT) * inner.sum() if meant.near else counts.sum()
    if (agreed if meant.near else agreed_at_all) < least or agreed_at_all < (1 - BORDER_LIMIT) * counts.sum():
        return f"{1 - agreed_at_all / counts.sum():.2%} of the pixels have another class"
    for number, called in enumerate(meant.names):
        if number in mapped and folder.palette.names[mapped[number]].lower() != called.lower():
            return f"the class {called!r} is called {folder.palette.names[mapped[number]]!r}"
    return ""


def _inner(ids: UInt8Array) -> NDArray[np.bool_]:
    """Return where all pixels around have the same class."""
    windows = sliding_window_view(np.pad(ids, NEAR, mode="edge"), (2 * NEAR + 1, 2 * NEAR + 1))
    same: NDArray[np.bool_] = (windows == ids[..., None, None]).all((2, 3))
    return same
