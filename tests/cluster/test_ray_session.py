"""Ray is asked for by name where it is missing, and where it does not answer."""

import subprocess
import sys
from pathlib import Path

import pytest

from pairloom.cluster.ray_session import require_ray
from pairloom.errors import UserError


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(UserError, match=r"pip install 'pairloom\[ray\]'"):
        require_ray()


@pytest.mark.slow
def test_a_cluster_that_does_not_answer_is_named(
    small_model: Path, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")  # where nobody listens
    words = ["translate", str(small_model), str(photographs), "--out", str(tmp_path / "out"), "--engine", "ray"]
    done = subprocess.run([sys.executable, "-m", "pairloom", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pairloom: 127.0.0.1:9: no Ray cluster responds" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
