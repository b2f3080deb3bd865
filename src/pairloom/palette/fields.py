"""Values out of JSON and YAML, checked one by one; every complaint says where the value stands."""

import re
import reprlib
from collections.abc import Mapping
from typing import TypeGuard

from pairloom.errors import UserError

LARGEST_VALUE = 65535
"""Index files have 16 bits per pixel at the most."""


def shown(value: object) -> str:
    """Write a value for a message, shortened: it may be anything, of any size, and contain itself."""
    try:
        return reprlib.repr(value)
    except ValueError:  # Python does not write out integers of more than 4300 digits.
        return "a number of thousands of digits"


def check_keys(mapping: Mapping[object, object], known: tuple[str, ...], where: str) -> None:
    """Refuse a mapping with keys other than the known ones.

    Raises:
        UserError: naming the first other key and those that are possible.
    """
    for key in mapping:
        if key not in known:
            raise UserError(f"{where}: {shown(key)} is unknown; choose from {', '.join(known)}")


def as_mapping(value: object, where: str) -> Mapping[object, object]:
    """Take a mapping.

    Raises:
        UserError: if the value is none.
    """
    if not isinstance(value, Mapping):
        raise UserError(f"{where}: must be a mapping ('name: value' lines), not {shown(value)}")
    return value


def as_list(value: object, where: str) -> list[object]:
    """Take a list (JSON and YAML) or a tuple (records that were never written).

    Raises:
        UserError: if the value is neither.
    """
    if not isinstance(value, list | tuple):
        raise UserError(f"{where}: must be a list, not {shown(value)}")
    return list(value)


def as_text(value: object, where: str) -> str:
    """Take a text.

    Raises:
        UserError: if the value is none.
    """
    if not isinstance(value, str):
        raise UserError(f"{where}: must be text, not {shown(value)}; quote it")
    return value


def as_value(value: object, where: str) -> int:
    """Take a pixel value of an index file, 0 to 65535.

    Raises:
        UserError: if the value is no such number.
    """
    if not _is_integer(value) or not 0 <= value <= LARGEST_VALUE:
        raise UserError(f"{where}: must be a whole number from 0 to {LARGEST_VALUE}, not {shown(value)}")
    return value


def as_colour(value: object, where: str) -> tuple[int, int, int]:
    """Take a colour: three channels from 0 to 255, red first, or "#rrggbb".

    Raises:
        UserError: if the value is no colour.
    """
    if isinstance(value, str) and re.fullmatch(r"#[0-9a-fA-F]{6}", value):
        red, green, blue = bytes.fromhex(value[1:])
        return red, green, blue
    if isinstance(value, list | tuple) and len(value) == 3:
        channels = [channel for channel in value if _is_integer(channel) and 0 <= channel <= 255]
        if len(channels) == 3:
            return channels[0], channels[1], channels[2]
    raise UserError(f"{where}: must be a colour like [0, 128, 255] or '#0080ff', not {shown(value)}")


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)
