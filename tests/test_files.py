"""Files are whole or not there."""

from pathlib import Path

import pytest

from pairloom.files import UNFINISHED, replacing


@pytest.mark.parametrize("durable", [False, True])
def test_a_file_appears_whole_and_alone(tmp_path: Path, durable: bool) -> None:
    path = tmp_path / "file"
    for content in ("old", "new"):
        with replacing(path, durable=durable) as unfinished:
            unfinished.write_text(content)
            assert not path.exists() or path.read_text() == "old"
        assert path.read_text() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_after_an_error_the_old_file_is_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as unfinished:
            unfinished.write_text("half")
            assert unfinished.match(UNFINISHED)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]
