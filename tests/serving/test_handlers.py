"""What is answered to an image: files of every form, fractions, what the page shows, and refusals in words."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.exporters.model_export import export
from pairloom.images import ImageBytes, png_bytes
from pairloom.inference.options import Form
from pairloom.inference.output_formats import FORMS
from pairloom.inference.translator import Translator
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.serving.handlers import Handlers
from pairloom.serving.uploads import Limits, uploaded
from pairloom.settings import load_experiment
from trained import TinyRun

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (40, 50, 3), dtype=np.uint8)
IMAGE = ImageBytes("photo.png", png_bytes(PICTURE))


def _model(folder: Path, target: ImageSpec) -> Path:
    experiment = load_experiment("photo", settings={"size": 32, "model.width": 4, "model.encoder": "none"}).resolved()
    torch.manual_seed(0)
    built = TranslationModel.build(experiment.model, ImageSpec(3), target, Size(32, 32), torch.device("cpu"))
    save_model(built, folder, about={})
    return folder


def _handlers(model: Path, snapshots: dict[str, Path] | None = None, limits: Limits | None = None) -> Handlers:
    return Handlers(Translator.load, model, snapshots or {}, limits or Limits())


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_what_translate_writes(small_model: Path, form: Form) -> None:
    content, suffix = _handlers(small_model).translate(IMAGE, form)
    expected = np.squeeze(FORMS[form](Translator.load(small_model)(PICTURE)))
    assert suffix == ".png"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), expected)


def test_what_png_cannot_hold_is_a_tiff_file(tmp_path: Path) -> None:
    model = _model(tmp_path / "model", ImageSpec(2, dtype="float32"))
    content, suffix = _handlers(model).translate(IMAGE, "translation")
    assert suffix == ".tif"
    assert np.array_equal(tifffile.imread(io.BytesIO(content)), Translator.load(model)(PICTURE).image)


def test_fractions_are_those_of_the_translation(small_model: Path, tmp_path: Path) -> None:
    assert _handlers(small_model).fractions(IMAGE) == Translator.load(small_model)(PICTURE).shares
    assert _handlers(_model(tmp_path / "pictures", ImageSpec(3))).fractions(IMAGE) == {}


def test_a_view_holds_class_ids_at_the_size_that_is_asked_for(small_model: Path) -> None:
    handlers = _handlers(small_model)
    translation = Translator.load(small_model)(PICTURE)
    assert translation.classes is not None
    whole = handlers.view(IMAGE, None)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(whole.png))), translation.classes)
    assert whole.counts == np.bincount(translation.classes.reshape(-1), minlength=len(translation.shares)).tolist()
    small = handlers.view(IMAGE, Size(20, 25))
    assert Image.open(io.BytesIO(small.png)).size == (25, 20)
    assert sum(small.counts or ()) == 500
    with pytest.raises(UserError, match=r"photo.png: a view of 41x50 pixels is larger than the image, 40x50"):
        handlers.view(IMAGE, Size(41, 50))


def test_a_view_of_a_picture_is_the_picture(tmp_path: Path) -> None:
    model = _model(tmp_path / "model", ImageSpec(1))
    view = _handlers(model).view(IMAGE, None)
    assert view.counts is None
    shown = np.asarray(Image.open(io.BytesIO(view.png)).convert("RGB"))
    assert np.array_equal(shown, Translator.load(model)(PICTURE).shown)


def test_a_preview_shows_what_the_model_sees(small_model: Path) -> None:
    content = io.BytesIO()
    tifffile.imwrite(content, PICTURE, photometric="rgb")
    preview = _handlers(small_model).preview(ImageBytes("photo.tif", content.getvalue()))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(preview))), PICTURE)


@pytest.mark.slow
def test_an_onnx_file_answers_as_a_model_folder_does(tmp_path: Path, small_model: Path) -> None:
    file = export(small_model, tmp_path / "model.onnx", log=lambda _line: None).path
    content, _ = _handlers(file).translate(IMAGE, "translation")
    assert (np.asarray(Image.open(io.BytesIO(content))) == Translator.load(small_model)(PICTURE).image).mean() >= 0.999


def test_snapshots_answer_by_their_names(tiny_run: TinyRun) -> None:
    folders = {f"epoch {number}": tiny_run.path / "checkpoints" / f"epoch-{number:04}" for number in (1, 2, 3, 4)}
    handlers = _handlers(tiny_run.path / "model", folders)
    for name, folder in [*folders.items(), *folders.items()]:  # more than stay loaded
        content, _ = handlers.translate(IMAGE, "translation", name)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), Translator.load(folder)(PICTURE).image)
    for wrong in ("epoch 9", "../../model", ""):
        with pytest.raises(UserError, match="there is no snapshot"):
            handlers.fractions(IMAGE, wrong)


def test_what_is_too_large_is_refused_by_its_name(small_model: Path) -> None:
    with pytest.raises(UserError, match=r"photo.png: has 50×40 pixels; the maximum is 0.001 megapixels"):
        _handlers(small_model, limits=Limits(megapixels=0.001)).fractions(IMAGE)
    with pytest.raises(UserError, match=r"photo.png: has more than 0.0001 megabytes"):
        _handlers(small_model, limits=Limits(megabytes=0.0001)).fractions(IMAGE)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("photo.png", "photo.png"),
        (None, "image"),
        ("", "image"),
        ("../../etc/passwd", "passwd"),
        ("C:\\pictures\\a.png", "a.png"),
        ("a\x1b[31m\n.png", "a[31m.png"),
    ],
)
def test_of_a_name_no_folder_and_no_control_character_is_kept(given: str | None, kept: str) -> None:
    assert uploaded(given, b"").name == kept


def test_a_long_name_is_shortened_and_keeps_its_ending() -> None:
    name = uploaded("a" * 200 + ".png", b"").name
    assert len(name) <= 80
    assert name.endswith("….png")
