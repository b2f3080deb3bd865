"""Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 as a flag that the training loop polls, so that it stops in a whole state."""

import signal
import threading
import time
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""SIGUSR1 is how schedulers, such as SLURM with `--signal`, give notice before the time of a job is up."""


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop by a signal, and has stopped."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.signal).name}"


def handled_signals() -> list[signal.Signals]:
    """Return those of `SIGNALS` that are not ignored: what is ignored stays so, as SIGHUP under nohup."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


class StopSignals:
    """Inside the block, the first signal only sets a flag; the second one acts at once.

    Signals can be caught in the main thread alone; elsewhere the block changes nothing.

    Args:
        repeat_seconds: so long after the first signal another one counts as the same: where there are several
            processes, a scheduler sends it to each of them and to their launcher, which passes it on.
    """

    def __init__(self, repeat_seconds: float = 0.0) -> None:
        self.received = 0
        """The number of the first signal that has come, 0 before."""
        self._repeat_seconds = repeat_seconds
        self._received_at = 0.0
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._receive) for number in handled_signals()}
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._restore()

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if not self.received:
            self.received, self._received_at = number, time.monotonic()
        elif time.monotonic() - self._received_at >= self._repeat_seconds:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave
        self._before = {}
