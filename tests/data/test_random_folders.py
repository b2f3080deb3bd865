"""Folders made from random choices are read as they were meant, pair by pair and pixel by pixel, or refused."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from folder_verdicts import judge
from random_folders import make, read_spec, report
from random_specs import Spec, draw_spec

ORDINARY = range(10)
MORE = range(1000, 1200)
RIGHT = 0.95
"""Share of the folders that must be read; the others must be refused."""


def _hold(seeds: Sequence[int]) -> None:
    verdicts = [(spec, read_spec(spec)) for spec in map(draw_spec, seeds)]
    failed = [(spec, verdict) for spec, verdict in verdicts if not verdict.accepted]
    misread = [(spec, verdict) for spec, verdict in failed if verdict.outcome != "refused"]
    assert not misread, "\n".join(["misread:", *report(misread[:10])])
    share = 1 - len(failed) / len(verdicts)
    assert share >= RIGHT, "\n".join([f"{share:.1%} are read:", *report(failed[:10])])


def test_random_folders_are_read_as_meant_or_refused() -> None:
    _hold(ORDINARY)


@pytest.mark.slow
def test_some_hundred_more_random_folders_are_read_as_meant_or_refused() -> None:
    _hold(MORE)


def test_a_spec_makes_the_same_folder_each_time(tmp_path: Path) -> None:
    for name in ("first", "second"):
        make(draw_spec(3), tmp_path / name)
    first, second = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("first", "second")
    )
    assert first == second


def test_the_plainest_folder_is_read_as_meant(tmp_path: Path) -> None:
    assert judge(tmp_path, make(Spec(), tmp_path)).outcome == "right"


def test_a_target_under_the_name_of_another_is_found(tmp_path: Path) -> None:
    meant = make(Spec(), tmp_path)
    first, second = (tmp_path / "masks" / f"000{number}.png" for number in (0, 1))
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert judge(tmp_path, meant).outcome == "SILENT"


def test_a_file_that_was_not_meant_is_found(tmp_path: Path) -> None:
    meant = make(Spec(), tmp_path)
    for folder, suffix in (("images", ".jpg"), ("masks", ".png")):
        (tmp_path / folder / f"0100{suffix}").write_bytes((tmp_path / folder / f"0000{suffix}").read_bytes())
    assert judge(tmp_path, meant).outcome in ("SILENT", "told")


def test_one_changed_pixel_is_found(tmp_path: Path) -> None:
    meant = make(Spec(), tmp_path)
    path = tmp_path / "masks/0000.png"
    ids = np.asarray(Image.open(path)).copy()
    ids[5, 5] = (ids[5, 5] + 1) % 3
    Image.fromarray(ids).save(path)
    assert judge(tmp_path, meant).outcome == "SILENT"
