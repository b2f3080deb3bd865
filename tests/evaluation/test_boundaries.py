"""The boundary F1 score: what counts as an outline, how near is near, and what void hides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pairloom.evaluation.boundaries import boundary_counts, boundary_f1
from pairloom.palette import VOID

CLASSES = 3
MAPS = hnp.arrays(np.uint8, (12, 9), elements=st.sampled_from([0, 1, 2, VOID]))


def _pole(column: int, height: int = 32, width: int = 32) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """A vertical line of class 1, a pixel wide, before class 0."""
    ids = np.zeros((height, width), dtype=np.uint8)
    ids[:, column] = 1
    return ids


def test_the_outline_of_a_line_is_the_line_and_what_stands_beside_it() -> None:
    counts = boundary_counts(_pole(10), _pole(10), CLASSES)
    assert counts.tolist() == [[64, 64, 64, 64], [32, 32, 32, 32], [0, 0, 0, 0]]


@pytest.mark.parametrize(("shift", "score"), [(0, 1.0), (1, 1.0), (2, 0.0)])
def test_a_line_is_met_within_a_pixel_in_a_small_picture(shift: int, score: float) -> None:
    found = boundary_f1(boundary_counts(_pole(10 + shift), _pole(10), CLASSES))
    assert found[1] == score
    assert np.isnan(found[2])  # neither has the class


def test_the_tolerance_grows_with_the_picture() -> None:
    small, large = 32, 400  # a diagonal of 400 x 400 has 566 pixels, of which 0.75 % are 4
    far = [
        boundary_f1(boundary_counts(_pole(14, side, side), _pole(10, side, side), CLASSES)) for side in (small, large)
    ]
    assert [score[1] for score in far] == [0.0, 1.0]


def test_what_was_drawn_beside_the_truth_lowers_precision_and_what_was_missed_recall() -> None:
    truth, prediction = _pole(10), _pole(10)
    prediction[:, 25] = 1
    predicted, met, true, found = boundary_counts(prediction, truth, CLASSES)[1]
    assert (predicted, met, true, found) == (64, 32, 32, 32)
    assert boundary_f1(boundary_counts(prediction, truth, CLASSES))[1] == pytest.approx(2 / 3)


def test_a_class_that_is_only_predicted_scores_nothing() -> None:
    assert boundary_f1(boundary_counts(_pole(10), np.zeros((32, 32), np.uint8), CLASSES))[1] == 0.0


def test_the_edge_of_void_is_no_outline() -> None:
    truth = np.zeros((8, 8), dtype=np.uint8)
    truth[:, 4:] = VOID
    prediction = truth.copy()
    prediction[:, 4:] = 2  # there is no truth to compare this with
    assert boundary_counts(prediction, truth, CLASSES).sum() == 0


@given(MAPS, MAPS)
def test_counts_agree_with_looking_at_every_pixel(prediction: np.ndarray, truth: np.ndarray) -> None:
    prediction = np.where(prediction == VOID, 0, prediction)

    def outline(ids: np.ndarray, label: int) -> set[tuple[int, int]]:
        places = set()
        for row, column in np.argwhere(ids == label):
            for down, across in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                beside = (int(row + down), int(column + across))
                inside = 0 <= beside[0] < ids.shape[0] and 0 <= beside[1] < ids.shape[1]
                if inside and ids[beside] != label and truth[beside] != VOID and truth[row, column] != VOID:
                    places.add((int(row), int(column)))
        return places

    def near(place: tuple[int, int], others: set[tuple[int, int]]) -> bool:
        return any(max(abs(place[0] - row), abs(place[1] - column)) <= 1 for row, column in others)

    counts = boundary_counts(prediction, truth, CLASSES)
    for label in range(CLASSES):
        drawn, true = outline(prediction, label), outline(truth, label)
        expected = [
            len(drawn),
            sum(near(place, true) for place in drawn),
            len(true),
            sum(near(place, drawn) for place in true),
        ]
        assert counts[label].tolist() == expected
