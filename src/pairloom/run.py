"""The run folder: what lies where, how a new one is begun, and that one process at a time works in it."""

import dataclasses
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pairloom.config import Experiment
from pairloom.errors import UserError
from pairloom.files import UNFINISHED, read_text, replacing
from pairloom.palette import PALETTES, Palette, write_palette
from pairloom.settings import dump_experiment, load_experiment

LOCK, CONFIG, PALETTE = ".lock", "config.yaml", "palette.yaml"
_LOCK_SECONDS = 0.5
"""Seconds to wait for a lock: `is_locked` takes it for a moment."""


def require_empty(out: Path) -> None:
    """Raise UserError if a folder that is to be written holds anything already.

    What a run leaves that was killed before it had a config counts as nothing.
    """
    if out.exists() and (not out.is_dir() or any(not _left_over(path) for path in out.iterdir())):
        raise UserError(f"{out}: already holds files; choose another --out, or remove it first")


def _left_over(path: Path) -> bool:
    # The palette is written just before the config, when the folder is locked already.
    begun = path.name == PALETTE and path.with_name(LOCK).exists() and not path.with_name(CONFIG).exists()
    return path.name == LOCK or path.match(UNFINISHED) or begun


def owning_run(path: Path) -> "RunFolder | None":
    """Return the run that a path means: a run folder, or that of its `model/` or of one of its snapshots."""
    path = path.absolute()
    candidates = [path]
    if path.name == "model":
        candidates.append(path.parent)
    if path.parent.name == "checkpoints":
        candidates.append(path.parent.parent)
    return next((RunFolder(folder) for folder in candidates if (folder / CONFIG).is_file()), None)


def known_experiment(path: Path) -> Experiment | None:
    """Return the experiment of the run that a path means, as `owning_run` does; None where there is no run."""
    run = owning_run(path)
    return run.experiment() if run else None


@dataclass(frozen=True)
class RunFolder:
    """The files of one training run."""

    path: Path

    @property
    def config(self) -> Path:
        """The whole experiment, as it was resolved."""
        return self.path / CONFIG

    @property
    def palette(self) -> Path:
        """The classes of the targets, where they are not a built-in palette's."""
        return self.path / PALETTE

    @property
    def metrics(self) -> Path:
        """Losses and scores, a JSON object per epoch."""
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        """The same for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Path:
        """Full training states, and a model folder for each snapshot."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """The model to use."""
        return self.path / "model"

    @property
    def report(self) -> Path:
        """The curves of training."""
        return self.path / "report"

    def snapshot(self, epoch: int) -> Path:
        """The generator after an epoch, as a model folder."""
        return self.checkpoints / f"epoch-{epoch:04d}"

    def snapshot_epochs(self) -> list[int]:
        """Epochs of which the generator is there, in order."""
        names = (file.parent.name.removeprefix("epoch-") for file in self.path.glob("checkpoints/epoch-*/config.json"))
        return sorted(int(name) for name in names if name.isdecimal())

    def samples(self, epoch: int) -> Path:
        """The sample pairs as the generator translated them after an epoch."""
        return self.path / "samples" / f"epoch-{epoch:04d}"

    def sample(self, epoch: int, pair: str, suffix: str) -> Path:
        """One of them; the suffix is that of the model's target."""
        return self.samples(epoch) / f"{pair}{suffix}"

    def sampled_epochs(self) -> list[int]:
        """Epochs that have sample pictures, in order."""
        names = (folder.name.removeprefix("epoch-") for folder in self.path.glob("samples/epoch-*"))
        return sorted(int(name) for name in names if name.isdecimal())

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Inside the block no other process can work in this folder; it is made where it is missing.

        Raises:
            UserError: if another process works in it, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / LOCK, timeout=_LOCK_SECONDS)
            lock.acquire()
        except Timeout as error:
            raise UserError(f"{self.path}: another process is training in it; wait for it, or stop it first") from error
        except OSError as error:
            raise UserError(f"{self.path}: the run folder cannot be written ({error.strerror})") from error
        try:
            yield
        finally:
            lock.release()

    def is_locked(self) -> bool:
        """Tell whether a process works in this folder; False where that cannot be found out."""
        path = self.path / LOCK
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:
            return False

    def begin(self, experiment: Experiment, palette: Palette | None) -> Experiment:
        """Write the config into the folder, which is locked, before anything else happens; return it as written.

        Args:
            experiment: the resolved experiment.
            palette: the classes of its class maps, if there are any; kept in the folder unless they are built in.

        Raises:
            UserError: if the folder holds anything already, or cannot be written.
        """
        require_empty(self.path)
        try:
            if palette is not None:
                name = palette.name
                if palette != PALETTES.get(name):
                    name = self.palette.name
                    write_palette(self.palette, palette, "The classes of this run's targets; see --data.palette.")
                data = dataclasses.replace(experiment.data, palette=name)
                experiment = dataclasses.replace(experiment, data=data)
            self.write_config(experiment)
            self.prepare()
        except OSError as error:
            raise UserError(f"{self.path}: the run folder cannot be written ({error.strerror})") from error
        return experiment

    def abandon(self, new: Sequence[Path]) -> None:
        """Remove a run that has only been begun, and the folders that it had to make (innermost first)."""
        for path in (self.config, self.palette, self.path / LOCK):
            path.unlink(missing_ok=True)
        for folder in (self.checkpoints, self.report, *new):
            with suppress(OSError):  # somebody has put something into it
                folder.rmdir()

    def prepare(self) -> None:
        """Create the sub-folders, and remove what a killed process may have left half-written."""
        for folder in (self.checkpoints, self.report):
            folder.mkdir(exist_ok=True)
        for path in self.path.rglob(UNFINISHED):
            path.unlink(missing_ok=True)

    def write_config(self, experiment: Experiment) -> None:
        """Write the run's config; the old one stays until the new one is whole."""
        with replacing(self.config, durable=True) as unfinished:
            unfinished.write_text(dump_experiment(experiment), encoding="utf-8")

    def experiment(self) -> Experiment:
        """Read the run's config.

        Raises:
            UserError: if this is no run folder, or its config is damaged.
        """
        if not self.config.is_file():
            raise UserError(f"{self.path}: is not a run folder (config.yaml is missing)")
        # What a run of an earlier version does not name was then as the defaults have it: no encoder, for one.
        experiment = load_experiment(None, self.config)
        if re.search(r"^ +range:", read_text(self.config), re.MULTILINE):
            return experiment
        # Begun by a version that took every range for whole.
        data = dataclasses.replace(
            experiment.data, range="whole", no_reading="none", source_range="whole", source_no_reading="none"
        )
        return dataclasses.replace(experiment, data=data)
