"""Backbones of transformers as encoders: the maps, the weights, the statistics, and what is refused."""

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from backbones import FAMILIES
from hub import Repository, standing_in, use_hub
from pairloom.errors import UserError
from pairloom.models.backbone import Backbone
from pairloom.models.backbone_description import BackboneDescription
from pairloom.models.backbone_files import IMAGENET_MEAN, IMAGENET_STD, describe_backbone
from pairloom.models.encoder_unet import EncoderUNet
from pairloom.models.model_folder import load_model
from random_models import save_random_model

Backbones = Callable[[str], Path]


def _loaded(folder: Path, channels: int = 3) -> Backbone:
    torch.manual_seed(1)
    encoder = Backbone(describe_backbone(str(folder)), channels, str(folder))
    encoder.load_pretrained()
    return encoder


def _source(height: int, width: int, channels: int = 3, batch: int = 1) -> Tensor:
    return torch.rand(batch, channels, height, width, generator=torch.Generator().manual_seed(height + width)) * 2 - 1


@pytest.fixture
def copied(backbones: Backbones, tmp_path: Path) -> Path:
    """The folder of a ConvNeXt, to be changed."""
    return shutil.copytree(backbones("convnext"), tmp_path / "convnext")


def _edit(path: Path, **changes: object) -> None:
    record = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**record, **changes}))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_maps_are_a_pyramid_at_any_size_and_depend_on_nothing_else(backbones: Backbones, family: str) -> None:
    encoder = _loaded(backbones(family))
    assert encoder.strides == (2, 4, 8, 16)
    with torch.no_grad():
        first = encoder(_source(48, 80))
        for height, width in ((16, 16), (32, 16), (96, 160)):
            maps = encoder(_source(height, width))
            assert [tuple(found.shape) for found in maps] == [
                (1, channels, height // stride, width // stride)
                for stride, channels in zip(encoder.strides, encoder.channels, strict=True)
            ]
        again = encoder(_source(48, 80))
        both = encoder(torch.cat([_source(48, 80), -_source(48, 80)]))
    for found, same, batched in zip(first, again, both, strict=True):
        assert found.std() > 1e-3
        assert torch.equal(found, same)
        assert torch.allclose(found, batched[:1], atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_its_weights_are_those_of_the_folder(backbones: Backbones, family: str) -> None:
    own = _loaded(backbones(family)).network.state_dict()
    saved = load_file(backbones(family) / "model.safetensors").values()
    for name, tensor in own.items():  # transformers renames some of them
        new = "hidden_states_norms" in name or name.endswith("num_batches_tracked")
        assert new or any(torch.equal(tensor, other) for other in saved if other.shape == tensor.shape), name


def test_it_sees_what_the_image_processor_of_transformers_would_give_it(backbones: Backbones) -> None:
    from transformers import ConvNextBackbone

    encoder, source = _loaded(backbones("convnext")), _source(32, 64)
    reference = ConvNextBackbone.from_pretrained(
        backbones("convnext"), out_features=["stage1", "stage2", "stage3", "stage4"], local_files_only=True
    ).eval()
    colours = (source + 1) / 2  # from 0 to 1
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    seen = F.interpolate((colours - mean) / std, scale_factor=2, mode="bilinear")
    with torch.no_grad():
        for found, wanted in zip(encoder(source), reference(seen).feature_maps, strict=True):
            assert torch.allclose(found, wanted, atol=1e-5)


def test_a_patch_of_14_pixels_becomes_8_of_the_source_and_its_maps_a_pyramid(backbones: Backbones) -> None:
    from transformers import Dinov2Backbone

    encoder, source = _loaded(backbones("dinov2")), _source(32, 64)
    reference = Dinov2Backbone.from_pretrained(
        backbones("dinov2"), out_features=["stage1", "stage2", "stage3", "stage4"], local_files_only=True
    ).eval()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    seen = F.interpolate(((source + 1) / 2 - mean) / std, size=(56, 112), mode="bilinear")
    with torch.no_grad():
        maps, wanted = encoder(source), reference(seen).feature_maps
    assert wanted[0].shape[2:] == (4, 8)
    assert torch.allclose(maps[2], wanted[2], atol=1e-5)
    assert torch.allclose(maps[3], F.avg_pool2d(wanted[3], 2), atol=1e-5)
    assert torch.allclose(maps[0], F.interpolate(wanted[0], scale_factor=4, mode="bilinear"), atol=1e-5)


@pytest.mark.parametrize(
    ("record", "mean", "std"),
    [
        ({"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}, (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
        ({"image_mean": [0.5] * 3, "image_std": [0.5] * 3, "rescale_factor": 1 / 127.5}, (0.25,) * 3, (0.25,) * 3),
        ({"image_mean": [127.5] * 3, "image_std": [51.0] * 3, "do_rescale": False}, (0.5,) * 3, (0.2,) * 3),
        ({"do_normalize": False}, (0.0,) * 3, (1.0,) * 3),
        ({}, IMAGENET_MEAN, IMAGENET_STD),
    ],
)
def test_its_statistics_are_those_of_its_preprocessor(
    copied: Path, record: dict[str, Any], mean: tuple[float, ...], std: tuple[float, ...]
) -> None:
    _edit(copied / "preprocessor_config.json", **record)
    description = describe_backbone(str(copied))
    assert description.mean == pytest.approx(mean)
    assert description.std == pytest.approx(std)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_sources_of_other_channels_are_seen_as_grey_pictures_are(backbones: Backbones, channels: int) -> None:
    colours, own = _loaded(backbones("resnet")), _loaded(backbones("resnet"), channels)
    grey = _source(32, 32, 1)
    with torch.no_grad():
        for found, wanted in zip(
            own(grey.expand(-1, channels, -1, -1)), colours(grey.expand(-1, 3, -1, -1)), strict=True
        ):
            assert torch.allclose(found, wanted, atol=1e-4)


def test_training_changes_its_weights_and_not_its_statistics(backbones: Backbones) -> None:
    encoder = _loaded(backbones("resnet"))
    generator = EncoderUNet(encoder, width=4, fine_width=4).train()
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    optimizer = torch.optim.SGD(generator.pretrained_parameters(), 0.1)
    generator(_source(32, 48, batch=2)).square().mean().backward()
    optimizer.step()
    changed = {name for name, tensor in encoder.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed
    assert not any(name.endswith(("running_mean", "running_var", "num_batches_tracked")) for name in changed)
    assert {parameter.grad is not None for parameter in generator.parameters()} == {True}


def test_sizes_that_the_encoder_lacks_are_filled_by_convolutions_of_the_source(backbones: Backbones) -> None:
    description = describe_backbone(str(backbones("resnet")))
    coarse = dataclasses.replace(
        description, **{name: getattr(description, name)[2:] for name in ("stages", "strides", "channels")}
    )
    encoder = Backbone(coarse, 3, "resnet")
    assert encoder.strides == (8, 16)
    generator = EncoderUNet(encoder, 3, 5, width=4, fine_width=4, tanh=False)
    assert len(generator.fine) == 3  # 1, 1/2 and 1/4 of the sides
    assert generator(_source(37, 50)).shape == (1, 5, 37, 50)


def test_a_description_is_the_same_from_json(backbones: Backbones) -> None:
    for family in FAMILIES:
        description = describe_backbone(str(backbones(family)))
        read = BackboneDescription.from_record(json.loads(json.dumps(description.to_record())))
        assert read.to_record() == description.to_record()
        assert (read.stages, read.strides, read.mean) == (description.stages, description.strides, description.mean)


@pytest.mark.parametrize(
    ("readme", "license_"),
    [
        ("---\nlicense: apache-2.0\ntags: [vision]\n---\n# Model\n", "apache-2.0"),
        ("---\nlicense: other\nlicense_name: dinov3-license\n---\n", "dinov3-license"),
        ("---\nlicense: [mit, cc-by-4.0]\n---\n", "mit, cc-by-4.0"),
        ("---\n: : [\n---\n", ""),
        ("# license: mit\n", ""),
        (None, ""),
    ],
)
def test_its_licence_is_that_of_its_model_card(copied: Path, readme: str | None, license_: str) -> None:
    if readme is not None:
        (copied / "README.md").write_text(readme)
    assert describe_backbone(str(copied)).license == license_


def test_a_folder_without_weights_as_safetensors_is_refused(copied: Path) -> None:
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"no weights as safetensors .*save_pretrained"):
        describe_backbone(str(copied))


def test_weights_that_lack_tensors_are_refused(copied: Path) -> None:
    weights = load_file(copied / "model.safetensors")
    name = next(name for name in weights if name.endswith("dwconv.weight"))
    save_file(
        {key: tensor for key, tensor in weights.items() if key != name}, copied / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(UserError, match=r"do not fit its config.json \(1 tensors missing, 0 .*dwconv"):
        _loaded(copied)


def test_weights_of_other_shapes_are_refused(copied: Path) -> None:
    _edit(copied / "config.json", hidden_sizes=[4, 8, 8, 24])
    with pytest.raises(UserError, match="convnext: "):
        _loaded(copied)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_type": "bert"}, "is a 'bert' model, not a backbone of transformers"),
        ({"model_type": "my_own", "auto_map": {"AutoConfig": "evil.Config"}}, "is a 'my_own' model"),
        ({"model_type": None}, "is a 'None' model"),
        ({"hidden_sizes": "many"}, "cannot be built"),
        ({"depths": [1, 1, 1, 10**9]}, r"config.depths is too large"),
    ],
)
def test_what_is_no_backbone_is_refused(copied: Path, changes: dict[str, Any], message: str) -> None:
    _edit(copied / "config.json", **changes)
    with pytest.raises(UserError, match=message) as told:
        describe_backbone(str(copied))
    assert len(str(told.value).splitlines()) == 1


def test_code_beside_a_backbone_is_never_run(copied: Path) -> None:
    (copied / "evil.py").write_text(f"open({str(copied / 'run')!r}, 'w')\nclass Config: pass\nclass Model: pass\n")
    _edit(copied / "config.json", auto_map={"AutoConfig": "evil.Config", "AutoBackbone": "evil.Model"})
    encoder = _loaded(copied)
    assert not (copied / "run").exists()
    assert "auto_map" not in encoder.network.config.to_dict()  # type: ignore[operator, union-attr]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet50", "is neither none, efficientnet-lite0, a folder here, nor a name on the Hugging Face Hub"),
        ("./nowhere/at/all", "is neither none"),
        ("empty", r"holds no config.json; name a folder that save_pretrained"),
    ],
)
def test_a_name_that_means_nothing_is_refused(
    name: str, message: str, backbones: Backbones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        describe_backbone(name)


def test_without_transformers_the_message_says_how_to_get_it(
    backbones: Backbones, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = backbones("convnext")
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UserError, match=r"needs transformers: pip install 'pairloom\[encoders\]'"):
        describe_backbone(str(folder))


def _hostile(description: dict[str, Any]) -> Iterator[tuple[str, object]]:
    config = description["config"]
    yield "model.backbone must be a description", {}
    yield "model.backbone must be a description", {**description, "code": "x"}
    for key, value in (
        ("stages", []),
        ("stages", ["stage1"]),
        ("strides", [4, 8, 16, 10**6]),
        ("strides", [3, 6, 12, 24]),
        ("strides", [8, 16, 32, 64]),
        ("channels", [8, 8, 8, 8]),
        ("std", [0.0, 1.0, 1.0]),
        ("mean", [float("nan"), 0.0, 0.0]),
        ("mean", [0.0]),
        ("side", 10**9),
        ("name", 5),
        ("config", []),
        ("config", {**config, "model_type": "llama"}),
        ("config", {**config, "model_type": "timm_backbone"}),
        ("config", {**config, "auto_map": {"AutoConfig": "evil.Config"}}),
        ("config", {**config, "attn_implementation": "evil/kernels"}),
        ("config", {**config, "_attn_implementation": "evil/kernels"}),
        ("config", {**config, "dtype": "float64"}),
        ("config", {**config, "depths": [1, 1, 1, 10**9]}),
        ("config", {**config, "depths": [1] * 10**4}),
        ("config", {**config, "hidden_sizes": [10**12, 8, 8, 16]}),
        ("config", {**config, "hidden_act": "evil"}),
        ("config", {**config, "patch_size": {"nested": [1]}}),
        ("config", {**config, "num_channels": 0}),
    ):
        yield "model.backbone", {**description, key: value}


def test_a_wrong_description_in_a_model_folder_is_a_user_error(backbones: Backbones, tmp_path: Path) -> None:
    folder = backbones("convnext")
    backbone = describe_backbone(str(folder)).to_record()
    model = save_random_model(tmp_path / "model", encoder=str(folder), backbone=backbone)
    load_model(model, torch.device("cpu"))
    path = model / "config.json"
    description = json.loads(path.read_text())
    for message, wrong in _hostile(backbone):
        path.write_text(json.dumps({**description, "model": {**description["model"], "backbone": wrong}}))
        with pytest.raises(UserError, match=message) as told:
            load_model(model, torch.device("cpu"))
        assert str(path) in str(told.value), wrong
        assert len(str(told.value).splitlines()) == 1


def test_a_model_folder_that_lacks_its_description_is_a_user_error(tmp_path: Path) -> None:
    folder = save_random_model(tmp_path / "model")
    path = folder / "config.json"
    description = json.loads(path.read_text())
    path.write_text(json.dumps({**description, "model": {**description["model"], "encoder": "facebook/any"}}))
    with pytest.raises(UserError, match=r"config.json: model.backbone must be a description"):
        load_model(folder, torch.device("cpu"))


def test_a_backbone_comes_from_the_hub_and_stays_without_a_connection(
    backbones: Backbones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = backbones("convnext")
    with standing_in() as hub:
        use_hub(hub, tmp_path, monkeypatch)
        repository = hub.repositories["me/tiny"] = Repository()
        card = b"---\nlicense: mit\n---\n"
        files = {path.name: path.read_bytes() for path in folder.iterdir()}
        repository.commits.append({**files, "README.md": card, "pytorch_model.bin": b"large"})
        description = describe_backbone("me/tiny")
        assert (description.name, description.license) == ("me/tiny", "mit")
        assert not any("pytorch_model" in path for _, path in hub.asked)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:1")
    encoder = Backbone(description, 3, "me/tiny")
    encoder.load_pretrained()  # from the cache
    own = encoder.network.state_dict()
    assert all(torch.equal(tensor, own[name]) for name, tensor in _loaded(folder).network.state_dict().items())
    with pytest.raises(UserError, match=r"^model.encoder me/other: .*cannot be reached.*hf download me/other"):
        describe_backbone("me/other")
