"""Reads the annotation of an image as its class map."""

from pairloom.config import Background
from pairloom.data.annotations.formats import FORMATS
from pairloom.data.annotations.sets import AnnotationSet
from pairloom.data.annotations.shapes import BACKGROUND, ClassMap
from pairloom.data.annotations.values import AnnotationError
from pairloom.data.pairs import Part
from pairloom.errors import UserError
from pairloom.images import UInt8Array, inspect
from pairloom.palette import VOID, Colour, Palette
from pairloom.palette.classes import MOST_CLASSES
from pairloom.palette.distinct import colour_for_void, distinct_colours

_BLACK: Colour = (0, 0, 0)
_PIXEL_RULES = 1
"""To be raised when shapes are drawn otherwise: stored class maps are made anew then."""


class AnnotationReader:
    """Reads class maps out of annotation files."""

    def __init__(self, annotations: AnnotationSet, background: Background) -> None:
        """Prepare to read a set.

        Args:
            annotations: the set.
            background: what the pixels are that no shape covers: of the class `background`, or void.

        Raises:
            UserError: if the set cannot be read, or has more than 254 classes.
        """
        if annotations.refusal is not None:
            raise UserError(f"{annotations.path}: {annotations.refusal}")
        self._annotations = annotations
        self.palette = _palette(annotations, background)
        self._ids = {name: number for number, name in enumerate(self.palette.names)}
        self._outside = self._ids[BACKGROUND] if background == "class" else VOID
        self.key = f"annotations {_PIXEL_RULES} {background} {self.palette.to_record()}"

    def read(self, part: Part) -> UInt8Array:
        """Return the class ids, H×W, in the size of `part.image`.

        Raises:
            UserError: if the annotation is damaged, of a kind that is not read, or made for an image of another size.
        """
        if part.image is None:
            raise ValueError("the part names no image")
        info = inspect(part.image)
        canvas = ClassMap(info.height, info.width, self._ids, self._outside)
        try:
            FORMATS[self._annotations.format].draw(self._annotations, part.path, part.entry, canvas)
        except AnnotationError as error:
            raise UserError(f"{part.path}: {error}") from error
        except OSError as error:
            raise UserError(f"{part.path}: cannot be read ({error.strerror or error})") from error
        return canvas.to_ids()


def _palette(annotations: AnnotationSet, background: Background) -> Palette:
    """Return the classes, in the tool's colours where they differ."""
    first = (BACKGROUND,) if background == "class" or annotations.has_background else ()
    names = first + annotations.names
    given = annotations.colours or ()
    if len(names) > MOST_CLASSES:
        raise UserError(f"{annotations.path}: has {len(names)} classes; at most {MOST_CLASSES} are possible")
    taken: list[Colour] = [_BLACK] * len(first)
    if len({*taken, *given}) < len(names):
        given = distinct_colours(len(annotations.names), taken or [_BLACK])  # type: ignore[assignment]
    colours = (*taken, *given)
    return Palette(annotations.format, names, colours, void_colour=colour_for_void(colours))
