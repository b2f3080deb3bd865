"""An ONNX file holds all that ONNX Runtime needs to answer as PyTorch does."""

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.exporters.exported_network import ExportedNetwork
from pairloom.exporters.onnx_file import load_onnx, write_onnx
from pairloom.exporters.parity import sample_pictures
from pairloom.images import Picture
from pairloom.inference.options import TranslateOptions
from pairloom.inference.translator import Translator
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID
from random_models import random_model

RNG = np.random.default_rng(0)
MODELS = {
    "classes": lambda: random_model(),
    "colours": lambda: random_model("seed", size="32", dropout=0.0),
    "deep": lambda: random_model("photo", ImageSpec(4, "uint16"), ImageSpec(1, "uint16")),
}


@cache
def _model(name: str) -> TranslationModel:
    return MODELS[name]()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An ONNX file of each model."""
    folder = tmp_path_factory.mktemp("onnx")
    paths = {name: folder / f"{name}.onnx" for name in MODELS}
    for name, path in paths.items():
        write_onnx(_model(name), path, sample_pictures(folder, _model(name), 1))
    return paths


def _street(model: TranslationModel) -> Picture:
    return sample_pictures(Path("nowhere"), model, 1).pictures[0]


def _pictures(height: int, width: int, count: int = 1) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return RNG.integers(0, 256, (count, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize(("height", "width", "count"), [(32, 48, 1), (33, 47, 3), (7, 90, 2), (1, 1, 1), (8, 8, 1)])
def test_onnx_runtime_alone_gives_the_same_answers(files: dict[str, Path], height: int, width: int, count: int) -> None:
    model = _model("classes")
    session = onnxruntime.InferenceSession(files["classes"])
    pictures = _pictures(height, width, count)
    answer, classes, picture = session.run(None, {"photograph": pictures.astype(np.float32)})
    for number in range(count):
        expected = model.output(pictures[number])
        assert np.abs(answer[number] - expected[0].numpy()).max() < 1e-5
        ids = model.head.read(expected)[0].numpy()
        assert (classes[number] == ids).mean() >= 0.999
        assert np.array_equal(picture[number], CAMVID.to_colours(classes[number]))
    assert answer.sum(axis=1) == pytest.approx(np.ones_like(answer[:, 0]), abs=1e-5)
    assert (classes.dtype, picture.dtype) == (np.uint8, np.uint8)


def test_what_a_user_may_want_to_know_is_in_the_file(files: dict[str, Path]) -> None:
    session = onnxruntime.InferenceSession(files["classes"])
    about = session.get_modelmeta().custom_metadata_map
    assert tuple(json.loads(about["classes"])) == CAMVID.names
    assert [tuple(colour) for colour in json.loads(about["colours"])] == list(CAMVID.colours)
    assert json.loads(about["size"]) == [32, 48]
    (photograph,) = session.get_inputs()
    assert (photograph.name, photograph.shape) == ("photograph", ["batch", "height", "width", 3])
    assert [output.shape for output in session.get_outputs()] == [
        ["batch", len(CAMVID), "height", "width"],
        ["batch", "height", "width"],
        ["batch", "height", "width", 3],
    ]


def test_no_path_of_the_machine_is_in_the_file(files: dict[str, Path]) -> None:
    content = files["classes"].read_bytes()
    assert b".py" not in content
    assert str(Path.cwd()).encode() not in content


def test_the_picture_is_in_the_numbers_of_the_targets(files: dict[str, Path]) -> None:
    model = _model("deep")
    source = RNG.integers(0, 65536, (32, 48, 4), dtype=np.uint16)
    session = onnxruntime.InferenceSession(files["deep"])
    answer, picture = session.run(None, {"photograph": source[None].astype(np.float32)})
    assert np.abs(answer - model.output(source).numpy()).max() < 1e-4
    assert picture.dtype == np.uint16
    expected = model.predict(source)
    assert np.abs(picture[0].astype(int) - expected).max() <= 2


def test_batch_statistics_of_each_picture_become_its_own(files: dict[str, Path]) -> None:
    """The preset seed without its dropout: batch norm in training mode, one picture at a time."""
    model = _model("colours")
    pictures = _pictures(32, 32, 2)
    _, classes, _ = onnxruntime.InferenceSession(files["colours"]).run(None, {"photograph": np.float32(pictures)})
    for picture, ids in zip(pictures, classes, strict=True):
        assert (ids == model.predict(picture)).mean() >= 0.999


@pytest.mark.parametrize("name", list(MODELS))
def test_a_loaded_file_is_a_model_that_answers_as_the_other_does(files: dict[str, Path], name: str) -> None:
    model, loaded = _model(name), load_onnx(files[name])
    assert (loaded.source, loaded.target, loaded.size) == (model.source, model.target, model.size)
    assert loaded.works_at_its_size_only == model.works_at_its_size_only
    picture = _street(model)
    assert torch.allclose(loaded.output(picture), model.output(picture), atol=1e-4)
    assert torch.allclose(loaded.output(picture, tta=True), model.output(picture, tta=True), atol=1e-4)
    assert torch.equal(loaded.output(picture), loaded.output(picture)), "the same again"


def test_a_translator_takes_it_in_the_place_of_pytorch(files: dict[str, Path]) -> None:
    picture = _pictures(50, 30)[0]
    expected = Translator(_model("classes"))(picture)
    translation = Translator(load_onnx(files["classes"]))(picture)
    assert translation.classes is not None
    assert (translation.classes == expected.classes).mean() >= 0.999
    assert translation.image.shape == (50, 30, 3)
    assert translation.confidence == pytest.approx(expected.confidence, abs=1e-4)


def test_it_cannot_be_asked_tile_by_tile(files: dict[str, Path]) -> None:
    with pytest.raises(UserError, match=r"an exported model cannot run in tiles; leave out tile"):
        Translator(load_onnx(files["classes"]), options=TranslateOptions(tile=256))


def test_dropout_in_use_is_refused() -> None:
    with pytest.raises(UserError, match=r"keeps dropout on at inference.*--model.dropout 0"):
        ExportedNetwork(random_model("seed", size="32"))


def test_the_model_itself_stays_as_it_was() -> None:
    model = random_model("seed", size="32", dropout=0.0)
    before = {name: tensor.clone() for name, tensor in model.generator.state_dict().items()}
    stride, picture = model.generator.stride, _pictures(32, 32)[0]
    expected = model.predict(picture)
    ExportedNetwork(model)
    assert model.generator.stride == stride
    after = model.generator.state_dict()
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())
    assert np.array_equal(model.predict(picture), expected)


def test_weights_in_other_files_are_not_read(files: dict[str, Path], tmp_path: Path) -> None:
    program = onnx.load(files["classes"])
    path = tmp_path / "outside.onnx"
    onnx.save_model(program, path, save_as_external_data=True, location="weights", size_threshold=0)
    with pytest.raises(UserError, match="stores weights in other files"):
        load_onnx(path)
    within = onnx.load(path, load_external_data=False)
    branch = onnx.helper.make_graph([], "branch", [], [])
    branch.initializer.append(within.graph.initializer[0])
    del within.graph.initializer[:]
    node = onnx.helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    within.graph.node.append(node)
    path.write_bytes(within.SerializeToString())
    with pytest.raises(UserError, match="stores weights in other files"):
        load_onnx(path)


def test_what_is_no_file_of_pairlooms_is_refused(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    with pytest.raises(UserError, match="cannot be read"):
        load_onnx(path)
    path.write_bytes(b"no model")
    with pytest.raises(UserError, match="is damaged"):
        load_onnx(path)
    content = files["classes"].read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"damaged|cannot load"):
        load_onnx(path)
    program = onnx.load(files["classes"])
    del program.metadata_props[:]
    path.write_bytes(program.SerializeToString())
    with pytest.raises(UserError, match="not an ONNX file of Pairloom"):
        load_onnx(path)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(UserError, match=r"pip install 'pairloom\[export\]'"):
        load_onnx(tmp_path / "any.onnx")
