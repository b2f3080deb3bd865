"""Models that have learned nothing, but whose answers change from pixel to pixel, as those of trained ones do.

An encoder has its ImageNet weights.
"""

from pathlib import Path

import torch
from torch import nn

from pairloom.data.image_spec import ImageSpec
from pairloom.models.encoder_unet import EncoderUNet
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID
from pairloom.settings import load_experiment

COLOURS, CLASSES = ImageSpec(3), ImageSpec(3, palette=CAMVID)


def random_model(
    preset: str = "recommended",
    source: ImageSpec = COLOURS,
    target: ImageSpec = CLASSES,
    size: str = "32x48",
    scale: float | None = None,
    **settings: object,
) -> TranslationModel:
    """Build a small model, on the CPU; settings of the section `model` by their short names."""
    named = {f"model.{name}": value for name, value in settings.items()}
    experiment = load_experiment(
        preset, settings={"size": size, "model.width": 4, "model.encoder": "none", "model.norm": "instance", **named}
    ).resolved()
    torch.manual_seed(0)
    at = experiment.data.size
    built = TranslationModel.build(experiment.model, source, target, at, torch.device("cpu"), scale=scale)
    for layer in built.generator.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.kaiming_normal_(layer.weight)
    if isinstance(built.generator, EncoderUNet):
        built.generator.load_pretrained()
    return built


def save_random_model(folder: Path, **options: object) -> Path:
    """Save such a model; return its folder."""
    save_model(random_model(**options), folder, about={})  # type: ignore[arg-type]
    return folder
