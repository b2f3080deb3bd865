"""Whether the pairs with which a run is to go on are those that it began with."""

from pairloom.data.layouts.tree import counted
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.run import RunFolder
from pairloom.training.checkpoint import TrainingState

NAMED = 3
"""How many pairs a message names."""


def require_same_pairs(
    state: TrainingState, training: PairStore, validation: PairStore, run: RunFolder, root: str
) -> None:
    """Compare the names of the pairs, and what sources and targets are, with those in a saved state.

    Raises:
        UserError: if they differ.
    """
    names = [*training.names, *validation.names]
    if state["pairs"] != names:
        changed = sorted(set(state["pairs"]) ^ set(names))
        raise UserError(
            f"{root}: its pairs are not those that {run.path} started with ({_some(changed) or 'other order'}); "
            "bring them back, or start a new run"
        )
    if state["sides"] != [training.source.to_record(), training.target.to_record()]:
        raise UserError(
            f"{run.path}: the classes or channels are not those that it started with; revert your edits to its "
            f"{run.palette.name} and to {root}, or start a new run"
        )


def require_same_files(
    state: TrainingState,
    training: PairStore,
    validation: PairStore,
    run: RunFolder,
    root: str,
) -> None:
    """Compare pairs that lie in another place than before with a saved state, file by file.

    Raises:
        UserError: if their names or the contents of their files differ.
    """
    require_same_pairs(state, training, validation, run, root)
    if changed := changed_pairs(state, training, validation):
        raise UserError(
            f"{root}: {changed} differ from those that {run.path} started with; name the same data, or start a new run"
        )


def changed_pairs(state: TrainingState, training: PairStore, validation: PairStore) -> str:
    """Say which pairs, named as those of a saved state, have files of other contents; empty for none."""
    now = [*training.digests, *validation.digests]
    before = state.get("digests", now)
    changed = [name for name, old, new in zip(state["pairs"], before, now, strict=True) if old != new]
    return f"the files of {counted(len(changed), 'pair')} ({_some(changed)})" if changed else ""


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (" ..." if len(names) > NAMED else "")
