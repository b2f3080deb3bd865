"""Work for all cores: one function mapped over many items by processes of their own."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from multiprocessing import get_all_start_methods, get_context, parent_process
from typing import Any, TypeVar

from pairloom.allocator import return_freed_images
from pairloom.cpu import cpu_count
from pairloom.errors import UserError

Item = TypeVar("Item")
Result = TypeVar("Result")

_function: Callable[[Any], Any]
"""What this worker process does with each item."""


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], *, chunk: int = 4, workers: int | None = None
) -> Iterator[Result]:
    """Yield `function(item)` of each item, in order, computed by worker processes.

    The function is sent to each process once; it, the items and the results must be picklable. The calling script must
    be guarded by `if __name__ == "__main__":`. At Ctrl-C the workers finish their chunk and end.

    Args:
        function: called once per item.
        items: its arguments.
        chunk: items sent at once.
        workers: number of processes; None starts one per core.

    Raises:
        UserError: if a worker process dies.
    """
    count = min(workers or cpu_count(), -(-len(items) // chunk)) or 1
    # Forking a process that has used torch's threads can hang, so workers are forked from one that has none, and that
    # has imported once what they need.
    forks = "forkserver" in get_all_start_methods()
    context = get_context("forkserver" if forks else "spawn")
    if forks:
        context.set_forkserver_preload([getattr(function, "func", function).__module__])  # of a partial, its function's
    pool = ProcessPoolExecutor(count, context, _prepare_worker, (function,))
    try:
        yield from pool.map(_call, items, chunksize=chunk)
    except BrokenExecutor as error:
        raise UserError(
            "a worker process died: the memory is full, or a script of yours calls this outside "
            "`if __name__ == '__main__':`, which each process then runs again"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_worker(function: Callable[[Any], Any]) -> None:
    """Keep the function; ignore Ctrl-C, which the parent handles; exit when the parent has died, as by `kill -9`."""
    global _function
    _function = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return_freed_images()

    def exit_with_parent() -> None:
        if parent := parent_process():
            parent.join()
            os._exit(1)

    threading.Thread(target=exit_with_parent, daemon=True).start()


def _call(item: Any) -> Any:
    return _function(item)
