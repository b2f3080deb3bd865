"""What is said to an image: the translation for programs, and the view of it for people."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jinja2 import Environment
from PIL import Image

from pairloom.config import Size
from pairloom.errors import UserError
from pairloom.images import (
    Picture,
    UInt8Array,
    Values,
    for_display,
    resize_class_map,
    resize_picture,
    write_picture,
)
from pairloom.inference.translation import Translation
from pairloom.inference.translator import Translator
from pairloom.report.page import template_environment
from pairloom.serving.middleware import FILE
from pairloom.serving.upload_store import SAFE_SECONDS, UploadStore
from pairloom.serving.uploads import Limits, check_upload, in_words

SHOWN_SIDE = 1600
"""Longest side in pixels of what the page shows of an image; what can be downloaded has its own size."""
COMPARED_SIDE = 640
"""The same, where several translations are compared."""
MOST_COMPARED = 6
"""So many snapshots are compared at a time."""
MOST_STEM = 100
"""Bytes of an upload's name that are kept in the names of what comes of it."""
GAP = 8
"""Pixels between the pictures of a comparison that is downloaded."""


class ClassInView(NamedTuple):
    """A class as the legend shows it."""

    id: int
    name: str
    colour: str
    share: float


class LastView(NamedTuple):
    """What was shown last."""

    path: str
    html: str
    made: float
    """Seconds, of a clock that is not set."""


class Handlers:
    """Answers to uploaded images, one at a time.

    Args:
        load: gives the translator of a model folder, or of an ONNX file, as the page is to use it.
        model: that folder, or file.
        snapshots: model folders of the run's snapshots, by what they are called.
        uploads: where the uploads lie, and what comes of them is put.
        limits: what is taken.
    """

    def __init__(
        self,
        load: Callable[[Path], Translator],
        model: Path,
        snapshots: Mapping[str, Path],
        uploads: UploadStore,
        limits: Limits,
    ) -> None:
        self.translator = load(model)
        self._load = load
        self.snapshots = snapshots
        self.uploads = uploads
        self.limits = limits
        self._one_at_a_time = threading.Lock()
        self._last = LastView("", "", 0.0)

    def translate(self, path: str) -> tuple[str, dict[str, float]]:
        """Translate an upload; return the file with the translation, and the share of the pixels that each class has.

        Raises:
            UserError: in words for visitors, for what is refused.
        """
        upload = self._checked(path)
        translation = self._translation(self.translator, upload)
        return str(self._written(upload, translation)), translation.shares

    def view(self, path: str) -> str:
        """Translate an upload; return the HTML that shows it.

        Raises:
            UserError: as `translate`.
        """
        last = self._last
        if last.path == path and time.monotonic() - last.made < SAFE_SECONDS:  # Gradio tells of an upload twice
            return last.html
        html = self._view(self._checked(path))
        self._last = LastView(path, html, time.monotonic())
        return html

    def comparison(self, path: str, names: Sequence[str]) -> str:
        """Translate an upload by several snapshots, one loaded at a time; return the HTML that shows them all.

        Raises:
            UserError: as `translate`, and for no snapshots, too many, or unknown ones.
        """
        chosen = [name for name in self.snapshots if name in names]  # in the order of training
        if not chosen or len(chosen) != len(set(names)) or len(chosen) > MOST_COMPARED:
            raise UserError(f"choose 1 to {MOST_COMPARED} snapshots of the list")
        upload = self._checked(path)
        first = self._translation(self.translator, upload)
        size = _fitting(Size(*first.source.shape[:2]), COMPARED_SIDE)
        pictures = [("photograph", _shown(first.source, first.source_values, size))]
        for name in chosen:
            pictures.append((name, _reduced(self._translation(self._load(self.snapshots[name]), upload), size)))
        whole = self.uploads.new(f"{_stem(upload)}-snapshots.png")
        write_picture(whole, _side_by_side([picture for _, picture in pictures]))
        return render(
            "comparison.html.jinja",
            figures=[(name, _address(self._picture(picture))) for name, picture in pictures],
            size=size,
            download=_address(whole),
        )

    def _view(self, upload: Path) -> str:
        translation = self._translation(self.translator, upload)
        height, width = translation.image.shape[:2]
        shown = _fitting(Size(height, width), SHOWN_SIDE)
        overlay = self.uploads.new(f"{_stem(upload)}-overlay.png")
        write_picture(overlay, translation.overlay())
        return render(
            "view.html.jinja",
            width=width,
            height=height,
            shown=shown,
            photograph=_address(self._picture(_shown(translation.source, translation.source_values, shown))),
            translation=_address(self._picture(_shown(translation.image, translation.values, shown))),
            ids="" if translation.classes is None else _address(self._ids(translation.classes, shown)),
            colours=json.dumps([] if translation.palette is None else translation.palette.table[:, :3].tolist()),
            found=[entry for entry in _legend(translation) if entry.share > 0],
            absent=[entry for entry in _legend(translation) if entry.share == 0],
            download=_address(self._written(upload, translation)),
            overlay=_address(overlay),
        )

    def _checked(self, path: str) -> Path:
        if not self.uploads.holds(path):
            raise UserError("the image was deleted; upload it again")
        upload = Path(path)
        check_upload(upload, self.translator.model.source, self.limits)
        return upload

    def _translation(self, translator: Translator, upload: Path) -> Translation:
        try:
            with self._one_at_a_time:
                return translator(upload)
        except UserError as error:
            raise UserError(in_words(error, upload)) from error

    def _written(self, upload: Path, translation: Translation) -> Path:
        path = self.uploads.new(f"{_stem(upload)}-translation{self.translator.model.target.suffix}")
        translation.save(path)
        return path

    def _picture(self, picture: UInt8Array) -> Path:
        path = self.uploads.new("picture.webp")
        Image.fromarray(picture).save(path, format="WEBP", quality=90)
        return path

    def _ids(self, classes: UInt8Array, size: Size) -> Path:
        path = self.uploads.new("classes.gz")
        path.write_bytes(gzip.compress(_class_map(classes, size).tobytes(), compresslevel=3, mtime=0))
        return path


def _legend(translation: Translation) -> list[ClassInView]:
    """Return the classes, the largest first."""
    if translation.palette is None:
        return []
    colours = ("#{:02x}{:02x}{:02x}".format(*colour) for colour in translation.palette.colours)
    entries = [
        ClassInView(number, name, colour, share)
        for number, ((name, share), colour) in enumerate(zip(translation.shares.items(), colours, strict=True))
    ]
    return sorted(entries, key=lambda entry: -entry.share)


def _reduced(translation: Translation, size: Size) -> UInt8Array:
    """Return a translation at a smaller size; classes are not mixed."""
    if translation.classes is None or translation.palette is None:
        return _shown(translation.image, translation.values, size)
    return translation.palette.to_colours(_class_map(translation.classes, size))


def _shown(picture: Picture, values: Values, size: Size) -> UInt8Array:
    return for_display(resize_picture(picture, size, values=values), values)


def _class_map(classes: UInt8Array, size: Size) -> UInt8Array:
    return resize_class_map(classes, size).astype(np.uint8, copy=False)


def _side_by_side(pictures: Sequence[UInt8Array]) -> UInt8Array:
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, dtype=np.uint8)
    parts = [part for picture in pictures for part in (gap, picture)]
    return np.concatenate(parts[1:], axis=1)


def _fitting(size: Size, side: int) -> Size:
    """Return a size reduced so that its longest side has so many pixels at most."""
    scale = min(1.0, side / max(size))
    return Size(*(max(1, round(length * scale)) for length in size))


def _stem(upload: Path) -> str:
    return upload.stem.encode(errors="replace")[:MOST_STEM].decode(errors="ignore")


def _address(path: Path) -> str:
    """Return where the page finds a file of the upload store, seen from the page's own address."""
    return f"{FILE.lstrip('/')}{path}"


def render(template: str, **values: object) -> str:
    """Fill in a template of this folder; text is escaped."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    return template_environment("pairloom.serving")
