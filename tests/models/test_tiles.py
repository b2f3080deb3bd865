"""Tile by tile, a generator outputs as it does to the whole."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from pairloom.config import NormName, UpName
from pairloom.models import tiles
from pairloom.models.efficientnet_lite import EfficientNetLite0
from pairloom.models.encoder_unet import EncoderUNet
from pairloom.models.generator import EncoderDecoder, UNetGenerator
from pairloom.models.heads import PictureHead
from pairloom.models.layers import Norm
from pairloom.models.tiles import SMALLEST_TILE, TiledOutput


def _generator(norm: NormName, up: UpName = "resize", *, depth: int = 4, full_resolution: bool = True) -> UNetGenerator:
    torch.manual_seed(0)
    generator = UNetGenerator(
        3, 4, width=4, depth=depth, norm=Norm(norm), up=up, full_resolution=full_resolution, dropout=0.0, tanh=False
    )
    for layer in generator.modules():
        if isinstance(layer, nn.InstanceNorm2d | nn.GroupNorm | nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.5, 1.5)  # as if it had learned something
            nn.init.uniform_(layer.bias, -0.5, 0.5)
    return generator.eval()


def _encoder_unet(norm: NormName) -> EncoderUNet:
    torch.manual_seed(0)
    encoder = EfficientNetLite0()
    encoder.load_pretrained()
    return EncoderUNet(encoder, 3, 4, width=4, fine_width=4, norm=Norm(norm), tanh=False).eval()


def _source(height: int, width: int) -> Tensor:
    """A source that is darker at the top, so that no tile has the statistics of the whole."""
    ramp = torch.linspace(-0.5, 0.5, height)[:, None]
    return ramp + 0.5 * torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def _in_tiles(generator: EncoderDecoder, source: Tensor, tile: int, step: int) -> Tensor:
    output, height = TiledOutput(generator, PictureHead(4), source, tile), source.shape[2]
    return torch.cat([output.rows(top, min(top + step, height)) for top in range(0, height, step)], dim=2)


@pytest.mark.parametrize("norm", ["batch", "instance", "group", "none"])
@pytest.mark.parametrize("up", ["transposed", "resize"])
@pytest.mark.parametrize("full_resolution", [True, False])
@pytest.mark.parametrize("share", [4, 0.001], ids=["one halving", "as many halvings as possible"])
def test_the_output_is_that_of_the_whole(
    norm: NormName, up: UpName, full_resolution: bool, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "COARSE_SHARE", share)
    generator, source = _generator(norm, up, full_resolution=full_resolution), _source(192, 144)
    with torch.no_grad():
        whole = generator(source)
    found = _in_tiles(generator, source, 64, 50)
    assert torch.allclose(found, whole, atol=1e-4 * whole.std().item(), rtol=1e-4)


@pytest.mark.parametrize(
    ("norm", "tile", "height"),
    [("batch", 32, 96), ("instance", 64, 128), ("batch", 64, 128), ("batch", 160, 320), ("batch", 512, 640)],
    ids=["the smallest tile", "one halving", "one halving, batch norm", "two halvings", "three halvings"],
)
def test_so_it_is_with_a_pretrained_encoder(
    norm: NormName, tile: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiles, "COARSE_SHARE", 0.001)
    generator, source = _encoder_unet(norm), _source(height, 160)
    with torch.no_grad():
        whole = generator(source)
    found = _in_tiles(generator, source, tile, 50)
    assert torch.allclose(found, whole, atol=1e-4 * whole.std().item(), rtol=1e-4)


@given(
    height=st.integers(1, 16),
    width=st.integers(1, 16),
    tile=st.integers(SMALLEST_TILE, 200),
    step=st.integers(1, 200),
)
@settings(max_examples=12, deadline=None)
def test_so_it_is_at_any_size_and_however_rows_are_asked_for(height: int, width: int, tile: int, step: int) -> None:
    generator, source = _generator("instance", depth=3), _source(8 * height, 8 * width)
    with torch.no_grad():
        whole = generator(source)
    found = _in_tiles(generator, source, tile, step)
    assert torch.allclose(found, whole, atol=1e-4 * max(whole.std().item(), 1.0), rtol=1e-4)


def test_no_pass_sees_more_than_a_tile_at_full_resolution() -> None:
    generator, seen = _generator("instance"), []
    assert generator.stem is not None
    generator.stem.register_forward_pre_hook(lambda _stem, inputs: seen.append(inputs[0].shape[2:]))
    _in_tiles(generator, _source(320, 256), 96, 96)
    assert max(max(shape) for shape in seen) <= 96


def test_the_generator_is_left_as_it_was() -> None:
    generator, source = _generator("instance"), _source(96, 96)
    with torch.no_grad():
        before = generator(source)
        _in_tiles(generator, source, 64, 96)
        assert torch.equal(generator(source), before)
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in generator.modules())
