"""Everything a stopped run needs to go on, written so that a whole state can always be found."""

import os
from pathlib import Path
from typing import Any, TypedDict

import torch
from torch import Tensor

from pairloom.errors import UserError


class TrainingState(TypedDict):
    """The state between two epochs. Random draws follow from the seed and the step, so none are kept."""

    epoch: int
    """Epochs done."""
    generator: dict[str, Tensor]
    discriminator: dict[str, Tensor]
    generator_optimizer: dict[str, Any]
    discriminator_optimizer: dict[str, Any]


def save_state(folder: Path, state: TrainingState) -> None:
    """Write the state as `last.pt`; what was the last before becomes `previous.pt` once the new one is whole."""
    unfinished, last, previous = folder / ".last.pt.unfinished", folder / "last.pt", folder / "previous.pt"
    with unfinished.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    if last.exists():
        last.replace(previous)
    unfinished.replace(last)


def load_state(folder: Path, device: torch.device) -> TrainingState:
    """Read the newest whole state; nothing in it is executed.

    Raises:
        UserError: if there is none.
    """
    problems = []
    for path in (folder / "last.pt", folder / "previous.pt"):
        if not path.exists():
            continue
        try:
            state: TrainingState = torch.load(path, map_location=device, weights_only=True)
        except Exception as error:  # torch meets damaged bytes with errors of every kind
            problems.append(f"{path.name} is damaged ({type(error).__name__})")
            continue
        if isinstance(state, dict) and state.keys() >= TrainingState.__required_keys__:
            return state
        problems.append(f"{path.name} is no training state")
    reason = "; ".join(problems) or "the run was stopped before its first epoch ended"
    raise UserError(f"{folder}: holds no training state to go on from ({reason}); start a new run")
