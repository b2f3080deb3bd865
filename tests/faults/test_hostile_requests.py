"""Whatever is sent to a served page is answered, refused in words, or not HTTP; the page lives on and shows no file."""

import http.client
import re
import socket
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from pairloom.images import png_bytes
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
            lambda name: f'Content-Disposition: form-data; name="image"; filename="{name}"'.encode(errors="replace")
        ),
        st.binary(max_size=50),
    ),
    max_size=8,
).map(b"".join)
CONTENTS = st.one_of(PARTS, st.binary(max_size=100), st.just(b""), st.just(b'{"image": "/etc/passwd"}'))
CALLS = ("/translate", "/fractions", "/view", "/preview")
ADDRESSES = st.one_of(
    st.sampled_from(["/", "/model.json", "/docs", "/openapi.json", "/report", "/example-1.png", "/page.js", *CALLS]),
    st.builds(
        lambda start, rest: start + quote(rest, safe="/%.:~", errors="replace"),
        st.sampled_from(["/", *(f"{call}/" for call in CALLS)]),
        _strange(),
    ),
)
QUERIES = st.lists(
    st.tuples(st.sampled_from(["form", "snapshot", "height", "width", "x"]), _strange()),
    max_size=2,
)
METHODS = st.sampled_from(
    ["GET", "POST", "POST", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "MADEUP"]
)
HEADERS = st.dictionaries(
    st.sampled_from(["Accept", "Cookie", "Range", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "Referer",
                     "Accept-Encoding", "Content-Encoding", "Authorization", "Last-Event-ID",
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
    return httpx.get(f"{served.address}model.json", timeout=ANSWERS_WITHIN).status_code == 200


def test_the_name_of_a_folder_never_becomes_markup(browser: Browser, served: Served) -> None:
    assert MODEL not in httpx.get(served.address).text
    page = browser.new_page()
    page.goto(served.address)
    page.locator("body[data-shown]").wait_for()
    assert page.locator("h1").inner_text() == MODEL
    assert page.locator("h1 *").count() == 0
    page.close()


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
@given(
    contents=st.one_of(st.binary(max_size=300), st.binary(max_size=40).map(lambda b: PHOTOGRAPH[:60] + b)),
    name=_strange(),
)
def test_made_up_uploads_are_translated_or_refused_in_words(served: Served, contents: bytes, name: str) -> None:
    answer = served.translate(contents, re.sub(r"[\0\ud800-\udfff]", "", name) or "x")
    assert answer.status_code in (200, 400, 413, 422), answer.text
    if answer.status_code != 200:
        assert answer.json()["detail"]
        assert "Traceback" not in answer.text
        assert str(served.folder) not in answer.text


@MANY
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from(
                [b"GET ", b"POST ", b"/ ", b"/translate ", b"HTTP/1.1\r\n", b"HTTP/9.9\r\n", b"Host: x\r\n",
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
