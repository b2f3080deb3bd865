"""EfficientNet-Lite0: the weights of ImageNet in levels that halve."""

import importlib.util
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pairloom.errors import UserError
from pairloom.models.efficientnet_lite import PACKAGE, EfficientNetLite0

GOLDEN = [8.8698, 11.86316, 9.98415, 6.27259, 3.1564]
"""Standard deviations of what the levels make of `_picture`."""


def _results(levels: nn.ModuleList, x: Tensor) -> list[Tensor]:
    results = []
    with torch.no_grad():
        for level in levels.eval():
            x = level(x)
            results.append(x)
    return results


def _picture() -> Tensor:
    """Return waves of three colours, 1×3×64×96 in [-1, 1]."""
    down, across = torch.linspace(0, 6, 64)[:, None], torch.linspace(0, 9, 96)
    return torch.stack([torch.sin(down + across), torch.sin(2 * down - across), torch.cos(3 * across) + 0 * down])[None]


@pytest.mark.parametrize("sides", [(64, 96), (32, 32), (160, 64)])
def test_each_level_halves_and_has_the_channels_that_are_told(sides: tuple[int, int]) -> None:
    encoder = EfficientNetLite0()
    results = _results(encoder.levels, torch.zeros(1, 3, *sides))
    assert [tuple(result.shape[1:]) for result in results] == [
        (width, sides[0] >> level, sides[1] >> level) for level, width in enumerate(encoder.channels, 1)
    ]


def test_with_the_weights_of_imagenet_it_sees_what_it_saw_when_they_were_checked() -> None:
    # Checked once with the published classifier on top: on photographs of streets it names streetcars and trolleybuses.
    encoder = EfficientNetLite0()
    encoder.load_pretrained()
    found = [result.std().item() for result in _results(encoder.levels, _picture())]
    assert found == pytest.approx(GOLDEN, rel=1e-4)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_sources_of_other_channels_are_seen_as_grey_pictures_are(channels: int) -> None:
    colours, own = EfficientNetLite0(), EfficientNetLite0(channels)
    colours.load_pretrained()
    own.load_pretrained()
    grey = _picture()[:, :1]
    expected = _results(colours.levels, grey.expand(-1, 3, -1, -1))
    for result, wanted in zip(_results(own.levels, grey.expand(-1, channels, -1, -1)), expected, strict=True):
        assert torch.allclose(result, wanted, atol=1e-3 * wanted.std().item(), rtol=1e-3)


def test_its_maps_are_those_of_its_levels_at_the_strides_that_are_told() -> None:
    encoder, source = EfficientNetLite0().eval(), _picture()
    enlarged = nn.functional.interpolate(source, scale_factor=2, mode="bilinear", align_corners=False)
    with torch.no_grad():
        maps = encoder(source)
    for found, wanted, stride in zip(maps, _results(encoder.levels, enlarged), encoder.strides, strict=True):
        assert torch.equal(found, wanted)
        assert found.shape[2:] == (64 // stride, 96 // stride)


def test_weights_that_are_not_installed_are_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match=rf"needs the package {PACKAGE}; .*--model.encoder none"):
        EfficientNetLite0().load_pretrained()


@pytest.mark.parametrize(("content", "message"), [(b"other", "not the file that was published"), (None, "cannot be")])
def test_another_file_in_their_place_is_never_opened(
    content: bytes | None, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "models").mkdir()
        (tmp_path / "models/efficientnet-lite0-57934424.pth").write_bytes(content)
    spec = ModuleSpec("weights", None, origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: spec)
    with pytest.raises(UserError, match=message):
        EfficientNetLite0().load_pretrained()
