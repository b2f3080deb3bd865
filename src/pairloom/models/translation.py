"""A generator together with all that is needed to use it: what training validates is what users run.

The model folder (`config.json`, `model.safetensors`) is read and written here.
"""

import dataclasses
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pairloom import __version__
from pairloom.config import ModelConfig, Size
from pairloom.draws import torch_seeded
from pairloom.errors import UserError
from pairloom.images import UInt8Array, to_tensor
from pairloom.models.discriminator import PatchDiscriminator
from pairloom.models.generator import UNetGenerator
from pairloom.models.heads import HEADS, Head, Painter
from pairloom.models.layers import Norm, held_statistics
from pairloom.palette import Palette

FORMAT = 1
"""Version of the model folder's contents."""


def build_generator(config: ModelConfig, head: Head) -> UNetGenerator:
    """Build the generator that a resolved config describes, with fresh weights."""
    if isinstance(config.depth, str):
        raise TypeError("the depth must be resolved to a number first: Experiment.resolved()")
    return UNetGenerator(
        out_channels=head.channels,
        width=config.width,
        depth=config.depth,
        norm=Norm(config.norm, config.norm_epsilon, config.norm_momentum),
        up=config.up,
        full_resolution=config.full_resolution,
        dropout=config.dropout,
        tanh=head.tanh,
    )


def build_discriminator(config: ModelConfig) -> PatchDiscriminator:
    """Build the discriminator that a config describes, with fresh weights."""
    return PatchDiscriminator(
        width=config.discriminator_width or config.width,
        patch=config.discriminator,
        norm=Norm(config.norm, config.norm_epsilon, config.norm_momentum),
    )


@dataclass(frozen=True)
class TranslationModel:
    """A generator, how its answers are read, and the size at which it works."""

    config: ModelConfig
    palette: Palette
    size: Size
    generator: UNetGenerator
    head: Head

    @classmethod
    def build(cls, config: ModelConfig, palette: Palette, size: Size, device: torch.device) -> "TranslationModel":
        """Build a model with fresh weights on a device."""
        head = HEADS[config.head](Painter(palette, device))
        return cls(config, palette, size, build_generator(config, head).to(device), head)

    @torch.no_grad()
    def predict(self, picture: UInt8Array) -> UInt8Array:
        """Translate one photograph (H×W×3, of the model's size) to class ids (H×W).

        The same photograph always gives the same ids, and nothing of the model or of torch's random state changes.
        With `inference: train` (the original's rule) batch norm uses the picture's own statistics and dropout stays
        on, seeded by the picture's bytes.
        """
        if picture.shape != (*self.size, 3):
            raise ValueError(f"the photograph must be {(*self.size, 3)}, not {picture.shape}")
        device = next(self.generator.parameters()).device
        source = to_tensor(picture).unsqueeze(0).to(device)
        was_training = self.generator.training
        self.generator.train(self.config.inference == "train")
        try:
            with torch_seeded(zlib.crc32(picture.tobytes()), device), held_statistics(self.generator):
                ids = self.head.ids(self.generator(source))
        finally:
            self.generator.train(was_training)
        predicted: UInt8Array = ids.squeeze(0).cpu().numpy()
        return predicted

    def save(self, folder: Path, *, about: Mapping[str, Any]) -> None:
        """Write the model folder; `about` (epoch, scores …) is kept in its `config.json`.

        Each file is written beside its final name and renamed, so that no reader finds half of one.
        """
        folder.mkdir(parents=True, exist_ok=True)
        state: dict[str, Tensor] = {
            name: tensor.detach().cpu().contiguous() for name, tensor in self.generator.state_dict().items()
        }
        description = {
            "format": FORMAT,
            "pairloom": __version__,
            "model": dataclasses.asdict(self.config),
            "size": [self.size.height, self.size.width],
            "palette": dataclasses.asdict(self.palette),
            "about": dict(about),
        }
        unfinished = folder / ".model.safetensors.unfinished"
        save_file(state, unfinished, metadata={"format": "pt"})
        unfinished.replace(folder / "model.safetensors")
        unfinished = folder / ".config.json.unfinished"
        unfinished.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(folder / "config.json")

    @classmethod
    def load(cls, folder: Path, device: torch.device) -> "TranslationModel":
        """Read a model folder; nothing in it is executed.

        Raises:
            UserError: if a file is missing, damaged, or does not fit the others.
        """
        path = folder / "config.json"
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
            if description["format"] != FORMAT:
                raise UserError(f"{path}: has format {description['format']}; this version reads {FORMAT}")
            palette = description["palette"]
            model = cls.build(
                ModelConfig(**description["model"]),
                Palette(
                    palette["name"],
                    tuple(palette["names"]),
                    tuple(_colour(colour) for colour in palette["colours"]),
                    tuple(_colour(colour) for colour in palette["void_colours"]),
                ),
                Size(*description["size"]),
                device,
            )
        except FileNotFoundError as error:
            raise UserError(f"{folder}: holds no model (config.json is missing)") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(f"{path}: is not the description of a model ({error})") from error
        path = folder / "model.safetensors"
        try:
            model.generator.load_state_dict(load_file(path))
        except FileNotFoundError as error:
            raise UserError(f"{path}: the weights are missing") from error
        except (OSError, SafetensorError) as error:
            raise UserError(f"{path}: the weights are damaged ({error})") from error
        except RuntimeError as error:
            raise UserError(f"{path}: the weights do not fit the network of config.json") from error
        return model


def _colour(values: list[int]) -> tuple[int, int, int]:
    red, green, blue = values
    return red, green, blue


def find_model(run: Path) -> Path:
    """Return the model folder that a path means: itself, or the `model/` of a run folder.

    Raises:
        UserError: if it is neither.
    """
    for folder in (run, run / "model"):
        if (folder / "config.json").is_file():
            return folder
    if not run.exists():
        raise UserError(f"{run}: no such run or model folder")
    raise UserError(f"{run}: is neither a model folder nor a run that has a model yet (no model/config.json)")


def choose_device(name: str) -> torch.device:
    """Return the device that `auto`, `cpu` or `cuda` means on this machine.

    Raises:
        UserError: if `cuda` is asked for where there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda was asked for, but torch finds no CUDA GPU here; use --device cpu")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
