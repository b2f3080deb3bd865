"""The pages in a real browser: what can be moved moves, and nothing is asked for or complained of."""

import re
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

import pairloom
from pairloom.cli import main
from pairloom.evaluation.metrics import Scores
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
    assert opened.page.locator("dialog figcaption").all_inner_texts() == ["source", "target", "target laid over source"]
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
    title, labels = dialog.locator("header p"), dialog.locator("figcaption")
    names = opened.page.locator("table.images tbody th").all_inner_texts()
    assert title.inner_text() == f"{names[0]} (1 of 3)"
    assert labels.all_inner_texts() == ["source", "translation", "target", "errors"]
    opened.page.keyboard.press("ArrowRight")
    assert title.inner_text() == f"{names[1]} (2 of 3)"
    opened.page.keyboard.press("ArrowLeft")
    opened.page.keyboard.press("ArrowLeft")
    assert title.inner_text() == f"{names[2]} (3 of 3)"
    dialog.get_by_role("button", name="Next").click()
    assert title.inner_text() == f"{names[0]} (1 of 3)"
    dialog.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()
    opened.page.locator("#samples button.zoom").nth(1).click()
    assert labels.all_inner_texts() == ["source", "translation", "target"]
    opened.page.keyboard.press("Escape")
    assert not dialog.is_visible()
    opened.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened.page.locator("#use .code button").first.click()
    opened.page.locator("#use .code button", has_text="Copied").first.wait_for()
    words = f"pairloom translate {tiny_run.path.name} photo.jpg --out translated"
    copied = opened.page.evaluate("navigator.clipboard.readText()")
    assert copied == words
    assert opened.complaints == []
    opened.page.context.close()


def test_the_images_are_sorted_filtered_and_saved(browser: Browser, tiny_run: TinyRun, tmp_path: Path) -> None:
    opened = _open(browser, tiny_run.path / "report" / "index.html")
    page = opened.page
    rows = page.locator("table.images tbody tr")
    scores = [float(text) for text in page.locator("table.images tbody td:nth-child(2)").all_inner_texts()]
    assert scores == sorted(scores)
    heading = page.locator("table.images thead").get_by_role("button", name="mean IoU")
    heading.click()
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("mean IoU")
    heading.click()
    falling = [float(text) for text in page.locator("table.images tbody td:nth-child(2)").all_inner_texts()]
    assert falling == scores[::-1]
    assert page.locator("th[aria-sort=descending]").count() == 1
    names = page.locator("table.images tbody th").all_inner_texts()
    page.get_by_label("Name").fill(names[1])
    assert rows.count() == 1
    assert page.locator("#filter [role=status]").inner_text() == "1 of 3 images"
    page.get_by_label("Name").fill("")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    download.value.save_as(tmp_path / "images.csv")
    heading_line, *lines = (tmp_path / "images.csv").read_text(encoding="utf-8").splitlines()
    assert heading_line == '"image","mean IoU","pixel accuracy"'
    assert [line.split(",")[0].strip('"') for line in lines] == names
    assert opened.complaints == []
    page.context.close()


def test_a_class_and_a_confusion_lead_to_their_images(browser: Browser, tiny_run: TinyRun) -> None:
    opened = _open(browser, tiny_run.path / "report" / "index.html")
    page = opened.page
    scores = pairloom.evaluate(tiny_run.path)
    assert isinstance(scores, Scores)
    page.locator("#classes").get_by_role("button", name="its images").first.click()
    chosen = int(page.locator("#filter select[name=class]").input_value())
    truth = scores.confusions[:, chosen].sum(axis=1) + scores.confusions[:, :, chosen].sum(axis=1)
    assert page.locator("table.images tbody tr").count() == (truth > 0).sum()
    off_diagonal = scores.confusion * (1 - np.eye(len(scores.names), dtype=np.int64))
    row, column = np.unravel_index(off_diagonal.argmax(), off_diagonal.shape)
    one, other = scores.names[row], scores.names[column]
    page.locator("#confusion").get_by_role("button", name=f"{one} taken for {other}").click()
    shares = {
        name: confusion[row, column] / confusion.sum()
        for name, confusion in zip(scores.pairs, scores.confusions, strict=True)
        if confusion[row, column]
    }
    ranked = sorted(shares, key=lambda name: -shares[name])
    assert page.locator("table.images tbody th").all_inner_texts() == ranked
    first = scores.confusions[scores.pairs.index(ranked[0])]
    for column_number, share in ((2, shares[ranked[0]]), (3, first[row, column] / first[row].sum())):
        shown = page.locator(f"table.images tbody tr td:nth-child({column_number})").first.inner_text()
        assert shown == f"{100 * share:.1f} %"
    assert page.evaluate("document.activeElement.textContent") == "Validation images"
    page.get_by_role("button", name="Reset").click()
    page.locator("#filter [role=status]", has_text="3 of 3 images").wait_for()
    qualities = [float(text) for text in page.locator("table.images tbody td:nth-child(2)").all_inner_texts()]
    assert qualities == sorted(qualities), "the worst first again"
    assert page.locator("#filter select[name=takenFor]").is_disabled()
    assert opened.complaints == []
    page.context.close()


def test_curves_are_hidden_and_smoothed(browser: Browser, tiny_run: TinyRun) -> None:
    opened = _open(browser, tiny_run.path / "report" / "index.html")
    page = opened.page
    chart = page.locator(".chart").first
    entry, curve = chart.locator(".legend button").first, chart.locator(".series").first
    entry.click()
    assert entry.get_attribute("aria-pressed") == "false"
    assert not curve.locator("path.curve").is_visible()
    entry.click()
    assert curve.locator("path.curve").is_visible()
    before = curve.locator("path.curve").get_attribute("d")
    page.locator("#smoothing").fill("0.9")
    smooth = curve.locator("path.curve").get_attribute("d")
    assert smooth != before
    page.locator("#smoothing").fill("0")
    # The points are those of the page, but for their rounding.
    numbers = [[float(number) for number in re.findall(r"[0-9.]+", path or "")] for path in (before, smooth)]
    again = [float(n) for n in re.findall(r"[0-9.]+", curve.locator("path.curve").get_attribute("d") or "")]
    assert again == pytest.approx(numbers[0], abs=0.11)
    assert numbers[1][:2] == pytest.approx(numbers[0][:2], abs=0.11)  # a mean begins at its first value
    assert chart.locator("line.best").count() == 1
    assert opened.complaints == []
    page.context.close()


def test_a_page_of_a_run_that_goes_on_reloads_itself_and_says_when_it_is_old(
    browser: Browser, tiny_run: TinyRun, tmp_path: Path
) -> None:
    text = (tiny_run.path / "report" / "index.html").read_text(encoding="utf-8")
    page_file = tmp_path / "index.html"

    def write(written: float, title: str) -> None:
        running = re.sub(
            r'data-state="finished" data-written="\d+"', f'data-state="running" data-written="{written:.0f}"', text
        )
        box = '<input type="checkbox" id="reload" checked>'
        page_file.write_text(running.replace('<span class="age">', f'{box}<b id="mark">{title}</b><span class="age">'))

    write(time.time() - 45, "first")
    context = browser.new_context()
    page = context.new_page()
    page.clock.install()
    page.goto(page_file.as_uri())
    write(time.time() + 60, "second")
    page.clock.fast_forward(30_000)
    page.locator("#mark", has_text="second").wait_for()
    page.clock.fast_forward(60 * 60_000)
    page.clock.run_for(11_000)
    assert "training may have been killed" in page.locator("#state .age").inner_text()
    context.close()


def test_the_runs_are_linked_to_their_reports(browser: Browser, tiny_run: TinyRun, tmp_path: Path) -> None:
    place = tmp_path / "a folder" / "runs #1"
    shutil.copytree(tiny_run.path, place)
    main(["runs", str(tmp_path), "--out", str(tmp_path / "runs.html")])
    opened = _open(browser, tmp_path / "runs.html", 390)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert "finished" in opened.page.locator("table").inner_text()
    opened.page.get_by_role("link", name="a folder/runs #1").click()
    assert opened.page.locator("h1").inner_text() == tiny_run.path.name
    assert opened.complaints == []
    opened.page.context.close()
