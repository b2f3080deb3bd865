"""Palettes drawn at random, for properties that hold for all of them."""

from hypothesis import strategies as st

from pairloom.palette import Colour, Palette

CHANNEL = st.integers(0, 255)
COLOUR = st.tuples(CHANNEL, CHANNEL, CHANNEL)
NAME = st.text(min_size=1, max_size=20).filter(str.strip)


@st.composite
def palettes(draw: st.DrawFn) -> Palette:
    """Draw palettes that use everything a palette can have."""
    colours: list[Colour] = draw(st.lists(COLOUR, unique=True, min_size=2, max_size=24))
    classes = draw(st.integers(1, len(colours) - 1))
    value = st.integers(0, 300) | st.integers(0, 65535)
    values = draw(st.just([]) | st.lists(value, unique=True, min_size=classes, max_size=classes))
    numbers = values or range(classes)
    return Palette(
        name=draw(NAME),
        names=tuple(draw(st.lists(NAME, unique=True, min_size=classes, max_size=classes))),
        colours=tuple(colours[:classes]),
        void_colour=colours[classes],
        void_colours=tuple(colours[classes + 1 :]),
        values=tuple(values),
        void_values=tuple(draw(st.lists(value.filter(lambda number: number not in numbers), unique=True, max_size=4))),
    )
