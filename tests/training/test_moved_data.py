"""A run continues with pairs that have moved if they are the same, and refuses others before it changes anything."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pairloom.cli import main
from pairloom.config import DataConfig, Size
from pairloom.data.folder import PairFolder
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.run import RunFolder
from pairloom.training_run import resume, train
from trees import two_folders

SMALL: dict[str, object] = {
    "size": 32,
    "model.width": 4,
    "model.encoder": "none",
    "epochs": 2,
    "seed": 3,
    "train.keep": "last",
}


def _quiet(_line: str) -> None:
    pass


def _weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set whose classes are found in it."""
    two_folders(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def run(data: Path, tmp_path: Path) -> Path:
    """A run of one epoch."""
    train(data, tmp_path / "run", settings={**SMALL, "epochs": 1}, log=_quiet)
    return tmp_path / "run"


def _moved(data: Path) -> Path:
    place = data.parent / "disk [2]" / "renamed"
    place.parent.mkdir()
    data.rename(place)
    return place


def test_a_run_goes_on_with_moved_pairs_as_if_they_had_not(data: Path, run: Path, tmp_path: Path) -> None:
    train(data, tmp_path / "undisturbed", settings={**SMALL, "epochs": 1}, log=_quiet)
    resume(tmp_path / "undisturbed", epochs=2, log=_quiet)
    place, said = _moved(data), list[str]()
    resume(run, data=place, epochs=2, log=said.append)
    assert _weights(run) == _weights(tmp_path / "undisturbed")
    assert not any("may differ" in line for line in said), "the files are the same"
    experiment = RunFolder(run).experiment()
    assert experiment.data.root == str(place)
    assert experiment.data.palette == str(run / "palette.yaml")
    assert "palette: palette.yaml" in (run / "config.yaml").read_text()
    resume(run, epochs=3, log=_quiet)  # from the new place, which needs no saying


def test_pairs_that_are_gone_are_asked_for_by_their_new_place(data: Path, run: Path) -> None:
    _moved(data)
    with pytest.raises(UserError, match=rf"{data}: the pairs of .* pairloom train DATA --resume {run}"):
        resume(run, epochs=2, log=_quiet)


def _change(data: Path) -> None:
    path = data / "masks/train/0002.png"
    ids = np.asarray(Image.open(path)).copy()
    ids[0, 0] = ids[-1, -1]
    ids[5, 5] = 4 if ids[5, 5] != 4 else 5  # classes that others have
    Image.fromarray(ids).save(path)


def _exchange(data: Path) -> None:
    first, second = (data / f"images/val/{name}.jpg" for name in ("0000", "0001"))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)


def _remove(data: Path) -> None:
    for path in data.glob("*/train/0002.*"):
        path.unlink()


def _rename(data: Path) -> None:
    for path in data.glob("*/train/0002.*"):
        path.rename(path.with_stem("0009"))


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (_change, r"the files of 1 pair \(0002\) differ "),
        pytest.param(_exchange, r"the files of 2 pairs \(0000, 0001\) differ ", marks=pytest.mark.slow),
        pytest.param(_remove, r"its pairs are not those .*\(0002\)", marks=pytest.mark.slow),
        (_rename, r"its pairs are not those .*\(0002, 0009\)"),
    ],
)
def test_other_pairs_are_refused_and_nothing_is_changed(
    data: Path, run: Path, alter: Callable[[Path], None], words: str
) -> None:
    place = data.with_name("copy")
    shutil.copytree(data, place)
    alter(place)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"}
    with pytest.raises(UserError, match=words) as caught:
        resume(run, data=place, epochs=2, log=_quiet)
    assert str(caught.value).startswith(f"{place}: ")
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != ".lock"} == before
    resume(run, epochs=2, log=_quiet)  # with its own


def test_pairs_that_changed_in_their_place_are_named(data: Path, run: Path) -> None:
    _change(data)
    said: list[str] = []
    resume(run, epochs=2, log=said.append)
    changed = (
        "the files of 1 pair (0002) have changed since the state was saved; training goes on with them as they are"
    )
    assert changed in said


@pytest.mark.slow
def test_states_without_digests_are_compared_by_names_and_say_so(data: Path, run: Path) -> None:
    last = run / "checkpoints/last.pt"
    state = torch.load(last, weights_only=True)
    del state["digests"]
    torch.save(state, last)
    said: list[str] = []
    resume(run, data=_moved(data), epochs=2, log=said.append)
    assert any("only the names are compared" in line for line in said)


def test_the_command_line_takes_the_new_place(data: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = _moved(data)
    assert main(["train", "--resume", str(run), "--epochs", "2"]) == 2
    assert "pairloom train DATA --resume" in capsys.readouterr().err
    assert main(["train", str(place), "--resume", str(run), "--epochs", "2"]) == 0
    assert RunFolder(run).experiment().data.root == str(place)


def test_digests_follow_the_contents_and_neither_place_nor_time(data: Path, tmp_path: Path) -> None:
    def digests(root: Path) -> tuple[str, ...]:
        return PairStore.open(PairFolder.open(DataConfig(str(root))), "train", Size(32, 32)).digests

    before = digests(data)
    assert len(set(before)) == len(before) == 5
    shutil.copytree(data, tmp_path / "copy", copy_function=shutil.copyfile)
    assert digests(tmp_path / "copy") == before
    _change(tmp_path / "copy")
    after = digests(tmp_path / "copy")
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, True, False, True, True]
