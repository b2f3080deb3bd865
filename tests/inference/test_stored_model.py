"""What a user names as a model is found, and PyTorch and ONNX Runtime say the same of it."""

import io
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from clips import read_clip, street_frames, write_clip
from pairloom.cli import main
from pairloom.errors import UserError
from pairloom.exporters.onnx_file import write_onnx
from pairloom.exporters.parity import sample_pictures
from pairloom.images import UInt8Array, read_picture, write_picture
from pairloom.inference.image_files import translate
from pairloom.inference.options import TranslateOptions
from pairloom.inference.stored_model import StoredModel
from pairloom.inference.translator import Translator
from pairloom.streets import draw_street
from random_models import random_model, save_random_model
from trained import TinyRun

SIZES = ((32, 48), (75, 41), (9, 200), (1, 1), (240, 320))
STREETS = [draw_street(0, index, 240, 320)[0][:height, :width] for index, (height, width) in enumerate(SIZES)]


class Stored(NamedTuple):
    """One model, kept both ways."""

    folder: Path
    file: Path


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    """A model of classes."""
    place = tmp_path_factory.mktemp("stored")
    model = random_model()
    write_onnx(model, place / "model.onnx", sample_pictures(place, model, 1))
    return Stored(save_random_model(place / "model"), place / "model.onnx")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of streets of several sizes."""
    for index, street in enumerate(STREETS):
        write_picture(tmp_path / "photos" / f"{index}.png", street)
    return tmp_path / "photos"


def _agreement(one: Translator, other: Translator, streets: list[UInt8Array]) -> float:
    """Return the share of all pixels that get the same class."""
    pairs = [(one(street).classes, other(street).classes) for street in streets]
    same = [ours == theirs for ours, theirs in pairs if ours is not None and theirs is not None]
    assert [map_.shape for map_ in same] == [street.shape[:2] for street in streets]
    return float(np.concatenate([map_.ravel() for map_ in same]).mean())


def _pixels_alike(ours: Path, theirs: Path) -> float:
    names = sorted(path.name for path in theirs.glob("*.png"))
    assert sorted(path.name for path in ours.glob("*.png")) == names
    alike = [(read_picture(ours / name) == read_picture(theirs / name)).all(axis=-1).ravel() for name in names]
    return float(np.concatenate(alike).mean())


@pytest.mark.slow
def test_a_file_agrees_with_its_folder_at_every_size(stored: Stored) -> None:
    for options in (TranslateOptions(), TranslateOptions(tta=True), TranslateOptions(scale=1.7)):
        expected = Translator.load(stored.folder, options=options)
        ours = Translator.load(stored.file, options=options)
        assert _agreement(ours, expected, STREETS) >= 0.999, options


def test_a_folder_is_converted_says_so_and_agrees(tiny_run: TinyRun, tmp_path: Path) -> None:
    colours = save_random_model(tmp_path / "colours", preset="seed", size="32", dropout=0.0)
    for run, origin in ((tiny_run.path, "validation pictures"), (colours, "generated streets")):
        said: list[str] = []
        ours = Translator.load(run, options=TranslateOptions(backend="onnx"), log=said.append)
        (line,) = said
        assert line.startswith(f"converted for ONNX Runtime, compared with PyTorch on 3 {origin} at ")
        assert _agreement(ours, Translator.load(run), STREETS) >= 0.999
    assert sorted(path.name for path in colours.iterdir()) == ["config.json", "model.safetensors"]


def test_the_command_line_runs_a_file_without_a_flag(
    stored: Stored, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    translate(stored.folder, [photos], tmp_path / "torch")
    for name, words in (("plain", []), ("said", ["--backend", "onnx"])):
        out = tmp_path / name
        assert main(["translate", str(stored.file), str(photos), "--out", str(out), *words]) == 0
        printed = capsys.readouterr()
        assert (printed.out, printed.err) == (f"{len(SIZES)} written to {out}\n", "")
        assert _pixels_alike(out, tmp_path / "torch") >= 0.999
    translate(stored.folder, [photos], tmp_path / "unlike", options=TranslateOptions(scale=0.5))
    assert _pixels_alike(tmp_path / "unlike", tmp_path / "torch") < 0.95, "answers differ where they may"


@pytest.mark.slow
def test_the_command_line_converts_a_folder_for_images_and_videos(
    stored: Stored, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(photos / "clip.mp4", street_frames(4, 48, 64), sound=False)
    translate(stored.folder, [photos], tmp_path / "torch", options=TranslateOptions(tta=True))
    words = [str(stored.folder), str(photos), "--out", str(tmp_path / "onnx"), "--tta", "--backend", "onnx"]
    assert main(["translate", *words]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{len(SIZES) + 1} written to {tmp_path / 'onnx'}\n"
    (line,) = printed.err.splitlines()
    assert line.startswith("pairloom: converted for ONNX Runtime, compared with PyTorch on ")
    assert _pixels_alike(tmp_path / "onnx", tmp_path / "torch") >= 0.999
    ours, theirs = (read_clip(tmp_path / name / clip.name).frames for name in ("onnx", "torch"))
    assert len(ours) == len(theirs) == 4
    assert np.mean([one == other for one, other in zip(ours, theirs, strict=True)]) > 0.99
    with pytest.raises(UserError, match="started with another model, other inputs or options"):
        translate(stored.folder, [photos], tmp_path / "onnx", options=TranslateOptions(tta=True))


def test_one_image_goes_to_standard_output(
    stored: Stored, photos: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    (written,) = translate(stored.file, [photos / "1.png"], tmp_path / "out").written
    assert main(["translate", str(stored.file), str(photos / "1.png"), "--out", "-"]) == 0
    assert capsysbinary.readouterr().out == written.read_bytes()


def test_said_again_it_goes_on(stored: Stored, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    translate(stored.file, [photos], out)
    (out / "2.png").unlink()
    again = translate(stored.file, [photos], out)
    assert ([path.name for path in again.written], again.there) == (["2.png"], len(SIZES) - 1)
    with pytest.raises(UserError, match="started with another model"):
        translate(stored.folder, [photos], out)


def test_what_is_asked_for_is_found(stored: Stored, tmp_path: Path) -> None:
    assert StoredModel.find(stored.folder) == StoredModel(stored.folder, "torch")
    assert StoredModel.find(str(stored.folder), "onnx") == StoredModel(stored.folder, "onnx")
    assert StoredModel.find(stored.file) == StoredModel.find(stored.file, "onnx") == StoredModel(stored.file, "onnx")
    named = Path(shutil.copytree(stored.folder, tmp_path / "folder.onnx"))
    assert StoredModel.find(named) == StoredModel(named, "torch"), "a folder, whatever its name"
    upper = Path(shutil.copy(stored.file, tmp_path / "MODEL.ONNX"))
    assert StoredModel.find(upper) == StoredModel(upper, "onnx")
    prints = {StoredModel.find(path).fingerprint() for path in (stored.folder, named, stored.file, upper)}
    assert len(prints) == 2


def test_what_cannot_be_is_refused(stored: Stored) -> None:
    with pytest.raises(UserError, match=r"model\.onnx: is an ONNX file, .* leave out --backend torch"):
        StoredModel.find(stored.file, "torch")
    for path in stored:
        with pytest.raises(UserError, match="on the CPU only; leave out --device cuda"):
            StoredModel.find(path, "onnx").load("cuda")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["FILE", "--backend", "torch"], "is an ONNX file, which PyTorch does not run"),
        (["FILE", "--device", "cuda"], "leave out --device cuda"),
        (["FILE", "--tile", "64"], "cannot run in tiles"),
        (["FILE", "--tile", "64", "--backend", "onnx"], "--backend onnx cannot run in tiles"),
        (["FOLDER", "--tile", "64", "--backend", "onnx"], "--backend onnx cannot run in tiles"),
        (["FOLDER", "--engine", "ray", "--backend", "onnx"], "leave out --backend onnx"),
        (["FOLDER", "--backend", "tpu"], "invalid choice: 'tpu'"),
        (["nowhere.onnx"], "nowhere.onnx: cannot be read (No such file or directory)"),
        (["nowhere/model.onnx"], "model.onnx: cannot be read (No such file or directory)"),
        (["nowhere", "--backend", "onnx"], "nowhere: no such run or model folder"),
    ],
)
def test_a_mistake_costs_one_line_and_writes_nothing(
    stored: Stored, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    run = {"FILE": str(stored.file), "FOLDER": str(stored.folder)}.get(words[0], words[0])
    assert main(["translate", run, str(photos), "--out", str(tmp_path / "out"), *words[1:]]) == 2
    printed = capsys.readouterr()
    assert (printed.out, len(printed.err.splitlines())) == ("", 1)
    assert message in printed.err
    assert not (tmp_path / "out").exists()


def _damaged(content: bytes) -> dict[str, bytes]:
    picture = io.BytesIO()
    np.save(picture, np.zeros((9, 9, 3), np.uint8))
    return {
        "empty": b"",
        "half": content[: len(content) // 2],
        "a text": b"no model\n" * 99,
        "an array": picture.getvalue(),
        "nothing but zeros": bytes(len(content)),
        "names that are none": content.replace(b'"sidewalk"', b'"\xff\xff\xff\xffwalk"'),
    }


@pytest.mark.parametrize("name", _damaged(b""))
def test_a_damaged_file_costs_one_line_and_writes_nothing(
    stored: Stored, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(_damaged(stored.file.read_bytes())[name])
    assert path.read_bytes() != stored.file.read_bytes()
    assert main(["translate", str(path), str(photos), "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert (printed.out, len(printed.err.splitlines())) == ("", 1)
    assert printed.err.startswith(f"pairloom: {path}: ")
    assert not (tmp_path / "out").exists()


def test_without_the_extra_it_says_what_to_install(
    stored: Stored, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    for words in ([str(stored.file)], [str(stored.folder), "--backend", "onnx"]):
        assert main(["translate", words[0], str(photos), "--out", str(tmp_path / "out"), *words[1:]]) == 2
        assert "pip install 'pairloom[export]'" in capsys.readouterr().err
    assert main(["translate", str(stored.folder), str(photos), "--out", str(tmp_path / "out")]) == 0


def test_a_model_that_draws_random_numbers_is_not_converted(tmp_path: Path) -> None:
    folder = save_random_model(tmp_path / "seed", preset="seed", size="32")
    with pytest.raises(UserError, match="keeps dropout on at inference"):
        StoredModel.find(folder, "onnx").load()
