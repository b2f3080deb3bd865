"""Public data sets, as their authors lay them out, are read rightly, or refused; none is misread without a word."""

import re
from functools import cache
from pathlib import Path

import pytest

from folder_verdicts import Verdict
from pairloom.config import DataConfig
from pairloom.data.folder import PairFolder
from pairloom.errors import UserError
from public_folders import AMBIGUOUS, PUBLIC, read_public

RIGHT = 0.9
"""Share of the data sets that come out as well as they can: read, or refused for what they truly lack."""

_read = cache(read_public)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_data_set_is_read_rightly_or_refused(name: str) -> None:
    verdict: Verdict = _read(name)
    assert verdict.accepted or verdict.outcome == "refused", f"{verdict.outcome}: {verdict.reason}"


def test_nine_in_ten_public_data_sets_need_no_setting() -> None:
    refused = {name: _read(name).reason for name in PUBLIC if not _read(name).accepted}
    assert len(refused) <= (1 - RIGHT) * len(PUBLIC), "\n".join(f"{name}: {why[:200]}" for name, why in refused.items())


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_the_settings_that_a_refusal_names_settle_it(name: str, tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    PUBLIC[name](root)
    try:
        PairFolder.open(DataConfig(root=str(root)))
    except UserError as error:
        named = re.findall(r"--data\.sources '([^']+)' --data\.targets '([^']+)'", str(error))
    else:
        pytest.skip("it is read without a setting")
    assert len(named) >= 2, "fewer than two ways are named"
    for sources, targets in named:
        folder = PairFolder.open(DataConfig(root=str(root), sources=sources, targets=targets))
        assert sum(len(folder.files(split)) for split in folder.splits()) >= 6
