"""Run lengths as COCO's files write them: as a list, or as a text."""

import numpy as np
from numpy.typing import NDArray

from pairloom.data.annotations.values import AnnotationError, as_numbers

MOST_RUNS = 2**22


def uncompressed_counts(given: object) -> NDArray[np.int64]:
    """Return run lengths that are written as a list of integers."""
    numbers = as_numbers(given, "counts", MOST_RUNS)
    if numbers.ndim != 1 or (numbers != np.trunc(numbers)).any() or np.abs(numbers).max(initial=0) > 2**40:
        raise AnnotationError("counts must be integers")
    return numbers.astype(np.int64)


def decode_counts(text: str) -> NDArray[np.int64]:
    """Return run lengths out of COCO's text: five bits a character, the least first.

    From the fourth on, each number is written as its difference to the one two places before.
    """
    try:
        codes = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        raise AnnotationError("counts hold characters that COCO's run lengths do not have") from None
    if codes.size and (codes.min() < 0 or codes.max() > 63):
        raise AnnotationError("counts hold characters that COCO's run lengths do not have")
    last = (codes & 32) == 0
    if codes.size and not last[-1]:
        raise AnnotationError("counts end within a number")
    ends = np.flatnonzero(last)
    begins = np.concatenate([[0], ends[:-1] + 1]) if ends.size else ends
    places = np.arange(codes.size) - np.repeat(begins, ends - begins + 1)
    if codes.size and places.max() > 8:
        raise AnnotationError("counts hold a number of more than 45 bits")
    numbers = np.add.reduceat((codes & 31) << (5 * places), begins) if ends.size else codes
    negative = (codes[ends] & 16) != 0
    numbers = numbers - np.where(negative, np.int64(1) << (5 * (ends - begins + 1)), 0)
    counts = numbers.copy()
    counts[1::2] = np.cumsum(numbers[1::2])
    counts[2::2] = np.cumsum(numbers[2::2])
    return counts
