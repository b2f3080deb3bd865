"""A generator trained by pytorch-CycleGAN-and-pix2pix becomes a model folder."""

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from pairloom.config import InferenceMode, ModelConfig, Size
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.exporters.cyclegan_unet import EPSILON, ForeignUNet, read_foreign
from pairloom.models.layers import frozen_batch_stats
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import named_palette
from pairloom.report.model_card import write_card
from pairloom.run import require_empty

TOLERANCE = 1e-6
"""Difference in double precision beyond which the networks are not the same, and nothing is written."""
SOURCES = 2
"""Random pictures on which both are compared."""
VISIBLE = 1 / 255
"""Difference in [-1, 1] that may show: half of a level of 8 bits."""
DROPOUT = 0.5
"""Of theirs, in three blocks at the most, the innermost spared."""


@dataclass(frozen=True)
class ImportedGenerator:
    """What has come of a generator from elsewhere.

    Attributes:
        folder: its model folder.
        model: the model in it.
        largest_difference: between its outputs and those that follow from the file's weights layer by layer, on random
            pictures, in [-1, 1]; dropout is off. Rounding alone: the same in double precision is at most 1e-6.
    """

    folder: Path
    model: TranslationModel
    largest_difference: float


def import_generator(
    file: str | Path,
    out: str | Path,
    *,
    inference: InferenceMode = "train",
    dropout: bool = True,
    size: Size | int | str | None = None,
    palette: str | None = None,
) -> ImportedGenerator:
    """Read a U-Net generator that pytorch-CycleGAN-and-pix2pix has trained, and write it as a model folder.

    Args:
        file: its `latest_net_G.pth`, of `--netG unet_128` or `unet_256`, with batch, instance or no norm.
        out: the folder to be made; it must be empty or not exist.
        inference: `train` keeps batch statistics and dropout in use, as their `test.py` does (here seeded by the
            picture); `eval` takes the statistics of the training, without dropout, as their `--eval` does.
        dropout: whether it was trained with dropout; false for their `--no_dropout`. Matters with `train` only.
        size: at which it works (their `--crop_size`), a multiple of 2**depth; None takes 2**depth: 128 or 256.
        palette: read the output's colours as the classes of a built-in palette or a YAML file; None leaves a picture.

    Returns:
        The folder, and how closely it agrees with the weights in the file.

    Raises:
        UserError: if the file holds something else, or the size or palette does not suit it.
    """
    path, folder = Path(file), Path(out)
    require_empty(folder)
    foreign = read_foreign(path)
    model = _build(path, foreign, inference, DROPOUT if dropout else 0.0, _size(path, foreign, size), palette)
    foreign.give(model.generator)
    difference = largest_difference(model, foreign, torch.float64)
    if not difference <= TOLERANCE:
        raise UserError(
            f"{path}: the converted network differs by {difference:.2g} from the file's own network (at most "
            f"{TOLERANCE} is allowed), so nothing was written"
        )
    difference = largest_difference(model, foreign, torch.float32)
    save_model(
        model,
        folder,
        about={
            "imported_from": "pytorch-CycleGAN-and-pix2pix",
            "file": path.name,
            "largest_difference": difference,
        },
    )
    write_card(folder)
    return ImportedGenerator(folder, model, difference)


def _size(path: Path, foreign: ForeignUNet, size: Size | int | str | None) -> Size:
    stride = 2**foreign.depth
    try:
        chosen = Size.parse(stride if size is None else size)
    except ValueError as error:
        raise UserError(str(error)) from error
    if chosen.height % stride or chosen.width % stride:
        raise UserError(
            f"{path}: has {foreign.depth} downsampling steps; use a size that is a multiple of {stride}, not {chosen}"
        )
    return chosen


def _build(
    path: Path,
    foreign: ForeignUNet,
    inference: InferenceMode,
    dropout: float,
    size: Size,
    palette: str | None,
) -> TranslationModel:
    classes = named_palette(palette) if palette is not None else None
    if classes is not None and foreign.out_channels != 3:
        raise UserError(f"{path}: outputs {foreign.out_channels} channels, not RGB; leave out --palette")
    config = ModelConfig(
        head="rgb",
        in_channels=foreign.in_channels,
        out_channels=foreign.out_channels,
        width=foreign.width,
        discriminator_width=foreign.width,
        depth=foreign.depth,
        norm=foreign.norm,
        norm_epsilon=EPSILON,
        full_resolution=False,
        fine_width=foreign.width,
        up="transposed",
        dropout=dropout,
        dropout_from=1,
        inference=inference,
    )
    source, target = ImageSpec(foreign.in_channels), ImageSpec(foreign.out_channels, palette=classes)
    return TranslationModel.build(config, source, target, size, torch.device("cpu"))


@torch.no_grad()
def largest_difference(model: TranslationModel, foreign: ForeignUNet, dtype: torch.dtype) -> float:
    """Return the largest difference between both networks' outputs to random pictures; NaN where one has no output."""
    training = model.config.inference == "train"
    generator = copy.deepcopy(model.generator).to(dtype).train(training)
    for layer in generator.modules():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    differences = []
    with frozen_batch_stats(generator):
        for seed in range(SOURCES):
            draw = torch.Generator().manual_seed(seed)
            source = torch.rand(1, foreign.in_channels, *model.size, generator=draw).to(dtype) * 2 - 1
            differences.append((generator(source) - foreign(source, training=training)).abs().max())
    return float(torch.stack(differences).max())
