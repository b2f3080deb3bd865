"""The pages in a real browser: what can be moved moves, and nothing is asked for or complained of."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import pairloom
from pairloom.cli import main
from pairloom.palette import CITYSCAPES, Palette, write_palette
from trained import ONE_EPOCH, TinyRun


@dataclass
class Opened:
    """A page, and what it said and asked for."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


def _open(browser: Browser, path: Path, width: int = 1440, scheme: str = "light") -> Opened:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    opened = Opened(context.new_page())
    opened.page.on("console", lambda message: opened.complaints.append(message.text))
    opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.page.on("request", lambda request: opened.requests.append(request.url))
    opened.page.goto(path.absolute().as_uri())
    return opened


def _elsewhere(opened: Opened, path: Path) -> list[str]:
    own = path.absolute().as_uri()
    return [url for url in opened.requests if not url.startswith("data:") and url.partition("#")[0] != own]


@pytest.fixture(scope="module")
def long_names(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The pages of a run, and of a comparison, in which everything has a long name."""
    root = tmp_path_factory.mktemp("long")
    data, run = root / ("d" * 80), root / ("r" * 80)
    for split in ("train", "val"):
        (data / split).mkdir(parents=True)
        for path in (streets / split).iterdir():
            shutil.copy(path, data / split / f"{'n' * 90}{path.name}")
    colours = zip(CITYSCAPES.names, CITYSCAPES.colours, strict=True)
    palette = Palette("long", *zip(*((name * 8, colour) for name, colour in colours), strict=True))
    write_palette(root / "long.yaml", palette, "")
    settings = {**ONE_EPOCH, "data.palette": str(root / "long.yaml")}
    pairloom.train(data, run, settings=settings, log=lambda _line: None)
    pairloom.compare([run, run], page=root / "comparison.html")
    return run / "report" / "index.html", root / "comparison.html"


@pytest.mark.slow
def test_long_names_do_not_widen_a_narrow_screen(browser: Browser, long_names: tuple[Path, Path]) -> None:
    for path in long_names:
        opened = _open(browser, path, 390)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
        opened.page.context.close()


@pytest.fixture(scope="module")
def comparison(tiny_run: TinyRun, other_run: TinyRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a comparison."""
    page = tmp_path_factory.mktemp("comparison") / "comparison.html"
    pairloom.compare([tiny_run.path, other_run.path], page=page)
    return page


SCREENS = [
    (1440, "light"),
    (390, "dark"),
    pytest.param(1440, "dark", marks=pytest.mark.slow),
    pytest.param(390, "light", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_pages_open_without_complaint_or_request_and_fit_the_screen(
    browser: Browser, tiny_run: TinyRun, comparison: Path, width: int, scheme: str
) -> None:
    for path in (tiny_run.path / "report" / "index.html", comparison):
        opened = _open(browser, path, width, scheme)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
        dark = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, dark[4:-1].split(","))) < 200) == (scheme == "dark")
        for link in opened.page.query_selector_all("nav a"):
            assert opened.page.locator(str(link.get_attribute("href"))).count() == 1
            link.click()
        broken = "[...document.images].filter(i => i.src !== 'data:,' && i.naturalWidth === 0).length"
        assert opened.page.evaluate(broken) == 0
        assert opened.complaints == []
        assert _elsewhere(opened, path) == []
        opened.page.context.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_page_of_a_check_is_whole(browser: Browser, streets: Path, tmp_path: Path, width: int, scheme: str) -> None:
    data = tmp_path / ("d" * 80)
    shutil.copytree(streets, data)
    for path in sorted((data / "train").iterdir())[:2]:
        path.rename(path.with_name("n" * 90 + path.name))
    unreadable = sorted((data / "train").iterdir())[0]
    unreadable.write_bytes(unreadable.read_bytes()[:300])
    page = tmp_path / "page.html"
    main(["check", str(data), "--out", str(page)])
    opened = _open(browser, page, width, scheme)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    for link in opened.page.query_selector_all("nav a"):
        assert opened.page.locator(str(link.get_attribute("href"))).count() == 1
    assert opened.page.evaluate("[...document.images].filter(i => !i.alt && i.src !== 'data:,').length") == 0
    assert opened.page.evaluate("[...document.images].filter(i => i.src !== 'data:,' && !i.naturalWidth).length") == 0
    opened.page.locator("#pairs button.zoom").first.click()
    assert "source" in opened.page.locator("dialog p").inner_text()
    assert opened.complaints == []
    assert _elsewhere(opened, page) == []
    opened.page.context.close()


def test_the_slider_shows_the_pictures_of_its_epoch(browser: Browser, tiny_run: TinyRun) -> None:
    opened = _open(browser, tiny_run.path / "report" / "index.html")
    slider = opened.page.locator("#samples input[type=range]")
    pictures = opened.page.locator("#samples img[data-row]")
    assert pictures.count() == 2
    seen = []
    for position in range(4):
        slider.fill(str(position))
        assert opened.page.locator("#samples output").inner_text() == f"epoch {position + 1}"
        assert slider.get_attribute("aria-valuetext") == f"epoch {position + 1}"
        seen.append(pictures.first.get_attribute("src"))
    assert len(set(seen)) == 4
    slider.press("ArrowLeft")
    assert pictures.first.get_attribute("src") == seen[2]
    assert opened.complaints == []
    opened.page.context.close()


def test_curves_tell_their_values_at_the_pointer(browser: Browser, tiny_run: TinyRun) -> None:
    opened = _open(browser, tiny_run.path / "report" / "index.html")
    chart = opened.page.locator(".chart").first
    value = chart.locator(".legend b").first
    last = value.inner_text()
    chart.locator("svg").scroll_into_view_if_needed()
    box = chart.locator("svg").bounding_box()
    assert box is not None
    opened.page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] / 2)
    assert chart.locator("figcaption").inner_text() == "logarithmic · epoch 1"
    first = value.inner_text()
    assert first != last
    opened.page.mouse.move(box["x"] + box["width"] * 0.97, box["y"] + box["height"] / 2)
    assert chart.locator("figcaption").inner_text() == "logarithmic · epoch 4"
    assert value.inner_text() == last
    opened.page.mouse.move(0, 0)
    assert chart.locator("figcaption").inner_text() == "logarithmic · epoch"
    opened.page.context.close()


def test_pictures_enlarge_and_words_are_copied(browser: Browser, tiny_run: TinyRun) -> None:
    opened = _open(browser, tiny_run.path / "report" / "index.html")
    opened.page.locator("#images button.zoom").first.click()
    dialog = opened.page.locator("dialog")
    assert dialog.is_visible()
    assert "source" in dialog.locator("p").inner_text()
    opened.page.keyboard.press("Escape")
    assert not dialog.is_visible()
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.page.locator("#use .code button").first.click()
    opened.page.wait_for_function("document.querySelector('#use .code button').textContent !== 'Copy'")
    words = f"pairloom translate {tiny_run.path} photo.jpg --out translated"
    copied = opened.page.evaluate("navigator.clipboard.readText()")
    assert copied == words
    assert opened.complaints == []
    opened.page.context.close()
