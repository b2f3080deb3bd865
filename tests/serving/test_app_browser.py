"""The served page in a real browser, as people use it."""

import io
import zipfile
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import tifffile
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from PIL import Image
from playwright.sync_api import Browser, Download, Page

from pairloom.images import UInt8Array, read_picture, write_picture
from pairloom.inference.translator import Translator
from pairloom.streets import draw_street
from serving import Served, serving
from trained import TinyRun

WAIT = 120_000
"""Milliseconds, for machines on which other tests compute."""


@pytest.fixture(scope="module")
def served(tiny_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The page of a run with four snapshots."""
    with serving(tiny_run.path, tmp_path_factory.mktemp("served") / "tmp") as page:
        yield page


@pytest.fixture(scope="module")
def streets_to_show(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Photographs, one with a name that wants care."""
    folder = tmp_path_factory.mktemp("photographs")
    paths = [folder / name for name in ("a street & <more>.png", "second.png", "third.png")]
    for number, path in enumerate(paths):
        write_picture(path, draw_street(3, number, 60, 100)[0])
    return paths


@dataclass
class Opened:
    """The page as opened, and what it complained of and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def upload(self, *paths: Path) -> None:
        """Choose files; wait until the first is shown."""
        before = int(self.page.locator("body").get_attribute("data-shown") or 0)
        self.page.set_input_files("#file", paths)
        self.page.locator(f"body[data-shown='{before + 1}']").wait_for(timeout=WAIT)

    def download(self, button: str) -> Download:
        """Press a button that gives a file."""
        with self.page.expect_download(timeout=WAIT) as download:
            self.page.get_by_role("button", name=button, exact=True).click()
        return download.value

    def canvas(self, name: str) -> UInt8Array:
        """Return what a canvas holds, H×W×3."""
        address = self.page.evaluate("name => document.getElementById(name).toDataURL()", name)
        return np.asarray(Image.open(io.BytesIO(b64decode(address.partition(",")[2]))).convert("RGB"))


def _open(browser: Browser, served: Served, width: int = 1280, scheme: str = "light") -> Opened:
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    context.grant_permissions(["camera"])
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.goto(served.address)
    opened.page.locator("body[data-shown='1']").wait_for(timeout=WAIT)  # an example
    return opened


def _close(opened: Opened, served: Served) -> None:
    """Close a page that must have said nothing and asked nobody else."""
    opened.page.context.close()
    assert opened.complaints == []
    own = urlsplit(served.address).netloc
    assert [url for url in opened.requests if urlsplit(url).scheme == "http" and urlsplit(url).netloc != own] == []
    assert {urlsplit(url).scheme for url in opened.requests} <= {"http", "data", "blob"}


def test_a_photograph_is_translated_highlighted_and_taken_away(
    browser: Browser, served: Served, tiny_run: TinyRun, streets_to_show: list[Path], tmp_path: Path
) -> None:
    opened, street = _open(browser, served), streets_to_show[0]
    opened.upload(street)
    page, expected = opened.page, Translator.load(tiny_run.path)(street)
    assert expected.classes is not None
    assert np.array_equal(opened.canvas("photograph"), expected.source)
    assert np.array_equal(opened.canvas("translation"), expected.image)

    legend = page.locator("#legend button")
    ranked = sorted(expected.shares, key=lambda name: -expected.shares[name])
    assert legend.locator(".name").all_inner_texts() == ranked
    legend.first.click()
    assert legend.first.get_attribute("aria-pressed") == "true"
    others = opened.canvas("translation")[expected.classes != list(expected.shares).index(ranked[0])].astype(int)
    assert (others.max(axis=1) == others.min(axis=1)).all(), "the others are grey"
    legend.first.click()
    assert np.array_equal(opened.canvas("translation"), expected.image)

    for button, picture in (("Translation", expected.image), ("Overlay", expected.overlay())):
        download = opened.download(button)
        assert download.suggested_filename == f"a street & _more_-{button.lower()}.png"
        download.save_as(tmp_path / "file.png")
        assert np.array_equal(read_picture(tmp_path / "file.png"), picture)
    opened.download("Fractions (CSV)").save_as(tmp_path / "fractions.csv")
    heading, row = (tmp_path / "fractions.csv").read_text(encoding="utf-8").splitlines()
    assert heading.split(",")[1] == '"road"'
    assert [float(text) for text in row.split(",")[1:]] == pytest.approx(list(expected.shares.values()))
    _close(opened, served)


def test_three_files_are_listed_and_taken_away_as_one(
    browser: Browser, served: Served, tiny_run: TinyRun, streets_to_show: list[Path], tmp_path: Path
) -> None:
    opened = _open(browser, served)
    bad = tmp_path / "words.png"
    bad.write_text("no picture")
    opened.upload(*streets_to_show, bad)
    page = opened.page
    assert page.locator("#items button").all_inner_texts() == [path.name for path in (*streets_to_show, bad)]
    page.get_by_role("button", name="second.png").click()
    page.locator("body[data-shown='3']").wait_for(timeout=WAIT)
    translate = Translator.load(tiny_run.path)
    assert np.array_equal(opened.canvas("translation"), translate(streets_to_show[1]).image)
    opened.download("Download all (ZIP)").save_as(tmp_path / "all.zip")
    assert page.locator("#all-status").inner_text() == "3 of 4 images translated; not: words.png"
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        names = [f"{path.stem}-translation.png" for path in streets_to_show]
        assert archive.namelist() == [*names, "fractions.csv"]
        for name, path in zip(names, streets_to_show, strict=True):
            picture = np.asarray(Image.open(io.BytesIO(archive.read(name))))
            assert np.array_equal(picture, translate(path).image)
        assert len(archive.read("fractions.csv").splitlines()) == 4
    assert len(opened.complaints) == 1, "of the browser, of the answer that refuses an image"
    opened.page.context.close()


def test_the_boundary_and_the_opacity_follow_the_pointer_and_the_keys(browser: Browser, served: Served) -> None:
    opened = _open(browser, served)
    page = opened.page
    stage = page.locator("#stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] / 2)
    page.mouse.up()
    boundary = page.get_by_label("Boundary between the image and its translation")
    before = int(boundary.input_value())
    assert abs(before - 25) <= 1
    boundary.focus()
    page.keyboard.press("ArrowRight")
    assert stage.evaluate("stage => stage.style.getPropertyValue('--at')") == f"{before + 1}%"
    page.get_by_label("Opacity of the translation").fill("40")
    assert page.locator("#translation").evaluate("canvas => canvas.style.opacity") == "0.4"
    _close(opened, served)


def test_snapshots_are_compared(
    browser: Browser, served: Served, tiny_run: TinyRun, streets_to_show: list[Path], tmp_path: Path
) -> None:
    opened, street = _open(browser, served), streets_to_show[0]
    opened.upload(street)
    opened.page.get_by_role("button", name="Compare").click()
    opened.page.locator("#compared canvas").first.wait_for(timeout=WAIT)
    captions = opened.page.locator("#compared figcaption").all_inner_texts()
    assert captions == ["image", "epoch 1", "epoch 3", "epoch 4"]
    opened.download("Download as one picture").save_as(tmp_path / "all.png")
    picture = np.asarray(Image.open(tmp_path / "all.png").convert("RGB"))
    assert picture.shape == (60, 4 * 100 + 3 * 8, 3)
    snapshot = Translator.load(tiny_run.path / "checkpoints" / "epoch-0003")(street)
    assert np.array_equal(picture[:, 2 * 108 : 2 * 108 + 100], snapshot.image)
    _close(opened, served)


def test_what_is_refused_is_said_where_the_picture_would_be(
    browser: Browser, served: Served, streets_to_show: list[Path], tmp_path: Path
) -> None:
    bad = tmp_path / "words.png"
    bad.write_text("no picture")
    opened = _open(browser, served)
    opened.page.set_input_files("#file", bad)
    trouble = opened.page.get_by_role("alert")
    trouble.get_by_text("words.png: is not an image that can be read").wait_for(timeout=WAIT)
    assert not opened.page.locator("#work").is_visible()
    box = trouble.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] < 900, "seen without scrolling"
    opened.upload(streets_to_show[0])
    assert not trouble.is_visible()
    opened.page.context.close()


def test_what_browsers_cannot_read_is_shown_all_the_same(
    browser: Browser, served: Served, tiny_run: TinyRun, tmp_path: Path
) -> None:
    path = tmp_path / "photograph.tif"
    tifffile.imwrite(path, draw_street(3, 1, 60, 100)[0], photometric="rgb")
    opened = _open(browser, served)
    opened.upload(path)
    expected = Translator.load(tiny_run.path)(path)
    assert np.array_equal(opened.canvas("photograph"), expected.source)
    assert np.array_equal(opened.canvas("translation"), expected.image)
    _close(opened, served)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_the_visitors_scheme(
    browser: Browser, served: Served, streets_to_show: list[Path], scheme: str
) -> None:
    opened = _open(browser, served, 390, scheme)
    opened.upload(*streets_to_show)
    opened.page.get_by_role("button", name="Compare").click()
    opened.page.locator("#compared canvas").first.wait_for(timeout=WAIT)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    box = opened.page.locator("#legend button").first.bounding_box()
    assert box is not None
    assert box["height"] >= 40, "to be hit by a thumb"
    ground = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 200) == (scheme == "dark")
    assert served.address.rstrip("/") in opened.page.locator("#code").inner_text()
    found = Axe().run(opened.page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found] == []
    _close(opened, served)


@pytest.mark.slow
def test_the_camera_is_translated_until_it_is_stopped(browser: Browser, served: Served) -> None:
    opened = _open(browser, served)
    opened.page.get_by_role("button", name="Camera").click()
    opened.page.locator("#status", has_text="images a second").wait_for(timeout=WAIT)
    opened.page.get_by_role("button", name="Stop camera").click()
    assert opened.page.locator("#camera").inner_text() == "Camera"
    _close(opened, served)


def test_the_page_leads_to_the_api_and_the_report(browser: Browser, served: Served) -> None:
    opened = _open(browser, served)
    opened.page.get_by_role("link", name="All calls of the HTTP API").click()
    assert opened.page.locator("h2").all_inner_texts() == ["POST /translate", "POST /fractions"]
    opened.page.go_back()
    opened.page.get_by_role("link", name="The report of its training").click()
    assert "epochs" in opened.page.locator("#state").inner_text()
    assert opened.page.locator(".chart").count() > 0
    _close(opened, served)
