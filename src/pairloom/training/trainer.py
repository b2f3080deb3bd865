"""Training from the first step to the last, in one function read from top to bottom."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Adam

from pairloom.config import Experiment, OptimConfig
from pairloom.data.batches import TrainingBatches
from pairloom.data.layouts import find_layout
from pairloom.data.store import PairStore
from pairloom.draws import derived_seed, numpy_generator, torch_seeded
from pairloom.errors import UserError
from pairloom.evaluation.history import EpochRecord, best_record
from pairloom.evaluation.report import draw_report
from pairloom.evaluation.scoring import score_model
from pairloom.images import write_png
from pairloom.models.heads import Painter
from pairloom.models.translation import TranslationModel, build_discriminator, choose_device
from pairloom.progress import progress
from pairloom.run import RunFolder
from pairloom.training.checkpoint import TrainingState, load_state, save_state
from pairloom.training.log import MetricsLog
from pairloom.training.losses import ADVERSARIAL
from pairloom.training.step import Objective, TrainingStep

FINITE_CHECK_STEPS = 50
"""Steps between two looks at the losses, each of which waits for the device."""


@dataclass(frozen=True)
class TrainingResult:
    """What a finished run came to."""

    run: RunFolder
    record: EpochRecord
    """Of the epoch whose generator is in the run's `model/`: its losses and validation scores."""
    seconds: float
    """Time since training was started or resumed."""


def open_pairs(experiment: Experiment) -> tuple[PairStore, PairStore]:
    """Decode an experiment's training pairs (native size) and validation pairs (at its size).

    Raises:
        UserError: for data that cannot serve.
    """
    data = experiment.data
    root = Path(data.root)
    layout = find_layout(root, data.layout)
    training = PairStore.open(root, "train", layout, count=data.train_pairs, seed=experiment.train.seed)
    return training, PairStore.open(root, "val", layout).resized(data.size)


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
        run: its folder, begun by `RunFolder.begin`.
        resume: go on from the last epoch that ended.
        say: receives a line an epoch.

    Raises:
        UserError: for a device that is not there, nothing to go on from, or a loss that is not finite.
    """
    started = time.perf_counter()
    data, config, optim = experiment.data, experiment.train, experiment.optim
    device = choose_device(config.device)

    # The pairs of each step, and those drawn in pictures.
    palette = training.palette
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
        model = TranslationModel.build(experiment.model, palette, data.size, device)
        generator, generator_optimizer = fabric.setup(model.generator, _adam(model.generator, optim))
        bare_discriminator = build_discriminator(experiment.model)
        discriminator, discriminator_optimizer = fabric.setup(bare_discriminator, _adam(bare_discriminator, optim))
    step_once = TrainingStep(
        generator,
        discriminator,
        generator_optimizer,
        discriminator_optimizer,
        Objective(
            ADVERSARIAL[experiment.loss.adversarial],
            adversarial_weight=experiment.loss.adversarial_weight,
            l1=experiment.loss.l1,
            cross_entropy=experiment.loss.cross_entropy,
            discriminator_weight=experiment.loss.discriminator_weight,
            mask_void=experiment.loss.mask_void,
            class_weights=_class_weights(training, device) if experiment.loss.class_weights == "bounded" else None,
        ),
        model.head,
        Painter(palette, device),
        config.update,
        backward=lambda loss, inputs: fabric.backward(loss, inputs=inputs),
    )

    # Where an earlier start of this run stood.
    epochs_done = 0
    if resume:
        state = load_state(run.checkpoints, device)
        epochs_done = state["epoch"]
        model.generator.load_state_dict(state["generator"])
        bare_discriminator.load_state_dict(state["discriminator"])
        generator_optimizer.load_state_dict(state["generator_optimizer"])
        discriminator_optimizer.load_state_dict(state["discriminator_optimizer"])
        run.write_config(experiment)  # more epochs may have been asked for
    log = MetricsLog(run, after_epoch=epochs_done)

    steps = batches.steps_per_epoch
    with progress() as bars, torch_seeded(0, device):
        bar = bars.add_task("Training", total=config.epochs * steps, completed=epochs_done * steps)
        for epoch in range(epochs_done + 1, config.epochs + 1):
            generator.train()
            discriminator.train()
            totals: dict[str, Tensor] = {}
            epoch_started = time.perf_counter()
            for step in range((epoch - 1) * steps, epoch * steps):
                rate = learning_rate(optim, step / steps)
                for optimizer in (generator_optimizer, discriminator_optimizer):
                    for group in optimizer.param_groups:
                        group["lr"] = rate
                source, target = (tensor.to(device, non_blocking=True) for tensor in batches.batch(step))
                torch.manual_seed(derived_seed(config.seed, "step", step))  # dropout's
                for name, loss in step_once(source, target).items():
                    totals[name] = totals[name] + loss if name in totals else loss
                if (step + 1) % FINITE_CHECK_STEPS == 0:
                    _require_finite(totals, run, epoch, step + 1)
                bars.update(bar, advance=1, description=f"Epoch {epoch}/{config.epochs}")
            _require_finite(totals, run, epoch, epoch * steps)
            _require_finite_weights([model.generator, bare_discriminator], run, epoch)
            record = EpochRecord(
                epoch=epoch,
                step=epoch * steps,
                seconds=time.perf_counter() - epoch_started,
                learning_rate=rate,
                losses={name: float(total) / steps for name, total in totals.items()},
            )

            last = epoch == config.epochs
            if last or epoch % config.validate_every == 0:
                scores = score_model(model, validation, "val").to_record()
                best = best_record(log.history)
                record["validation"] = scores
                if config.keep == "last" or best is None or best_record([best, record]) is record:
                    model.save(run.model, about={"epoch": epoch, "kept": config.keep, "validation": scores})
            snapshot = last or epoch % config.snapshot_every == 0
            if snapshot:
                model.save(run.snapshot(epoch), about={"epoch": epoch, "kept": "snapshot"})
                for pair in samples:
                    translation = palette.to_colours(model.predict(pair.source))
                    write_png(run.samples(epoch) / f"{pair.name}.png", translation)
            log.append(record)
            save_state(
                run.checkpoints,
                TrainingState(
                    epoch=epoch,
                    generator=model.generator.state_dict(),
                    discriminator=bare_discriminator.state_dict(),
                    generator_optimizer=generator_optimizer.state_dict(),
                    discriminator_optimizer=discriminator_optimizer.state_dict(),
                ),
            )
            if snapshot:
                draw_report(run, log.history, samples, palette)
            say(_sentence(record, config.epochs))
    log.close()

    # The last epoch is always validated, so there is a best one.
    kept = (config.keep == "best" and best_record(log.history)) or log.history[-1]
    return TrainingResult(run, kept, time.perf_counter() - started)


def learning_rate(config: OptimConfig, epoch: float) -> float:
    """Return the step size after this many epochs (a fraction within one)."""
    if config.decay == "none" or config.decay_end is None:
        return config.learning_rate
    course = (epoch - config.decay_start) / (config.decay_end - config.decay_start)
    course = min(max(course, 0.0), 1.0)
    share = 1 - course if config.decay == "linear" else (1 + math.cos(math.pi * course)) / 2
    return config.learning_rate * share


def _class_weights(training: PairStore, device: torch.device) -> Tensor:
    return torch.from_numpy(1 / np.log(1.1 + training.class_shares())).float().to(device)


def _adam(network: nn.Module, config: OptimConfig) -> Adam:
    return Adam(
        network.parameters(),
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
        fused=True,  # one pass over the weights: at batch size 1 the optimizer is a large part of a step
    )


def _require_finite(totals: dict[str, Tensor], run: RunFolder, epoch: int, step: int) -> None:
    for name, total in totals.items():
        if not math.isfinite(float(total)):
            raise UserError(f"training diverged: the loss {name!r} is {float(total)} {_when(run, epoch, step)}")


def _require_finite_weights(networks: list[nn.Module], run: RunFolder, epoch: int) -> None:
    for network in networks:
        if not all(bool(parameter.isfinite().all()) for parameter in network.parameters()):
            name = type(network).__name__
            raise UserError(f"training diverged: {name} has weights that are not finite {_when(run, epoch)}")


def _when(run: RunFolder, epoch: int, step: int | None = None) -> str:
    at = f"in epoch {epoch}" + (f" (step {step})" if step is not None else "")
    if epoch == 1:
        return f"{at}; start again with a lower optim.learning_rate"
    return f"{at}; the state after epoch {epoch - 1} is kept in {run.checkpoints}. Try a lower optim.learning_rate"


def _sentence(record: EpochRecord, epochs: int) -> str:
    losses = "  ".join(f"{name} {loss:.3f}" for name, loss in record["losses"].items())
    line = f"epoch {record['epoch']}/{epochs}  {losses}"
    if "validation" in record:
        line += f"  mean IoU {record['validation']['mean_iou'] or 0:.3f}"
    return f"{line}  {record['seconds']:.0f} s"
