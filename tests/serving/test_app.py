"""The served page as programs and attackers meet it: what is asked for is answered, everything else refused."""

import io
import socket
import sys
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from struct import pack

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom.cli import main
from pairloom.errors import UserError
from pairloom.images import png_bytes, read_picture
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
WAITING = 60
ELSEWHERE = ("/etc/passwd", "../../../../etc/passwd", "file:///etc/passwd", "http://127.0.0.1:{canary}/photo.png")


@pytest.fixture(scope="module")
def served(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a run."""
    words = ("--max-megabytes", "2", "--max-megapixels", "9", "--queue", str(WAITING))
    with serving(tiny_run.path, tmp_path_factory.mktemp("served") / "tmp", *words) as page:
        yield page


def test_a_program_gets_the_translation_and_the_shares(served: Served, tiny_run: TinyRun, tmp_path: Path) -> None:
    path = tmp_path / "a photo.png"
    path.write_bytes(CONTENTS)
    client = Client(served.address, verbose=False, download_files=tmp_path)
    file, shares = client.predict(handle_file(path), api_name="/translate")
    expected = Translator.load(tiny_run.path)(path)
    assert Path(file).name == "a photo-translation.png"
    assert np.array_equal(read_picture(Path(file)), expected.image)
    assert shares == expected.shares
    assert list(shares) == list(CITYSCAPES.names)


def test_the_translation_can_be_fetched_with_plain_requests(served: Served, tiny_run: TinyRun) -> None:
    kind, (file, _) = served.translated(CONTENTS)
    assert kind == "complete"
    answer = httpx.get(f"{served.address}gradio_api/file={file['path']}")
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(answer.content))), Translator.load(tiny_run.path)(PICTURE).image
    )


def test_fifty_at_once_are_all_answered(served: Served, tiny_run: TinyRun) -> None:
    pictures = [RNG.integers(0, 256, (20 + number, 30, 3), dtype=np.uint8) for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda picture: served.translated(png_bytes(picture)), pictures))
    assert [kind for kind, _ in answers] == ["complete"] * 50
    translator = Translator.load(tiny_run.path)
    for picture, (_, (file, shares)) in zip(pictures, answers, strict=True):
        expected = translator(picture)
        assert shares == expected.shares
        assert np.array_equal(read_picture(Path(file["path"])), expected.image)


@pytest.mark.slow
def test_past_the_queue_a_request_is_refused_and_the_page_goes_on(served: Served) -> None:
    path = served.uploaded(png_bytes(np.zeros((2900, 3000, 3), dtype=np.uint8)))
    with ThreadPoolExecutor(30) as pool:
        answers = list(pool.map(served.call, [path] * (WAITING + 30)))
    taken = [answer.json()["event_id"] for answer in answers if answer.status_code == 200]
    refused = [answer for answer in answers if answer.status_code != 200]
    assert {answer.status_code for answer in refused} == {503}
    assert "Queue is full" in refused[0].text
    assert len(taken) >= WAITING
    with ThreadPoolExecutor(30) as pool:
        assert all(pool.map(served.cancel, taken))
    assert served.translated(CONTENTS)[0] == "complete"


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
    kind, said = served.translated(contents, file)
    assert kind == "error"
    assert said["error"].startswith(f"{file}: ")
    assert words in said["error"]
    assert str(served.folder) not in str(said)


def test_a_file_over_the_limit_is_not_taken(served: Served) -> None:
    for size in (2_000_001, 3_000_000):
        assert served.upload(bytes(size)).status_code in (400, 413)
    assert served.upload(bytes(1_999_999)).status_code == 200


@pytest.fixture
def canary() -> Iterator[socket.socket]:
    """Somebody who would notice a request."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        yield listener


@pytest.mark.parametrize("elsewhere", [*ELSEWHERE, "https://huggingface.co/a.png", "{run}/config.yaml", "", 7, None])
def test_no_path_and_no_address_is_taken_for_an_image(
    served: Served, tiny_run: TinyRun, canary: socket.socket, elsewhere: object
) -> None:
    named = elsewhere
    if isinstance(elsewhere, str):
        named = elsewhere.format(canary=canary.getsockname()[1], run=tiny_run.path)
    image = {"path": named, "meta": {"_type": "gradio.FileData"}}
    assert served.call(named).status_code == 400
    for address, body in (
        ("call/v2/translate", {"image": image}),
        ("queue/join", {"data": [image], "fn_index": 0, "session_hash": "a"}),
        ("queue/join", {"data": [{"deep": [image]}], "fn_index": 0, "session_hash": "a"}),
    ):
        assert httpx.post(f"{served.address}gradio_api/{address}", json=body).status_code == 400
    with pytest.raises(TimeoutError):
        canary.accept()


def test_an_upload_cannot_be_given_another_address(served: Served) -> None:
    path = served.uploaded(CONTENTS)
    assert served.call(path, url=f"{served.address}gradio_api/file={path}").status_code == 200
    for url in ("http://127.0.0.1:1/a.png", "data:image/png;base64,iVBORw0KGgo=", ["a"]):
        assert served.call(path, url=url).status_code == 400


def test_only_files_of_the_pages_own_folder_can_be_read(served: Served, tiny_run: TinyRun) -> None:
    path = served.uploaded(CONTENTS)
    with httpx.Client(base_url=served.address) as client:
        assert client.get(f"gradio_api/file={path}").content == CONTENTS
        up = "/.." * 12
        for asked in (
            "/etc/passwd",
            f"{Path(path).parent}{up}/etc/passwd",
            f"{Path(path).parent}{up.replace('..', '%2e%2e')}/etc/passwd",
            f"{tiny_run.path}/config.yaml",
            str(Path(path).parent),
            "pyproject.toml",
            "http://127.0.0.1:1/",
            "%00",
        ):
            answer = client.get(f"gradio_api/file={asked}")
            assert answer.status_code in (403, 404), asked
            assert "root:" not in answer.text


@pytest.mark.parametrize(
    "asked",
    [
        *("GET docs", "GET openapi.json", "GET monitoring", "GET gradio_api/runs", "GET gradio_api/deep_link"),
        *("GET gradio_api/proxy=https://huggingface.co/", "GET gradio_api/file/etc/passwd", "GET gradio_api/vibe-code"),
        *("POST gradio_api/component_server", "POST gradio_api/process_recording", "POST gradio_api/run/translate"),
        *("POST gradio_api/run-history/connect", "PUT gradio_api/upload", "OPTIONS gradio_api/upload"),
    ],
)
def test_other_addresses_of_gradios_are_not_there(served: Served, asked: str) -> None:
    method, address = asked.split()
    assert httpx.request(method, f"{served.address}{address}", json={}).status_code in (404, 405)


def test_other_sites_cannot_reach_the_page_through_a_visitors_browser(served: Served) -> None:
    assert httpx.get(served.address, headers={"host": "evil.example"}).status_code == 403
    assert served.upload(CONTENTS, origin="https://evil.example").status_code == 403
    assert served.upload(CONTENTS, origin=served.address.rstrip("/")).status_code == 200


def test_a_request_tells_its_length_and_is_short(served: Served) -> None:
    def slowly() -> Iterator[bytes]:
        yield b"{}"

    address = f"{served.address}gradio_api/call/translate"
    assert httpx.post(address, content=slowly()).status_code == 411
    assert httpx.post(address, content=bytes(100_000)).status_code == 413
    assert httpx.post(address, content=b"[" * 60_000).status_code == 400
    assert httpx.post(address, content=b"\xff").status_code == 400


@pytest.mark.parametrize("address", ["call/translate/nobody", "queue/data?session_hash=nobody"])
def test_who_waits_for_what_is_not_there_is_told_so(served: Served, address: str) -> None:
    answer = httpx.get(f"{served.address}gradio_api/{address}", timeout=60)
    assert "404" in answer.text


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(min_size=1, max_size=300))
def test_any_name_of_an_upload_stays_in_the_folder(served: Served, name: str) -> None:
    answer = served.upload(CONTENTS, name.replace("\0", "") or "x")
    assert answer.status_code in (200, 400)
    if answer.status_code == 200:
        for path in answer.json():
            assert Path(path).resolve().is_relative_to(served.folder.resolve())


@pytest.mark.parametrize(
    "name", ["a" * 1000 + ".png", "../../../up.png", "<img src=x onerror=alert(1)>.png", "ä b%2f.png"]
)
def test_an_upload_with_a_strange_name_is_translated_or_refused(served: Served, name: str) -> None:
    kind, said = served.translated(CONTENTS, name)
    assert kind == "complete", said
    assert Path(said[0]["path"]).resolve().is_relative_to(served.folder.resolve())


def test_a_name_of_many_kilobytes_is_refused(served: Served) -> None:
    assert served.upload(CONTENTS, "a" * 20_000).status_code in (400, 413)


def test_answers_carry_the_headers_that_keep_the_page_to_itself(served: Served) -> None:
    headers = httpx.get(served.address).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.slow
def test_with_a_password_nothing_is_told_without_it(small_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(CONTENTS)
    with serving(small_model, tmp_path / "tmp", "--auth", "ann:a:b") as page:
        assert page.upload(CONTENTS).status_code == 401
        assert page.call("x").status_code in (400, 401)
        assert httpx.get(f"{page.address}config").status_code == 401
        assert httpx.post(f"{page.address}login", data={"username": "ann", "password": "wrong"}).status_code == 400
        client = Client(page.address, auth=("ann", "a:b"), verbose=False, download_files=tmp_path)
        file, _ = client.predict(handle_file(path), api_name="/translate")
        assert np.array_equal(read_picture(Path(file)), Translator.load(small_model)(PICTURE).image)


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


def test_without_gradio_it_is_said_what_to_install(small_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
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
