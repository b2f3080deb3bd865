"""Work that threads do beside the caller: bounded in memory, in order, and with its errors."""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Generic, TypeVar

from pairloom.cpu import cpu_count

Item = TypeVar("Item")  # Python 3.11 has no syntax for it
Result = TypeVar("Result")


class BoundedPool(Generic[Result]):
    """A pool of threads that runs a few jobs ahead of the caller, and gives their results in the order of the jobs.

    The end of a `with` block waits for all jobs and raises the first error of one. Where the block itself fails, jobs
    that have not started are cancelled.

    Args:
        workers: number of threads, 1 or more.
        pending: number of jobs that may be held, results included; beyond it `submit` waits for the oldest.
        pending_bytes: likewise, of the sum of their sizes.
    """

    def __init__(self, workers: int, pending: int, pending_bytes: float = math.inf) -> None:
        self._pool = ThreadPoolExecutor(workers)
        self._jobs: deque[tuple[Future[Result], int]] = deque()
        self._pending, self._pending_bytes = pending, pending_bytes

    def __enter__(self) -> "BoundedPool[Result]":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                deque(self.results(), maxlen=0)
        finally:
            self._pool.shutdown(cancel_futures=True)

    def submit(self, job: Callable[[], Result], size: int = 0) -> list[Result]:
        """Start a job that holds `size` bytes; return the results of those that were waited for, usually one or none.

        Raises:
            Exception: what one of them has raised.
        """
        self._jobs.append((self._pool.submit(job), size))
        waited = []
        while len(self._jobs) > self._pending or sum(size for _, size in self._jobs) > self._pending_bytes:
            waited.append(self._jobs.popleft()[0].result())
        return waited

    def results(self) -> Iterator[Result]:
        """Yield the results of the jobs that are left."""
        while self._jobs:
            yield self._jobs.popleft()[0].result()


def read_ahead(
    read: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None, pending: int | None = None
) -> Generator[Result, None, None]:
    """Yield `read(item)` of each item in order, while threads read the next ones.

    Args:
        read: what the threads do.
        items: what they do it to.
        workers: number of threads, 1 or more; None takes one per core.
        pending: number of results that may wait; None takes two per thread.
    """
    count = workers or cpu_count()
    with BoundedPool[Result](count, pending or 2 * count) as pool:
        for item in items:
            yield from pool.submit(partial(read, item))
        yield from pool.results()
