"""Whole small runs: the same seed, a stop and a resume, a loss that is not finite."""

import io
import itertools
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # type: ignore[import-untyped]
from torch import Tensor

import pairloom
from pairloom.config import OptimConfig
from pairloom.errors import UserError
from pairloom.evaluation.history import read_history, seconds_spent
from pairloom.images import UInt8Array, read_picture
from pairloom.models.model_folder import load_model
from pairloom.models.translation import TranslationModel
from pairloom.run import RunFolder
from pairloom.training.kept_model import KeptModel
from pairloom.training.optimizers import learning_rate
from pairloom.training.signals import Interrupted
from pairloom.training.step import Losses, TrainingStep
from pairloom.training_run import resume, train
from trained import FROM_RANDOM_WEIGHTS
from trees import two_folders

SMALL: dict[str, object] = {
    "size": 32,
    "model.width": 4,
    "model.encoder": "none",
    "epochs": 4,
    "train.snapshot_every": 2,
    "seed": 3,
}
PRESETS = ("seed", "recommended")


def _quiet(_line: str) -> None:
    pass


def _weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def _train(streets: Path, out: Path, preset: str, **settings: object) -> Path:
    chosen = {**SMALL, "train.keep": "last", **(FROM_RANDOM_WEIGHTS if preset == "recommended" else {}), **settings}
    train(streets, out, preset=preset, settings=chosen, log=_quiet)
    return out


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_gives_others(streets: Path, tmp_path: Path) -> None:
    first, second, other = (
        _train(streets, tmp_path / name, "recommended", epochs=1, seed=seed)
        for name, seed in (("first", 3), ("second", 3), ("other", 4))
    )
    assert _weights(first) == _weights(second)
    assert _weights(first) != _weights(other)


def test_the_average_of_the_weights_is_kept_and_leaves_the_training_as_it_is(streets: Path, tmp_path: Path) -> None:
    plain, averaged = (
        _train(streets, tmp_path / str(decay), "recommended", epochs=2, **{"optim.ema": decay}) for decay in (0.0, 0.9)
    )
    assert [record["losses"] for record in _records(averaged)] == [record["losses"] for record in _records(plain)]
    assert _weights(averaged) != _weights(plain)
    for path in ("model", "checkpoints/epoch-0002"):
        kept = load_file(averaged / path / "model.safetensors")
        state = torch.load(averaged / "checkpoints" / "last.pt", weights_only=True)["networks"]
        assert all(torch.equal(kept[name], value) for name, value in state["average"].items())


def _records(run: Path) -> list[dict[str, object]]:
    """The lines of `metrics.jsonl`, timings aside."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


class _StopAt(TrainingStep):
    """Does its work, and at one step sends this process a signal, as a user would."""

    calls = 0
    at = 0
    signal = signal.SIGINT

    def __call__(self, source: Tensor, target: Tensor) -> Losses:
        losses = super().__call__(source, target)
        type(self).calls += 1
        if self.calls == self.at:
            os.kill(os.getpid(), self.signal)
        return losses


@pytest.fixture(scope="module")
def finished(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four epochs, to be looked at only."""
    return _train(streets, tmp_path_factory.mktemp("finished") / "run", "recommended")


@pytest.fixture(scope="module")
def _with_two_states(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _train(streets, tmp_path_factory.mktemp("states") / "run", "recommended", **{"train.checkpoint_steps": 3})


@pytest.fixture
def with_two_states(_with_two_states: Path, tmp_path: Path) -> Path:
    """A copy of a run of four epochs that has `last.pt` and `previous.pt`."""
    return shutil.copytree(_with_two_states, tmp_path / "run")


@pytest.fixture(scope="module")
def _of_one_epoch(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _train(streets, tmp_path_factory.mktemp("epoch") / "run", "recommended", epochs=1)


@pytest.fixture
def of_one_epoch(_of_one_epoch: Path, tmp_path: Path) -> Path:
    """A copy of a run of one epoch."""
    return shutil.copytree(_of_one_epoch, tmp_path / "run")


STEPS_AN_EPOCH = 6
ONE_BY_ONE: dict[str, object] = {"optim.decay": "cosine", "batch_size": 1}


@pytest.fixture(scope="module")
def undisturbed(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the run of a preset that nothing has stopped."""
    runs = tmp_path_factory.mktemp("undisturbed")

    @cache
    def run(preset: str) -> Path:
        return _train(streets, runs / preset, preset, **ONE_BY_ONE)

    return run


@pytest.mark.parametrize(
    ("old", "now"), [("discriminator_true", "discriminator_real"), ("coarse", "coarse_cross_entropy")]
)
def test_a_state_with_the_loss_names_of_an_earlier_version_is_refused(of_one_epoch: Path, old: str, now: str) -> None:
    path = of_one_epoch / "checkpoints" / "last.pt"
    state = torch.load(path, weights_only=True)
    losses = state["history"][0]["losses"]
    losses[old] = losses.pop("discriminator_real")
    torch.save(state, path)
    before = path.read_bytes()
    with pytest.raises(UserError, match=f"its loss '{old}' is '{now}' now"):
        resume(of_one_epoch, epochs=2, log=lambda _line: None)
    assert path.read_bytes() == before


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "at",
    [
        pytest.param(1, marks=pytest.mark.slow),
        pytest.param(STEPS_AN_EPOCH, marks=pytest.mark.slow),
        2 * STEPS_AN_EPOCH + 4,
        4 * STEPS_AN_EPOCH,
    ],
)
def test_a_run_stopped_at_any_step_goes_on_as_if_never_stopped(
    streets: Path,
    tmp_path: Path,
    preset: str,
    at: int,
    undisturbed: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In the middle of an epoch, at its end before it is validated, and at the very end."""
    whole = undisturbed(preset)
    number = signal.SIGTERM if preset == "seed" else signal.SIGINT
    monkeypatch.setattr(_StopAt, "calls", 0)
    monkeypatch.setattr(_StopAt, "at", at)
    monkeypatch.setattr(_StopAt, "signal", number)
    monkeypatch.setattr("pairloom.training.networks.TrainingStep", _StopAt)
    stopped = tmp_path / "stopped"
    with pytest.raises(Interrupted) as caught:
        _train(streets, stopped, preset, **ONE_BY_ONE)
    assert caught.value.signal == number
    assert torch.load(stopped / "checkpoints" / "last.pt", weights_only=True)["step"] == at
    result = resume(stopped, log=_quiet)
    assert _weights(stopped) == _weights(whole)
    assert _records(stopped) == _records(whole)
    assert result.record["epoch"] == 4
    assert (stopped / "report" / "grid.png").is_file()


@pytest.mark.slow
def test_a_run_in_little_memory_is_the_ordinary_one_and_goes_on_as_if_never_stopped(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = {"model.norm": "batch", "model.dropout": 0.4, "model.depth": 5, "train.update": "joint", "epochs": 2}
    in_parts = {**rest, "batch_size": 4, "train.accumulate": 2}
    settings = {**in_parts, "train.checkpoint_activations": True}
    kept, whole = tmp_path / "kept", tmp_path / "whole"
    _train(streets, kept, "recommended", **in_parts)
    _train(streets, whole, "recommended", **settings)
    assert _weights(whole) == _weights(kept)
    assert _records(whole) == _records(kept)

    monkeypatch.setattr(_StopAt, "calls", 0)
    monkeypatch.setattr(_StopAt, "at", 1)
    monkeypatch.setattr(_StopAt, "signal", signal.SIGINT)
    monkeypatch.setattr("pairloom.training.networks.TrainingStep", _StopAt)
    stopped = tmp_path / "stopped"
    with pytest.raises(Interrupted):
        _train(streets, stopped, "recommended", **settings)
    resume(stopped, log=_quiet)
    assert _weights(stopped) == _weights(whole)
    assert _records(stopped) == _records(whole)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to an amount of memory")
@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], "--train.accumulate 2, --train.checkpoint_activations true or a lower"),
        (["--train.accumulate", "2", "--train.checkpoint_activations", "true"], "--train.accumulate 4 or a lower"),
    ],
)
def test_a_step_that_does_not_fit_in_memory_says_what_would(
    given: list[str], told: str, streets: Path, tmp_path: Path
) -> None:
    words = "--size 256 --model.width 1 --model.fine_width 512 --model.encoder none --batch-size 32 --device cpu"
    code = f"""
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
from pairloom.cli import main
sys.exit(main(["train", {str(streets)!r}, "--out", "run", *{[*words.split(), *given]!r}]))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr == (
        f"pairloom: out of memory at step 1; start a new run that needs less: --config run/config.yaml with {told} "
        "--batch-size, --size or --model.width\n"
    )


@pytest.mark.slow
def test_an_interruption_is_heard_during_validation(
    streets: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = TranslationModel.output
    calls: list[int] = []

    def answer_and_stop(model: TranslationModel, picture: UInt8Array, *, tta: bool = False) -> object:
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return output(model, picture, tta=tta)

    with monkeypatch.context() as patch:
        patch.setattr(TranslationModel, "output", answer_and_stop)
        with pytest.raises(Interrupted):
            _train(streets, tmp_path / "stopped", "recommended")
    assert len(calls) == 2, "the rest of the validation is left"
    assert _records(tmp_path / "stopped") == []
    resume(tmp_path / "stopped", log=_quiet)
    assert _weights(tmp_path / "stopped") == _weights(finished)
    assert _records(tmp_path / "stopped") == _records(finished)


def test_a_run_that_was_killed_before_its_first_state_starts_anew(finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    for name in ("last.pt", "previous.pt"):
        (run / "checkpoints" / name).unlink(missing_ok=True)
    (run / "model" / "model.safetensors").unlink()
    resume(run, log=_quiet)
    assert _weights(run) == _weights(finished)
    assert _records(run) == _records(finished)


def test_records_after_the_state_are_cut_off_and_lost_ones_come_back(finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    whole = _records(run)
    metrics = run / "metrics.jsonl"
    for content in (metrics.read_text() * 2 + '{"epoch": 9', ""):
        metrics.write_text(content)
        assert resume(run, log=_quiet).record["epoch"] == 4
        assert _records(run) == whole
    metrics.unlink()
    resume(run, log=_quiet)
    assert _records(run) == whole


def test_more_epochs_may_be_asked_for_later(streets: Path, finished: Path, tmp_path: Path) -> None:
    part = _train(streets, tmp_path / "part", "recommended", epochs=2)
    assert _weights(part) != _weights(finished)
    resume(part, epochs=4, log=_quiet)
    assert _weights(part) == _weights(finished)
    assert RunFolder(part).experiment().train.epochs == 4
    with pytest.raises(UserError, match="can only be raised"):
        resume(part, epochs=3)


def test_a_second_process_in_the_same_run_is_refused(of_one_epoch: Path) -> None:
    run = of_one_epoch
    before = (run / "metrics.jsonl").read_bytes()
    with RunFolder(run).locked(), pytest.raises(UserError, match="another process is training in it"):
        resume(run, epochs=2, log=_quiet)
    assert (run / "metrics.jsonl").read_bytes() == before
    resume(run, epochs=2, log=_quiet)


def test_what_may_alter_the_last_bits_is_said(of_one_epoch: Path) -> None:
    run = of_one_epoch
    lines: list[str] = []
    resume(run, log=lines.append)
    assert "threads" not in "".join(lines)
    threads = torch.get_num_threads()
    torch.set_num_threads(threads + 1)
    try:
        resume(run, log=lines.append)
    finally:
        torch.set_num_threads(threads)
    assert f"threads: {threads} before, {threads + 1} now; the last bits of results may differ" in lines


def test_a_run_whose_pairs_have_become_others_in_number_is_refused(streets: Path, tmp_path: Path) -> None:
    shutil.copytree(streets, tmp_path / "data")
    run = _train(tmp_path / "data", tmp_path / "run", "recommended", epochs=1)
    (tmp_path / "data" / "train" / "0003.png").unlink()
    with pytest.raises(UserError, match=r"its pairs are not those that .*run started with \(0003"):
        resume(run, epochs=2, log=_quiet)


def test_classes_that_have_been_renamed_since_are_refused(tmp_path: Path) -> None:
    two_folders(tmp_path / "data")
    run = _train(tmp_path / "data", tmp_path / "run", "recommended", epochs=1)
    palette = run / "palette.yaml"
    palette.write_text(palette.read_text().replace("class 1:", "another:"))
    with pytest.raises(UserError, match=r"classes or channels are not those that it started with.*palette\.yaml"):
        resume(run, epochs=2, log=_quiet)


def test_a_config_that_does_not_fit_the_saved_state_is_refused(of_one_epoch: Path) -> None:
    run = of_one_epoch
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("width: 4", "width: 8"))
    with pytest.raises(UserError, match="does not fit the networks of"):
        resume(run, epochs=2, log=_quiet)


def test_states_are_saved_every_so_many_steps(streets: Path, tmp_path: Path) -> None:
    run = _train(streets, tmp_path / "run", "recommended", epochs=2, batch_size=1, **{"train.checkpoint_steps": 5})
    steps = [torch.load(run / "checkpoints" / f"{name}.pt", weights_only=True)["step"] for name in ("previous", "last")]
    assert steps == [10, 12]


def test_validation_and_pictures_leave_training_undisturbed(streets: Path, tmp_path: Path) -> None:
    often = _train(streets, tmp_path / "often", "seed", **{"train.validate_every": 1, "train.snapshot_every": 1})
    seldom = _train(streets, tmp_path / "seldom", "seed", **{"train.validate_every": 4, "train.snapshot_every": 4})
    assert _weights(often) == _weights(seldom)


def test_a_run_folder_explains_itself(streets: Path, tmp_path: Path) -> None:
    run = _train(streets, tmp_path / "run", "seed")
    for name in ("config.yaml", "metrics.jsonl", "report/grid.png", "report/curves.png", "model/config.json"):
        assert (run / name).is_file(), name
    assert sorted(path.name for path in (run / "checkpoints").iterdir()) == [
        "epoch-0002",
        "epoch-0004",
        "last.pt",
    ]
    assert any((run / "tensorboard").iterdir())
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 4
    assert not list(run.rglob("*.unfinished"))
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    last = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])["validation"]
    for tag, part in (("validation_iou", "per_class"), ("validation_dice", "per_class_dice")):
        assert events.Scalars(f"{tag}/road")[-1].value == pytest.approx(last[part]["road"])
    assert events.Scalars("validation/mean_dice")[-1].value == pytest.approx(last["mean_dice"])
    # Snapshots hold the generator only and can be used as models.
    snapshot = load_model(run / "checkpoints" / "epoch-0002", torch.device("cpu"))
    picture = read_picture(run / "samples" / "epoch-0002" / "0100.png")
    assert picture.shape == (*snapshot.size, 3)


def test_best_keeps_the_epoch_with_the_highest_mean_iou(streets: Path, tmp_path: Path) -> None:
    settings = {**SMALL, "epochs": 6, "optim.learning_rate": 0.005}
    result = train(streets, tmp_path / "run", settings=settings, log=_quiet)
    run = RunFolder(tmp_path / "run")
    scores = [json.loads(line)["validation"]["mean_iou"] for line in run.metrics.read_text().splitlines()]
    about = json.loads((run.model / "config.json").read_text())["about"]
    assert about["epoch"] == result.record["epoch"] == 1 + scores.index(max(scores))
    assert about["validation"]["mean_iou"] == max(scores)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_state(of_one_epoch: Path) -> None:
    run = of_one_epoch
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("learning_rate: 0.0002", "learning_rate: 1.0e+30"))
    good = torch.load(run / "checkpoints" / "last.pt", weights_only=True)
    with pytest.raises(UserError, match=r"diverged.*last good state is kept in .*checkpoints.*lower rate"):
        resume(run, epochs=3, log=_quiet)
    kept = torch.load(run / "checkpoints" / "last.pt", weights_only=True)
    assert kept["step"] == good["step"]
    generator = good["networks"]["generator"]
    assert all(torch.equal(value, generator[name]) for name, value in kept["networks"]["generator"].items())


@pytest.mark.parametrize("damage", ["truncated", "empty", "not a checkpoint"])
def test_a_damaged_last_state_gives_way_to_the_one_before(finished: Path, with_two_states: Path, damage: str) -> None:
    last = with_two_states / "checkpoints" / "last.pt"
    content = last.read_bytes()
    last.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "not a checkpoint": b"text"}[damage])
    resume(with_two_states, log=_quiet)
    assert _weights(with_two_states) == _weights(finished)


def test_a_damaged_state_never_takes_the_place_of_the_good_one(with_two_states: Path) -> None:
    run = with_two_states
    last, previous = (run / "checkpoints" / f"{name}.pt" for name in ("last", "previous"))
    last.write_bytes(b"damaged")
    good = previous.read_bytes()
    resume(run, log=_quiet)
    assert torch.load(last, weights_only=True)["step"] == 4 * STEPS_AN_EPOCH
    assert previous.read_bytes() != b"damaged"
    assert torch.load(previous, weights_only=True)["step"] >= torch.load(io.BytesIO(good), weights_only=True)["step"]
    assert (run / "checkpoints" / "damaged.pt").read_bytes() == b"damaged"


def test_states_that_are_all_damaged_are_not_silently_started_over(with_two_states: Path) -> None:
    run = with_two_states
    for path in (run / "checkpoints").glob("*.pt"):
        path.write_bytes(b"damaged")
    whole = (run / "metrics.jsonl").read_bytes()
    for _ in range(2):
        with pytest.raises(
            UserError, match=r"no complete training state \(last\.pt is damaged.*previous\.pt is damaged"
        ):
            resume(run, log=_quiet)
    assert (run / "metrics.jsonl").read_bytes() == whole


def test_a_state_that_cannot_be_read_just_now_is_not_taken_for_damaged(
    of_one_epoch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = of_one_epoch

    def fail(*_words: object, **_options: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "load", fail)
        with pytest.raises(OSError, match="Input/output"):
            resume(run, epochs=2, log=_quiet)
    assert sorted(path.name for path in (run / "checkpoints").glob("*.pt")) == ["last.pt"]
    assert resume(run, epochs=2, log=_quiet).run.model.is_dir()


@pytest.mark.slow
def test_pictures_of_epochs_after_the_state_are_in_nobodys_way(streets: Path, tmp_path: Path) -> None:
    """A kill in the middle of a later snapshot leaves an empty folder of samples."""
    run = _train(streets, tmp_path / "run", "recommended", epochs=2, **{"train.snapshot_every": 1})
    RunFolder(run).samples(4).mkdir()
    resume(run, epochs=3, log=_quiet)
    resume(run, epochs=5, log=_quiet)
    assert len(_records(run)) == 5


def test_a_model_that_the_saved_state_does_not_know_is_put_back(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill after a better model was written, before the state: steps that cannot be repeated may never find it."""
    run = _train(streets, tmp_path / "run", "recommended", epochs=1, **{"train.keep": "best"})
    known = _weights(run), (run / "model" / "config.json").read_bytes()

    def killed(*_words: object) -> None:
        raise SystemExit(9)

    with monkeypatch.context() as patch:
        patch.setattr("pairloom.training.run_logger.save_state", killed)
        patch.setattr("pairloom.training.run_logger.best_record", lambda history: history[-1] if history else None)
        with pytest.raises(SystemExit):
            resume(run, epochs=2, log=_quiet)
    assert _weights(run) != known[0]
    KeptModel(RunFolder(run))
    assert (_weights(run), (run / "model" / "config.json").read_bytes()) == known
    assert not (run / "checkpoints" / "model-before").exists()


def test_the_learning_rate_falls_between_its_two_epochs() -> None:
    for decay, halfway in (("linear", 0.5), ("cosine", 0.5), ("none", 1.0)):
        for end, epochs in ((20, 99), (None, 20)):
            config = OptimConfig(learning_rate=2.0, decay=decay, decay_start=10, decay_end=end)  # type: ignore[arg-type]
            assert learning_rate(config, epochs, 0) == learning_rate(config, epochs, 10) == 2.0
            assert math.isclose(learning_rate(config, epochs, 15), 2.0 * halfway)
            assert learning_rate(config, epochs, 20) == (2.0 if decay == "none" else 0.0)
            assert learning_rate(config, epochs, 99) == (2.0 if decay == "none" else 0.0)


def test_a_run_that_was_stopped_while_its_pairs_were_decoded_can_be_gone_on_with(
    streets: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def stop(*_words: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pairloom.training_run.PairStore.open", stop)
        with pytest.raises(KeyboardInterrupt):
            _train(streets, tmp_path / "stopped", "recommended")
    resume(tmp_path / "stopped", log=_quiet)
    assert _weights(tmp_path / "stopped") == _weights(finished)
    assert (tmp_path / "stopped" / "config.yaml").read_bytes() == (finished / "config.yaml").read_bytes()


def test_a_mistake_in_the_pairs_costs_no_folder(streets: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="7 pairs were requested"):
        _train(streets, tmp_path / "new" / "run", "recommended", train_pairs=7)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="7 pairs were requested"):
        _train(streets, tmp_path / "empty", "recommended", train_pairs=7)
    assert list((tmp_path / "empty").iterdir()) == []


def _pages(run: Path) -> tuple[list[str], Callable[[str], None]]:
    """Return a list, and what adds to it the report as it is at each line that is said."""
    pages = []

    def watch(_line: str) -> None:
        page = run / "report" / "index.html"
        if page.is_file():
            pages.append(page.read_text(encoding="utf-8"))

    return pages, watch


def test_what_was_read_can_be_looked_at_before_the_first_epoch_has_ended(streets: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="diverged"):
        train(streets, tmp_path / "run", settings={**SMALL, "epochs": 2, "optim.learning_rate": 1e30}, log=_quiet)
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "stopped</b> 0 of 2 epochs" in page
    assert "training diverged: " in page
    assert "Resume:" not in page, "it would diverge again"
    assert page.count(": target laid over source") == 6
    assert page.count(", outlined in ") > 5
    assert 'id="samples"' not in page
    assert not (tmp_path / "run" / "report" / "grid.png").exists()


def test_reports_of_validations_that_follow_each_other_quickly_wait(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pairloom.training.run_logger.REPORT_SHARE", 1e-9)
    pages, watch = _pages(tmp_path / "run")
    train(
        streets,
        tmp_path / "run",
        settings={**SMALL, **FROM_RANDOM_WEIGHTS, "epochs": 4},
        log=watch,
    )
    watch("the end")
    states = [*["running</b> 1 of 4 epochs"] * 4, "finished</b> 4 of 4 epochs"]
    assert [state in page for state, page in zip(states, pages, strict=True)] == [True] * 5


def test_the_report_is_written_as_training_goes_on_and_again_where_it_is_missing(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pairloom.training.run_logger.REPORT_SHARE", math.inf)
    run = tmp_path / "run"
    pages, watch = _pages(run)
    train(streets, run, settings={**SMALL, **FROM_RANDOM_WEIGHTS, "epochs": 3, "train.snapshot_every": 1}, log=watch)
    pages.pop()  # when the line about the last epoch is said, its page is not yet written
    watch("the end")
    states = ["running</b> 1 of 3 epochs", "running</b> 2 of 3 epochs", "finished</b> 3 of 3 epochs"]
    assert [state in page for state, page in zip(states, pages, strict=True)] == [True] * 3
    kept: list[float] = []
    for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines():
        kept.append(max([*kept[-1:], json.loads(line)["validation"]["mean_iou"]]))
    assert len(set(kept)) > 1  # it has improved, and each page tells of the model that was kept by then
    assert [f"<b>{score:.3f}</b>" in page for score, page in zip(kept, pages, strict=True)] == [True] * 3
    record = json.loads((run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[1])
    assert record["seconds"].keys() == {"data", "steps", "validation", "pictures"}
    assert all(seconds > 0 for seconds in record["seconds"].values())

    shutil.rmtree(run / "report")
    said: list[str] = []
    result = resume(run, log=said.append)
    assert said[-1] == "already finished: 3 of 3 epochs; train longer with --epochs 6"
    again = (run / "report" / "index.html").read_text(encoding="utf-8")
    scores = result.record["validation"]
    assert "mean_iou" in scores
    assert f"<b>{scores['mean_iou']:.3f}</b>" in again  # of the kept model, scored anew


def test_pictures_as_targets_have_a_report_too(camvid_like: Path, tmp_path: Path) -> None:
    settings = {
        "size": 32,
        "epochs": 2,
        "model.width": 4,
        "model.encoder": "none",
        "data.target": "images",
        "train.validate_every": 2,
    }
    train(camvid_like, tmp_path / "run", settings={**settings, "train.snapshot_every": 1}, log=_quiet)
    page = (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")
    assert "PSNR in dB" in page
    assert 'id="images"' in page
    assert 'id="confusion"' not in page


def test_training_ends_when_no_validation_is_better_any_more_and_so_it_is_after_a_stop(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A rate at which nothing is learned: the first validation stays the best.
    patient = {"epochs": 9, "train.patience": 2, "train.validate_every": 2, "optim.learning_rate": 1e-30}
    run = _train(streets, tmp_path / "run", "recommended", **patient)
    records = _records(run)
    assert [record["epoch"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert ["validation" in record for record in records] == [False, True] * 3
    assert (run / "checkpoints" / "epoch-0006" / "model.safetensors").is_file()
    said: list[str] = []
    before = _weights(run)
    resume(run, log=said.append)
    assert said[-1] == "already finished: 6 of 9 epochs; no better model in 2 validations (train.patience)"
    assert (_records(run), _weights(run)) == (records, before)

    monkeypatch.setattr("pairloom.training.networks.TrainingStep", _StopAt)
    monkeypatch.setattr(_StopAt, "calls", 0)
    monkeypatch.setattr(_StopAt, "signal", signal.SIGINT)
    monkeypatch.setattr(_StopAt, "at", 4 * 6 + 1)  # a batch is one pair: after the second validation
    with pytest.raises(KeyboardInterrupt):
        _train(streets, tmp_path / "stopped", "recommended", **patient)
    assert len(_records(tmp_path / "stopped")) == 4
    resume(tmp_path / "stopped", log=said.append)
    assert said[-1] == "finished: 6 of 9 epochs; no better model in 2 validations (train.patience)"
    assert (_records(tmp_path / "stopped"), _weights(tmp_path / "stopped")) == (records, before)


def test_training_ends_before_an_epoch_that_does_not_fit_and_is_not_resumed(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Each look at the clock takes a second.
    limited = {"epochs": 9, "train.validate_every": 4, "train.minutes": 0.5}
    clock = itertools.count()
    monkeypatch.setattr("pairloom.training.epoch.time.perf_counter", lambda: float(next(clock)))
    run = _train(streets, tmp_path / "run", "recommended", **limited)
    records = _records(run)
    assert 1 <= len(records) < 9
    assert "validation" in records[-1]
    assert (run / "checkpoints" / f"epoch-{len(records):04}" / "model.safetensors").is_file()
    history = read_history(run / "metrics.jsonl")
    seconds = seconds_spent(history) - history[-1]["seconds"]["pictures"]
    assert 30 - seconds / len(records) < seconds <= 30
    said: list[str] = []
    resume(run, log=said.append)
    why = f"{len(records)} of 9 epochs; another would not fit into 0.5 minutes (train.minutes in the run's config.yaml)"
    assert said[-1] == f"already finished: {why}"
    assert _records(run) == records
    assert f"finished</b> {len(records)} of 9 epochs" in (run / "report/index.html").read_text(encoding="utf-8")


def test_one_epoch_is_trained_however_few_minutes_there_are(streets: Path, tmp_path: Path) -> None:
    said: list[str] = []
    settings = {**SMALL, "epochs": 5, "train.validate_every": 5, "train.minutes": 0.0001}
    result = train(streets, tmp_path / "run", settings=settings, log=said.append)
    assert result.record["epoch"] == 1
    assert said[-1].startswith("finished: 1 of 5 epochs; another would not fit")


def test_a_stopped_run_says_so_on_its_page_until_it_goes_on(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("pairloom.training.networks.TrainingStep", _StopAt)
        patch.setattr(_StopAt, "calls", 0)
        patch.setattr(_StopAt, "signal", signal.SIGTERM)
        patch.setattr(_StopAt, "at", 8)
        with pytest.raises(KeyboardInterrupt):
            _train(streets, run, "seed", epochs=3)
    page = (run / "report/index.html").read_text(encoding="utf-8")
    assert "stopped</b> 1 of 3 epochs" in page
    assert f"Resume: <code>pairloom train --resume {run.name}</code>" in page
    pages: list[str] = []
    resume(run, log=lambda _line: pages.append((run / "report/index.html").read_text(encoding="utf-8")))
    assert any("running</b> 2 of 3 epochs" in page for page in pages)
    assert "finished</b> 3 of 3 epochs" in (run / "report/index.html").read_text(encoding="utf-8")


def test_a_resume_scores_nothing_before_its_first_step_and_its_page_has_the_last_scores(
    streets: Path, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    scored: list[object] = []
    monkeypatch.setattr(
        "pairloom.training.trainer.Trainer.train_one_epoch",
        lambda _trainer: (_ for _ in ()).throw(UserError("no step")),
    )
    monkeypatch.setattr("pairloom.report.run_report.score_model", lambda *args: scored.append(args))
    with pytest.raises(UserError, match="no step"):
        resume(run, epochs=9, log=_quiet)
    assert scored == []
    page = (run / "report/index.html").read_text(encoding="utf-8")
    scores = read_history(run / "metrics.jsonl")[-1]["validation"]
    assert "mean_iou" in scores
    assert f"<b>{scores['mean_iou']:.3f}</b>" in page
    assert "stopped</b> 4 of 9 epochs" in page
    assert "no step" in page


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("broken")])
def test_whatever_ends_a_training_its_page_says_so_and_the_error_stays_the_same(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    run = tmp_path / "run"

    def fail(_trainer: object) -> None:
        raise error

    monkeypatch.setattr("pairloom.training.trainer.Trainer.validate", fail)
    with pytest.raises(type(error)) as raised:
        _train(streets, run, "seed", epochs=2)
    assert raised.value is error
    page = (run / "report/index.html").read_text(encoding="utf-8")
    assert "stopped</b> 0 of 2 epochs" in page
    assert str(error) in page.replace("&#39;", "'")

    def refuse(*_args: object) -> None:
        raise ValueError("no report")

    monkeypatch.setattr("pairloom.training.run_logger.RunLogger.write_report", refuse)
    with pytest.raises(type(error)) as raised:
        _train(streets, tmp_path / "other", "seed", epochs=2)
    assert raised.value is error


def test_the_last_state_is_saved_before_the_last_report(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise RuntimeError("no report")

    monkeypatch.setattr("pairloom.training.run_logger.RunLogger.write_report", fail)
    with pytest.raises(RuntimeError, match="no report"):
        _train(streets, tmp_path / "run", "seed", epochs=2)
    monkeypatch.undo()
    said: list[str] = []
    resume(tmp_path / "run", log=said.append)
    assert said[-1].startswith("already finished: 2 of 2 epochs")


def test_losses_within_an_epoch_stay_after_a_stop_and_a_resume(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr("pairloom.training.trainer.LOG_STEPS", 2)
    with monkeypatch.context() as patch:
        patch.setattr("pairloom.training.networks.TrainingStep", _StopAt)
        patch.setattr(_StopAt, "calls", 0)
        patch.setattr(_StopAt, "signal", signal.SIGTERM)
        patch.setattr(_StopAt, "at", 11)
        with pytest.raises(KeyboardInterrupt):
            _train(streets, run, "seed", epochs=3)
    resume(run, log=_quiet)
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"scalars": 0})
    events.Reload()
    assert [event.step for event in events.Scalars("loss_by_step/l1")] == list(range(2, 19, 2))


def test_training_says_first_what_it_does_with_what(streets: Path, tmp_path: Path) -> None:
    said: list[str] = []
    train(streets, tmp_path / "run", settings={**SMALL, "epochs": 1}, log=said.append)
    begin = "\n".join(said)
    assert f"pairloom {pairloom.__version__}, torch {torch.__version__}, cpu" in begin
    assert "settings: preset recommended --data.size 32" in begin
    assert "training: 6 pairs at 32×32 pixels, 1 epoch of 6 steps, batch size 1; 3 pairs for validation" in begin
    assert f"report: {tmp_path / 'run' / 'report' / 'index.html'}" in begin


def test_tensorboard_has_losses_between_the_epochs_samples_and_settings(
    streets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pairloom.training.trainer.LOG_STEPS", 4)
    run = _train(streets, tmp_path / "run", "seed", epochs=2, **{"train.snapshot_every": 1})
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    losses = events.Scalars("loss_by_step/l1")
    assert [event.step for event in losses] == [4, 8, 12]
    records = read_history(run / "metrics.jsonl")
    # The epoch's mean is that of its steps: the means of steps 1 to 4 and of 9 to 12, beside those logged apart.
    assert min(event.value for event in losses) > 0
    assert losses[2].value == pytest.approx(records[1]["losses"]["l1"], rel=0.5)
    names = [tag for tag in events.Tags()["images"] if tag.startswith("samples/")]
    assert len(names) == 3
    assert [event.step for event in events.Images(names[0])] == [6, 12]
    assert any("hparams" in tag for tag in events.summary_metadata)


def test_names_of_any_bytes_do_not_end_a_training(streets: Path, tmp_path: Path) -> None:
    data = tmp_path / os.fsdecode(b"caf\xe9s")
    shutil.copytree(streets, data)
    for path in list((data / "val").iterdir()):
        path.rename(path.with_name(os.fsdecode(b"caf\xe9-") + path.name))
    run = _train(data, tmp_path / "run", "seed", epochs=2)
    assert len(_records(run)) == 2
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={"images": 0})
    events.Reload()
    assert all("caf" in tag for tag in events.Tags()["images"])
