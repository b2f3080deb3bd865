"""Charts as drawings for a page: where each line, tick and label goes."""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from matplotlib.ticker import LogLocator, MaxNLocator

from pairloom.report.charts import Chart

WIDTH, HEIGHT = 480, 270
"""Units of the drawing; pixels where it is as wide as it likes to be."""
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 10, 30
"""Margins within it, for the labels."""


MOST_CHARACTERS = 6
"""Of a label of the vertical axis, if it can be written shorter: LEFT has room for so many."""


@dataclass(frozen=True)
class Curve:
    """One series as a path."""

    label: str
    colour: str
    path: str
    """In SVG's path language; broken where there is no value."""
    dots: tuple[tuple[float, float], ...]
    """The points themselves, where they are few."""
    last: str
    """The last value, as text."""


@dataclass(frozen=True)
class Drawing:
    """A chart in units of a WIDTH × HEIGHT drawing, and the values to be shown at the pointer."""

    title: str
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    curves: tuple[Curve, ...]
    logarithmic: bool
    exact: bool
    """Whether smoothing leaves it alone."""
    best: float | None
    """Place of the epoch whose model is kept, on the horizontal axis."""
    values: dict[str, object]
    """`epochs`, their places `x`, and `series` of `texts` and of `y`, places on the vertical axis; one an epoch."""


def draw_all(charts: Iterable[Chart], best: int | None = None) -> list[Drawing]:
    """Lay out the charts that have anything to show, and mark an epoch in them."""
    return [drawing for drawing in (draw(chart, best) for chart in charts) if drawing is not None]


def draw(chart: Chart, best: int | None = None) -> Drawing | None:
    """Lay a chart out, or return None where it has no value at all; `best` is an epoch to be marked."""
    epochs = sorted({epoch for series in chart.series for epoch in series.epochs})
    values = [value for series in chart.series for value in series.values if _finite(value)]
    if not values:
        return None
    place_x = _scale(epochs[0] - (len(epochs) == 1), epochs[-1], LEFT, WIDTH - RIGHT)
    y_ticks, place_y = _value_axis(chart, [value for value in values if value is not None])
    curves = []
    rows = []
    for series in chart.series:
        points = [
            (place_x(epoch), place_y(value)) if value is not None and _finite(value) else None
            for epoch, value in zip(series.epochs, series.values, strict=True)
        ]
        dots = tuple(point for point in points if point) if len(points) <= 12 else ()
        known = dict(zip(series.epochs, series.values, strict=True))
        texts = [_text(known.get(epoch)) for epoch in epochs]
        curves.append(Curve(series.label, series.colour, _path(points), dots, next((t for t in texts[::-1] if t), "–")))
        heights = {epoch: point[1] for epoch, point in zip(series.epochs, points, strict=True) if point}
        rows.append({"texts": texts, "y": [round(heights[e], 1) if e in heights else None for e in epochs]})
    ticks = [tick for tick in MaxNLocator(6, integer=True).tick_values(epochs[0], epochs[-1]) if tick == int(tick)]
    x_ticks = tuple((place_x(tick), f"{tick:.0f}") for tick in ticks if epochs[0] <= tick <= epochs[-1])
    shown = {"epochs": epochs, "x": [round(place_x(epoch), 1) for epoch in epochs], "series": rows}
    mark = place_x(best) if best is not None and epochs[0] <= best <= epochs[-1] else None
    return Drawing(chart.title, x_ticks, y_ticks, tuple(curves), chart.logarithmic, chart.exact, mark, shown)


def _value_axis(
    chart: Chart, values: Sequence[float]
) -> tuple[tuple[tuple[float, str], ...], Callable[[float], float]]:
    """Return the ticks of the vertical axis, and the place of a value on it."""
    low, high = chart.limits or (min(values), max(values))
    if chart.logarithmic:
        locator = LogLocator(subs=(1.0, 2.0, 5.0)) if high > 10 * low else MaxNLocator(5)
        low, high = 0.9 * low, 1.1 * high
        scale = _scale(math.log10(low), math.log10(high), HEIGHT - BOTTOM, TOP)
    else:
        margin = 0.0 if chart.limits else (high - low) * 0.05 or abs(high) * 0.05 or 0.5
        locator = MaxNLocator(5)
        low, high = low - margin, high + margin
        scale = _scale(low, high, HEIGHT - BOTTOM, TOP)

    def place(value: float) -> float:
        return scale(math.log10(value) if chart.logarithmic else value)

    inside = [float(tick) for tick in locator.tick_values(low, high) if low <= tick <= high]
    spread = inside[:: max(1, -(-len(inside) // 6))]
    return tuple((place(tick), _tick_text(tick, spread)) for tick in spread), place


def _tick_text(tick: float, ticks: Sequence[float]) -> str:
    """Write a tick with as many digits as tell it from its neighbours, and in as few characters as fit the margin."""
    digits = next((count for count in range(3, 9) if len({f"{one:.{count}g}" for one in ticks}) == len(ticks)), 9)
    plain, short = f"{tick:.{digits}g}", re.sub(r"\.?0*e([+-])0*", r"e\1", f"{tick:.{digits - 1}e}")
    return plain if len(plain) <= MOST_CHARACTERS else min(plain, short, key=len)


def _scale(start: float, end: float, first: float, last: float) -> Callable[[float], float]:
    """Return the linear map of start … end to first … last."""
    return lambda value: first + (value - start) / ((end - start) or 1.0) * (last - first)


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    words, broken = [], True
    for point in points:
        if point is not None:
            words.append(f"{'M' if broken else 'L'}{point[0]:.1f} {point[1]:.1f}")
        broken = point is None
    return "".join(words)


def _finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _text(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return ""
    usual = value == 0 or 1e-3 <= abs(value) < 1e5
    return f"{value:.3f}" if usual and abs(value) < 100 else f"{value:.0f}" if usual else f"{value:.2e}"
