"""The demo, as a user runs it: the claims that it makes about itself."""

from pathlib import Path

import pytest

from pairloom.demonstration import demo
from pairloom.errors import UserError


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_demo_sees_what_colour_and_place_do_not_tell(tmp_path: Path) -> None:
    result = demo(tmp_path / "demo", log=lambda _line: None)
    scores = result.training.record["validation"]
    assert "mean_iou" in scores
    guess = result.colour_and_position["mean_iou"]
    constant = result.commonest_class["mean_iou"]
    assert scores["mean_iou"] is not None
    assert guess is not None
    assert constant is not None
    assert scores["mean_iou"] >= 0.50
    for name in ("pole", "traffic sign"):
        assert (scores["per_class"][name] or 0) >= 0.05, name
    assert guess < 0.30
    assert guess <= scores["mean_iou"] - 0.20
    assert constant < guess
    assert (tmp_path / "demo" / "report" / "grid.png").is_file()


def test_a_demo_folder_that_holds_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "file").touch()
    with pytest.raises(UserError, match="already holds files"):
        demo(tmp_path / "demo")
    assert not (tmp_path / "demo-streets").exists()
