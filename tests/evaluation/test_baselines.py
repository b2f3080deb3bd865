"""What can be guessed without a network."""

import numpy as np

from pairloom.data.pairs import Pair
from pairloom.evaluation.baselines import CELLS, ColourAndPosition

CLASSES = 3


def _pair(source: list[list[int]], target: list[list[int]]) -> Pair:
    """A pair of 32×32 pixels, each number a quarter."""
    grey, ids = (np.array(quarters, np.uint8).repeat(16, axis=0).repeat(16, axis=1) for quarters in (source, target))
    return Pair("pair", np.repeat(grey[:, :, None], 3, axis=2), ids)


def test_colour_and_place_together_tell_what_neither_tells_alone() -> None:
    # The same colours everywhere and the same places in both pictures; only together do they give the class.
    pairs = [_pair([[0, 0], [255, 255]], [[0, 1], [1, 0]]), _pair([[255, 255], [0, 0]], [[1, 0], [0, 1]])]
    classifier = ColourAndPosition(pairs, CLASSES)
    for pair in pairs:
        assert (classifier.predict(pair.source) == pair.target).all()


def test_a_colour_new_to_its_place_is_judged_by_colour_and_a_new_colour_by_place() -> None:
    classifier = ColourAndPosition([_pair([[0, 0], [255, 255]], [[0, 0], [2, 1]])], CLASSES)
    swapped = classifier.predict(_pair([[255, 0], [0, 255]], [[0, 0], [0, 0]]).source)
    assert (swapped[16:, :16] == 0).all(), "dark was always class 0"
    unknown = classifier.predict(np.full((CELLS * 2, CELLS * 2, 3), 128, dtype=np.uint8))
    assert (unknown[16:, 16:] == 1).all(), "nothing but the place is known"
