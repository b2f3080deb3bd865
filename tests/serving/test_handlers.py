"""What the page says to an upload: safe HTML, files of the right size, and one snapshot after the other."""

import gzip
import re
from html import unescape
from pathlib import Path

import numpy as np
import pytest
import torch

from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.exporters.model_export import export
from pairloom.images import read_picture, write_picture
from pairloom.inference.translator import Translator
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import Palette
from pairloom.serving.handlers import MOST_COMPARED, SHOWN_SIDE, Handlers
from pairloom.serving.middleware import FILE
from pairloom.serving.upload_store import UploadStore
from pairloom.serving.uploads import Limits, visible_name
from pairloom.settings import load_experiment
from trained import TinyRun

RNG = np.random.default_rng(0)
HOSTILE = "<img src=x onerror=alert(1)>"


def _model(folder: Path, target: ImageSpec) -> Path:
    preset = "recommended" if target.palette else "photo"
    experiment = load_experiment(preset, settings={"size": 32, "model.width": 4, "model.encoder": "none"}).resolved()
    torch.manual_seed(0)
    built = TranslationModel.build(experiment.model, ImageSpec(3), target, Size(32, 32), torch.device("cpu"))
    save_model(built, folder, about={})
    return folder


def _answers(tmp_path: Path, model: Path, snapshots: dict[str, Path] | None = None) -> Handlers:
    (tmp_path / "shelf").mkdir()
    return Handlers(Translator.load, model, snapshots or {}, UploadStore(tmp_path / "shelf"), Limits())


def _upload(handlers: Handlers, height: int, width: int, name: str = "photo.png") -> str:
    path = handlers.uploads.new(name)
    write_picture(path, RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))
    return str(path)


def _named(html: str, attribute: str) -> Path:
    """Return the file that an attribute of the HTML names."""
    (address,) = re.findall(rf'{attribute}="([^"]*)"', html)
    return Path("/" + unescape(address).removeprefix(FILE.lstrip("/")).lstrip("/"))


def test_names_of_classes_and_files_cannot_become_markup(tmp_path: Path) -> None:
    palette = Palette("two", (HOSTILE, '"><script>'), ((1, 2, 3), (4, 5, 6)))
    handlers = _answers(tmp_path, _model(tmp_path / "model", ImageSpec(3, palette=palette)))
    html = handlers.view(_upload(handlers, 40, 50, f"{HOSTILE.replace('/', '')}.png"))
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_a_large_image_is_shown_reduced_and_downloaded_whole(tmp_path: Path, small_model: Path) -> None:
    handlers = _answers(tmp_path, small_model)
    upload = _upload(handlers, 100, 2 * SHOWN_SIDE)
    html = handlers.view(upload)
    assert f'data-width="{SHOWN_SIDE}" data-height="50"' in html
    assert len(gzip.decompress(_named(html, "data-ids").read_bytes())) == SHOWN_SIDE * 50
    whole = read_picture(_named(html, 'class="download" href'))
    assert np.array_equal(whole, Translator.load(small_model)(upload).image)


@pytest.mark.slow
def test_an_onnx_file_is_shown_as_a_model_folder_is(tmp_path: Path, small_model: Path) -> None:
    file = export(small_model, tmp_path / "model.onnx", log=lambda _line: None).path
    handlers = _answers(tmp_path, file)
    upload = _upload(handlers, 40, 50)
    assert 'data-width="50" data-height="40"' in handlers.view(upload)
    whole = read_picture(Path(handlers.translate(upload)[0]))
    assert (whole == Translator.load(small_model)(upload).image).mean() >= 0.999


def test_the_legend_has_every_class_once(tmp_path: Path, small_model: Path) -> None:
    handlers = _answers(tmp_path, small_model)
    upload = _upload(handlers, 40, 50)
    html = handlers.view(upload)
    shares = handlers.translate(upload)[1]
    assert sorted(re.findall(r'class="name">([^<]+)<', html)) == sorted(shares)
    assert len(re.findall("<button", html)) == sum(share > 0 for share in shares.values())


def test_a_model_of_pictures_has_no_legend(tmp_path: Path) -> None:
    handlers = _answers(tmp_path, _model(tmp_path / "model", ImageSpec(3)))
    html = handlers.view(_upload(handlers, 40, 50))
    assert 'data-ids=""' in html
    assert "<button" not in html
    assert handlers.translate(_upload(handlers, 40, 50))[1] == {}


def test_the_same_upload_is_shown_without_being_translated_again(tmp_path: Path, small_model: Path) -> None:
    handlers = _answers(tmp_path, small_model)
    one, two = _upload(handlers, 40, 50), _upload(handlers, 40, 50)
    first = handlers.view(one)
    assert handlers.view(one) is first
    assert handlers.view(two) != first
    assert handlers.view(one) != first, "its files are new"


def test_an_upload_that_is_gone_or_was_none_is_refused(tmp_path: Path, small_model: Path) -> None:
    handlers = _answers(tmp_path, small_model)
    upload = _upload(handlers, 40, 50)
    handlers.view(upload)
    Path(upload).unlink()
    outside = tmp_path / "outside.png"
    write_picture(outside, np.zeros((9, 9, 3), dtype=np.uint8))
    for path in (upload, str(outside), f"{handlers.uploads.path}/../outside.png"):
        with pytest.raises(UserError, match="was deleted"):
            handlers.translate(path)


def test_only_a_few_known_snapshots_are_compared(tmp_path: Path, tiny_run: TinyRun) -> None:
    snapshot = tiny_run.path / "checkpoints" / "epoch-0001"
    names = [f"epoch {number}" for number in range(1, 9)]
    handlers = _answers(tmp_path, tiny_run.path / "model", dict.fromkeys(names, snapshot))
    upload = _upload(handlers, 40, 50)
    html = handlers.comparison(upload, ["epoch 3", "epoch 1"])
    assert re.findall("<figcaption>(.*)</figcaption>", html) == ["photograph", "epoch 1", "epoch 3"]
    for wrong in ([], ["epoch 99"], ["../../.."], names[: MOST_COMPARED + 1]):
        with pytest.raises(UserError, match=f"choose 1 to {MOST_COMPARED} snapshots"):
            handlers.comparison(upload, wrong)


def test_long_names_are_shortened_where_they_are_said() -> None:
    assert visible_name(Path("/x/photo.png")) == "photo.png"
    long = visible_name(Path("/x") / ("a" * 200 + ".png"))
    assert len(long) <= 80
    assert long.endswith("….png")
