"""The classes of Hugging Face transformers that are built: its own backbones, from what they declare, and nothing else.

Nothing in a configuration can name code, another file, or a place on a network.
"""

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pairloom.errors import UserError, first_line

LARGEST_NUMBER = 2**16
"""Of any whole number in a backbone's configuration."""

MOST_LAYERS = 512
"""Of what counts layers, blocks or stages in a configuration; lists in it have no more entries."""

_INSTALL = "pip install 'pairloom[encoders]'"
UNTRUSTED_FIELDS = {"auto_map", "attn_implementation", "experts_implementation", "quantization_config", "use_kernels"}


def config_class(kind: object, where: str) -> Any:
    """Return the configuration class of a kind of backbone.

    Raises:
        UserError: if it is none of transformers' backbones.
    """
    require_transformers(where)
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING_NAMES

    known = sorted(set(MODEL_FOR_BACKBONE_MAPPING_NAMES) - {"timm_backbone"})
    if not isinstance(kind, str) or kind not in known:
        raise UserError(f"{where}: is a {str(kind)[:80]!r} model, not a backbone of transformers ({', '.join(known)})")
    return CONFIG_MAPPING[kind]


def network_class(plain: Mapping[str, Any]) -> tuple[Any, Any]:
    """Return the configuration that a description holds, and the class of its network.

    Raises:
        UserError: if it is none, or out of reach.
    """
    kind = config_class(plain.get("model_type"), "model.backbone")
    from transformers.models.auto.modeling_auto import MODEL_FOR_BACKBONE_MAPPING

    values = {key: value for key, value in plain.items() if key != "model_type"}
    if unknown := values.keys() - set(declared_fields(kind)):
        raise UserError(f"model.backbone: config has an unknown field {min(map(str, unknown))[:80]!r}")
    for key, value in values.items():
        _require_reach(key, value)
    with explained("model.backbone"):
        return kind(**json.loads(json.dumps(values))), MODEL_FOR_BACKBONE_MAPPING[kind]


def declared_fields(config_class: Any) -> list[str]:
    """Return the fields that a configuration's own class declares; those that could name code are never among them."""
    from transformers import PretrainedConfig

    shared = {field.name for field in dataclasses.fields(PretrainedConfig)}
    return [
        field.name
        for field in dataclasses.fields(config_class)
        if field.name not in shared and field.name not in UNTRUSTED_FIELDS and not field.name.startswith("_")
    ]


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


def require_transformers(where: str) -> None:
    """Raise UserError, which begins with `where`, if transformers is not installed."""
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise UserError(f"{where}: needs transformers: {_INSTALL}") from error


@contextmanager
def explained(where: str) -> Iterator[None]:
    """Turn whatever transformers raises over a configuration or weights into a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # of any kind: a wrong value surfaces where it is first used
        raise UserError(f"{where}: cannot be built or read ({first_line(error)})") from error


@contextmanager
def quiet() -> Iterator[None]:
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
