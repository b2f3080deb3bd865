"""Ctrl-C, SIGTERM, SIGHUP and SIGUSR1 as a flag that the training loop polls, so that it stops in a whole state."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
"""SIGUSR1 is how schedulers, such as SLURM with `--signal`, give notice before the time of a job is up."""


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop by a signal, and has stopped."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.signal = number


class StopSignals:
    """Inside the block, the first signal only sets a flag; the second one acts at once.

    Signals can be caught in the main thread alone; elsewhere the block changes nothing.
    """

    def __init__(self) -> None:
        self.received = 0
        """The number of the first signal that has come, 0 before."""
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # What is ignored stays so: under nohup a run outlives its terminal.
            heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._receive) for number in heard}
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._restore()

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self.received = number
        self._restore()

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave
        self._before = {}
