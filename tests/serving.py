"""A page that is served as people serve it: by the command, in a process of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx


@dataclass(frozen=True)
class Served:
    """A page that answers."""

    address: str
    folder: Path
    """Where its temporary folder lies."""

    def translate(self, contents: bytes, name: str = "photo.png", **options: str) -> httpx.Response:
        """Call the API with an image."""
        return self.post("translate", contents, name, **options)

    def post(self, call: str, contents: bytes, name: str = "photo.png", **options: str) -> httpx.Response:
        """Call the API with an image."""
        return httpx.post(f"{self.address}{call}", files={"image": (name, contents)}, params=options, timeout=120)


@contextmanager
def serving(run: Path, folder: Path, *words: str) -> Iterator[Served]:
    """Serve a run at a free port inside the block, then stop it as a system does, and see that nothing is left."""
    folder.mkdir()
    command = [sys.executable, "-m", "pairloom", "serve", str(run), "--port", "0", *words]
    environment: Mapping[str, str] = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        found = next(filter(None, (re.search(r"http://\S+", line) for line in process.stdout)), None)
        assert found, process.stderr.read()
        try:
            yield Served(found[0], folder)
        finally:
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=60)
    assert process.returncode == 143
    assert complaints == "pairloom: stopped\n", complaints[-3000:]
    assert list(folder.iterdir()) == []
