"""Ray itself: found installed, started or joined, and ended."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pairloom.errors import UserError, first_line

STORE_BYTES = 256 * 2**20
"""Of a local Ray's object store, through which names go and no images."""


def require_ray() -> None:
    """Load Ray, in such a way that it reports to nobody.

    Raises:
        UserError: if it is not installed.
    """
    # Ray, which reads them when it is loaded, would tell its makers of its use, and complain of Ray Data's actors.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray.data  # noqa: F401
    except ImportError as error:
        raise UserError("--engine ray needs Ray: pip install 'pairloom[ray]'") from error


@contextmanager
def ray_session() -> Iterator[None]:
    """Inside the block Ray runs: one that does already, the cluster that `RAY_ADDRESS` names, or one of our own.

    SIGTERM ends one of our own as Ctrl-C does.

    Raises:
        UserError: if the cluster cannot be reached, or the work cannot go on.
    """
    import ray
    import ray.data
    from ray.exceptions import RayError

    ray.data.DataContext.get_current().enable_progress_bars = False  # there is one of ours
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    ours, heard = not ray.is_initialized(), threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        if ours:
            _start()
            if heard:
                signal.signal(signal.SIGTERM, _stop)  # Ray's own handler would print its stack and abort
        yield
    except RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"Ray has stopped ({reason}); run the command again to continue") from error
    finally:
        if ours:
            ray.shutdown()
            if heard:
                signal.signal(signal.SIGTERM, before)


def _start() -> None:
    import ray

    if address := os.environ.get("RAY_ADDRESS"):
        try:
            _require_listener(address)
            ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"{address}: no Ray cluster responds ({first_line(error)}); see RAY_ADDRESS") from error
        return
    ray.init(
        "local",
        include_dashboard=False,
        object_store_memory=STORE_BYTES,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )


def _require_listener(address: str) -> None:
    """Raise OSError where nobody listens at `HOST:PORT`, which Ray would wait for without end."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if colon and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


def _stop(number: int, _frame: FrameType | None) -> None:
    stopped = KeyboardInterrupt()
    stopped.signal = number  # type: ignore[attr-defined]  # what the command line ends with
    raise stopped
