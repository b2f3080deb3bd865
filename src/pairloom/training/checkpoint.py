"""Everything a stopped run needs to go on, written so that a whole state can always be found."""

import errno
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import torch
from torch import Tensor

from pairloom.errors import UserError, first_line
from pairloom.evaluation.history import EpochRecord, is_history
from pairloom.files import replacing
from pairloom.run import RunFolder

RENAMED_LOSSES = {
    "discriminator_true": "discriminator_real",
    "discriminator_generated": "discriminator_fake",
    "coarse": "coarse_cross_entropy",
}
"""Names of losses in earlier versions, and those of today."""


class TrainingState(TypedDict):
    """The state between two steps. Random draws follow from the seed and the step, so none are kept."""

    step: int
    """Steps done."""
    pairs: list[str]
    """Names of the training and the validation pairs."""
    digests: NotRequired[list[str]]
    """Digests of the files of each of these pairs; states of earlier versions have none."""
    sides: list[dict[str, Any]]
    """What sources and targets are: channels, and classes with their colours."""
    history: list[EpochRecord]
    """The records of the epochs that are closed; one that has had all its steps may still have to be."""
    totals: dict[str, Tensor]
    """Sum of each loss over the steps of the epoch that is not closed."""
    spent: dict[str, float]
    """Seconds of that epoch, by what they went to."""
    networks: dict[str, dict[str, Any]]
    """The state of each network and optimizer, and of mixed precision, by name."""
    circumstances: dict[str, str]
    """What else may alter the last bits of a result: versions, device, precision, threads."""


def save_state(folder: Path, state: TrainingState) -> None:
    """Write the state as `last.pt`; what was the last before becomes `previous.pt` once the new one is whole.

    Raises:
        OSError: if the disk is full or cannot be written; the states that were there are kept.
    """
    last = folder / "last.pt"
    with replacing(last, durable=True) as unfinished:
        try:
            torch.save(state, unfinished)
        except RuntimeError as error:
            raise OSError(f"{last}: cannot be written; is the disk full? ({first_line(error)})") from error
        if last.exists():
            last.replace(folder / "previous.pt")


def load_state(folder: Path, log: Callable[[str], None] = lambda _line: None) -> TrainingState | None:
    """Read the newest whole state into main memory, or None if none was ever written; nothing in it is executed.

    Whole is a state whose check sums are right. A damaged `last.pt` is set aside as `damaged.pt` where `previous.pt` is
    whole, so that it cannot take its place, and `log` receives a line about it.

    Raises:
        UserError: if there are states, but none that is whole.
        OSError: if they cannot be read, which does not mean that they are damaged.
    """
    last, previous, damaged = folder / "last.pt", folder / "previous.pt", folder / "damaged.pt"
    problems = []
    for path in (last, previous):
        try:
            _require_check_sums(path)
            state: TrainingState = torch.load(path, map_location="cpu", weights_only=True)
        except FileNotFoundError:  # never written, or a running training is just replacing it
            continue
        except (OSError, MemoryError):
            raise
        except Exception as error:  # torch meets damaged bytes with errors of every kind
            reason = error if isinstance(error, _Damaged) else type(error).__name__
            problems.append(f"{path.name} is damaged ({reason})")
            continue
        if not _is_state(state):
            problems.append(f"{path.name} is not a training state of this version")
            continue
        if problems:
            last.replace(damaged)
            log(f"{folder}: {problems[0]}; renamed {damaged.name}; the previous state is used")
        return state
    if problems or damaged.exists():
        reasons = "; ".join(problems) or f"{damaged.name} is all that is left"
        raise UserError(f"{folder}: holds no complete training state ({reasons}); start a new run")
    return None


def require_current_names(state: TrainingState, run: RunFolder) -> None:
    """Raise UserError if the losses of a state have the names of an earlier version: two would be one loss."""
    names = {name for record in state["history"] for name in record["losses"]} | state["totals"].keys()
    if old := sorted(names & RENAMED_LOSSES.keys()):
        raise UserError(
            f"{run.path}: was trained by an earlier version: its loss {old[0]!r} is {RENAMED_LOSSES[old[0]]!r} now; "
            f"start a new run: --config {run.config}"
        )


class _Damaged(ValueError):  # noqa: N818 (it becomes part of a message)
    """The bytes of a file are not those that were written."""


def _require_check_sums(path: Path) -> None:
    """Raise _Damaged where a record of the file is not as it was written.

    `torch.save` writes a zip archive with a check sum for each tensor, but `torch.load` looks at none of them.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except OSError as error:
        if error.errno == errno.EINVAL:  # the place of a record is none
            raise _Damaged("its table of contents is wrong") from error
        raise
    if damaged:
        raise _Damaged(f"the check sum of {Path(damaged).name} is wrong")


def _is_state(state: object) -> bool:
    """Tell whether what was read has the keys of a training state, with values of their kinds."""
    if not isinstance(state, dict) or not TrainingState.__required_keys__ <= state.keys():
        return False
    kinds = {"pairs": str, "sides": dict}
    mappings = {"totals": Tensor, "spent": float, "networks": dict, "circumstances": str}
    return (
        isinstance(state["step"], int)
        and state["step"] >= 0
        and all(isinstance(state[key], list) and _all_are(kind, state[key]) for key, kind in kinds.items())
        and all(isinstance(state[key], dict) and _all_are(kind, state[key].values()) for key, kind in mappings.items())
        and all(_all_are(str, state[key]) for key in mappings)
        and is_history(state["history"])
        and ("digests" not in state or _are_digests(state["digests"], len(state["pairs"])))
    )


def _are_digests(digests: object, count: int) -> bool:
    return isinstance(digests, list) and len(digests) == count and _all_are(str, digests)


def _all_are(kind: type[object], values: Iterable[object]) -> bool:
    return all(isinstance(value, kind) for value in values)
