"""Items are read in order, a few ahead."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.data.prefetch import read_ahead


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 40), st.integers(1, 4))
def test_all_items_come_in_order(count: int, workers: int) -> None:
    assert list(read_ahead(lambda item: item * item, range(count), workers)) == [item * item for item in range(count)]


def test_no_more_are_read_than_are_wanted_soon() -> None:
    read, lock = [], threading.Lock()

    def note(item: int) -> int:
        with lock:
            read.append(item)
        return item

    results = read_ahead(note, range(1000), 2)
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]  # a generator
    assert len(read) <= 6


def test_what_a_reader_raises_comes_out() -> None:
    with pytest.raises(ZeroDivisionError):
        list(read_ahead(lambda item: 1 // item, [1, 0, 1]))
