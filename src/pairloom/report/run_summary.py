"""A run so far, for its report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pairloom.config import Experiment
from pairloom.data.image_spec import ImageSpec
from pairloom.data.pairs import Pair
from pairloom.data.store import PairStore
from pairloom.evaluation.history import EpochRecord
from pairloom.run import RunFolder


@dataclass(frozen=True)
class RunSummary:
    """What the report of a run shows."""

    run: RunFolder
    experiment: Experiment
    history: list[EpochRecord]
    """One record per epoch; none before the first has ended."""
    training: PairStore
    validation: PairStore
    samples: Sequence[Pair]
    """The pairs that are translated at each validation, at the run's size."""
    circumstances: Mapping[str, str]
    """What it is trained with: version, device, threads."""

    @property
    def source(self) -> ImageSpec:
        """What the sources are."""
        return self.validation.source

    @property
    def target(self) -> ImageSpec:
        """What the targets are."""
        return self.validation.target
