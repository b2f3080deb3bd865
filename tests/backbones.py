"""Tiny backbones of transformers with random weights, written as people find them: whole models, in folders."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

_PLAIN: Mapping[str, Any] = {
    "hidden_size": 8,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 16,
}
_STAGED: Mapping[str, Any] = {"hidden_sizes": [4, 8, 8, 16], "depths": [1, 1, 1, 1]}
_WINDOWS: Mapping[str, Any] = {
    "embed_dim": 4,
    "depths": [1, 1, 2, 1],
    "num_heads": [1, 1, 2, 2],
    "window_size": 4,
    "image_size": 64,
}


def _makers() -> Mapping[str, Callable[[], Any]]:
    import transformers as hf

    return {
        "beit": lambda: hf.BeitModel(hf.BeitConfig(**_PLAIN, image_size=64, use_absolute_position_embeddings=True)),
        "convnext": lambda: hf.ConvNextForImageClassification(hf.ConvNextConfig(**_STAGED)),
        "convnextv2": lambda: hf.ConvNextV2Model(hf.ConvNextV2Config(**_STAGED)),
        "dinov2": lambda: hf.Dinov2Model(hf.Dinov2Config(**_PLAIN, image_size=70, patch_size=14)),
        "dinov3_convnext": lambda: hf.DINOv3ConvNextModel(hf.DINOv3ConvNextConfig(**_STAGED)),
        "dinov3_vit": lambda: hf.DINOv3ViTModel(hf.DINOv3ViTConfig(**_PLAIN, image_size=64, num_register_tokens=2)),
        "hgnet_v2": lambda: hf.HGNetV2ForImageClassification(
            hf.HGNetV2Config(
                embedding_size=8,
                hidden_sizes=[8, 8, 8, 16],
                depths=[1, 1, 1, 1],
                stem_channels=[3, 4, 8],
                stage_in_channels=[8, 8, 8, 8],
                stage_mid_channels=[4, 4, 4, 4],
                stage_out_channels=[8, 8, 8, 16],
                stage_num_blocks=[1, 1, 1, 1],
                stage_numb_of_layers=[2, 2, 2, 2],
            )
        ),
        "hiera": lambda: hf.HieraModel(
            hf.HieraConfig(embed_dim=4, image_size=[64, 64], depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2])
        ),
        "pvt_v2": lambda: hf.PvtV2Model(
            hf.PvtV2Config(hidden_sizes=[4, 8, 8, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2])
        ),
        "resnet": lambda: hf.ResNetForImageClassification(
            hf.ResNetConfig(embedding_size=4, hidden_sizes=[8, 8, 8, 16], depths=[1, 1, 1, 1])
        ),
        "swin": lambda: hf.SwinForImageClassification(hf.SwinConfig(**_WINDOWS)),
        "swinv2": lambda: hf.Swinv2Model(hf.Swinv2Config(**_WINDOWS)),
    }


FAMILIES = (
    *("beit", "convnext", "convnextv2", "dinov2", "dinov3_convnext", "dinov3_vit"),
    *("hgnet_v2", "hiera", "pvt_v2", "resnet", "swin", "swinv2"),
)


def write_backbone(folder: Path, family: str) -> Path:
    """Write a tiny model of a family with random weights; return its folder."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _makers()[family]()
        for layer in model.modules():
            if isinstance(layer, nn.BatchNorm2d):  # as if it had seen pictures
                assert layer.running_mean is not None
                assert layer.running_var is not None
                nn.init.normal_(layer.running_mean, 0.0, 0.1)
                nn.init.uniform_(layer.running_var, 0.5, 2.0)
            if isinstance(layer, nn.Linear | nn.Conv2d):
                nn.init.normal_(layer.weight, 0.0, 0.3)
    model.save_pretrained(folder)
    return folder
