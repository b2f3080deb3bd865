"""The verbs as Python functions: what the command line calls, and what `import pairloom` offers."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from pairloom.config import Experiment
from pairloom.data.layouts import find_layout
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.scoring import At, score_model
from pairloom.models.translation import TranslationModel, choose_device, find_model
from pairloom.run import RunFolder, require_empty
from pairloom.settings import load_experiment
from pairloom.training.trainer import TrainingResult, fit, open_pairs


def train(
    data: str | Path,
    out: str | Path,
    *,
    preset: str = "recommended",
    config: str | Path | None = None,
    settings: Mapping[str, object] | None = None,
    say: Callable[[str], None] = print,
) -> TrainingResult:
    """Train on the pairs in a folder.

    Args:
        data: folder that holds the pairs.
        out: the run folder to be made; it must be empty or not exist.
        preset: named experiment to start from: `seed`, `recommended` or `demo`.
        config: YAML file laid over the preset.
        settings: single values laid over both, by short name (`{"epochs": 10}`) or full (`{"model.width": 32}`).
        say: receives a line an epoch.

    Raises:
        UserError: for mistakes in the settings or the data, and if training diverges.
    """
    chosen = {**(settings or {}), "data.root": str(data)}
    experiment = load_experiment(preset, Path(config) if config else None, chosen)
    return train_experiment(experiment, out, say=say)


def train_experiment(experiment: Experiment, out: str | Path, *, say: Callable[[str], None] = print) -> TrainingResult:
    """Train an experiment that `load_experiment` made; see `train`."""
    require_empty(Path(out))
    choose_device(experiment.train.device)
    experiment = locate(experiment)
    # The run folder is made once the pairs are known to serve, so that a mistake in them costs no folder.
    training, validation = open_pairs(experiment)
    return fit(experiment, training, validation, RunFolder.begin(Path(out), experiment), say=say)


def locate(experiment: Experiment) -> Experiment:
    """Resolve an experiment, with its data folder as an absolute path and the layout that lies there.

    Raises:
        UserError: if there is no data folder, or no layout is recognised.
    """
    if not experiment.data.root:
        raise UserError("DATA is missing: name the folder that holds the pairs")
    root = Path(experiment.data.root).absolute()
    layout = find_layout(root, experiment.data.layout)
    data = dataclasses.replace(experiment.data, root=str(root), layout=layout.name)
    return dataclasses.replace(experiment, data=data).resolved()


def resume(run: str | Path, *, epochs: int | None = None, say: Callable[[str], None] = print) -> TrainingResult:
    """Go on with a run from the last epoch that ended, with its own data and settings.

    Args:
        run: the run folder.
        epochs: train up to this epoch in place of the run's own; kept in its config.
        say: receives a line an epoch.

    Raises:
        UserError: if this is no run folder, nothing of it can be gone on from, or fewer epochs are asked for.
    """
    folder = RunFolder(Path(run))
    experiment = folder.experiment()
    if epochs is not None and epochs < experiment.train.epochs:
        raise UserError(f"{run}: is set to {experiment.train.epochs} epochs already; --epochs may only be raised")
    if epochs is not None and epochs != experiment.train.epochs:
        experiment = dataclasses.replace(experiment, train=dataclasses.replace(experiment.train, epochs=epochs))
    training, validation = open_pairs(experiment)
    return fit(experiment, training, validation, folder, resume=True, say=say)


def evaluate(
    run: str | Path,
    data: str | Path | None = None,
    *,
    split: str = "val",
    at: At = "size",
    device: str = "auto",
) -> Scores:
    """Score a model on the pairs of a split.

    Args:
        run: a run folder, or a model folder.
        data: folder that holds the pairs; None takes the run's own.
        split: `train`, `val` or `test`.
        at: score at the model's `size`, or at the images' `native` size.
        device: `auto`, `cpu` or `cuda`.

    Raises:
        UserError: if there is no model, no data, or they do not know the same classes.
    """
    model = TranslationModel.load(find_model(Path(run)), choose_device(device))
    if data is None:
        folder = RunFolder(Path(run))
        if not folder.config.is_file():
            raise UserError(f"{run}: a model folder does not know its data; name DATA as well")
        settings = folder.experiment().data
        root, layout = Path(settings.root), find_layout(Path(settings.root), settings.layout)
    else:
        root, layout = Path(data), find_layout(Path(data))
    return score_model(model, PairStore.open(root, split, layout), split, at=at)
