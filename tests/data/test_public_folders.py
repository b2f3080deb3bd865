"""Public data sets, as their authors lay them out, are read rightly, or refused; none is misread without a word."""

from functools import cache

import pytest

from folder_verdicts import Verdict
from public_folders import PUBLIC, read_public

RIGHT = 0.9
"""Share of the data sets that come out as well as they can: read, or refused for what they truly lack."""

_read = cache(read_public)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_data_set_is_read_rightly_or_refused(name: str) -> None:
    verdict: Verdict = _read(name)
    assert verdict.accepted or verdict.outcome == "refused", f"{verdict.outcome}: {verdict.reason}"


def test_nine_in_ten_public_data_sets_need_no_setting() -> None:
    refused = {name: _read(name).reason for name in PUBLIC if not _read(name).accepted}
    assert len(refused) <= (1 - RIGHT) * len(PUBLIC), "\n".join(f"{name}: {why[:200]}" for name, why in refused.items())
