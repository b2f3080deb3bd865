"""What the page has to know of a model, whatever its engine."""

from collections.abc import Mapping
from typing import Any

from pairloom.evaluation.labels import SCORE_LABELS
from pairloom.models.translation import TranslationModel
from pairloom.palette import written_palette


def model_facts(model: TranslationModel, about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts of a model that stand in the page's `model.json`.

    Args:
        model: the model.
        about: what its folder tells of its training; empty where that is not known.
    """
    palette = model.target.palette
    values = None if palette is None else list(written_palette(palette).values)
    scores: Mapping[str, Any] = about.get("validation") or {}
    return {
        "lead": "Translates images into pictures, as the model has learned to."
        if palette is None
        else f"Translates images into segmentations: {palette.counted}, a colour each.",
        "reading": {
            "classes": palette is not None,
            "names": palette.names if palette else [],
            "colours": palette.colours if palette else [],
            # Of a class map; browsers write those of 8 bits alone.
            "values": values if values and max(values) < 256 else None,
        },
        "scores": [
            [label, f"{scores[name]:.3f}"]
            for name, label in SCORE_LABELS.items()
            if isinstance(scores.get(name), float)
        ],
    }
