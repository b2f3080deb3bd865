"""What is exported agrees with PyTorch, or is not kept."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from pairloom.cli import main
from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.exporters import exported_network, parity
from pairloom.exporters.model_export import export
from pairloom.exporters.parity import Parity, sample_pictures, sizes_to_try, street_as
from pairloom.images import Picture
from random_models import random_model, save_random_model
from trained import TinyRun

SIZES = (Size(32, 32),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder."""
    return save_random_model(tmp_path_factory.mktemp("lively") / "model")


def _quiet(_line: str) -> None:
    """Say nothing."""


def test_a_run_is_compared_on_its_own_validation_pictures(
    tiny_run: TinyRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "model.onnx"
    assert main(["export", str(tiny_run.path), "--out", str(out)]) == 0
    compared, written = capsys.readouterr().out.splitlines()
    assert compared.startswith("compared with PyTorch on 3 validation pictures at 32, 25x27 and 47x41: largest diff")
    assert compared.endswith("class agreement 100.000%")
    assert written == f"{out.stat().st_size / 1e6:.1f} MB written to {out}"
    assert [path.name for path in out.parent.iterdir()] == ["model.onnx"]


def test_a_model_alone_is_compared_on_streets(folder: Path, tmp_path: Path) -> None:
    written = export(shutil.copytree(folder, tmp_path / "alone"), tmp_path / "model.pt2", "torch", log=_quiet)
    assert written.parity.origin == "generated streets"
    assert written.parity.sizes == (Size(32, 48), Size(25, 39), Size(47, 61))
    assert written.parity.difference < 1e-4
    assert written.parity.agreement == 1.0


@pytest.mark.slow
def test_a_program_of_torch_runs_without_pairloom(folder: Path, tmp_path: Path) -> None:
    model = random_model()
    path = export(folder, tmp_path / "model.pt2", "torch", log=_quiet).path
    about = {"pairloom.json": ""}
    program = torch.export.load(path, extra_files=about).module()
    assert '"classes"' in about["pairloom.json"]
    for height, width in ((32, 48), (1, 1), (50, 9), (64, 64)):
        picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
        answer, classes, colours = program(torch.from_numpy(picture).float()[None])
        expected = model.output(picture)
        assert torch.allclose(answer, expected, atol=1e-5)
        assert torch.equal(classes, model.head.read(expected))
        assert np.array_equal(colours[0].numpy(), model.target.draw(classes[0].numpy()))


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_without_the_private_setting_of_pytorch_the_usual_sides_are_exported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    with monkeypatch.context() as missing:
        missing.setitem(sys.modules, "torch.fx.experimental._config", None)  # which importing then refuses
        fallback = exported_network._sizes_not_guarded()
    monkeypatch.setattr(exported_network, "_sizes_not_guarded", lambda: fallback)
    assert export(folder, tmp_path / "model", format, log=_quiet).parity.agreement == 1.0


@pytest.mark.parametrize("format", ["onnx", "torch"])
def test_what_does_not_agree_is_not_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setattr(parity, "LARGEST_DIFFERENCE", 0.0)
    with pytest.raises(UserError, match="differs from PyTorch and was not kept"):
        export(folder, tmp_path / "out" / "model", format, log=_quiet)
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("difference", "agreement"), [(2e-3, 1.0), (0.0, 0.9989), (0.0, 0.0), (float("nan"), 1.0), (2e-3, None)]
)
def test_beyond_the_tolerances_it_is_refused(difference: float, agreement: float | None) -> None:
    with pytest.raises(UserError, match="differs from PyTorch"):
        Parity(1, "pictures", SIZES, difference, agreement).require("it")
    Parity(1, "pictures", SIZES, 1e-3, None if agreement is None else 0.999).require("it")


def test_an_answer_that_is_not_finite_is_noticed() -> None:
    model = random_model()
    samples = sample_pictures(Path("nowhere"), model, 1)
    answers = iter([0.0, float("nan"), 0.0])

    def exported(picture: Picture) -> tuple[torch.Tensor, None]:
        return model.output(picture) + next(answers), None

    result = parity.compare(model, exported, samples, sizes_to_try(model))
    assert np.isnan(result.difference)


def test_mistakes_are_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="choose onnx, torch"):
        export(folder, tmp_path / "model", "tflite", log=_quiet)
    (tmp_path / "there").write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        export(folder, tmp_path / "there", log=_quiet)
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(UserError, match="no such run"):
        export(tmp_path / "nothing", tmp_path / "model", log=_quiet)


@pytest.mark.parametrize(
    "side", [ImageSpec(1), ImageSpec(2), ImageSpec(3), ImageSpec(5), ImageSpec(1, "uint16"), ImageSpec(4, "float32")]
)
def test_streets_are_brought_to_what_a_model_knows(side: ImageSpec) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    source = street_as(picture, side)
    assert source.shape == (6, 5, side.channels)
    assert source.dtype == side.dtype
    full = {"uint8": 255, "uint16": 65535, "float32": 1}[side.dtype]
    assert source.mean() / full == pytest.approx(picture.mean() / 255, abs=0.1)
