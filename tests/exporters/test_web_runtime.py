"""The browser's runtime is the pinned one, or none."""

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from pairloom.data.store import CACHE_VARIABLE
from pairloom.errors import UserError
from pairloom.exporters import web_runtime
from pairloom.exporters.web_runtime import FILES, SHA512, VERSION, find_runtime


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package in the place of the registry's, and an empty cache."""
    path = tmp_path / "package.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for name in (*FILES, "../../outside", "other.js"):
            content = f"contents of {name}".encode()
            info = tarfile.TarInfo(f"package/dist/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    monkeypatch.setattr(web_runtime, "ADDRESS", path.as_uri())
    monkeypatch.setattr(web_runtime, "SHA512", hashlib.sha512(path.read_bytes()).hexdigest())
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return path


def test_it_is_fetched_once(package: Path, tmp_path: Path) -> None:
    found = find_runtime()
    assert found.version == VERSION
    assert sorted(path.name for path in found.folder.iterdir()) == sorted(FILES)
    assert (found.folder / FILES[0]).read_text() == f"contents of {FILES[0]}"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "package.tgz"]
    package.unlink()
    assert find_runtime() == found


def test_a_cache_that_has_lost_a_file_is_filled_again(package: Path) -> None:
    folder = find_runtime().folder
    (folder / FILES[1]).unlink()
    assert (find_runtime().folder / FILES[1]).is_file()


def test_other_contents_are_not_used(package: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(web_runtime, "SHA512", SHA512)
    with pytest.raises(UserError, match=r"other contents than expected.*--runtime"):
        find_runtime()
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []


def test_what_cannot_be_fetched_is_told(package: Path) -> None:
    package.unlink()
    with pytest.raises(UserError, match=r"cannot be fetched.*--runtime"):
        find_runtime()


def test_a_package_at_hand_is_taken(tmp_path: Path) -> None:
    dist = tmp_path / "package" / "dist"
    dist.mkdir(parents=True)
    for name in FILES:
        (dist / name).write_text("x")
    (tmp_path / "package" / "package.json").write_text('{"version": "1.2.3"}')
    for named in (dist.parent, dist):
        assert (find_runtime(named).folder, find_runtime(named).version) == (dist, "1.2.3")
    (dist / FILES[2]).unlink()
    with pytest.raises(UserError, match=f"lacks {FILES[2]}"):
        find_runtime(dist.parent)
