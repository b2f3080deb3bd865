"""Start, resume or join a training run."""

import dataclasses
import shlex
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pairloom.config import Device, Experiment
from pairloom.data.folder import PairFolder
from pairloom.data.image_spec import ImageSpec, common_spec
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.images import inspect
from pairloom.models.devices import choose_device
from pairloom.models.encoders import require_weights, with_backbone
from pairloom.models.heads import require_targets
from pairloom.palette import CITYSCAPES
from pairloom.run import RunFolder, require_empty
from pairloom.settings import load_experiment
from pairloom.training.checkpoint import load_state
from pairloom.training.distributed import DistributedContext, cluster_environment
from pairloom.training.initial_weights import load_initial_weights
from pairloom.training.launcher import launch
from pairloom.training.same_pairs import require_same_files
from pairloom.training.trainer import Trainer, TrainingResult

FAR_SHARE_HINT = 0.05
"""Share of target pixels far from every colour beyond which it is no longer JPEG's blends at the borders."""


def train(
    data: str | Path,
    out: str | Path,
    *,
    preset: str | None = None,
    config: str | Path | None = None,
    settings: Mapping[str, object] | None = None,
    log: Callable[[str], None] = print,
) -> TrainingResult:
    """Train on the pairs in a folder.

    Args:
        data: folder that holds the pairs, or a manifest file.
        out: the run folder to be made; it must be empty or not exist.
        preset: named experiment to start from: `seed`, `recommended`, `photo` or `demo`; None takes `recommended`
            for class maps as targets and `photo` for pictures.
        config: YAML file laid over the preset.
        settings: single values laid over both, by short name (`{"epochs": 10}`) or full (`{"model.width": 32}`).
        log: receives what has been found in the data, and a line per epoch.

    Returns:
        The run folder, and the record of the epoch whose model is kept.

    Raises:
        UserError: for mistakes in the settings or the data, and if training diverges.
        KeyboardInterrupt: after Ctrl-C; the run can be resumed.
    """
    chosen = {**(settings or {}), "data.root": str(data)}
    load = partial(load_experiment, file=Path(config) if config else None, settings=chosen)
    return train_experiment(preset, load, out, log=log)


def train_experiment(
    preset: str | None, load: Callable[[str], Experiment], out: str | Path, *, log: Callable[[str], None] = print
) -> TrainingResult:
    """Train an experiment whose preset may follow from the data; see `train`.

    Args:
        preset: the preset, or None.
        load: returns the experiment that starts from a preset.
        out: the run folder to be made.
        log: receives lines of progress.
    """
    require_empty(Path(out))
    config = load(preset or "recommended").train
    environment = cluster_environment()
    if environment is None and config.devices > 1:
        return launch(partial(train_experiment, preset, load, out), config, log)
    run = RunFolder(Path(out))
    with DistributedContext(config, environment) as context:
        if not context.is_main_process:
            return _join(run, context, resume=False)
        return _start(preset, load, run, context, log)


def _start(
    preset: str | None,
    load: Callable[[str], Experiment],
    run: RunFolder,
    context: DistributedContext,
    log: Callable[[str], None],
) -> TrainingResult:
    experiment, folder = chosen_experiment(preset, load)
    require_weights(experiment.model)  # so that missing ones are told before the pairs are decoded
    if experiment.train.init:
        load_initial_weights(
            experiment.train.init, experiment.model
        )  # told before the pairs are decoded if it cannot be
        if (init := Path(experiment.train.init)).exists():
            train_config = dataclasses.replace(experiment.train, init=str(init.absolute()))
            experiment = dataclasses.replace(experiment, train=train_config)
    new = [path for path in (run.path, *run.path.parents) if not path.exists()]
    with run.locked():
        # Begun before the pairs are decoded, so that a run that is stopped by then can be gone on with.
        experiment = run.begin(experiment, folder.palette or folder.source_palette)
        try:
            training, validation = _open_pairs(experiment, folder)
        except (UserError, OSError):
            run.abandon(new)  # a mistake in the pairs costs no folder
            raise
        experiment = _with_channels(experiment, training.source, training.target)
        run.write_config(experiment)
        log(folder.describe())
        for note in folder.notes:
            log(f"note: {note}")
        if folder.far_share is not None and folder.far_share > FAR_SHARE_HINT:
            log(
                f"{folder.far_share:.0%} of the target pixels match no class of the palette and get the "
                f"nearest; pairloom check {shlex.quote(str(folder.root))} names the files and colours"
            )
        context.broadcast_experiment(run.experiment())
        return Trainer(experiment, training, validation, run, context, log=log).fit()


def _join(run: RunFolder, context: DistributedContext, *, resume: bool) -> TrainingResult:
    """Train with the main process.

    Raises:
        SystemExit: if the main process has nothing to train; it says why.
        UserError: as `fit` does.
        KeyboardInterrupt: if the processes were asked to stop.
    """
    experiment = context.broadcast_experiment(None)
    if experiment is None:
        raise SystemExit(2)
    training, validation = _open_pairs(experiment, PairFolder.open(experiment.data))
    return Trainer(experiment, training, validation, run, context, log=_silent).fit(resume=resume)


def chosen_experiment(preset: str | None, load: Callable[[str], Experiment]) -> tuple[Experiment, PairFolder]:
    """Return the resolved experiment for the data that it names, and these; the preset follows from them if None."""
    experiment = load(preset or "recommended")
    folder = PairFolder.open(experiment.data)
    if preset is None and folder.palette is None:
        experiment = load("photo")
    require_targets(experiment.model.head, folder.palette)
    model = with_backbone(experiment.model)
    return dataclasses.replace(experiment, data=folder.config, model=model).resolved(), folder


def plan(preset: str | None, load: Callable[[str], Experiment]) -> tuple[Experiment, ImageSpec, ImageSpec]:
    """Return what `train_experiment` would train, and what the sources and targets are, without decoding the data.

    Without data the plan is that for the project's own street scenes.
    """
    experiment = load(preset or "recommended")
    choose_device(experiment.train.device)
    if not experiment.data.root:
        model = experiment.model
        source, target = ImageSpec(model.in_channels or 3), common_spec([], model.out_channels, CITYSCAPES)
        return dataclasses.replace(experiment, model=with_backbone(model)).resolved(), source, target
    experiment, folder = chosen_experiment(preset, load)
    sources, targets = zip(*(folder.parts(files) for files in folder.files("train")), strict=True)
    source, target = (
        common_spec([inspect(part.path) for part in parts] if palette is None else [], channels, palette, values)
        for parts, channels, palette, values in (
            (sources, experiment.model.in_channels, folder.source_palette, folder.source_values),
            (targets, experiment.model.out_channels, folder.palette, folder.target_values),
        )
    )
    return _with_channels(experiment, source, target), source, target


def resume(
    run: str | Path,
    *,
    data: str | Path | None = None,
    epochs: int | None = None,
    device: Device | None = None,
    devices: int | None = None,
    log: Callable[[str], None] = print,
) -> TrainingResult:
    """Go on with a run as if it had never stopped: from the last state that was saved, with its data and settings.

    Args:
        run: the run folder.
        data: where the pairs are now, if they have moved; kept in the run's config. They must be the same: the same
            names, and files of the same contents.
        epochs: train up to this epoch in place of the run's own, which may only be raised; kept in its config.
        device: `auto`, `cpu` or `cuda` in place of the run's own.
        devices: processes that share each batch, in place of the run's own.
        log: receives what may alter the last bits of results, and a line per epoch.

    Returns:
        The run folder, and the record of the epoch whose model is kept.

    Raises:
        UserError: if this is no run folder, another process works in it, fewer epochs are asked for, its pairs are not
            those that it began with, no saved state is whole, or training diverges.
        KeyboardInterrupt: after Ctrl-C; the run can be resumed again.
    """
    folder = RunFolder(Path(run))
    experiment = folder.experiment()
    root = str(Path(data).absolute()) if data is not None else experiment.data.root
    if data is None and not Path(root).exists():
        raise UserError(
            f"{root}: the pairs of {run} are missing; if they have moved: "
            f"pairloom train DATA --resume {shlex.quote(str(run))}"
        )
    if epochs is not None and epochs < experiment.train.epochs:
        raise UserError(f"{run}: is already set to {experiment.train.epochs} epochs; --epochs can only be raised")
    old = experiment.train
    new = dataclasses.replace(
        old, epochs=epochs or old.epochs, device=device or old.device, devices=devices or old.devices
    )
    changed = dataclasses.replace(experiment, train=new, data=dataclasses.replace(experiment.data, root=root))
    environment = cluster_environment()
    if environment is None and new.devices > 1:
        again = partial(resume, run, data=data, epochs=epochs, device=device, devices=devices)
        return launch(again, new, log)
    with DistributedContext(new, environment) as context:
        if not context.is_main_process:
            return _join(folder, context, resume=True)
        return _resume(changed, experiment, folder, context, log)


def _resume(
    changed: Experiment,
    experiment: Experiment,
    folder: RunFolder,
    context: DistributedContext,
    log: Callable[[str], None],
) -> TrainingResult:
    if changed.train.epochs > experiment.train.epochs and changed.optim.decay != "none":
        log(f"the learning rate now falls until epoch {changed.optim.decay_end or changed.train.epochs}")
    with folder.locked():
        folder.prepare()
        training, validation = _open_pairs(changed, PairFolder.open(changed.data))
        if changed.data.root != experiment.data.root and (state := load_state(folder.checkpoints, log)):
            require_same_files(state, training, validation, folder, changed.data.root)
        changed = _with_channels(changed, training.source, training.target)
        if changed != experiment:
            palette = folder.palette.name if folder.palette.is_file() else changed.data.palette
            folder.write_config(dataclasses.replace(changed, data=dataclasses.replace(changed.data, palette=palette)))
        context.broadcast_experiment(folder.experiment())
        return Trainer(changed, training, validation, folder, context, log=log).fit(resume=True)


def _open_pairs(experiment: Experiment, folder: PairFolder) -> tuple[PairStore, PairStore]:
    """Open an experiment's training pairs and its validation pairs: these at its size, with crops at their own."""
    training = PairStore.open(
        folder,
        "train",
        experiment.store_fit,
        count=experiment.data.train_pairs,
        seed=experiment.data.split_seed,
        channels=(experiment.model.in_channels, experiment.model.out_channels),
    )
    channels = training.source.channels, training.target.channels
    fit = experiment.data.size if experiment.data.crop is None else 1.0
    return training, PairStore.open(folder, "val", fit, channels=channels)


def _with_channels(experiment: Experiment, source: ImageSpec, target: ImageSpec) -> Experiment:
    """Write into the config what follows from the data."""
    model = dataclasses.replace(experiment.model, in_channels=source.channels, out_channels=target.channels)
    return dataclasses.replace(experiment, model=model)


def _silent(_line: str) -> None:
    """Say nothing: one process speaks for all."""
