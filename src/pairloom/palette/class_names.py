"""Classes as files beside the data name them: a name with a colour, a number in masks, or both."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pairloom.palette.classes import VOID, Colour

LONGEST_NAME = 120
"""Characters of a class name at the most."""
FILE_NAME = re.compile(r"\.(png|jpe?g|tiff?|bmp|gif|webp|npy|txt|json|xml)$", re.IGNORECASE)
_VOID = re.compile(
    r"(void|ignored?|unlabell?ed|not labell?ed|dont care|do not care|ignore (region|label|area|class)|"
    r"void class|unlabell?ed (pixels?|area))"
)


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


def named_class(name: object, colour: Colour | None, value: int | None, void: bool = False) -> NamedClass | None:
    """Return a class with a printable name and a number that masks can hold; None where the name is none."""
    text = str(name).strip().strip("\"'").strip()
    if not text or len(text) > LONGEST_NAME or not text.isprintable() or FILE_NAME.search(text):
        return None
    if value is not None and not 0 <= value <= 65535:
        value = VOID if value == -1 else None
    plain = plain_key(text.replace("'", "").replace("’", ""))
    return NamedClass(text, colour, value, void or _VOID.fullmatch(plain) is not None)


def as_class_names(path: Path, rows: Sequence[NamedClass | None]) -> ClassNames | None:
    """Return the classes if all rows are one, and all have a colour, all a number, or none either."""
    whole = [row for row in rows if row is not None]
    coloured, numbered = (sum(row[field] is not None for row in whole) for field in (1, 2))
    alike = len(whole) in (coloured, numbered) or coloured == numbered == 0
    return ClassNames(path, tuple(whole)) if len(whole) == len(rows) and whole and alike else None


def plain_key(text: str) -> str:
    """Return a key in lower case, its words separated by spaces: `class id` of `Class_ID`."""
    return re.sub(r"[\s_-]+", " ", text.lower()).strip()


def as_number(value: object) -> int | None:
    """Return a whole number, also one that is written as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 2**31 else None
    if isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,9}(\.0+)?\s*", value):
        return int(float(value))
    return None


def as_colour(value: object) -> Colour | None:
    """Return a colour: three numbers from 0 to 255 (an opacity behind them is dropped), "#rrggbb", or "r, g, b"."""
    if isinstance(value, str):
        if match := re.fullmatch(r"\s*(?:#|0x)([0-9a-fA-F]{6})(?:[0-9a-fA-F]{2})?\s*", value):
            red, green, blue = bytes.fromhex(match[1])
            return red, green, blue
        value = re.findall(r"\d+", value) if re.fullmatch(r"[\s\d,;()\[\]rgbaRGBA]+", value) else []
    if not isinstance(value, list | tuple) or len(value) not in (3, 4):
        return None
    numbers = [number for number in map(as_number, value[:3]) if number is not None and 0 <= number <= 255]
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def numbered_by_line(path: Path, names: Sequence[str]) -> ClassNames | None:
    """Number a list of names from 0; LabelMe writes `__ignore__` before the first."""
    first = -1 if names and names[0] == "__ignore__" else 0
    rows = [named_class(name, None, number if number >= 0 else VOID) for number, name in enumerate(names, first)]
    found = as_class_names(path, rows)
    return found and found._replace(counted=True)
