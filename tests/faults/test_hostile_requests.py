"""Whatever is sent to a served page is answered, refused in words, or not HTTP; the page lives on and shows no file.

Hypothesis makes the requests up: the description of the API that Gradio gives (`/gradio_api/openapi.json`) tells of
three addresses and of few of their answers, so that a tester that goes by it would see less.
"""

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pairloom.images import png_bytes
from pairloom.serving.middleware import API, FILE, READ, READ_BELOW, UPLOAD, WRITTEN, WRITTEN_BELOW
from random_models import save_random_model
from serving import Served, serving

SECRET = "kept from visitors"  # noqa: S105 (a text that must not be seen)
MODEL = "<img src=x onerror=alert(1)><!--<script>"
"""The page is called after its folder."""
PHOTOGRAPH = png_bytes(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8))
ANSWERS_WITHIN = 30.0
MANY = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A page beside a file that nobody may read; what it complains of is seen when it is stopped."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "secret").write_text(SECRET)
    with serving(save_random_model(folder / MODEL), folder / "tmp", "--max-megabytes", "1") as page:
        yield page


def _strange() -> st.SearchStrategy[str]:
    return st.one_of(
        st.text(max_size=40),
        st.sampled_from(
            ["..", "../" * 12 + "etc/passwd", "/etc/passwd", "%2e%2e/", "%00", "\\", "//", "~", "file:///etc/passwd",
             "http://127.0.0.1:1/", "SECRET", "UPLOADED", "UPLOADED/../../../secret", "x" * 5000, "__proto__", "-1",
             "translate", "v2/translate", "session_hash", "null", "0", "<script>"]
        ),
    )  # fmt: skip


VALUES: st.SearchStrategy[object] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _strange()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_strange(), inner, max_size=4)),
    max_leaves=8,
)
FILES: st.SearchStrategy[object] = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {"path": st.one_of(_strange(), VALUES)},
        optional={
            "meta": st.one_of(st.just({"_type": "gradio.FileData"}), VALUES),
            **dict.fromkeys(("url", "size", "orig_name", "mime_type", "is_stream"), VALUES),
        },
    ),
)
BODIES = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {},
        optional={
            "data": st.one_of(st.lists(FILES, max_size=3), VALUES),
            "image": FILES,
            **dict.fromkeys(("fn_index", "session_hash", "event_id", "event_data", "trigger_id", "batched"), VALUES),
            **dict.fromkeys(("api_name", "simple_format", "request", "component_id", "state"), VALUES),
        },
    ),
)
KINDS = (
    *(
        "application/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=b",
        "text/plain",
        "",
        "\t",
    ),
    *("multipart/form-data", "multipart/form-data; boundary=" + "b" * 300, "application/json; charset=utf-7"),
)
PARTS = st.lists(
    st.one_of(
        st.sampled_from([b"--b\r\n", b"--b--\r\n", b"\r\n\r\n", b"\r\n", b"--b", PHOTOGRAPH, bytes(1000), b"\xff"]),
        _strange().map(
            lambda name: f'Content-Disposition: form-data; name="files"; filename="{name}"'.encode(errors="replace")
        ),
        st.binary(max_size=50),
    ),
    max_size=8,
).map(b"".join)
CONTENTS = st.one_of(BODIES.map(lambda body: json.dumps(body).encode()), PARTS, st.binary(max_size=100), st.just(b""))
ADDRESSES = st.one_of(
    st.sampled_from([*sorted(READ | WRITTEN), UPLOAD, f"{API}/call/translate", f"{API}/call/v2/translate"]),
    st.builds(
        lambda start, rest: start + quote(rest, safe="/%.:~", errors="replace"),
        st.sampled_from([*READ_BELOW, *WRITTEN_BELOW, FILE, f"{API}/call/translate/", f"{API}/", "/"]),
        _strange(),
    ),
)
QUERIES = st.lists(
    st.tuples(st.sampled_from(["session_hash", "upload_id", "event_id", "fn_index", "view", "x"]), _strange()),
    max_size=2,
)
METHODS = st.sampled_from(
    ["GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "MADEUP"]
)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Cookie", "Range", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Referer",
                     "Accept-Encoding", "Content-Encoding", "X-Gradio-User", "Authorization", "Last-Event-ID",
                     "Forwarded"]),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30),
    max_size=3,
)  # fmt: skip


def _asked(served: Served, method: str, address: str, content: bytes, headers: dict[str, str]) -> tuple[int, str]:
    """Return the status, and the beginning of what is said: streams go on until the caller leaves."""
    place = urlsplit(served.address)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=ANSWERS_WITHIN)
    try:
        connection.request(method, address, content, headers)
        answer = connection.getresponse()
        sock = connection.sock
        if sock is not None:
            sock.settimeout(0.2)
        said = b""
        with suppress(TimeoutError):
            said = answer.read1(100_000)
        return answer.status, said.decode(errors="replace")
    finally:
        connection.close()


def _lives(served: Served) -> bool:
    return httpx.get(f"{served.address}config", timeout=ANSWERS_WITHIN).status_code == 200


class _Elements(HTMLParser):
    """The elements of a page, and its handlers."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag, *(name for name, _ in attrs if name.startswith("on"))]


def test_the_name_of_a_folder_never_becomes_markup(served: Served) -> None:
    found = _Elements(httpx.get(served.address).text).found
    assert "script" in found
    assert "onerror" not in found
    heading = next(part for part in httpx.get(f"{served.address}config").json()["components"] if "<h1" in str(part))
    assert "<img" not in str(heading)
    assert "&lt;img src=x onerror" in str(heading)


@MANY
@given(
    method=METHODS,
    address=ADDRESSES,
    query=QUERIES,
    kind=st.sampled_from(KINDS),
    headers=HEADERS,
    content=CONTENTS,
)
def test_made_up_requests_are_answered_or_refused_without_an_error_of_the_page(
    served: Served,
    method: str,
    address: str,
    query: list[tuple[str, str]],
    kind: str,
    headers: dict[str, str],
    content: bytes,
) -> None:
    secret = str(served.folder.parent / "secret")
    words = "&".join(f"{name}={quote(value, safe='', errors='replace')}" for name, value in query)
    address = f"{address}?{words}".rstrip("?").replace("SECRET", quote(secret))
    content = content.replace(b"SECRET", secret.encode())
    status, said = _asked(served, method, address, content, {**headers, "Content-Type": kind})
    assert status < 500 or (status == 503 and "is full" in said), (status, said)
    assert SECRET not in said
    assert "root:" not in said
    assert "Traceback" not in said
    assert _lives(served)


@MANY
@given(image=FILES, more=st.dictionaries(_strange(), VALUES, max_size=2), uploaded=st.booleans())
def test_made_up_calls_of_the_endpoint_come_to_an_end(
    served: Served, image: object, more: dict[str, object], uploaded: bool
) -> None:
    path = served.uploaded(PHOTOGRAPH)
    text = json.dumps({"data": [image], **more}).replace("UPLOADED", path if uploaded else "absent")
    answer = httpx.post(f"{served.address}gradio_api/call/translate", content=text.encode(), timeout=ANSWERS_WITHIN)
    assert answer.status_code in (200, 400, 422), answer.text
    if answer.status_code == 200:
        kind, said = served.said(answer.json()["event_id"])
        assert kind in ("complete", "error")
        assert "Traceback" not in str(said)
        assert str(served.folder) not in str(said) or kind == "complete"


@MANY
@given(
    contents=st.one_of(st.binary(max_size=300), st.binary(max_size=40).map(lambda b: PHOTOGRAPH[:60] + b)),
    name=_strange(),
)
def test_made_up_uploads_are_translated_or_refused_in_words(served: Served, contents: bytes, name: str) -> None:
    answer = served.upload(contents, re.sub(r"[\0\ud800-\udfff]", "", name) or "x")
    assert answer.status_code in (200, 400, 413), answer.text
    if answer.status_code == 200:
        (path,) = answer.json()
        assert Path(path).resolve().is_relative_to(served.folder.resolve())
        kind, said = served.said(served.call(path).json()["event_id"])
        assert kind in ("complete", "error")
        assert "Traceback" not in str(said)


@MANY
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [b"GET ", b"POST ", b"/ ", b"/gradio_api/upload ", b"HTTP/1.1\r\n", b"HTTP/9.9\r\n", b"Host: x\r\n",
                 b"\r\n", b"Content-Length: 5\r\n", b"Content-Length: -1\r\n", b"A" * 70_000, b"\0",
                 b"Content-Length: 99999999999999999999\r\n", b"Transfer-Encoding: chunked\r\n", b"fffffffff\r\n",
                 b"0\r\n\r\n", b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\nConnection: upgrade\r\n"]
            ),
            max_size=8,
        ).map(b"".join),
    )
)  # fmt: skip
def test_what_is_no_http_is_refused_and_the_page_lives_on(served: Served, said: bytes) -> None:
    place = urlsplit(served.address)
    address = (str(place.hostname), place.port)
    with socket.create_connection(address, timeout=ANSWERS_WITHIN) as connection, suppress(OSError):
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.2)
        answer = connection.recv(10_000)
        assert not answer or re.match(rb"HTTP/1\.1 (?!5)", answer), answer
    assert _lives(served)
