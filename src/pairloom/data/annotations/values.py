"""Values out of annotation files, checked one by one."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

LONGEST_NAME = 200
"""Characters of a class name at the most."""
LONGEST_PATH = 4096
LARGEST_SIDE = 2**20
MOST_POINTS = 10**6
"""Corners of one shape at the most."""


class AnnotationError(ValueError):
    """An annotation is malformed or of a kind that is not read; it becomes a UserError with the file's name."""


def as_object(value: object, what: str) -> dict[str, Any]:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise AnnotationError(f"{what} must be an object, not {_kind(value)}")
    return value


def as_list(value: object, what: str) -> list[Any]:
    """Return a JSON array."""
    if not isinstance(value, list):
        raise AnnotationError(f"{what} must be a list, not {_kind(value)}")
    return value


def as_text(value: object, what: str, longest: int = LONGEST_PATH) -> str:
    """Return a text that can be printed and written to files."""
    if not isinstance(value, str):
        raise AnnotationError(f"{what} must be a text, not {_kind(value)}")
    if len(value) > longest:
        raise AnnotationError(f"{what} has {len(value)} characters; at most {longest} are supported")
    try:
        value.encode()
    except UnicodeEncodeError:  # a half of a surrogate pair
        raise AnnotationError(f"{what} holds characters that are not Unicode") from None
    return value


def as_name(value: object, what: str) -> str:
    """Return the name of a class."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(as_integer(value, what))
    name = as_text(value, what, LONGEST_NAME)
    if not name.strip():
        raise AnnotationError(f"{what} is empty")
    return name


def as_integer(value: object, what: str) -> int:
    """Return an integer of at most 63 bits; floats that are whole are integers too."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**63:
        raise AnnotationError(f"{what} must be an integer, not {_kind(value)}")
    return value


def as_id(value: object, what: str) -> int:
    """Return an id: an integer, which some tools write as a text."""
    digits = isinstance(value, str) and value.isdecimal() and len(value) < 19
    return as_integer(int(value) if digits else value, what)  # type: ignore[call-overload]


def as_side(value: object, what: str) -> int:
    """Return a height or width in pixels."""
    side = as_integer(value, what)
    if not 0 < side <= LARGEST_SIDE:
        raise AnnotationError(f"{what} is {side}; 1 to {LARGEST_SIDE} pixels are possible")
    return side


def as_number(value: object, what: str) -> float:
    """Return a finite number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise AnnotationError(f"{what} must be a number, not {_kind(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    return _finite_number(number, what)


def parse_number(text: str | None, what: str) -> float:
    """Return the finite number that an XML attribute holds."""
    try:
        number = float(as_text(text, what, 100))
    except ValueError as error:
        raise error if isinstance(error, AnnotationError) else AnnotationError(f"{what} must be a number") from None
    return _finite_number(number, what)


def parse_integer(text: str | None, what: str) -> int:
    """Return the integer that an XML attribute holds."""
    return as_integer(parse_number(text, what), what)


def as_numbers(value: object, what: str, most: int = 2 * MOST_POINTS) -> Points:
    """Return a list of finite numbers, or of lists of them that have one length, as an array."""
    listed = as_list(value, what)
    if len(listed) > most:
        raise AnnotationError(f"{what} has {len(listed):,} items; at most {most:,} are supported")
    try:
        # Without the dtype, one long text among many items would make NumPy allocate its length for each of them.
        array = np.array(listed, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise AnnotationError(f"{what} must hold numbers only") from None
    if not np.isfinite(array).all():
        raise AnnotationError(f"{what} holds a number that is not finite")
    return array


def as_points(value: object, what: str, least: int = 3) -> Points:
    """Return the corners of a shape, N×2 (x, y), from a list of pairs."""
    points = as_numbers(value, what, MOST_POINTS)
    if points.ndim != 2 or points.shape[1] != 2:
        raise AnnotationError(f"{what} must be a list of points, two numbers each")
    return check_count(points, what, least)


def as_flat_points(value: object, what: str) -> Points:
    """Return the corners of a polygon, N×2 (x, y), from x0, y0, x1, y1, …"""
    numbers = as_numbers(value, what)
    if numbers.ndim != 1 or len(numbers) % 2:
        raise AnnotationError(f"{what} must be an even number of numbers")
    return check_count(numbers.reshape(-1, 2), what, 0)


def check_count(points: Points, what: str, least: int) -> Points:
    """Refuse shapes of too few corners, or too many."""
    if len(points) < least:
        raise AnnotationError(f"{what} has {len(points)} points; at least {least} are needed")
    if len(points) > MOST_POINTS:
        raise AnnotationError(f"{what} has {len(points):,} points; at most {MOST_POINTS:,} are supported")
    return points


def _finite_number(number: float, what: str) -> float:
    if not math.isfinite(number):
        raise AnnotationError(f"{what} is not finite")
    return number


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), type(value).__name__)
