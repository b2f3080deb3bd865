"""Which pairs models are scored and compared on."""

import json
import shutil
from pathlib import Path

import pytest

import pairloom
from pairloom.cli import main
from pairloom.errors import UserError
from trained import ONE_EPOCH, TinyRun
from trees import two_folders


def test_runs_are_compared_on_the_pairs_of_the_first(tiny_run: TinyRun, other_run: TinyRun) -> None:
    comparison = pairloom.compare([tiny_run.path, other_run.path, other_run.path / "model"])
    for run, compared in zip((tiny_run, other_run, other_run), comparison.runs, strict=True):
        assert compared.scores.to_record() == pairloom.evaluate(run.path).to_record()
    assert comparison.at == "size"
    assert comparison.runs[1].difference == comparison.runs[2].difference


@pytest.mark.slow
def test_runs_of_different_sizes_are_compared_at_the_images_own(tiny_run: TinyRun, tmp_path: Path) -> None:
    settings = {**ONE_EPOCH, "size": "32x64"}
    pairloom.train(tiny_run.data, tmp_path / "wide", settings=settings, log=lambda _line: None)
    comparison = pairloom.compare([tiny_run.path, tmp_path / "wide"], page=tmp_path / "page.html")
    assert comparison.at == "native"
    native = pairloom.evaluate(tmp_path / "wide", at="native")
    assert comparison.runs[1].scores.to_record() == native.to_record()
    assert "the images' own size" in (tmp_path / "page.html").read_text(encoding="utf-8").replace("&#39;", "'")


@pytest.mark.slow
def test_the_command_line_prints_a_table_and_writes_the_page(
    tiny_run: TinyRun,
    other_run: TinyRun,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["compare", str(tiny_run.path), str(other_run.path)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert f"A  {tiny_run.path}" in printed
    assert "mean IoU" in printed
    assert "IoU road" in printed
    assert (tmp_path / "comparison.html").is_file()
    assert main([*words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["pairs"] == 3
    assert record["runs"][1]["difference"]["mean_iou"].keys() == {"value", "low", "high"}


@pytest.mark.slow
def test_with_json_a_page_is_written_only_where_it_is_named(
    tiny_run: TinyRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["compare", str(tiny_run.path), str(tiny_run.path), "--json"]
    assert main(words) == 0
    record = json.loads(capsys.readouterr().out)
    assert [run["run"] for run in record["runs"]] == [str(tiny_run.path), f"{tiny_run.path} (2)"]
    zero = {"value": 0.0, "low": 0.0, "high": 0.0}
    assert record["runs"][1]["difference"]["mean_iou"] == zero
    assert record["most_different"] == []
    assert record["draws"] == 2000
    assert list(tmp_path.iterdir()) == []
    assert main([*words, "--out", "here.html"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["here.html"]


def test_a_model_folder_alone_is_compared_as_the_run_that_it_is_from(tiny_run: TinyRun, tmp_path: Path) -> None:
    shutil.copytree(tiny_run.path / "model", tmp_path / "alone")
    comparison = pairloom.compare([tiny_run.path, tmp_path / "alone", tiny_run.path / "checkpoints" / "epoch-0004"])
    assert comparison.runs[1].scores.to_record() == comparison.runs[0].scores.to_record()
    assert pairloom.evaluate(tiny_run.path / "checkpoints" / "epoch-0004").to_record()["pairs"] == 3


@pytest.mark.slow
def test_models_of_other_directions_and_channels_are_refused(camvid_like: Path, tmp_path: Path) -> None:
    settings = {**ONE_EPOCH, "data.target": "images"}
    changes: dict[str, dict[str, object]] = {
        "there": {},
        "back": {"direction": "BtoA"},
        "coloured": {"model.out_channels": 3},
    }
    for name, change in changes.items():
        pairloom.train(camvid_like, tmp_path / name, settings={**settings, **change}, log=lambda _line: None)
    with pytest.raises(UserError, match="back: its model translates in the other direction"):
        pairloom.compare([tmp_path / "there", tmp_path / "back"])
    with pytest.raises(UserError, match="coloured: its model gives 3 channels, not 1"):
        pairloom.compare([tmp_path / "there", tmp_path / "coloured"])


@pytest.mark.slow
def test_classes_that_have_got_names_since_are_the_same(tmp_path: Path) -> None:
    two_folders(tmp_path / "pairs")
    assert main(["check", str(tmp_path / "pairs"), "--write-palette", str(tmp_path / "named.yaml")]) in (0, 2)
    text = (tmp_path / "named.yaml").read_text(encoding="utf-8")
    assert "not scored" in text
    (tmp_path / "named.yaml").write_text(text.replace("class 0:", "tarmac:"), encoding="utf-8")
    pairloom.train(tmp_path / "pairs", tmp_path / "before", settings=ONE_EPOCH, log=lambda _line: None)
    named = {**ONE_EPOCH, "data.palette": str(tmp_path / "named.yaml")}
    pairloom.train(tmp_path / "pairs", tmp_path / "after", settings=named, log=lambda _line: None)
    comparison = pairloom.compare([tmp_path / "after", tmp_path / "before"])
    assert "tarmac" in comparison.classes
    assert comparison.runs[0].scores.to_record() == comparison.runs[1].scores.to_record()


@pytest.mark.slow
def test_the_table_can_be_read_in_80_columns(
    tiny_run: TinyRun,
    other_run: TinyRun,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["compare", *[str(run.path) for run in (tiny_run, other_run, other_run, tiny_run)]]) == 0
    printed = capsys.readouterr().out
    assert "…" not in printed
    assert printed.count("mean IoU") == 3
    assert printed.count("3 pairs are too few") == 3


@pytest.mark.slow
def test_a_run_that_has_trained_on_the_pairs_is_refused(tmp_path: Path) -> None:
    two_folders(tmp_path / "pairs")
    for folder in ("images", "masks"):  # all pairs lie together, so that validation pairs are drawn
        for path in (tmp_path / "pairs" / folder).rglob("*.*"):
            path.rename(tmp_path / "pairs" / folder / f"{path.parent.name}-{path.name}")
        for split in ("train", "val"):
            (tmp_path / "pairs" / folder / split).rmdir()
    for seed in (0, 1):
        drawn = {**ONE_EPOCH, "data.split_seed": seed}
        pairloom.train(tmp_path / "pairs", tmp_path / f"run-{seed}", settings=drawn, log=lambda _line: None)
    (tmp_path / "link").symlink_to(tmp_path / "pairs")
    for second, data in (
        ("run-1", None),
        ("run-1/model", None),
        ("run-1", tmp_path / "pairs"),
        ("run-1", tmp_path / "link"),
    ):
        with pytest.raises(UserError, match=r"may have been trained on \d of these pairs"):
            pairloom.compare([tmp_path / "run-0", tmp_path / second], data)
    assert len(pairloom.compare([tmp_path / "run-0", tmp_path / "run-1"], split="train").runs) == 2


def test_what_cannot_be_compared_is_refused(tiny_run: TinyRun, tmp_path: Path, camvid_like: Path) -> None:
    with pytest.raises(UserError, match="two runs or more"):
        pairloom.compare([tiny_run.path])
    pairloom.train(camvid_like, tmp_path / "camvid", settings=ONE_EPOCH, log=lambda _line: None)
    with pytest.raises(UserError, match="compare models with the same targets"):
        pairloom.compare([tiny_run.path, tmp_path / "camvid"])
    shutil.copytree(tiny_run.path / "model", tmp_path / "alone")
    with pytest.raises(UserError, match="does not store its data"):
        pairloom.compare([tmp_path / "alone", tiny_run.path])
    with pytest.raises(UserError, match="no such run"):
        pairloom.compare([tiny_run.path, tmp_path / "nowhere"])
