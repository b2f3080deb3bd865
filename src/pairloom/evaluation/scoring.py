"""Scoring a model on the pairs of a split."""

from collections.abc import Iterator
from typing import Literal

from pairloom.config import Size
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.evaluation.metrics import Scores, score
from pairloom.images import UInt8Array, resize_class_map, resize_picture
from pairloom.models.translation import TranslationModel
from pairloom.progress import track

At = Literal["size", "native"]


def score_model(model: TranslationModel, pairs: PairStore, split: str, *, at: At = "size") -> Scores:
    """Translate every photograph of a split and score the result.

    Args:
        model: the model.
        pairs: the split's pairs at native size, or already at the model's.
        split: its name, for the record.
        at: `size` scores at the model's size (targets brought there by nearest neighbour); `native` brings the
            predictions to each target's own size, by nearest neighbour.

    Raises:
        UserError: if the pairs hold other classes than the model answers with.
    """
    if pairs.palette.names != model.palette.names:
        raise UserError(
            f"the model knows the classes of palette {model.palette.name!r}, the data has those of "
            f"{pairs.palette.name!r}; scores need the same"
        )

    return score(_predictions(model, pairs, split, at), model.palette, split)


def _predictions(
    model: TranslationModel, pairs: PairStore, split: str, at: At
) -> Iterator[tuple[UInt8Array, UInt8Array]]:
    for pair in track(pairs, len(pairs), f"Scoring {split} pairs"):
        prediction = model.predict(resize_picture(pair.source, model.size))
        if at == "native":
            yield resize_class_map(prediction, Size(*pair.target.shape)), pair.target
        else:
            yield prediction, resize_class_map(pair.target, model.size)
