"""The run folder: what lies where, and how a new one is begun."""

from dataclasses import dataclass
from pathlib import Path

from pairloom.config import Experiment
from pairloom.errors import UserError
from pairloom.settings import dump_experiment, load_experiment


def require_empty(out: Path) -> None:
    """Raise UserError if a folder that is to be written holds anything already."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out}: already holds files; choose another --out, or remove it first")


@dataclass(frozen=True)
class RunFolder:
    """The files of one training run."""

    path: Path

    @property
    def config(self) -> Path:
        """The whole experiment, as it was resolved."""
        return self.path / "config.yaml"

    @property
    def metrics(self) -> Path:
        """Losses and scores, a JSON object an epoch."""
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
        """Pictures of the course of training."""
        return self.path / "report"

    def snapshot(self, epoch: int) -> Path:
        """The generator after an epoch, as a model folder."""
        return self.checkpoints / f"epoch-{epoch:04d}"

    def samples(self, epoch: int) -> Path:
        """The sample pairs as the generator translated them after an epoch."""
        return self.path / "samples" / f"epoch-{epoch:04d}"

    def sampled_epochs(self) -> list[int]:
        """Epochs that have sample pictures, in order."""
        names = (folder.name.removeprefix("epoch-") for folder in self.path.glob("samples/epoch-*"))
        return sorted(int(name) for name in names if name.isdecimal())

    @classmethod
    def begin(cls, path: Path, experiment: Experiment) -> "RunFolder":
        """Create the folder and write the config into it before anything else happens.

        Raises:
            UserError: if the folder holds anything already, or cannot be written.
        """
        require_empty(path)
        run = cls(path)
        try:
            for folder in (run.checkpoints, run.report):
                folder.mkdir(parents=True, exist_ok=True)
            run.write_config(experiment)
        except OSError as error:
            raise UserError(f"{path}: the run folder cannot be written ({error.strerror})") from error
        return run

    def write_config(self, experiment: Experiment) -> None:
        """Write the run's config; the old one stays until the new one is whole."""
        unfinished = self.config.with_name(f".{self.config.name}.unfinished")
        unfinished.write_text(dump_experiment(experiment), encoding="utf-8")
        unfinished.replace(self.config)

    def experiment(self) -> Experiment:
        """Read the run's config.

        Raises:
            UserError: if this is no run folder, or its config is damaged.
        """
        if not self.config.is_file():
            raise UserError(f"{self.path}: is not a run folder (config.yaml is missing)")
        return load_experiment(file=self.config)
