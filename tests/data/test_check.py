"""Each thing that can be wrong with a data set is found, and named with its file."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairloom.cli import main
from pairloom.config import DataConfig, LayoutName
from pairloom.data.check import CheckResult, check_pairs
from pairloom.data.folder import PairFolder
from pairloom.palette import CAMVID
from trees import WRITERS, save

RNG = np.random.default_rng(0)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A clean data set in CamVid's layout, in which every class occurs in both splits."""
    for split, count in (("train", 4), ("val", 2)):
        for index in range(count):
            save(tmp_path / split / f"0016E5_{index:05d}.png", RNG.integers(0, 256, (24, 36, 3), dtype=np.uint8))
            save(tmp_path / f"{split}annot" / f"0016E5_{index:05d}.png", RNG.integers(0, 12, (24, 36), dtype=np.uint8))
    return tmp_path


def _check(root: Path, **settings: object) -> CheckResult:
    return check_pairs(PairFolder.open(DataConfig(str(root), **settings)))  # type: ignore[arg-type]


def _missing_partner(root: Path) -> Path:
    (root / "valannot" / "0016E5_00001.png").unlink()
    return root / "val" / "0016E5_00001.png"


def _different_sizes(root: Path) -> Path:
    return save(root / "trainannot" / "0016E5_00002.png", np.zeros((23, 36), dtype=np.uint8))


def _truncated(root: Path) -> Path:
    path = root / "train" / "0016E5_00003.png"
    path.write_bytes(path.read_bytes()[:300])
    return path


def _unreadable_target(root: Path) -> Path:
    path = root / "trainannot" / "0016E5_00000.png"
    path.write_text("no image")
    return path


def _outside(root: Path) -> Path:
    return save(root / "valannot" / "0016E5_00000.png", np.full((24, 36), 77, dtype=np.uint8))


def _empty(root: Path) -> Path:
    for folder in ("val", "valannot"):
        for path in (root / folder).iterdir():
            path.unlink()
    return root / "val"


def _duplicate(root: Path) -> Path:
    Image.open(root / "train" / "0016E5_00001.png").save(root / "train" / "0016E5_00001.tif")
    return root / "train" / "0016E5_00001.tif"


def _twin(root: Path) -> Path:
    Image.open(root / "train" / "0016E5_00001.png").save(root / "val" / "0016E5_00000.png", compress_level=0)
    return root / "val" / "0016E5_00000.png"


def _nearly_void(root: Path) -> Path:
    ids = np.full((24, 36), 11, dtype=np.uint8)
    ids[:1] = 3
    return save(root / "trainannot" / "0016E5_00002.png", ids)


def _one_split(root: Path) -> Path:
    for path in (root / "trainannot").iterdir():
        ids = np.asarray(Image.open(path)).copy()
        ids[ids == 9] = 3
        save(path, ids)
    return root / "valannot" / "0016E5_00000.png"


PROBLEMS: dict[str, Callable[[Path], Path]] = {
    "missing partner": _missing_partner,
    "different sizes": _different_sizes,
    "unreadable": _truncated,
    "unreadable ": _unreadable_target,
    "value outside the palette": _outside,
    "empty folder": _empty,
    "duplicate stem": _duplicate,
    "same picture in two splits": _twin,
    "nearly all void": _nearly_void,
    "class in one split only": _one_split,
}


def test_a_clean_data_set_is_said_to_be_clean(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(data)]) == 0
    printed = capsys.readouterr().out
    assert "4 train, 2 val pairs" in printed
    assert "6 pairs, no problems: all is well" in printed
    assert all(name in printed for name in CAMVID.names)


@pytest.mark.parametrize("kind", PROBLEMS)
def test_every_problem_is_named_with_its_file(data: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = PROBLEMS[kind](data)
    found = [(problem.kind, problem.path) for problem in _check(data).problems]
    assert (kind.strip(), path) in found
    others = {name for name, _ in found} - {kind.strip()}
    assert others <= {"empty folder"}, "one mistake is told once"
    assert main(["check", str(data)]) == 2
    assert str(path) in capsys.readouterr().out
    assert main(["check", str(data), "--json"]) == 2
    record = json.loads(capsys.readouterr().out)
    assert {"kind": kind.strip(), "file": str(path)} in [
        {name: problem[name] for name in ("kind", "file")} for problem in record["problems"]
    ]
    assert all(problem["message"] for problem in record["problems"])


def test_all_problems_are_told_at_once(data: Path) -> None:
    wrong = {make(data) for make in (_missing_partner, _different_sizes, _truncated, _outside)}
    assert {problem.path for problem in _check(data).problems} >= wrong


def test_the_table_counts_pixels_and_pairs_of_each_class(data: Path) -> None:
    result = _check(data)
    targets = {
        split: [np.asarray(Image.open(path)) for path in (data / f"{split}annot").iterdir()]
        for split in ("train", "val")
    }
    everything = np.concatenate([target.ravel() for split in targets.values() for target in split])
    for number, name in enumerate(CAMVID.names):
        count = result.classes[name]
        assert result.share(name) == pytest.approx((everything[everything < 11] == number).mean())
        assert count.pairs == {
            split: sum((target == number).any() for target in found) for split, found in targets.items()
        }
    assert sum(result.share(name) for name in result.classes) == pytest.approx(1)


def test_colours_that_the_palette_does_not_know_are_reported(tmp_path: Path) -> None:
    WRITERS["side-by-side"](tmp_path)
    assert _check(tmp_path).far_share == 0
    path = tmp_path / "train" / "0003.png"
    both = np.asarray(Image.open(path)).copy()
    both[:10, 64:] = (90, 250, 250)
    save(path, both)
    result = _check(tmp_path, palette="cityscapes")
    assert result.far_share == pytest.approx(0.25 / 7, rel=1e-6)
    assert ("value outside the palette", path) in [(problem.kind, problem.path) for problem in result.problems]


def test_pictures_as_targets_have_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    WRITERS["side-by-side"](tmp_path)
    result = _check(tmp_path, target="images")
    assert (result.classes, result.far_share, result.problems) == ({}, None, [])
    assert main(["check", str(tmp_path), "--data.target", "images", "--write-palette", str(tmp_path / "p.yaml")]) == 2
    assert "no classes to write" in capsys.readouterr().err


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_can_be_checked(tmp_path: Path, name: LayoutName) -> None:
    WRITERS[name](tmp_path)
    result = _check(tmp_path)
    assert result.pairs == {"train": 5, "val": 2}
    # So few scenes do not hold every class in both splits; nothing else is wrong with them.
    assert {problem.kind for problem in result.problems} <= {"class in one split only"}


def test_found_classes_are_written_to_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    WRITERS["two-folders"](tmp_path / "data")
    path = tmp_path / "classes.yaml"
    main(["check", str(tmp_path / "data"), "--write-palette", str(path)])
    path.write_text(path.read_text().replace("class 0:", "tarmac:"))
    capsys.readouterr()
    main(["check", str(tmp_path / "data"), "--data.palette", str(path)])
    assert "tarmac" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "data"), "--write-palette", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_settings_that_are_not_the_datas_are_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(data), "--epochs", "3"]) == 2
    assert "check takes --data.field only" in capsys.readouterr().err
