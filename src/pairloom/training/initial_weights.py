"""The weights of an earlier run, from which another training begins (`--init`)."""

from pathlib import Path

import torch
from torch import Tensor

from pairloom.config import ModelConfig
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.models.encoders import is_same_backbone
from pairloom.models.model_folder import find_model, load_model

_SHAPING = ("encoder", "width", "fine_width", "depth", "norm", "full_resolution", "up")
"""Settings that decide which layers the generator has."""
_HEAD = "head."


def load_initial_weights(init: str, model: ModelConfig, target: ImageSpec | None = None) -> dict[str, Tensor]:
    """Read the weights of a trained generator, by name.

    Args:
        init: a run, a model folder, or a model on a hub.
        model: the resolved settings of the network that begins with them.
        target: what that network draws; where its classes are others, those of the last layers are left out. None
            leaves nothing out.

    Raises:
        UserError: if there is no such model, or its generator has other layers.
    """
    trained = load_model(find_model(Path(init)), torch.device("cpu"))
    names = [name for name in _SHAPING if model.encoder == "none" or name in ("encoder", "width", "fine_width", "norm")]
    if is_same_backbone(trained.config, model):
        names.remove("encoder")  # whatever its folder is called
    elif model.backbone is not None and trained.config.encoder == model.encoder:
        raise UserError(f"{init}: its backbone {model.encoder} is another one by now; train without --init")
    if others := [name for name in names if getattr(trained.config, name) != getattr(model, name)]:
        flags = " ".join(f"--model.{name} {_written(getattr(trained.config, name))}" for name in others)
        raise UserError(f"{init}: has another network than this training; to begin with its weights, add {flags}")
    weights = dict(trained.generator.state_dict())
    same_head = target is None or (trained.config.head == model.head and _classes(trained.target) == _classes(target))
    return weights if same_head else {name: tensor for name, tensor in weights.items() if not name.startswith(_HEAD)}


def _classes(spec: ImageSpec) -> object:
    return spec.palette.names if spec.palette else spec


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
