"""Weights of pytorch-CycleGAN-and-pix2pix: read safely, evaluated and converted without changing what they compute."""

import os
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from foreign import ForeignGenerator, Kind
from pairloom.errors import UserError
from pairloom.exporters.cyclegan_unet import read_foreign
from pairloom.models.generator import UNetGenerator
from pairloom.models.layers import Norm


def _saved(network: nn.Module, path: Path, **changes: Tensor | None) -> Path:
    """Save a state dict; a change of None takes an entry out (`__` stands for a dot)."""
    state = network.state_dict()
    for name, tensor in changes.items():
        if tensor is None:
            del state[name.replace("__", ".")]
        else:
            state[name.replace("__", ".")] = tensor
    torch.save(state, path)
    return path


def _set_dropout(network: nn.Module, *, on: bool) -> None:
    for layer in network.modules():
        if isinstance(layer, nn.Dropout):
            layer.train(on)


@pytest.mark.parametrize("kind", ["batch", "instance", "none"])
@pytest.mark.parametrize("halvings", [7, 8])
@pytest.mark.parametrize("training", [False, True])
@torch.no_grad()
def test_weights_compute_what_the_network_they_come_from_computes(
    kind: Kind, halvings: int, training: bool, tmp_path: Path
) -> None:
    torch.manual_seed(halvings)
    network = ForeignGenerator(halvings, kind=kind)
    foreign = read_foreign(_saved(network, tmp_path / "net.pth"))
    assert (foreign.depth, foreign.width, foreign.norm) == (halvings, 4, kind)
    generator = UNetGenerator(width=4, depth=halvings, norm=Norm(kind), dropout=0.5, dropout_from=1)
    foreign.give(generator)
    for module in (network, generator):
        module.train(training)
        _set_dropout(module, on=False)
    source = torch.rand(1, 3, 2**halvings, 2**halvings) * 2 - 1
    expected = network(source.clone())
    assert expected.std() > 0.05, "the comparison sees more than a flat picture"
    assert (foreign(source, training=training) - expected).abs().max() < 1e-5
    assert (generator(source) - expected).abs().max() < 1e-5


def test_dropout_stands_where_it_stood(tmp_path: Path) -> None:
    for halvings in (7, 8):
        network = ForeignGenerator(halvings)
        generator = UNetGenerator(width=4, depth=halvings, dropout=0.5, dropout_from=1)
        blocks = [block for block in network.modules() if isinstance(block, nn.Sequential)]
        theirs = [isinstance(block[-1], nn.Dropout) for block in reversed(blocks)][:-1]  # innermost first
        ours = [block[2].p > 0 for block in generator.decoder if isinstance(block, nn.Sequential)]  # type: ignore[operator]
        assert ours == theirs


@torch.no_grad()
def test_other_channels_are_taken(tmp_path: Path) -> None:
    foreign = read_foreign(_saved(ForeignGenerator(7, 2, given=1, made=4), tmp_path / "net.pth"))
    assert (foreign.in_channels, foreign.out_channels, foreign.width) == (1, 4, 2)
    assert foreign(torch.zeros(2, 1, 128, 256), training=False).shape == (2, 4, 128, 256)


@torch.no_grad()
def test_names_and_numbers_as_older_versions_and_several_gpus_write_them_are_read(tmp_path: Path) -> None:
    network = ForeignGenerator(7).eval()
    source = torch.rand(1, 3, 128, 128)
    expected = network(source.clone())
    state = network.state_dict()
    parallel = OrderedDict((f"module.{name}", tensor) for name, tensor in state.items())
    uncounted = {name: tensor for name, tensor in state.items() if "num_batches" not in name}
    for number, content in enumerate((parallel, uncounted)):
        torch.save(content, tmp_path / f"{number}.pth", _use_new_zipfile_serialization=number == 0)
        assert (read_foreign(tmp_path / f"{number}.pth")(source, training=False) - expected).abs().max() < 1e-5
    torch.save({name: tensor.half() for name, tensor in uncounted.items()}, tmp_path / "half.pth")
    assert read_foreign(tmp_path / "half.pth")(source, training=False).dtype == torch.float32


@torch.no_grad()
def test_statistics_that_instance_norm_once_kept_are_left_out(tmp_path: Path) -> None:
    network = ForeignGenerator(7, kind="instance")
    old = {f"{name}.running_{what}": torch.ones(32) for name in ("model.model.1.model.2",) for what in ("mean", "var")}
    torch.save({**network.state_dict(), **old}, tmp_path / "net.pth")
    assert read_foreign(tmp_path / "net.pth").norm == "instance"


class Bomb:
    """Writes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("how", ["torch", "legacy", "pickle", "beside weights"])
def test_nothing_in_a_file_is_executed(how: str, tmp_path: Path) -> None:
    path, mark = tmp_path / "net.pth", tmp_path / "executed"
    bomb = Bomb(mark)
    if how == "pickle":
        path.write_bytes(pickle.dumps(bomb))
    elif how == "beside weights":
        torch.save({**ForeignGenerator(7, 1).state_dict(), "x": bomb}, path)
    else:
        torch.save(bomb, path, _use_new_zipfile_serialization=how == "torch")
    with pytest.raises(UserError, match=r"without executing .* write torch\.save\(network\.state_dict\(\), FILE\)"):
        read_foreign(path)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "holds no named weights"),
        ({}, "holds no named weights"),
        ({"epoch": 3}, "holds more than named weights .'epoch'"),
        ({3: torch.zeros(1)}, "holds more than named weights .'3'"),
        ({"model.1.weight": torch.zeros(4, 3, 7, 7)}, "is not a U-Net generator"),
        ({"model.10.conv_block.1.weight": torch.zeros(4)}, "holds a ResNet generator"),
        # torch 2.14 and later read no sparse tensor without executing code.
        ({"a": torch.zeros(4).to_sparse()}, "not stored as plain numbers|can be read without executing code"),
        ({"a": torch.zeros(1).expand(10**12)}, "claims more weights than it holds"),
        ({"model.model.0.weight": torch.zeros(1), "model.model.3.weight": torch.zeros(1)}, "are missing"),
    ],
)
def test_what_is_no_such_generator_is_refused(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(UserError, match=message) as told:
        read_foreign(tmp_path / "net.pth")
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model__model__1__model__1__weight": None}, "'model.model.1.model.1.weight' are missing"),
        ({"model__model__1__model__2__running_var": None}, "'model.model.1.model.2.running_var' are missing"),
        ({"model__model__1__model__6__weight": None}, "holds 'model.model.1.model.6.bias'"),
        (
            {f"model__model__1__model__6__{name}": None for name in ("weight", "bias", "running_mean", "running_var")},
            "batch norm after some layers only",
        ),
        ({"model__model__3__bias": torch.zeros(4)}, "biases or statistics at the depth 0 are not 3"),
        ({"model__model__0__weight": torch.zeros(4, 3, 3, 3)}, r"where \(4, 3, 4, 4\) belong"),
        ({"model__model__0__weight": torch.zeros(())}, "not convolutions of images"),
        ({"model__model__1__model__5__weight": torch.zeros(8, 4, 4, 4)}, r"where \(16, 4, 4, 4\) belong"),
        ({"model__model__0__weight": torch.full((4, 3, 4, 4), torch.nan)}, "not finite numbers"),
        ({"model__model__0__weight": torch.zeros(4, 3, 4, 4, dtype=torch.int32)}, "not finite numbers"),
        ({"extra": torch.zeros(1)}, "holds 'extra', which is not in a U-Net generator"),
    ],
)
def test_a_network_that_differs_is_refused(changes: dict[str, Tensor | None], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=message):
        read_foreign(_saved(ForeignGenerator(7), tmp_path / "net.pth", **changes))


def test_a_file_that_is_cut_off_or_not_there_is_refused(tmp_path: Path) -> None:
    path = _saved(ForeignGenerator(7, 1), tmp_path / "net.pth")
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UserError, match="is not a file of weights"):
        read_foreign(path)
    with pytest.raises(UserError, match="no such file"):
        read_foreign(tmp_path / "none.pth")
    with pytest.raises(UserError, match="no such file"):
        read_foreign(tmp_path)
