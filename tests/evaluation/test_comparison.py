"""Comparisons against what is known of the runs beforehand."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.draws import numpy_generator
from pairloom.evaluation.comparison import Comparison, Estimate, compare_scores, distinct
from pairloom.evaluation.metrics import Scores, score
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.palette import Palette

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
        assert not difference.is_clear
    assert comparison.most_different == []
    assert "no difference" in comparison.verdict(comparison.runs[1])


def test_the_known_winner_wins() -> None:
    comparison = _compared(_scores(0.3), _scores(0.1, seed=1), _scores(0.5, seed=2))
    _, better, worse = comparison.runs
    gain = better.difference["mean_iou"]
    assert gain.low is not None
    assert gain.low > 0
    assert comparison.verdict(better) == "run-1 is better than run-0"
    assert comparison.verdict(worse) == "run-2 is worse than run-0"
    assert better.class_difference["a"].is_clear


def test_noise_is_not_taken_for_a_winner() -> None:
    clear = [
        _compared(_scores(0.3, seed=2 * n), _scores(0.3, seed=2 * n + 1)).runs[1].difference["mean_iou"].is_clear
        for n in range(40)
    ]
    assert sum(clear) <= 8  # 2 are to be expected of 40; 9 or more come once in 10,000 times


def test_values_are_those_of_the_scores_and_lie_in_their_intervals() -> None:
    scores = _scores(0.2)
    (run, _) = _compared(scores, _scores(0.4)).runs
    record = scores.to_record()
    assert run.overall["mean_iou"].value == pytest.approx(record["mean_iou"])
    assert run.overall["pixel_accuracy"].value == pytest.approx(record["pixel_accuracy"])
    assert run.overall["class_accuracy"].value == pytest.approx(record["class_accuracy"])
    assert {name: estimate.value for name, estimate in run.per_class.items()} == pytest.approx(record["per_class"])
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
    assert record["runs"][1]["per_class"].keys() == {"a", "b"}  # c occurs nowhere


def test_names_that_come_again_are_numbered() -> None:
    assert distinct(["a", "b", "a", "a"]) == ["a", "b", "a (2)", "a (3)"]
