"""Scoring a model on the pairs of a split."""

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

from pairloom.config import Size
from pairloom.data.pairs import Pair, resize_target
from pairloom.evaluation.metrics import Scores, score
from pairloom.evaluation.picture_metrics import PictureScores, score_pictures
from pairloom.images import Picture, resize_picture
from pairloom.models.translation import TranslationModel
from pairloom.progress import track

At = Literal["size", "native"]


def score_model(
    model: TranslationModel,
    pairs: Iterable[Pair],
    count: int,
    split: str,
    *,
    at: At = "size",
    boundaries: bool = False,
    tta: bool = False,
    after_each: Callable[[], None] | None = None,
) -> Scores | PictureScores:
    """Translate every source of a split and score the result.

    Args:
        model: the model.
        pairs: the split's pairs at native size, or already at the model's.
        count: how many there are.
        split: its name, for the record.
        at: `size` scores at the model's size (targets are brought there); `native` brings the predictions to each
            target's own size. Class ids by nearest neighbour, pictures bilinearly.
        boundaries: score the outlines of classes as well.
        tta: translate with test-time augmentation, as `TranslationModel.predict` does.
        after_each: called after each pair; what it raises ends the scoring.
    """
    predictions = _predictions(model, track(pairs, count, f"Scoring {split} pairs"), at, tta, after_each)
    if model.target.palette is None:
        return score_pictures(predictions, split)
    return score(predictions, model.target.palette, split, boundaries=boundaries)


def _predictions(
    model: TranslationModel, pairs: Iterable[Pair], at: At, tta: bool, after_each: Callable[[], None] | None
) -> Iterator[tuple[str, Picture, Picture]]:
    for pair in pairs:
        prediction = model.predict(resize_picture(pair.source, model.size), tta=tta)
        if at == "native":
            yield pair.name, resize_target(prediction, Size(*pair.target.shape[:2])), pair.target
        else:
            yield pair.name, prediction, resize_target(pair.target, model.size)
        if after_each:
            after_each()
