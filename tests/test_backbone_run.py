"""Whole runs on backbones of transformers: trained, stopped, moved, used, exported."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pairloom.errors import UserError
from pairloom.exporters.model_export import export
from pairloom.exporters.onnx_file import load_onnx
from pairloom.inference.options import TranslateOptions
from pairloom.inference.translator import Translator
from pairloom.models.model_folder import load_model
from pairloom.models.summary import summarise
from pairloom.settings import load_experiment
from pairloom.training_run import plan, resume, train
from trained import TWO_EPOCHS

FAMILIES = ("convnext", "dinov2")


def _quiet(_line: str) -> None:
    pass


def _train(streets: Path, out: Path, backbone: Path, **settings: object) -> Path:
    chosen = {**TWO_EPOCHS, "model.encoder": str(backbone), **settings}
    train(streets, out, preset="recommended", settings=chosen, log=_quiet)
    return out


@pytest.fixture(scope="module", params=FAMILIES)
def backbone(request: pytest.FixtureRequest, backbones: Callable[[str], Path]) -> Path:
    """A folder as somebody has downloaded it."""
    return backbones(request.param)


@pytest.fixture(scope="module")
def run(streets: Path, backbone: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the preset `recommended` on a backbone whose folder is gone since; to be looked at only."""
    place = tmp_path_factory.mktemp("run")
    folder = shutil.copytree(backbone, place / "my-backbone")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    out = _train(streets, place / "run", folder)
    shutil.rmtree(folder)
    return out


def test_a_run_begins_at_the_weights_of_the_backbone_and_trains_them(run: Path, backbone: Path) -> None:
    own = load_file(run / "model/model.safetensors")
    began = load_file(backbone / "model.safetensors")
    name = "embeddings.patch_embeddings." + ("projection.weight" if backbone.name == "dinov2" else "weight")
    first = next(tensor for key, tensor in began.items() if key.endswith(name))
    name = f"backbone.network.{name}"
    assert torch.allclose(own[name], first, atol=0.02), "a few steps change little"
    assert not torch.equal(own[name], first)


def test_the_model_folder_needs_nothing_but_itself(run: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(run / "model", tmp_path / "model")
    photograph = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    first, second = (Translator.load(place, options=TranslateOptions(scale=2))(photograph) for place in (run, folder))
    assert first.classes is not None
    assert second.classes is not None
    assert np.array_equal(first.classes, second.classes)
    written = (folder / "config.json").read_text()
    assert json.loads(written)["model"]["encoder"] == "my-backbone"
    assert str(run.parent) not in written


def test_without_transformers_a_model_says_what_it_needs(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"needs transformers: pip install 'pairloom\[encoders\]'"):
        load_model(run / "model", torch.device("cpu"))


def test_its_card_tells_where_the_backbone_comes_from(run: Path, backbone: Path) -> None:
    card = (run / "model/README.md").read_text(encoding="utf-8")
    assert (
        f"Its encoder began with the weights of my-backbone (a {backbone.name} backbone of Hugging Face transformers, "
        "licence mit)." in card
    )


def test_tiles_are_refused(run: Path) -> None:
    with pytest.raises(UserError, match=r"backbone of transformers cannot run in tiles.*leave out tile"):
        Translator.load(run, options=TranslateOptions(tile=64))


def test_a_run_that_was_stopped_ends_in_the_same_bytes_though_the_backbone_is_gone(
    streets: Path, backbone: Path, run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(backbone, tmp_path / "my-backbone")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n# Mine\n")
    again = _train(streets, tmp_path / "run", folder, epochs=1)
    shutil.rmtree(folder)
    resume(again, epochs=2, log=_quiet)
    assert (again / "model/model.safetensors").read_bytes() == (run / "model/model.safetensors").read_bytes()


def test_a_run_can_begin_with_the_weights_of_another(
    streets: Path, backbone: Path, run: Path, tmp_path: Path, backbones: Callable[[str], Path]
) -> None:
    still = {"init": str(run), "epochs": 1, "optim.learning_rate": 1e-12}
    new = _train(streets, tmp_path / "new", backbone, **still)  # the same backbone by another name
    before, after = (load_file(folder / "model/model.safetensors") for folder in (run, new))
    assert before.keys() == after.keys()
    assert all(
        torch.allclose(tensor, after[name], atol=1e-6)
        for name, tensor in before.items()
        if "running" not in name and "num_batches" not in name
    )
    with pytest.raises(UserError, match="has another network than this training"):
        _train(streets, tmp_path / "other", backbones("resnet"), **still)


def test_the_plan_tells_its_maps(backbone: Path) -> None:
    settings = {**TWO_EPOCHS, "model.encoder": str(backbone)}
    experiment, source, target = plan("recommended", lambda preset: load_experiment(preset, settings=settings))
    described = summarise(experiment.model, source, target, experiment.data.size)
    channels = [8, 8, 8, 8] if backbone.name == "dinov2" else [4, 8, 8, 16]
    sides = ", ".join(
        f"{own}×{32 // stride}×{32 // stride}" for own, stride in zip(channels, (2, 4, 8, 16), strict=True)
    )
    assert f"backbone       {sides}" in " ".join(described.split("\n"))


@pytest.mark.parametrize("missing", ["folder", "weights", "transformers"])
def test_what_is_missing_is_told_before_a_folder_is_made(
    missing: str, streets: Path, backbone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(backbone, tmp_path / "my-backbone")
    if missing == "folder":
        folder = folder / "weights/of/mine"
    elif missing == "weights":
        (folder / "model.safetensors").unlink()
    else:
        monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"^model\.encoder "):
        _train(streets, tmp_path / "run", folder)
    assert not (tmp_path / "run").exists()


def test_pictures_of_one_channel_train_it_too(streets: Path, backbone: Path, tmp_path: Path) -> None:
    run = _train(streets, tmp_path / "run", backbone, epochs=1, **{"model.in_channels": 1})
    weights = load_file(run / "model/model.safetensors")
    assert weights["backbone.colours.weight"].shape == (3, 1, 1, 1)


@pytest.mark.slow
def test_an_onnx_file_agrees(run: Path, tmp_path: Path) -> None:
    exported = export(run, tmp_path / "model.onnx", log=_quiet)
    assert (exported.parity.agreement or 0) > 0.999
    with pytest.raises(UserError, match="use the model folder here"):
        load_onnx(exported.path)
    photograph = np.random.default_rng(0).integers(0, 256, (33, 50, 3), dtype=np.uint8)
    Translator.load(run)(photograph)  # tracing leaves nothing behind in transformers' caches


@pytest.mark.slow
def test_a_program_of_torch_agrees_or_is_refused(run: Path, backbone: Path, tmp_path: Path) -> None:
    if backbone.name == "dinov2":
        with pytest.raises(UserError, match=r"takes no pictures of .* use --format onnx"):
            export(run, tmp_path / "model.pt2", "torch", log=_quiet)
        assert not (tmp_path / "model.pt2").exists()
    else:
        exported = export(run, tmp_path / "model.pt2", "torch", log=_quiet)
        assert (exported.parity.agreement or 0) > 0.999


@pytest.mark.slow
def test_two_processes_train_what_one_does(streets: Path, backbone: Path, tmp_path: Path) -> None:
    states = []
    for world_size in ("1", "2"):
        out = tmp_path / world_size
        words = [sys.executable, "-m", "pairloom", "train", str(streets), "--out", str(out), "--preset", "recommended"]
        chosen = {
            **TWO_EPOCHS,
            "epochs": 1,
            "model.norm": "none",
            "model.encoder": str(backbone),
            "augment.flip": False,
        }
        words += [f"--{name}={value}" for name, value in {**chosen, "augment.scale": "[1.0, 1.0]"}.items()]
        done = subprocess.run(
            [*words, f"--devices={world_size}", "--optim.optimizer=adam", "--optim.epsilon=1.0"],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        states.append(load_file(out / "model/model.safetensors"))
    for name, tensor in states[0].items():
        torch.testing.assert_close(states[1][name], tensor, rtol=1e-3, atol=1e-5)
