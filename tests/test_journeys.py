"""From pairs of every kind to a model, its scores and its pictures."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from pairloom.api import evaluate
from pairloom.cli import main
from pairloom.config import LayoutName
from pairloom.data.folder import PairFolder
from pairloom.data.image_spec import read_source
from pairloom.errors import UserError
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.images import inspect, read_picture, resize_picture
from pairloom.inference.image_files import translate
from pairloom.inference.translator import Translator
from pairloom.run import RunFolder
from pairloom.training_run import resume, train
from trees import WRITERS, save, scenes, two_folders

SMALL: dict[str, object] = {"size": "32x64", "model.width": 4, "model.encoder": "none", "epochs": 1, "batch_size": 2}


def _quiet(_line: str) -> None:
    pass


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_trains_evaluates_and_draws(tmp_path: Path, name: LayoutName) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    WRITERS[name](data)
    lines: list[str] = []
    result = train(data, run, settings=SMALL, log=lines.append)
    assert f"layout {name} (" in lines[0]
    assert "5 train, 2 val pairs; targets are maps of" in lines[0]
    scores = evaluate(run)
    assert isinstance(scores, Scores)
    assert scores.to_record() == result.record["validation"]
    native = evaluate(run, at="native")
    assert isinstance(native, Scores)
    pixels = 64 * 128 if name == "cityscapes" else 40 * 64
    assert native.confusion.sum() <= 2 * pixels
    assert native.confusion.sum() > scores.confusion.sum()
    assert evaluate(run, data, split="train").to_record()["pairs"] == 5
    with Image.open(run / "report" / "grid.png") as grid:
        assert min(grid.size) > 200
    assert (run / "report" / "curves.png").is_file()
    photograph = save(tmp_path / "photograph.png", scenes("test")[0][0])
    (written,) = translate(run, [photograph], tmp_path / "out").written
    palette = Translator.load(run).model.target.palette
    assert palette is not None
    assert set(map(tuple, read_picture(written).reshape(-1, 3).tolist())) <= set(palette.colours)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_can_be_turned_round(tmp_path: Path, name: LayoutName) -> None:
    """Segmentation to photograph: the targets are pictures, and so are the scores and the translations."""
    data, run = tmp_path / "data", tmp_path / "run"
    WRITERS[name](data)
    result = train(data, run, settings={**SMALL, "direction": "BtoA"}, log=_quiet)
    experiment = RunFolder(run).experiment()
    assert (experiment.data.target, experiment.model.head, experiment.loss.l1) == ("images", "rgb", 100)
    scores = evaluate(run)
    assert isinstance(scores, PictureScores)
    assert scores.to_record() == result.record["validation"]
    assert evaluate(run, data).to_record() == scores.to_record()
    assert set(scores.to_record()) == {"split", "pairs", "l1", "psnr", "ssim"}
    with pytest.raises(UserError, match="no class outlines"):
        evaluate(run, boundaries=True)
    assert evaluate(run, at="native").to_record()["pairs"] == 2
    assert (run / "report" / "grid.png").is_file()
    folder = PairFolder.open(experiment.data)
    source, _ = folder.parts(folder.files("val")[0])
    if name != "side-by-side":  # there a file holds both
        (written,) = translate(run, [source.path], tmp_path / "out").written
        model = Translator.load(run).model
        picture = read_source(source.path, model.source)
        assert read_picture(written).shape == picture.shape
        expected = model.predict(resize_picture(picture, model.size))
        sample = RunFolder(run).samples(1) / f"{folder.files('val')[0].name}.png"
        np.testing.assert_array_equal(read_picture(sample), expected)


@pytest.mark.parametrize(
    ("channels", "dtype", "suffix"), [(1, np.uint16, ".png"), (5, np.uint16, ".tif"), (3, np.uint16, ".npy")]
)
def test_deep_and_many_channelled_pictures_keep_their_depth(
    tmp_path: Path, channels: int, dtype: type[np.uint16], suffix: str
) -> None:
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("val", 1)):
        for index in range(count):
            # Smooth, so that there is something to learn from, with far more than 256 levels.
            ramp = np.linspace(0, 60000, 48 * 64).reshape(48, 64, 1) + rng.uniform(0, 5000, (1, 1, channels))
            for folder in ("source", "target"):
                _save(tmp_path / "data" / folder / split / f"{index}{suffix}", ramp.astype(dtype))
    run = tmp_path / "run"
    train(tmp_path / "data", run, settings=SMALL, log=_quiet)
    experiment = RunFolder(run).experiment()
    assert (experiment.model.in_channels, experiment.model.out_channels) == (channels, channels)
    model = Translator.load(run).model
    assert (model.source.channels, model.target.dtype) == (channels, "uint16")
    assert model.generator.stem is not None
    (written,) = translate(run, [tmp_path / "data" / "source" / "val" / f"0{suffix}"], tmp_path / "out").written
    assert written.suffix == (".tif" if channels == 5 else ".png")
    assert inspect(written) == (48, 64, channels, "uint16")
    assert len(np.unique(read_picture(written))) > 256
    assert evaluate(run).to_record()["pairs"] == 1


def _save(path: Path, array: NDArray[np.uint16]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, array, photometric="minisblack", planarconfig="contig")
    else:
        Image.fromarray(array[:, :, 0]).save(path)


def test_found_classes_stay_with_the_run_and_its_model(tmp_path: Path) -> None:
    """A moved run resumes, evaluates and translates with the classes that it found."""
    two_folders(tmp_path / "data")
    train(tmp_path / "data", tmp_path / "run", settings=SMALL, log=_quiet)
    (tmp_path / "run").rename(tmp_path / "moved")
    before = evaluate(tmp_path / "moved").to_record()
    assert evaluate(tmp_path / "moved" / "model", tmp_path / "data").to_record() == before
    path = tmp_path / "moved" / "palette.yaml"
    assert "class 0" in path.read_text()
    result = resume(tmp_path / "moved", epochs=2, log=_quiet)
    assert result.record["epoch"] in (1, 2)
    assert RunFolder(tmp_path / "moved").experiment().data.palette == str(path)
    assert "palette: palette.yaml" in (tmp_path / "moved" / "config.yaml").read_text()


def test_the_command_line_takes_a_direction_and_prints_pictures_scores(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    WRITERS["side-by-side"](tmp_path / "data")
    words = ["--size", "32", "--model.width", "4", "--model.encoder", "none", "--epochs", "1", "--direction", "BtoA"]
    assert main(["train", str(tmp_path / "data"), "--out", str(tmp_path / "run"), *words]) == 0
    printed = capsys.readouterr().out
    assert "targets are pictures" in printed
    assert "PSNR in dB" in printed
    assert main(["evaluate", str(tmp_path / "run"), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert 0 < record["l1"] < 1
    assert record["ssim"] <= 1
