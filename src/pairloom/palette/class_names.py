"""Class names in files beside the data: tables, lists, and the JSON and YAML of tools.

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
from pairloom.palette.classes import VOID, Colour

_LARGEST_FILE = 4 * 2**20
"""Bytes; what names some hundred classes is smaller."""
_MOST_ROWS = 2000
_LONGEST_NAME = 120
_DEEPEST = 3
"""Mappings within each other in which names are looked for."""
_LISTS = re.compile(
    r"(.*[_. -])?(class|classes|classnames|class_?list|label|labels|labelmap|label_?list|names|categories|codes|obj)"
    r"([_. -](names|list|map|ids?))?",
    re.IGNORECASE,
)
"""Stems of text files that list a name a line; other lists name files."""
_FILE_NAME = re.compile(r"\.(png|jpe?g|tiff?|bmp|gif|webp|npy|txt|json|xml)$", re.IGNORECASE)
_VOID = re.compile(
    r"(void|ignored?|unlabell?ed|not labell?ed|dont care|do not care|ignore (region|label|area|class)|"
    r"void class|unlabell?ed (pixels?|area))"
)
_NAME_KEYS = ("name", "title", "label", "class", "class name", "label name", "classname", "category", "readable")
_VALUE_KEYS = ("pixel value", "value", "id", "index", "class id", "label id", "pixel", "number", "gray", "grey")
_COLOUR_KEYS = ("color", "colour", "rgb", "hex", "hex color", "color rgb", "rgb color")
_VOID_KEYS = ("ignoreineval", "ignore in eval", "ignore", "is void", "void")
_CHANNELS = (("r", "red"), ("g", "green"), ("b", "blue"))
_CONTAINERS = ("names", "id2label", "classes", "labels", "categories", "class names", "label names", "label2id")


class NamedClass(NamedTuple):
    """A class as a file beside the data names it."""

    name: str
    colour: Colour | None = None
    value: int | None = None
    """Its number in masks."""
    is_void: bool = False


class ClassNames(NamedTuple):
    """The classes that a file names."""

    path: Path
    rows: tuple[NamedClass, ...]
    counted: bool = False
    """Whether numbers are those of lines, from 0, which the file itself does not write."""


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
    head = [_key(cell) for cell in rows[0]]
    width = max(len(row) for row in rows)
    titled = any(cell in (*_NAME_KEYS, *_VALUE_KEYS) for cell in head)
    if titled and not any(_number(cell) is not None for cell in rows[0]):
        columns = _columns(head, rows[1:])
        classes = [_from_row(row, columns) for row in rows[1:]]
    else:
        classes = [_from_tokens(row) for row in rows] if width > 1 else [None]
    names = _as_names(path, classes)
    if names is None or names.rows[0].colour is not None or names.rows[0].value is not None:
        return names
    return _counted(path, [row.name for row in names.rows]) if _LISTS.fullmatch(path.stem) else None


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
    return bool(cells) and all(_number(cell) is not None for cell in cells)


def _from_row(row: list[str], columns: _Columns) -> NamedClass | None:
    def cell(place: int | None) -> str:
        return row[place] if place is not None and place < len(row) else ""

    name = cell(columns.name)
    colour = _colour([cell(place) for place in columns.channels]) if columns.channels else _colour(cell(columns.colour))
    void = _key(cell(columns.void)) in ("1", "true", "yes")
    return _named(name, colour, _number(cell(columns.value)), void)


def _from_tokens(cells: Sequence[str]) -> NamedClass | None:
    """Read one class from cells of which one is a name, and others are a number, or three or four, or a colour."""
    numbers = [number for number in map(_number, cells) if number is not None]
    words = [cell for cell in cells if _number(cell) is None and cell]
    colours = [word for word in words if word.startswith("#")]
    names = [word for word in words if word not in colours]
    if not names or len(names) > 2:
        return None
    colour = _colour(colours[0]) if colours else None
    if len(numbers) in (3, 4):
        # The class's own number stands at the end that the name is not at, or before all.
        first_is_value = len(numbers) == 4 and _number(cells[0]) is not None
        value = None if len(numbers) == 3 else numbers[0] if first_is_value else numbers[-1]
        channels = numbers if len(numbers) == 3 else numbers[1:] if first_is_value else numbers[:3]
        return _named(names[0], _colour(channels), value)
    return _named(names[0], colour, numbers[0] if len(numbers) == 1 else None) if len(numbers) < 2 else None


def _read_lines(path: Path, text: str) -> ClassNames | None:
    """Read a text file: CVAT's label map, a line for each class with its colour or number, or a list of names."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines[: _MOST_ROWS + 2] if not line.startswith(("# ", "//")) and line != "#"]
    if lines and lines[0].startswith("#") and not re.match(r"#[0-9a-fA-F]{6}\b", lines[0]):
        lines = lines[1:]
    if not lines:
        return None
    if all(line.count(":") >= 2 for line in lines):
        return _as_names(path, [_from_cvat(line) for line in lines])
    listed = _LISTS.fullmatch(path.stem) is not None or path.suffix.lower() == ".names"
    tokens = [_from_tokens(_tokens(line)) for line in lines]
    known = [row for row in tokens if row is not None and (row.colour is not None or row.value is not None)]
    if len(known) == len(lines) or (len(known) == len(lines) - 1 and known and tokens[0] not in known):
        if listed or all(row.colour is not None for row in known):
            return _as_names(path, list(known))
        return None
    if len(lines) > 1 and any(mark in lines[0] for mark in ",;\t") and (table := _read_table(path, text)):
        return table
    if not listed or known or any(_FILE_NAME.search(line) or len(line) > _LONGEST_NAME for line in lines):
        return None
    return _counted(path, lines)


def _from_cvat(line: str) -> NamedClass | None:
    name, colour = line.split(":")[:2]
    return _named(name, _colour(colour.split(",")), None)


def _tokens(line: str) -> list[str]:
    """Part a line into numbers and a name, which may have spaces and ends with a colon at times."""
    parts = [part.strip(" :=") for part in re.split(r"[,;\t]", line)]
    parts = [part for part in parts if part]
    if len(parts) == 1:
        words = re.split(r"\s+", line.replace(":", " ").replace("=", " "))
        if match := re.fullmatch(r"((?:-?\d+\s+)*)(.*?)((?:\s+-?\d+)*)", " ".join(words).strip()):
            return [*match[1].split(), match[2], *match[3].split()]
    return [word for part in parts for word in (part.split() if re.fullmatch(r"[\d\s]+", part) else [part])]


def _counted(path: Path, names: Sequence[str]) -> ClassNames | None:
    """Number a list of names from 0; LabelMe writes `__ignore__` before the first."""
    first = -1 if names and names[0] == "__ignore__" else 0
    rows = [_named(name, None, number if number >= 0 else VOID) for number, name in enumerate(names, first)]
    found = _as_names(path, rows)
    return found and found._replace(counted=True)


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
    entries = {_key(str(key)): value for key, value in list(tree.items())[:_MOST_ROWS]}
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
        numbers = any(_number(value) is not None for value in tree.values())
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
        found = _counted(path, [str(item) for item in items])
        if found is None or palette is None or len(palette) != len(items):
            return found
        rows = [row._replace(colour=_colour(colour)) for row, colour in zip(found.rows, palette, strict=True)]
        return found._replace(rows=tuple(rows))
    if not _are_mappings(items):
        return None
    found = _as_names(path, [_from_entry("", item) for item in items])
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
        number, other = _number(key), _number(value)
        if isinstance(value, Mapping):
            row = _from_entry(key, value)
        elif number is not None and isinstance(value, str):
            row = _named(value, None, number)
        elif number is None and other is not None and not isinstance(value, bool):
            row = _named(str(key), None, other)
        elif isinstance(key, str) and (colour := _colour(value)):
            row = _named(key, colour, None)
        elif isinstance(value, str) and isinstance(key, str) and (colour := _colour(key)):
            row = _named(value, colour, None)
        else:
            return None
        rows.append(row)
    whole = _as_names(path, rows)
    # A single number under a name is some setting.
    return whole if whole and (len(whole.rows) > 1 or whole.rows[0].colour is not None) else None


def _from_entry(key: object, entry: object) -> NamedClass | None:
    """Read a mapping that tells of one class, under its name or its number."""
    if not isinstance(entry, Mapping):
        return None
    given = {_key(str(name)): value for name, value in list(entry.items())[:_MOST_ROWS]}
    name = next((given[field] for field in _NAME_KEYS if isinstance(given.get(field), str)), None)
    value = next((number for field in _VALUE_KEYS if (number := _number(given.get(field))) is not None), None)
    colour = next((colour for field in _COLOUR_KEYS if (colour := _colour(given.get(field)))), None)
    if colour is None and all(any(channel in given for channel in channels) for channels in _CHANNELS):
        colour = _colour([next(given[field] for field in channels if field in given) for channels in _CHANNELS])
    if name is None:
        name = str(key)
    elif value is None:
        value = _number(key)
    void = any(given.get(field) is True for field in _VOID_KEYS) or given.get("evaluate") is False
    return _named(name, colour, value, void) if colour is not None or value is not None or "name" in given else None


def _named(name: object, colour: Colour | None, value: int | None, void: bool = False) -> NamedClass | None:
    text = str(name).strip().strip("\"'").strip()
    if not text or len(text) > _LONGEST_NAME or not text.isprintable() or _FILE_NAME.search(text):
        return None
    if value is not None and not 0 <= value <= 65535:
        value = VOID if value == -1 else None
    plain = re.sub(r"[\s_-]+", " ", text.replace("'", "").replace("’", "").lower()).strip()
    return NamedClass(text, colour, value, void or _VOID.fullmatch(plain) is not None)


def _as_names(path: Path, rows: Sequence[NamedClass | None]) -> ClassNames | None:
    """Return the classes if all rows are, and tell them by a colour or a number."""
    whole = [row for row in rows if row is not None]
    if len(whole) < len(rows) or not whole:
        return None
    if not (all(row.colour is not None for row in whole) or all(row.value is not None for row in whole)):
        bare = all(row.colour is None and row.value is None for row in whole)
        return ClassNames(path, tuple(whole)) if bare else None
    return ClassNames(path, tuple(whole))


def _key(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text.strip().lower())


def _number(value: object) -> int | None:
    """Return a whole number, also one that is written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**31 else None
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,9}(\.0+)?\s*", value):
        return int(float(value))
    return None


def _colour(value: object) -> Colour | None:
    """Return a colour: three numbers from 0 to 255 (an opacity behind them is dropped), "#rrggbb", or "r, g, b"."""
    if isinstance(value, str):
        if match := re.fullmatch(r"\s*(?:#|0x)([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?\s*", value):
            red, green, blue = bytes.fromhex(match[1])
            return red, green, blue
        value = re.findall(r"\d+", value) if re.fullmatch(r"[\s\d,;()\[\]rgbaRGBA]+", value) else []
    if not isinstance(value, list | tuple) or len(value) not in (3, 4):
        return None
    numbers = [number for number in map(_number, value[:3]) if number is not None and 0 <= number <= 255]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


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
