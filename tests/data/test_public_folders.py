"""Public data sets, as their authors lay them out, are read rightly, or refused by a message that says what to do."""

import pytest

from public_folders import PUBLIC, read_public


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_data_set_is_read_rightly_or_refused(name: str) -> None:
    verdict = read_public(name)
    assert verdict.accepted, f"{verdict.outcome}: {verdict.reason}"
