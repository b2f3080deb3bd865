"""New colours differ from each other and from all that are taken."""

import numpy as np
from drawn_palettes import COLOUR
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.palette import Colour
from pairloom.palette.distinct import colour_for_void, distinct_colours


@settings(deadline=None, max_examples=30)
@given(st.sets(COLOUR, max_size=200), st.integers(0, 254))
def test_new_colours_are_all_different_and_never_taken(taken: set[Colour], count: int) -> None:
    chosen = distinct_colours(count, taken)
    assert len(set(chosen) - taken) == count
    assert chosen == distinct_colours(count, taken)


def test_twenty_new_colours_are_easily_told_from_each_other() -> None:
    colours = np.array([(0, 0, 0), *distinct_colours(20, [(0, 0, 0)])])
    apart = np.linalg.norm(colours[:, None] - colours, axis=2) + np.eye(21) * 1000
    assert apart.min() > 100


@given(st.sets(COLOUR, max_size=20))
def test_void_is_black_unless_black_is_taken(taken: set[Colour]) -> None:
    void = colour_for_void(taken)
    assert void not in taken
    assert (void == (0, 0, 0)) == ((0, 0, 0) not in taken)
