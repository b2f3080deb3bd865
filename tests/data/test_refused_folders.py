"""Folders that hold no pairs, or hold them in two ways, are refused with exit code 2 and a word on what was seen."""

import contextlib
import io
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairloom.cli import main
from pairloom.palette import UInt8Array
from public_makers import Dataset, as_is, white

COUNT = 8


def _photographs(root: Path) -> None:
    data = Dataset(root)
    for n in range(COUNT):
        data.photograph(f"IMG_{n:04}.jpg")


def _photographs_by_split(root: Path) -> None:
    data = Dataset(root)
    for split in ("train", "val"):
        for n in range(COUNT):
            data.photograph(f"{split}/{n}.jpg")


def _test_photographs(root: Path) -> None:
    data = Dataset(root)
    for n in range(COUNT):
        data.photograph(f"test/images/{n}.jpg")


def _of_any_size(data: Dataset, path: str, n: int) -> None:
    """Write a photograph of a size of its own."""
    picture, _ = data.scene()
    data.photograph(path, picture[: 30 + 5 * (n % 3), : 40 + 7 * (n % 4)])


def _classes_by_folder(root: Path) -> None:
    data = Dataset(root)
    for split in ("train", "val"):
        for number, kind in enumerate(("cat", "dog")):
            for n in range(COUNT):
                _of_any_size(data, f"{split}/{kind}/{n + 1}.jpg", n + number)


def _classes_by_name(root: Path) -> None:
    data = Dataset(root)
    for number, kind in enumerate(("cat", "dog")):
        for n in range(COUNT):
            _of_any_size(data, f"train/{kind}.{n}.jpg", n + number)


def _classes_in_a_table(root: Path) -> None:
    _photographs(root)
    (root / "labels.csv").write_text("file,label\n" + "".join(f"IMG_{n:04}.jpg,cat\n" for n in range(COUNT)))


def _masks(root: Path) -> None:
    data = Dataset(root, classes=3)
    for n in range(COUNT):
        data.write(f"masks/{n}.png", as_is(data.scene()[1]))


def _two_annotators(root: Path) -> None:
    data = Dataset(root)
    for n in range(COUNT):
        picture, ids = data.scene()
        data.photograph(f"images/{n}.jpg", picture)
        data.write(f"annotator1/{n}.png", white(ids))
        data.write(f"annotator2/{n}.png", white(ids & np.roll(ids, 4, 1)))


def _nothing(root: Path) -> None:
    root.mkdir(exist_ok=True)


def _words(root: Path) -> None:
    Dataset(root).text("README.md", "# Data\n\nSee the web page.\n")


def _empty_folders(root: Path) -> None:
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)


def _no_stem_agrees(root: Path) -> None:
    data = Dataset(root)
    for n in range(COUNT):
        picture, ids = data.scene()
        data.photograph(f"images/{'abcdefgh'[n] * 3}.jpg", picture)
        data.write(f"masks/{'stuvwxyz'[n] * 4}.png", white(ids))


def _thumbnails(root: Path) -> None:
    data = Dataset(root)
    for n in range(COUNT):
        picture, _ = data.scene()
        data.photograph(f"photos/{n}.jpg", picture)
        small = Image.fromarray(picture).resize((16, 12))
        data.photograph(f"thumbnails/{n}.jpg", np.asarray(small))


def _copies(root: Path) -> None:
    data = Dataset(root)
    for n in range(COUNT):
        data.photograph(f"photos/{n}.jpg")
    shutil.copytree(root / "photos", root / "backup")


def _other_sizes(root: Path) -> None:
    data = Dataset(root)
    for n in range(COUNT):
        picture, ids = data.scene()
        data.photograph(f"images/{n}.png", picture)
        data.write(f"masks/{n}.png", white(ids)[:40, :50])


def _one_mask_for_all(root: Path) -> None:
    data = Dataset(root)
    _photographs(root)
    data.write("mask.png", white(data.scene()[1]))


def _raw(root: Path) -> None:
    _photographs(root / "jpg")
    (root / "raw").mkdir()
    for n in range(COUNT):
        (root / f"raw/IMG_{n:04}.NEF").write_bytes(b"MM\0*" + bytes(64))


def _of_one_colour(root: Path) -> None:
    """Masks in which nothing is marked."""
    data = Dataset(root)
    for n in range(COUNT):
        picture, ids = data.scene()
        data.photograph(f"images/{n}.jpg", picture)
        blank: UInt8Array = np.zeros_like(ids)
        data.write(f"masks/{n}.png", blank)


FOLDERS: Mapping[str, Callable[[Path], None]] = {
    "photographs": _photographs,
    "photographs by split": _photographs_by_split,
    "test photographs": _test_photographs,
    "classes by folder": _classes_by_folder,
    "classes by name": _classes_by_name,
    "classes in a table": _classes_in_a_table,
    "masks": _masks,
    "two annotators": _two_annotators,
    "nothing": _nothing,
    "words": _words,
    "empty folders": _empty_folders,
    "no stem agrees": _no_stem_agrees,
    "thumbnails": _thumbnails,
    "copies": _copies,
    "other sizes": _other_sizes,
    "one mask for all": _one_mask_for_all,
    "raw files beside": _raw,
    "masks of one colour": _of_one_colour,
}


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_without_pairs_or_with_too_many_is_refused(name: str, tmp_path: Path) -> None:
    FOLDERS[name](tmp_path / "data")
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["check", str(tmp_path / "data")])
    assert code == 2, out.getvalue()
    assert "Traceback" not in err.getvalue()
    assert err.getvalue().startswith("pairloom: ") or "problem" in out.getvalue()


def test_two_annotators_are_both_named_with_the_flag_that_settles_it(tmp_path: Path) -> None:
    _two_annotators(tmp_path)
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        main(["check", str(tmp_path)])
    assert all(word in err.getvalue() for word in ("annotator1", "annotator2", "--data.targets"))
    with contextlib.redirect_stdout(io.StringIO()) as out:
        settled = ["check", str(tmp_path), "--data.sources", "images", "--data.targets", "annotator2", "--json"]
        assert main(settled) == 0, out.getvalue()
    assert "annotator1" not in out.getvalue().split('"problems"')[0]
