"""What has come of the epoch that is under way."""

import dataclasses
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor


@dataclass
class Epoch:
    """The sum of each loss over the steps so far, and where the time went."""

    totals: dict[str, Tensor] = dataclasses.field(default_factory=dict)
    spent: dict[str, float] = dataclasses.field(
        default_factory=lambda: {"data": 0.0, "steps": 0.0, "validation": 0.0, "pictures": 0.0}
    )
    """Seconds, as `EpochRecord.seconds` has them."""

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
