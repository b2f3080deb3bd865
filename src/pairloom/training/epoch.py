"""What has come of the epoch that is under way."""

import dataclasses
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor


@dataclass
class Epoch:
    """The sum of each loss over the steps so far, and where the time went."""

    totals: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    spent: dict[str, float] = dataclasses.field(
        default_factory=lambda: {"data": 0.0, "steps": 0.0, "validation": 0.0, "pictures": 0.0}
    )
    """Seconds, as `EpochRecord.seconds` has them."""
    steps: int = 0
    """Steps that the totals are of."""
    _looked_at: tuple[int, Mapping[str, float]] = (0, MappingProxyType({}))  # the steps and totals of the last look

    @contextmanager
    def timed(self, what: str) -> Iterator[None]:
        """Count the time of the block as spent on something."""
        began = time.perf_counter()
        yield
        self.spent[what] += time.perf_counter() - began

    def add(self, losses: dict[str, Tensor]) -> None:
        """Add the losses of a step; they stay on their device, so that nothing waits for it."""
        for name, loss in losses.items():
            self.totals[name] = self.totals[name] + loss if name in self.totals else loss
        self.steps += 1

    def means(self) -> dict[str, float]:
        """Return the mean of each loss over the steps so far; waits for the device."""
        return {name: float(total) / max(1, self.steps) for name, total in self.totals.items()}

    def recent_means(self) -> dict[str, float]:
        """Return the mean of each loss over the steps since the last call, or all so far; waits for the device."""
        before, totals_before = self._looked_at
        totals = {name: float(total) for name, total in self.totals.items()}
        self._looked_at = self.steps, totals
        steps = max(1, self.steps - before)
        return {name: (total - totals_before.get(name, 0.0)) / steps for name, total in totals.items()}
