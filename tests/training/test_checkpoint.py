"""States of a training, read while it writes them."""

import threading
from pathlib import Path

from pairloom.training.checkpoint import TrainingState, load_state, save_state


def test_who_reads_while_a_training_writes_gets_a_whole_state(tmp_path: Path) -> None:
    """Others may look at a run that goes on; for an instant it then has no `last.pt`, which is not damage."""
    save_state(tmp_path, _state(0))
    save_state(tmp_path, _state(1))
    done = threading.Event()

    def train() -> None:
        for step in range(2, 150):
            save_state(tmp_path, _state(step))
        done.set()

    training = threading.Thread(target=train)
    training.start()
    said: list[str] = []
    steps = []
    while not done.is_set():
        state = load_state(tmp_path, said.append)
        if state is not None:
            steps.append(state["step"])
    training.join()
    assert said == []
    assert len(set(steps)) > 10
    assert steps[-1] > steps[0]
    assert not (tmp_path / "damaged.pt").exists()


def _state(step: int) -> TrainingState:
    return {
        "step": step,
        "pairs": [],
        "sides": [],
        "history": [],
        "totals": {},
        "spent": {},
        "networks": {},
        "circumstances": {},
    }
