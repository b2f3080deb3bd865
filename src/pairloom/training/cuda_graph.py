"""A whole training step as one CUDA graph.

At batch size 1 a step is a thousand small kernels, and a GPU waits for Python to name each of them. A graph records
them once and plays them back at a single call. What it plays back is fixed: the addresses of its tensors, and every
number that is no tensor. So batches are copied to where the first one lay, and the optimizers keep learning rates and
step counts on the device (`capturable`).
"""

from collections.abc import Callable

import torch
from torch import Tensor

from pairloom.errors import first_line
from pairloom.training.step import Losses, TrainingStep

WARM_STEPS = 3
"""Steps made kernel by kernel first: libraries choose their algorithms and optimizers make their state in them."""


class CapturedStep:
    """Makes steps as a `TrainingStep` does, from its fourth call on by a graph.

    Args:
        step: the step, on a GPU, with capturable optimizers.
        log: is told in a line if the step cannot be recorded; it is then made kernel by kernel as before.
    """

    def __init__(self, step: TrainingStep, log: Callable[[str], None]) -> None:
        self._step, self._log = step, log
        self._warm = 0
        self._side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._graph: torch.cuda.CUDAGraph | None = None
        self._refused = False
        self._source = self._target = torch.empty(0)
        self._losses: Losses = {}

    def __call__(self, source: Tensor, target: Tensor) -> Losses:
        """Update both networks once; see `TrainingStep`."""
        if self._refused:
            return self._step(source, target)
        if self._warm < WARM_STEPS:
            self._warm += 1
            # On a stream of its own, as the recording will be: libraries keep workspaces by stream.
            self._side.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._side):
                losses = self._step(source, target)
            torch.cuda.current_stream().wait_stream(self._side)
            return losses
        graph = self._graph or self._record(source, target)
        if graph is None or source.shape != self._source.shape:
            return self._step(source, target)
        self._source.copy_(source)
        self._target.copy_(target)
        graph.replay()
        return {name: loss.clone() for name, loss in self._losses.items()}

    def _record(self, source: Tensor, target: Tensor) -> torch.cuda.CUDAGraph | None:
        """Capture a step without executing it; None where it cannot be captured."""
        self._source, self._target = source.clone(), target.clone()
        graph = torch.cuda.CUDAGraph()
        try:
            # Other threads prepare batches meanwhile, which must not spoil the recording.
            with torch.cuda.graph(graph, stream=self._side, capture_error_mode="thread_local"):
                self._losses = self._step(self._source, self._target)
        except RuntimeError as error:
            self._refused = True
            self._log(f"steps are made kernel by kernel, since CUDA could not record one ({first_line(error)})")
            return None
        self._graph = graph
        return graph
