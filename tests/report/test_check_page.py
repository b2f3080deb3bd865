"""The page of a check: it shows what was read, stays small, and asks for nothing from elsewhere."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pairloom.cli import main
from pairloom.config import DataConfig
from pairloom.data.check import check_pairs
from pairloom.data.folder import PairFolder
from pairloom.images import Values
from pairloom.palette import CITYSCAPES, VOID, Palette, write_palette
from pairloom.report.check_page import write_check_page
from pairloom.report.data_words import spread, value_range
from pairloom.report.overlays import overlay, spotlight
from pairloom.streets import draw_street
from trees import WRITERS, save


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Street scenes side by side, as their authors left them."""
    root = tmp_path / "data"
    for split, first, number in (("train", 0, 8), ("val", 100, 3)):
        for index in range(number):
            photograph, ids = draw_street(0, first + index, 64, 64)
            save(root / split / f"{index}.png", np.hstack([photograph, CITYSCAPES.to_colours(ids)]))
    return root


def _page(data: Path, **settings: str) -> str:
    folder = PairFolder.open(DataConfig(str(data), **settings))  # type: ignore[arg-type]
    page = data.parent / "page.html"
    write_check_page(page, folder, check_pairs(folder))
    text = page.read_text(encoding="utf-8")
    assert str(data.parent) not in text  # a page that is passed on tells nothing of this machine
    return text


def test_the_page_shows_pairs_classes_and_notes(data: Path) -> None:
    for index in range(4):
        save(data / "holdout" / f"{index}.png", np.zeros((64, 128, 3), dtype=np.uint8))
    text = _page(data)
    assert "holdout/ (4 images)" in text
    assert "Layout side-by-side" in text
    assert "8 train, 3 val pairs" in text
    assert text.count(": target laid over source") == 6 + 3
    assert text.count(", outlined in ") == text.count('<div class="class card">') > 8
    assert "Occur nowhere:" in text
    assert all(name in text for name in CITYSCAPES.names)


def test_problems_are_grouped_with_counts_and_pictures(data: Path) -> None:
    for index in range(8):
        path = data / "train" / f"{index}.png"
        both = np.asarray(Image.open(path)).copy()
        both[:, :64] = 90
        save(path, both)
    text = _page(data)
    group = text[text.index("blank image <b>8</b>") :]
    assert "… and 2 more" in group
    assert group.count("shows nothing but one colour") == 6
    assert 'alt="train/0.png: overlay"' in group


def test_files_that_cannot_be_read_are_no_reason_to_stop(data: Path) -> None:
    for index in range(3):
        path = data / "train" / f"{index}.png"
        path.write_bytes(path.read_bytes()[:200])
    text = _page(data, palette="cityscapes", layout="side-by-side")
    assert "unreadable <b>3</b>" in text
    assert "source: cannot be read" in text
    assert text.count(": target laid over source") == 5 + 3


def test_pictures_as_targets_come_with_their_ranges(data: Path) -> None:
    text = _page(data, target="images")
    assert "Classes" not in text
    assert re.search(r"\d+ to \d+ in a range of 0 to 255", text)


def test_ranges_are_those_of_the_files() -> None:
    depths = np.array([[[400], [4312]]], dtype=np.uint16)
    assert value_range(depths) == "400 to 4,312 in a range of 0 to 65,535"
    assert value_range(depths, Values((0, 5000))) == "400 to 4,312 in a range of 0 to 5,000"
    shares = np.array([[[0.25], [0.75], [np.nan], [np.nan]]], dtype=np.float32)
    assert value_range(shares) == "0.25 to 0.75 in a range of 0 to 1, 50% without a reading"
    assert value_range(shares[:, 2:]) == "no readings"


@pytest.mark.slow
def test_a_page_of_many_noisy_classes_stays_small(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names, colours = zip(*((f"class {index}", (index, 255 - index, 90)) for index in range(200)), strict=True)
    write_palette(tmp_path / "many.yaml", Palette("many", names, colours), "")
    for index in range(16):
        save(tmp_path / "data" / "images" / f"{index}.png", rng.integers(0, 256, (500, 640, 3), dtype=np.uint8))
        save(tmp_path / "data" / "masks" / f"{index}.png", rng.integers(0, 200, (500, 640), dtype=np.uint8))
    assert len(_page(tmp_path / "data", palette=str(tmp_path / "many.yaml"))) < 5_000_000


def test_a_page_asks_for_nothing_from_elsewhere(data: Path) -> None:
    text = _page(data)
    addresses = re.findall(r"(?:src|href|action|data)=[\"']([^\"']*)", text)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?://", text)


@pytest.mark.parametrize("name", WRITERS)
def test_every_layout_has_a_page(tmp_path: Path, name: str) -> None:
    WRITERS[name](tmp_path / "data")  # type: ignore[index]
    assert main(["check", str(tmp_path / "data"), "--out", str(tmp_path / "page.html")]) in (0, 2)
    assert (tmp_path / "page.html").read_text(encoding="utf-8").count(": target laid over source") == 5 + 2


def test_only_pages_are_replaced(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    for _ in range(2):
        assert main(["check", str(data), "--data.palette", "cityscapes", "--out", str(page)]) in (0, 2)
        assert f"page: {page}" in capsys.readouterr().out
    page.write_text("<html>mine</html>", encoding="utf-8")
    assert main(["check", str(data), "--out", str(page)]) == 2
    assert "not a page of Pairloom" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "<html>mine</html>"


def test_an_overlay_leaves_void_clear_and_outlines_classes() -> None:
    photograph = np.full((4, 9, 3), 100, dtype=np.uint8)
    ids = np.array([[0] * 3 + [1] * 3 + [VOID] * 3] * 4, dtype=np.uint8)
    laid = overlay(photograph, ids, CITYSCAPES)
    road, sidewalk = CITYSCAPES.colours[:2]
    assert tuple(laid[0, 2]) == road
    assert tuple(laid[0, 3]) == sidewalk
    assert tuple(laid[0, 0]) == tuple(50 + channel // 2 for channel in road)
    assert tuple(laid[0, 8]) == (100, 100, 100)


def test_a_spotlight_keeps_what_it_shows_and_darkens_the_rest() -> None:
    photograph = np.full((9, 9, 3), 200, dtype=np.uint8)
    shown = np.zeros((9, 9), dtype=bool)
    shown[3:6, 3:6] = True
    lit = spotlight(photograph, shown, (255, 0, 0))
    assert (lit[shown] == 200).all()
    assert tuple(lit[2, 4]) == (255, 0, 0)
    assert lit[0, 0].max() < 100


def test_places_are_spread_evenly() -> None:
    assert spread(100, 4) == [12, 37, 62, 87]
    assert spread(3, 12) == [0, 1, 2]
    assert spread(0, 12) == []
