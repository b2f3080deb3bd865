"""Pairs decoded one after the other, a few ahead, for what looks at each once."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from pairloom.cpu import cpu_count

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(read: Callable[[Item], Result], items: Sequence[Item], workers: int | None = None) -> Iterator[Result]:
    """Yield `read(item)` of each item in order, by so many threads, never many more than are wanted at once.

    Args:
        read: what the threads do.
        items: what they do it to.
        workers: the number of threads, 1 or more; None takes one a core.
    """
    count = workers or cpu_count()
    with ThreadPoolExecutor(count) as pool:
        ahead: deque[Future[Result]] = deque()
        try:
            for item in items:
                ahead.append(pool.submit(read, item))
                if len(ahead) > 2 * count:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
