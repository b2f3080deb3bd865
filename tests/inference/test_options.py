"""The options of a translation check themselves."""

import dataclasses

import pytest

from pairloom import TranslateOptions, UserError


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        *(({"scale": scale}, "scale must be a number above 0") for scale in (0, -1, float("nan"), float("inf"))),
        ({"tile": 31}, "32 pixels per side or more, not 31"),
        ({"form": "masks"}, "form 'masks' is unknown; choose translation, overlay, classes or side-by-side"),
        ({"form": None}, "form None is unknown"),
        ({"backend": "tpu"}, "backend 'tpu' is unknown; choose torch or onnx"),
        ({"device": "tpu"}, "device 'tpu' is unknown; choose auto, cpu or cuda"),
        ({"backend": "onnx", "tile": 64}, "--backend onnx cannot run in tiles"),
    ],
)
def test_what_cannot_be_is_refused(values: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        TranslateOptions(**values)  # type: ignore[arg-type]
    with pytest.raises(UserError, match=complaint):
        dataclasses.replace(TranslateOptions(), **values)  # type: ignore[arg-type]


def test_the_smallest_tile_is_taken_and_options_cannot_be_changed() -> None:
    options = TranslateOptions(tile=32, backend="torch")
    with pytest.raises(dataclasses.FrozenInstanceError):
        options.tile = 64  # type: ignore[misc]
    assert options == TranslateOptions(tile=32, backend="torch")
    assert hash(options) != hash(dataclasses.replace(options, tta=True))
