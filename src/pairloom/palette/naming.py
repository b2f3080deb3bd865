"""Giving classes that were found in masks the names that a file beside the data has for them."""

from collections.abc import Iterable, Mapping, Sequence

from pairloom.errors import UserError
from pairloom.palette.class_names import ClassNames, NamedClass
from pairloom.palette.classes import MOST_CLASSES, VOID, Colour, Palette
from pairloom.palette.distinct import colour_for_void, distinct_colours

_NEAR = 12
"""Levels (Euclidean) by which compression changes the colour of an area at the most."""
_BACKGROUND = "background"
_BLACK: Colour = (0, 0, 0)


def name_classes(palette: Palette, names: Sequence[ClassNames], *, numbered: bool) -> tuple[Palette, str]:
    """Name the classes of a palette that was found, by the first file that knows all of them.

    Classes that the file says are void become void. Classes that it knows beside those that were found are kept, since
    they may occur elsewhere.

    Args:
        palette: what was found in the masks.
        names: what the files beside the data say.
        numbered: whether masks hold the palette's values, and not its colours.

    Returns:
        The palette, named 'found' as before, and a sentence about where names are from, or why none are.
    """
    for guess in (False, True):
        for given in names:
            rows = _fitting(palette, given, numbered, guess)
            if rows is None:
                continue
            try:
                return _renamed(palette, rows, numbered), f"class names from {given.path.name}"
            except UserError:  # a colour twice, or no class at all
                continue
    if not names:
        return palette, ""
    first = names[0]
    held = len(palette)
    count = len(first.rows)
    others = "others" if count == held else str(held)
    counted = "1 class" if count == 1 else f"{count} classes"
    return palette, f"class names of {first.path.name} are not used: it names {counted}, the masks hold {others}"


def _fitting(
    palette: Palette, names: ClassNames, numbered: bool, guess: bool
) -> list[tuple[int | None, NamedClass]] | None:
    """Return a file's classes, each with the position in the palette that it names; None where it does not know all.

    With `guess` a file may leave the background out, or number its classes from 1.
    """
    colours = {row.colour: row for row in reversed(names.rows) if row.colour is not None}
    positions = _by_colour(palette, colours, guess) if colours else None
    if positions is None:
        values = _values(palette, numbered)
        positions = None if values is None else _by_value(values, names, guess)
    if positions is None:
        return None
    named = {id(row): position for position, row in positions.items()}
    rows = [(named.get(id(row)), row) for row in names.rows]
    own = {id(row) for row in names.rows}
    background = [(position, row) for position, row in positions.items() if id(row) not in own]
    return [*background, *rows]


def _by_colour(palette: Palette, rows: Mapping[Colour, NamedClass], guess: bool) -> dict[int, NamedClass] | None:
    positions: dict[int, NamedClass] = {}
    for position, colour in enumerate(palette.colours):
        near = min(rows, key=lambda known: _apart(known, colour))
        if _apart(near, colour) <= _NEAR**2 and not any(rows[near] is row for row in positions.values()):
            positions[position] = rows[near]
        elif guess and _apart(_BLACK, colour) <= _NEAR**2 and _names_no_background(rows.values()):
            positions[position] = NamedClass(_BACKGROUND, _BLACK)
        else:
            return None
    return positions if any(row in rows.values() for row in positions.values()) else None


def _names_no_background(rows: Iterable[NamedClass]) -> bool:
    return not any(row.is_void or row.name.strip("_ ").lower() in (_BACKGROUND, "bg") for row in rows)


def _apart(one: Colour, other: Colour) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _values(palette: Palette, numbered: bool) -> tuple[int, ...] | None:
    """Return the number of each class in the masks; for grey colours their brightness."""
    if numbered:
        return palette.values
    if all(len(set(colour)) == 1 for colour in palette.colours):
        return tuple(colour[0] for colour in palette.colours)
    return None


def _by_value(values: Sequence[int], names: ClassNames, guess: bool) -> dict[int, NamedClass] | None:
    rows = {row.value: row for row in reversed(names.rows) if row.value is not None}
    if rows and all(value in rows for value in values):
        return {position: rows[value] for position, value in enumerate(values)}
    if not guess:
        return None
    unnamed = [value for value in values if value not in rows]
    if unnamed == [0] and len(values) > 1 and not names.counted and _names_no_background(names.rows):
        return {position: rows.get(value, NamedClass(_BACKGROUND, None, 0)) for position, value in enumerate(values)}
    if not names.counted and rows:
        return None
    listed = [row for row in names.rows if not (row.is_void and row.value == VOID)]
    ascending = sorted(range(len(values)), key=lambda position: values[position])
    plain = _names_no_background(listed)
    if len(values) == len(listed) == 2 and min(values) < 8 and max(values) > 247:
        # Black and white: the first is black.
        return dict(zip(ascending, listed, strict=True))
    numbers = [values[position] for position in ascending]
    if plain and len(values) == len(listed) and numbers == list(range(1, len(listed) + 1)):
        return dict(zip(ascending, listed, strict=True))
    dense = numbers == list(range(len(numbers))) or (len(numbers) == 2 and numbers[0] < 8 and numbers[1] > 247)
    if plain and dense and len(values) == len(listed) + 1:
        return dict(zip(ascending, [NamedClass(_BACKGROUND, None, 0), *listed], strict=True))
    return None


def _renamed(palette: Palette, rows: Sequence[tuple[int | None, NamedClass]], numbered: bool) -> Palette:
    if len(rows) > MOST_CLASSES:
        rows = [(position, row) for position, row in rows if position is not None]
    kept = [(position, row) for position, row in rows if not row.is_void]
    void = [(position, row) for position, row in rows if row.is_void]
    taken: list[Colour] = []
    for position, row in kept:
        own = palette.colours[position] if position is not None and not numbered else row.colour
        own = own or (palette.colours[position] if position is not None else None)
        if own is None or own in taken:
            own = distinct_colours(1, [*palette.colours, *taken])[0]
        taken.append(own)
    void_colours = [palette.colours[position] if position is not None else row.colour for position, row in void]
    unset = [colour for colour in dict.fromkeys(void_colours) if colour is not None and colour not in taken]
    first = unset[0] if unset else palette.void_colour
    if first in taken:
        first = colour_for_void(taken)
    values, void_values = palette.values, palette.void_values
    if numbered:
        numbers = [palette.values[position] if position is not None else row.value for position, row in kept]
        spare = iter(
            number for number in range(1, 65536) if number not in (*palette.values, *palette.void_values, VOID)
        )
        used: set[int] = set()
        listed: list[int] = []
        for number in numbers:
            free = number is not None and number not in used and number not in palette.void_values
            listed.append(number if free and number is not None else next(n for n in spare if n not in used))
            used.add(listed[-1])
        values = tuple(listed)
        marked = [palette.values[position] if position is not None else row.value for position, row in void]
        more = [value for value in marked if value is not None and value not in used]
        void_values = tuple(dict.fromkeys([*palette.void_values, *more]))
    else:
        values = ()
    others = tuple(colour for colour in unset[1:] if colour != first) if not numbered else ()
    names = _unique([row.name for _, row in kept])
    return Palette(palette.name, names, tuple(taken), others, first, values, void_values)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Number names that occur more than once."""
    seen: dict[str, int] = {}
    unique = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        unique.append(name if seen[name] == 1 else f"{name} {seen[name]}")
    return tuple(unique)
