"""Comparisons against what is known of the runs beforehand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.evaluation.comparison import Comparison, Estimate, compare_scores, distinct
from pairloom.evaluation.metrics import Scores, score
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.palette import Palette
from pairloom.rng import numpy_generator

PALETTE = Palette("test", ("a", "b", "c"), ((1, 0, 0), (2, 0, 0), (3, 0, 0)))


def _scores(error: float, seed: int = 0, pairs: int = 24) -> Scores:
    """Scores of predictions of which a share is wrong, on truths that do not depend on it."""
    truths = numpy_generator(0, "truth").integers(0, 2, (pairs, 20, 20), dtype=np.uint8)  # class c never occurs
    rng = numpy_generator(seed, "errors")
    wrong = rng.random(truths.shape) < error * rng.uniform(0.5, 1.5, (pairs, 1, 1))
    predictions = np.where(wrong, 1 - truths, truths)
    return score(((str(i), p, t) for i, (p, t) in enumerate(zip(predictions, truths, strict=True))), PALETTE, "val")


def _compared(*scores: Scores | PictureScores) -> Comparison:
    return compare_scores([f"run-{index}" for index in range(len(scores))], scores, "size")


@given(error=st.floats(0, 0.5), seed=st.integers(0, 5))
@settings(max_examples=15, deadline=None)
def test_a_run_and_itself_do_not_differ(error: float, seed: int) -> None:
    comparison = _compared(_scores(error, seed), _scores(error, seed))
    for difference in (*comparison.runs[1].difference.values(), *comparison.runs[1].class_difference.values()):
        assert difference.value in (None, 0.0)
        assert difference.low == difference.high == difference.value
        assert comparison.tendency("mean_iou", difference) == ""
    assert comparison.most_different == []
    assert "no significant difference" in comparison.verdict(comparison.runs[1])


def test_the_known_winner_wins() -> None:
    comparison = _compared(_scores(0.3), _scores(0.1, seed=1), _scores(0.5, seed=2))
    _, better, worse = comparison.runs
    gain = better.difference["mean_iou"]
    assert gain.low is not None
    assert gain.low > 0
    assert comparison.verdict(better) == "run-1 is better than run-0"
    assert comparison.verdict(worse) == "run-2 is worse than run-0"
    assert comparison.tendency("a", better.class_difference["a"]) == "better"
    assert comparison.tendency("a", worse.class_difference["a"]) == "worse"


def test_dice_differs_as_iou_does() -> None:
    comparison = _compared(_scores(0.3), _scores(0.1, seed=1))
    first, run = comparison.runs
    for name in comparison.classes:
        before, after = first.per_class_dice[name], run.per_class_dice[name]
        for dice, iou in ((before, first.per_class[name]), (after, run.per_class[name])):
            for end in ("value", "low", "high"):
                value = getattr(iou, end)
                assert getattr(dice, end) == pytest.approx(2 * value / (1 + value), rel=1e-4)
        assert run.class_dice_difference[name].value == pytest.approx((after.value or 0) - (before.value or 0))
        assert comparison.tendency(name, run.class_dice_difference[name]) == "better"


def test_noise_is_not_taken_for_a_winner() -> None:
    verdicts = []
    for number in range(40):
        comparison = _compared(_scores(0.3, seed=2 * number), _scores(0.3, seed=2 * number + 1))
        verdicts.append(comparison.verdict(comparison.runs[1]))
    assert sum("than" in verdict for verdict in verdicts) <= 8  # of 40, 2 or 3 are to be expected


def test_of_few_pairs_nothing_is_said_and_of_one_there_is_no_interval() -> None:
    comparison = _compared(_scores(0.4, pairs=5), _scores(0.05, seed=1, pairs=5))
    assert "too few" in comparison.verdict(comparison.runs[1])
    alone = _compared(_scores(0.4, pairs=1), _scores(0.05, seed=1, pairs=1)).runs[1].difference["mean_iou"]
    assert alone.value is not None
    assert (alone.low, alone.high) == (None, None)


def test_rare_classes_do_not_shift_the_interval() -> None:
    """A class that one image alone has is in every draw; if draws could miss it, the mean would rise."""
    names = tuple("abcdefgh")
    palette = Palette("many", names, tuple((index + 1, 0, 0) for index in range(8)))
    truth = np.zeros((20, 16, 16), dtype=np.uint8)
    for rare in range(1, 8):
        truth[rare, :2, :2] = rare  # never found
    scores = score(((str(n), np.zeros_like(one), one) for n, one in enumerate(truth)), palette, "val")
    estimate = _compared(scores, scores).runs[0].overall["mean_iou"]
    assert estimate.low is not None
    assert estimate.value is not None
    assert estimate.high is not None
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate.high - estimate.low < 0.01


def test_many_classes_take_their_turn_in_memory() -> None:
    palette = Palette("most", tuple(map(str, range(200))), tuple((index + 1, 0, 0) for index in range(200)))
    truth = np.arange(200, dtype=np.uint8).reshape(2, 10, 10)
    scores = score((("a", truth[0], truth[0]), ("b", truth[1], truth[1])), palette, "val")
    assert _compared(scores, scores).runs[0].overall["mean_iou"] == Estimate(1.0, 1.0, 1.0)


def test_values_are_those_of_the_scores_and_lie_in_their_intervals() -> None:
    scores = _scores(0.2)
    (run, _) = _compared(scores, _scores(0.4)).runs
    record = scores.to_record()
    assert run.overall["mean_iou"].value == pytest.approx(record["mean_iou"])
    assert run.overall["pixel_accuracy"].value == pytest.approx(record["pixel_accuracy"])
    assert run.overall["class_accuracy"].value == pytest.approx(record["class_accuracy"])
    assert run.overall["mean_dice"].value == pytest.approx(record["mean_dice"])
    assert {name: estimate.value for name, estimate in run.per_class.items()} == pytest.approx(record["per_class"])
    dice = {name: estimate.value for name, estimate in run.per_class_dice.items()}
    assert dice == pytest.approx(record["per_class_dice"])
    for estimate in run.overall.values():
        assert estimate.low is not None
        assert estimate.value is not None
        assert estimate.high is not None
        assert estimate.low < estimate.value < estimate.high


def test_the_interval_is_as_wide_as_theory_has_it() -> None:
    """The mean of N independent numbers has the standard error s / sqrt(N)."""
    values = numpy_generator(0, "l1").normal(0.3, 0.05, 200)
    scores = PictureScores("val", tuple(map(str, range(200))), tuple(values), tuple(values), tuple(values))
    estimate = _compared(scores, scores).runs[0].overall["l1"]
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(200), rel=0.08)


def test_of_pictures_the_smaller_difference_is_better() -> None:
    names = tuple(map(str, range(30)))
    noise = numpy_generator(0, "noise").normal(0, 0.01, 30)
    near, far = (
        PictureScores("val", names, tuple(level + noise), (20.0,) * 29 + (np.inf,), (float("nan"),) * 30)
        for level in (0.1, 0.2)
    )
    comparison = _compared(far, near)
    assert comparison.headline == "l1"
    assert comparison.classes == ()
    assert comparison.verdict(comparison.runs[1]) == "run-1 is better than run-0"
    assert comparison.runs[0].overall["psnr"].value == 20.0
    assert comparison.runs[0].overall["ssim"] == Estimate(None, None, None)


def test_the_pairs_on_which_runs_differ_most_come_first() -> None:
    truth = np.zeros((4, 4), dtype=np.uint8)
    half, wrong = truth.copy(), np.ones_like(truth)
    half[:2] = 1
    first = score([("same", truth, truth), ("half", truth, truth), ("all", truth, truth)], PALETTE, "val")
    second = score([("same", truth, truth), ("half", half, truth), ("all", wrong, truth)], PALETTE, "val")
    comparison = _compared(first, second)
    assert [comparison.pairs[index] for index in comparison.most_different] == ["all", "half"]
    record = comparison.to_record()
    assert record["most_different"][0] == {"pair": "all", "scores": [1.0, 0.0]}
    assert json.loads(json.dumps(record, allow_nan=False)) == record
    for part in ("per_class", "per_class_dice", "per_class_difference", "per_class_dice_difference"):
        assert record["runs"][1][part].keys() == {"a", "b"}, "c occurs nowhere"


def test_names_that_come_again_are_numbered() -> None:
    assert distinct(["a", "b", "a", "a"]) == ["a", "b", "a (2)", "a (3)"]
    assert distinct(["a", "a", "a (2)"]) == ["a", "a (2)", "a (2) (2)"]
