"""The batch of each training step, as a function of the step alone."""

from collections.abc import Generator, Iterable
from typing import Protocol

import torch
from torch import Tensor

from pairloom.config import AugmentConfig, Sampling, Size
from pairloom.data.augment import augment, target_tensor
from pairloom.data.pairs import Pair
from pairloom.data.prefetch import read_ahead
from pairloom.images import to_tensor
from pairloom.rng import numpy_generator


class Pairs(Protocol):
    """Pairs that can be asked for by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Pair: ...


def batches_on(
    device: torch.device, batches: "TrainingBatches", steps: range, slots: Iterable[int]
) -> Generator[tuple[Tensor, Tensor]]:
    """Yield the batches of some steps, in order, on a device; those for a GPU are prepared while it computes."""
    if device.type == "cpu":  # which has no core to spare for it
        yield from (batches.batch(step, slots) for step in steps)
        return

    def pinned(step: int) -> list[Tensor]:
        return [tensor.pin_memory() for tensor in batches.batch(step, slots)]  # so that copying waits for nothing

    for tensors in read_ahead(pinned, steps):
        source, target = (tensor.to(device, non_blocking=True) for tensor in tensors)
        yield source, target


class TrainingBatches:
    """Draws the batch of any step: which pairs, and how they are augmented.

    Args:
        pairs: the training pairs; at the size of the examples already where nothing is augmented.
        size: the size of the examples.
        augmentation: the random changes; None makes none.
        batch_size: examples a step.
        sampling: `shuffle` shows every pair once before any comes again; `replacement` draws each anew.
        seed: the run's seed.
        scale: with augmentation, of crops of the pairs; None: each example shows a whole pair. See `augment`.
    """

    def __init__(
        self,
        pairs: Pairs,
        size: Size,
        augmentation: AugmentConfig | None,
        *,
        batch_size: int,
        sampling: Sampling,
        seed: int,
        scale: float | None = None,
    ) -> None:
        self._pairs = pairs
        self._size = size
        self._augmentation = augmentation
        self._batch_size = batch_size
        self._sampling = sampling
        self._seed = seed
        self._scale = scale

    @property
    def steps_per_epoch(self) -> int:
        """Pairs / batch size, at least 1."""
        return max(1, len(self._pairs) // self._batch_size)

    def batch(self, step: int, slots: Iterable[int] | None = None) -> tuple[Tensor, Tensor]:
        """Return the sources and targets of a step from 0 on: of the whole batch, or of some of its slots.

        Sources are B×C×H×W float in [-1, 1]; targets B×H×W uint8 class ids, or pictures as sources are, NaN where
        there is no reading.
        """
        examples = [self._example(step, slot) for slot in (range(self._batch_size) if slots is None else slots)]
        return torch.stack([source for source, _ in examples]), torch.stack([target for _, target in examples])

    def _example(self, step: int, slot: int) -> tuple[Tensor, Tensor]:
        pair = self._pairs[self._pair_index(step, slot)]
        if self._augmentation:
            rng = numpy_generator(self._seed, "augment", step, slot)
            return augment(pair, self._size, self._augmentation, rng, scale=self._scale)
        return to_tensor(pair.source, pair.source_values), target_tensor(pair.target, pair.target_values)

    def _pair_index(self, step: int, slot: int) -> int:
        if self._sampling == "replacement":
            return int(numpy_generator(self._seed, "sample", step, slot).integers(len(self._pairs)))
        turn, place = divmod(step * self._batch_size + slot, len(self._pairs))
        # A whole permutation a draw is microseconds beside a training step, and leaves no state to save.
        return int(numpy_generator(self._seed, "shuffle", turn).permutation(len(self._pairs))[place])
