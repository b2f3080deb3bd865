"""Training from the first step to the last, in one function read from top to bottom."""

import dataclasses
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from pairloom import __version__
from pairloom.config import Experiment
from pairloom.data.batches import TrainingBatches
from pairloom.data.store import PairStore
from pairloom.draws import derived_seed, numpy_generator, torch_seeded
from pairloom.errors import UserError
from pairloom.evaluation.history import EpochRecord, best_record, kept_record
from pairloom.evaluation.scoring import score_model
from pairloom.images import write_picture
from pairloom.models.devices import choose_device
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel, build_discriminator
from pairloom.progress import progress
from pairloom.report.course import Course
from pairloom.report.run_report import RunReport
from pairloom.run import RunFolder
from pairloom.training.average import WeightAverage
from pairloom.training.checkpoint import TrainingState, load_state, save_state
from pairloom.training.epoch import Epoch
from pairloom.training.interrupts import Interrupted, Interrupts
from pairloom.training.kept_model import KeptModel
from pairloom.training.log import MetricsLog
from pairloom.training.losses import ADVERSARIAL
from pairloom.training.optimizers import adam, learning_rate
from pairloom.training.step import Objective, TrainingStep

REPORT_SECONDS = 60
"""Time after which the report is written again at the end of an epoch, between the snapshots too."""

FINITE_CHECK_STEPS = 50
"""Steps between two looks at the losses, each of which waits for the device."""


@dataclass(frozen=True)
class TrainingResult:
    """What a finished run came to."""

    run: RunFolder
    """The run folder; `run.path` is where it lies."""
    record: EpochRecord
    """Of the epoch whose generator is in the run's `model/`, as a line of `metrics.jsonl`: its losses and scores."""
    seconds: float
    """Time since training was started or resumed."""


def fit(
    experiment: Experiment,
    training: PairStore,
    validation: PairStore,
    run: RunFolder,
    *,
    resume: bool = False,
    say: Callable[[str], None] = print,
) -> TrainingResult:
    """Train the experiment in its run folder.

    Args:
        experiment: a resolved experiment.
        training: its training pairs.
        validation: its validation pairs, at its size.
        run: its folder, begun and locked.
        resume: go on from the last state that was saved, or from the start if none was.
        say: receives a line an epoch.

    Raises:
        UserError: for a device that is not there, states that are damaged, or a loss that is not finite.
        Interrupted: after Ctrl-C or SIGTERM, once the state has been saved.
    """
    started = time.perf_counter()
    data, config, optim = experiment.data, experiment.train, experiment.optim
    device = choose_device(config.device)

    # The pairs of each step, and those drawn in pictures.
    batches = TrainingBatches(
        training,
        data.size,
        experiment.augment if experiment.augment.enabled else None,
        batch_size=config.batch_size,
        sampling=config.sampling,
        seed=config.seed,
    )
    sampled = numpy_generator(config.seed, "samples").permutation(len(validation))[: config.samples]
    samples = [validation[index] for index in sampled]

    # Both networks and their optimizers.
    fabric = Fabric(accelerator=device.type, devices=1, precision=config.precision)
    with torch_seeded(derived_seed(config.seed, "weights"), device):
        model = TranslationModel.build(experiment.model, training.source, training.target, data.size, device)
        generator, generator_optimizer = fabric.setup(model.generator, adam(model.generator, optim))
        bare_discriminator = build_discriminator(experiment.model, training.source, training.target)
        discriminator, discriminator_optimizer = fabric.setup(bare_discriminator, adam(bare_discriminator, optim))
    # The generator that is validated, kept and used: the trained one, or the average of its weights.
    average = WeightAverage(model.generator, optim.ema) if optim.ema else None
    used = dataclasses.replace(model, generator=average.network) if average else model
    step_once = TrainingStep(
        generator,
        discriminator,
        generator_optimizer,
        discriminator_optimizer,
        _objective(experiment, training, device),
        model.head,
        config.update,
        backward=lambda loss, inputs: fabric.backward(loss, inputs=inputs),
    )
    keepers = {
        "generator": model.generator,
        "discriminator": bare_discriminator,
        "generator_optimizer": generator_optimizer,
        "discriminator_optimizer": discriminator_optimizer,
        "precision": fabric.strategy.precision,
    }
    if average:
        keepers["average"] = average

    # Where an earlier start of this run stood.
    step, epoch, steps = 0, Epoch(), batches.steps_per_epoch
    history: list[EpochRecord] = []
    circumstances = _circumstances(device, training, validation)
    pairs = [*training.names, *validation.names]
    sides = [training.source.to_record(), training.target.to_record()]
    state = load_state(run.checkpoints) if resume else None
    if resume and state is None:
        say("no training state was saved yet: starting from the beginning")
    if state is not None:
        if state["pairs"] != pairs:
            changed = sorted(set(state["pairs"]) ^ set(pairs))
            raise UserError(
                f"{data.root}: its pairs are not those that {run.path} began with ({', '.join(changed[:3]) or 'order'} "
                f"...); bring them back, or start a new run"
            )
        if state["sides"] != sides:
            raise UserError(
                f"{run.path}: the classes or channels are not those that it began with; undo changes to its "
                f"{run.palette.name} and to {data.root}, or start a new run"
            )
        totals = {name: total.to(device) for name, total in state["totals"].items()}
        step, epoch, history = state["step"], Epoch(totals, state["spent"]), state["history"]
        try:
            for name, keeper in keepers.items():
                keeper.load_state_dict(state["networks"][name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise UserError(
                f"{run.checkpoints}: the saved state does not fit the networks of {run.config}; undo changes to it"
            ) from error
        for name, before in state["circumstances"].items():
            if circumstances.get(name) != before:
                say(f"{name}: {before} before, {circumstances.get(name)} now; the last bits of results may differ")
    log = MetricsLog(run, history)
    kept = KeptModel(run)
    course = Course(run, experiment, log.history, len(training), validation, samples, circumstances)
    report = RunReport(course, device)

    def keep() -> None:
        """Save where training stands; a state that is not finite must not take the place of a good one."""
        _require_finite(epoch, step, [model.generator, bare_discriminator], run)
        save_state(
            run.checkpoints,
            TrainingState(
                step=step,
                pairs=pairs,
                sides=sides,
                history=log.history,
                totals=epoch.totals,
                spent=epoch.spent,
                circumstances=circumstances,
                networks={name: keeper.state_dict() for name, keeper in keepers.items()},
            ),
        )
        kept.state_is_saved()

    last_step = config.epochs * steps
    saved = reported = time.monotonic()
    with closing(log), Interrupts() as interrupts, progress() as bars, torch_seeded(0, device):
        bar = bars.add_task("Training", total=last_step, completed=step)
        try:
            while True:
                interrupts.check()
                number = step // steps  # of the epoch that has just ended, where one has
                if number > len(log.history):
                    _require_finite(epoch, step, [model.generator, bare_discriminator], run)
                    last = number == config.epochs
                    record = EpochRecord(
                        epoch=number,
                        step=step,
                        seconds=epoch.spent,
                        learning_rate=learning_rate(optim, config.epochs, (step - 1) / steps),
                        losses={name: float(total) / steps for name, total in epoch.totals.items()},
                    )
                    if last or number % config.validate_every == 0:
                        with epoch.timed("validation"):
                            scores = score_model(used, validation, len(validation), "val", after_each=interrupts.check)
                        best = best_record(log.history)
                        record["validation"] = scores.to_record()
                        if config.keep == "last" or best is None or best_record([best, record]) is record:
                            kept.replace(used, _about(number, config.keep, record["validation"]))
                            report.model_is_kept(scores)
                    snapshot = last or number % config.snapshot_every == 0
                    if snapshot:
                        with epoch.timed("pictures"):
                            save_model(used, run.snapshot(number), about=_about(number, "snapshot"))
                            for pair in samples:
                                translation = used.target.draw(used.predict(pair.source))
                                write_picture(run.sample(number, pair.name, model.target.suffix), translation)
                    log.append(record)
                    epoch = Epoch()
                    if snapshot or time.monotonic() - reported > REPORT_SECONDS:
                        with epoch.timed("pictures"):
                            report.write()
                        reported = time.monotonic()
                    say(_sentence(record, config.epochs))
                if step >= last_step:
                    break

                generator.train()
                discriminator.train()
                rate = learning_rate(optim, config.epochs, step / steps)
                for optimizer in (generator_optimizer, discriminator_optimizer):
                    for group in optimizer.param_groups:
                        group["lr"] = rate
                with epoch.timed("data"):
                    source, target = (tensor.to(device, non_blocking=True) for tensor in batches.batch(step))
                with epoch.timed("steps"):
                    torch.manual_seed(derived_seed(config.seed, "step", step))  # dropout's
                    epoch.add(step_once(source, target))
                    step += 1
                    if average:
                        average.update(step)
                    if step % FINITE_CHECK_STEPS == 0:
                        _require_finite(epoch, step, [], run)
                bars.update(bar, completed=step, description=f"Epoch {(step - 1) // steps + 1}/{config.epochs}")
                by_steps = config.checkpoint_steps and step % config.checkpoint_steps == 0
                if by_steps or time.monotonic() - saved > 60 * config.checkpoint_minutes:
                    keep()
                    saved = time.monotonic()
        except Interrupted:
            keep()
            if log.history:
                report.write()  # whoever stops a run wants to see how far it has come
            raise
        if state is None or step > state["step"] or len(log.history) > len(history):
            keep()
        else:
            say(f"{run.path} has been trained up to its last epoch, {config.epochs}; --epochs goes on")
            if not report.page.exists():
                report.write()

    chosen = kept_record(log.history, config.keep) or log.history[-1]  # the last epoch is always validated
    return TrainingResult(run, chosen, time.perf_counter() - started)


def _objective(experiment: Experiment, training: PairStore, device: torch.device) -> Objective:
    loss, classes = experiment.loss, training.target.palette is not None
    weights = None
    if loss.cross_entropy and loss.class_weights == "bounded":
        weights = torch.from_numpy(1 / np.log(loss.class_weight_offset + training.class_shares())).float().to(device)
    return Objective(
        ADVERSARIAL[loss.adversarial],
        adversarial_weight=loss.adversarial_weight,
        l1=loss.l1,
        cross_entropy=loss.cross_entropy,
        lovasz=loss.lovasz,
        discriminator_weight=loss.discriminator_weight,
        mask_void=loss.mask_void and classes,  # pictures have no void
        class_weights=weights,
    )


def _circumstances(device: torch.device, training: PairStore, validation: PairStore) -> dict[str, str]:
    return {
        "version": f"pairloom {__version__}, torch {torch.__version__}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "threads": str(torch.get_num_threads()),
        "files of the training pairs": training.fingerprint[:8],
        "files of the validation pairs": validation.fingerprint[:8],
    }


def _processor() -> str:
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


def _require_finite(epoch: Epoch, step: int, networks: list[nn.Module], run: RunFolder) -> None:
    wrong = next((f"the loss {name!r}" for name, total in epoch.totals.items() if not total.isfinite()), None)
    for network in networks:
        if not all(bool(parameter.isfinite().all()) for parameter in network.parameters()):
            wrong = wrong or f"a weight of {type(network).__name__}"
    if wrong:
        kept = f"; the last good state is kept in {run.checkpoints}" if (run.checkpoints / "last.pt").exists() else ""
        raise UserError(
            f"training diverged: {wrong} is not finite after step {step}{kept}. Start a new run with a lower rate: "
            f"--config {run.config} --optim.learning_rate ..."
        )


def _about(epoch: int, kept: str, scores: object = None) -> dict[str, object]:
    about: dict[str, object] = {"epoch": epoch, "kept": kept}
    return about if scores is None else {**about, "validation": scores}


def _sentence(record: EpochRecord, epochs: int) -> str:
    words = [f"epoch {record['epoch']}/{epochs}", f"{record['seconds']['data'] + record['seconds']['steps']:.0f} s"]
    scores = record.get("validation")
    if scores and "mean_iou" in scores:
        words.append(f"mean IoU {scores['mean_iou'] or 0:.3f}")
    elif scores:
        words.append(f"validation L1 {scores['l1'] or 0:.3f}")
    return "  ".join([*words, *(f"{name} {loss:.3f}" for name, loss in record["losses"].items())])
