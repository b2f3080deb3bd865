"""The first signal waits for the loop, the second acts at once, and afterwards all is as before."""

import os
import pickle
import signal
import threading
import time

import pytest

from pairloom.training.signals import SIGNALS, Interrupted, StopSignals


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1])
def test_the_first_signal_is_told_when_it_is_asked_for(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)  # under nohup SIGHUP is ignored, and stays so
    try:
        with StopSignals() as signals:
            assert signals.received == 0
            os.kill(os.getpid(), number)
            assert signals.received == number
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, before)


def test_the_second_signal_acts_at_once() -> None:
    def leave() -> None:
        os.kill(os.getpid(), signal.SIGINT)

    with StopSignals():
        leave()
        with pytest.raises(KeyboardInterrupt) as caught:
            leave()
    assert not isinstance(caught.value, Interrupted)


def test_a_signal_that_is_passed_on_to_this_process_as_well_counts_once() -> None:
    with StopSignals(repeat_seconds=0.2) as signals:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGINT
        time.sleep(0.2)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interruption_can_be_sent_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(Interrupted(signal.SIGTERM)))  # noqa: S301
    assert (error.signal, str(error)) == (signal.SIGTERM, "stopped by SIGTERM")


def test_under_nohup_the_end_of_the_terminal_is_not_heard() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as interrupts:
            os.kill(os.getpid(), signal.SIGHUP)
            assert interrupts.received == 0
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_handlers_are_given_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with StopSignals():
        assert [signal.getsignal(number) for number in SIGNALS] != before
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_in_another_thread_nothing_is_caught() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[object] = []

    def work() -> None:
        with StopSignals():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
