"""A page that is served as people serve it: by the command, in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

STARTS_WITHIN = 240.0
"""Seconds; Gradio alone takes several to load, and more where other tests compute beside it."""


@dataclass(frozen=True)
class Served:
    """A page that answers."""

    address: str
    folder: Path
    """Where its temporary folder lies."""

    def upload(self, contents: bytes, name: str = "photo.png", **headers: str) -> httpx.Response:
        """Upload a file."""
        files = {"files": (name, contents)}
        return httpx.post(f"{self.address}gradio_api/upload", files=files, headers=headers, timeout=120)

    def uploaded(self, contents: bytes, name: str = "photo.png") -> str:
        """Upload a file that is taken; return its path."""
        answer = self.upload(contents, name)
        assert answer.status_code == 200, answer.text
        (path,) = answer.json()
        return str(path)

    def call(self, path: object, **more: object) -> httpx.Response:
        """Ask for a translation; the answer holds an `event_id`."""
        image = {"path": path, "meta": {"_type": "gradio.FileData"}, **more}
        return httpx.post(f"{self.address}gradio_api/call/translate", json={"data": [image]}, timeout=120)

    def cancel(self, event: str) -> bool:
        """Take a call that waits out of the queue."""
        words = {"session_hash": event, "fn_index": 0, "event_id": event}
        return httpx.post(f"{self.address}gradio_api/cancel", json=words, timeout=120).is_success

    def said(self, event: str) -> tuple[str, Any]:
        """Wait for the end of a call; return `complete` or `error`, and what is said."""
        text = httpx.get(f"{self.address}gradio_api/call/translate/{event}", timeout=300).text
        kind, words = re.findall(r"event: (complete|error)\ndata: (.*)", text)[-1]
        return kind, json.loads(words)

    def translated(self, contents: bytes, name: str = "photo.png") -> tuple[str, Any]:
        """Upload a file and have it translated; return `complete` or `error`, and what is said."""
        return self.said(self.call(self.uploaded(contents, name)).json()["event_id"])


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
        found = re.search(r"http://\S+", process.stdout.readline())
        assert found, process.stderr.read()
        try:
            yield Served(found[0], folder)
        finally:
            process.send_signal(signal.SIGTERM)
            _, complaints = process.communicate(timeout=60)
    assert process.returncode == 143
    assert complaints == "pairloom: stopped\n", complaints[-3000:]
    assert list(folder.glob("pairloom-*")) == []
