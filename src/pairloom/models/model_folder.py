"""The model folder on disk: `config.json` and `model.safetensors`, all that is needed to use a model."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from pairloom import __version__
from pairloom.config import LARGEST_SCALE, DataConfig, ModelConfig, Size
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError, first_line
from pairloom.files import read_text, replacing
from pairloom.models.hub import download, may_be_on_hub
from pairloom.models.meta import on_meta
from pairloom.models.translation import TranslationModel
from pairloom.palette.fields import shown

FORMAT, CROPS_FORMAT = 2, 3
"""Version of the model folder's contents; the later one has a `scale`, which earlier versions would overlook."""
MODEL_FILES = ("config.json", "model.safetensors")
"""All that a model needs; other files may lie beside them."""


def read_about(model: Path) -> dict[str, Any]:
    """Return what a model folder tells of its training: epoch, data, scores; nothing for an ONNX file."""
    config = model / "config.json"
    about: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))["about"] if config.is_file() else {}
    return about


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
        "format": FORMAT if model.scale is None else CROPS_FORMAT,
        "pairloom": __version__,
        "model": dataclasses.asdict(model.config),
        "size": [model.size.height, model.size.width],
        **({} if model.scale is None else {"scale": model.scale}),
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
    path, weights = folder / "config.json", folder / "model.safetensors"
    try:
        description = json.loads(read_text(path))
        if description["format"] not in (FORMAT, CROPS_FORMAT):
            known = f"{FORMAT} and {CROPS_FORMAT}"
            raise UserError(f"{path}: has format {shown(description['format'])}; this version reads {known}")
        build = read_description(description, path).build
        # First without memory: what does not fit the weights may ask for any amount of it.
        try:
            with on_meta() as meta:
                model = build(meta)
                expected = model.generator.state_dict()
                if model.config.backbone is not None:
                    _require_maps(model)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error
    except FileNotFoundError as error:
        raise UserError(f"{folder}: holds no model (config.json is missing)") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, RuntimeError) as error:
        raise UserError(f"{path}: is not a model description ({first_line(error)})") from error
    try:
        with safe_open(weights, framework="pt") as file:
            found = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 (no mapping)
        if found != {name: list(tensor.shape) for name, tensor in expected.items()}:
            raise UserError(f"{weights}: the weights do not fit the network of config.json")
        model = build(device)
        model.generator.load_state_dict(load_file(weights))
    except FileNotFoundError as error:
        raise UserError(f"{weights}: the weights are missing") from error
    except (OSError, SafetensorError) as error:
        raise UserError(f"{weights}: the weights are damaged ({error})") from error
    return model


class Description(NamedTuple):
    """What a model is, but for its weights; see `TranslationModel`."""

    config: ModelConfig
    source: ImageSpec
    target: ImageSpec
    size: Size
    scale: float | None

    def build(self, device: torch.device) -> TranslationModel:
        """Build the model with random weights on a device."""
        return TranslationModel.build(self.config, self.source, self.target, self.size, device, scale=self.scale)


def _require_maps(model: TranslationModel) -> None:
    """Raise UserError if a backbone makes other feature maps than its description says; tried on the device meta."""
    try:
        with torch.no_grad():
            model.generator.eval()(torch.empty(1, model.source.channels, *model.size))
    except Exception as error:  # of transformers, and of any kind
        raise UserError(f"model.backbone does not describe its network ({first_line(error)})") from error


def read_description(description: Mapping[str, Any], path: Path) -> Description:
    """Read what a model's description tells of its network, its sources, its targets, its size and its scale.

    Args:
        description: with `model`, `source`, `target`, `size` and perhaps `scale`, as they are in a model folder.
        path: where it stands, for messages.

    Raises:
        UserError: for sides that are none, and numbers out of reach.
        KeyError, ValueError, TypeError, AttributeError: for anything else that is none.
    """
    try:
        config, size = _config(description["model"]), _size(description["size"])
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    source, target = (ImageSpec.from_record(description[side], f"{path}: {side}") for side in ("source", "target"))
    scale = description.get("scale")
    if scale is not None and not (_is_of(float, scale) and 0 < scale <= LARGEST_SCALE):
        raise UserError(f"{path}: its scale is {shown(scale)}")
    return Description(config, source, target, size, scale)


def _config(record: object) -> ModelConfig:
    """Read the network's settings; raise TypeError or ValueError for values that are none of theirs."""
    if not isinstance(record, dict):
        raise TypeError("its model must be a mapping")
    config = ModelConfig(**record)
    for name, kind in get_type_hints(ModelConfig).items():
        value = getattr(config, name)
        kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
        if not any(_is_of(kind, value) for kind in kinds):
            raise ValueError(f"model.{name} is {shown(value)}")
    return config


def _is_of(kind: object, value: object) -> bool:
    if get_origin(kind) is Literal:
        return isinstance(value, str) and value in get_args(kind)
    if isinstance(value, bool | str) or value is None:
        return kind is type(value)
    if get_origin(kind) is dict:
        return isinstance(value, dict)
    return isinstance(value, int) if kind is int else kind is float and isinstance(value, int | float)


def _size(sides: object) -> Size:
    """Read the size at which the model works."""
    if not isinstance(sides, list) or len(sides) != 2 or not all(_is_of(int, side) for side in sides):
        raise ValueError(f"its size is {shown(sides)}")
    size = Size(*sides)
    DataConfig(size=size)  # which refuses what is out of reach
    if min(size) < 1:
        raise ValueError(f"its size is {shown(sides)}")
    return size


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
    raise UserError(f"{run}: is neither a model folder nor a run with a model (no model/config.json)")
