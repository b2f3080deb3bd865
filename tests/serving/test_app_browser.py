"""The served page in a real browser, as people use it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from pairloom.images import read_picture, write_picture
from pairloom.inference.translator import Translator
from pairloom.streets import draw_street
from serving import Served, serving
from trained import TinyRun

WAIT = 120_000
"""Milliseconds, for machines on which other tests compute."""
BROTHERS = "Method not implemented."
"""What Gradio's own client says, as a warning, whenever it has got an answer."""


@pytest.fixture(scope="module")
def served(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a run with four snapshots."""
    with serving(tiny_run.path, tmp_path_factory.mktemp("served") / "tmp") as page:
        yield page


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photograph with a name that wants care."""
    path = tmp_path_factory.mktemp("photographs") / "a street & <more>.png"
    write_picture(path, draw_street(3, 1, 60, 100)[0])
    return path


@dataclass
class Opened:
    """The page as opened, and what it complained of and asked for."""

    page: Page
    pixel: Path
    """Where a pixel is kept that is looked at."""
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def upload(self, path: Path) -> None:
        self.page.set_input_files("#photograph input[type=file]", path)
        self.page.wait_for_selector("pairloom-view[data-ready][data-width='100']", timeout=WAIT)

    def shown(self, x: float, y: float) -> tuple[int, ...]:
        """Return the colour that is seen at a place in the view, given as shares of its width and height."""
        box = self.page.locator(".stage").bounding_box()
        assert box is not None
        clip = {"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "width": 1, "height": 1}
        self.page.screenshot(path=self.pixel, clip=clip)  # type: ignore[arg-type]  # the numbers that are wanted
        return tuple(read_picture(self.pixel)[0, 0].tolist())


def _open(browser: Browser, served: Served, folder: Path, width: int = 1280, scheme: str = "light") -> Opened:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    context.grant_permissions(["camera", "clipboard-read", "clipboard-write"])
    opened = Opened(context.new_page(), folder / "pixel.png")
    opened.page.on(
        "console", lambda message: opened.complaints.append(message.text) if message.text != BROTHERS else None
    )
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.goto(served.address)
    opened.page.wait_for_selector("#photograph", timeout=WAIT)
    return opened


def _close(opened: Opened, served: Served) -> None:
    """Close a page that must have said nothing and asked nobody else."""
    opened.page.context.close()
    assert opened.complaints == []
    own = urlsplit(served.address).netloc
    assert [url for url in opened.requests if urlsplit(url).scheme == "http" and urlsplit(url).netloc != own] == []
    assert {urlsplit(url).scheme for url in opened.requests} <= {"http", "data", "blob"}


def test_a_photograph_is_uploaded_translated_highlighted_and_downloaded(
    browser: Browser, served: Served, tiny_run: TinyRun, street: Path, tmp_path: Path
) -> None:
    opened = _open(browser, served, tmp_path)
    opened.upload(street)
    page, expected = opened.page, Translator.load(tiny_run.path)(street)

    found = {name: share for name, share in expected.shares.items() if share > 0}
    legend = page.locator(".legend button")
    assert legend.locator(".name").all_inner_texts() == sorted(found, key=lambda name: -found[name])
    assert len(page.locator(".absent li").all()) == len(expected.shares) - len(found)

    with page.expect_download() as download:
        page.get_by_role("link", name="Download translation").click()
    assert download.value.suggested_filename.endswith("-translation.png")
    download.value.save_as(tmp_path / "translation.png")
    assert np.array_equal(read_picture(tmp_path / "translation.png"), expected.image)

    colours = set(map(tuple, expected.image.reshape(-1, 3).tolist()))
    names: dict[tuple[int, ...], str] = {}
    if expected.palette is not None:
        names.update(zip(expected.palette.colours, expected.palette.names, strict=True))
    legend.first.click()
    expect(legend.first).to_have_attribute("aria-pressed", "true")
    assert page.locator(".legend [aria-pressed=true]").count() == 1
    largest = legend.first.locator(".name").inner_text()
    assert expected.classes is not None
    rows, columns = np.nonzero(expected.classes == list(expected.shares).index(largest))
    at = len(rows) // 2
    page.mouse.move(0, 0)
    # All of the view shows the translation.
    page.locator(".stage input").fill("0")
    y, x = (rows[at] + 0.5) / 60, (columns[at] + 0.5) / 100
    assert names[opened.shown(x, y)] == largest
    others = np.nonzero(expected.classes != list(expected.shares).index(largest))
    if len(others[0]):
        y, x = (others[0][0] + 0.5) / 60, (others[1][0] + 0.5) / 100
        assert opened.shown(x, y) not in colours
    legend.first.click()
    expect(legend.first).to_have_attribute("aria-pressed", "false")
    _close(opened, served)


@pytest.mark.slow
def test_the_boundary_follows_the_pointer_and_the_keys(
    browser: Browser, served: Served, street: Path, tmp_path: Path
) -> None:
    opened = _open(browser, served, tmp_path)
    opened.upload(street)
    page = opened.page
    page.locator(".stage").scroll_into_view_if_needed()
    box = page.locator(".stage").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    page.mouse.up()
    value = page.locator(".stage input")
    assert abs(int(value.input_value()) - 25) <= 1
    before = int(value.input_value())
    value.focus()
    page.keyboard.press("ArrowRight")
    assert int(value.input_value()) == before + 1
    assert page.locator(".stage").evaluate("stage => stage.style.getPropertyValue('--at')") == f"{before + 1}%"
    _close(opened, served)


@pytest.mark.slow
def test_snapshots_are_compared(
    browser: Browser, served: Served, tiny_run: TinyRun, street: Path, tmp_path: Path
) -> None:
    opened = _open(browser, served, tmp_path)
    opened.upload(street)
    opened.page.get_by_role("button", name="Compare").click()
    opened.page.wait_for_selector(".compared img", timeout=WAIT)
    captions = opened.page.locator(".compared figcaption").all_inner_texts()
    assert captions == ["photograph", "epoch 1", "epoch 3", "epoch 4"]
    with opened.page.expect_download() as download:
        opened.page.get_by_role("link", name="Download as one picture").click()
    download.value.save_as(tmp_path / "all.png")
    picture = read_picture(tmp_path / "all.png")
    assert picture.shape == (60, 4 * 100 + 3 * 8, 3)
    snapshot = Translator.load(tiny_run.path / "checkpoints" / "epoch-0003")(street)
    assert np.array_equal(picture[:, 2 * 108 : 2 * 108 + 100], snapshot.image)
    _close(opened, served)


def test_what_is_refused_is_said(browser: Browser, served: Served, tmp_path: Path) -> None:
    bad = tmp_path / "words.png"
    bad.write_text("no picture")
    opened = _open(browser, served, tmp_path)
    opened.page.set_input_files("#photograph input[type=file]", bad)
    opened.page.wait_for_selector("text=words.png: is not an image that can be read", timeout=WAIT)
    opened.page.context.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_the_visitors_scheme(
    browser: Browser, served: Served, street: Path, tmp_path: Path, scheme: str
) -> None:
    opened = _open(browser, served, tmp_path, 390, scheme)
    # A drawn street is translated at a touch, and a photograph that was uploaded takes its place.
    opened.page.locator("#scenes button").first.click()
    opened.page.wait_for_selector("pairloom-view[data-ready]", timeout=WAIT)
    opened.upload(street)
    opened.page.locator(".legend button").last.click()
    expect(opened.page.locator(".legend button").last).to_have_attribute("aria-pressed", "true")
    assert opened.page.locator(".stage .over canvas").is_visible()
    width = "document.documentElement.scrollWidth"
    assert opened.page.evaluate(width) <= 390
    for folded in opened.page.locator("details > summary").all():
        folded.click()
    assert opened.page.evaluate(width) <= 390
    box = opened.page.locator(".legend button").first.bounding_box()
    assert box is not None
    assert box["height"] >= 40, "to be hit by a thumb"
    ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")
    assert served.address.rstrip("/") in opened.page.locator(".program pre").inner_text()
    _close(opened, served)


@pytest.mark.slow
def test_the_camera_serves_as_well(browser: Browser, served: Served, tmp_path: Path) -> None:
    opened = _open(browser, served, tmp_path)
    page = opened.page
    page.get_by_role("button", name="Capture from camera").click()
    page.get_by_role("button", name="Click to Access Webcam").click()
    plays = "() => document.querySelector('[data-testid=webcam-video]')?.currentTime > 0"
    page.wait_for_function(plays, timeout=WAIT)
    page.get_by_role("button", name="capture photo").click()
    page.wait_for_selector("pairloom-view[data-ready]", timeout=WAIT)
    assert page.locator(".under output").first.inner_text() != "100×60 pixels"
    _close(opened, served)
