"""The classes of a data set: their names, their colours in pictures, and their values in index files.

A palette's classes are numbered from 0; `VOID` (255) marks pixels that belong to none. Void is never scored and never
predicted.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pairloom.errors import UserError
from pairloom.palette import fields
from pairloom.palette.areas import neighbourhood
from pairloom.palette.colour_reading import as_tuples, nearest_colours, pack, read_colours, unpack

VOID = 255
"""The class id of pixels without a class."""

MOST_CLASSES = VOID - 1

Colour = tuple[int, int, int]
UInt8Array = NDArray[np.uint8]
_T = TypeVar("_T")

_FAR = 40
"""Levels (Euclidean distance in RGB) beyond which a colour is not a known one, roughly coded."""
_RANGES_SHOWN = 8
_MOST_STRAYS = 8
_FLAT, _STRAY_PIXELS = 3, 16
"""Levels by which the surroundings of pixels inside areas differ at the most, and how many such pixels make an area."""
_UNKNOWN = -1
_UNKNOWN_BYTE = VOID - 1
"""Stands for unknown values where ids have a byte: palettes have 254 classes at the most, so none has this id."""


class UnknownValueError(UserError):
    """An index map holds a value that its palette does not know."""


@dataclass(frozen=True)
class Palette:
    """The classes of a data set, each with a name, a colour and a value.

    Attributes:
        name: what the palette is called in configs and messages.
        names: class names, all different; the position is the class id.
        colours: one RGB colour (0 to 255) a class, all different.
        void_colours: further colours that read as void: those of labels that exist in pictures of this kind but are
            not scored.
        void_colour: what void is drawn in, and what reads as void too.
        values: the pixel value (0 to 65535) of each class in index files (label maps), all different; where none are
            given, 0 to K-1 are filled in.
        void_values: further pixel values (0 to 65535) that mean void in index files. 255 means void too, unless it is a
            class's.

    Raises:
        UserError: where a name, a colour or a value would not tell the class, and for fewer than 1 class or more than
            254.
    """

    name: str
    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    void_colours: tuple[Colour, ...] = ()
    void_colour: Colour = (0, 0, 0)
    values: tuple[int, ...] = ()
    void_values: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Fill in the values, and refuse what would not tell the class."""
        if not self.values:
            object.__setattr__(self, "values", tuple(range(len(self.names))))
        for what, number in (("colours", len(self.colours)), ("values", len(self.values))):
            if len(self.names) != number:
                raise self._error(f"has {len(self.names)} names but {number} {what}")
        if not 1 <= len(self.names) <= MOST_CLASSES:
            raise self._error(f"has {len(self.names)} classes; 1 to {MOST_CLASSES} are possible")
        if not all(name.strip() for name in (self.name, *self.names)):
            raise self._error("has an empty name")
        if repeated := _repeated(self.names):
            raise self._error(f"has two classes named {repeated[0]!r}")
        self._check_colours()
        self._check_values()

    def _check_colours(self) -> None:
        known = (*self.colours, self.void_colour, *self.void_colours)
        for colour in known:
            if len(colour) != 3 or not all(0 <= channel <= 255 for channel in colour):
                raise self._error(f"has the colour {colour}; red, green and blue from 0 to 255 make a colour")
        if repeated := _repeated(known):
            void = " (void is drawn in it)" if repeated[0] == self.void_colour else ""
            raise self._error(f"uses a colour twice: {repeated[0]}{void}")

    def _check_values(self) -> None:
        for value in (*self.values, *self.void_values):
            if not 0 <= value <= fields.LARGEST_VALUE:
                raise self._error(f"has the value {value}; 0 to {fields.LARGEST_VALUE} are possible")
        if both := set(self.values) & set(self.void_values):
            raise self._error(f"has the value {min(both)} for a class and for void")
        if repeated := _repeated(self.values) or _repeated(self.void_values):
            raise self._error(f"uses a value twice: {repeated[0]}")

    def _error(self, complaint: str) -> UserError:
        return UserError(f"palette {self.name!r} {complaint}")

    def __len__(self) -> int:
        return len(self.names)

    @property
    def counted(self) -> str:
        """How many classes there are, in words for people: `19 classes`."""
        return "1 class" if len(self) == 1 else f"{len(self)} classes"

    def index(self, name: str) -> int:
        """Return the class id of a class name.

        Raises:
            ValueError: if there is no such class.
        """
        return self.names.index(name)

    @cached_property
    def _known(self) -> tuple[NDArray[np.int32], UInt8Array]:
        """Every colour that is understood (K×3), and the class id that each one means (K)."""
        void = (self.void_colour, *self.void_colours)
        colours = np.array([*self.colours, *void], dtype=np.int32)
        ids = np.array([*range(len(self)), *[VOID] * len(void)], dtype=np.uint8)
        return colours, ids

    def to_ids(self, picture: UInt8Array) -> UInt8Array:
        """Read the classes (H×W, `VOID` where there is none) of a colour-coded picture (H×W×3).

        Exact colours give exactly their class; colours that compression has changed are read by their surroundings.
        """
        return self.read_closely(picture)[0]

    def read_closely(
        self, picture: UInt8Array, *, blends: bool = False
    ) -> tuple[UInt8Array, float, tuple[Colour, ...]]:
        """Read the classes of a colour-coded picture (H×W×3), and tell how well the palette fits.

        Args:
            picture: RGB, 0 to 255.
            blends: whether colours are known to be blended at borders, so that only areas can stray.

        Returns:
            The class ids (H×W, `VOID` where there is none), the share of the pixels that are far from every colour,
            and some colours that the picture holds and the palette does not know.
        """
        exact = self._exact_ids(picture)
        if exact is not None:
            return exact, 0.0, ()
        known, ids = self._known
        rows, distances = read_colours(picture, known, len(self))
        if not distances.any():
            return ids[rows], 0.0, ()
        far = distances > _FAR**2
        strays = _stray_areas(picture, far) if blends else self._stray_colours(picture, distances)
        return ids[rows], float(far.mean()), strays

    def _exact_ids(self, picture: UInt8Array) -> UInt8Array | None:
        """Read a picture (H×W×3) all of whose colours are exactly the palette's; None for others."""
        marks = _marks(self.colours, (self.void_colour, *self.void_colours))[pack(picture)]
        if not marks.all():
            return None
        # Void has the mark 255 already, classes have one more than their id.
        ids = np.frombuffer(bytearray(marks.tobytes()).translate(bytes([0, *range(VOID - 1), VOID])), dtype=np.uint8)
        return ids.reshape(marks.shape)

    def far_share(self, picture: UInt8Array) -> float:
        """Return the share (0 to 1) of a picture's pixels whose colour is not nearly one of the palette's.

        That is more than 40 levels (Euclidean distance in RGB) from every colour that is understood, void's included.
        """
        _, distances = nearest_colours(picture, self._known[0])
        return float((distances > _FAR**2).mean()) if distances.size else 0.0

    def exact_share(self, picture: UInt8Array) -> float:
        """Return the share (0 to 1) of a picture's pixels whose colour is exactly one of the palette's."""
        _, distances = nearest_colours(picture, self._known[0])
        return float((distances == 0).mean()) if distances.size else 1.0

    @staticmethod
    def _stray_colours(picture: UInt8Array, distances: NDArray[np.int32]) -> tuple[Colour, ...]:
        """Return colours in a picture that are none of the palette's, though all but a few of its colours are.

        A picture with many others is compressed or smoothed, and its colours are blends; it has none that stray.
        """
        unknown = unpack(np.unique(pack(picture[distances > 0])))
        if len(unknown) > _MOST_STRAYS or distances.all():
            return ()
        return tuple(as_tuples(unknown))

    @cached_property
    def table(self) -> UInt8Array:
        """The colour of every possible class id, 256×3; ids outside the palette have void's colour."""
        table = np.full((256, 3), self.void_colour, dtype=np.uint8)
        table[: len(self)] = self.colours
        return table

    def to_colours(self, ids: UInt8Array) -> UInt8Array:
        """Draw class ids (any shape, H×W say) as colours (that shape × 3)."""
        return self.table[ids]

    @cached_property
    def _meanings(self) -> NDArray[np.int16]:
        """The class id, or `VOID`, of each of the 65536 possible values; -1 where the palette knows none."""
        meanings = np.full(fields.LARGEST_VALUE + 1, _UNKNOWN, dtype=np.int16)
        meanings[[VOID, *self.void_values]] = VOID
        meanings[list(self.values)] = np.arange(len(self))
        return meanings

    @cached_property
    def _byte_meanings(self) -> bytes:
        """The meanings of the values 0 to 255, a byte each; `_UNKNOWN_BYTE` where the palette knows none."""
        meanings = self._meanings[:256]
        return np.where(meanings == _UNKNOWN, _UNKNOWN_BYTE, meanings).astype(np.uint8).tobytes()

    def _read(self, indices: NDArray[np.integer]) -> NDArray[np.int16]:
        if indices.dtype in (np.uint8, np.uint16):
            return self._meanings.take(indices)
        possible = (indices >= 0) & (indices <= fields.LARGEST_VALUE)
        return np.where(possible, self._meanings.take(np.where(possible, indices, 0).astype(np.intp)), _UNKNOWN)

    def from_values(self, indices: NDArray[np.integer], where: str | Path) -> UInt8Array:
        """Read the class ids (H×W, `VOID` where there is no class) of an index map (H×W, integers).

        Raises:
            UnknownValueError: naming `where`, if a value means neither a class nor void.
        """
        if indices.dtype == np.uint8:
            # Bytes are translated four times faster than an array is indexed.
            read = np.frombuffer(bytearray(indices.tobytes()).translate(self._byte_meanings), dtype=np.uint8)
            if not (read == _UNKNOWN_BYTE).any():
                return read.reshape(indices.shape)
        ids = self._read(indices)
        if (ids == _UNKNOWN).any():
            outside = self.outside(indices)
            more = f" and {len(outside) - 1} more such values" if len(outside) > 1 else ""
            raise UnknownValueError(
                f"{where}: the value {outside[0]}{more} is not in palette {self.name!r}, which has "
                f"{_ranges(np.flatnonzero(self._meanings != _UNKNOWN))}; choose or write the palette that fits"
            )
        return ids.astype(np.uint8)

    def outside(self, indices: NDArray[np.integer]) -> tuple[int, ...]:
        """Return the values of an index map (any shape) that the palette does not know, ascending."""
        return tuple(np.unique(indices[self._read(indices) == _UNKNOWN]).tolist())

    def to_record(self) -> dict[str, object]:
        """Return everything about the palette as plain lists, texts and numbers, for JSON or YAML."""
        return {
            "name": self.name,
            "names": list(self.names),
            "colours": [list(colour) for colour in self.colours],
            "void_colours": [list(colour) for colour in self.void_colours],
            "void_colour": list(self.void_colour),
            "values": list(self.values),
            "void_values": list(self.void_values),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, object], where: str) -> "Palette":
        """Read what `to_record` wrote; of the fields, only name, names and colours must be there.

        Raises:
            UserError: naming `where`, for anything malformed.
        """
        given = fields.as_mapping(record, where)
        fields.check_keys(given, tuple(cls.__dataclass_fields__), where)
        for key in ("name", "names", "colours"):
            if key not in given:
                raise UserError(f"{where}: the palette has no {key!r}")

        def items(key: str) -> list[object]:
            return fields.as_list(given.get(key, []), f"{where}: {key}")

        name = fields.as_text(given["name"], f"{where}: name")
        names = tuple(fields.as_text(item, f"{where}: names") for item in items("names"))
        colours = tuple(fields.as_colour(item, f"{where}: colours") for item in items("colours"))
        void_colours = tuple(fields.as_colour(item, f"{where}: void_colours") for item in items("void_colours"))
        void_colour = fields.as_colour(given.get("void_colour", [0, 0, 0]), f"{where}: void_colour")
        values = tuple(fields.as_value(item, f"{where}: values") for item in items("values"))
        void_values = tuple(fields.as_value(item, f"{where}: void_values") for item in items("void_values"))
        try:
            return cls(name, names, colours, void_colours, void_colour, values, void_values)
        except UserError as error:
            raise UserError(f"{where}: {error}") from None


def _stray_areas(picture: UInt8Array, far: NDArray[np.bool_]) -> tuple[Colour, ...]:
    """Return the colour of the areas that are far from every known colour: blends at borders fill none."""
    inner = far[1:-1].copy()
    for rows in (far[:-2], far[2:]):
        inner &= rows
    if (inner[:, 1:-1] & inner[:, :-2] & inner[:, 2:]).sum() < _STRAY_PIXELS:
        return ()
    low, high = neighbourhood(picture)
    flat = far & ((high - low).max(axis=2) <= _FLAT)
    if flat.sum() < _STRAY_PIXELS:
        return ()
    return tuple(as_tuples(np.median(picture[flat], axis=0)[None]))


@lru_cache(maxsize=8)
def _marks(colours: tuple[Colour, ...], void: tuple[Colour, ...]) -> UInt8Array:
    """Return the class id, plus 1, of every packed colour (2²⁴); 255 for void, 0 for unknown colours.

    The system gives room to the parts alone that are written to.
    """
    marks = np.zeros(1 << 24, dtype=np.uint8)
    marks[pack(np.array(void, dtype=np.uint8))] = VOID
    marks[pack(np.array(colours, dtype=np.uint8))] = np.arange(1, len(colours) + 1)
    return marks


def _repeated(items: tuple[_T, ...]) -> list[_T]:
    """Return the items that occur more than once."""
    return [item for item, times in Counter(items).items() if times > 1]


def _ranges(values: NDArray[np.intp]) -> str:
    """Write ascending values shortly: '0 to 10, 255'."""
    runs = np.split(values, np.flatnonzero(np.diff(values) != 1) + 1)
    texts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join([*texts[:_RANGES_SHOWN], *(["…"] if len(texts) > _RANGES_SHOWN else [])])
