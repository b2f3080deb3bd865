"""The validation images of a run, for its page: their scores, their confusions, and how they were translated."""

import math

import numpy as np

from pairloom.data.pairs import Pair
from pairloom.data.store import PairStore
from pairloom.evaluation.image_scores import image_scores
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.models.translation import TranslationModel
from pairloom.report.data_words import Words
from pairloom.report.pictures import LONGEST_SIDE, data_uri, error_map

MOST_PICTURED = 1000
"""Images of which the page has pictures, the worst ones; the others have their scores alone."""
FEW = 4
"""Images that the page of a run that goes on pictures: so many of the worst, and of the best."""

_LONGEST, _SHORTEST = 256, 96
"""Pixels of the longer side of these pictures where there are few, and where there are as many as can be."""
_MOST_BYTES = 6_000_000
"""Bytes of all pictures; as text inside a page they take a third more."""


def image_table(
    model: TranslationModel, scores: Scores | PictureScores, validation: PairStore, *, all_pictures: bool
) -> Words:
    """Return the validation images, the worst first.

    Args:
        model: the model that was scored.
        scores: its scores on these images.
        validation: the pairs, at the model's size.
        all_pictures: translate and draw all images, up to `MOST_PICTURED`; else `FEW` of the worst and of the best.
    """
    table = image_scores(scores)
    order = [int(index) for index in np.argsort(scores.qualities, kind="stable")]  # NaN comes last
    scored = [index for index in order if np.isfinite(scores.qualities[index])]
    pictured = order[:MOST_PICTURED] if all_pictures else sorted({*scored[:FEW], *scored[-FEW:]})
    longest = max(_SHORTEST, round(_LONGEST / max(1.0, math.sqrt(len(pictured) / 100))))
    most_bytes = _MOST_BYTES // (4 * max(1, len(pictured)))
    pictures = {
        index: pair_pictures(model, validation[index], longest=longest, most_bytes=most_bytes) for index in pictured
    }
    palette = model.target.palette
    return {
        "columns": list(table.columns),
        "classes": list(palette.names) if palette else [],
        "images": [
            {
                "name": table.names[index],
                "scores": [_rounded(value) for value in table.rows[index]],
                "pixels": _pixels(scores, index),
                "pictures": pictures.get(index),
            }
            for index in order
        ],
        "pictured": len(pictures),
    }


def pair_pictures(
    model: TranslationModel, pair: Pair, *, longest: int = LONGEST_SIDE, most_bytes: int | None = None
) -> dict[str, str]:
    """Return the `source`, `translation`, `target` and `errors` of a pair at the model's size, as `data:` addresses.

    Args:
        model: the model.
        pair: the pair.
        longest: pixels beyond which the longer side is reduced.
        most_bytes: bytes of each picture at the most; errors of classes are then drawn on white, since few bytes would
            not do for those over a photograph.
    """
    prediction, source, target = model.predict(pair.source), model.source, model.target
    exact = target.palette is not None
    shown = source.display(pair.source)
    ground = np.full_like(shown, 255) if exact and most_bytes else shown
    pictures = {
        "source": (shown, source.palette is not None),
        "translation": (target.display(prediction), exact),
        "target": (target.display(pair.target), exact),
        "errors": (error_map(prediction, pair.target, ground, target), exact),
    }
    return {
        name: data_uri(picture, exact=whole, longest=longest, most_bytes=most_bytes)
        for name, (picture, whole) in pictures.items()
    }


def _pixels(scores: Scores | PictureScores, index: int) -> list[tuple[int, int, int]]:
    """Return the entries of an image's confusion matrix that are not zero: true class, predicted class, pixels."""
    if not isinstance(scores, Scores):
        return []
    confusion = scores.confusions[index]
    return [(int(row), int(column), int(confusion[row, column])) for row, column in np.argwhere(confusion)]


def _rounded(value: float | None) -> float | None:
    return round(value, 4) if value is not None and math.isfinite(value) else None  # JSON has no infinite numbers
