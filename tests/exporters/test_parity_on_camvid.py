"""ONNX Runtime beside PyTorch on real streets."""

from pathlib import Path

import pytest

from pairloom.config import DataConfig
from pairloom.data.folder import PairFolder
from pairloom.exporters.onnx_file import write_onnx
from pairloom.exporters.parity import Samples
from pairloom.models.devices import choose_device
from pairloom.models.model_folder import find_model, load_model
from pairloom.training_run import train


@pytest.mark.slow
def test_twenty_validation_pictures_at_three_sizes(camvid: Path, tmp_path: Path) -> None:
    settings: dict[str, object] = {"size": 128, "train_pairs": 48, "model.width": 16, "epochs": 1}
    train(camvid, tmp_path / "run", settings=settings, log=lambda _line: None)
    model = load_model(find_model(tmp_path / "run"), choose_device("cpu"))
    folder = PairFolder.open(DataConfig(root=str(camvid)))
    pictures = [folder.read(files).source for files in folder.files("val")[::5][:20]]
    parity = write_onnx(model, tmp_path / "model.onnx", Samples(pictures, "validation pictures"))
    print(parity.describe())
    assert (parity.pictures, len(parity.sizes)) == (20, 3)
    assert parity.difference <= 1e-3
    assert parity.agreement is not None
    assert parity.agreement >= 0.999
