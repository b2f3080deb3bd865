"""Training from the first step to the last, in one function read from top to bottom."""

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass

import torch

from pairloom import __version__
from pairloom.config import Experiment
from pairloom.data.batches import TrainingBatches, batches_on
from pairloom.data.store import PairStore
from pairloom.draws import derived_seed, numpy_generator, torch_seeded
from pairloom.errors import UserError
from pairloom.evaluation.history import EpochRecord, kept_record
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.evaluation.scoring import joined_scores, score_model
from pairloom.progress import progress
from pairloom.report.course import Course
from pairloom.run import RunFolder
from pairloom.training.checkpoint import TrainingState, load_state
from pairloom.training.epoch import Epoch
from pairloom.training.interrupts import Interrupted, Interrupts
from pairloom.training.networks import Networks
from pairloom.training.optimizers import learning_rate
from pairloom.training.run_writer import RunWriter
from pairloom.training.same_pairs import require_same_pairs
from pairloom.training.team import Team

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
    leads: bool = True
    """Whether this is the process that wrote the files, of those that trained together."""


def fit(
    experiment: Experiment,
    training: PairStore,
    validation: PairStore,
    run: RunFolder,
    team: Team,
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
        team: the processes that train; each of them calls this.
        resume: go on from the last state that was saved, or from the start if none was.
        say: receives a line an epoch, in the process that leads.

    Raises:
        UserError: for states that are damaged, a loss that is not finite, or a process that was lost.
        Interrupted: after Ctrl-C, SIGTERM, SIGHUP or SIGUSR1, once the state has been saved.
    """
    started = time.perf_counter()
    data, config, optim, device = experiment.data, experiment.train, experiment.optim, team.fabric.device

    # What each step is made of: pairs, of which this process takes some slots, and networks.
    batches = TrainingBatches(
        training,
        data.size,
        experiment.augment if experiment.augment.enabled else None,
        batch_size=config.batch_size,
        sampling=config.sampling,
        seed=config.seed,
    )
    slots = team.part(config.batch_size)
    steps, last_step = batches.steps_per_epoch, config.epochs * batches.steps_per_epoch
    networks = Networks.build(experiment, training, team, say)

    # Where an earlier start of this run stood.
    step, epoch = 0, Epoch()
    history: list[EpochRecord] = []
    circumstances = _circumstances(team, training, validation)
    pairs = [*training.names, *validation.names]
    sides = [training.source.to_record(), training.target.to_record()]
    state = _saved_state(run, team, say) if resume else None
    if resume and state is None:
        say("no training state was saved yet: starting from the beginning")
    if state is not None:
        require_same_pairs(state, training, validation, run, data.root)
        totals = {name: total.to(device) for name, total in state["totals"].items()}
        step, epoch, history = state["step"], Epoch(totals, state["spent"]), list(state["history"])
        try:
            networks.load_state_dict(state["networks"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{run.checkpoints}: the saved state does not fit the networks of {run.config}; undo changes to it"
            ) from error
        for name, before in state["circumstances"].items():
            if circumstances.get(name) != before:
                say(f"{name}: {before} before, {circumstances.get(name)} now; the last bits of results may differ")

    team.share(networks.tensors())  # unlike processors may draw weights that differ in their last bits
    writer = None
    if team.leads:
        sampled = numpy_generator(config.seed, "samples").permutation(len(validation))[: config.samples]
        samples = [validation[index] for index in sampled]  # drawn in pictures
        course = Course(run, experiment, history, len(training), validation, samples, circumstances)
        writer = RunWriter(course, networks.used, device)

    def gather_epoch() -> None:
        """Bring together what the processes have measured apart, and look whether it is finite."""
        team.average([*epoch.totals.values(), *networks.statistics()])
        _require_finite(epoch, step, networks, run, team)

    def keep() -> None:
        """Save where training stands; a state that is not finite must not take the place of a good one."""
        gather_epoch()
        if writer:
            writer.state(
                TrainingState(
                    step=step,
                    pairs=pairs,
                    digests=[*training.digests, *validation.digests],
                    sides=sides,
                    history=history,
                    totals=epoch.totals,
                    spent=epoch.spent,
                    circumstances=circumstances,
                    networks=networks.state_dict(),
                )
            )

    saved, saved_step = time.monotonic(), step
    with ExitStack() as stack:
        if writer:
            stack.enter_context(closing(writer))
        interrupts = stack.enter_context(Interrupts())
        bars = stack.enter_context(progress())
        stack.enter_context(torch_seeded(0, device))

        asked = due = False  # whether this process has asked for a state to be saved, and whether all know

        def heed(ask: bool = False) -> None:
            """Stop if one of the processes was told to; note whether one has asked for a state."""
            nonlocal due
            stop, save = team.agree(interrupts.received, int(ask))
            if stop:
                raise Interrupted(stop)
            due = due or bool(save)

        def tell(line: str) -> None:
            """Say a line; where nobody listens any more, ask all to stop, so that nothing is lost."""
            try:
                say(line)
            except BrokenPipeError:
                interrupts.received = interrupts.received or signal.SIGPIPE

        coming = stack.enter_context(closing(batches_on(device, batches, range(step, last_step), slots)))
        bar = bars.add_task("Training", total=last_step, completed=step)
        try:
            while True:
                by_steps = config.checkpoint_steps and step % config.checkpoint_steps == 0
                by_time = team.leads and time.monotonic() - saved > 60 * config.checkpoint_minutes
                ask = not asked and step > saved_step and bool(by_steps or by_time)
                asked = asked or ask
                heed(ask)
                if due:
                    keep()
                    saved, saved_step, asked, due = time.monotonic(), step, False, False

                number = step // steps  # of the epoch that has just ended, where one has
                if number > len(history):
                    gather_epoch()
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
                            scores = _validate(networks, validation, team, heed)
                        record["validation"] = scores.to_record()
                        if writer:
                            writer.model(record, scores)
                    snapshot = last or number % config.snapshot_every == 0
                    if writer and snapshot:
                        with epoch.timed("pictures"):
                            writer.snapshot(number)
                    history.append(record)
                    epoch = Epoch()
                    if writer:
                        writer.record(record)
                        with epoch.timed("pictures"):
                            writer.report(now=last, snapshot=snapshot)
                    tell(_sentence(record, config.epochs))
                if step >= last_step:
                    break

                with epoch.timed("data"):
                    source, target = next(coming)
                with epoch.timed("steps"):
                    torch.manual_seed(derived_seed(config.seed, "step", step, *team.apart))  # dropout's
                    rate = learning_rate(optim, config.epochs, step / steps)
                    step += 1
                    epoch.add(networks.train(source, target, step, rate))
                    if step % FINITE_CHECK_STEPS == 0:
                        team.average(list(epoch.totals.values()))
                        _require_finite(epoch, step, None, run, team)
                bars.update(bar, completed=step, description=f"Epoch {(step - 1) // steps + 1}/{config.epochs}")
        except Interrupted:
            keep()
            if writer:
                writer.report()  # whoever stops a run wants to see how far it has come
            team.broadcast(None)  # a follower that ends before that would be taken for lost
            raise
        if state is None or step > state["step"] or len(history) > len(state["history"]):
            keep()
        else:
            say(f"{run.path} has been trained up to its last epoch, {config.epochs}; --epochs goes on")
            if writer:
                writer.report_if_missing()

    chosen = kept_record(history, config.keep) or history[-1]  # the last epoch is always validated
    return TrainingResult(run, chosen, time.perf_counter() - started, team.leads)


def _validate(
    networks: Networks, validation: PairStore, team: Team, heed: Callable[[], object]
) -> Scores | PictureScores:
    """Score the model that is used, a part of the pairs in each process; `heed` is called as often in each."""
    mine = team.part(len(validation))
    pairs = (validation[index] for index in mine)
    scores = score_model(networks.used, pairs, len(mine), "val", after_each=heed)
    if len(mine) < len(range(0, len(validation), team.count)):
        heed()
    return joined_scores(team.gather(scores))


def _saved_state(run: RunFolder, team: Team, say: Callable[[str], None]) -> TrainingState | None:
    # The leader looks first: it may have to set a damaged state aside.
    state = load_state(run.checkpoints, say) if team.leads else None
    team.broadcast(None)
    return state if team.leads else load_state(run.checkpoints)


def _circumstances(team: Team, training: PairStore, validation: PairStore) -> dict[str, str]:
    device = team.fabric.device
    return {
        "version": f"pairloom {__version__}, torch {torch.__version__}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else _processor(),
        "precision": team.precision,
        "threads": str(torch.get_num_threads()),
        "files of the training pairs": training.fingerprint[:8],
        "files of the validation pairs": validation.fingerprint[:8],
    }


def _processor() -> str:
    return f"cpu {torch.backends.cpu.get_cpu_capability()}"


def _require_finite(epoch: Epoch, step: int, networks: Networks | None, run: RunFolder, team: Team) -> None:
    """Look at the losses, and at the networks where they are given; what the leader finds, all have found."""
    wrong = next((f"the loss {name!r}" for name, total in epoch.totals.items() if not total.isfinite()), None)
    for name, network in networks.bare.items() if networks else ():
        if not all(bool(parameter.isfinite().all()) for parameter in network.parameters()):
            wrong = wrong or f"a weight of the {name}"
    if wrong and not team.leads:
        raise SystemExit(2)
    if wrong:
        kept = f"; the last good state is kept in {run.checkpoints}" if (run.checkpoints / "last.pt").exists() else ""
        raise UserError(
            f"training diverged: {wrong} is not finite after step {step}{kept}. Start a new run with a lower rate: "
            f"--config {run.config} --optim.learning_rate ..."
        )


def _sentence(record: EpochRecord, epochs: int) -> str:
    words = [f"epoch {record['epoch']}/{epochs}", f"{record['seconds']['data'] + record['seconds']['steps']:.0f} s"]
    scores = record.get("validation")
    if scores and "mean_iou" in scores:
        words.append(f"mean IoU {scores['mean_iou'] or 0:.3f}")
    elif scores:
        words.append(f"validation L1 {scores['l1'] or 0:.3f}")
    return "  ".join([*words, *(f"{name} {loss:.3f}" for name, loss in record["losses"].items())])
