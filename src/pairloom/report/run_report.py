"""The report of one run: a page, and its grid and curves as pictures."""

from collections.abc import Sequence
from pathlib import Path

import torch

from pairloom.evaluation.history import RunState, kept_record
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.evaluation.scoring import score_model
from pairloom.models.model_folder import load_model
from pairloom.report.charts import Chart, training_charts
from pairloom.report.curves import draw_curves
from pairloom.report.data_words import Words
from pairloom.report.grid import draw_grid
from pairloom.report.model_quality import findings, quality_words
from pairloom.report.page import write_page
from pairloom.report.run_page import data_words, run_words
from pairloom.report.run_summary import RunSummary


class RunReport:
    """Writes the run's `report/` anew each time it has come further.

    Args:
        summary: the run; its history grows.
        device: where to translate what the page shows of the kept model.
    """

    def __init__(self, summary: RunSummary, device: torch.device) -> None:
        self._summary, self._device = summary, device
        self._scores: Scores | PictureScores | None = None
        self._frames: dict[Path, str] = {}  # of the samples on the last page
        self._data: Words | None = None

    @property
    def page(self) -> Path:
        """The page that it writes."""
        return self._summary.run.report / "index.html"

    def model_is_kept(self, scores: Scores | PictureScores) -> None:
        """Note the scores of the model that was just put into the run's `model/`."""
        self._scores = scores

    def write(self, state: RunState, *, pictures: bool, trouble: str = "") -> None:
        """Write `index.html`, which holds the charts itself.

        Of a finished run the page shows the translations of all validation images (see `image_table`), and the kept
        model is scored anew where that was done by an earlier start. Before, nothing is done that takes as long as a
        validation: after a resume the page has classes and images from the next validation on.

        Args:
            state: whether training goes on.
            pictures: write `grid.png` and `curves.png` as well, if an epoch has ended. They take longer than the page.
            trouble: what has ended the training, where that was an error.
        """
        summary = self._summary
        charts: Sequence[Chart] = ()
        if summary.history:
            charts = training_charts(summary.history, summary.target.palette)
            if pictures:
                draw_curves(charts, summary.run.report / "curves.png")
                draw_grid(summary.run, summary.history, summary.samples, summary.source, summary.target)
        if self._data is None:
            self._data = data_words(summary.training)
        kept = kept_record(summary.history, summary.experiment.train.keep)
        context = {
            **run_words(summary, state, trouble, charts, self._frames),
            "training": self._data,
            "quality": None,
            "findings": [],
        }
        finished = state == "finished"
        if kept is not None and (finished or self._scores is not None):
            model = load_model(summary.run.model, self._device)
            if self._scores is None:
                self._scores = score_model(model, summary.validation, len(summary.validation), "val")
            context["quality"] = quality_words(model, self._scores, summary.validation, all_pictures=finished)
            context["findings"] = findings(summary.history, state, self._scores)
        write_page(self.page, "run.html.jinja", context)
