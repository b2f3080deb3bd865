"""Training that begins with the weights of an earlier run."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pairloom.errors import UserError
from pairloom.palette import CITYSCAPES
from pairloom.training.initial_weights import load_initial_weights
from pairloom.training_run import resume, train
from random_models import CLASSES, random_model, save_random_model

STILL = {"size": 32, "model.width": 4, "model.encoder": "none", "epochs": 1, "optim.learning_rate": 1e-12}
"""Settings of a run whose weights hardly move; in float32 most of them do not move at all."""


def _same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> set[str]:
    return {name for name, tensor in first.items() if torch.allclose(tensor, second[name], atol=1e-6)}


@pytest.fixture
def said() -> list[str]:
    return []


def _train(streets: Path, out: Path, init: Path, said: Callable[[str], None]) -> dict[str, torch.Tensor]:
    train(streets, out, preset="recommended", settings={**STILL, "init": str(init)}, log=said)
    return load_file(out / "model/model.safetensors")


def test_training_begins_with_the_weights_of_a_run_and_so_does_a_run_that_begins_with_that(
    streets: Path, tmp_path: Path, said: list[str]
) -> None:
    classes = dataclasses.replace(CLASSES, palette=CITYSCAPES)
    folder = save_random_model(tmp_path / "old", target=classes, size="32")
    before = load_file(folder / "model.safetensors")
    weights = {name for name in before if "running" not in name and "num_batches" not in name}
    after = _train(streets, tmp_path / "new", folder, said.append)
    assert weights <= _same(before, after)
    assert f"begins with the weights of {folder}" in said

    again = _train(streets, tmp_path / "newer", tmp_path / "new", said.append)
    assert weights <= _same(after, again)
    (tmp_path / "new").rename(tmp_path / "moved")
    resume(tmp_path / "newer", epochs=2)  # which has weights of its own by now


def test_other_classes_get_a_head_of_their_own(streets: Path, tmp_path: Path, said: list[str]) -> None:
    folder = save_random_model(tmp_path / "old", size="32")
    before = load_file(folder / "model.safetensors")
    after = _train(streets, tmp_path / "new", folder, said.append)
    kept = {name for name in before if before[name].shape == after[name].shape}
    assert {name for name in _same({name: before[name] for name in kept}, after) if name.startswith("encoder.")}
    assert "; new are head.0." in next(line for line in said if line.startswith("begins with"))


def test_a_head_for_classes_of_other_names_is_left_out(tmp_path: Path) -> None:
    folder = save_random_model(tmp_path / "old", size="32")
    model = random_model(size="32").config
    assert CLASSES.palette is not None
    others = dataclasses.replace(CLASSES.palette, names=tuple("abcdefghijk"))
    assert any(name.startswith("head.") for name in load_initial_weights(str(folder), model, CLASSES))
    left = load_initial_weights(str(folder), model, dataclasses.replace(CLASSES, palette=others))
    assert left
    assert not any(name.startswith("head.") for name in left)


def test_another_network_is_refused_with_the_settings_that_would_fit(streets: Path, tmp_path: Path) -> None:
    folder = save_random_model(tmp_path / "old", size="32", width=8, norm="group")
    with pytest.raises(UserError, match=r"add --model.width 8 --model.fine_width 8 --model.norm group"):
        _train(streets, tmp_path / "new", folder, print)
    assert not (tmp_path / "new").exists()


def test_a_run_that_is_not_there_is_named_before_anything_is_made(streets: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none: no such run or model folder"):
        _train(streets, tmp_path / "new", tmp_path / "none", print)
    assert not (tmp_path / "new").exists()
