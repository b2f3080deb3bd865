"""The scores of each image alone: for a page, and as a CSV file."""

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pairloom.evaluation.labels import SCORE_LABELS
from pairloom.evaluation.metrics import Scores, iou, pixel_accuracy
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.files import replacing


@dataclass(frozen=True)
class ImageScores:
    """A table: a row an image."""

    names: Sequence[str]
    """Names of the images (N)."""
    columns: Sequence[str]
    """Names of the scores; the first is that by which images are ranked."""
    rows: Sequence[Sequence[float | None]]
    """N rows of one number a column (infinite: PSNR of a perfect picture); None where there was nothing to score."""


def image_scores(scores: Scores | PictureScores, *, by_class: bool = False) -> ImageScores:
    """Return the scores of each image alone: mean IoU and pixel accuracy of class maps; L1, PSNR and SSIM of pictures.

    Args:
        scores: of a split.
        by_class: add the IoU of each class.
    """
    if isinstance(scores, PictureScores):
        keys, columns = ("l1", "psnr", "ssim"), [scores.l1, scores.psnr, scores.ssim]
        names = [SCORE_LABELS[key] for key in keys]
    else:
        names = [SCORE_LABELS["mean_iou"], SCORE_LABELS["pixel_accuracy"]]
        columns = [tuple(scores.qualities), tuple(pixel_accuracy(scores.confusions))]
        if by_class:
            names += [f"IoU {name}" for name in scores.names]
            columns += [tuple(column) for column in iou(scores.confusions).T]
    rows = [[None if math.isnan(value) else float(value) for value in row] for row in zip(*columns, strict=True)]
    return ImageScores(scores.pairs, names, rows)


def write_image_scores(path: Path, scores: Scores | PictureScores) -> None:
    """Write the scores of each image as CSV, the worst image first; cells without a score are empty."""
    table = image_scores(scores, by_class=True)
    with replacing(path) as unfinished, unfinished.open("w", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image", *table.columns])
        for index in np.argsort(scores.qualities, kind="stable"):
            cells = ("" if value is None else f"{value:.6g}" for value in table.rows[index])
            writer.writerow([table.names[index], *cells])
