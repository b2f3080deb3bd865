"""Runs on depths in millimetres and heights in metres, from the folder to translations in the same units."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from depths import Kind, draw_depth, draw_photograph, write_depths
from pairloom.api import check, compare, evaluate
from pairloom.cli import main
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.exporters.model_export import export
from pairloom.images import Values, read_picture
from pairloom.inference.image_files import translate
from pairloom.inference.translator import Translator
from pairloom.run import RunFolder
from pairloom.training_run import resume, train
from random_models import COLOURS, save_random_model

SMALL: dict[str, object] = {
    "size": 32,
    "model.width": 4,
    "model.encoder": "none",
    "epochs": 1,
    "train.snapshot_every": 1,
}
DEPTH = ImageSpec(1, "uint16", values=Values((400.0, 4900.0), 0.0))


def _quiet(_line: str) -> None:
    """Say nothing."""


@pytest.mark.parametrize(
    ("kind", "values", "suffix"),
    [("depth", Values((550.0, 4750.0), 0.0), ".png"), ("heights", Values((-15.5, 78.0), -9999.0), ".tif")],
)
def test_a_run_keeps_the_units_of_its_targets(tmp_path: Path, kind: Kind, values: Values, suffix: str) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_depths(data, kind)
    assert not check(data).problems
    said: list[str] = []
    result = train(data, run, settings=SMALL, log=said.append)
    assert f"targets are pictures{values}" in said[0]
    config = RunFolder(run).experiment().data
    assert config.range == values.range
    assert config.no_reading == values.no_reading
    assert (config.source_range, config.source_no_reading) == ("whole", "none")
    model = Translator.load(run).model
    assert (model.source, model.target) == (
        ImageSpec(3),
        ImageSpec(1, "uint16" if kind == "depth" else "float32", values=values),
    )
    assert values.range is not None
    (written,) = translate(run, [data / "A" / "val" / "100.png"], tmp_path / "out").written
    assert written.suffix == suffix
    picture = read_picture(written, any_number=True)
    assert picture.dtype == model.target.dtype
    assert values.range[0] <= picture.min() < picture.max() <= values.range[1]
    assert picture.std() > 0.01 * (values.range[1] - values.range[0])

    validated = result.record["validation"]
    assert evaluate(run).to_record() == validated
    alone = tmp_path / "alone"
    shutil.copytree(run / "model", alone)
    assert evaluate(alone, data).to_record() == validated
    assert evaluate(run, split="train").to_record()["pairs"] == 6
    assert (run / "report" / "index.html").is_file()


def test_a_run_that_goes_on_keeps_the_range_that_it_found(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_depths(data, "depth")
    train(data, run, settings=SMALL, log=_quiet)
    before = RunFolder(run).experiment().data
    for path in (data / "B" / "train").iterdir():  # the same pairs, nearer by a half
        Image.fromarray(np.asarray(Image.open(path)) // 2).save(path)
    resume(run, epochs=2, log=_quiet)
    assert RunFolder(run).experiment().data == before
    assert Translator.load(run).model.target.values == Values((550.0, 4750.0), 0.0)


@pytest.mark.slow
def test_a_run_of_an_earlier_version_goes_on_with_the_whole_range(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_depths(data, "depth")
    settings = {**SMALL, "data.range": "whole", "data.no_reading": "none"}
    train(data, run, settings=settings, log=_quiet)
    config = RunFolder(run).config
    lines = config.read_text(encoding="utf-8").splitlines()
    old = [line for line in lines if "range:" not in line and "no_reading:" not in line]
    assert len(old) == len(lines) - 4
    config.write_text("\n".join(old) + "\n", encoding="utf-8")
    resume(run, epochs=2, log=_quiet)
    assert Translator.load(run).model.target == ImageSpec(1, "uint16")
    record = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))["target"]
    assert record == {"channels": 1, "dtype": "uint16", "palette": None}


@pytest.mark.slow
def test_the_range_may_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_depths(data, "depth", holes=False)
    assert main(["check", str(data), "--data.range", "[0, 10000]"]) == 0
    assert "targets are pictures in 0 to 10000" in capsys.readouterr().out
    train(data, run, settings={**SMALL, "data.range": [0, 10000]}, log=_quiet)
    assert Translator.load(run).model.target.values == Values((0.0, 10000.0))
    for words, message in (
        (["--data.range", "[5, 5]"], "data.range must be [lowest, highest], auto or whole"),
        (["--data.no_reading", ".nan"], "data.no_reading must be a finite number, auto or none"),
        (["--data.range", "some"], "data.range"),
    ):
        assert main(["check", str(data), *words]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_depths_as_sources_are_read_in_their_units(tmp_path: Path) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_depths(data, "depth")
    train(data, run, settings={**SMALL, "data.direction": "BtoA"}, log=_quiet)
    translator = Translator.load(run)
    assert translator.model.source.values == Values((550.0, 4750.0), 0.0)
    path = data / "B" / "val" / "100.png"
    translation = translator(path)
    assert translation.source.dtype == np.uint16
    np.testing.assert_array_equal(translator(np.asarray(Image.open(path))).image, translation.image)
    floats = np.asarray(Image.open(path)).astype(np.float32)  # of the same unit, not rounded where they are resized
    np.testing.assert_allclose(translator(floats).image.astype(int), translation.image, atol=2)
    with pytest.raises(UserError, match=r"has 8 bits, but this model's sources are uint16 in 550 to 4750"):
        translator(np.zeros((8, 8), dtype=np.uint8))
    exported = tmp_path / "model.onnx"
    parity = export(run, exported, log=_quiet).parity
    assert parity.difference < 1e-3
    answer = Translator.load(exported)(path).image
    np.testing.assert_allclose(answer.astype(int), translation.image, atol=1)
    with pytest.raises(UserError, match=r"sources are uint16 in 550 to 4750 .* browsers convert images to 8 bits"):
        export(run, tmp_path / "page", "web", log=_quiet)


@pytest.mark.slow
def test_exported_pictures_are_in_the_units_of_the_targets(tmp_path: Path) -> None:
    import onnxruntime

    folder = save_random_model(tmp_path / "model", preset="photo", source=COLOURS, target=DEPTH)
    exported = tmp_path / "model.onnx"
    export(folder, exported, log=_quiet)
    photograph = draw_photograph(draw_depth(0, 32, 48), 0)
    session = onnxruntime.InferenceSession(exported)
    _, picture = session.run(None, {"photograph": photograph[None].astype(np.float32)})
    expected = Translator.load(folder)(photograph).image
    assert picture.dtype == np.uint16
    np.testing.assert_allclose(picture[0].astype(int), expected, atol=1)
    assert 400 <= picture.min() < picture.max() <= 4900
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["target"])["range"] == [400, 4900]


def test_runs_of_other_ranges_are_compared_on_one_scale(tmp_path: Path) -> None:
    data = tmp_path / "data"
    write_depths(data, "depth", holes=False)
    sides = [DEPTH, ImageSpec(1, "uint16")]
    folders = [
        save_random_model(tmp_path / str(index), preset="photo", source=COLOURS, target=side)
        for index, side in enumerate(sides)
    ]
    first, second = (run.scores for run in compare(folders, data).runs)
    assert isinstance(first, PictureScores)
    assert isinstance(second, PictureScores)
    # The same network answers on 0 to 65535 in place of 400 to 4900: far beyond the first run's range.
    assert np.mean(second.l1) > 3 > 1 > np.mean(first.l1)


def test_a_model_folder_whose_range_is_none_is_refused(tmp_path: Path) -> None:
    folder = save_random_model(tmp_path / "model", preset="photo", source=COLOURS, target=DEPTH)
    path = folder / "config.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    for ends in ([5, 1], [1], ["a", 2], [float("inf"), 2], {"low": 1}, [False, True]):
        path.write_text(json.dumps({**record, "target": {**record["target"], "range": ends}}), encoding="utf-8")
        with pytest.raises(UserError, match=r"config.json: target: 'range' must be two numbers, the lower one first"):
            Translator.load(folder)


def test_floats_are_written_in_their_units(tmp_path: Path) -> None:
    heights = ImageSpec(1, "float32", values=Values((-20.0, 80.0), -9999.0))
    folder = save_random_model(tmp_path / "model", preset="photo", source=COLOURS, target=heights)
    translation = Translator.load(folder)(draw_photograph(draw_depth(1, 32, 48), 1))
    assert translation.shown.dtype == np.uint8
    assert translation.overlay().shape == (32, 48, 3)
    translation.save(tmp_path / "heights.tif")
    written = tifffile.imread(tmp_path / "heights.tif")
    assert written.dtype == np.float32
    assert -20 <= written.min() < 0 < written.max() <= 80
