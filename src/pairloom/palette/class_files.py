"""Files beside the data that name its classes: tables, lists, and the JSON and YAML of tools.

Supported: tables (CSV and the like: name, red, green, blue; or value, name), CVAT's `labelmap.txt`, lists with one name
per line, and in JSON or YAML: lists or mappings of names (`names`, `id2label`), lists of classes with names, colours
and numbers (`classes`, `labels`, `categories`), `classes` beside `palette`, and mappings of names to colours or
numbers.
"""

import contextlib
import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from pairloom.errors import UserError
from pairloom.files import read_text
from pairloom.palette.class_names import (
    FILE_NAME,
    LONGEST_NAME,
    ClassNames,
    NamedClass,
    as_class_names,
    as_colour,
    as_number,
    named_class,
    numbered_by_line,
    plain_key,
)

_LARGEST_FILE = 4 * 2**20
"""Bytes; what names some hundred classes is smaller."""
_MOST_ROWS = 2000
_DEEPEST = 3
"""Mappings within each other in which names are looked for."""
_LISTS = re.compile(
    r"(.*[_. -])?(class|classes|classnames|class_?list|label|labels|labelmap|label_?list|names|categories|codes|obj)"
    r"([_. -](names|list|map|ids?))?",
    re.IGNORECASE,
)
"""Stems of text files that list a name a line; other lists name files."""
_NAME_KEYS = ("name", "title", "label", "class", "class name", "label name", "classname", "category", "readable")
_VALUE_KEYS = ("pixel value", "value", "id", "index", "class id", "label id", "pixel", "number", "gray", "grey")
_COLOUR_KEYS = ("color", "colour", "rgb", "hex", "hex color", "color rgb", "rgb color")
_VOID_KEYS = ("ignoreineval", "ignore in eval", "ignore", "is void", "void")
_CHANNELS = (("r", "red"), ("g", "green"), ("b", "blue"))
_CONTAINERS = ("names", "id2label", "classes", "labels", "categories", "class names", "label names", "label2id")


def find_class_names(files: Sequence[Path]) -> list[ClassNames]:
    """Read those of the files that name classes; others are passed over, also where they are damaged or huge.

    Args:
        files: text files near the data (`.csv`, `.tsv`, `.txt`, `.names`, `.json`, `.yaml`, `.yml`).
    """
    found = []
    for path in files:
        read = _READERS.get(path.suffix.lower())
        if read is None:
            continue
        # Nothing that lies beside the data may stop a run: it is some other program's file.
        with contextlib.suppress(OSError, UserError, *_UNREADABLE):
            if path.stat().st_size > _LARGEST_FILE:
                continue
            names = read(path, read_text(path).removeprefix("\ufeff"))
            if names is not None and 0 < len(names.rows) <= _MOST_ROWS:
                found.append(names)
    return found


def _read_table(path: Path, text: str) -> ClassNames | None:
    """Read a table with a head, or one whose columns tell what they are."""
    rows = _cells(text)
    if not rows:
        return None
    head = [plain_key(cell) for cell in rows[0]]
    width = max(len(row) for row in rows)
    titled = any(cell in (*_NAME_KEYS, *_VALUE_KEYS) for cell in head)
    if titled and not any(as_number(cell) is not None for cell in rows[0]):
        columns = _columns(head, rows[1:])
        classes = [_from_row(row, columns) for row in rows[1:]]
    else:
        classes = [_from_tokens(row) for row in rows] if width > 1 else [None]
    names = as_class_names(path, classes)
    if names is None or names.rows[0].colour is not None or names.rows[0].value is not None:
        return names
    return numbered_by_line(path, [row.name for row in names.rows]) if _LISTS.fullmatch(path.stem) else None


def _cells(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", "//"))]
    lines = lines[: _MOST_ROWS + 2]
    if not lines:
        return []
    delimiter = max(",;\t", key=lambda mark: sum(line.count(mark) for line in lines[:20]))
    rows = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter, skipinitialspace=True)
    return [[cell.strip() for cell in row] for row in rows]


class _Columns(NamedTuple):
    name: int | None
    value: int | None
    channels: tuple[int, int, int] | None
    colour: int | None
    void: int | None


def _columns(head: list[str], rows: list[list[str]]) -> _Columns:
    def first(keys: Iterable[str], taken: tuple[int | None, ...] = (), numeric: bool | None = None) -> int | None:
        for key in keys:
            for place, cell in enumerate(head):
                if cell == key and place not in taken and (numeric is None or _is_numeric(place, rows) == numeric):
                    return place
        return None

    name = first(_NAME_KEYS, numeric=False)
    value = first((*_VALUE_KEYS, "label", "class"), (name,), numeric=True)
    places = [first(keys, (name,)) for keys in _CHANNELS]
    channels = (places[0], places[1], places[2]) if None not in places else None
    colour = first(_COLOUR_KEYS, (name,))
    return _Columns(name, value, channels, colour, first(_VOID_KEYS, (name,)))  # type: ignore[arg-type]


def _is_numeric(place: int, rows: list[list[str]]) -> bool:
    cells = [row[place] for row in rows if place < len(row) and row[place]]
    return bool(cells) and all(as_number(cell) is not None for cell in cells)


def _from_row(row: list[str], columns: _Columns) -> NamedClass | None:
    def cell(place: int | None) -> str:
        return row[place] if place is not None and place < len(row) else ""

    name = cell(columns.name)
    colour = (
        as_colour([cell(place) for place in columns.channels]) if columns.channels else as_colour(cell(columns.colour))
    )
    void = plain_key(cell(columns.void)) in ("1", "true", "yes")
    return named_class(name, colour, as_number(cell(columns.value)), void)


def _from_tokens(cells: Sequence[str]) -> NamedClass | None:
    """Read one class from cells of which one is a name, and others are a number, or three or four, or a colour."""
    numbers = [number for number in map(as_number, cells) if number is not None]
    words = [cell for cell in cells if as_number(cell) is None and cell]
    colours = [word for word in words if word.startswith("#")]
    names = [word for word in words if word not in colours]
    if not names or len(names) > 2:
        return None
    colour = as_colour(colours[0]) if colours else None
    if len(numbers) in (3, 4):
        # The class's own number stands at the end that the name is not at, or before all.
        first_is_value = len(numbers) == 4 and as_number(cells[0]) is not None
        value = None if len(numbers) == 3 else numbers[0] if first_is_value else numbers[-1]
        channels = numbers if len(numbers) == 3 else numbers[1:] if first_is_value else numbers[:3]
        return named_class(names[0], as_colour(channels), value)
    return named_class(names[0], colour, numbers[0] if len(numbers) == 1 else None) if len(numbers) < 2 else None


def _read_lines(path: Path, text: str) -> ClassNames | None:
    """Read a text file: CVAT's label map, a line for each class with its colour or number, or a list of names."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines[: _MOST_ROWS + 2] if not line.startswith(("# ", "//")) and line != "#"]
    if lines and lines[0].startswith("#") and not re.match(r"#[0-9a-fA-F]{6}\b", lines[0]):
        lines = lines[1:]
    if not lines:
        return None
    if all(line.count(":") >= 2 for line in lines):
        return as_class_names(path, [_from_cvat(line) for line in lines])
    listed = _LISTS.fullmatch(path.stem) is not None or path.suffix.lower() == ".names"
    tokens = [_from_tokens(_tokens(line)) for line in lines]
    known = [row for row in tokens if row is not None and (row.colour is not None or row.value is not None)]
    if len(known) == len(lines) or (len(known) == len(lines) - 1 and known and tokens[0] not in known):
        if listed or all(row.colour is not None for row in known):
            return as_class_names(path, list(known))
        return None
    if len(lines) > 1 and any(mark in lines[0] for mark in ",;\t") and (table := _read_table(path, text)):
        return table
    if not listed or known or any(FILE_NAME.search(line) or len(line) > LONGEST_NAME for line in lines):
        return None
    return numbered_by_line(path, lines)


def _from_cvat(line: str) -> NamedClass | None:
    name, colour = line.split(":")[:2]
    return named_class(name, as_colour(colour.split(",")), None)


def _tokens(line: str) -> list[str]:
    """Part a line into numbers and a name, which may have spaces and ends with a colon at times."""
    parts = [part.strip(" :=") for part in re.split(r"[,;\t]", line)]
    parts = [part for part in parts if part]
    if len(parts) == 1:
        words = re.split(r"\s+", line.replace(":", " ").replace("=", " "))
        if match := re.fullmatch(r"((?:-?\d+\s+)*)(.*?)((?:\s+-?\d+)*)", " ".join(words).strip()):
            return [*match[1].split(), match[2], *match[3].split()]
    return [word for part in parts for word in (part.split() if re.fullmatch(r"[\d\s]+", part) else [part])]


def _read_json(path: Path, text: str) -> ClassNames | None:
    return _from_tree(path, json.loads(text))


def _read_yaml(path: Path, text: str) -> ClassNames | None:
    if re.search(r"(^|[\s\[{,:])\*\w", text):  # aliases may multiply what is written once
        return None
    return _from_tree(path, yaml.safe_load(text))


def _from_tree(path: Path, tree: object, depth: int = 0) -> ClassNames | None:
    """Look for classes in what JSON or YAML holds."""
    if isinstance(tree, list):
        return _from_list(path, tree) if depth or _LISTS.fullmatch(path.stem) or _are_mappings(tree) else None
    if not isinstance(tree, Mapping):
        return None
    entries = {plain_key(str(key)): value for key, value in list(tree.items())[:_MOST_ROWS]}
    for container in _CONTAINERS:
        held = entries.get(container)
        found = None
        if isinstance(held, list):
            palette = entries.get("palette", entries.get("colors", entries.get("colours")))
            found = _from_list(path, held, palette if isinstance(palette, list) else None)
        elif isinstance(held, Mapping):
            found = _from_mapping(path, held)
        if found is not None:
            return found
    if found := _from_mapping(path, tree):
        numbers = any(as_number(value) is not None for value in tree.values())
        return found if not numbers or _LISTS.fullmatch(path.stem) else None
    if depth < _DEEPEST:
        for value in list(tree.values())[:_MOST_ROWS]:
            if isinstance(value, Mapping) and (found := _from_tree(path, value, depth + 1)):
                return found
    return None


def _are_mappings(items: list[object]) -> bool:
    return bool(items) and all(isinstance(item, Mapping) for item in items[:_MOST_ROWS])


def _from_list(path: Path, items: list[object], palette: list[object] | None = None) -> ClassNames | None:
    if not 0 < len(items) <= _MOST_ROWS:
        return None
    if all(isinstance(item, str) for item in items):
        found = numbered_by_line(path, [str(item) for item in items])
        if found is None or palette is None or len(palette) != len(items):
            return found
        rows = [row._replace(colour=as_colour(colour)) for row, colour in zip(found.rows, palette, strict=True)]
        return found._replace(rows=tuple(rows))
    if not _are_mappings(items):
        return None
    found = as_class_names(path, [_from_entry("", item) for item in items])
    if found is not None and all(row.value is None for row in found.rows):
        numbered = tuple(row._replace(value=number) for number, row in enumerate(found.rows))
        return found._replace(rows=numbered, counted=True)
    return found


def _from_mapping(path: Path, entries: Mapping[object, object]) -> ClassNames | None:
    """Read a mapping of numbers to names, or of names to numbers, colours, or more about them."""
    if not 0 < len(entries) <= _MOST_ROWS:
        return None
    rows: list[NamedClass | None] = []
    for key, value in entries.items():
        number, other = as_number(key), as_number(value)
        if isinstance(value, Mapping):
            row = _from_entry(key, value)
        elif number is not None and isinstance(value, str):
            row = named_class(value, None, number)
        elif number is None and other is not None and not isinstance(value, bool):
            row = named_class(str(key), None, other)
        elif isinstance(key, str) and (colour := as_colour(value)):
            row = named_class(key, colour, None)
        elif isinstance(value, str) and isinstance(key, str) and (colour := as_colour(key)):
            row = named_class(value, colour, None)
        else:
            return None
        rows.append(row)
    whole = as_class_names(path, rows)
    # A single number under a name is some setting.
    return whole if whole and (len(whole.rows) > 1 or whole.rows[0].colour is not None) else None


def _from_entry(key: object, entry: object) -> NamedClass | None:
    """Read a mapping that tells of one class, under its name or its number."""
    if not isinstance(entry, Mapping):
        return None
    given = {plain_key(str(name)): value for name, value in list(entry.items())[:_MOST_ROWS]}
    name = next((given[field] for field in _NAME_KEYS if isinstance(given.get(field), str)), None)
    value = next((number for field in _VALUE_KEYS if (number := as_number(given.get(field))) is not None), None)
    colour = next((colour for field in _COLOUR_KEYS if (colour := as_colour(given.get(field)))), None)
    if colour is None and all(any(channel in given for channel in channels) for channels in _CHANNELS):
        colour = as_colour([next(given[field] for field in channels if field in given) for channels in _CHANNELS])
    if name is None:
        name = str(key)
    elif value is None:
        value = as_number(key)
    void = any(given.get(field) is True for field in _VOID_KEYS) or given.get("evaluate") is False
    return (
        named_class(name, colour, value, void) if colour is not None or value is not None or "name" in given else None
    )


_UNREADABLE = (
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
    MemoryError,
    yaml.YAMLError,
    csv.Error,
)
"""What readers raise at nonsense."""

_READERS = {
    ".csv": _read_table,
    ".tsv": _read_table,
    ".txt": _read_lines,
    ".names": _read_lines,
    ".json": _read_json,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}
