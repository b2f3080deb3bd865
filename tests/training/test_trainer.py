"""Whole small runs: the same seed, a stop and a resume, a loss that is not finite."""

import json
import math
from pathlib import Path

import pytest
import torch

from pairloom.api import resume, train
from pairloom.config import OptimConfig
from pairloom.errors import UserError
from pairloom.images import read_picture
from pairloom.models.translation import TranslationModel
from pairloom.run import RunFolder
from pairloom.training.trainer import learning_rate

SMALL: dict[str, object] = {"size": 32, "model.width": 4, "epochs": 4, "train.snapshot_every": 2, "seed": 3}
PRESETS = ("seed", "recommended")


def _quiet(_line: str) -> None:
    pass


def _weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


def _train(streets: Path, out: Path, preset: str, **settings: object) -> Path:
    train(streets, out, preset=preset, settings={**SMALL, "train.keep": "last", **settings}, say=_quiet)
    return out


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(streets: Path, tmp_path: Path) -> None:
    first, second, other = (
        _train(streets, tmp_path / name, "recommended", epochs=1, seed=seed)
        for name, seed in (("first", 3), ("second", 3), ("other", 4))
    )
    assert _weights(first) == _weights(second)
    assert _weights(first) != _weights(other)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_run_stopped_between_epochs_goes_on_as_if_never_stopped(streets: Path, tmp_path: Path, preset: str) -> None:
    settings = {"optim.decay": "cosine"}
    undisturbed = _train(streets, tmp_path / "undisturbed", preset, **settings)

    def stop(line: str) -> None:
        if line.startswith("epoch 2/"):
            raise KeyboardInterrupt

    stopped = tmp_path / "stopped"
    with pytest.raises(KeyboardInterrupt):
        train(streets, stopped, preset=preset, settings={**SMALL, "train.keep": "last", **settings}, say=stop)
    assert _weights(stopped) != _weights(undisturbed)
    resume(stopped, say=_quiet)
    assert _weights(stopped) == _weights(undisturbed)

    def records(run: Path) -> list[dict[str, object]]:
        lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
        return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]

    assert records(stopped) == records(undisturbed)


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
        "previous.pt",
    ]
    assert any((run / "tensorboard").iterdir())
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 4
    assert not list(run.rglob("*.unfinished"))
    # Snapshots hold the generator only and can be used as models.
    snapshot = TranslationModel.load(run / "checkpoints" / "epoch-0002", torch.device("cpu"))
    picture = read_picture(run / "samples" / "epoch-0002" / "0100.png")
    assert picture.shape == (*snapshot.size, 3)


def test_best_keeps_the_epoch_with_the_highest_mean_iou(streets: Path, tmp_path: Path) -> None:
    settings = {**SMALL, "epochs": 6, "optim.learning_rate": 0.005}
    result = train(streets, tmp_path / "run", settings=settings, say=_quiet)
    run = RunFolder(tmp_path / "run")
    scores = [json.loads(line)["validation"]["mean_iou"] for line in run.metrics.read_text().splitlines()]
    about = json.loads((run.model / "config.json").read_text())["about"]
    assert about["epoch"] == result.record["epoch"] == 1 + scores.index(max(scores))
    assert about["validation"]["mean_iou"] == max(scores)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_state(streets: Path, tmp_path: Path) -> None:
    run = _train(streets, tmp_path / "run", "recommended", epochs=1)
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("learning_rate: 0.0002", "learning_rate: 1.0e+30"))
    good = torch.load(run / "checkpoints" / "last.pt", weights_only=True)
    with pytest.raises(UserError, match=r"diverged.*epoch 2.*after epoch 1 is kept in .*checkpoints"):
        resume(run, epochs=3, say=_quiet)
    kept = torch.load(run / "checkpoints" / "last.pt", weights_only=True)
    assert kept["epoch"] == 1
    assert all(torch.equal(value, good["generator"][name]) for name, value in kept["generator"].items())


@pytest.mark.parametrize("damage", ["truncated", "empty", "not a checkpoint"])
def test_a_damaged_last_state_gives_way_to_the_one_before(streets: Path, tmp_path: Path, damage: str) -> None:
    undisturbed = _train(streets, tmp_path / "undisturbed", "recommended")
    run = _train(streets, tmp_path / "run", "recommended")
    last = run / "checkpoints" / "last.pt"
    content = last.read_bytes()
    last.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "not a checkpoint": b"text"}[damage])
    resume(run, say=_quiet)
    assert _weights(run) == _weights(undisturbed)


def test_a_run_without_any_state_says_so(streets: Path, tmp_path: Path) -> None:
    run = _train(streets, tmp_path / "run", "recommended", epochs=1)
    (run / "checkpoints" / "last.pt").unlink()
    with pytest.raises(UserError, match="holds no training state"):
        resume(run, say=_quiet)


def test_the_learning_rate_falls_between_its_two_epochs() -> None:
    for decay, halfway in (("linear", 0.5), ("cosine", 0.5), ("none", 1.0)):
        config = OptimConfig(learning_rate=2.0, decay=decay, decay_start=10, decay_end=20)  # type: ignore[arg-type]
        assert learning_rate(config, 0) == learning_rate(config, 10) == 2.0
        assert math.isclose(learning_rate(config, 15), 2.0 * halfway)
        assert learning_rate(config, 20) == learning_rate(config, 99) == (2.0 if decay == "none" else 0.0)
