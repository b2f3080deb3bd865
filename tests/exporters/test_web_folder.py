"""The page in a real browser: it translates as PyTorch does, and asks for nothing outside its own folder."""

import io
import json
import os
import shutil
import threading
import zipfile
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Browser, FilePayload, Page, Playwright, sync_playwright

from clips import street_frames, write_clip
from conftest import skip_or_fail
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.exporters.model_export import export
from pairloom.exporters.web_runtime import Runtime, find_runtime
from pairloom.palette import CAMVID
from pairloom.streets import draw_street
from pairloom.web_page import page_files
from random_models import random_model, save_random_model

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKAGE_VARIABLE = "PAIRLOOM_ONNXRUNTIME_WEB"
CAMERA = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan")
SIZE = (64, 96)
PHOTOGRAPH, _ = draw_street(0, 3, *SIZE)
OF_CLASSES: dict[str, dict[str, Any]] = {
    "classes": {"size": "64x96"},
    "encoder": {"size": "64x96", "encoder": "efficientnet-lite0", "norm": "batch"},
}
"""The models of classes, by the folder of their page."""


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    """ONNX Runtime Web: a package that is at hand, or else fetched."""
    named = os.environ.get(PACKAGE_VARIABLE)
    try:
        return find_runtime(Path(named) if named else None)
    except UserError as error:
        skip_or_fail("npm", f"{PACKAGE_VARIABLE} names no package, and it cannot be fetched: {error}")
        raise


@pytest.fixture(scope="module")
def root(runtime: Runtime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the server gives out: two pages, in folders of folders."""
    root = tmp_path_factory.mktemp("root")
    models = {
        **{name: save_random_model(root.parent / "lively" / name, **options) for name, options in OF_CLASSES.items()},
        "pictures": save_random_model(
            root.parent / "lively" / "pictures", preset="photo", target=ImageSpec(1), size="64x96"
        ),
        "crops": save_random_model(root.parent / "lively" / "crops", size="64x96", scale=1.0),
    }
    for name, model in models.items():
        export(model, root / "some where" / name, "web", runtime=runtime.folder, log=lambda _line: None)
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[str]:
    """The address of a plain static server."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=root)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/some%20where"
        server.shutdown()


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


def _launch(playwright: Playwright, *words: str) -> Browser:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        skip_or_fail("chromium", "no Chromium is installed")
    return playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *words])


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """The machine's own Chromium, without WebGPU and with a camera that shows a moving pattern."""
    browser = _launch(playwright, "--disable-features=WebGPU", *CAMERA)
    yield browser
    browser.close()


@dataclass
class Opened:
    """A page, and what it said and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def shown(self, number: int, seconds: int = 60) -> None:
        """Wait for the so-manieth translation, the example's being the first."""
        self.page.locator(f"body[data-shown='{number}']").wait_for(timeout=1000 * seconds)

    def upload(self, content: bytes, name: str = "a street.png") -> None:
        self.page.set_input_files("#file", FilePayload(name=name, mimeType="image/png", buffer=content))

    def download(self) -> tuple[str, NDArray[np.uint8]]:
        """Press the button; return the file's name and its picture."""
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name="Translation", exact=True).click()
        with Image.open(waiting.value.path()) as image:
            return waiting.value.suggested_filename, np.asarray(image.convert("RGB"))

    def canvas(self, name: str) -> NDArray[np.uint8]:
        """Return what a canvas shows, H×W×3."""
        address = self.page.evaluate("name => document.getElementById(name).toDataURL()", name)
        with Image.open(io.BytesIO(b64decode(address.partition(",")[2]))) as image:
            return np.asarray(image.convert("RGB"))


def _open(browser: Browser, address: str, width: int = 1280, scheme: str = "light") -> Opened:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        permissions=["camera"],
    )
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.goto(f"{address}/")
    return opened


def _close(opened: Opened, address: str) -> None:
    """Leave a page that must have asked for nothing outside its folder, and complained of nothing."""
    assert opened.complaints == []
    assert [url for url in opened.requests if not url.startswith((f"{address}/", "blob:", "data:"))] == []
    opened.page.context.close()


def _png(picture: NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, format="PNG")
    return file.getvalue()


@pytest.mark.slow
@pytest.mark.parametrize("model", OF_CLASSES)
def test_an_uploaded_photograph_gets_the_classes_that_pytorch_gives_it(
    browser: Browser, server: str, model: str
) -> None:
    opened = _open(browser, f"{server}/{model}")
    opened.shown(1)
    assert opened.page.locator("body").get_attribute("data-by") == "WebAssembly"
    assert "Images never leave this machine" in opened.page.locator("#privacy").inner_text()
    opened.upload(_png(PHOTOGRAPH))
    opened.shown(2)
    expected = random_model(**OF_CLASSES[model]).predict(PHOTOGRAPH)
    assert len(np.unique(expected)) > 3, "an answer of one class would equal any other's"
    name, picture = opened.download()
    assert name == "a street-translation.png"
    ids = CAMVID.to_ids(picture)
    assert (ids == expected).mean() >= 0.999
    assert np.array_equal(opened.canvas("photograph"), PHOTOGRAPH)

    rows = opened.page.locator("#legend button")
    assert rows.count() == len(CAMVID)
    first = rows.first
    commonest = int(np.bincount(ids.ravel()).argmax())
    assert first.locator(".name").inner_text() == CAMVID.names[commonest]
    assert first.locator(".share").inner_text() == f"{(ids == commonest).mean():.1%}".replace("%", " %")
    first.click()
    assert first.get_attribute("aria-pressed") == "true"
    shown = opened.canvas("translation")
    assert (shown[ids == commonest] == CAMVID.colours[commonest]).all()
    others = shown[ids != commonest].astype(int)
    assert (others.max(axis=1) == others.min(axis=1)).all(), "the others are grey"
    assert np.array_equal(opened.download()[1], picture), "the download is of all classes"
    first.click()
    assert np.array_equal(opened.canvas("translation"), picture)
    _close(opened, f"{server}/{model}")


@pytest.mark.slow
def test_images_are_dropped_and_pasted_and_come_out_at_their_own_size(browser: Browser, server: str) -> None:
    opened = _open(browser, f"{server}/classes")
    opened.shown(1)
    for number, (kind, size) in enumerate((("drop", (50, 31)), ("paste", (300, 201))), start=2):
        photograph, _ = draw_street(0, number, *size)
        opened.page.evaluate(
            """([kind, values]) => {
                const files = new DataTransfer();
                files.items.add(new File([new Uint8Array(values)], "x.png", {type: "image/png"}));
                document.dispatchEvent(kind === "drop" ? new DragEvent("drop", {dataTransfer: files})
                    : new ClipboardEvent("paste", {clipboardData: files}));
            }""",
            [kind, list(_png(photograph))],
        )
        opened.shown(number)
        _, picture = opened.download()
        assert picture.shape == (*size, 3)
        assert set(map(tuple, picture.reshape(-1, 3).tolist())) <= set(CAMVID.colours)
    _close(opened, f"{server}/classes")


@pytest.mark.slow
def test_the_camera_is_translated_until_it_is_stopped(browser: Browser, server: str) -> None:
    opened = _open(browser, f"{server}/classes")
    opened.shown(1)
    opened.page.locator("#camera").click()
    opened.page.locator("#status", has_text="images a second").wait_for(timeout=60_000)
    first = opened.canvas("photograph")
    for _ in range(100):  # the camera's picture moves
        if not np.array_equal(opened.canvas("photograph"), first):
            break
        opened.page.wait_for_timeout(100)
    else:
        pytest.fail("the picture stands still")
    opened.page.locator("#camera").click()
    assert opened.page.locator("#camera").inner_text() == "Camera"
    _close(opened, f"{server}/classes")


@pytest.mark.slow
def test_what_is_no_image_is_named_and_the_page_goes_on(browser: Browser, server: str) -> None:
    opened = _open(browser, f"{server}/classes")
    opened.shown(1)
    opened.upload(b"no picture")
    opened.page.locator("#trouble:not([hidden])").wait_for()
    assert "no image" in opened.page.locator("#trouble").inner_text()
    opened.upload(_png(PHOTOGRAPH))
    opened.shown(2)
    assert not opened.page.locator("#trouble").is_visible()
    _close(opened, f"{server}/classes")


@pytest.mark.slow
def test_a_model_that_cannot_be_loaded_is_told(browser: Browser, server: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.route("**/model.onnx", lambda route: route.fulfill(status=404))
    page.goto(f"{server}/classes/")
    page.locator("#trouble:not([hidden])").wait_for()
    assert "model.onnx cannot be loaded (404)" in page.locator("#trouble").inner_text()
    context.close()


@pytest.mark.slow
def test_a_phone_needs_no_sideways_scrolling(browser: Browser, server: str) -> None:
    for scheme in ("light", "dark"):
        opened = _open(browser, f"{server}/classes", 390, scheme)
        opened.shown(1)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert (opened.page.locator("#choose").bounding_box() or {"height": 0})["height"] >= 40
        _close(opened, f"{server}/classes")


@pytest.mark.slow
def test_the_slider_parts_photograph_and_translation(browser: Browser, server: str) -> None:
    opened = _open(browser, f"{server}/classes")
    opened.shown(1)
    opened.page.locator("#split").fill("20")
    clip = "getComputedStyle(document.getElementById('translation')).clipPath"
    assert opened.page.evaluate(clip) == "inset(0px 0px 0px 20%)"
    box = opened.page.locator("#stage").bounding_box()
    assert box is not None
    opened.page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 20)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 20)
    opened.page.mouse.up()
    assert opened.page.evaluate(clip) == "inset(0px 0px 0px 75%)"
    _close(opened, f"{server}/classes")


@pytest.mark.slow
def test_files_a_folder_and_a_video_are_taken_away_as_one(browser: Browser, server: str, tmp_path: Path) -> None:
    opened = _open(browser, f"{server}/classes")
    opened.shown(1)
    (tmp_path / "folder" / "below").mkdir(parents=True)
    for number, name in enumerate(("folder/one.png", "folder/below/two.png", "folder/words.txt")):
        (tmp_path / name).write_bytes(_png(draw_street(0, number, *SIZE)[0]))
    opened.page.set_input_files("#folder-files", tmp_path / "folder")
    opened.shown(2)
    assert sorted(opened.page.locator("#items button").all_inner_texts()) == ["one.png", "two.png"]
    write_clip(tmp_path / "clip.webm", street_frames(13, 64, 96), rate=Fraction(10), sound=False)
    opened.page.set_input_files("#file", [tmp_path / "clip.webm", tmp_path / "folder" / "one.png"])
    opened.shown(3)
    names = opened.page.locator("#items button").all_inner_texts()
    assert names == [*(f"clip-{number:04}.png" for number in range(1, 7)), "one.png"]
    with opened.page.expect_download() as waiting:
        opened.page.get_by_role("button", name="Download all (ZIP)").click()
    with zipfile.ZipFile(waiting.value.path()) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [f"{Path(name).stem}-translation.png" for name in names] + ["fractions.csv"]
        with Image.open(io.BytesIO(archive.read("one-translation.png"))) as image:
            ids = CAMVID.to_ids(np.asarray(image.convert("RGB")))
    expected = random_model(**OF_CLASSES["classes"]).predict(draw_street(0, 0, *SIZE)[0])
    assert (ids == expected).mean() >= 0.999
    _close(opened, f"{server}/classes")


@pytest.mark.slow
def test_pictures_as_targets_have_no_legend(browser: Browser, server: str) -> None:
    opened = _open(browser, f"{server}/pictures")
    opened.shown(1)
    opened.upload(_png(PHOTOGRAPH))
    opened.shown(2)
    expected = random_model("photo", target=ImageSpec(1), size="64x96").predict(PHOTOGRAPH)
    _, picture = opened.download()
    assert np.abs(picture.astype(int) - expected).max() <= 1
    assert opened.page.locator("#classes").count() == 0
    _close(opened, f"{server}/pictures")


@pytest.mark.slow
def test_a_model_of_crops_sees_images_at_its_scale(browser: Browser, server: str) -> None:
    opened = _open(browser, f"{server}/crops")
    opened.shown(1)
    assert "sees images at their own size" in opened.page.locator("#about").inner_text()
    photograph = draw_street(0, 4, 150, 90)[0]
    opened.upload(_png(photograph))
    opened.shown(2)
    expected = random_model(size="64x96", scale=1.0).predict(photograph)
    assert (CAMVID.to_ids(opened.download()[1]) == expected).mean() >= 0.999
    assert opened.page.locator("#status").inner_text().startswith("90×150 pixels, in")
    opened.upload(_png(np.zeros((2400, 4000, 3), np.uint8)))
    opened.shown(3, 240)
    assert "the model has seen it at 1826×1095" in opened.page.locator("#status").inner_text()
    _close(opened, f"{server}/crops")


@pytest.mark.slow
def test_answers_that_differ_are_noticed(browser: Browser, server: str) -> None:
    """What keeps WebGPU from being used where it is wrong."""
    opened = _open(browser, f"{server}/classes")
    compare = """async ([first, second]) => {
        const {compare} = await import("./answers.js");
        const numbers = (values) => new Float32Array(values.map((value) => value ?? NaN));
        const {difference, agreement} = compare(numbers(first), numbers(second), 2, {classes: true, shares: true});
        return [Number.isNaN(difference) ? null : difference, agreement];
    }"""
    shares = [0.75, 0.25, 0.5, 0.25, 0.75, 0.5]  # two classes, three cells
    assert opened.page.evaluate(compare, [shares, shares]) == [0, 1]
    assert opened.page.evaluate(compare, [shares, [0.25, 0.25, 0.5, 0.75, 0.75, 0.5]]) == [1, pytest.approx(2 / 3)]
    assert opened.page.evaluate(compare, [shares, [None, *shares[1:]]])[0] is None
    opened.shown(1)
    _close(opened, f"{server}/classes")


@pytest.mark.slow
@pytest.mark.parametrize("model", OF_CLASSES)
def test_webgpu_is_used_where_it_agrees(playwright: Playwright, server: str, model: str) -> None:
    """A GPU in software, which is slow, but a device of its own to the page."""
    browser = _launch(playwright, *GPU)
    opened = _open(browser, f"{server}/{model}")
    opened.shown(1, 240)
    if opened.page.locator("body").get_attribute("data-by") != "WebGPU":
        browser.close()
        pytest.skip("this Chromium has no WebGPU, not even in software")
    opened.upload(_png(PHOTOGRAPH))
    opened.shown(2, 240)
    ids = CAMVID.to_ids(opened.download()[1])
    assert (ids == random_model(**OF_CLASSES[model]).predict(PHOTOGRAPH)).mean() >= 0.999
    browser.close()


@pytest.mark.slow
def test_the_folder_holds_what_it_names(root: Path) -> None:
    folder = root / "some where" / "classes"
    about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert tuple(about["reading"]["names"]) == CAMVID.names
    for build in ("wasm", "webgpu"):
        for file in about["runtime"][build].values():
            assert (folder / file["name"]).stat().st_size == file["bytes"]
    assert (folder / "model.onnx").stat().st_size == about["model"]["bytes"]
    assert "://" not in "".join((folder / name).read_text() for name in page_files("browser"))


def test_models_of_many_channels_are_refused(tmp_path: Path, runtime: Runtime) -> None:
    model = save_random_model(tmp_path / "deep", preset="photo", source=ImageSpec(4), target=ImageSpec(3))
    with pytest.raises(UserError, match="sources have 4 channels"):
        export(model, tmp_path / "page", "web", runtime=runtime.folder, log=lambda _line: None)
    assert not (tmp_path / "page").exists()
