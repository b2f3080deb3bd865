"""Threads work ahead of the caller: in order, bounded, and with their errors."""

import threading
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.data.prefetch import BoundedPool, read_ahead


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 40), st.integers(1, 4), st.none() | st.integers(1, 9))
def test_all_items_come_in_order(count: int, workers: int, pending: int | None) -> None:
    squares = list(read_ahead(lambda item: item * item, range(count), workers, pending))
    assert squares == [item * item for item in range(count)]


@pytest.mark.parametrize(("pending", "most"), [(None, 6), (8, 10)])
def test_no_more_are_read_than_are_wanted_soon(pending: int | None, most: int) -> None:
    read, lock = [], threading.Lock()

    def note(item: int) -> int:
        with lock:
            read.append(item)
        return item

    results = read_ahead(note, range(1000), 2, pending)
    assert next(results) == 0
    results.close()
    assert len(read) <= most


def test_what_a_reader_raises_comes_out_after_what_was_read_before() -> None:
    results = read_ahead(lambda item: 1 // item, [1, 1, 0, 1])
    assert (next(results), next(results)) == (1, 1)
    with pytest.raises(ZeroDivisionError):
        next(results)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12), max_size=20), st.integers(1, 3), st.integers(0, 4), st.integers(0, 20))
def test_a_pool_holds_no_more_than_it_may(sizes: list[int], workers: int, pending: int, most_bytes: int) -> None:
    done: list[int] = []
    with BoundedPool[int](workers, pending, most_bytes) as pool:
        for number, size in enumerate(sizes):
            done += pool.submit(partial(int, number), size)
            held = sizes[len(done) : number + 1]
            assert len(held) <= pending
            assert sum(held) <= most_bytes
        done += pool.results()
    assert done == list(range(len(sizes)))


def test_the_end_of_a_pool_waits_for_all_jobs_and_raises_their_errors() -> None:
    done: list[str] = []

    def divide() -> None:
        done.append(f"{1 // 0}")

    def submit_two() -> None:
        with BoundedPool[None](1, 8) as pool:
            pool.submit(partial(done.append, "first"))
            pool.submit(divide)

    with pytest.raises(ZeroDivisionError):
        submit_two()
    assert done == ["first"]


def test_an_error_in_the_block_cancels_what_has_not_started() -> None:
    started, release = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        started.set()
        assert release.wait(10)
        done.append("started")

    def interrupt() -> None:
        with BoundedPool[None](1, 8) as pool:
            pool.submit(work)
            for _ in range(5):
                pool.submit(partial(done.append, "waiting"))
            assert started.wait(10)
            threading.Timer(0.1, release.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert done == ["started"]
