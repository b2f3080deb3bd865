"""Encoders by the name in `model.encoder`: Pairloom's own, and the backbones of Hugging Face transformers."""

import dataclasses
from pathlib import Path

from pairloom.config import ModelConfig
from pairloom.models.backbone import Backbone
from pairloom.models.backbone_description import BackboneDescription
from pairloom.models.backbone_files import describe_backbone
from pairloom.models.efficientnet_lite import EfficientNetLite0, read_imagenet_weights
from pairloom.models.encoder import Encoder

EFFICIENTNET = "efficientnet-lite0"


def with_backbone(config: ModelConfig) -> ModelConfig:
    """Return the settings with `model.backbone` as their encoder needs it; a folder is named by its absolute path.

    Raises:
        UserError: if there is no such encoder, it cannot be fetched, or a library is missing.
    """
    if config.encoder in ("none", EFFICIENTNET):
        return dataclasses.replace(config, backbone=None)
    description = describe_backbone(config.encoder)
    folder = Path(config.encoder).expanduser()
    name = str(folder.absolute()) if folder.is_dir() else config.encoder
    return dataclasses.replace(config, encoder=name, backbone=description.to_record())


def require_weights(config: ModelConfig) -> None:
    """Raise UserError if the encoder's pretrained weights cannot be read or do not fit."""
    if config.encoder == EFFICIENTNET:
        read_imagenet_weights()
    elif config.encoder != "none":
        description = BackboneDescription.from_record(config.backbone)
        Backbone(description, description.colours, config.encoder).load_pretrained()


def build_encoder(config: ModelConfig, channels: int) -> Encoder:
    """Build the encoder of a config that has one, for sources of so many channels, with random weights.

    Raises:
        UserError: if the backbone's description is missing or wrong, or transformers is not installed.
    """
    if config.encoder == EFFICIENTNET:
        return EfficientNetLite0(channels)
    return Backbone(BackboneDescription.from_record(config.backbone), channels, config.encoder)


def without_path(config: ModelConfig) -> ModelConfig:
    """Return the settings as they are published: an encoder from a folder has the folder's name, not its path."""
    if config.backbone is None:
        return config
    return dataclasses.replace(config, encoder=BackboneDescription.from_record(config.backbone).name)


def is_same_backbone(first: ModelConfig, second: ModelConfig) -> bool:
    """Tell whether both have a backbone, and that of the other, whatever it is called and whoever licensed it."""
    if first.backbone is None or second.backbone is None:
        return False
    one, other = (BackboneDescription.from_record(config.backbone) for config in (first, second))
    return one == dataclasses.replace(other, name=one.name, license=one.license)


def encoder_origin(config: ModelConfig) -> str | None:
    """Say where the encoder's first weights came from, and their licence; None without an encoder."""
    if config.encoder == "none":
        return None
    if config.encoder == EFFICIENTNET:
        return EfficientNetLite0.origin
    description = BackboneDescription.from_record(config.backbone)
    licence = f"licence {description.license}" if description.license else "licence not stated"
    return f"{description.name} (a {description.kind} backbone of Hugging Face transformers, {licence})"
