"""The batch of each training step, as a function of the step alone."""

from typing import Literal

import torch
from torch import Tensor

from pairloom.config import AugmentConfig, Size
from pairloom.data.augment import augment
from pairloom.data.store import PairStore
from pairloom.draws import numpy_generator
from pairloom.images import to_tensor


class TrainingBatches:
    """Draws the batch of any step: which pairs, and how they are augmented.

    Args:
        pairs: the training pairs at native size.
        size: the size of the examples.
        augmentation: the random changes; None makes none.
        batch_size: examples a step.
        sampling: `shuffle` shows every pair once before any comes again; `replacement` draws each anew.
        seed: the run's seed.
    """

    def __init__(
        self,
        pairs: PairStore,
        size: Size,
        augmentation: AugmentConfig | None,
        *,
        batch_size: int,
        sampling: Literal["shuffle", "replacement"],
        seed: int,
    ) -> None:
        self._pairs = pairs if augmentation else pairs.resized(size)
        self._size = size
        self._augmentation = augmentation
        self._batch_size = batch_size
        self._sampling = sampling
        self._seed = seed

    @property
    def steps_per_epoch(self) -> int:
        """Pairs / batch size, at least 1."""
        return max(1, len(self._pairs) // self._batch_size)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Return the sources (B×3×H×W float in [-1, 1]) and targets (B×H×W uint8 class ids) of a step from 0 on."""
        examples = [self._example(step, slot) for slot in range(self._batch_size)]
        return torch.stack([source for source, _ in examples]), torch.stack([target for _, target in examples])

    def _example(self, step: int, slot: int) -> tuple[Tensor, Tensor]:
        pair = self._pairs[self._pair_index(step, slot)]
        if self._augmentation:
            return augment(pair, self._size, self._augmentation, numpy_generator(self._seed, "augment", step, slot))
        return to_tensor(pair.source), torch.from_numpy(pair.target.copy())

    def _pair_index(self, step: int, slot: int) -> int:
        if self._sampling == "replacement":
            return int(numpy_generator(self._seed, "sample", step, slot).integers(len(self._pairs)))
        turn, place = divmod(step * self._batch_size + slot, len(self._pairs))
        # A whole permutation a draw is microseconds beside a training step, and leaves no state to save.
        return int(numpy_generator(self._seed, "shuffle", turn).permutation(len(self._pairs))[place])
