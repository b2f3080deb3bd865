"""Pairs decoded one after the other, a few ahead, for what looks at each once."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from pairloom.cores import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(read: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield `read(item)` of each item in order, computed on all cores, never many more than are wanted at once."""
    with ThreadPoolExecutor(cores()) as pool:
        ahead: deque[Future[Result]] = deque()
        try:
            for item in items:
                ahead.append(pool.submit(read, item))
                if len(ahead) > 2 * cores():
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
