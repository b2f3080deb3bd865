"""Scoring a model on the pairs of a split."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import numpy as np

from pairloom.data.pairs import Pair
from pairloom.evaluation.metrics import Scores, score
from pairloom.evaluation.picture_metrics import PictureScores, score_pictures
from pairloom.images import Picture, Values
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
    values: Values | None = None,
    after_each: Callable[[], object] | None = None,
) -> Scores | PictureScores:
    """Translate every source of a split and score the result.

    Args:
        model: the model.
        pairs: the split's pairs at native size, or already at the model's.
        count: how many there are.
        split: its name, for the record.
        at: `size` scores at the model's size (targets are brought there); `native` reads the model's outputs at each
            target's own size, as users get them. Models that were trained on crops have no size, and are scored so.
        boundaries: score the outlines of classes as well.
        tta: translate with test-time augmentation, as `TranslationModel.predict` does.
        values: the range of which scores of pictures are shares, and what is no reading; None takes the model's.
        after_each: called after each pair; what it raises ends the scoring.
    """
    predictions = _predictions(model, track(pairs, count, f"Scoring {split} pairs"), at, tta, after_each)
    if model.target.palette is None:
        return score_pictures(predictions, split, values or model.target.values)
    return score(predictions, model.target.palette, split, boundaries=boundaries)


def _predictions(
    model: TranslationModel, pairs: Iterable[Pair], at: At, tta: bool, after_each: Callable[[], object] | None
) -> Iterator[tuple[str, Picture, Picture]]:
    for pair in pairs:
        scored = pair if at == "native" else at_model_size(pair, model)
        yield pair.name, model.predict(scored.source, tta=tta), scored.target
        if after_each:
            after_each()


def at_model_size(pair: Pair, model: TranslationModel) -> Pair:
    """Return a pair at the size of a model's translations; of a model that was trained on crops, at its own."""
    return pair.resized(model.size) if model.scale is None else pair


def joined_scores(parts: Sequence[Scores | PictureScores]) -> Scores | PictureScores:
    """Return the scores of pairs that were dealt out one by one and scored apart, in their own order; no outlines."""
    order = sorted((place, part) for part, scores in enumerate(parts) for place in range(len(scores.pairs)))
    names = tuple(parts[part].pairs[place] for place, part in order)
    if classes := [part for part in parts if isinstance(part, Scores)]:
        confusions = np.stack([classes[part].confusions[place] for place, part in order])
        return dataclasses.replace(classes[0], pairs=names, confusions=confusions, outlines=None)
    pictures = [part for part in parts if isinstance(part, PictureScores)]
    return PictureScores(
        pictures[0].split,
        names,
        l1=tuple(pictures[part].l1[place] for place, part in order),
        psnr=tuple(pictures[part].psnr[place] for place, part in order),
        ssim=tuple(pictures[part].ssim[place] for place, part in order),
    )
