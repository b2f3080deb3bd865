"""axe-core finds nothing to complain of on the pages."""

from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser

import pairloom
from pairloom.cli import main
from trained import TinyRun

Make = Callable[[TinyRun, Path], Path]


def _report(run: TinyRun, _folder: Path) -> Path:
    return run.path / "report" / "index.html"


def _comparison(run: TinyRun, folder: Path) -> Path:
    pairloom.compare([run.path, run.path], page=folder / "comparison.html")
    return folder / "comparison.html"


def _check(run: TinyRun, folder: Path) -> Path:
    main(["check", str(run.data), "--out", str(folder / "check.html")])
    return folder / "check.html"


def _runs(run: TinyRun, folder: Path) -> Path:
    main(["runs", str(run.path.parent), "--out", str(folder / "runs.html")])
    return folder / "runs.html"


@pytest.mark.parametrize("make", [_report, _comparison, _check, _runs])
def test_nothing_on_a_page_shuts_anybody_out(browser: Browser, tiny_run: TinyRun, tmp_path: Path, make: Make) -> None:
    path = make(tiny_run, tmp_path)
    for width, scheme in ((1440, "light"), (390, "dark")):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page = context.new_page()
        page.goto(path.as_uri())
        found = Axe().run(page).response["violations"]
        assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], (width, scheme)
        if make is _report:
            page.locator("#images button.zoom").first.click()
            found = Axe().run(page).response["violations"]
            assert [(one["id"], one["nodes"][0]["html"]) for one in found] == [], "the enlarged pictures"
        context.close()
