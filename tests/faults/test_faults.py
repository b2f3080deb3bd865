"""Faults of machine and system: good data are kept, what fails is named, and a run continues."""

import errno
import json
import math
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from forks import LONG, Command, Ended, run
from PIL import Image
from refusals import closed_streams, cut_output, full_output, refusing
from torch import Tensor

from foreign import ForeignGenerator
from pairloom.errors import UserError
from pairloom.files import UNFINISHED
from pairloom.training.checkpoint import load_state
from pairloom.training.step import Losses, TrainingStep
from pairloom.training_run import resume, train

TINY = {
    "size": 32,
    "model.width": 4,
    "model.encoder": "none",
    "batch_size": 1,
    "optim.decay": "none",
    "epochs": 2,
    "train.snapshot_every": 2,
    "train.checkpoint_steps": 2,
    "device": "cpu",
}
WORDS = [word for name, value in TINY.items() for word in (f"--{name}", str(value))]


def _quiet(_line: str) -> None:
    pass


def _result(folder: Path) -> tuple[bytes, list[dict[str, object]]]:
    """The weights and the metrics, timings aside."""
    records = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    for record in records:
        del record["seconds"]
    return (folder / "model/model.safetensors").read_bytes(), records


@pytest.fixture(scope="module")
def undisturbed(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[dict[str, object]]]:
    """What a run comes to that nothing happens to, in a process with one thread."""
    folder = tmp_path_factory.mktemp("undisturbed")
    _require_good(run(_training(streets, folder / "run"), folder))
    return _result(folder / "run")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _training(streets: Path, folder: Path) -> list[object]:
    return ["train", streets, "--out", folder, *WORDS]


def _require_good(ended: Ended) -> None:
    assert (ended.code, ended.err) == (0, "")


def _require_mistake(ended: Ended, complaint: str) -> None:
    assert ended.code == 2, ended.err
    assert complaint in ended.err
    assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) <= 2


# Signals.


class _Slow(TrainingStep):
    """Takes its time, so that a second signal comes before the step is done."""

    def __call__(self, source: Tensor, target: Tensor) -> Losses:
        losses = super().__call__(source, target)
        until = time.monotonic() + 0.8
        while time.monotonic() < until:  # a signal ends `time.sleep`
            time.sleep(0.05)
        return losses


def _slowly() -> None:
    pytest.MonkeyPatch().setattr("pairloom.training.networks.TrainingStep", _Slow)  # this process ends with it


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        pytest.param((signal.SIGTERM,), 143, id="SIGTERM"),
        pytest.param((signal.SIGINT,), 130, id="SIGINT", marks=pytest.mark.slow),
        pytest.param((signal.SIGUSR1,), 138, id="SIGUSR1", marks=pytest.mark.slow),
        pytest.param((signal.SIGINT, signal.SIGINT), 130, id="SIGINT twice", marks=pytest.mark.slow),
        pytest.param((signal.SIGTERM, signal.SIGTERM), -signal.SIGTERM, id="SIGTERM twice", marks=pytest.mark.slow),
    ],
)
def test_signals_end_a_run_by_their_codes_and_it_goes_on(
    signals: tuple[signal.Signals, ...],
    code: int,
    streets: Path,
    tmp_path: Path,
    undisturbed: tuple[bytes, list[dict[str, object]]],
) -> None:
    command = Command(_training(streets, tmp_path / "run"), tmp_path, _slowly)
    _wait_for(lambda: (tmp_path / "run/checkpoints/last.pt").exists(), command)
    for number in signals:
        os.kill(command.pid, number)
        time.sleep(0.3)
    ended = command.wait()
    assert ended.code == code
    assert "Traceback" not in ended.err
    if code > 0:
        assert f"to resume: pairloom train --resume {tmp_path / 'run'}" in ended.err
        assert ended.err.endswith("pairloom: stopped\n")
    state = load_state(tmp_path / "run/checkpoints")
    assert state is not None
    assert (state["step"] > 2) == (len(signals) == 1), "once, the step under way is saved; twice, it is left"
    _require_good(run(["train", "--resume", tmp_path / "run"], tmp_path))
    assert _result(tmp_path / "run") == undisturbed


def _wait_for(true: Callable[[], bool], command: Command) -> None:
    deadline = time.monotonic() + LONG
    while not true():
        assert command.lives, command.err
        assert time.monotonic() < deadline, "it does not come to pass"
        time.sleep(0.02)


# The disk.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 8 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=False)  # noqa: S607
    if done.returncode != 0:
        pytest.skip("this user may mount no file system; the injected errors stand in for it")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)  # noqa: S607


LONGER = [pytest.param(room, marks=pytest.mark.slow) for room in (8, 20, 150, 250, 400, 600, 900, 1300)]


@pytest.mark.parametrize("room", [60, *LONGER])
def test_a_full_disk_ends_a_run_with_a_message_and_room_lets_it_go_on(
    room: int, streets: Path, small_disk: Path, tmp_path: Path, undisturbed: tuple[bytes, list[dict[str, object]]]
) -> None:
    """So many kibibytes are free: the config fits, or the first state, or some pictures."""
    folder, filler = small_disk / "run", small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - room * 1024))
    ended = run(_training(streets, folder), tmp_path)
    assert ended.code in (0, 2), ended.err
    if ended.code:
        assert "space" in ended.err or "full" in ended.err
        assert "Traceback" not in ended.err
    assert not list(folder.rglob("*.unfinished"))
    filler.unlink()
    again = ["train", "--resume", folder] if (folder / "config.yaml").exists() else _training(streets, folder)
    _require_good(run(again, tmp_path))
    assert _result(folder) == undisturbed


@pytest.mark.parametrize("after", [5, *(pytest.param(n, marks=pytest.mark.slow) for n in (0, 2, 3, 7, 9, 11, 14))])
def test_no_space_at_any_write_ends_a_run_with_a_message_and_it_goes_on(
    after: int, streets: Path, tmp_path: Path, undisturbed: tuple[bytes, list[dict[str, object]]]
) -> None:
    folder = tmp_path / "run"
    ended = run(_training(streets, folder), tmp_path, refusing(folder, errno.ENOSPC, after))
    _require_mistake(ended, "No space left on device")
    again = ["train", "--resume", folder] if (folder / "config.yaml").exists() else _training(streets, folder)
    _require_good(run(again, tmp_path))
    assert _result(folder) == undisturbed


@pytest.mark.parametrize("number", [errno.EROFS, pytest.param(errno.EACCES, marks=pytest.mark.slow)])
def test_an_output_folder_that_cannot_be_written_is_named(
    number: int, streets: Path, small_model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for words in (
        _training(streets, out),
        ["translate", small_model, streets / "val", "--out", out, "--device", "cpu"],
        ["data", "streets", "--out", out, "--size", "32", "--train-pairs", "1", "--val-pairs", "1"],
    ):
        ended = run(words, tmp_path, refusing(out, number))
        _require_mistake(ended, os.strerror(number))
        assert str(out) in ended.err
        assert not out.exists()


def _work(name: str, small_model: Path, photographs: Path, out: Path) -> list[object]:
    """Return the words for other work than training."""
    if name == "import":
        foreign = out.with_name("latest_net_G.pth")
        torch.save(ForeignGenerator(7, 1).state_dict(), foreign)
        return ["import", foreign, "--out", out]
    return {
        "translate": ["translate", small_model, photographs, "--out", out, "--device", "cpu"],
        "streets": ["data", "streets", "--out", out, "--size", "32", "--train-pairs", "2", "--val-pairs", "1"],
        "export": ["export", small_model, "--out", out / "model.onnx"],
    }[name]


@pytest.mark.parametrize(
    ("name", "after"),
    [
        *(("translate", 0), ("translate", 1), ("translate", 2), ("streets", 0), ("streets", 2), ("import", 0)),
        *(("import", 1), ("import", 2), pytest.param("export", 1, marks=pytest.mark.slow)),
    ],
)
def test_no_space_at_other_work_ends_with_a_message_and_leaves_whole_files(
    name: str, after: int, small_model: Path, photographs: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = _work(name, small_model, photographs, out)
    ended = run(words, tmp_path, refusing(out, errno.ENOSPC, after))
    assert ended.code == 2
    assert "No space left on device" in ended.err
    assert "Traceback" not in ended.err
    for path in out.rglob("*"):
        assert not path.match(UNFINISHED), "it is tidied up"
        if path.suffix == ".png":
            with Image.open(path) as image:
                image.load()
    shutil.rmtree(out, ignore_errors=True)
    _require_good(run(words, tmp_path))


@pytest.mark.slow
def test_an_output_folder_that_vanishes_ends_the_run_with_a_message(streets: Path, tmp_path: Path) -> None:
    command = Command([*_training(streets, tmp_path / "run"), "--epochs", "500"], tmp_path)
    _wait_for(lambda: (tmp_path / "run/checkpoints/previous.pt").exists(), command)
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    _require_mistake(command.wait(), str(tmp_path / "run"))
    assert load_state(tmp_path / "elsewhere/checkpoints") is not None


# What is saved.


@pytest.mark.parametrize(
    "damage", ["flipped", *(pytest.param(d, marks=pytest.mark.slow) for d in ("truncated", "empty", "zeros"))]
)
def test_a_damaged_checkpoint_is_noticed_and_the_one_before_used_and_that_is_said(
    damage: str, streets: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    train(streets, folder, settings=TINY, log=_quiet)
    whole = _result(folder)
    last = folder / "checkpoints/last.pt"
    content = bytearray(last.read_bytes())
    weight = content.index(next(iter(torch.load(last)["networks"]["generator"].values())).numpy().tobytes())
    if damage == "flipped":
        content[weight] ^= 1
    elif damage == "zeros":
        content[weight : weight + 4096] = bytes(4096)
    last.write_bytes(content[: {"truncated": len(content) // 3, "empty": 0}.get(damage, len(content))])
    said: list[str] = []
    resume(folder, log=said.append)
    assert "last.pt is damaged" in said[0]
    assert "renamed damaged.pt; the previous state is used" in said[0]
    assert _result(folder) == whole


def test_no_flipped_bit_of_a_checkpoint_passes_unseen(streets: Path, tmp_path: Path) -> None:
    """`torch.load` alone takes almost all of them for good."""
    train(streets, tmp_path / "run", settings={**TINY, "epochs": 1}, log=_quiet)
    folder = tmp_path / "run/checkpoints"
    last = folder / "last.pt"
    for path in folder.glob("*.pt"):
        if path != last:
            path.unlink()
    content = last.read_bytes()
    expected = _numbers(torch.load(last, weights_only=True))
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(content), 60):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        last.write_bytes(flipped)
        with suppress(UserError):
            assert _numbers(load_state(folder)) == expected, f"byte {place}"


def _numbers(value: object) -> object:
    """All that a state holds, as what can be compared."""
    if isinstance(value, Tensor):
        return value.dtype, value.shape, value.numpy().tobytes()
    if isinstance(value, dict):
        return {key: _numbers(entry) for key, entry in value.items()}
    return [_numbers(entry) for entry in value] if isinstance(value, list | tuple) else value


@pytest.mark.slow
def test_two_runs_in_one_folder_the_second_is_refused_and_a_stale_lock_is_no_lock(
    streets: Path, tmp_path: Path, undisturbed: tuple[bytes, list[dict[str, object]]]
) -> None:
    folder = tmp_path / "run"
    first = Command(_training(streets, folder), tmp_path, _slowly)
    _wait_for(lambda: (folder / "checkpoints/last.pt").exists(), first)
    os.kill(first.pid, signal.SIGSTOP)  # so that it is there still, however long the second takes to start
    _require_mistake(run(["train", "--resume", folder], tmp_path), "another process is training in it")
    first.kill()
    assert (folder / ".lock").exists()
    _require_good(run(["train", "--resume", folder], tmp_path))
    assert _result(folder) == undisturbed


# The data.


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", ["deleted", *(pytest.param(f, marks=pytest.mark.slow) for f in ("replaced", "truncated"))]
)
def test_a_data_file_that_changes_while_it_is_trained_on_changes_nothing_until_a_new_start(
    fault: str, streets: Path, tmp_path: Path
) -> None:
    data, said = tmp_path / "data", list[str]()
    shutil.copytree(streets, data)
    train(data, tmp_path / "whole", settings=TINY, log=_quiet)
    path = data / "train/0003.png"

    def spoil(line: str) -> None:
        said.append(line)
        if line.startswith("epoch 1/"):
            if fault == "replaced":
                Image.fromarray(np.zeros((64, 128, 3), np.uint8)).save(path)
            elif fault == "deleted":
                path.unlink()
            else:
                path.write_bytes(path.read_bytes()[:100])

    train(data, tmp_path / "run", settings=TINY, log=spoil)
    assert _result(tmp_path / "run") == _result(tmp_path / "whole")
    if fault == "replaced":
        resume(tmp_path / "run", epochs=3, log=said.append)
        assert any(
            line.startswith("the files of 1 pair (0003) have changed since the state was saved") for line in said
        )
    else:
        with pytest.raises(UserError, match="0003"):
            resume(tmp_path / "run", epochs=3, log=_quiet)


@pytest.mark.slow
def test_a_pair_that_has_changed_is_not_stored_anew_under_a_run(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is cleared and a file replaced: a run continues with what it began with, or not at all."""
    monkeypatch.setenv("PAIRLOOM_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "data"
    shutil.copytree(streets, data)

    def spoil(line: str) -> None:
        if line.startswith("epoch 1/"):
            shutil.rmtree(tmp_path / "cache")
            Image.fromarray(np.zeros((64, 128, 3), np.uint8)).save(data / "train/0003.png")

    with pytest.raises(UserError, match=r"0003\.png: this pair has changed since it was stored"):
        train(data, tmp_path / "run", settings=TINY, log=spoil)


# The page.


def _keep_temporary_files(place: str) -> None:
    tempfile.tempdir = place  # this process ends with it


# Helpers, clocks, streams, numbers.


@pytest.mark.slow
def test_a_worker_that_dies_ends_the_drawing_of_streets_with_a_message(tmp_path: Path) -> None:
    words = ["data", "streets", "--out", tmp_path / "out", "--size", "64", "--train-pairs", "500", "--val-pairs", "1"]
    command = Command(words, tmp_path)
    _wait_for(lambda: any((tmp_path / "out").rglob("*.png")), command)
    os.kill(max(command.helpers()), signal.SIGKILL)
    _require_mistake(command.wait(), "a worker process died")
    for path in (tmp_path / "out").rglob("[!.]*.png"):
        with Image.open(path) as image:
            image.load()


@pytest.mark.slow
def test_a_clock_that_is_set_back_changes_nothing(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(streets, tmp_path / "whole", settings=TINY, log=_quiet)
    now = time.time()

    def back() -> float:
        nonlocal now
        now -= 3600
        return now

    monkeypatch.setattr(time, "time", back)
    monkeypatch.setattr(time, "time_ns", lambda: int(back() * 1e9))
    train(streets, tmp_path / "run", settings={**TINY, "epochs": 1}, log=_quiet)
    resume(tmp_path / "run", epochs=2, log=_quiet)
    assert _result(tmp_path / "run") == _result(tmp_path / "whole")


@pytest.mark.slow
def test_a_full_output_ends_a_run_with_a_message_and_it_goes_on(
    streets: Path, tmp_path: Path, undisturbed: tuple[bytes, list[dict[str, object]]]
) -> None:
    _require_mistake(run(_training(streets, tmp_path / "run"), tmp_path, full_output), "No space left on device")
    _require_good(run(["train", "--resume", tmp_path / "run"], tmp_path))
    assert _result(tmp_path / "run") == undisturbed


def test_an_output_that_nobody_reads_any_more_stops_a_run_as_a_signal_does(
    streets: Path, tmp_path: Path, undisturbed: tuple[bytes, list[dict[str, object]]]
) -> None:
    ended = run([*_training(streets, tmp_path / "run"), "--data.palette", "cityscapes"], tmp_path, cut_output)
    assert ended.code == 141, ended.err
    assert "Traceback" not in ended.err
    _require_good(run(["train", "--resume", tmp_path / "run"], tmp_path))
    assert _result(tmp_path / "run") == undisturbed


def test_closed_streams_keep_nothing_from_a_run(
    streets: Path, tmp_path: Path, undisturbed: tuple[bytes, list[dict[str, object]]]
) -> None:
    ended = run(_training(streets, tmp_path / "run"), tmp_path, closed_streams)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert _result(tmp_path / "run") == undisturbed


@pytest.mark.slow
def test_a_nan_in_the_loss_ends_the_run_and_the_last_good_state_goes_on_without_it(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(streets, tmp_path / "whole", settings=TINY, log=_quiet)
    calls: list[int] = []

    class Spoilt(TrainingStep):
        def __call__(self, source: Tensor, target: Tensor) -> Losses:
            calls.append(1)
            spoilt = torch.full_like(source, math.nan) if len(calls) == 10 else source
            return super().__call__(spoilt, target)

    with monkeypatch.context() as patch:
        patch.setattr("pairloom.training.networks.TrainingStep", Spoilt)
        with pytest.raises(UserError, match=r"training diverged.*is not finite.*last good state is kept"):
            train(streets, tmp_path / "run", settings=TINY, log=_quiet)
    state = load_state(tmp_path / "run/checkpoints")
    assert state is not None
    assert state["step"] < 10
    resume(tmp_path / "run", log=_quiet)
    assert _result(tmp_path / "run") == _result(tmp_path / "whole")
