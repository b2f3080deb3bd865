"""The history of a run, and which epoch of it is kept."""

from pathlib import Path

from pairloom.evaluation.history import EpochRecord, best_record, format_record, kept_record, read_history


def _record(epoch: int, mean_iou: float | None) -> EpochRecord:
    record = EpochRecord(epoch=epoch, step=epoch, seconds={"steps": 1.0}, learning_rate=1e-3, losses={"l1": 1.0})
    if mean_iou is not None:
        record["validation"] = {
            "split": "val",
            "pairs": 1,
            "pixel_accuracy": 0.5,
            "class_accuracy": None,
            "mean_iou": mean_iou,
            "per_class": {"road": mean_iou},
        }
    return record


def test_the_best_epoch_is_the_first_with_the_highest_mean_iou() -> None:
    history = [_record(1, 0.1), _record(2, 0.3), _record(3, 0.3), _record(4, None)]
    assert best_record(history) == kept_record(history, "best") == history[1]
    assert best_record([]) is None


def test_the_last_epoch_that_is_kept_is_the_last_that_was_validated() -> None:
    history = [_record(1, 0.3), _record(2, 0.1), _record(3, None)]
    assert kept_record(history, "last") == history[1]
    assert kept_record(history[2:], "last") is None


def test_a_history_comes_back_from_its_file(tmp_path: Path) -> None:
    history = [_record(1, 0.3), _record(2, None)]
    (tmp_path / "metrics.jsonl").write_text("".join(map(format_record, history)), encoding="utf-8")
    assert read_history(tmp_path / "metrics.jsonl") == history
    for damage in ('{"epoch": 1, "losses": {}, "validation": null}', '{"losses": {}}', "[]", "7"):
        (tmp_path / "damaged.jsonl").write_text(damage, encoding="utf-8")
        assert read_history(tmp_path / "damaged.jsonl") == []
    (tmp_path / "cut.jsonl").write_text('{"epoch": 1, "los', encoding="utf-8")
    assert read_history(tmp_path / "cut.jsonl") == read_history(tmp_path / "none.jsonl") == []
