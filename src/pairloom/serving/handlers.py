"""What is answered to an image: a file of its translation, the fractions of its classes, or what the page shows."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pairloom.config import Size
from pairloom.data.image_spec import read_source
from pairloom.errors import UserError
from pairloom.images import ImageBytes, Picture, for_display, picture_bytes, png_bytes, resize_class_map, resize_picture
from pairloom.inference.options import Form
from pairloom.inference.output_formats import FORMS, form_suffix
from pairloom.inference.translation import Translation
from pairloom.inference.translator import Translator
from pairloom.serving.uploads import Limits, check_upload

KEPT_MODELS = 3
"""Models of snapshots that stay loaded."""


class View(NamedTuple):
    """What the page shows of a translation."""

    png: bytes
    """Class ids as grey levels, or the picture."""
    counts: list[int] | None
    """Pixels of each class at the size that is shown; None for pictures."""


class Handlers:
    """Answers to images, to be called one at a time.

    Args:
        load: gives the translator of a model folder, or of an ONNX file, as it is to be used.
        model: that folder, or file.
        snapshots: model folders of the run's snapshots, by what they are called.
        limits: what is taken.
    """

    def __init__(
        self, load: Callable[[Path], Translator], model: Path, snapshots: Mapping[str, Path], limits: Limits
    ) -> None:
        self.translator = load(model)
        self.snapshots = snapshots
        self.limits = limits
        self._snapshot = lru_cache(KEPT_MODELS)(lambda name: load(snapshots[name]))

    def translate(self, image: ImageBytes, form: Form, snapshot: str | None = None) -> tuple[bytes, str]:
        """Translate an image; return a file of this form at the image's own size, and the ending of its name.

        Raises:
            UserError: in words for visitors, for what is refused.
        """
        suffix = form_suffix(form, self.translator.model.target)
        return picture_bytes(FORMS[form](self._translation(image, snapshot))), suffix

    def fractions(self, image: ImageBytes, snapshot: str | None = None) -> dict[str, float]:
        """Translate an image; return the fraction of its pixels (0 to 1) that each class has.

        Raises:
            UserError: as `translate`.
        """
        return self._translation(image, snapshot).shares

    def view(self, image: ImageBytes, size: Size | None, snapshot: str | None = None) -> View:
        """Translate an image; return what is shown of it at a size, or at its own.

        Raises:
            UserError: as `translate`.
        """
        translation = self._translation(image, snapshot)
        own = Size(*translation.image.shape[:2])
        at = size or own
        if at.height > own.height or at.width > own.width:
            raise UserError(f"{image}: a view of {at} pixels is larger than the image, {own}")
        if translation.classes is None or translation.palette is None:
            picture = resize_picture(translation.image, at, values=translation.values)
            return View(png_bytes(for_display(picture, translation.values)), None)
        ids = resize_class_map(translation.classes, at).astype(np.uint8, copy=False)
        counts = np.bincount(ids.reshape(-1), minlength=len(translation.palette))
        return View(png_bytes(ids[:, :, None]), counts.tolist())

    def preview(self, image: ImageBytes) -> bytes:
        """Return an image that browsers cannot read as a PNG file.

        Raises:
            UserError: as `translate`.
        """
        source = self.translator.model.source
        return png_bytes(for_display(self._read(image), source.values))

    def _read(self, image: ImageBytes) -> Picture:
        source = self.translator.model.source
        check_upload(image, source, self.limits)
        return read_source(image, source)

    def _translation(self, image: ImageBytes, snapshot: str | None) -> Translation:
        if snapshot is not None and snapshot not in self.snapshots:
            raise UserError(f"there is no snapshot {snapshot!r}")
        translator = self.translator if snapshot is None else self._snapshot(snapshot)
        return translator(self._read(image))
