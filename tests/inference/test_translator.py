"""Photographs to segmentations."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pairloom.config import Size
from pairloom.data.sides import Side
from pairloom.errors import UserError
from pairloom.images import read_picture, write_picture
from pairloom.inference.translator import Translator, translate
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID
from pairloom.settings import load_experiment

RNG = np.random.default_rng(0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    experiment = load_experiment(settings={"size": "32x48", "model.width": 4}).resolved()
    torch.manual_seed(0)
    folder = tmp_path / "model"
    target = Side(3, palette=CAMVID)
    built = TranslationModel.build(experiment.model, Side(3), target, Size(32, 48), torch.device("cpu"))
    save_model(built, folder, about={})
    return folder


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    folder = tmp_path / "photographs"
    for name, shape in (("one.png", (40, 60, 3)), ("two.png", (31, 7, 3))):
        write_picture(folder / name, RNG.integers(0, 256, shape, dtype=np.uint8))
    return folder


def test_any_photograph_comes_out_at_the_training_size_in_palette_colours(model: Path, photographs: Path) -> None:
    translator = Translator.load(model)
    for path in photographs.iterdir():
        translation = translator(read_picture(path))
        assert translation.shape == (32, 48, 3)
        assert set(map(tuple, translation.reshape(-1, 3).tolist())) <= set(CAMVID.colours)


def test_files_and_folders_are_written_under_their_stems(model: Path, photographs: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.png"
    write_picture(alone, RNG.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    written = translate(model, [photographs, alone], tmp_path / "out")
    assert [path.name for path in written] == ["one.png", "two.png", "alone.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["alone.png", "one.png", "two.png"]
    assert np.array_equal(read_picture(written[2]), Translator.load(model)(read_picture(alone)))


def test_nothing_is_written_when_the_inputs_are_wrong(model: Path, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    (tmp_path / "others").mkdir()
    shutil.copy(photographs / "one.png", tmp_path / "others" / "one.png")
    for inputs, message in (
        ([tmp_path / "absent.png"], "no such file"),
        ([tmp_path / "empty"], "holds no images"),
        ([photographs, photographs / "one.png"], "named twice"),
        ([photographs, tmp_path / "others"], "would be written over"),
    ):
        with pytest.raises(UserError, match=message):
            translate(model, inputs, out)
    assert not out.exists()


def test_with_test_time_augmentation_a_mirror_image_gives_the_mirrored_translation(model: Path) -> None:
    translator = Translator.load(model, tta=True)
    picture = RNG.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    mirrored = translator(np.ascontiguousarray(picture[:, ::-1]))
    assert np.array_equal(translator(picture), mirrored[:, ::-1])


def test_a_bad_image_is_named_and_what_was_written_before_stays(model: Path, photographs: Path, tmp_path: Path) -> None:
    (photographs / "three.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"three\.png"):
        translate(model, [photographs / "one.png", photographs / "three.png"], tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["one.png"]


def test_an_output_folder_with_files_is_refused_and_left_alone(model: Path, photographs: Path) -> None:
    before = {path: path.read_bytes() for path in photographs.iterdir()}
    with pytest.raises(UserError, match="already holds files"):
        translate(model, [photographs], photographs)
    assert {path: path.read_bytes() for path in photographs.iterdir()} == before
