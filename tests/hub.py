"""A stand-in for the hub's HTTP API on this machine: what fetching and publishing a model folder ask for."""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml


@dataclass
class Repository:
    """A repository: its commits, oldest first, each with all of its files."""

    private: bool = False
    gated: bool = False
    commits: list[dict[str, bytes]] = field(default_factory=lambda: [{}])
    messages: list[str] = field(default_factory=lambda: ["initial"])
    tags: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def sha(index: int) -> str:
        return hashlib.sha1(b"commit %d" % index, usedforsecurity=False).hexdigest()

    def find(self, revision: str) -> int | None:
        """Return the position of a commit."""
        if revision == "main":
            return len(self.commits) - 1
        if revision in self.tags:
            return self.tags[revision]
        return next((index for index in range(len(self.commits)) if self.sha(index) == revision), None)


@dataclass
class Hub:
    """What the stand-in holds, and what it was asked."""

    url: str = ""
    token: str = "hf_stand_in"  # noqa: S105
    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)
    """Large files, by their hashes."""
    full: bool = False
    """Whether it refuses large files."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request."""
    agents: set[str] = field(default_factory=set)
    """What the client said that it is."""


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def _answer(self, content: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._answer({"error": message}, status=status, headers={"X-Error-Code": code, "X-Error-Message": message})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _handle(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path))
        self.hub.agents.add(self.headers.get("User-Agent", ""))
        body = self._body()
        known = self.headers.get("Authorization") == f"Bearer {self.hub.token}"
        if self.command == "PUT" and self.hub.full:
            self._refuse(403, "", "No space is left for you")
        elif self.command == "PUT":
            self.hub.large[path.removeprefix("/large/")] = body
            self._answer({})
        elif path == "/api/validate-yaml":
            front = json.loads(body)["content"].split("---\n")[1]
            good = isinstance(yaml.safe_load(front), dict)
            self._answer({"errors": [], "warnings": []}, status=200 if good else 400)
        elif path == "/api/repos/create":
            self._create(json.loads(body), known=known)
        else:
            self._ask_repository(path, body, known=known)

    do_GET = do_HEAD = do_POST = do_PUT = _handle  # noqa: N815

    def _create(self, wish: Mapping[str, str], *, known: bool) -> None:
        name = f"{wish['organization']}/{wish['name']}"
        if not known:
            self._refuse(401, "", "Invalid username or password.")
        elif name.startswith("others/"):
            self._refuse(403, "", "You don't have the rights to create a model under the namespace others")
        elif name in self.hub.repositories:
            self._answer({"error": "You already created this model repo", "url": f"{self.hub.url}/{name}"}, status=409)
        else:
            self.hub.repositories[name] = Repository(private=wish.get("visibility") == "private")
            self._answer({"url": f"{self.hub.url}/{name}"})

    def _ask_repository(self, path: str, body: bytes, *, known: bool) -> None:
        user, name, *rest = path.removeprefix("/api/models").removeprefix("/").split("/")
        name = name.removesuffix(".git")
        repository = self.hub.repositories.get(f"{user}/{name}")
        if repository is None or (repository.private and not known):
            self._refuse(404 if known else 401, "RepoNotFound", "Repository not found")
        elif rest[:1] == ["preupload"]:
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                }
                for file in json.loads(body)["files"]
            ]
            self._answer({"files": modes})
        elif rest == ["info", "lfs", "objects", "batch"]:
            objects = [
                {**thing, "actions": {"upload": {"href": f"{self.hub.url}/large/{thing['oid']}"}}}
                for thing in json.loads(body)["objects"]
            ]
            self._answer({"transfer": "basic", "objects": objects})
        elif rest[:1] == ["commit"]:
            self._commit(repository, f"{user}/{name}", body)
        else:
            self._read(repository, f"{user}/{name}", rest)

    def _commit(self, repository: Repository, name: str, body: bytes) -> None:
        files = dict(repository.commits[-1])
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "header":
                repository.messages.append(value["summary"])
            elif entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            else:
                content = self.hub.large[value["oid"]]
                assert hashlib.sha256(content).hexdigest() == value["oid"]
                files[value["path"]] = content
        repository.commits.append(files)
        sha = repository.sha(len(repository.commits) - 1)
        self._answer({"commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha})

    def _read(self, repository: Repository, name: str, rest: list[str]) -> None:
        what, revision, *place = rest or ["revision", "main"]
        index = repository.find(revision)
        if index is None:
            self._refuse(404, "RevisionNotFound", "Invalid rev id")
            return
        files, sha = repository.commits[index], repository.sha(index)
        if what == "revision":
            self._answer({"id": name, "sha": sha, "private": repository.private, "siblings": []})
        elif repository.gated:
            self._refuse(403, "GatedRepo", f"Access to model {name} is restricted")
        elif what == "tree":
            self._answer(
                [
                    {
                        "type": "file",
                        "path": path,
                        "size": len(content),
                        "oid": hashlib.sha1(content, usedforsecurity=False).hexdigest(),
                    }
                    for path, content in files.items()
                ]
            )
        else:
            content = files["/".join(place)]
            etag = f'"{hashlib.sha256(content).hexdigest()}"'
            self._answer(content, headers={"ETag": etag, "X-Repo-Commit": sha})


@contextmanager
def standing_in() -> Iterator[Hub]:
    """Serve a hub inside the block, on a free port of this machine alone."""
    hub = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OwnHandler", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def use_hub(hub: Hub, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process work in a folder and ask a stand-in, with no cache and no login of its own."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "ENDPOINT", hub.url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.url + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder / "cache"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(folder / "no-token"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.chdir(folder)
