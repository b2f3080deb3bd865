"""Scores against a count by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from pairloom.evaluation.metrics import score
from pairloom.palette import VOID, Palette, UInt8Array

PALETTE = Palette("test", ("a", "b", "c", "d"), ((1, 0, 0), (2, 0, 0), (3, 0, 0), (4, 0, 0)))


@given(
    truth=nps.arrays(np.uint8, (2, 4, 3), elements=st.sampled_from([0, 1, 2, 3, VOID])),
    prediction=nps.arrays(np.uint8, (2, 4, 3), elements=st.integers(0, 3)),
)
@settings(max_examples=60, deadline=None)
def test_scores_equal_a_count_pixel_by_pixel(truth: UInt8Array, prediction: UInt8Array) -> None:
    record = score(zip("ab", prediction, truth, strict=True), PALETTE, "val").to_record()
    pixels = [(int(p), int(t)) for p, t in zip(prediction.flat, truth.flat, strict=True) if t != VOID]
    recalls, ious = [], []
    for index, name in enumerate(PALETTE.names):
        both = sum(p == t == index for p, t in pixels)
        true = sum(t == index for _, t in pixels)
        either = sum(index in (p, t) for p, t in pixels)
        if true:
            recalls.append(both / true)
        if either:
            ious.append(both / either)
        assert record["per_class"][name] == (pytest.approx(both / either) if either else None)
    assert record["pairs"] == 2
    assert record["mean_iou"] == (pytest.approx(np.mean(ious)) if ious else None)
    assert record["class_accuracy"] == (pytest.approx(np.mean(recalls)) if recalls else None)
    hits = sum(p == t for p, t in pixels)
    assert record["pixel_accuracy"] == (pytest.approx(hits / len(pixels)) if pixels else None)


@given(
    truth=nps.arrays(np.uint8, (3, 4, 3), elements=st.sampled_from([0, 1, 2, VOID])),
    prediction=nps.arrays(np.uint8, (3, 4, 3), elements=st.integers(0, 3)),
)
@settings(max_examples=60, deadline=None)
def test_dice_is_counted_from_the_masks(truth: UInt8Array, prediction: UInt8Array) -> None:
    scores = score(zip("abc", prediction, truth, strict=True), PALETTE, "val")
    record = scores.to_record()
    expected = []
    for index, name in enumerate(PALETTE.names):
        true, predicted = truth == index, (prediction == index) & (truth != VOID)
        hits, false, missed = (true & predicted).sum(), (~true & predicted).sum(), (true & ~predicted).sum()
        if hits + false + missed == 0:
            assert np.isnan(scores.dice[index])
            assert record["per_class_dice"][name] is None
        else:
            expected.append(2 * hits / (2 * hits + false + missed))
            assert scores.dice[index] == record["per_class_dice"][name] == pytest.approx(expected[-1])
    assert scores.mean_dice == record["mean_dice"] == (pytest.approx(np.mean(expected)) if expected else None)
    np.testing.assert_allclose(scores.dice, 2 * scores.iou / (1 + scores.iou))
    with np.errstate(invalid="ignore", divide="ignore"):
        harmonic = 2 * scores.precision * scores.recall / (scores.precision + scores.recall)
    met = scores.dice > 0  # without a hit precision and recall are 0 or none
    np.testing.assert_allclose(scores.dice[met], harmonic[met])


def test_dice_of_classes_that_are_missed_invented_or_absent() -> None:
    truth, prediction = np.array([[0, 0, VOID]], dtype=np.uint8), np.array([[1, 1, 3]], dtype=np.uint8)
    scores = score([("pair", prediction, truth)], PALETTE, "val")
    np.testing.assert_array_equal(scores.dice, [0, 0, np.nan, np.nan])
    assert scores.mean_dice == 0
    nothing = score([("pair", prediction, np.full_like(truth, VOID))], PALETTE, "val").to_record()
    assert (nothing["mean_dice"], set(nothing["per_class_dice"].values())) == (None, {None})


def test_the_confusion_matrix_has_a_row_for_each_true_class() -> None:
    truth, prediction = np.array([[0, 0, 1]], dtype=np.uint8), np.array([[0, 3, 3]], dtype=np.uint8)
    confusion = score([("pair", prediction, truth)], PALETTE, "val").confusion
    assert confusion[0].tolist() == [1, 0, 0, 1]
    assert confusion[1].tolist() == [0, 0, 0, 1]


def test_a_single_class_can_be_scored() -> None:
    truth = np.array([[0, 0, VOID]], dtype=np.uint8)
    record = score([("pair", np.zeros_like(truth), truth)], Palette("one", ("a",), ((1, 0, 0),)), "val").to_record()
    assert (record["mean_iou"], record["pixel_accuracy"], record["per_class"]) == (1, 1, {"a": 1})
    assert (record["mean_dice"], record["per_class_dice"]) == (1, {"a": 1})
