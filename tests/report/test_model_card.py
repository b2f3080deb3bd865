"""The model card: true to the run, the same bytes for the same model, and a text whatever names the data have."""

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pairloom.evaluation.history import read_history
from pairloom.report.model_card import CARD, model_card, write_card
from trained import TinyRun

MARKDOWN = MarkdownIt("commonmark").enable("table")


def _description(run: TinyRun) -> dict[str, Any]:
    description: dict[str, Any] = json.loads((run.path / "model" / "config.json").read_text())
    return description


def _parts(card: str) -> tuple[dict[str, Any], str]:
    """Return the front matter and the text."""
    before, front, text = card.split("---\n", 2)
    assert before == ""
    matter = yaml.safe_load(front)
    assert isinstance(matter, dict)
    return matter, text


def _named(description: dict[str, Any], name: str, license_: str = "") -> dict[str, Any]:
    """Return the description with one class, the palette and the data named so."""
    changed: dict[str, Any] = json.loads(json.dumps(description))
    palette, about = changed["target"]["palette"], changed["about"]
    scores = about["validation"]["per_class"]
    about["validation"]["per_class"] = {name if key == "road" else key: value for key, value in scores.items()}
    palette["names"] = [name if key == "road" else key for key in palette["names"]]
    palette["name"] = name
    about["data"] |= {"name": name, "license": license_}
    return changed


def _structure(text: str) -> list[str]:
    tokens = MARKDOWN.parse(text)
    inside = [child.type for token in tokens for child in token.children or [] if child.type != "text_special"]
    return [token.type for token in tokens] + [kind for kind in inside if kind != "text"]


def test_the_card_of_a_run_tells_its_data_and_its_scores(tiny_run: TinyRun) -> None:
    matter, text = _parts((tiny_run.path / "model" / CARD).read_text(encoding="utf-8"))
    assert matter["library_name"] == "pairloom"
    assert matter["pipeline_tag"] == "image-segmentation"
    assert "license" not in matter
    record = _description(tiny_run)["about"]["validation"]
    assert "6 for training and 3 for validation, of the data set streets (layout side-by-side)" in text
    assert "Licence of the data: not stated" in text
    assert f"| mean IoU | {record['mean_iou']:.3f} |" in text
    assert f"| mean Dice | {record['mean_dice']:.3f} |" in text
    assert "\n\n| class | IoU | Dice |\n|---|---|---|\n| road |" in text
    for name, value in record["per_class"].items():
        dice = record["per_class_dice"][name]
        assert f"| {name} | {'–' if value is None else f'{value:.3f} | {dice:.3f}'} |" in text or value is None
    assert str(tiny_run.data.parent) not in text
    assert str(tiny_run.path.parent) not in text


def test_each_snapshot_has_a_card_with_its_own_scores(tiny_run: TinyRun) -> None:
    history = read_history(tiny_run.path / "metrics.jsonl")
    for record in history:
        folder = tiny_run.path / "checkpoints" / f"epoch-{record['epoch']:04}"
        _, text = _parts((folder / CARD).read_text(encoding="utf-8"))
        scores = record["validation"]
        assert "mean_iou" in scores
        assert f"after epoch {record['epoch']}.\n" in text
        assert f"| mean IoU | {scores['mean_iou']:.3f} |" in text
        assert "6 for training" in text


def test_the_hub_reads_the_scores(tiny_run: TinyRun) -> None:
    card = (tiny_run.path / "model" / CARD).read_text(encoding="utf-8")
    record = _description(tiny_run)["about"]["validation"]
    data: Any = ModelCard(card).data
    results = data.eval_results
    assert {(result.metric_type, result.metric_value) for result in results} == {
        ("mean_iou", round(record["mean_iou"], 4)),
        ("accuracy", round(record["pixel_accuracy"], 4)),
    }
    assert {(result.task_type, result.dataset_name, result.dataset_split) for result in results} == {
        ("image-segmentation", "streets", "val")
    }


def test_a_card_without_scores_says_so(tiny_run: TinyRun) -> None:
    description = _description(tiny_run)
    del description["about"]["validation"]
    matter, text = _parts(model_card(description))
    assert "None were taken." in text
    assert "model-index" not in matter


def test_the_same_model_gets_the_same_card(tiny_run: TinyRun, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path / "model", tmp_path / "copy")
    (tmp_path / "copy" / CARD).unlink()
    write_card(tmp_path / "copy")
    assert (tmp_path / "copy" / CARD).read_bytes() == (tiny_run.path / "model" / CARD).read_bytes()
    assert sorted(path.name for path in (tmp_path / "copy").iterdir()) == [CARD, "config.json", "model.safetensors"]


def test_a_model_of_which_nothing_is_known_has_a_card(small_model: Path) -> None:
    write_card(small_model)
    matter, text = _parts((small_model / CARD).read_text(encoding="utf-8"))
    assert "metrics" not in matter
    assert "Pairs: not stated" in text
    assert "32×48 pixels (height × width)" in text


def test_a_model_of_pictures_is_one_of_images_to_images(tiny_run: TinyRun) -> None:
    description = _description(tiny_run)
    description["target"]["palette"] = None
    description["about"]["validation"] = {"split": "val", "pairs": 3, "l1": 0.1, "psnr": 20.0, "ssim": None}
    matter, text = _parts(model_card(description))
    assert (matter["pipeline_tag"], matter["metrics"]) == ("image-to-image", ["psnr", "ssim"])
    assert "| PSNR in dB | 20.000 |" in text
    assert "| class | IoU |" not in text


def test_scores_of_earlier_versions_have_no_dice(tiny_run: TinyRun) -> None:
    description = _description(tiny_run)
    scores = description["about"]["validation"]
    del scores["mean_dice"], scores["per_class_dice"]
    text = model_card(description)
    assert f"\n\n| class | IoU |\n|---|---|\n| road | {scores['per_class']['road']:.3f} |\n" in text
    assert "Dice" not in text


def test_classes_that_are_hardly_recognised_are_named(tiny_run: TinyRun) -> None:
    description = _description(tiny_run)
    scores = dict.fromkeys(description["about"]["validation"]["per_class"], 0.9) | {"pole": 0.1, "train": None}
    description["about"]["validation"]["per_class"] = scores
    assert "hardly recognises pole (IoU below 0.2)" in model_card(description)


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("CC BY 4.0", {"license": "cc-by-4.0"}),
        ("CC-BY-NC-SA-4.0", {"license": "cc-by-nc-sa-4.0"}),
        ("MIT", {"license": "mit"}),
        ("research only; ask us!", {"license": "other", "license_name": "research-only-ask-us"}),
        ("mit\nlicense: wtfpl", {"license": "other", "license_name": "mit-license-wtfpl"}),
        (" ", {}),
        ("", {}),
    ],
)
def test_a_licence_is_passed_on_only_where_it_was_stated(
    tiny_run: TinyRun, stated: str, expected: dict[str, str]
) -> None:
    matter, text = _parts(model_card(_named(_description(tiny_run), "road", stated)))
    assert {key: value for key, value in matter.items() if key.startswith("license")} == expected
    assert ("not stated" in text) == (not expected)


HOSTILE = st.sampled_from(
    [
        "---\nlicense: mit\n---",
        "\n\n# heading",
        "a | b",
        "<script>alert(1)</script>",
        "[text](http://example.com)",
        "![](x.png)",
        "`code`",
        "**bold** _it_ ~~no~~",
        "&lt;b&gt;",
        "\u2028- item",
        "\\",
        "{{ 7 * 7 }}{% raw %}",
        "\ud800",
        "<!-- ",
        "$x$",
    ]
)


@settings(deadline=None, max_examples=60)
@given(name=HOSTILE | st.text(min_size=1, max_size=20), stated=HOSTILE | st.text(max_size=20))
def test_names_are_text_and_never_markup(tiny_run: TinyRun, name: str, stated: str) -> None:
    description = _description(tiny_run)
    plain_matter, plain = _parts(model_card(_named(description, "road", "x")))
    matter, text = _parts(model_card(_named(description, f"x{name}", f"x{stated}")))
    for of in (matter, plain_matter):
        of |= {"license": "", "license_name": ""}
        of["model-index"][0]["results"][0]["dataset"] |= {"name": "", "type": ""}
    assert matter == plain_matter
    assert _structure(text) == _structure(plain)
    text.encode()


@pytest.mark.parametrize("name", ["a | b", "<b>x</b>", "[text](http://example.com)", "`x` \\ *y*", "tab\tand\nline"])
def test_names_read_as_they_are(tiny_run: TinyRun, name: str) -> None:
    _, text = _parts(model_card(_named(_description(tiny_run), name)))
    tokens = MARKDOWN.parse(text)
    cells = [
        "".join(child.content for child in after.children or [])
        for token, after in pairwise(tokens)
        if token.type == "td_open"
    ]
    assert " ".join(name.split()) in cells
