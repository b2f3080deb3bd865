"""Targets that are several binary masks per image, read as one class map."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pairloom.config import Background
from pairloom.data.annotations.shapes import BACKGROUND, is_background
from pairloom.data.pairs import Part
from pairloom.errors import UserError
from pairloom.images import UInt8Array, for_display, read_picture
from pairloom.palette import VOID, Palette
from pairloom.palette.distinct import distinct_colours


@dataclass(frozen=True)
class MaskFiles:
    """Targets that are several binary masks per image: one per object, or one per class.

    Attributes:
        names: of the classes; empty where each file is an object of the one class.
        classes: the class number of each file's path, by its path.
    """

    names: tuple[str, ...] = ()
    classes: Mapping[Path, int] = field(default_factory=dict)


class MaskFilesReader:
    """Reads several binary masks as one class map.

    Args:
        palette: the classes of the masks, in their order; with the background before them where no mask is that.
        masks: which file is which class.

    Raises:
        UserError: if the palette has another number of classes.
    """

    def __init__(self, palette: Palette, masks: MaskFiles) -> None:
        names = _names(masks)
        self._first = len(palette) - len(names)
        if self._first not in (0, 1):
            raise UserError(
                f"the palette {palette.name!r} has {len(palette)} classes, and the masks have {len(names)}, with or "
                "without a background; choose another --data.palette, or none"
            )
        own = next((index for index, name in enumerate(names) if is_background(name)), VOID)
        self._outside = 0 if self._first else own
        self._masks = masks
        self.key = f"masks {palette.to_record()}"

    def read(self, part: Part) -> UInt8Array:
        """Return the class ids, H×W; of masks that overlap the smallest lies on top.

        Raises:
            UserError: if the masks differ in size.
        """
        ids: UInt8Array | None = None
        areas = [(path, _bright(for_display(read_picture(path)).max(axis=2))) for path in part.files]
        for path, area in sorted(areas, key=lambda item: -int(item[1].sum())):
            if ids is None:
                ids = np.full(area.shape, self._outside, np.uint8)
            if area.shape != ids.shape:
                raise UserError(f"{path}: has another size than the other masks of its image; export all at one size")
            ids[area] = self._first + self._masks.classes.get(path, 0)
        if ids is None:
            raise UserError(f"{part.path}: its mask is missing; add it")
        return ids


def mask_files_palette(masks: MaskFiles, parts: Sequence[Part], background: Background) -> Palette:
    """Return the classes of targets in several files.

    The background comes first where masks of a sample leave pixels uncovered, none of them is the background's, and
    these pixels are not to be void.

    Args:
        masks: which file is which class.
        parts: the targets of a sample, which are read.
        background: what uncovered pixels are to be.
    """
    names = _names(masks)
    alone = _palette(names)
    if background == "void" or any(map(is_background, names)):
        return alone
    reader = MaskFilesReader(alone, masks)
    if masks.names and parts and not any(_leaves_uncovered(reader, part) for part in parts):
        return alone
    return _palette((BACKGROUND, *names))


def _palette(names: tuple[str, ...]) -> Palette:
    """Return a palette in which the background, where there is one, is black, and else void."""
    black = (0, 0, 0)
    colours = distinct_colours(len(names), [black])
    first = next((index for index, name in enumerate(names) if is_background(name)), None)
    if first is None:
        return Palette("masks", names, tuple(colours), (), black)
    *colours, void = colours
    colours.insert(first, black)
    return Palette("masks", names, tuple(colours), (), void)


def _leaves_uncovered(reader: MaskFilesReader, part: Part) -> bool:
    try:
        return bool((reader.read(part) == VOID).any())
    except UserError:  # which is named when its turn comes
        return True


def _names(masks: MaskFiles) -> tuple[str, ...]:
    return masks.names or ("object",)


def _bright(mask: UInt8Array) -> NDArray[np.bool_]:
    """Return where a binary mask (H×W) is above half of its highest level, be that 255 or 1; nowhere where all is 0."""
    bright: NDArray[np.bool_] = mask > mask.max(initial=0) / 2
    return bright
