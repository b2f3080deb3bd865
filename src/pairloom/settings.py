"""Experiments from presets, YAML files and single settings, and back to YAML."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from pathlib import Path
from typing import get_args, get_type_hints

import yaml
from jsonargparse import ArgumentError, ArgumentParser, Namespace, set_parsing_settings
from jsonargparse.typing import register_type

from pairloom.config import Experiment, Size
from pairloom.errors import UserError
from pairloom.files import read_text

set_parsing_settings(docstring_parse_attribute_docstrings=True)

# A size is one word in YAML and on the command line, not a section with two fields.
register_type(
    Size, serializer=lambda size: int(str(size)) if size.height == size.width else str(size), deserializer=Size.parse
)

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
    "seed": "train.seed",
}
"""Short names of settings: each stands for exactly one field."""


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


def settings_help() -> str:
    """Describe every field, its choices and its default, and the short names, for the command line's help."""
    short = "\n".join(f"  --{name.replace('_', '-'):<14} is --{field}" for name, field in ALIASES.items())
    _usage, _, text = _parser().format_help().partition("\n\n")
    fields = re.sub(r"  --\w+ CONFIG .*\n", "", text)  # a file for one section is not taken here
    return f"short names of settings:\n{short}\n\n{fields}"


def load_experiment(
    preset: str = "recommended",
    file: Path | None = None,
    settings: Mapping[str, object] | None = None,
    flags: Sequence[str] = (),
) -> Experiment:
    """Lay a preset, a YAML file and single settings over the defaults, later ones first, and check the result.

    Args:
        preset: `seed`, `recommended`, `photo` or `demo`.
        file: the user's own YAML file, in the shape of a preset.
        settings: values by short name (`size`) or full name (`data.size`).
        flags: the same as command-line words (`--data.size 128`).

    Returns:
        The experiment, not yet resolved.

    Raises:
        UserError: for unknown presets, files that cannot be read, unknown settings and values out of range.
    """
    if preset not in preset_names():
        raise UserError(f"unknown preset {preset!r}; choose one of {', '.join(preset_names())}")
    parser = _parser()
    namespace = parser.get_defaults()
    sources: list[tuple[str, Mapping[str, object]]] = [
        (f"preset {preset}", _read_yaml(str(resources.files("pairloom.presets") / f"{preset}.yaml")))
    ]
    if file is not None:
        sources.append((str(file), _read_yaml(str(file))))
    if settings:
        sources.append(("settings", _nested(settings)))
    for where, values in sources:
        try:
            namespace = parser.parse_object(values, namespace=namespace)
        except (ArgumentError, TypeError, ValueError, KeyError) as error:
            raise UserError(f"{where}: {_one_line(error)}") from error
        _refuse_nulls(namespace, where)
    if flags:
        try:
            namespace = parser.parse_args(list(flags), namespace=namespace)
        except ArgumentError as error:
            raise UserError(_one_line(error)) from error
    return _instantiate(parser, namespace)


def dump_experiment(experiment: Experiment) -> str:
    """Write every setting as YAML that `load_experiment` reads back to an equal experiment."""
    parser = _parser()
    plain = json.loads(parser.dump(parser.parse_object(_plain(experiment)), skip_unset=False, format="json"))
    # Left as they are, YAML would read these as line breaks.
    data = experiment.data
    readable = not set("\x85\u2028\u2029") & set(data.root + data.palette + data.license)
    text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=readable)
    return f"# Written by Pairloom; read it back with --config.\n{text}"


def _instantiate(parser: ArgumentParser, namespace: Namespace) -> Experiment:
    sections = parser.instantiate(namespace)
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
            raise UserError(f"unknown setting {name!r}; use {', '.join(ALIASES)} or section.field")
        nested.setdefault(section, {})[setting] = value
    return nested


def _read_yaml(path: str) -> dict[str, object]:
    try:
        content = yaml.safe_load(read_text(Path(path)))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read as a YAML config ({_one_line(error)})") from error
    content = {} if content is None else content
    sections = [section.name for section in dataclasses.fields(Experiment)]
    if not isinstance(content, dict) or not all(isinstance(section, dict) for section in content.values()):
        raise UserError(
            f"{path}: a config holds sections ({', '.join(sections)}), each with its settings indented below it"
        )
    for name in content:
        if name not in sections:
            raise UserError(f"{path}: unknown section {name!r}; choose one of {', '.join(sections)}")
    palette = content.get("data", {}).get("palette")
    if isinstance(palette, str) and Path(path).parent.joinpath(palette).is_file():
        content["data"]["palette"] = str(Path(path).parent / palette)
    return content


_KINDS = (
    (r"<class 'int'>", "a whole number"),
    (r"<class 'float'>", "a number"),
    (r"<class 'bool'>", "true or false"),
    (r"<class 'NoneType'>", "null"),
    (r"<class 'tuple'>", "two numbers, such as [0.8, 1.6]"),
    (r"typing\.Literal\[([^\]]*)\]", r"one of \1"),
)
_PARSER_WORDS = (
    (r'Parser key "([\w.]+)":(?: Not of type \w+:)?', r"\1:"),
    (r"Does not validate against any of the Union subtypes .* Errors: - ", ""),
    (r" - Expected a ", " or "),
    (r" Given value type: .* Given value:", ". Got value:"),
    *_KINDS,
    (r"Expected a (.*)\. Got value:", r"must be \1, not"),
)
"""Terms of the parser, and what people call them; later ones meet what earlier ones have left."""


def _one_line(error: Exception) -> str:
    """Return the message in one line, in words for people."""
    line = " ".join(str(error).split())
    for terms, words in _PARSER_WORDS:
        line = re.sub(terms, words, line)
    return line
