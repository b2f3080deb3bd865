"""The options of a translation."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from pairloom.config import Device
from pairloom.errors import UserError
from pairloom.models.tiles import SMALLEST_TILE

Form = Literal["translation", "overlay", "classes", "side-by-side"]
"""What is written of a translation."""
Backend = Literal["torch", "onnx"]
"""What runs a model: PyTorch, or ONNX Runtime on the CPU."""


@dataclass(frozen=True)
class TranslateOptions:
    """How a model is run, and what is written.

    The same object serves `translate`, `translate_remote`, `Translator` and `serve`. It cannot be changed;
    `dataclasses.replace` makes another one.

    Example:
        ```python
        from dataclasses import replace

        import pairloom

        options = pairloom.TranslateOptions(scale=2, tta=True)
        pairloom.translate("runs/streets", ["photos"], "translated", options=options)

        overlays = replace(options, form="overlay", device="cpu")
        pairloom.translate("runs/streets", ["photos"], "overlays", options=overlays)
        ```

    Attributes:
        form: what is written: the `translation`; an `overlay` of it on the image; its `classes` as an index map, one
            value per pixel, for Cityscapes its `labelIds`; or both pictures `side-by-side`. `Translator` and `serve`
            ignore it, since they give all of them.
        scale: input scale relative to the training size, above 0; 2 is twice the height and width.
        tile: side in pixels of the tiles, 32 or more, into which the network's input is cut where it is larger; None
            never cuts.
        tta: test-time augmentation: the mean of the outputs for each image and for its mirror image, in twice the time.
        steady: temporal smoothing of videos: average the outputs over frames where the picture does not change, so that
            sensor noise does not make classes flicker.
        backend: what runs the model: `torch`, or `onnx` for ONNX Runtime, for which the model of a folder is converted
            each time it is loaded. None takes `onnx` for an ONNX file, else `torch`.
        device: `auto`, `cpu` or `cuda`; ONNX Runtime uses the CPU alone.

    Raises:
        UserError: for a value that is not known or out of range, and for tiles by ONNX Runtime.
    """

    form: Form = "translation"
    scale: float = 1.0
    tile: int | None = None
    tta: bool = False
    steady: bool = True
    backend: Backend | None = None
    device: Device = "auto"

    def __post_init__(self) -> None:
        _require_known("form", self.form, get_args(Form))
        if not 0 < self.scale < math.inf:
            raise UserError(f"the scale must be a number above 0, not {self.scale}")
        object.__setattr__(self, "scale", float(self.scale))  # so that 2 and 2.0 continue each other's folder
        if self.tile is not None and self.tile < SMALLEST_TILE:
            raise UserError(f"a tile must have {SMALLEST_TILE} pixels per side or more, not {self.tile}")
        if self.backend is not None:
            _require_known("backend", self.backend, get_args(Backend))
        if self.backend == "onnx" and self.tile is not None:
            raise UserError("--backend onnx cannot run in tiles; leave out --tile")
        _require_known("device", self.device, get_args(Device))


def _require_known(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UserError(f"{name} {value!r} is unknown; choose {', '.join(known[:-1])} or {known[-1]}")
