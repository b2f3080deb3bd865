"""What stands before the page and the API: who may call, how much may come in, and what browsers are told."""

import base64
import json
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

WORDS_BYTES = 2**16
"""Room for what stands around a file in an upload."""

REPORT = "/report"
"""Where the report of the run is; its styles and scripts are inside it."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "cache-control": "no-store",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Refusal(Exception):  # noqa: N818 (it is an answer)
    """A request is not let in: the status, what is said, and further headers."""

    def __init__(self, status: int, words: str, **headers: str) -> None:
        super().__init__(words)
        self.status, self.headers = status, headers


class Middleware:
    """An ASGI application that lets some requests through to another one.

    Args:
        app: the other one.
        most_bytes: of an uploaded file.
        hosts: names by which the page may be called, so that no other site can reach it through the visitor's browser
            (DNS rebinding, cross-site requests); None where a password keeps it.
        auth: user and password that are asked for (HTTP Basic).
    """

    def __init__(
        self, app: App, most_bytes: int, hosts: frozenset[str] | None, auth: tuple[str, str] | None = None
    ) -> None:
        self._app, self._most_bytes, self._hosts = app, most_bytes, hosts
        self._auth = None if auth is None else base64.b64encode(":".join(auth).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let it through."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            policy = REPORT_POLICY if scope["path"] == REPORT else POLICY
            answer = _with_headers(send, {**HEADERS, "content-security-policy": policy})
            try:
                self._check(scope)
            except Refusal as refusal:
                await _refuse(refusal, answer)
            else:
                await self._app(scope, receive, answer)

    def _check(self, scope: Scope) -> None:
        """Raise Refusal for a request that may not come in."""
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self._check_caller(headers)
        if self._auth is not None:
            kind, _, given = headers.get(b"authorization", "").partition(" ")
            if kind.lower() != "basic" or not secrets.compare_digest(given.strip().encode(), self._auth):
                realm = {"www-authenticate": 'Basic realm="Pairloom", charset="UTF-8"'}
                raise Refusal(401, "a user and a password are needed", **realm)
        if scope["method"] in ("GET", "HEAD"):
            return
        if scope["method"] != "POST":
            raise Refusal(405, "only GET and POST are answered", allow="GET, HEAD, POST")
        length = headers.get(b"content-length", "")
        if not length.isdecimal():
            raise Refusal(411, "the request must say its length (Content-Length)")
        most = self._most_bytes + WORDS_BYTES
        if int(length) > most:
            raise Refusal(413, f"the request is too large; at most {most} bytes are accepted")

    def _check_caller(self, headers: dict[bytes, str]) -> None:
        if self._hosts is None:
            return
        host = headers.get(b"host", "")
        if _hostname(host) not in self._hosts:
            raise Refusal(403, "the page is not served under this name")
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != host:
            raise Refusal(403, "other sites may not use this page")


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _with_headers(send: Send, headers: dict[str, str]) -> Send:
    """Return what sends an answer with headers that protect the page."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [(name, value) for name, value in message.get("headers", ()) if name.decode().lower() not in headers]
            message["headers"] = kept + [(name.encode(), value.encode()) for name, value in headers.items()]
        await send(message)

    return sending


async def _refuse(refusal: Refusal, send: Send) -> None:
    words = json.dumps({"detail": str(refusal)}).encode()
    headers = {"content-type": "application/json", "content-length": str(len(words)), **refusal.headers}
    listed = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refusal.status, "headers": listed})
    await send({"type": "http.response.body", "body": words})
