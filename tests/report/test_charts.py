"""What the curves of a run show, and how they are laid out."""

import json
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.evaluation.history import EpochRecord
from pairloom.images import read_picture
from pairloom.palette import CAMVID
from pairloom.report.charts import Chart, Series, training_charts
from pairloom.report.curves import draw_curves
from pairloom.report.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, draw

VALUES = st.none() | st.integers(-(10**9), 10**9).map(lambda number: number / 1000) | st.just(float("nan"))


def _record(epoch: int, road: float | None, *, validated: bool = True) -> EpochRecord:
    record = EpochRecord(
        epoch=epoch,
        step=10 * epoch,
        seconds={"steps": 1.0},
        learning_rate=1e-3,
        losses={"discriminator_real": 0.5, "adversarial": 2.0, "cross_entropy": 0.02},
    )
    if validated:
        classes = dict.fromkeys(CAMVID.names) | {"road": road, "sky": 0.9}
        record["validation"] = {
            "split": "val",
            "pairs": 1,
            "pixel_accuracy": 0.5,
            "class_accuracy": None,
            "mean_iou": road,
            "per_class": classes,
        }
    return record


def test_a_run_has_its_losses_scores_and_the_classes_that_occur() -> None:
    history = [_record(1, 0.1), _record(2, None, validated=False), _record(3, 0.3)]
    generator, discriminator, share, rate, overall, classes = training_charts(history, CAMVID)
    assert [series.label for series in generator.series] == ["adversarial", "cross entropy"]
    assert generator.logarithmic
    assert [series.label for series in discriminator.series] == ["real"]
    assert share.series == ()
    assert rate.series[0].values == (1e-3,) * 3
    assert overall.series[2].values == (0.1, 0.3)
    assert overall.series[2].epochs == (1, 3)
    assert [series.label for series in classes.series] == ["sky", "road"]  # the best first
    assert classes.series[1].colour == "#{:02x}{:02x}{:02x}".format(*CAMVID.colours[CAMVID.index("road")])


def test_a_score_that_earlier_versions_did_not_take_has_a_curve_from_where_it_is_taken() -> None:
    before, after = _record(1, 0.1), _record(2, 0.2)
    assert "mean Dice" not in [series.label for series in training_charts([before], CAMVID)[4].series]
    assert "mean_iou" in after["validation"]
    after["validation"]["mean_dice"] = 0.3
    dice = training_charts([before, after], CAMVID)[4].series[3]
    assert (dice.label, dice.epochs, dice.values) == ("mean Dice", (1, 2), (None, 0.3))


def test_the_adversarial_share_is_no_loss_and_has_a_chart_of_its_own() -> None:
    record = _record(1, 0.1)
    record["losses"]["adversarial_share"] = 0.0
    generator, _, share, *_ = training_charts([record], CAMVID)
    assert [series.label for series in generator.series] == ["adversarial", "cross entropy"]
    assert generator.logarithmic  # a share of zero does not take that from the losses
    assert [series.values for series in share.series] == [(0.0,)]


def test_ticks_that_lie_close_have_different_labels() -> None:
    drawing = draw(Chart("PSNR", (Series("PSNR", (1, 2), (16.41, 16.43), "#000000"),)))
    assert drawing is not None
    labels = [label for _, label in drawing.y_ticks]
    assert len(labels) == len(set(labels)) > 2


def test_the_marked_epoch_is_marked_where_it_is() -> None:
    series = Series("one", (1, 2, 3), (0.1, 0.2, 0.3), "#000000")
    drawing = draw(Chart("one", (series,)), best=2)
    assert drawing is not None
    assert drawing.best == (LEFT + WIDTH - RIGHT) / 2
    other = draw(Chart("one", (series,)), best=9)
    assert other is not None
    assert other.best is None


def test_the_curves_are_drawn_in_their_colours(tmp_path: Path) -> None:
    series = Series("thick", tuple(range(50)), tuple(value % 2 for value in range(50)), "#ff00c8")
    draw_curves([Chart("one", (series,)), Chart("none", ())], tmp_path / "curves.png")
    picture = read_picture(tmp_path / "curves.png")
    assert ((picture == (255, 0, 200)).all(axis=2)).sum() > 500


@given(
    columns=st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=30),
    first=st.integers(0, 10),
    logarithmic=st.booleans(),
)
@settings(max_examples=80, deadline=None)
def test_whatever_the_values_every_point_lies_in_the_drawing(
    columns: list[tuple[float | None, float | None]], first: int, logarithmic: bool
) -> None:
    if logarithmic:
        columns = [tuple(None if value is None else abs(value) + 1e-3 for value in column) for column in columns]  # type: ignore[misc]
    epochs = tuple(range(first, first + len(columns)))
    chart = Chart(
        "any",
        tuple(Series(str(n), epochs, values, "#123456") for n, values in enumerate(zip(*columns, strict=True))),
        logarithmic=logarithmic,
    )
    drawing = draw(chart)
    finite = [value for column in columns for value in column if value is not None and np.isfinite(value)]
    if not finite:
        assert drawing is None
        return
    assert drawing is not None
    points = [
        tuple(map(float, point.split()))
        for curve in drawing.curves
        for point in curve.path.replace("M", "|").replace("L", "|").split("|")[1:]
    ]
    assert len(points) == len(finite)
    # A tenth is what rounding to one digit may add.
    assert all(LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1 for x, _ in points)
    assert all(TOP - 0.1 <= y <= HEIGHT - BOTTOM + 0.1 for _, y in points)
    assert all(TOP <= y <= HEIGHT - BOTTOM for y, _ in drawing.y_ticks)
    assert drawing.y_ticks
    json.dumps(drawing.values, allow_nan=False)


def test_a_gap_is_left_where_there_is_no_value() -> None:
    drawing = draw(Chart("gap", (Series("a", (1, 2, 3, 4), (1.0, None, 2.0, 3.0), "#123456"),)))
    assert drawing is not None
    assert drawing.curves[0].path.count("M") == 2
    assert drawing.curves[0].path.count("L") == 1


def test_larger_values_stand_higher_on_a_logarithmic_axis_too() -> None:
    for logarithmic in (False, True):
        drawing = draw(Chart("up", (Series("a", (1, 2, 3), (0.01, 1.0, 100.0), "#123456"),), logarithmic=logarithmic))
        assert drawing is not None
        heights = [y for _, y in drawing.curves[0].dots]
        assert heights == sorted(heights, reverse=True)
        evenly = abs((heights[0] - heights[1]) - (heights[1] - heights[2])) < 1
        assert evenly == logarithmic
