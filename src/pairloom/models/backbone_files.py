"""Backbones of Hugging Face transformers on a hub and in folders: found, and described."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml

from pairloom.errors import UserError, first_line
from pairloom.files import read_text
from pairloom.models.backbone_description import ENLARGEMENT, BackboneDescription, all_are, is_pyramid
from pairloom.models.hub import download_files, may_be_on_hub
from pairloom.models.transformers_classes import (
    UNTRUSTED_FIELDS,
    config_class,
    declared_fields,
    explained,
    network_class,
    quiet,
    require_transformers,
)

MOST_MAPS = 4
"""Feature maps that are taken of a backbone whose maps are all of one size."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_FILES = ("config.json", "preprocessor_config.json", "README.md", "model*.safetensors", "model.safetensors.index.json")


class _Stage(NamedTuple):
    """A feature map that a backbone offers."""

    name: str
    stride: int
    channels: int


def describe_backbone(name: str) -> BackboneDescription:
    """Describe the backbone that a hub name or a folder means; its weights are fetched, but not read.

    Raises:
        UserError: if transformers is not installed, there is no such backbone, it cannot be fetched, it holds no
            weights as safetensors, or it cannot be an encoder.
    """
    require_transformers(f"model.encoder {name}")
    folder = backbone_folder(name)
    record = _json(folder / "config.json", name)
    if not any((folder / file).is_file() for file in ("model.safetensors", "model.safetensors.index.json")):
        raise UserError(
            f"model.encoder {name}: has no weights as safetensors (model.safetensors), and no others are loaded; "
            "save them with save_pretrained of transformers, or choose another backbone"
        )
    with quiet(), explained(f"model.encoder {name}"):
        config = config_class(record.get("model_type"), f"model.encoder {name}")(
            **{key: value for key, value in record.items() if key not in UNTRUSTED_FIELDS and not key.startswith("_")}
        )
        plain = _declared(config, record, name)
        stages, side = _examined(plain)
    if not stages:
        raise UserError(
            f"model.encoder {name}: its feature maps are no pyramid of halved sides, nor all of one size; "
            "choose another backbone"
        )
    colours = plain.get("num_channels", 3)
    mean, std = _statistics(folder, colours if isinstance(colours, int) else 3, name)
    local = Path(name).expanduser()
    return BackboneDescription(
        name=local.resolve().name if local.is_dir() else name,
        config=plain,
        stages=tuple(stage.name for stage in stages),
        strides=tuple(stage.stride for stage in stages),
        channels=tuple(stage.channels for stage in stages),
        mean=mean,
        std=std,
        side=side,
        license=_license(folder),
    )


def backbone_folder(name: str) -> Path:
    """Return the folder of a backbone, here or in the cache of the hub.

    Raises:
        UserError: if there is none, or it cannot be fetched.
    """
    local = Path(name).expanduser()
    if local.exists():
        if not (local / "config.json").is_file():
            raise UserError(
                f"model.encoder {name}: holds no config.json; name a folder that save_pretrained of transformers wrote"
            )
        return local
    if not may_be_on_hub(local):
        raise UserError(
            f"model.encoder {name}: is neither none, efficientnet-lite0, a folder here, nor a name on the Hugging Face "
            "Hub (user/name)"
        )
    try:
        return download_files(name, _FILES)
    except UserError as error:
        raise UserError(
            f"model.encoder {error}; or, where there is no network, name a folder that was made elsewhere by "
            f"hf download {name.partition('@')[0]} --local-dir FOLDER"
        ) from error


def _examined(plain: Mapping[str, Any]) -> tuple[list[_Stage], int | None]:
    """Try a backbone without memory; return the maps to take of it, and the side of its squares if it takes no others.

    Raises:
        Exception: of any kind, by transformers, if it takes no pictures.
    """
    patch = plain.get("patch_size")
    patch = patch[0] if isinstance(patch, list) else patch
    unit = math.lcm(patch if isinstance(patch, int) and patch > 0 else 1, 32)
    try:
        stages = _chosen(_offered(plain, 2 * unit, 3 * unit))
        if stages:
            # The smallest that it is ever shown, and another shape.
            least = 2 * stages[-1].stride if len({stage.stride for stage in stages}) == 1 else stages[-1].stride
            for height, width in ((least, 2 * least), (3 * least, least)):
                _offered(plain, height, width)
    except Exception:  # of libraries, and of any kind
        side = plain.get("image_size")
        side = side[0] if isinstance(side, list) and len(set(side)) == 1 else side
        if not isinstance(side, int):
            raise
        return _chosen(_offered(plain, side, side)), side
    return stages, None


def _offered(plain: Mapping[str, Any], height: int, width: int) -> list[_Stage]:
    """Return the maps that a backbone makes of a picture, those left out whose cells are no squares."""
    config, build = network_class(plain)
    config.out_features = list(config.stage_names)
    colours = plain.get("num_channels", 3)
    with torch.device("meta"), torch.no_grad():
        maps = build(config).eval()(pixel_values=torch.empty(1, colours, height, width)).feature_maps
    stages = []
    for name, found in zip(config.stage_names, maps, strict=True):
        if found.dim() == 4 and height * found.shape[3] == width * found.shape[2] and height % found.shape[2] == 0:
            stages.append(_Stage(name, height // found.shape[2], found.shape[1]))
    return stages


def _chosen(offered: Sequence[_Stage]) -> list[_Stage]:
    """Choose the last map of each stride; of a plain vision transformer's, four that lie evenly; none if it is odd."""
    last = {stage.stride: stage for stage in offered}
    if len(last) == 1 and len(offered) > 1:
        layers = len(offered) - 1  # the first is the embedding
        count = min(MOST_MAPS, layers)
        return [offered[layers * (index + 1) // count] for index in range(count)]
    stages = [last[stride] for stride in sorted(last) if stride >= ENLARGEMENT]
    return stages if len(stages) > 1 and is_pyramid([stage.stride for stage in stages]) else []


def _declared(config: Any, record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the fields that a configuration's own class declares, as JSON holds them.

    Raises:
        UserError: if there are nested ones.
    """
    values = {field: getattr(config, field) for field in declared_fields(type(config))}
    if nested := [field for field in values if isinstance(record.get(field), dict)]:
        raise UserError(f"model.encoder {name}: its configuration has a nested {nested[0]}, which is not supported")
    kept = {field: value for field, value in values.items() if isinstance(value, str | int | float | list | tuple)}
    plain: dict[str, Any] = json.loads(json.dumps({"model_type": type(config).model_type, **kept}))
    if "reshape_hidden_states" in plain:
        plain["reshape_hidden_states"] = True
    return plain


def _statistics(folder: Path, colours: int, name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of what the backbone was trained on, for colours from 0 to 1."""
    path = folder / "preprocessor_config.json"
    record = _json(path, name) if path.is_file() else {}
    if record.get("do_flip_channel_order"):
        raise UserError(f"model.encoder {name}: takes blue before red, which is not supported; choose another backbone")
    factor = record.get("rescale_factor", 1 / 255) if record.get("do_rescale", True) else 1.0
    if not all_are([factor], float) or factor <= 0:
        raise UserError(f"{path}: rescale_factor must be a number above 0")
    white = 255 * factor
    known: dict[str, tuple[float, ...]]
    if record.get("do_normalize", True):
        known = {"image_mean": IMAGENET_MEAN, "image_std": IMAGENET_STD} if colours == 3 else {}
    else:
        record, known = {}, {"image_mean": (0.0,) * colours, "image_std": (1.0,) * colours}
    found: list[tuple[float, ...]] = []
    for key in ("image_mean", "image_std"):
        values = record.get(key, known.get(key))
        if not isinstance(values, list | tuple) or len(values) != colours or not all_are(values, float):
            raise UserError(
                f"{path}: image_mean and image_std must be {colours} numbers each, as the backbone has channels"
            )
        found.append(tuple(value / white for value in values))
    mean, std = found
    return mean, std


def _license(folder: Path) -> str:
    """Return the licence in the front matter of a folder's README.md; empty where none is stated."""
    try:
        text = read_text(folder / "README.md")
        found = re.match(r"---\s*\n(.*?)\n---", text, flags=re.DOTALL)
        front = yaml.safe_load(found[1]) if found else None
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return ""
    if not isinstance(front, dict):
        return ""
    stated = front.get("license_name") if front.get("license") == "other" else None
    stated = stated or front.get("license") or ""
    return ", ".join(map(str, stated if isinstance(stated, list) else [stated]))[:100]


def _json(path: Path, name: str) -> dict[str, Any]:
    try:
        record = json.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"model.encoder {name}: {path.name} cannot be read ({first_line(error)})") from error
    if not isinstance(record, dict):
        raise UserError(f"model.encoder {name}: {path.name} must hold an object")
    return record
