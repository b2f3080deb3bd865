"""Each thing that can be wrong with a data set is found, and named with its file."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairloom.cli import main
from pairloom.config import DataConfig, LayoutName
from pairloom.data import check
from pairloom.data.check import CheckResult, by_kind, check_pairs
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import Problem
from pairloom.palette import CAMVID, CITYSCAPES, UInt8Array
from pairloom.streets import draw_street
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


def _open(root: Path, **settings: object) -> PairFolder:
    return PairFolder.open(DataConfig(str(root), **settings))  # type: ignore[arg-type]


def _check(root: Path, **settings: object) -> CheckResult:
    return check_pairs(_open(root, **settings))


def test_processes_find_what_threads_find(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _truncated(data)
    _different_sizes(data)
    by_threads = _check(data)
    monkeypatch.setattr(check, "MANY", 1)
    by_processes = check_pairs(_open(data), processes=2)
    assert by_processes == by_threads
    assert len(by_threads.problems) == 2


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
    assert "6 pairs, no problems" in printed
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
    assert "targets are pictures without classes" in capsys.readouterr().err


def _scenes(root: Path, count: int = 12) -> list[Path]:
    """Street scenes side by side in training and validation; return the training files."""
    for split, first, number in (("train", 0, count), ("val", 100, 4)):
        for index in range(number):
            photograph, ids = draw_street(0, first + index, 96, 96)
            save(root / split / f"{index:02}.png", np.hstack([photograph, CITYSCAPES.to_colours(ids)]))
    return sorted((root / "train").iterdir())


def _change(path: Path, change: Callable[[UInt8Array, UInt8Array], tuple[UInt8Array, UInt8Array]]) -> None:
    both = np.asarray(Image.open(path).convert("RGB"))
    middle = both.shape[1] // 2
    save(path, np.hstack(change(both[:, :middle], both[:, middle:])))


def _kinds(problems: Sequence[Problem]) -> dict[str, set[str]]:
    """Name the files of each kind, but for classes of one split: so few scenes do not hold all in both."""
    grouped = by_kind([problem for problem in problems if problem.kind != "class in one split only"])
    return {kind: {problem.path.name for problem in group} for kind, group in grouped.items()}


def test_pairs_unlike_the_others_are_found(tmp_path: Path) -> None:
    files = _scenes(tmp_path)
    assert _kinds(_check(tmp_path).problems) == {}
    _change(files[0], lambda source, target: (target, source))
    _change(files[1], lambda source, target: (np.full_like(source, 80), target))
    _change(files[2], lambda source, target: (source, target[:, ::-1]))
    _change(files[3], lambda source, target: (source, np.full_like(target, (128, 64, 128))))
    result = _check(tmp_path)
    assert _kinds(result.problems) == {
        "swapped sides": {"00.png"},
        "blank image": {"01.png"},
        "mirrored target": {"02.png"},
    }
    assert _kinds(result.warnings) == {"blank target": {"03.png"}}
    assert {files.name for pairs in result.evidence.values() for files in pairs} >= {"00", "01", "02", "03"}


def test_where_a_sample_holds_a_bad_pair_all_are_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pairloom.data.check.COMPARED", 8)
    files = _scenes(tmp_path, 20)
    for place in (4, 7):
        _change(files[place], lambda source, target: (source, target[:, ::-1]))
    assert _kinds(_check(tmp_path).problems) == {}, "neither is in the sample: each third pair"
    _change(files[6], lambda source, target: (source, target[:, ::-1]))
    assert _kinds(_check(tmp_path).problems) == {"mirrored target": {"04.png", "06.png", "07.png"}}


def test_compressed_photographs_are_compared_too(tmp_path: Path) -> None:
    for index in range(10):
        photograph, ids = draw_street(0, index, 300, 420)
        photograph = np.full_like(photograph, 90) if index == 1 else photograph
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.fromarray(photograph).save(tmp_path / "images" / f"{index}.jpg", quality=90)
        save(tmp_path / "masks" / f"{index}.png", ids[::-1] if index == 2 else ids)
    save(tmp_path / "masks" / "3.png", np.zeros((300, 418), dtype=np.uint8))
    result = _check(tmp_path, palette="cityscapes")
    assert _kinds(result.problems) == {
        "blank image": {"1.jpg"},
        "different sizes": {"3.png"},
        "mirrored target": {"2.png"},
        "classes that occur nowhere": {tmp_path.name},
    }


def test_a_mistake_of_all_pairs_is_one_problem(tmp_path: Path) -> None:
    for path in _scenes(tmp_path):
        _change(path, lambda source, target: (source, target[::-1]))
    (problem,) = (problem for problem in _check(tmp_path).problems if problem.kind == "mirrored target")
    assert problem.path == tmp_path
    assert "of 16 pairs the edges agree better when the target is mirrored top to bottom" in problem.message


def test_pictures_whose_sides_are_exchanged_are_found(tmp_path: Path) -> None:
    files = _scenes(tmp_path)
    for path in files[4:6]:
        _change(path, lambda source, target: (target, source))
    result = _check(tmp_path, target="images")
    assert _kinds(result.problems) == {"swapped sides": {"04.png", "05.png"}}


def test_targets_without_an_object_are_no_mistake_where_they_are_many(tmp_path: Path) -> None:
    for index in range(12):
        photograph, ids = draw_street(0, index, 64, 64)
        save(tmp_path / "images" / f"{index}.png", photograph)
        save(tmp_path / "masks" / f"{index}.png", ((ids == 13) & (index % 2 > 0)).astype(np.uint8) * np.uint8(255))
    result = _check(tmp_path)
    assert (_kinds(result.problems), _kinds(result.warnings)) == ({}, {})


def test_nearly_the_same_pictures_in_two_splits_are_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = _scenes(tmp_path)
    for index in range(5):
        copy = tmp_path / "val" / f"copy{index}.png"
        shutil.copy(files[index], copy)
        _change(copy, lambda source, target: ((source * 0.93 + 8).astype(np.uint8), target))
    result = _check(tmp_path)
    assert _kinds(result.problems) == {}
    assert _kinds(result.warnings) == {"near-duplicate across splits": {f"copy{index}.png" for index in range(5)}}
    assert "data.group" in result.warnings[0].message
    assert main(["check", str(tmp_path)]) == (2 if result.problems else 0)
    printed = capsys.readouterr().out
    assert "near-duplicate across splits (warning): 5\n" in printed
    assert printed.count("is nearly the same picture") == 3
    assert f"… and 2 more (pairloom check {tmp_path} --json lists all)" in printed
    main(["check", str(tmp_path), "--json"])
    record = json.loads(capsys.readouterr().out)
    assert len(record["warnings"]) == 5
    assert {"kind", "file", "message"} == set(record["warnings"][0])


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 7), (8, 8), (9, 300)])
def test_images_of_any_size_can_be_checked(tmp_path: Path, size: tuple[int, int]) -> None:
    for index in range(6):
        save(tmp_path / "images" / f"{index}.png", RNG.integers(0, 256, (*size, 3), dtype=np.uint8))
        save(tmp_path / "masks" / f"{index}.png", RNG.integers(0, 2, size, dtype=np.uint8))
    result = _check(tmp_path, target="images", sources="images", targets="masks")
    assert sum(result.pairs.values()) == 6


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
    assert "already exists" in capsys.readouterr().err


def test_settings_that_are_not_the_datas_are_refused(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(data), "--epochs", "3"]) == 2
    assert "check accepts --data.field only" in capsys.readouterr().err


def test_groups_in_two_splits_are_found_where_the_data_have_splits(data: Path) -> None:
    assert _kinds(_check(data).problems) == {}
    result = _check(data, group=r"(\d+E\d)_")
    assert _kinds(result.problems) == {"group in two splits": {"0016E5_00000.png"}}
    assert "the group '0016E5', whose pairs are in train and val" in result.problems[0].message
    assert _kinds(_check(data, group=r"^(train|val)/").problems) == {}
    assert any("data.group draws no splits" in note for note in _open(data, group="(E)").notes)
    assert not any("data.group" in note for note in _open(data).notes)
