"""Which pairs are in which split: by folders at any depth, by lists of files or of folders, or by being left over."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pairloom.config import DataConfig
from pairloom.data.folder import PairFolder
from trees import save

RNG = np.random.default_rng(0)


def _photograph() -> NDArray[np.uint8]:
    slope = np.linspace(40, 200, 48)[None, :, None]
    return (slope + RNG.normal(0, 25, (48, 48, 3))).clip(0, 255).astype(np.uint8)


def _mask() -> NDArray[np.uint8]:
    return np.kron(RNG.integers(0, 3, (6, 6)), np.ones((8, 8))).astype(np.uint8)


def _write(root: Path, folder: str, numbers: Iterable[int], photographs: str = "images", masks: str = "masks") -> None:
    for number in numbers:
        save(root / folder / photographs / f"{number:03}.png", _photograph())
        save(root / folder / masks / f"{number:03}.png", _mask())


def _counts(root: Path, **settings: object) -> dict[str, int]:
    folder = PairFolder.open(DataConfig(str(root), **settings))  # type: ignore[arg-type]
    return {split: len(folder.files(split)) for split in folder.splits()}


@pytest.mark.parametrize("split", ["test", "val"])
def test_pairs_beside_a_split_are_the_training_pairs(tmp_path: Path, split: str) -> None:
    _write(tmp_path, "", range(10))
    _write(tmp_path, split, range(20, 24))
    assert _counts(tmp_path) == {"test": {"train": 8, "val": 2, "test": 4}, "val": {"train": 10, "val": 4}}[split]
    notes = PairFolder.open(DataConfig(str(tmp_path))).notes
    assert "10 pairs in no split's folder are the training pairs" in notes


def test_pairs_beside_the_training_pairs_are_named_and_not_used(tmp_path: Path) -> None:
    _write(tmp_path, "train", range(10))
    _write(tmp_path, "extra", range(20, 26))
    assert _counts(tmp_path) == {"train": 8, "val": 2}
    assert "not used: extra/ (12 images)" in PairFolder.open(DataConfig(str(tmp_path))).notes


def test_data_without_training_pairs_say_so(tmp_path: Path) -> None:
    _write(tmp_path, "val", range(6))
    assert _counts(tmp_path) == {"val": 6}
    (note,) = PairFolder.open(DataConfig(str(tmp_path))).notes
    assert note == "there are no training pairs, only val: these can be scored alone"


def test_a_split_may_be_deeper_than_another(tmp_path: Path) -> None:
    _write(tmp_path, "train", range(8))
    for kind, first in (("easy", 20), ("hard", 30)):
        _write(tmp_path, f"validation/{kind}", range(first, first + 3))
        _write(tmp_path, f"test/{kind}", range(first, first + 2))
    assert _counts(tmp_path) == {"train": 8, "val": 6, "test": 4}


@pytest.mark.parametrize(
    ("train", "test", "expected"),
    [
        ("DUTS-TR/DUTS-TR-", "DUTS-TE/DUTS-TE-", {"train": 5, "val": 1, "test": 4}),
        ("TrainVal/train_", "TrainVal/val_", {"train": 6, "val": 4}),
    ],
)
def test_words_of_splits_that_stand_side_by_side(
    tmp_path: Path, train: str, test: str, expected: dict[str, int]
) -> None:
    for prefix, numbers in ((train, range(6)), (test, range(20, 24))):
        folder, _, rest = prefix.partition("/")
        _write(tmp_path, folder, numbers, f"{rest}images", f"{rest}masks")
    assert _counts(tmp_path) == expected


def _lists_of_files(root: Path) -> None:
    _write(root, "", range(12))
    for split, numbers in (("train", range(7)), ("val", range(7, 12))):
        listed = "".join(f"{number:03}\n" for number in numbers)
        (root / f"{split}.txt").write_text(listed, encoding="utf-8")


def _lists_of_folders(root: Path) -> None:
    for number, sequence in enumerate(("bear", "boat", "camel")):
        _write(root, "", range(4), f"images/{sequence}", f"masks/{sequence}")
        split = "val" if number == 2 else "train"
        with (root / f"{split}.txt").open("a", encoding="utf-8") as file:
            file.write(f"{sequence}\n")


@pytest.mark.parametrize("settings", [{}, {"sources": "images", "targets": "masks"}])
@pytest.mark.parametrize(
    ("write", "expected"),
    [(_lists_of_files, {"train": 7, "val": 5}), (_lists_of_folders, {"train": 8, "val": 4})],
)
def test_lists_name_the_splits_also_of_places_that_are_given(
    tmp_path: Path, write: Callable[[Path], None], expected: dict[str, int], settings: dict[str, str]
) -> None:
    write(tmp_path)
    assert _counts(tmp_path, **settings) == expected


def test_a_sequence_may_hold_both_sides_and_one_that_is_not_there_is_missing(tmp_path: Path) -> None:
    for sequence in ("seq1", "seq2", "seq3"):
        _write(tmp_path, sequence, range(4), "rgb", "label")
    (tmp_path / "train.txt").write_text("seq1\nseq2\nseq4\n", encoding="utf-8")
    (tmp_path / "val.txt").write_text("seq3\n", encoding="utf-8")
    folder = PairFolder.open(DataConfig(str(tmp_path)))
    assert [len(folder.listing(split).pairs) for split in ("train", "val")] == [8, 4]
    (problem,) = folder.listing("train").problems
    assert (problem.kind, problem.path) == ("missing partner", Path("seq4"))


def test_a_folder_name_that_two_folders_have_stands_for_neither(tmp_path: Path) -> None:
    for number, place in enumerate(("a/01", "b/01", "a/02")):
        _write(tmp_path, "", range(10 * number, 10 * number + 4), f"images/{place}", f"masks/{place}")
    (tmp_path / "train.txt").write_text("a/01\na/02\n", encoding="utf-8")
    (tmp_path / "test.txt").write_text("c/01\n", encoding="utf-8")
    assert _counts(tmp_path, sources="images", targets="masks") == {"train": 7, "val": 1}


def test_a_list_that_names_other_files_too_is_no_problem_for_places_that_are_given(tmp_path: Path) -> None:
    _write(tmp_path, "", range(8))
    listed = "".join(f"{number:03}\n" for number in range(12))
    (tmp_path / "train.txt").write_text(listed, encoding="utf-8")
    assert _counts(tmp_path, sources="images", targets="masks") == {"train": 7, "val": 1}


def test_a_manifest_is_the_only_list(tmp_path: Path) -> None:
    _write(tmp_path, "", range(10))
    rows = "".join(f"images/{number:03}.png,masks/{number:03}.png\n" for number in range(10))
    (tmp_path / "pairs.csv").write_text(f"source,target\n{rows}", encoding="utf-8")
    (tmp_path / "train.txt").write_text("".join(f"{number:03}\n" for number in range(5)), encoding="utf-8")
    assert _counts(tmp_path) == {"train": 8, "val": 2}
