"""Pages: one file, nothing asked for from elsewhere, and nothing in the data that could become markup."""

import json
import re
import shutil
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import pairloom
from pairloom.errors import UserError
from pairloom.evaluation.history import EpochRecord, format_record, read_history
from pairloom.evaluation.metrics import Scores
from pairloom.palette import CITYSCAPES
from pairloom.progress import duration
from pairloom.report.model_quality import findings
from pairloom.report.page import figure, percent, require_replaceable
from trained import ONE_EPOCH, TinyRun
from trees import save


def test_a_run_has_a_page_that_tells_all_of_it(tiny_run: TinyRun) -> None:
    text = (tiny_run.path / "report" / "index.html").read_text(encoding="utf-8")
    for section in ("samples", "curves", "classes", "confusion", "images", "use", "time", "data", "config"):
        assert f'id="{section}"' in text
    assert f"learned from 6 pairs of\n<b>{tiny_run.data.name}</b> at 32×32 pixels" in text
    assert "to turn colour pictures into maps of 19 classes" in text
    assert f"pairloom translate {tiny_run.path.name} photo.jpg" in text
    assert "finished</b> 4 of 4 epochs in " in text
    for line in (tiny_run.path / "config.yaml").read_text(encoding="utf-8").splitlines():
        assert line.replace("'", "&#39;").replace(str(tiny_run.data), tiny_run.data.name) in text
    assert text.count("<b>0.") >= 3
    record = pairloom.evaluate(tiny_run.path).to_record()
    assert "mean_iou" in record
    assert f"<b>{record['mean_dice']:.3f}</b>" in text
    for name, dice in record["per_class_dice"].items():
        shown = re.search(rf"<span>{name}</span> <b>[0-9.]+</b> <span [^>]*>Dice ([0-9.]+)</span>", text)
        assert (shown and shown[1]) == (None if dice is None else f"{dice:.3f}")


def test_a_run_of_an_earlier_version_whose_scores_have_no_dice_is_shown_and_resumed(
    tiny_run: TinyRun, tmp_path: Path
) -> None:
    run, page = tmp_path / "run", tmp_path / "page.html"
    shutil.copytree(tiny_run.path, run)
    state = torch.load(run / "checkpoints/last.pt", weights_only=True)
    for record in state["history"]:
        del record["validation"]["mean_dice"], record["validation"]["per_class_dice"]
    torch.save(state, run / "checkpoints/last.pt")
    (run / "metrics.jsonl").write_text("".join(map(format_record, state["history"])), encoding="utf-8")

    pairloom.compare([run, tiny_run.path], page=page)
    assert "Validation mean Dice in training" in page.read_text(encoding="utf-8")
    pairloom.compare([run, run], page=page)
    assert "Validation mean Dice in training" not in page.read_text(encoding="utf-8")
    pairloom.resume(run, epochs=5, log=lambda _line: None)
    scores = [record["validation"] for record in read_history(run / "metrics.jsonl")]
    assert ["mean_dice" in record for record in scores] == [False] * 4 + [True]
    assert "mean Dice" in (run / "report/index.html").read_text(encoding="utf-8")


def test_a_page_that_is_passed_on_tells_nothing_of_where_it_was_made(tiny_run: TinyRun, tmp_path: Path) -> None:
    pages = [tiny_run.path / "report" / "index.html", tmp_path / "comparison.html"]
    pairloom.compare([tiny_run.path, tiny_run.path], page=pages[1])
    root = str(tiny_run.path.parent.parent)
    assert root not in pages[0].read_text(encoding="utf-8")
    assert str(tiny_run.data) not in pages[1].read_text(encoding="utf-8")


def test_the_page_says_what_is_worst_and_when_the_best_model_came() -> None:
    names = ("road", "car", "pole")
    confusions = np.array([[[90, 10, 0], [5, 95, 0], [30, 12, 8]]], dtype=np.int32)
    scores = Scores("val", ("one",), names, confusions)
    history = [_validated(epoch, iou) for epoch, iou in enumerate((0.3, 0.35, 0.4, 0.45, 0.5, 0.4), 1)]
    worst = "Worst class: pole, IoU 0.160; 60% of its pixels are taken for road."
    assert findings(history, "finished", scores) == [
        worst,
        "Epoch 5 is the best; 1 later validation brought no better one.",
    ]
    assert findings(history[:5], "finished", scores) == [
        worst,
        "The last validation is the best: a longer training may score higher.",
    ]
    assert findings(history[:4], "finished", scores) == [worst], "too few to tell"
    assert findings(history, "running", scores) == [worst]
    nothing = Scores("val", (), names, np.zeros((0, 3, 3), dtype=np.int32))
    assert findings(history[:1], "finished", nothing) == []
    predicted_only = confusions.copy()
    predicted_only[0, 2] = 0  # no pole is there, but some are predicted
    predicted_only[0, 0, 2] = 5
    assert findings([], "stopped", Scores("val", ("one",), names, predicted_only))[0].startswith("Worst class: road")


def _validated(epoch: int, iou: float) -> EpochRecord:
    record = EpochRecord(epoch=epoch, step=epoch, seconds={"steps": 1.0}, learning_rate=0.1, losses={})
    record["validation"] = {
        "split": "val", "pairs": 1, "pixel_accuracy": 0.5, "class_accuracy": 0.5, "mean_iou": iou, "per_class": {}
    }  # fmt: skip
    return record


def test_the_table_holds_every_image_with_its_scores_and_pictures(tiny_run: TinyRun) -> None:
    text = (tiny_run.path / "report" / "index.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="table">(.*?)</script>', text, re.S)
    assert found
    table = json.loads(found[1])
    scores = pairloom.evaluate(tiny_run.path)
    assert isinstance(scores, Scores)
    by_name = dict(zip(scores.pairs, zip(scores.qualities, scores.confusions, strict=True), strict=True))
    assert sorted(by_name) == sorted(image["name"] for image in table["images"])
    qualities = [image["scores"][0] for image in table["images"]]
    assert qualities == sorted(qualities)
    for image in table["images"]:
        quality, confusion = by_name[image["name"]]
        assert image["scores"] == pytest.approx([quality, np.trace(confusion) / confusion.sum()], abs=1e-4)
        whole = np.zeros_like(confusion)
        for row, column, count in image["pixels"]:
            whole[row, column] = count
        assert (whole == confusion).all()
        assert [address[:22] for address in image["pictures"].values()] == ["data:image/webp;base64"] * 4


def test_one_class_is_one_class(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for index in range(2):
            picture = np.random.default_rng(index).integers(0, 256, (32, 32, 3), dtype=np.uint8)
            save(
                tmp_path / "pairs" / split / f"{index}.png", np.concatenate([picture, np.full_like(picture, 9)], axis=1)
            )
    (tmp_path / "one.yaml").write_text("{name: one, classes: {lawn: [9, 9, 9]}}", encoding="utf-8")
    said: list[str] = []
    settings = {**ONE_EPOCH, "data.palette": str(tmp_path / "one.yaml")}
    pairloom.train(tmp_path / "pairs", tmp_path / "run", settings=settings, log=said.append)
    assert "maps of 1 class (palette one)" in said[0]
    assert "into maps of 1 class." in (tmp_path / "run" / "report" / "index.html").read_text(encoding="utf-8")


def test_a_page_asks_for_nothing_from_elsewhere(tiny_run: TinyRun) -> None:
    text = (tiny_run.path / "report" / "index.html").read_text(encoding="utf-8")
    addresses = re.findall(r"(?:src|href|action|data)=[\"']([^\"']*)", text)
    assert addresses
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert "default-src 'none'" in text
    assert not re.search(r"url\(|@import|https?://", text)


HOSTILE = "<img src=x onerror=alert(1)> \"'&</script><script>alert(2)</script>"


class _Markup(HTMLParser):
    """What a browser would take for markup: elements, and attributes that run something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_names_never_become_markup(tiny_run: TinyRun, tmp_path: Path) -> None:
    """Of pairs, of classes, of the run and of its data: the pages have the same elements as those of plain names."""
    places = {}
    for kind in ("plain", HOSTILE.replace("/", "∕")):
        data, run, page = (tmp_path / f"{kind} {what}" for what in ("data", "run", "page.html"))
        for split in ("train", "val"):
            (data / split).mkdir(parents=True)
            for path in (tiny_run.data / split).iterdir():
                shutil.copy(path, data / split / f"{kind} {path.name}")
        colours = zip(CITYSCAPES.names, CITYSCAPES.colours, strict=True)
        classes = {f"{kind} {name}": list(colour) for name, colour in colours}
        palette = tmp_path / f"{kind == 'plain'}.yaml"
        palette.write_text(yaml.safe_dump({"name": kind, "classes": classes}), encoding="utf-8")
        settings = {**ONE_EPOCH, "data.palette": str(palette)}
        pairloom.train(data, run, settings=settings, log=lambda _line: None)
        pairloom.compare([run, run], page=page)
        places[kind] = (run / "report" / "index.html", page)
    for plain, hostile in zip(*places.values(), strict=True):
        expected, found = (_Markup(path.read_text(encoding="utf-8")) for path in (plain, hostile))
        assert found.elements == expected.elements
        assert found.handlers == []
        for words in re.findall(
            r'<script type="application/json"[^>]*>(.*?)</script>', hostile.read_text("utf-8"), re.S
        ):
            json.loads(words)


def test_only_pages_are_replaced(tmp_path: Path, tiny_run: TinyRun) -> None:
    require_replaceable(tmp_path / "new.html", "a.html")
    page = tmp_path / "page.html"
    page.write_bytes((tiny_run.path / "report" / "index.html").read_bytes())
    require_replaceable(page, "a.html")
    other = tmp_path / "thesis.html"
    other.write_text("<html>mine</html>", encoding="utf-8")
    for path, complaint in (
        (other, "not a page of Pairloom"),
        (tmp_path, "is a folder"),
        (tmp_path / "none" / "page.html", "does not exist"),
    ):
        with pytest.raises(UserError, match=complaint):
            require_replaceable(path, "a.html")
    assert other.read_text(encoding="utf-8") == "<html>mine</html>"


def test_figures_read_well() -> None:
    assert [percent(value) for value in (None, 0.0, 0.0012, 0.25, 1.0)] == ["–", "0.0%", "0.12%", "25.0%", "100.0%"]
    assert [figure(value) for value in (None, 0.12345)] == ["–", "0.123"]
    assert [duration(value) for value in (3.21, 75, 3600, 7384)] == ["3.2 s", "1 min 15 s", "1 h 0 min", "2 h 3 min"]
