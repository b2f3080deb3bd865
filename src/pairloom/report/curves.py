"""The curves of a run as one picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pairloom.files import replacing
from pairloom.report.charts import Chart


def draw_curves(charts: Sequence[Chart], path: Path) -> None:
    """Draw charts in two columns into a PNG file."""
    charts = [chart for chart in charts if chart.series]
    rows = -(-len(charts) // 2)
    figure = Figure(figsize=(13, 3.75 * rows))
    # Room for legends to the right of each; the layouts that find it by themselves take longer than the drawing.
    figure.subplots_adjust(left=0.06, right=0.87, bottom=0.14 / rows, top=1 - 0.1 / rows, wspace=0.46, hspace=0.3)
    for ax, chart in zip(figure.subplots(rows, 2, squeeze=False).flat, charts, strict=False):
        for series in chart.series:
            values = [float("nan") if value is None else value for value in series.values]
            ax.plot(series.epochs, values, label=series.label, color=series.colour, marker=".", linewidth=1.8)
        ax.set_title(chart.title)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        ax.grid(alpha=0.3)
        if chart.logarithmic:
            ax.set_yscale("log")
        if chart.limits:
            ax.set_ylim(*chart.limits)
        if ax.lines:
            ax.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    with replacing(path) as unfinished:
        figure.savefig(unfinished, dpi=120, format="png")
