"""The history of a run, and which epoch of it is kept."""

from pathlib import Path

from pairloom.config import TrainConfig
from pairloom.evaluation.history import (
    EpochRecord,
    best_record,
    format_record,
    is_finished,
    is_out_of_patience,
    is_out_of_time,
    kept_record,
    read_history,
    seconds_left,
)


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


def test_patience_counts_the_validations_since_the_best_and_no_other_epochs() -> None:
    scores = [0.1, None, 0.3, None, 0.3, None, 0.2]
    history = [_record(number, score) for number, score in enumerate(scores, 1)]
    assert [is_out_of_patience(history[:count], 2) for count in range(8)] == [False] * 7 + [True]
    assert [is_out_of_patience(history[:count], 1) for count in range(8)] == [False] * 5 + [True] * 3
    better = [*history, _record(8, 0.31)]
    assert not is_out_of_patience(better, 2)
    assert not is_out_of_patience(history, None)
    assert is_finished(history, TrainConfig(epochs=20, patience=2))
    assert not is_finished(history, TrainConfig(epochs=20))
    assert is_finished(history, TrainConfig(epochs=7))


def test_time_is_out_when_another_epoch_like_those_before_would_not_fit() -> None:
    history = [_record(number, 0.1) for number in range(1, 5)]
    for record in history:
        record["seconds"] = {"steps": 10.0, "pictures": 5.0}
    # After three epochs 40 seconds count, the last pictures not; a fourth would end after 53.3.
    assert [is_out_of_time(history[:count], 0.9) for count in range(5)] == [False, False, False, False, True]
    assert [is_out_of_time(history[:count], 0.88) for count in range(5)] == [False, False, False, True, True]
    assert not is_out_of_time(history, None)
    assert is_finished(history, TrainConfig(epochs=20, minutes=0.88))
    assert seconds_left(history, TrainConfig(epochs=6)) == 30.0
    assert seconds_left(history, TrainConfig(epochs=6, minutes=1.25)) == 15.0
    assert seconds_left(history, TrainConfig(epochs=6, minutes=0.5)) == 0.0
    assert seconds_left([], TrainConfig()) is None


def test_pictures_that_are_timed_later_do_not_end_a_run() -> None:
    history = [_record(1, 0.1)]
    assert not is_out_of_time(history, 2 / 60)
    history[0]["seconds"]["pictures"] = 100.0
    assert not is_out_of_time(history, 2 / 60)


def test_a_history_comes_back_from_its_file(tmp_path: Path) -> None:
    history = [_record(1, 0.3), _record(2, None)]
    (tmp_path / "metrics.jsonl").write_text("".join(map(format_record, history)), encoding="utf-8")
    assert read_history(tmp_path / "metrics.jsonl") == history
    for damage in ('{"epoch": 1, "losses": {}, "validation": null}', '{"losses": {}}', "[]", "7"):
        (tmp_path / "damaged.jsonl").write_text(damage, encoding="utf-8")
        assert read_history(tmp_path / "damaged.jsonl") == []
    (tmp_path / "cut.jsonl").write_text('{"epoch": 1, "los', encoding="utf-8")
    assert read_history(tmp_path / "cut.jsonl") == read_history(tmp_path / "none.jsonl") == []
