"""Writes into the reference pages what the package itself says of its settings and its commands: `make format` runs it.

The text stands in the pages, so that they can be read without the site too, between two HTML comments:
`<!-- settings -->` for every field of every section of the config, `<!-- help: train -->` for what
`pairloom train --help` prints, each up to `<!-- end -->`. A test holds that it is up to date.
"""

import contextlib
import dataclasses
import io
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import yaml
from docstring_parser import parse_from_object

from pairloom.cli import main
from pairloom.config import Experiment, Size
from pairloom.settings import ALIASES, dump_experiment, load_experiment, preset_names

HELP_WIDTH = 100
"""Columns of the help that is shown."""

SETTINGS_OF_TRAIN = "\n\nshort names of settings:"
"""Where the help of `train` begins to list the settings, which have a page of their own."""

_WORDS: tuple[tuple[object, tuple[str, ...]], ...] = (
    (Size, ("`H`", "`HxW`")),
    (bool, ("`true`", "`false`")),
    (int, ("whole number",)),
    (float, ("number",)),
    (str, ("text",)),
    (NoneType, ("`null`",)),
)
"""What a field of each type takes."""

Sections = Mapping[str, Mapping[str, object]]


def written(page: str) -> str:
    """Return a page with what stands between its markers made anew."""

    def filled(marker: re.Match[str]) -> str:
        text = settings_reference() if marker[1] == "settings" else help_block(marker[1].removeprefix("help: "))
        return f"<!-- {marker[1]} -->\n\n{text}\n\n<!-- end -->"

    return re.sub(r"<!-- (settings|help: [a-z ]+) -->.*?<!-- end -->", filled, page, flags=re.DOTALL)


def help_block(command: str) -> str:
    """Return the help of a command (`data streets`, say) as a block of text, without the list of settings.

    Raises:
        ValueError: if there is no such command.
    """
    printed = io.StringIO()
    columns = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(HELP_WIDTH)
    try:
        with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
            if main([*command.split(), "--help"]):
                raise ValueError(f"the command {command!r} has no help")
    finally:
        del os.environ["COLUMNS"]
        if columns is not None:
            os.environ["COLUMNS"] = columns
    text, _, _ = printed.getvalue().partition(SETTINGS_OF_TRAIN)
    return f"```text\n{text.rstrip()}\n```"


def settings_reference() -> str:
    """Describe every field of every section: its flag as a heading that can be linked to, its meaning, its values."""
    defaults = _plain(Experiment())
    presets = {name: _plain(load_experiment(name)) for name in preset_names()}
    parts = []
    for section in dataclasses.fields(Experiment):
        kind: Any = section.type
        described = parse_from_object(kind)
        parts.append(f"## {section.name}\n\n{described.description}")
        meanings = {parameter.args[1]: parameter.description or "" for parameter in described.params}
        for name, hint in get_type_hints(kind).items():
            field = f"{section.name}.{name}"
            facts = [_values(hint), f"default {_code(defaults[section.name][name])}"]
            facts += [f"short name {_code(_flag(alias))}" for alias, full in ALIASES.items() if full == field]
            others = {preset: values[section.name][name] for preset, values in presets.items()}
            changes = [
                f"{preset} {_code(value)}" for preset, value in others.items() if value != defaults[section.name][name]
            ]
            lines = [" · ".join(facts), *([f"in presets: {', '.join(changes)}"] if changes else [])]
            parts += [f'### <a id="{field}"></a>`--{field}`', _linked(meanings[name]), "<br>\n".join(lines)]
    return "\n\n".join(parts)


def _plain(experiment: Experiment) -> Sections:
    """Return every setting as the config file has it."""
    sections: Sections = yaml.safe_load(dump_experiment(experiment))
    return sections


def _flag(alias: str) -> str:
    return f"--{alias.replace('_', '-')}"


def _code(value: object) -> str:
    """Write a value as it stands in a config file, text without quotation marks."""
    text = value if isinstance(value, str) and value else json.dumps(value)
    return f"`{text}`"


def _values(hint: object) -> str:
    """Say in words which values a field takes."""
    parts = list(_kinds(hint))
    return " or ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _kinds(hint: object) -> Iterator[str]:
    if get_origin(hint) in (Union, UnionType):
        for part in get_args(hint):
            yield from _kinds(part)
    elif get_origin(hint) is Literal:
        yield from (f"`{choice}`" for choice in get_args(hint))
    elif get_origin(hint) is tuple:
        yield "two numbers `[a, b]`"
    elif get_origin(hint) is dict:
        yield "mapping"
    else:
        yield from next(words for kind, words in _WORDS if hint is kind)


def _linked(text: str) -> str:
    """Join the lines of a docstring, and link the names of other fields (`train.seed`) to their headings."""
    joined = " ".join(text.split())
    names = "|".join(section.name for section in dataclasses.fields(Experiment))
    return re.sub(rf"`((?:{names})\.\w+)`", r"[`\1`](#\1)", joined)


if __name__ == "__main__":
    for path in sorted(Path(__file__).parent.glob("reference/*.md")):
        path.write_text(written(path.read_text(encoding="utf-8")), encoding="utf-8")
