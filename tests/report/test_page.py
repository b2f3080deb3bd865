"""Pages: one file, nothing asked for from elsewhere, and nothing in the data that could become markup."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairloom.errors import UserError
from pairloom.report.page import duration, figure, percent, require_replaceable, write_page
from trained import TinyRun


def test_a_run_has_a_page_that_tells_all_of_it(tiny_run: TinyRun) -> None:
    text = (tiny_run.path / "report" / "index.html").read_text(encoding="utf-8")
    for section in ("samples", "curves", "classes", "confusion", "images", "use", "time", "palette", "config"):
        assert f'id="{section}"' in text
    assert f"learned from 6 pairs of\n<b>{tiny_run.data}</b> at 32×32 pixels" in text
    assert "to turn colour pictures into maps of 19 classes" in text
    assert f"pairloom translate {tiny_run.path} photo.jpg" in text
    assert "Training:" not in text  # it has ended
    for line in (tiny_run.path / "config.yaml").read_text(encoding="utf-8").splitlines():
        assert line.replace("'", "&#39;") in text
    assert text.count("<b>0.") >= 3


def test_a_page_asks_for_nothing_from_elsewhere(tiny_run: TinyRun) -> None:
    text = (tiny_run.path / "report" / "index.html").read_text(encoding="utf-8")
    addresses = re.findall(r"(?:src|href|action|data)=[\"']([^\"']*)", text)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?://", text)


@given(name=st.text(min_size=1, max_size=20) | st.just("</script><script>alert(1)</script>"))
def test_names_never_become_markup(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    page = tmp_path_factory.mktemp("page") / "page.html"
    comparison = {
        "runs": [{"name": name, "colour": "#000000", "size": "1×1"}],
        "pairs": 1, "split": name, "data": name, "at": "size", "resamples": "2", "verdicts": [name],
        "overall": [], "classes": [[]], "reach": 1.0, "drawings": [], "measure": name, "images": [],
    }  # fmt: skip
    write_page(page, "comparison.html.jinja", comparison)
    text = page.read_text(encoding="utf-8", errors="surrogatepass")
    assert text.count("<script") == 1
    assert "<script>alert" not in text


def test_only_pages_are_replaced(tmp_path: Path, tiny_run: TinyRun) -> None:
    require_replaceable(tmp_path / "new.html")
    page = tmp_path / "page.html"
    page.write_bytes((tiny_run.path / "report" / "index.html").read_bytes())
    require_replaceable(page)
    other = tmp_path / "thesis.html"
    other.write_text("<html>mine</html>", encoding="utf-8")
    for path, complaint in (
        (other, "no page of Pairloom's"),
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "page.html", "does not exist"),
    ):
        with pytest.raises(UserError, match=complaint):
            require_replaceable(path)
    assert other.read_text(encoding="utf-8") == "<html>mine</html>"


def test_figures_read_well() -> None:
    assert [percent(value) for value in (None, 0.0, 0.0012, 0.25, 1.0)] == ["–", "0.0%", "0.12%", "25.0%", "100.0%"]
    assert [figure(value) for value in (None, 0.12345)] == ["–", "0.123"]
    assert [duration(value) for value in (3.21, 75, 3600, 7384)] == ["3.2 s", "1 min 15 s", "1 h 0 min", "2 h 3 min"]
