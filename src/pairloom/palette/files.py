"""Palettes by name: the built-in ones, and the user's own as small YAML files.

```yaml
name: yard                 # optional, default: the file's name
classes:
  grass: [0, 128, 0]       # or "#008000"
  path: {colour: [128, 128, 128], value: 3}   # value: the number in index files, default: the position, from 0
void:                      # optional: pixels that are not scored
  colours: [[0, 0, 0]]     # the first is what void is drawn in; default: black, or a free colour
  values: [255]
```
"""

import re
from pathlib import Path

import yaml

from pairloom.errors import UserError
from pairloom.files import read_text, replacing
from pairloom.palette import fields
from pairloom.palette.camvid import CAMVID
from pairloom.palette.cityscapes import CITYSCAPES, CITYSCAPES_ALL, CITYSCAPES_TRAIN_IDS
from pairloom.palette.classes import MOST_CLASSES, Colour, Palette
from pairloom.palette.distinct import colour_for_void

PALETTES = {palette.name: palette for palette in (CITYSCAPES, CITYSCAPES_TRAIN_IDS, CITYSCAPES_ALL, CAMVID)}
"""The built-in palettes by name."""
FROM_DATA = ("found", "masks", "coco", "cvat", "label-studio", "labelme", "supervisely", "via", "yolo")
"""Names of palettes that are read from a data set: from its images, mask files or annotations."""

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*( [A-Za-z0-9_-]+)*")
"""Names that YAML reads as they stand, unless they are one of its words such as `no`."""
_SIMPLE_KEY = 128
"""YAML wants longer keys (it says 1024, its escapes included) on a line of their own."""


class _Loader(yaml.SafeLoader):
    """Reads plain YAML, but refuses keys that are not text or occur twice, where YAML would keep the last in silence.

    Class names are keys, and YAML reads names such as `no`, `on` and `1` as something other than text.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen = set()
        for key, _ in node.value:
            line = f"line {key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                raise UserError(f"{line}: must be a name, not a list or mapping")
            if key.tag != "tag:yaml.org,2002:str":
                raise UserError(f"{line}: YAML does not read the name {key.value} as text; quote it: '{key.value}'")
            if key.value in seen:
                raise UserError(f"{line}: the name {key.value!r} occurs twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def named_palette(name_or_path: str) -> Palette:
    """Return the built-in palette of that name, or else read the YAML file at that path.

    Raises:
        UserError: if there is neither, or the file is malformed.
    """
    if name_or_path in PALETTES:
        return PALETTES[name_or_path]
    path = Path(name_or_path)
    try:
        exists = path.is_file()
    except OSError:  # of names that are too long, say
        exists = False
    if not exists:
        if name_or_path in FROM_DATA:
            raise UserError(
                f"{name_or_path}: stands for the classes that the data name, and is not a palette; leave data.palette "
                "at auto to use them, or write them to a file by pairloom check DATA --write-palette FILE and name it"
            )
        raise UserError(
            f"{name_or_path}: is neither a built-in palette ({', '.join(PALETTES)}) nor an existing palette file (YAML)"
        )
    return read_palette(path)


def read_palette(path: Path) -> Palette:
    """Read a palette file.

    Args:
        path: a YAML file with `classes` (a colour, or a colour and a value, by name) and, optionally, `name` and
            `void`.

    Raises:
        UserError: naming the file and what is wrong in it, if it cannot be read or is malformed.
    """
    try:
        content = _load(read_text(path))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    whole = fields.as_mapping(content, str(path))
    fields.check_keys(whole, ("name", "classes", "void"), str(path))
    if "classes" not in whole:
        raise UserError(f"{path}: has no 'classes'")
    classes = fields.as_mapping(whole["classes"], f"{path}: classes")
    names, colours, values = [], [], []
    for position, (key, given) in enumerate(classes.items()):
        name = fields.as_text(key, f"{path}: classes")
        colour, value = _class(given, position, f"{path}: class {fields.shown(name)}")
        names.append(name)
        colours.append(colour)
        values.append(value)
    void_colours, void_values = _void(whole.get("void"), colours, f"{path}: void")
    title = fields.as_text(whole.get("name", path.stem), f"{path}: name")
    try:
        return Palette(
            name=title,
            names=tuple(names),
            colours=tuple(colours),
            void_colours=tuple(void_colours[1:]),
            void_colour=void_colours[0],
            values=tuple(values),
            void_values=tuple(void_values),
        )
    except UserError as error:
        raise UserError(f"{path}: {error}") from None


def _load(text: str) -> object:
    try:
        loader = _Loader(text)
        try:
            return loader.get_single_data()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise UserError(f"is not YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise UserError("is nested too deeply; flatten it") from error
    except (ValueError, ArithmeticError, AttributeError, LookupError, TypeError) as error:
        # What YAML's own readers of dates and tagged values raise at nonsense such as 2001-99-99 or `!!bool grass`.
        raise UserError(f"holds a value that YAML cannot read ({error}); quote it") from error


def _class(given: object, position: int, where: str) -> tuple[Colour, int]:
    """Return the colour and the value of one class."""
    if not isinstance(given, dict):
        return fields.as_colour(given, where), position
    fields.check_keys(given, ("colour", "value"), where)
    if "colour" not in given:
        raise UserError(f"{where}: has no 'colour'")
    colour = fields.as_colour(given["colour"], f"{where}: colour")
    return colour, fields.as_value(given.get("value", position), f"{where}: value")


def _void(given: object, taken: list[Colour], where: str) -> tuple[list[Colour], list[int]]:
    """Return the colours of void, at least one, and its values; `taken` are the classes' colours."""
    void = fields.as_mapping({} if given is None else given, where)
    fields.check_keys(void, ("colours", "values"), where)
    listed = fields.as_list(void.get("colours", []), f"{where}: colours")
    colours = [fields.as_colour(item, f"{where}: colours") for item in listed]
    values = [
        fields.as_value(item, f"{where}: values") for item in fields.as_list(void.get("values", []), f"{where}: values")
    ]
    # More classes than a palette can hold are refused later, and leave no colour free.
    return colours or [colour_for_void(taken[:MOST_CLASSES])], values


def write_palette(path: Path, palette: Palette, comment: str = "") -> None:
    """Write a palette file that reads back equal; never leaves a half-written file under the final name.

    Args:
        path: of the file; its folder is made where it is missing.
        palette: what to write.
        comment: for the reader, at the top; may have several lines.
    """
    lines = [f"# {_printable(line)}".rstrip() for line in comment.splitlines()]
    lines += [f"name: {_quoted(palette.name)}", "classes:"]
    for position, (name, colour, value) in enumerate(zip(palette.names, palette.colours, palette.values, strict=True)):
        short = str(list(colour)) if value == position else f"{{colour: {list(colour)}, value: {value}}}"
        key = _quoted(name)
        lines += [f"  {key}: {short}"] if len(key) <= _SIMPLE_KEY else [f"  ? {key}", f"  : {short}"]
    lines.append("void:")
    lines.append(f"  colours: {[list(colour) for colour in (palette.void_colour, *palette.void_colours)]}")
    if palette.void_values:
        lines.append(f"  values: {list(palette.void_values)}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as unfinished:
        unfinished.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _printable(line: str) -> str:
    """Blank out what YAML refuses even in a comment."""
    return "".join(letter if letter.isprintable() else " " for letter in line)


def _quoted(name: str) -> str:
    """Write a name so that YAML reads it as that text."""
    if _PLAIN.fullmatch(name) and yaml.safe_load(name) == name:
        return name
    return yaml.safe_dump(name, default_style='"', width=float("inf"), allow_unicode=True).strip()
