"""The model folder on disk: `config.json` and `model.safetensors`, all that is needed to use a model."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pairloom import __version__
from pairloom.config import ModelConfig, Size
from pairloom.data.sides import Side
from pairloom.errors import UserError
from pairloom.files import replacing
from pairloom.models.hub import download, may_be_on_hub
from pairloom.models.translation import TranslationModel

FORMAT = 2
"""Version of the model folder's contents."""


def save_model(model: TranslationModel, folder: Path, *, about: Mapping[str, Any]) -> None:
    """Write a model folder; `about` (epoch, scores …) is kept in its `config.json`.

    Each file is written beside its final name and renamed, so that no reader finds half of one.

    Raises:
        OSError: if the disk is full or cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state: dict[str, Tensor] = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.generator.state_dict().items()
    }
    description = {
        "format": FORMAT,
        "pairloom": __version__,
        "model": dataclasses.asdict(model.config),
        "size": [model.size.height, model.size.width],
        "source": model.source.to_record(),
        "target": model.target.to_record(),
        "about": dict(about),
    }
    with replacing(folder / "model.safetensors", durable=True) as unfinished:
        try:
            save_file(state, unfinished, metadata={"format": "pt"})
        except SafetensorError as error:
            raise OSError(f"{folder / 'model.safetensors'}: cannot be written ({error})") from error
    with replacing(folder / "config.json", durable=True) as unfinished:
        unfinished.write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def load_model(folder: Path, device: torch.device) -> TranslationModel:
    """Read a model folder; nothing in it is executed.

    Raises:
        UserError: if a file is missing, damaged, or does not fit the others.
    """
    path = folder / "config.json"
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        if description["format"] != FORMAT:
            raise UserError(f"{path}: has format {description['format']}; this version reads {FORMAT}")
        model = TranslationModel.build(
            ModelConfig(**description["model"]),
            Side.from_record(description["source"], f"{path}: source"),
            Side.from_record(description["target"], f"{path}: target"),
            Size(*description["size"]),
            device,
        )
    except FileNotFoundError as error:
        raise UserError(f"{folder}: holds no model (config.json is missing)") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
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


def find_model(run: Path) -> Path:
    """Return the model folder that a path means: itself, the `model/` of a run folder, or a model on a hub.

    What is here goes before what is on a hub, whose models are written `user/name` or `user/name@revision`.

    Raises:
        UserError: if it is none of these, or cannot be fetched.
    """
    for folder in (run, run / "model"):
        if (folder / "config.json").is_file():
            return folder
    if not run.exists():
        if may_be_on_hub(run):
            return download(str(run))
        raise UserError(f"{run}: no such run or model folder")
    raise UserError(f"{run}: is neither a model folder nor a run that has a model yet (no model/config.json)")
