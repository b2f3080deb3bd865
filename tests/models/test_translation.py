"""A model in its folder, and what it predicts."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pairloom.config import ModelConfig, Size
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.images import resize_picture
from pairloom.models.devices import choose_device
from pairloom.models.generator import UNetGenerator
from pairloom.models.model_folder import find_model, load_model, save_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID
from pairloom.settings import load_experiment

CPU = torch.device("cpu")
SOURCE, TARGET = ImageSpec(3), ImageSpec(3, palette=CAMVID)
PICTURE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def _model(preset: str) -> TranslationModel:
    experiment = load_experiment(preset, settings={"size": 32, "model.width": 4, "model.encoder": "none"}).resolved()
    torch.manual_seed(0)
    return TranslationModel.build(experiment.model, SOURCE, TARGET, Size(32, 32), CPU)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(_model("recommended"), tmp_path / "model", about={"epoch": 3})
    return tmp_path / "model"


@pytest.mark.parametrize("preset", ["seed", "recommended"])
def test_a_prediction_is_the_same_twice_and_changes_nothing(preset: str) -> None:
    model = _model(preset)
    model.generator.train()
    before = {name: value.clone() for name, value in model.generator.state_dict().items()}
    torch.manual_seed(1)
    expected_draw = torch.rand(3)
    torch.manual_seed(1)
    first = model.predict(PICTURE)
    assert torch.equal(torch.rand(3), expected_draw), "the random state is as it was"
    torch.manual_seed(2)
    assert np.array_equal(model.predict(PICTURE), first)
    assert model.generator.training
    assert all(torch.equal(value, before[name]) for name, value in model.generator.state_dict().items())
    assert first.shape == (32, 32)
    assert first.max() < len(CAMVID)


def test_the_originals_dropout_is_on_in_use_and_seeded_by_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _model("seed")
    outputs: list[torch.Tensor] = []
    assert isinstance(model.generator, UNetGenerator)
    model.generator.head.register_forward_hook(lambda _head, _inputs, output: outputs.append(output.clone()))
    model.predict(PICTURE)
    model.predict(PICTURE)
    monkeypatch.setattr("zlib.crc32", lambda _content: 1)
    model.predict(PICTURE)
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


@pytest.mark.parametrize("head", ["classes", "rgb"])
def test_with_test_time_augmentation_left_and_right_are_treated_alike(head: str) -> None:
    settings = {
        "size": 32,
        "model.width": 4,
        "model.encoder": "none",
        "loss.l1": 1.0,
        "model.head": head,
        "loss.cross_entropy": 0.0,
        "loss.lovasz": 0.0,
    }
    experiment = load_experiment(None, settings=settings).resolved()
    torch.manual_seed(0)
    model = TranslationModel.build(experiment.model, SOURCE, TARGET, Size(32, 32), CPU)
    mirrored = np.ascontiguousarray(PICTURE[:, ::-1])
    assert np.array_equal(model.predict(PICTURE, tta=True), model.predict(mirrored, tta=True)[:, ::-1])
    assert not np.array_equal(model.predict(PICTURE), model.predict(mirrored)[:, ::-1])


def test_blended_answers_are_read_from_their_mean() -> None:
    head = _model("recommended").head
    first, second = torch.zeros(1, len(CAMVID), 1, 1), torch.zeros(1, len(CAMVID), 1, 1)
    first[:, 3], second[:, 3] = 1.0, 1.0  # unsure of 3 twice
    first[:, 1], second[:, 2] = 1.5, 9.0  # the second is sure of 2
    assert head.read(first).item() == 1
    assert head.read((head.probabilities(first) + head.probabilities(second)) / 2).item() == 2


def test_a_picture_of_other_channels_is_a_defect_of_the_caller() -> None:
    with pytest.raises(ValueError, match="must be"):
        _model("seed").predict(PICTURE[:, :, :2])


def test_a_picture_of_another_size_is_seen_at_the_models() -> None:
    model = _model("recommended")
    picture = np.random.default_rng(5).integers(0, 256, (40, 25, 3), dtype=np.uint8)
    output = model.output(resize_picture(picture, model.size))
    assert np.array_equal(model.predict(picture), model.read(output, Size(40, 25)).values)


@pytest.mark.parametrize("preset", ["seed", "recommended"])
def test_a_saved_model_predicts_the_same_from_another_place(preset: str, tmp_path: Path) -> None:
    model = _model(preset)
    save_model(model, tmp_path / "model", about={"epoch": 3})
    shutil.move(tmp_path / "model", tmp_path / "elsewhere")
    loaded = load_model(tmp_path / "elsewhere", CPU)
    assert (loaded.config, loaded.source, loaded.target, loaded.size) == (model.config, SOURCE, TARGET, model.size)
    assert np.array_equal(loaded.predict(PICTURE), model.predict(PICTURE))
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir()) == ["config.json", "model.safetensors"]


def test_saving_over_a_model_that_is_in_use_leaves_the_loaded_one_alone(folder: Path) -> None:
    loaded = load_model(folder, CPU)
    before = loaded.predict(PICTURE)
    torch.manual_seed(9)
    other = TranslationModel.build(loaded.config, SOURCE, TARGET, Size(32, 32), CPU)
    save_model(other, folder, about={})
    assert np.array_equal(loaded.predict(PICTURE), before)


def test_a_run_folder_means_its_model(folder: Path) -> None:
    assert find_model(folder) == folder
    assert find_model(folder.parent) == folder


def test_where_there_is_no_model_the_message_says_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such run"):
        find_model(tmp_path / "absent")
    with pytest.raises(UserError, match="neither a model folder nor a run"):
        find_model(tmp_path)


def _edit(folder: Path, **changes: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "model.safetensors").unlink(), "weights are missing"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"x" * 50), "weights are damaged"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "weights are damaged"),
        (lambda folder: (folder / "config.json").write_text("{"), "not a model description"),
        (lambda folder: (folder / "config.json").write_text("[]"), "not a model description"),
        (lambda folder: _edit(folder, format=99), "has format 99"),
        (lambda folder: _edit(folder, size=[32]), "not a model description"),
        (lambda folder: _edit(folder, model={"width": -3}), "width must be 1 or more"),
        (lambda folder: _edit(folder, target={"channels": 3}), "target: 'channels' or 'dtype' is missing"),
        (lambda folder: _edit(folder, target={**TARGET.to_record(), "palette": {"name": "x"}}), "the palette has no"),
        (lambda folder: _edit(folder, source=3), "not a model description"),
        (
            lambda folder: _edit(
                folder, model={**json.loads((folder / "config.json").read_text())["model"], "width": 8}
            ),
            "do not fit",
        ),
    ],
)
def test_a_damaged_model_folder_is_named(folder: Path, damage: object, message: str) -> None:
    assert callable(damage)
    damage(folder)
    with pytest.raises(UserError, match=message):
        load_model(folder, CPU)


def test_an_unresolved_depth_is_a_defect_of_the_caller() -> None:
    with pytest.raises(TypeError, match="resolved"):
        TranslationModel.build(ModelConfig(depth="auto"), SOURCE, TARGET, Size(32, 32), CPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    assert choose_device("auto") == choose_device("cpu") == CPU
    with pytest.raises(UserError, match="no CUDA GPU"):
        choose_device("cuda")


def test_a_model_folder_of_the_first_version_loads_and_translates_as_then() -> None:
    folder = Path(__file__).parent / "saved" / "model-0.1.0.dev0"
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    ids = load_model(find_model(folder), choose_device("cpu")).predict(picture)
    # Another processor may round a tie the other way.
    assert (ids == np.load(folder / "expected.npy")).mean() > 0.999
