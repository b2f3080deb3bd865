"""The run folder: begun once, whole at every moment, and read back as it was written."""

import dataclasses
from pathlib import Path

import pytest

from pairloom.config import Experiment
from pairloom.errors import UserError
from pairloom.palette import CAMVID, Palette, read_palette
from pairloom.run import LOCK, RunFolder, require_empty
from pairloom.settings import load_experiment


def _experiment(**settings: object) -> Experiment:
    return load_experiment("seed", settings=settings)


def _begin(path: Path, experiment: Experiment, palette: Palette | None = None) -> RunFolder:
    run = RunFolder(path)
    with run.locked():
        run.begin(experiment, palette)
    return run


def _tree(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*") if path.name != LOCK}


def test_a_run_is_begun_with_its_config_and_nothing_unfinished(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "first"
    run = _begin(path, _experiment(size=64, seed=5))
    assert run == RunFolder(path)
    assert sorted(entry.name for entry in path.iterdir()) == [LOCK, "checkpoints", "config.yaml", "report"]
    assert run.config.is_file()
    assert run.experiment() == _experiment(size=64, seed=5)


@pytest.mark.parametrize("preset", ["demo", "recommended", "seed"])
def test_the_config_is_read_back_as_it_was_written(tmp_path: Path, preset: str) -> None:
    experiment = load_experiment(preset, settings={"data.root": str(tmp_path / "a: #b"), "optim.decay": "cosine"})
    resolved = experiment.resolved()
    assert _begin(tmp_path / "run", resolved).experiment() == resolved


def test_an_empty_folder_may_be_the_run(tmp_path: Path) -> None:
    assert _begin(tmp_path, _experiment()).experiment() == _experiment()


@pytest.mark.parametrize("content", ["notes.txt", ".hidden"])
def test_a_folder_that_holds_anything_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    (tmp_path / content).write_text("mine")
    with pytest.raises(UserError, match="already holds files") as caught:
        _begin(tmp_path, _experiment())
    assert str(caught.value).startswith(str(tmp_path))
    assert _tree(tmp_path) == {tmp_path / content: b"mine"}


def test_a_run_is_not_begun_twice(tmp_path: Path) -> None:
    _begin(tmp_path / "run", _experiment(seed=1))
    before = _tree(tmp_path)
    with pytest.raises(UserError, match="already holds files"):
        _begin(tmp_path / "run", _experiment(seed=2))
    assert _tree(tmp_path) == before


def test_a_run_where_no_folder_can_be_made_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for path in (file, file / "run"):
        with pytest.raises(UserError) as caught:
            _begin(path, _experiment())
        assert str(caught.value).startswith(f"{path}: ")
    assert _tree(tmp_path) == {file: b"mine"}


def test_what_is_empty_or_not_there_may_be_written(tmp_path: Path) -> None:
    require_empty(tmp_path)
    require_empty(tmp_path / "missing")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="already holds files"):
        require_empty(tmp_path)


def test_the_config_can_be_replaced_and_leaves_nothing_unfinished(tmp_path: Path) -> None:
    run = _begin(tmp_path, _experiment(epochs=3))
    before = _tree(tmp_path)
    run.write_config(_experiment(epochs=9))
    assert run.experiment().train.epochs == 9
    assert _tree(tmp_path).keys() == before.keys()


def test_a_config_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = _begin(tmp_path, _experiment(epochs=3))

    def full(path: Path, _target: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(OSError, match="No space left"):
            run.write_config(_experiment(epochs=9))
    assert run.experiment().train.epochs == 3
    assert not list(tmp_path.glob(".*.unfinished"))


def test_what_is_no_run_is_refused_by_name(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UserError, match="is not a run folder") as caught:
            RunFolder(path).experiment()
        assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("damage", ["train: {epochs: 3", "data: {}\n- else", "train: {epoch: 3}", "train: 3"])
def test_a_damaged_config_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    run = _begin(tmp_path, _experiment())
    run.config.write_text(damage)
    with pytest.raises(UserError) as caught:
        run.experiment()
    assert str(caught.value).startswith(str(run.config))


def test_every_file_of_a_run_lies_inside_it_under_its_own_name(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    properties = [name for name, value in vars(RunFolder).items() if isinstance(value, property)]
    places = [getattr(run, name) for name in properties] + [run.snapshot(7), run.samples(7)]
    assert len(set(places)) == len(places) == 9
    assert all(place.is_relative_to(tmp_path) and place != tmp_path for place in places)
    assert dataclasses.asdict(run) == {"path": tmp_path}


def test_sampled_epochs_come_in_order_whatever_their_digits(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert run.sampled_epochs() == []
    epochs = [10_000, 2, 10, 9_999, 1, 100, 30, 4, 700, 55]
    for epoch in epochs:
        run.samples(epoch).mkdir(parents=True)
        run.snapshot(epoch + 1).mkdir(parents=True)
    (tmp_path / "samples" / "notes").mkdir()
    assert run.sampled_epochs() == sorted(epochs)


def test_a_palette_that_is_not_built_in_is_kept_with_the_run(tmp_path: Path) -> None:
    own = Palette("found", ("class 0", "class 1"), ((1, 2, 3), (4, 5, 6)))
    run = _begin(tmp_path / "own", _experiment(), own)
    assert read_palette(run.palette) == own
    assert run.experiment().data.palette == str(run.palette)
    (tmp_path / "own").rename(tmp_path / "moved")
    assert RunFolder(tmp_path / "moved").experiment().data.palette == str(tmp_path / "moved" / "palette.yaml")
    assert not _begin(tmp_path / "known", _experiment(), CAMVID).palette.exists()


def test_a_run_is_locked_to_one_process_and_free_again(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    with run.locked(), pytest.raises(UserError, match="another process is training in it"), run.locked():
        pass
    with run.locked():
        pass


def test_what_a_killed_process_has_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / ".lock").touch()
    (tmp_path / ".config.yaml.1-1.unfinished").write_text("half")
    (tmp_path / "palette.yaml").write_text("half")
    run = _begin(tmp_path, _experiment())
    assert not list(tmp_path.glob(".*.unfinished"))
    assert run.experiment() == _experiment()
