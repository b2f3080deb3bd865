"""What stands before Gradio: only what the page and the API need comes in, and only as much of it as was agreed.

Gradio answers at many more addresses than a page needs, some of which fetch other addresses or read files. What is not
in the lists below is not there.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from typing import Any
from urllib.parse import unquote, urlsplit

from pairloom.serving.upload_store import UploadStore

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

API = "/gradio_api"
FILE = f"{API}/file="
UPLOAD = f"{API}/upload"
READ = frozenset(
    {
        *("/", "/config", "/theme.css", "/favicon.ico", "/robots.txt", "/logout"),
        *(f"{API}/{name}" for name in ("info", "openapi.json", "queue/data", "queue/status", "upload_progress")),
        *(f"{API}/{name}" for name in ("user", "login_check", "token", "app_id", "theme.css", "startup-events")),
    }
)
READ_BELOW = ("/assets/", "/static/", "/svelte/", f"{API}/heartbeat/", f"{API}/call/", FILE)
WRITTEN = frozenset({"/login", UPLOAD, *(f"{API}/{name}" for name in ("queue/join", "cancel", "reset"))})
WRITTEN_BELOW = (f"{API}/call/",)

WORDS_BYTES = 2**16
"""Room for what stands around a file in an upload, and for a whole request of any other kind."""

HEADERS = {
    # The page may load from its own address alone, so that no request leaves the machine, whatever a library would do.
    "content-security-policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self' data:; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Refusal(Exception):  # noqa: N818 (it is an answer)
    """A request is not let in: the status, and what is said."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


class Middleware:
    """An ASGI application that lets some requests through to another one.

    Args:
        app: the other one.
        uploads: the folder whose files may be asked for and named.
        most_bytes: of an uploaded file.
        hosts: names by which the page may be called, so that no other site can reach it through the visitor's browser
            (DNS rebinding, cross-site requests); None where a password keeps it.
    """

    def __init__(self, app: App, uploads: UploadStore, most_bytes: int, hosts: frozenset[str] | None) -> None:
        self._app, self._shelf, self._most_bytes, self._hosts = app, uploads, most_bytes, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            try:
                await self._answer(scope, await self._admitted(scope, receive), _with_headers(send))
            except Refusal as refusal:
                await _refuse(refusal, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, and see that its answer has an end.

        Whoever waits for what is not there, as a page does that was open before a new start, is told so by Gradio
        within the answer; but then it raises the same again: the answer would be cut off, and a traceback printed.
        """
        from starlette.exceptions import HTTPException  # of the extra `app`

        try:
            await self._app(scope, receive, send)
        except RuntimeError as error:
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _admitted(self, scope: Scope, receive: Receive) -> Receive:
        """Return where the body of a request is to be read, if it may come in; raise Refusal otherwise."""
        method, path = scope["method"], scope["path"]
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self._check_caller(headers)
        if method in ("GET", "HEAD"):
            if path not in READ and not path.startswith(READ_BELOW):
                raise Refusal(404, "there is nothing at this address")
            if path.startswith(FILE) and not self._shelf.holds(path.removeprefix(FILE)):
                raise Refusal(403, "only files that were uploaded or made here can be read")
            return receive
        if method != "POST":
            raise Refusal(405, "only GET and POST are answered")
        if path not in WRITTEN and not path.startswith(WRITTEN_BELOW):
            raise Refusal(404, "there is nothing at this address")
        length = self._length(headers, (self._most_bytes if path == UPLOAD else 0) + WORDS_BYTES)
        if path == UPLOAD:
            if not await asyncio.to_thread(self._shelf.has_room, length):
                raise Refusal(503, "the storage for images is full; try again in a minute")
            return receive
        if path == "/login":
            return receive
        body = await _body(receive)
        self._check_files(body)
        return _replayed(body, receive)

    def _check_caller(self, headers: dict[bytes, str]) -> None:
        if self._hosts is None:
            return
        host = headers.get(b"host", "")
        if urlsplit(f"//{host}").hostname not in self._hosts:
            raise Refusal(403, "the page is not served under this name")
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refusal(403, "other sites may not use this page")

    def _length(self, headers: dict[bytes, str], most: int) -> int:
        length = headers.get(b"content-length", "")
        if not length.isdecimal():
            raise Refusal(411, "the request must say its length (Content-Length)")
        if int(length) > most:
            raise Refusal(413, f"the request is too large; at most {most} bytes are accepted")
        return int(length)

    def _check_files(self, body: bytes) -> None:
        """Refuse a request that names a file which is not one that was uploaded, or an address to fetch one from."""
        try:
            said = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "the request is not JSON") from error
        for file in _file_records(said):
            path, url = file["path"], file.get("url")
            if not isinstance(path, str) or not self._shelf.holds(path):
                raise Refusal(400, "only images uploaded here are accepted, not other paths or URLs")
            if url is not None and not (isinstance(url, str) and unquote(url).endswith(unquote(path))):
                raise Refusal(400, "only images uploaded here are accepted, not other paths or URLs")


def _file_records(said: object) -> Iterator[dict[str, Any]]:
    """Yield every object that names a path, however deep it lies."""
    waiting = [said]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if "path" in value:
                yield value
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value


async def _body(receive: Receive) -> bytes:
    """Read a whole body; its length has been agreed on."""
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and then goes on."""
    waiting = [body]

    async def again() -> Message:
        return {"type": "http.request", "body": waiting.pop(), "more_body": False} if waiting else await receive()

    return again


def _with_headers(send: Send) -> Send:
    """Return what sends an answer with the headers that protect the page."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", ()) if name.decode() not in HEADERS]
            message["headers"] = kept + [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        await send(message)

    return sending


async def _refuse(refusal: Refusal, send: Send) -> None:
    words = json.dumps({"error": str(refusal), "detail": str(refusal)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(words)).encode())]
    answer = _with_headers(send)
    await answer({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await answer({"type": "http.response.body", "body": words})
