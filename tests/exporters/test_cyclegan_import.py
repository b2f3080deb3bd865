"""A generator from elsewhere as a model folder: the same answers, from what is in the folder alone."""

import json
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from torch import nn

from foreign import ForeignGenerator, Kind
from pairloom.cli import main
from pairloom.errors import UserError
from pairloom.exporters.cyclegan_import import import_generator
from pairloom.images import to_picture, to_tensor
from pairloom.models.model_folder import load_model
from pairloom.palette import CITYSCAPES

CPU = torch.device("cpu")


def _file(folder: Path, halvings: int = 7, *, kind: Kind = "batch", width: int = 4) -> tuple[ForeignGenerator, Path]:
    torch.manual_seed(1)
    network = ForeignGenerator(halvings, width, kind=kind)
    torch.save(network.state_dict(), folder / "latest_net_G.pth")
    return network, folder / "latest_net_G.pth"


def _picture(height: int, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("halvings", [7, 8])
@pytest.mark.parametrize("inference", ["train", "eval"])
@torch.no_grad()
def test_the_model_folder_answers_as_the_generator_did(
    halvings: int, inference: Literal["train", "eval"], tmp_path: Path
) -> None:
    network, file = _file(tmp_path, halvings)
    imported = import_generator(file, tmp_path / "model", inference=inference, dropout=False)
    assert imported.largest_difference < 1e-5
    model = load_model(tmp_path / "model", CPU)
    side = 2**halvings
    assert (model.size, model.config.inference, model.target.palette) == ((side, side), inference, None)
    picture = _picture(side, side)
    network.train(inference == "train")
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    # As their `tensor2im` writes it, but rounded.
    expected = to_picture(network(to_tensor(picture)[None])[0])
    answer = model.predict(picture)
    assert np.abs(answer.astype(int) - expected).max() <= 1
    assert (answer == expected).mean() > 0.999


def test_dropout_stays_on_in_use_where_theirs_does_and_is_seeded_by_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, file = _file(tmp_path)
    picture = _picture(128, 128)
    models = {
        "on": import_generator(file, tmp_path / "on").model,
        "off": import_generator(file, tmp_path / "off", inference="eval").model,
    }
    first = {name: model.predict(picture) for name, model in models.items()}
    assert np.array_equal(models["on"].predict(picture), first["on"])
    monkeypatch.setattr(zlib, "crc32", lambda _content: 1)
    assert not np.array_equal(models["on"].predict(picture), first["on"])
    assert np.array_equal(models["off"].predict(picture), first["off"])


def test_with_a_palette_its_colours_are_classes(tmp_path: Path) -> None:
    _, file = _file(tmp_path)
    picture = _picture(128, 128)
    drawn = import_generator(file, tmp_path / "picture", inference="eval").model.predict(picture)
    ids = import_generator(file, tmp_path / "classes", inference="eval", palette="cityscapes").model.predict(picture)
    distances = np.square(drawn[:, :, None].astype(int) - np.array(CITYSCAPES.colours)).sum(axis=-1)
    assert (distances.argmin(axis=-1) == ids).mean() > 0.99  # but where rounding decides


def test_another_size_is_a_multiple(tmp_path: Path) -> None:
    _, file = _file(tmp_path)
    assert import_generator(file, tmp_path / "wide", size="128x256").model.size == (128, 256)
    with pytest.raises(UserError, match="multiple of 128, not 192"):
        import_generator(file, tmp_path / "odd", size=192)
    with pytest.raises(UserError, match="a size is H or HxW"):
        import_generator(file, tmp_path / "odd", size="big")
    assert not (tmp_path / "odd").exists()


def test_what_does_not_agree_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, file = _file(tmp_path)
    monkeypatch.setattr("pairloom.exporters.cyclegan_import.EPSILON", 0.5)
    with pytest.raises(UserError, match=r"differs by .* so nothing was written"):
        import_generator(file, tmp_path / "model", inference="train")
    assert not (tmp_path / "model").exists()


def test_colours_of_a_palette_need_three_channels(tmp_path: Path) -> None:
    torch.save(ForeignGenerator(7, 1, made=1).state_dict(), tmp_path / "net.pth")
    with pytest.raises(UserError, match="outputs 1 channels, not RGB"):
        import_generator(tmp_path / "net.pth", tmp_path / "model", palette="cityscapes")


def test_the_verb_says_how_closely_it_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, file = _file(tmp_path, kind="instance")
    out = tmp_path / "model"
    assert main(["import", str(file), "--out", str(out), "--inference", "eval", "--no-dropout"]) == 0
    said = capsys.readouterr().out
    assert f"U-Net of width 4 and depth 7, norm instance: written to {out}" in said
    assert "Largest difference from the file's own network" in said
    description = json.loads((out / "config.json").read_text())
    assert description["about"]["imported_from"] == "pytorch-CycleGAN-and-pix2pix"
    assert description["model"]["dropout"] == 0
    assert "Converted from weights of pytorch-CycleGAN-and-pix2pix" in (out / "README.md").read_text()
    assert main(["import", str(file), "--out", str(out)]) == 2
    assert "already holds files" in capsys.readouterr().err


def test_rounding_that_shows_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, file = _file(tmp_path)
    monkeypatch.setattr("pairloom.exporters.cyclegan_import.VISIBLE", 0.0)
    assert main(["import", str(file), "--out", str(tmp_path / "model")]) == 0
    assert "in double precision both agree to 1e-6" in capsys.readouterr().out
