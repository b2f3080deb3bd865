"""Backbones of Hugging Face transformers as encoders: from a hub or a folder, and rebuilt from a model folder alone.

Only what a backbone's own class declares is taken from its configuration, so that nothing in it can name code, another
file, or a place on a network.
"""

import dataclasses
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import torch
import yaml
from torch import Tensor, nn
from torch.nn import functional as F

from pairloom.config import LARGEST_SIDE
from pairloom.errors import UserError, first_line
from pairloom.files import read_text
from pairloom.models.encoder import Encoder
from pairloom.models.hub import download_files, may_be_on_hub

ENLARGEMENT = 2
"""How much larger than the source the backbone sees it, per side, where its patches allow just that: the small pictures
that translation works on then show things about as large as photographs of the backbone's training do."""
MOST_MAPS = 4
"""Feature maps that are taken of a backbone whose maps are all of one size."""

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

LARGEST_NUMBER = 2**16
"""Of any whole number in a backbone's configuration."""
LARGEST_STRIDE = 128
"""Of a feature map, in pixels of what the backbone sees."""
MOST_LAYERS = 512
"""Of what counts layers, blocks or stages in a configuration; lists in it have no more entries."""

_INSTALL = "pip install 'pairloom[encoders]'"
_FILES = ("config.json", "preprocessor_config.json", "README.md", "model*.safetensors", "model.safetensors.index.json")
_UNTRUSTED = {"auto_map", "attn_implementation", "experts_implementation", "quantization_config", "use_kernels"}
_UNLOADED = re.compile(r"(^|\.)hidden_states_norms\.|\.num_batches_tracked$")
"""Tensors that weights of a classifier lack: norms of single maps, which begin at the identity, and counters."""


class _Stage(NamedTuple):
    """A feature map that a backbone offers."""

    name: str
    stride: int
    channels: int


@dataclasses.dataclass(frozen=True)
class BackboneDescription:
    """All that is needed to build a backbone, and to tell where its weights came from."""

    name: str
    """Its name on the hub, or that of its folder."""
    config: Mapping[str, Any]
    """The configuration of transformers, as JSON holds it: `model_type`, and every field of its class."""
    stages: tuple[str, ...]
    """Names of the feature maps that are taken, the first first."""
    strides: tuple[int, ...]
    """Of these, in pixels of what the backbone sees; all the same for a plain vision transformer."""
    channels: tuple[int, ...]
    """Of these."""
    mean: tuple[float, ...]
    """Mean of the colours in its own training, from 0 to 1 as black to white."""
    std: tuple[float, ...]
    """Their standard deviation."""
    side: int | None = None
    """Side of the squares that it sees, where it takes no other sizes."""
    license: str = ""
    """Of its weights; empty where none is stated."""

    @property
    def kind(self) -> str:
        """The family, as transformers names it."""
        return str(self.config["model_type"])

    @property
    def colours(self) -> int:
        """Channels of what the backbone sees."""
        return len(self.mean)

    def to_record(self) -> dict[str, Any]:
        """Return the description as JSON holds it."""
        record: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return record

    @classmethod
    def from_record(cls, record: object) -> "BackboneDescription":
        """Read a description, which may come from anywhere.

        Raises:
            UserError: if it is none.
        """
        names = {field.name for field in dataclasses.fields(cls)}
        if not isinstance(record, Mapping) or record.keys() != names:
            raise UserError(f"model.backbone must be a description of a backbone, with {', '.join(sorted(names))}")
        listed: dict[str, tuple[Any, ...]] = {}
        for name, kind in (("stages", str), ("strides", int), ("channels", int), ("mean", float), ("std", float)):
            values = record[name]
            if not isinstance(values, list) or not 0 < len(values) <= MOST_LAYERS or not _all_are(values, kind):
                raise UserError(f"model.backbone: {name} must be a list of {_WORDS[kind]}")
            listed[name] = tuple(values)
        name, license_, side = record["name"], record["license"], record["side"]
        if not isinstance(name, str) or not isinstance(license_, str) or max(len(name), len(license_)) > 300:
            raise UserError("model.backbone: name and license must be texts")
        if side is not None and not (_all_are([side], int) and 1 <= side <= LARGEST_SIDE):
            raise UserError(f"model.backbone: side must be a whole number of at most {LARGEST_SIDE}, or null")
        for key, most in (("strides", LARGEST_STRIDE), ("channels", LARGEST_NUMBER)):
            if len(listed[key]) != len(listed["stages"]) or not all(1 <= number <= most for number in listed[key]):
                raise UserError(f"model.backbone: {key} must be a number from 1 to {most} for each stage")
        if len(listed["mean"]) != len(listed["std"]) or min(listed["std"]) <= 0:
            raise UserError("model.backbone: mean and std must be one number for each colour, std above 0")
        config = record["config"]
        if not isinstance(config, Mapping):
            raise UserError("model.backbone: config must be a mapping")
        return cls(name=name, config=config, side=side, license=license_, **listed)


_WORDS: Mapping[type, str] = {str: "texts", int: "whole numbers", float: "numbers"}


def _all_are(values: Sequence[object], kind: type) -> bool:
    kinds = (int, float) if kind is float else kind
    return all(
        isinstance(value, kinds)
        and not isinstance(value, bool)
        and (not isinstance(value, int | float) or math.isfinite(value))
        for value in values
    )


class Backbone(Encoder):
    """A backbone of transformers, which always works as in use: fixed statistics, no dropout.

    It sees the source at about twice its size, `ENLARGEMENT`. Maps at strides of 4 to 32 of that are at 2 to 16 of the
    source. The maps of a plain vision transformer, all of one size, are resized bilinearly to such a pyramid, those of
    its first layers to the finest; the source is enlarged so that a patch is a power of two of its pixels (16: twice,
    14: 1.75 times). A backbone that takes squares of one size alone sees the source resized to that.

    Args:
        description: what is built.
        in_channels: channels of the source; where the backbone has others, a learned 1×1 convolution brings them to its
            own, and begins as their mean.
        name: the setting `model.encoder`, by which the weights are found.

    Raises:
        UserError: if the description is wrong, or transformers is not installed.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, description: BackboneDescription, in_channels: int, name: str) -> None:
        super().__init__()
        self.levels = None
        self._description, self._name = description, name
        config, build = _network_class(description.config)
        with _quiet(), _explained("model.backbone"):
            config.out_features = list(description.stages)
            self.network: nn.Module = build(config)
        for layer in self.network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_pre_hook(_laid_out_anew)
        self._enlargement, self.strides, used = _pyramid(description)
        self._resized = description.side is not None or len(set(description.strides)) < len(description.strides)
        self._first = len(description.stages) - used
        self.channels = description.channels[self._first :]
        colours = description.colours
        self.colours = nn.Identity() if in_channels == colours else nn.Conv2d(in_channels, colours, 1, bias=False)
        if isinstance(self.colours, nn.Conv2d):
            nn.init.constant_(self.colours.weight, 1 / in_channels)
        for buffer, values in (("mean", description.mean), ("std", description.std)):
            self.register_buffer(buffer, torch.tensor(values).reshape(1, -1, 1, 1), persistent=False)
        self.train()

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in use: batches would change the statistics, and dropout and the like the results."""
        return super().train(False)

    def forward(self, source: Tensor) -> list[Tensor]:
        """Turn B×C×H×W in [-1, 1] into maps, the finest first."""
        height, width = source.shape[-2:]
        x = ((self.colours(source) + 1) / 2 - self.mean) / self.std
        more, less = self._enlargement.as_integer_ratio()
        side = self._description.side
        size = (side, side) if side is not None else (height * more // less, width * more // less)
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        maps = list(self.network(pixel_values=x).feature_maps[self._first :])
        if self._resized:
            for index, stride in enumerate(self.strides):
                size = (height // stride, width // stride)
                maps[index] = F.interpolate(maps[index], size=size, mode="bilinear", align_corners=False)
        return maps

    def load_pretrained(self) -> None:
        """Take the weights from the hub or the folder that `model.encoder` names.

        Raises:
            UserError: if they cannot be had, or do not fit the description.
        """
        folder = _folder(self._name)
        config, build = _network_class(self._description.config)
        config.out_features = list(self._description.stages)
        with _quiet(), _explained(f"model.encoder {self._name}"):
            loaded, found = build.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
        missing = sorted(key for key in found["missing_keys"] if not _UNLOADED.search(key))
        wrong = sorted(str(key) for key in found["mismatched_keys"])
        if missing or wrong:
            raise UserError(
                f"model.encoder {self._name}: its weights do not fit its config.json "
                f"({len(missing)} tensors missing, {len(wrong)} of other shapes, such as {[*missing, *wrong][0]}); "
                "choose another backbone"
            )
        self.network.load_state_dict(loaded.state_dict())


def _laid_out_anew(_layer: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor] | None:
    """While a program is traced, copy what a convolution gets: its layout would bind the program to one batch size."""
    return (inputs[0].clone(memory_format=torch.contiguous_format),) if torch.compiler.is_compiling() else None


def describe_backbone(name: str) -> BackboneDescription:
    """Describe the backbone that a hub name or a folder means; its weights are fetched, but not read.

    Raises:
        UserError: if transformers is not installed, there is no such backbone, it cannot be fetched, it holds no
            weights as safetensors, or it cannot be an encoder.
    """
    _require_transformers(f"model.encoder {name}")
    folder = _folder(name)
    record = _json(folder / "config.json", name)
    if not any((folder / file).is_file() for file in ("model.safetensors", "model.safetensors.index.json")):
        raise UserError(
            f"model.encoder {name}: has no weights as safetensors (model.safetensors), and no others are loaded; "
            "save them with save_pretrained of transformers, or choose another backbone"
        )
    with _quiet(), _explained(f"model.encoder {name}"):
        config = _config_class(record.get("model_type"), f"model.encoder {name}")(
            **{key: value for key, value in record.items() if key not in _UNTRUSTED and not key.startswith("_")}
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


def _pyramid(description: BackboneDescription) -> tuple[Fraction, tuple[int, ...], int]:
    """Return how much the source is enlarged, the strides of the maps in its pixels, and how many maps are used.

    Raises:
        UserError: if the strides make no pyramid.
    """
    strides = description.strides
    if len(set(strides)) == 1:
        cell = 2 ** max(0, round(math.log2(strides[0] / ENLARGEMENT)))
        offered = [Fraction(cell, 4), Fraction(cell, 2), Fraction(cell), Fraction(2 * cell)]
        sides = tuple(int(stride) for stride in offered if stride >= 1)[-len(strides) :]
        return Fraction(strides[0], cell), sides, len(sides)
    if not _is_pyramid(strides):
        raise UserError("model.backbone: strides must be powers of two, each twice the one before, or all the same")
    return Fraction(ENLARGEMENT), tuple(stride // ENLARGEMENT for stride in strides), len(strides)


def _is_pyramid(strides: Sequence[int]) -> bool:
    return strides[0] >= ENLARGEMENT and all(
        stride == strides[0] << level and stride.bit_count() == 1 for level, stride in enumerate(strides)
    )


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
    config, build = _network_class(plain)
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
    return stages if len(stages) > 1 and _is_pyramid([stage.stride for stage in stages]) else []


def _declared(config: Any, record: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the fields that a configuration's own class declares, as JSON holds them.

    Raises:
        UserError: if there are nested ones.
    """
    values = {field: getattr(config, field) for field in _fields(type(config))}
    if nested := [field for field in values if isinstance(record.get(field), dict)]:
        raise UserError(f"model.encoder {name}: its configuration has a nested {nested[0]}, which is not supported")
    kept = {field: value for field, value in values.items() if isinstance(value, str | int | float | list | tuple)}
    plain: dict[str, Any] = json.loads(json.dumps({"model_type": type(config).model_type, **kept}))
    if "reshape_hidden_states" in plain:
        plain["reshape_hidden_states"] = True
    return plain


def _fields(config_class: Any) -> list[str]:
    from transformers import PretrainedConfig

    shared = {field.name for field in dataclasses.fields(PretrainedConfig)}
    return [
        field.name
        for field in dataclasses.fields(config_class)
        if field.name not in shared and field.name not in _UNTRUSTED and not field.name.startswith("_")
    ]


def _config_class(kind: object, where: str) -> Any:
    """Return the configuration class of a kind of backbone.

    Raises:
        UserError: if it is none of transformers' backbones.
    """
    _require_transformers(where)
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING_NAMES

    known = sorted(set(MODEL_FOR_BACKBONE_MAPPING_NAMES) - {"timm_backbone"})
    if not isinstance(kind, str) or kind not in known:
        raise UserError(f"{where}: is a {str(kind)[:80]!r} model, not a backbone of transformers ({', '.join(known)})")
    return CONFIG_MAPPING[kind]


def _network_class(plain: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the configuration that a description holds, and the class of its network.

    Raises:
        UserError: if it is none, or out of reach.
    """
    config_class = _config_class(plain.get("model_type"), "model.backbone")
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

    values = {key: value for key, value in plain.items() if key != "model_type"}
    if unknown := values.keys() - set(_fields(config_class)):
        raise UserError(f"model.backbone: config has an unknown field {min(map(str, unknown))[:80]!r}")
    for key, value in values.items():
        _require_reach(key, value)
    with _explained("model.backbone"):
        return config_class(**json.loads(json.dumps(values))), MODEL_FOR_BACKBONE_MAPPING[config_class]


def _require_reach(key: str, value: object) -> None:
    """Raise UserError for what no backbone has: numbers that would take for ever, or structure within structure."""
    counts = re.search(r"depth|layer|block|stage", key) is not None
    for number in value if isinstance(value, list) else [value]:
        parts = number if isinstance(number, list) else [number]  # such as the strides of both sides, layer by layer
        for part in parts:
            if not isinstance(part, str | int | float | None) or (isinstance(part, str) and len(part) > 100):
                raise UserError(f"model.backbone: config.{key} has a value that no backbone has")
            if isinstance(part, int | float) and not abs(part) <= (MOST_LAYERS if counts else LARGEST_NUMBER):
                raise UserError(f"model.backbone: config.{key} is too large")
        if isinstance(number, list) and len(number) > MOST_LAYERS:
            raise UserError(f"model.backbone: config.{key} is too long")
    if isinstance(value, list) and len(value) > MOST_LAYERS:
        raise UserError(f"model.backbone: config.{key} is too long")


def _folder(name: str) -> Path:
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


def _statistics(folder: Path, colours: int, name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of what the backbone was trained on, for colours from 0 to 1."""
    path = folder / "preprocessor_config.json"
    record = _json(path, name) if path.is_file() else {}
    if record.get("do_flip_channel_order"):
        raise UserError(f"model.encoder {name}: takes blue before red, which is not supported; choose another backbone")
    factor = record.get("rescale_factor", 1 / 255) if record.get("do_rescale", True) else 1.0
    if not _all_are([factor], float) or factor <= 0:
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
        if not isinstance(values, list | tuple) or len(values) != colours or not _all_are(values, float):
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


def _require_transformers(where: str) -> None:
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise UserError(f"{where}: needs transformers: {_INSTALL}") from error


@contextmanager
def _explained(where: str) -> Iterator[None]:
    """Turn whatever transformers raises over a configuration or weights into a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of any kind: a wrong value surfaces where it is first used
        raise UserError(f"{where}: cannot be built or read ({first_line(error)})") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep transformers' talk about loading from the user."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
