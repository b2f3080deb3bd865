"""Experiments from presets, YAML files and single settings, and back to YAML."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import yaml
from docstring_parser import parse_from_object
from jsonargparse import ArgumentError, ArgumentParser, Namespace, set_parsing_settings
from jsonargparse.typing import register_type

from pairloom.config import Experiment, Size
from pairloom.errors import UserError, did_you_mean
from pairloom.files import read_text

set_parsing_settings(docstring_parse_attribute_docstrings=True)

# A size is one word in YAML and on the command line, not a section with two fields.
register_type(Size, serializer=str, deserializer=Size.parse)

ALIASES: Mapping[str, str] = {
    "size": "data.size",
    "layout": "data.layout",
    "direction": "data.direction",
    "train_pairs": "data.train_pairs",
    "epochs": "train.epochs",
    "batch_size": "train.batch_size",
    "device": "train.device",
    "devices": "train.devices",
    "precision": "train.precision",
    "compile": "train.compile",
    "init": "train.init",
    "seed": "train.seed",
}
"""Short names of settings: each stands for exactly one field."""


_SECTIONS = tuple(section.name for section in dataclasses.fields(Experiment))

_Layer = tuple[str, Mapping[str, Mapping[str, object]]]
"""Where settings come from, and their values by section and name."""

_WITHOUT_ENCODER = "without_encoder"
"""The part of a preset that is laid over the rest of it where `model.encoder` is none."""


def preset_names() -> list[str]:
    """Return the names that `load_experiment` and `--preset` take."""
    folder = resources.files("pairloom.presets")
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def _parser() -> ArgumentParser:
    """Return a parser that knows every field of `Experiment` as `--section.field`."""
    parser = ArgumentParser(exit_on_error=False, allow_abbrev=False, add_help=False)
    for section in dataclasses.fields(Experiment):
        parser.add_class_arguments(section.type, section.name)
    return parser


def option_names(start: str = "") -> list[str]:
    """Return the flags of the settings whose full names start so: the short ones, and the full ones."""
    full = setting_values(Experiment())
    short = [name.replace("_", "-") for name, field in ALIASES.items() if field.startswith(start)]
    return [f"--{name}" for name in (*short, *full) if name in short or name.startswith(start)]


def settings_help() -> str:
    """Describe every field, its choices and its default, for the command line's help."""
    _usage, _, text = _parser().format_help().partition("\n\n")
    return re.sub(r"  --\w+ CONFIG .*\n", "", text)  # a file for one section is not taken here


def short_settings_help() -> str:
    """List the settings with short names, each with the first words that are said of it."""
    said = {
        f"{section.name}.{parameter.args[1]}": re.split(r"[.:;]\s|\.$", parameter.description or "")[0].replace("`", "")
        for section in dataclasses.fields(Experiment)
        for parameter in parse_from_object(section.type).params
    }
    lines = (f"  --{name.replace('_', '-'):<13} {' '.join(said[field].split())}" for name, field in ALIASES.items())
    return "\n".join(["settings with short names:", *lines])


def load_experiment(
    preset: str | None = "recommended",
    file: Path | None = None,
    settings: Mapping[str, object] | None = None,
    flags: Sequence[str] = (),
) -> Experiment:
    """Lay a preset, a YAML file and single settings over the defaults, later ones first, and check the result.

    Args:
        preset: `seed`, `recommended`, `photo` or `demo`; None starts from the defaults of the config.
        file: the user's own YAML file, in the shape of a preset.
        settings: values by short name (`size`) or full name (`data.size`).
        flags: the same as command-line words (`--data.size 128`).

    Returns:
        The experiment, not yet resolved.

    Raises:
        UserError: for unknown presets, files that cannot be read, unknown settings and values out of range.
    """
    if preset is not None and preset not in preset_names():
        raise UserError(f"unknown preset {preset!r}; choose one of {', '.join(preset_names())}")
    own: list[_Layer] = []
    if file is not None:
        own.append((str(file), _read_yaml(str(file))))
    if settings:
        own.append(("settings", _nested(settings)))
    if preset is None:
        return _instantiate(_laid(own, flags))
    layer, without_encoder = _read_preset(preset)
    if _encoder([layer, *own], flags) == "none":  # which suits other settings, unless the user names them
        return _instantiate(_laid([layer, without_encoder, *own], flags))
    return _instantiate(_laid([layer, *own], flags))


def _encoder(layers: Sequence[_Layer], flags: Sequence[str]) -> object:
    """Return the value of `model.encoder`, as it was given."""
    given = [values["model"]["encoder"] for _, values in layers if "encoder" in values.get("model", ())]
    return _given(flags).get("model.encoder", given[-1] if given else "none")


def _read_preset(name: str) -> tuple[_Layer, _Layer]:
    """Return a preset's settings, and those that are laid over them where `model.encoder` is none."""
    values = _read_yaml(str(resources.files("pairloom.presets") / f"{name}.yaml"), (*_SECTIONS, _WITHOUT_ENCODER))
    without_encoder: Mapping[str, Any] = values.pop(_WITHOUT_ENCODER, {})
    return (f"preset {name}", values), (f"preset {name}", without_encoder)


def _laid(layers: Sequence[_Layer], flags: Sequence[str]) -> Namespace:
    """Lay settings over the defaults, later ones first."""
    parser = _parser()
    merged: dict[str, dict[str, object]] = {}
    for _, values in layers:
        for section, of in values.items():
            merged.setdefault(section, {}).update(of)
    try:
        namespace: Namespace = parser.parse_object(merged)
        _refuse_nulls(namespace, "")
    except (UserError, ArgumentError, TypeError, ValueError, KeyError):
        _blame_layer(layers)
    if flags:
        try:
            namespace = parser.parse_args(list(flags), namespace=namespace)
        except ArgumentError as error:
            raise UserError(_explain(error, _given(flags))) from error
    return namespace


def _blame_layer(layers: Sequence[_Layer]) -> NoReturn:
    """Raise the UserError for layers that cannot be laid over each other, with the name of the first one to blame."""
    parser = _parser()
    namespace = parser.get_defaults()
    for where, values in layers:
        try:
            namespace = parser.parse_object(values, namespace=namespace)
        except (ArgumentError, TypeError, ValueError, KeyError) as error:
            given = {f"{section}.{name}": value for section in values for name, value in values[section].items()}
            raise UserError(f"{where}: {_explain(error, given)}") from error
        _refuse_nulls(namespace, where)
    raise AssertionError("settings that are refused together are accepted one by one")


def dump_experiment(experiment: Experiment) -> str:
    """Write every setting as YAML that `load_experiment` reads back to an equal experiment."""
    plain = {
        section: {name: in_yaml(value) for name, value in values.items()}
        for section, values in _plain(experiment).items()
    }
    # Left as they are, YAML would read these as line breaks.
    data = experiment.data
    readable = not set("\x85\u2028\u2029") & set(data.root + data.palette + data.license)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=readable)
    return f"# Written by Pairloom; read it back with --config.\n{text}"


def setting_values(experiment: Experiment) -> dict[str, object]:
    """Return the value of every setting, by its full name, such as `data.size`."""
    return {
        f"{section}.{name}": value for section, values in _plain(experiment).items() for name, value in values.items()
    }


@cache
def preset_values(preset: str, *, with_encoder: bool) -> Mapping[str, object]:
    """Return every setting of a preset as YAML has it; without the checks of `load_experiment`, which take longer."""
    (_, values), (_, without_encoder) = _read_preset(preset)
    layers = (values,) if with_encoder else (values, without_encoder)
    defaults = {name: in_yaml(value) for name, value in setting_values(Experiment()).items()}
    return defaults | {
        f"{section}.{name}": value for layer in layers for section, of in layer.items() for name, value in of.items()
    }


def in_yaml(value: object) -> object:
    """Return the value of a setting as a YAML file has it."""
    if isinstance(value, Size):
        return int(str(value)) if value.height == value.width else str(value)
    return list(value) if isinstance(value, tuple) else value


def _instantiate(namespace: Namespace) -> Experiment:
    sections = _parser().instantiate(namespace)
    return Experiment(**{section.name: sections[section.name] for section in dataclasses.fields(Experiment)})


def _refuse_nulls(namespace: Namespace, where: str) -> None:
    """The parser lets null pass for every setting."""
    for section in dataclasses.fields(Experiment):
        for name, kind in get_type_hints(section.type).items():
            if namespace[section.name][name] is None and type(None) not in get_args(kind):
                raise UserError(f"{where}: {section.name}.{name} must not be null")


def _plain(experiment: Experiment) -> dict[str, dict[str, object]]:
    return {
        section.name: {
            field.name: getattr(getattr(experiment, section.name), field.name)
            for field in dataclasses.fields(getattr(experiment, section.name))
        }
        for section in dataclasses.fields(experiment)
    }


def _nested(settings: Mapping[str, object]) -> dict[str, dict[str, object]]:
    nested: dict[str, dict[str, object]] = {}
    for name, value in settings.items():
        section, _, setting = ALIASES.get(name, name).partition(".")
        if not setting:
            meant = did_you_mean(name, ALIASES) or f"use {', '.join(ALIASES)} or section.field"
            raise UserError(f"unknown setting {name!r}; {meant}")
        nested.setdefault(section, {})[setting] = value
    return nested


def _read_yaml(path: str, sections: Sequence[str] = _SECTIONS) -> dict[str, dict[str, object]]:
    try:
        content = yaml.safe_load(read_text(Path(path)))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as a YAML config ({_one_line(error)})") from error
    content = {} if content is None else content
    if not isinstance(content, dict) or not all(isinstance(section, dict) for section in content.values()):
        raise UserError(f"{path}: a config has sections ({', '.join(sections)}) with indented settings")
    for name in content:
        if name not in sections:
            meant = did_you_mean(str(name), sections) or f"choose one of {', '.join(sections)}"
            raise UserError(f"{path}: unknown section {name!r}; {meant}")
    palette = content.get("data", {}).get("palette")
    if isinstance(palette, str) and Path(path).parent.joinpath(palette).is_file():
        content["data"]["palette"] = str(Path(path).parent / palette)
    return content


_WORDS: Mapping[object, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    type(None): "null",
    Size: "H or HxW in pixels, such as 256 or 256x512",
}


def _in_words(kind: object) -> str:
    """Say which values a field of a type takes."""
    if get_origin(kind) in (Union, UnionType):
        return " or ".join(map(_in_words, get_args(kind)))
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    if get_origin(kind) is dict:
        return "a mapping"
    return "two numbers, such as [0.8, 1.6]" if get_origin(kind) is tuple else _WORDS[kind]


def _explain(error: Exception, given: Mapping[str, object]) -> str:
    """Say which setting is unknown, or which refused its value and what it takes; else what the error says.

    Args:
        error: the parser's.
        given: the values, by the full names of their fields.
    """
    line = _one_line(error)
    kinds = {
        f"{section.name}.{name}": kind
        for section in dataclasses.fields(Experiment)
        for name, kind in get_type_hints(section.type).items()
    }
    if unknown := next((name for name in given if name not in kinds), None):
        meant = did_you_mean(unknown, kinds) or "all settings: pairloom train --help-all"
        return f"unknown setting {unknown}; {meant}"
    named = next((name for name in given if name in kinds and re.search(rf"\b{re.escape(name)}\b", line)), None)
    return line if named is None else f"{named}: must be {_in_words(kinds[named])}, not {given[named]}"


def _given(flags: Sequence[str]) -> dict[str, str]:
    """Return the values of flags, which follow them behind `=` or as the next word."""
    values = {}
    for flag, following in zip(flags, [*flags[1:], ""], strict=False):  # of no flags none
        if not flag.startswith("--"):
            continue
        name, equals, value = flag.removeprefix("--").partition("=")
        values[name] = value if equals else following
    return values


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
