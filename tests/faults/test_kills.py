"""`kill -9` at random moments of every kind of work loses nothing."""

from pathlib import Path

import pytest
from kills import KINDS, Harness

KILLS = 22
CHOSEN = tuple(name for name in KINDS if name != "web page")
"""A page is written as an export is, and takes as long: `make faults` kills both."""


@pytest.mark.slow
def test_whatever_is_killed_goes_on_to_the_same_bytes_or_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAIRLOOM_CACHE", str(tmp_path / "cache"))
    harness = Harness(tmp_path, 0, CHOSEN)
    try:
        harness.run(KILLS)
    finally:
        print(harness.table())
    assert sum(harness.outcomes.values()) == KILLS
