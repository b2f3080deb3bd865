"""Finds out from a sample of files which range of their numbers pictures use, and which number is no reading.

A depth map in millimetres uses a tenth of what 16 bits hold: scaled by all of it, it would be nearly black to a network
and to people, and every score nearly perfect.
"""

import dataclasses
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pairloom.config import DataConfig, NoReading, ValueRange
from pairloom.cpu import cpu_count
from pairloom.data.encodings import half
from pairloom.data.pairs import Part
from pairloom.data.sampling import evenly_spaced
from pairloom.errors import UserError
from pairloom.images import WHOLE, Range, Values, inspect, limits, no_data, read_picture

SAMPLE = 64
"""Pictures that are looked at."""
SAMPLE_PIXELS = 32768
"""Pixels that are taken of each, on a grid, at the most."""
MOST_USED = 0.6
"""Share of a dtype's range from which pictures are taken to use all of it."""
TAIL = 0.001
"""Share of the numbers, at each end, that may be outliers; and that a number for no reading has at least."""
OUTLYING = 0.5
"""How far, in widths of the range without its tails, numbers may lie beyond it without being outliers."""
BACKGROUND = 0.1
"""Share of the pixels from which a number is a background, which says nothing of how the others are spread."""
STEPS = 20
"""The ends are rounded outward to this part of a power of ten: 312 to 4870 becomes 300 to 4900."""
FEWEST_READINGS = 100
"""Different readings below which no number is taken for no reading: levels of a mask lie apart from each other."""
GAP, GAP_STEPS = 0.02, 20
"""How far a number for no reading lies from all readings at least: this part of their range, and so many of the
distances between one reading and the next."""

USUAL = frozenset(
    # -2000 and -3024 is what scanners write around a slice.
    [0.0, -1.0, -999.0, -9999.0, -99999.0, 9999.0, 99999.0, -2000.0, -3024.0, -32767.0]
    + [
        float(end)
        for kind in ("int16", "uint16", "int32", "uint32")
        for end in (np.iinfo(kind).min, np.iinfo(kind).max)
    ]
    + [float(np.finfo(np.float32).min), float(np.finfo(np.float32).max)]
)
"""Numbers that programs write for no reading."""


class _Sample(NamedTuple):
    """Some pixels of one picture."""

    dtype: str
    numbers: NDArray[Any]
    """N×C."""
    no_data: float | None
    """What the file says stands for no data."""


class _Counted(NamedTuple):
    """Different numbers, in their order, and how often each occurs."""

    numbers: NDArray[np.float64]
    counts: NDArray[np.int64]

    def without(self, number: float) -> "_Counted":
        kept = self.numbers != number
        return _Counted(self.numbers[kept], self.counts[kept])

    def tails(self) -> Range:
        """Return the range without the outermost numbers; numbers that fill areas by themselves are no tails."""
        total = self.counts.sum()
        rest = self.counts < BACKGROUND * total
        if not rest.any():
            return float(self.numbers[0]), float(self.numbers[-1])
        places = self.counts[rest].cumsum() / self.counts[rest].sum()
        low, high = self.numbers[rest][np.searchsorted(places, [TAIL, 1 - TAIL])]
        ends = [low, high, *self.numbers[~rest]]
        return float(min(ends)), float(max(ends))


def with_values(
    config: DataConfig, sources: Sequence[Part] | None, targets: Sequence[Part] | None
) -> tuple[DataConfig, Values, Values]:
    """Return the settings with ranges and numbers for no reading filled in, and these of sources and of targets.

    Args:
        config: the settings of the data.
        sources, targets: the training pictures of each side; None for class maps, which have classes in their place.

    Raises:
        UserError: where files state different numbers for no data, and for settings of pictures that are class maps.
    """
    source = _of_side(sources, config.source_range, config.source_no_reading, side="sources")
    target = _of_side(targets, config.range, config.no_reading, side="targets")
    return with_known_values(config, source, target), source, target


def with_known_values(config: DataConfig, source: Values, target: Values) -> DataConfig:
    """Return the settings with what the numbers of each side mean."""
    return dataclasses.replace(
        config,
        range=target.range or "whole",
        no_reading="none" if target.no_reading is None else target.no_reading,
        source_range=source.range or "whole",
        source_no_reading="none" if source.no_reading is None else source.no_reading,
    )


def _of_side(parts: Sequence[Part] | None, range_: ValueRange, no_reading: NoReading, *, side: str) -> Values:
    if parts is not None:
        return find_values(parts, range_, no_reading, side=side)
    for name, value in (("range", range_), ("no_reading", no_reading)):
        if not isinstance(value, str):
            setting, other = ("source_", "") if side == "sources" else ("", ", or say --data.target images")
            raise UserError(f"data.{setting}{name} is for pictures, but the {side} are class maps; leave it out{other}")
    return WHOLE


def find_values(parts: Sequence[Part], range_: ValueRange, no_reading: NoReading, *, side: str) -> Values:
    """Tell what the numbers of the pictures of one side mean.

    Args:
        parts: the training pictures of the side, of which a sample spread over all is read. Files that cannot be read
            are passed over here, and named when their turn comes.
        range_: the range, if it is known, as `data.range` has it.
        no_reading: the number that stands for no reading, if it is known, as `data.no_reading` has it.
        side: `targets` or `sources`, for messages.

    Raises:
        UserError: where target files state different numbers for no data.
    """
    known = Values(
        None if isinstance(range_, str) else range_, None if isinstance(no_reading, str) else float(no_reading)
    )
    if range_ != "auto" and no_reading != "auto":
        return known
    with ThreadPoolExecutor(cpu_count()) as pool:
        samples = [sample for sample in pool.map(_sample, evenly_spaced(parts, SAMPLE)) if sample is not None]
    if all(sample.dtype == "uint8" for sample in samples):
        return known
    if no_reading == "auto":
        known = known._replace(no_reading=_stated(samples, side))
    counted, holes = _count(samples, known.no_reading)
    if not counted.numbers.size:
        return known
    whole = limits("float32" if any(sample.dtype == "float32" for sample in samples) else "uint16")
    fits = whole[0] <= counted.numbers[0] and counted.numbers[-1] <= whole[1]
    grey = all(sample.numbers.shape[1] == 1 for sample in samples)
    if no_reading == "auto" and known.no_reading is None and grey and not (fits and whole == (0, 1)):
        apart, rest = _set_apart(counted)
        # Pictures that use most of what 16 bits hold are taken as they always were.
        if apart is not None and not (fits and _is_most(_used(rest), whole)):
            known, counted = known._replace(no_reading=apart), rest
    if range_ != "auto":
        return known
    if fits and any(sample.dtype == "uint8" for sample in samples):
        return known  # each file by its own kind of number
    used = _used(counted)
    if fits:
        # Fractions have few outliers: what reaches from 0 to 1 anywhere is meant so.
        reach = (float(counted.numbers[0]), float(counted.numbers[-1])) if whole == (0, 1) else used
        if known.no_reading is None and not holes and (_is_most(reach, whole) or used[0] == used[1]):
            return known
    return known._replace(range=_rounded(used, whole if fits else (-math.inf, math.inf), known.no_reading))


def _sample(part: Part) -> _Sample | None:
    """Read some pixels of a picture; of 8 bits none, whose numbers are taken as they are."""
    try:
        if inspect(part.path).dtype == "uint8":
            return _Sample("uint8", np.empty((0, 1), dtype=np.uint8), None)
        picture = half(read_picture(part.path, any_number=True), part)
        stated = no_data(part.path)
    except UserError:
        return None
    height, width, channels = picture.shape
    step = math.ceil(math.sqrt(max(1, height * width / SAMPLE_PIXELS)))
    numbers = picture[::step, ::step].reshape(-1, channels)
    return _Sample(picture.dtype.name, numbers, stated)


def _stated(samples: Sequence[_Sample], side: str) -> float | None:
    """Return the number that files say stands for no data; None where none does."""
    numbers = sorted({sample.no_data for sample in samples if sample.no_data is not None})
    if len(numbers) > 1 and side == "targets":
        words = " and ".join(f"{number:g}" for number in numbers[:3])
        raise UserError(f"the {side} state different numbers for no data ({words}); use one, or set --data.no_reading")
    return numbers[0] if len(numbers) == 1 else None


def _count(samples: Sequence[_Sample], no_reading: float | None) -> tuple[_Counted, bool]:
    """Count the readings, and tell whether there are pixels without one."""
    readings, holes = [], False
    for sample in samples:
        numbers = sample.numbers
        kept = np.isfinite(numbers).all(axis=1)
        if no_reading is not None:
            kept &= (numbers != np.float32(no_reading)).any(axis=1)
        holes = holes or not kept.all()
        readings.append(numbers[kept].astype(np.float64).ravel())
    numbers, counts = np.unique(np.concatenate(readings), return_counts=True)
    return _Counted(numbers, counts), holes


def _set_apart(counted: _Counted) -> tuple[float | None, _Counted]:
    """Return a usual number for no reading that lies apart from all others, and the others.

    Where there is one at each end, as for "too near" and "too far", the more frequent one is no reading; the other is
    a reading, but does not widen the range.
    """
    found: list[tuple[int, float]] = []
    rest = counted
    while len(found) < 2 and (one := _at_an_end(rest)) is not None:
        found.append(one)
        rest = rest.without(one[1])
    return (max(found)[1] if found else None), rest


def _at_an_end(counted: _Counted) -> tuple[int, float] | None:
    """Return how often a usual number for no reading occurs, and the number: the lowest of all, or the highest."""
    for place, neighbour in ((0, 1), (-1, -2)):
        if len(counted.numbers) <= FEWEST_READINGS:
            break
        number, count = float(counted.numbers[place]), int(counted.counts[place])
        rest = counted.without(number)
        low, high = rest.tails()
        gap = abs(float(counted.numbers[neighbour]) - number)
        least = max(GAP * (high - low), GAP_STEPS * (high - low) / len(rest.numbers))
        only_negative = number < 0 <= rest.numbers[0]
        if number in USUAL and count >= TAIL * counted.counts.sum() and (gap >= least or only_negative):
            return count, number
    return None


def _used(counted: _Counted) -> Range:
    """Return the range of the numbers without outliers: those that lie far beyond all but a thousandth of them."""
    low, high = counted.tails()
    reach = OUTLYING * (high - low)
    first, last = float(counted.numbers[0]), float(counted.numbers[-1])
    return first if first >= low - reach else low, last if last <= high + reach else high


def _is_most(used: Range, whole: Range) -> bool:
    """Tell whether a range lies within a dtype's, and takes most of it."""
    return whole[0] <= used[0] and used[1] <= whole[1] and used[1] - used[0] > MOST_USED * (whole[1] - whole[0])


def _rounded(used: Range, bounds: Range, no_reading: float | None) -> Range:
    """Round a range outward, within bounds, and never as far as the number for no reading."""
    low, high = used
    if low == high:
        return low, low + 1
    step = 10.0 ** math.floor(math.log10(high - low)) / STEPS
    lower, upper = max(bounds[0], math.floor(low / step) * step), min(bounds[1], math.ceil(high / step) * step)
    # Of the product of such a step only so many digits are meant.
    lower, upper = (float(f"{end:.12g}") for end in (lower, upper))
    if no_reading is not None:
        lower = low if lower <= no_reading < low else lower
        upper = high if high < no_reading <= upper else upper
    return lower, upper
