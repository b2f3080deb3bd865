"""The training loop."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass

import torch
from rich.progress import Progress
from torch import Tensor

from pairloom.config import Experiment
from pairloom.data.batches import TrainingBatches, batches_on
from pairloom.data.store import PairStore
from pairloom.errors import UserError, first_line, is_out_of_memory
from pairloom.evaluation.history import EpochRecord, is_finished, kept_record
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.evaluation.scoring import joined_scores, score_model
from pairloom.progress import progress
from pairloom.report.run_summary import RunSummary
from pairloom.rng import derived_seed, numpy_generator, torch_seeded
from pairloom.run import RunFolder
from pairloom.training.checkpoint import TrainingState, load_state, require_current_names
from pairloom.training.distributed import DistributedContext
from pairloom.training.epoch import Epoch
from pairloom.training.initial_weights import load_initial_weights
from pairloom.training.messages import banner, environment, epoch_line, why_finished
from pairloom.training.networks import Networks
from pairloom.training.optimizers import learning_rate
from pairloom.training.run_logger import RunLogger
from pairloom.training.same_pairs import changed_pairs, require_same_pairs
from pairloom.training.signals import Interrupted, StopSignals

LOG_STEPS = 50
"""Steps between two looks at the losses, each of which waits for the device."""
SHOW_SECONDS = 2.0
"""Seconds between two looks at them for the progress bar."""

REPEAT_SECONDS = 1.0
"""How long a signal that comes to one of several processes again counts as the same; see `StopSignals`."""


@dataclass(frozen=True)
class TrainingResult:
    """What a finished run came to."""

    run: RunFolder
    """The run folder; `run.path` is where it lies."""
    record: EpochRecord
    """Of the epoch whose generator is in the run's `model/`, as a line of `metrics.jsonl`: its losses and scores."""
    seconds: float
    """Time since training was started or resumed."""
    is_main_process: bool = True
    """Whether this is the process that wrote the files, of those that trained together."""


class Trainer:
    """Trains an experiment in its run folder; in every process that takes part.

    Args:
        experiment: a resolved experiment.
        training: its training pairs.
        validation: its validation pairs, at its size.
        run: its folder, begun and locked.
        context: the processes that train; each of them has a trainer.
        log: receives a line per epoch, in the main process.
    """

    def __init__(
        self,
        experiment: Experiment,
        training: PairStore,
        validation: PairStore,
        run: RunFolder,
        context: DistributedContext,
        *,
        log: Callable[[str], None] = print,
    ) -> None:
        self._experiment, self._config, self._run, self._context = experiment, experiment.train, run, context
        self._training, self._validation, self._device = training, validation, context.fabric.device
        self._log_line = log
        cropped = experiment.data.crop is not None
        self._batches = TrainingBatches(
            training,
            experiment.input_size,
            experiment.augment if experiment.augment.enabled or cropped else None,
            batch_size=self._config.batch_size,
            sampling=self._config.sampling,
            seed=self._config.seed,
            scale=experiment.stored_scale,
        )
        self._networks = Networks.build(
            training,
            experiment.input_size,
            context,
            scale=experiment.data.scale if cropped else None,
            model=experiment.model,
            loss=experiment.loss,
            optim=experiment.optim,
            train=experiment.train,
            log=log,
        )
        self._environment = environment(context)
        self._signals = StopSignals(REPEAT_SECONDS if context.world_size > 1 else 0.0)
        self._logger: RunLogger | None = None  # in the main process alone
        self._stream: Iterator[tuple[Tensor, Tensor]] = iter(())
        self._show_step: Callable[[], None] = lambda: None
        # Where training stands.
        self._step, self._epoch = 0, Epoch()
        self._history: list[EpochRecord] = []
        # Of the last checkpoint, and whether this process has asked for one, and whether all know.
        self._saved_at, self._saved_step, self._saved_epochs = time.monotonic(), -1, 0
        self._asked = self._due = False

    @property
    def _last_step(self) -> int:
        return self._config.epochs * self._batches.steps_per_epoch

    def fit(self, *, resume: bool = False) -> TrainingResult:
        """Train up to the last epoch.

        Args:
            resume: go on from the last checkpoint, or from the start if there is none.

        Raises:
            UserError: for checkpoints that are damaged, a loss that is not finite, or a process that was lost.
            Interrupted: after Ctrl-C, SIGTERM, SIGHUP or SIGUSR1, once a checkpoint has been saved.
        """
        started = time.perf_counter()
        if not (resume and self.resume()):
            self._take_initial_weights()
        with self._running():
            try:
                while not is_finished(self._history, self._config):
                    self.train_one_epoch()
                    self._finish_epoch()
            except Interrupted:
                self.save_checkpoint()
                if self._logger:
                    self._logger.write_report("stopped")  # whoever stops a run wants to see how far it has come
                self._context.barrier()  # a process that ends before that would be taken for lost
                raise
            except Exception as error:
                if self._logger:
                    with suppress(Exception):  # the error is what has to be told
                        self._logger.write_report("stopped", first_line(error))
                raise
            if (self._step, len(self._history)) == (self._saved_step, self._saved_epochs):
                self._log_line(f"already finished: {why_finished(self._history, self._config)}")
            else:
                self.save_checkpoint()
                if self._logger:
                    self._logger.write_report("finished")
        record = kept_record(self._history, self._config.keep) or self._history[-1]  # the last epoch is validated
        return TrainingResult(self._run, record, time.perf_counter() - started, self._context.is_main_process)

    def resume(self) -> bool:
        """Restore the networks, the optimizers, the step and the history of the last checkpoint, if there is one."""
        state = _load_checkpoint(self._run, self._context, self._log_line)
        if state is None:
            self._log_line("no training state was saved yet: starting from the beginning")
            return False
        require_current_names(state, self._run)
        require_same_pairs(state, self._training, self._validation, self._run, self._experiment.data.root)
        totals = {name: total.to(self._device) for name, total in state["totals"].items()}
        self._step = self._saved_step = state["step"]
        self._history = list(state["history"])
        self._saved_epochs = len(self._history)
        done = self._step - self._saved_epochs * self._batches.steps_per_epoch
        self._epoch = Epoch(totals, state["spent"], steps=done)
        try:
            self._networks.load_state_dict(state["networks"])
        except (RuntimeError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UserError(
                f"{self._run.checkpoints}: the saved state does not fit the networks of {self._run.config}; revert "
                "your edits to it"
            ) from error
        if "digests" not in state:
            self._log_line(f"{self._run.path}: was saved without file digests; only the names are compared")
        elif changed := changed_pairs(state, self._training, self._validation):
            self._log_line(f"{changed} have changed since the state was saved; training goes on with them as they are")
        for name, now in self._environment.items():
            if (before := state["circumstances"].get(name)) != now:
                self._log_line(f"{name}: {before} before, {now} now; the last bits of results may differ")
        return True

    def _take_initial_weights(self) -> None:
        """Begin with an encoder's pretrained weights, and with those of another run, where the config names them."""
        self._networks.load_pretrained_encoder()
        if not (init := self._config.init):
            return
        weights = load_initial_weights(init, self._experiment.model, self._training.target)
        anew = self._networks.load_matching(weights)
        also = f"; new are {', '.join(anew)}, since its classes or channels are others" if anew else ""
        self._log_line(f"begins with the weights of {init}{also}")

    def train_one_epoch(self) -> None:
        """Make the steps that are left of the epoch; between two of them a checkpoint may be saved."""
        steps = self._batches.steps_per_epoch
        end = (len(self._history) + 1) * steps
        self._save_if_due()
        while self._step < end:
            with self._epoch.timed("data"):
                source, target = next(self._stream)
            with self._epoch.timed("steps"):
                seed = derived_seed(self._config.seed, "step", self._step, *self._context.rank_counters)
                torch.manual_seed(seed)  # of dropout
                rate = learning_rate(self._experiment.optim, self._config.epochs, self._step / steps)
                self._step += 1
                with self._explained_if_too_large():
                    self._epoch.add(self._networks.train(source, target, self._step, rate))
                if self._step % LOG_STEPS == 0:
                    self._context.average(list(self._epoch.totals.values()))
                    self._require_finite(losses_only=True)
                    if self._logger:
                        self._logger.log_losses(self._step, self._epoch.recent_means())
            self._show_step()
            self._save_if_due()

    def validate(self) -> Scores | PictureScores:
        """Score the model that is kept, the EMA where there is one; each process scores a part of the pairs."""
        pairs, context = self._validation, self._context
        mine = context.shard(len(pairs))
        model = self._networks.eval_model
        scores = score_model(model, (pairs[index] for index in mine), len(mine), "val", after_each=self._check_for_stop)
        if len(mine) < len(range(0, len(pairs), context.world_size)):
            self._check_for_stop()  # as often as the other processes
        return joined_scores(context.gather(scores))

    def save_checkpoint(self) -> None:
        """Save where training stands; a state that is not finite must not take the place of a good one."""
        self._synchronise()
        if self._logger:
            self._logger.save_state(
                TrainingState(
                    step=self._step,
                    pairs=[*self._training.names, *self._validation.names],
                    digests=[*self._training.digests, *self._validation.digests],
                    sides=[self._training.source.to_record(), self._training.target.to_record()],
                    history=self._history,
                    totals=self._epoch.totals,
                    spent=self._epoch.spent,
                    circumstances=self._environment,
                    networks=self._networks.state_dict(),
                )
            )
        self._saved_at, self._saved_step, self._saved_epochs = time.monotonic(), self._step, len(self._history)
        self._asked = self._due = False

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Inside the block all is there that the loop needs: equal weights, the logger, signals, bars and batches."""
        context, steps = self._context, range(self._step, self._last_step)
        # Unlike processors may draw weights that differ in their last bits.
        context.broadcast_tensors(self._networks.tensors())
        with ExitStack() as stack:
            if context.is_main_process:
                self._logger = stack.enter_context(closing(self._new_logger()))
                finished = is_finished(self._history, self._config)
                if not finished:
                    self._say_what_begins()
                self._logger.write_first_report(finished=finished)  # what was read is shown before the first step
            stack.enter_context(self._signals)
            bars = stack.enter_context(progress())
            stack.enter_context(torch_seeded(0, self._device))
            slots = context.shard(self._config.batch_size)
            self._stream = stack.enter_context(closing(batches_on(self._device, self._batches, steps, slots)))
            self._show_step = self._bar(bars)
            yield

    def _bar(self, bars: Progress) -> Callable[[], None]:
        """Add a bar for the whole training; return what moves it on after a step."""
        bar = bars.add_task("Training", total=self._last_step, completed=self._step)
        shown_at = 0.0

        def show_step() -> None:
            nonlocal shown_at
            epoch = (self._step - 1) // self._batches.steps_per_epoch + 1
            bars.update(bar, completed=self._step, description=f"Epoch {epoch}/{self._config.epochs}")
            if not bars.disable and time.monotonic() - shown_at > SHOW_SECONDS:
                shown_at = time.monotonic()
                losses = "  ".join(f"{name} {mean:.3f}" for name, mean in self._epoch.means().items())
                bars.update(bar, note=losses)

        return show_step

    def _say_what_begins(self) -> None:
        for line in banner(
            self._experiment,
            self._environment,
            self._networks.modules,
            self._run,
            pairs=len(self._training),
            validation_pairs=len(self._validation),
            steps=self._batches.steps_per_epoch,
        ):
            self._log(line)

    def _new_logger(self) -> RunLogger:
        order = numpy_generator(self._config.seed, "samples").permutation(len(self._validation))
        summary = RunSummary(
            self._run,
            self._experiment,
            list(self._history),
            self._training,
            self._validation,
            [self._validation[index] for index in order[: self._config.samples]],
            self._environment,
        )
        return RunLogger(summary, self._networks.eval_model, self._device, self._step)

    def _finish_epoch(self) -> None:
        """Validate and log the epoch whose steps are done."""
        with self._epoch.timed("steps"):  # a GPU may still be at them
            self._synchronise()
        config, steps, number = self._config, self._batches.steps_per_epoch, len(self._history) + 1
        record = EpochRecord(
            epoch=number,
            step=self._step,
            seconds=self._shared_seconds(),
            learning_rate=learning_rate(self._experiment.optim, config.epochs, (self._step - 1) / steps),
            losses={name: float(total) / steps for name, total in self._epoch.totals.items()},
        )
        validated = number % config.validate_every == 0 or is_finished([*self._history, record], config)
        if validated:
            with self._epoch.timed("validation"):
                scores = self.validate()
            record["validation"] = scores.to_record()
            record["seconds"] = self._shared_seconds()
            if self._logger:
                self._logger.keep_model(record, scores)
        self._history.append(record)
        last = is_finished(self._history, config)
        snapshot = last or number % config.snapshot_every == 0
        if self._logger:
            with self._epoch.timed("pictures"):
                if snapshot:
                    self._logger.save_snapshot(record)
                if validated:
                    self._logger.save_samples(record, for_tensorboard=snapshot)
        record["seconds"] = self._shared_seconds()
        self._epoch = Epoch()
        if self._logger:
            self._logger.log_epoch(record)
            if not last:
                with self._epoch.timed("pictures"):
                    self._logger.write_report_if_old(validated=validated)
        self._log(epoch_line(record, config.epochs))
        if last and number < config.epochs:
            self._log(f"finished: {why_finished(self._history, config)}")

    def _shared_seconds(self) -> dict[str, float]:
        """Return the main process's times of the epoch: all processes must find the same epoch to be the last."""
        self._epoch.spent = self._context.gather(self._epoch.spent)[0]
        return self._epoch.spent

    def _save_if_due(self) -> None:
        """Stop if one of the processes was told to, and save a checkpoint if one of them has asked for it."""
        config = self._config
        by_steps = config.checkpoint_steps and self._step % config.checkpoint_steps == 0
        minutes = (time.monotonic() - self._saved_at) / 60
        by_time = self._context.is_main_process and minutes > config.checkpoint_minutes
        ask = not self._asked and self._step > max(self._saved_step, 0) and bool(by_steps or by_time)
        self._asked = self._asked or ask
        self._check_for_stop(ask)
        if self._due:
            self.save_checkpoint()

    @contextmanager
    def _explained_if_too_large(self) -> Iterator[None]:
        """Where a step does not fit in memory, say which settings let it."""
        try:
            yield
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            config, pairs = self._config, self._config.batch_size // self._context.world_size
            parts = next((parts for parts in range(config.accumulate + 1, pairs + 1) if pairs % parts == 0), None)
            ways = [
                *([f"--train.accumulate {parts}"] if parts else []),
                *([] if config.checkpoint_activations else ["--train.checkpoint_activations true"]),
                "a lower --batch-size, --size or --model.width",
            ]
            raise UserError(
                f"out of memory at step {self._step}; start a new run that needs less: --config {self._run.config} "
                f"with {', '.join(ways[:-1])}{' or ' if ways[:-1] else ''}{ways[-1]}"
            ) from error

    def _check_for_stop(self, ask: bool = False) -> None:
        """Raise Interrupted if one of the processes was told to stop; note whether one has asked for a checkpoint."""
        stop, save = self._context.agree(self._signals.received, int(ask))
        if stop:
            raise Interrupted(stop)
        self._due = self._due or bool(save)

    def _log(self, line: str) -> None:
        """Log a line; where nobody reads any more, ask all to stop, so that nothing is lost."""
        try:
            self._log_line(line)
        except BrokenPipeError:
            self._signals.received = self._signals.received or signal.SIGPIPE

    def _synchronise(self) -> None:
        """Average the losses and batch norm's statistics over the processes; require that all is finite."""
        self._context.average([*self._epoch.totals.values(), *self._networks.batch_statistics()])
        self._require_finite()

    def _require_finite(self, *, losses_only: bool = False) -> None:
        """Look at the losses, and at the parameters; what the main process finds, all have found."""
        totals, run = self._epoch.totals, self._run
        wrong = next((f"the loss {name!r}" for name, total in totals.items() if not total.isfinite()), None)
        for name, network in () if losses_only else self._networks.modules.items():
            if not all(bool(parameter.isfinite().all()) for parameter in network.parameters()):
                wrong = wrong or f"a parameter of the {name}"
        if not wrong:
            return
        if not self._context.is_main_process:
            raise SystemExit(2)
        kept = f"; the last good state is kept in {run.checkpoints}" if (run.checkpoints / "last.pt").exists() else ""
        raise UserError(
            f"training diverged: {wrong} is not finite after step {self._step}{kept}; start a new run with a lower "
            f"rate: --config {run.config} --optim.learning_rate ..."
        )


def _load_checkpoint(run: RunFolder, context: DistributedContext, log: Callable[[str], None]) -> TrainingState | None:
    # The main process looks first: it may have to set a damaged state aside.
    state = load_state(run.checkpoints, log) if context.is_main_process else None
    context.barrier()
    return state if context.is_main_process else load_state(run.checkpoints)
