"""The served page as programs and attackers meet it: what is asked for is answered, everything else refused."""

import http.client
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from struct import pack

import httpx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom.cli import main
from pairloom.errors import UserError
from pairloom.images import png_bytes
from pairloom.inference.translator import Translator
from pairloom.palette import CITYSCAPES
from pairloom.serving import serve
from pairloom.serving.server import is_loopback
from pairloom.serving.uploads import Limits
from serving import Served, serving
from trained import TinyRun

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (45, 70, 3), dtype=np.uint8)
CONTENTS = png_bytes(PICTURE)
ELSEWHERE = ("/etc/passwd", "../../../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:{canary}/photo.png")


@pytest.fixture(scope="module")
def served(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a run."""
    words = ("--max-megabytes", "2", "--max-megapixels", "9", "--queue", "60")
    with serving(tiny_run.path, tmp_path_factory.mktemp("served") / "tmp", *words) as page:
        yield page


def _picture(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def test_a_program_gets_the_translation_in_two_lines(served: Served, tiny_run: TinyRun, tmp_path: Path) -> None:
    path = tmp_path / "a photo.png"
    path.write_bytes(CONTENTS)
    with path.open("rb") as photograph:
        answer = httpx.post(f"{served.address}translate", files={"image": photograph})
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-disposition"] == "inline; filename*=UTF-8''a%20photo-translation.png"
    assert np.array_equal(_picture(answer), Translator.load(tiny_run.path)(path).image)


def test_curl_gets_it_as_well(served: Served, tiny_run: TinyRun, tmp_path: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("needs curl")
    (tmp_path / "photo.png").write_bytes(CONTENTS)
    words = [curl, "-s", "-F", f"image=@{tmp_path / 'photo.png'}", f"{served.address}translate"]
    content = subprocess.run(words, check=True, capture_output=True).stdout
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), Translator.load(tiny_run.path)(PICTURE).image)


def test_fractions_forms_and_snapshots_are_chosen_by_the_call(served: Served, tiny_run: TinyRun) -> None:
    translation = Translator.load(tiny_run.path)(PICTURE)
    assert served.post("fractions", CONTENTS).json() == translation.shares
    assert np.array_equal(_picture(served.translate(CONTENTS, form="overlay")), translation.overlay())
    assert _picture(served.translate(CONTENTS, form="side-by-side")).shape == (45, 140, 3)
    snapshot = Translator.load(tiny_run.path / "checkpoints" / "epoch-0002")(PICTURE)
    assert np.array_equal(_picture(served.translate(CONTENTS, snapshot="epoch 2")), snapshot.image)
    for wrong in ({"form": "poem"}, {"snapshot": "epoch 99"}, {"snapshot": "../../.."}):
        answer = served.translate(CONTENTS, **wrong)
        assert answer.status_code == 422
        assert next(iter(wrong)) in answer.json()["detail"]


def test_fifty_at_once_are_all_answered(served: Served, tiny_run: TinyRun) -> None:
    pictures = [RNG.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8) for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda picture: served.translate(png_bytes(picture)), pictures))
    translator = Translator.load(tiny_run.path)
    for picture, answer in zip(pictures, answers, strict=True):
        assert np.array_equal(_picture(answer), translator(picture).image)


def test_past_the_queue_a_request_is_refused_and_the_page_goes_on(small_model: Path, tmp_path: Path) -> None:
    large = png_bytes(RNG.integers(0, 256, (1500, 1500, 3), dtype=np.uint8))
    with serving(small_model, tmp_path / "tmp", "--queue", "3") as page:
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _: page.translate(large), range(20)))
        assert {answer.status_code for answer in answers} == {200, 503}
        refused = next(answer for answer in answers if answer.status_code == 503)
        assert refused.json() == {"detail": "the queue is full; try again later"}
        assert sum(answer.status_code == 200 for answer in answers) >= 4
        assert page.translate(CONTENTS).status_code == 200


def _png(width: int, height: int) -> bytes:
    """A black PNG of one bit a pixel: small as a file, however large it is as an image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    head = pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes(width // 8 + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _saved(format: str) -> bytes:
    contents = io.BytesIO()
    Image.fromarray(PICTURE).save(contents, format=format)
    return contents.getvalue()


def _array(shape: tuple[int, ...]) -> bytes:
    contents = io.BytesIO()
    np.save(contents, np.zeros(shape, dtype=np.uint8))
    return contents.getvalue()


NO_IMAGES = {
    "words": (b"no picture", "words.png", "not an image"),
    "nothing": (b"", "nothing.png", "not an image"),
    "another format": (_saved("ICO"), "icon.png", "not an image"),
    "drawing": (b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>", "a.svg", "not an"),
    "cut off": (_saved("PNG")[:2000], "cut.png", "damaged"),
    "bomb": (_png(30000, 30000), "bomb.png", "not an image that can be read"),
    "large": (_png(4000, 4000), "large.png", "4000×4000 pixels"),
    "channels": (_array((20, 20, 17)), "many.npy", "17 channels"),
    "objects": (
        b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (9, 9), }",
        "o.npy",
        "not an",
    ),
}


@pytest.mark.parametrize("name", NO_IMAGES)
def test_what_is_no_image_or_too_large_is_refused_in_words(served: Served, name: str) -> None:
    contents, file, words = NO_IMAGES[name]
    for call in ("translate", "fractions", "view", "preview"):
        answer = served.post(call, contents, file)
        assert answer.status_code == 422
        assert answer.json()["detail"].startswith(f"{file}: ")
        assert words in answer.json()["detail"]


def test_a_request_over_the_limit_is_not_read(served: Served) -> None:
    assert served.translate(bytes(3_000_000)).status_code == 413
    assert served.translate(bytes(2_000_001)).status_code == 422
    answer = httpx.post(f"{served.address}translate", content=iter([b"--b"]))
    assert (answer.status_code, answer.json()["detail"]) == (411, "the request must say its length (Content-Length)")


def test_what_is_no_form_with_an_image_is_refused_in_words(served: Served) -> None:
    for content, kind in (
        (b"{}", "application/json"),
        (b"image=7", "application/x-www-form-urlencoded"),
        (b"\xff", ""),
    ):
        answer = httpx.post(f"{served.address}translate", content=content, headers={"Content-Type": kind})
        assert answer.status_code in (400, 422)
        assert "image" in answer.json()["detail"] or "body" in answer.json()["detail"]


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """Somebody who would notice a request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        yield listener


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_no_path_and_no_address_is_taken_for_an_image(served: Served, canary: socket.socket, elsewhere: str) -> None:
    named = elsewhere.format(canary=canary.getsockname()[1])
    for data in ({"image": named}, {"image": f"@{named}"}):
        assert httpx.post(f"{served.address}translate", data=data).status_code == 422
    assert served.translate(b"no picture", named).status_code == 422
    with pytest.raises(TimeoutError):
        canary.accept()


@pytest.mark.parametrize(
    "asked",
    [
        *("GET /etc/passwd", "GET /..%2f..%2fetc/passwd", "GET /server_engine.js", "GET /../config.yaml"),
        *("GET /%00", "GET /model.json/..", "GET /translate/x", "PUT /translate", "OPTIONS /translate", "DELETE /"),
    ],
)
def test_other_addresses_are_not_there(served: Served, asked: str) -> None:
    method, address = asked.split()
    connection = http.client.HTTPConnection(served.address.split("/")[2], timeout=60)
    connection.request(method, address)  # as it is: a client would tidy it up
    answer = connection.getresponse()
    assert answer.status in (404, 405)
    assert b"root:" not in answer.read()
    connection.close()


def test_other_sites_cannot_reach_the_page_through_a_visitors_browser(served: Served) -> None:
    assert httpx.get(served.address, headers={"host": "evil.example"}).status_code == 403
    assert httpx.get(served.address, headers={"host": "[evil"}).status_code in (400, 403)
    files = {"image": ("a.png", CONTENTS)}
    for origin, status in (("https://evil.example", 403), ("null", 403), (served.address.rstrip("/"), 200)):
        answer = httpx.post(f"{served.address}translate", files=files, headers={"origin": origin})
        assert answer.status_code == status


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=300))
def test_an_image_of_any_name_is_translated(served: Served, name: str) -> None:
    answer = served.translate(CONTENTS, re.sub(r"[\0\ud800-\udfff]", "", name) or "x")
    assert answer.status_code in (200, 422), answer.text
    if answer.status_code == 200:
        assert answer.headers["content-disposition"].isascii()


def test_answers_carry_the_headers_that_keep_the_page_to_itself(served: Served) -> None:
    for address in ("", "page.js", "docs", "nothing"):
        headers = httpx.get(f"{served.address}{address}").headers
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; ")
        assert "http" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_the_api_is_described(served: Served) -> None:
    described = httpx.get(f"{served.address}openapi.json").json()
    assert set(described["paths"]) == {"/translate", "/fractions"}
    page = httpx.get(f"{served.address}docs").text
    assert f"curl -F image=@photo.jpg -o translation.png {served.address}translate" in page
    assert "the queue is full; try again later" in page


def test_the_report_of_the_run_is_shown(served: Served, tiny_run: TinyRun) -> None:
    facts = httpx.get(f"{served.address}model.json").json()
    answer = httpx.get(f"{served.address}{facts['report']}")
    assert answer.content == (tiny_run.path / "report" / "index.html").read_bytes()
    assert "script-src 'unsafe-inline'" in answer.headers["content-security-policy"]


def test_the_page_knows_its_model(served: Served, tiny_run: TinyRun, tmp_path: Path) -> None:
    facts = httpx.get(f"{served.address}model.json").json()
    assert facts["title"] == tiny_run.path.name
    assert facts["snapshots"] == ["epoch 1", "epoch 2", "epoch 3", "epoch 4"]
    assert facts["reading"]["names"] == list(CITYSCAPES.names)
    assert facts["reading"]["values"] == list(CITYSCAPES.values)
    scores = json.loads((tiny_run.path / "model" / "config.json").read_text())["about"]["validation"]
    assert ["mean IoU", f"{scores['mean_iou']:.3f}"] in facts["scores"]
    for name in facts["examples"]:
        assert _picture(httpx.get(f"{served.address}{name}")).shape == (384, 512, 3)
    assert str(tiny_run.path.parent) not in json.dumps(facts)


def test_with_a_password_nothing_is_told_without_it(small_model: Path, tmp_path: Path) -> None:
    with serving(small_model, tmp_path / "tmp", "--auth", "ann:a:ß") as page:
        for address in ("", "model.json", "docs", "page.js"):
            answer = httpx.get(f"{page.address}{address}")
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic ")
        assert page.translate(CONTENTS).status_code == 401
        for wrong in (("ann", "a"), ("bob", "a:ß"), ("ann", "")):
            assert httpx.get(page.address, auth=wrong).status_code == 401
        for given in ("Basic", "Basic !", "Bearer x", "basic " + "A" * 1000):
            assert httpx.get(page.address, headers={"authorization": given}).status_code == 401
        files = {"image": ("a.png", CONTENTS)}
        answer = httpx.post(f"{page.address}translate", files=files, auth=httpx.BasicAuth("ann", "a:ß"))
        assert np.array_equal(_picture(answer), Translator.load(small_model)(PICTURE).image)


MISTAKES = {
    "no model": ("serve nothing", "no such run or model folder"),
    "open to all": ("serve MODEL --host 0.0.0.0", "a password is needed: --auth USER:PASSWORD"),
    "auth without a password": ("serve MODEL --auth ann", "--auth must be USER:PASSWORD"),
    "auth with an empty one": ("serve MODEL --auth ann:", "must not be empty"),
    "no such address": ("serve MODEL --host 203.0.113.7 --auth a:b", "203.0.113.7"),
    "no such name": ("serve MODEL --host nowhere.invalid --auth a:b", "nowhere.invalid"),
    "no such port": ("serve MODEL --port 70000", "--port must be in [0, 65535]"),
    "no room": ("serve MODEL --max-megapixels 0", "more than 0"),
    "no queue": ("serve MODEL --queue 0", "room for 1 request"),
    "no such device": ("serve MODEL --port 0 --device tpu", "--device"),
    "scale": ("serve MODEL --port 0 --scale 0", "the scale must be"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes_are_said_in_a_line(small_model: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    words, complaint = MISTAKES[name]
    assert main([word.replace("MODEL", str(small_model)) for word in words.split()]) == 2
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert len(printed.err.splitlines()) == 1


def test_a_port_that_is_taken_is_named(small_model: Path, canary: socket.socket) -> None:
    port = canary.getsockname()[1]
    with pytest.raises(UserError, match=rf"port {port}: cannot be listened on .*choose another --port"):
        serve(small_model, port=port)


def test_without_fastapi_it_is_said_what_to_install(small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pairloom.serving.app", None)
    with pytest.raises(UserError, match=r"pip install 'pairloom\[app\]'"):
        serve(small_model, port=0)


@pytest.mark.parametrize(
    ("host", "alone"),
    [
        *(("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)),
        *(("0.0.0.0", False), ("::", False), ("192.168.1.2", False), ("example.org", False), ("", False)),  # noqa: S104
    ],
)
def test_which_addresses_are_this_machines_alone(host: str, alone: bool) -> None:
    assert is_loopback(host) == alone


def test_limits_leave_something() -> None:
    assert Limits(megabytes=0.5).most_bytes == 500_000
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(UserError, match="more than 0"):
            Limits(megabytes=wrong)
        with pytest.raises(UserError, match="more than 0"):
            Limits(megapixels=wrong)
