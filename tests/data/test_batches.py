"""The batch of a step follows from the step alone, and shuffling shows every pair once a turn."""

from collections import Counter
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pairloom.config import AugmentConfig, Size
from pairloom.data.batches import TrainingBatches, batches_on
from pairloom.data.pairs import Pair
from pairloom.images import to_tensor

Sampling = Literal["shuffle", "replacement"]
SAMPLINGS: tuple[Sampling, ...] = ("shuffle", "replacement")
SIZE = Size(4, 6)
COUNT = st.integers(1, 12)


def _store(count: int, height: int = 4, width: int = 6) -> list[Pair]:
    """Pairs whose every pixel of the target is the pair's number."""
    rng = np.random.default_rng(0)
    return [
        Pair(
            f"{number:03d}",
            rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
            np.full((height, width), number, dtype=np.uint8),
        )
        for number in range(count)
    ]


def _batches(
    count: int,
    *,
    batch_size: int = 1,
    sampling: Sampling = "shuffle",
    seed: int = 0,
    augmentation: AugmentConfig | None = None,
) -> TrainingBatches:
    return TrainingBatches(_store(count), SIZE, augmentation, batch_size=batch_size, sampling=sampling, seed=seed)


def _numbers(batches: TrainingBatches, steps: int) -> list[int]:
    """The numbers of the pairs that come in this many steps."""
    return [int(target.flatten()[0]) for step in range(steps) for target in batches.batch(step)[1]]


def _same(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@settings(deadline=None, max_examples=30)
@given(COUNT, st.integers(1, 5), st.sampled_from(SAMPLINGS), st.booleans())
def test_batches_have_the_shape_and_the_numbers_that_training_takes(
    count: int, batch_size: int, sampling: Sampling, augmented: bool
) -> None:
    augmentation = AugmentConfig() if augmented else None
    batches = _batches(count, batch_size=batch_size, sampling=sampling, augmentation=augmentation)
    source, target = batches.batch(3)
    assert source.shape == (batch_size, 3, *SIZE)
    assert source.dtype == torch.float32
    assert float(source.abs().max()) <= 1
    assert target.shape == (batch_size, *SIZE)
    assert target.dtype == torch.uint8


@given(st.integers(1, 60), st.integers(1, 70))
def test_an_epoch_is_the_pairs_by_the_batch_size_but_at_least_a_step(count: int, batch_size: int) -> None:
    steps = _batches(count, batch_size=batch_size).steps_per_epoch
    assert steps == max(1, count // batch_size)


@settings(deadline=None, max_examples=30)
@given(COUNT, st.integers(1, 5), st.integers(0, 2**40))
def test_shuffling_shows_every_pair_once_a_turn_whatever_the_batch_size(count: int, batch_size: int, seed: int) -> None:
    turns = 4
    numbers = _numbers(_batches(count, batch_size=batch_size, seed=seed), -(-turns * count // batch_size))
    for turn in range(turns):
        assert sorted(numbers[turn * count : (turn + 1) * count]) == list(range(count))


def test_every_turn_has_its_own_order() -> None:
    numbers = _numbers(_batches(10), 50)
    turns = {tuple(numbers[start : start + 10]) for start in range(0, 50, 10)}
    assert len(turns) == 5
    assert tuple(range(10)) not in turns


def test_replacement_draws_each_step_anew_and_evenly() -> None:
    numbers = _numbers(_batches(5, sampling="replacement"), 1000)
    counts = Counter(numbers)
    assert set(counts) == set(range(5))
    assert all(150 <= count <= 250 for count in counts.values())
    # In a turn of five draws without memory, five different pairs are rare (4 %); shuffling gives nothing else.
    turns = [numbers[start : start + 5] for start in range(0, 1000, 5)]
    assert sum(len(set(turn)) == 5 for turn in turns) < 30


@pytest.mark.parametrize("sampling", SAMPLINGS)
@settings(deadline=None, max_examples=20)
@given(step=st.integers(0, 10**6), others=st.lists(st.integers(0, 100), max_size=5), seed=st.integers(0, 2**40))
def test_a_batch_is_the_same_whatever_was_drawn_before(
    sampling: Sampling, step: int, others: list[int], seed: int
) -> None:
    fresh, used = (
        _batches(6, batch_size=2, sampling=sampling, seed=seed, augmentation=AugmentConfig()) for _ in range(2)
    )
    for other in others:
        used.batch(other)
    np.random.default_rng(0).random(3)
    torch.rand(3)
    assert _same(fresh.batch(step), used.batch(step))
    assert _same(used.batch(step), used.batch(step))


def test_drawing_a_batch_leaves_torchs_random_state_alone() -> None:
    torch.manual_seed(0)
    before = torch.get_rng_state()
    _batches(4, batch_size=2, augmentation=AugmentConfig()).batch(0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_another_seed_gives_another_course(sampling: Sampling) -> None:
    courses = [tuple(_numbers(_batches(12, sampling=sampling, seed=seed), 12)) for seed in range(5)]
    assert len(set(courses)) == 5


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_no_two_examples_are_augmented_alike(sampling: Sampling) -> None:
    batches = _batches(1, batch_size=4, sampling=sampling, augmentation=AugmentConfig())
    examples = [source.numpy().tobytes() for step in range(5) for source in batches.batch(step)[0]]
    assert len(set(examples)) == 20


def test_without_augmentation_examples_are_the_pairs() -> None:
    store = _store(3)
    batches = TrainingBatches(store, SIZE, None, batch_size=3, sampling="shuffle", seed=0)
    sources, targets = batches.batch(0)
    for source, target in zip(sources, targets, strict=True):
        pair = store[int(target[0, 0])]
        assert torch.equal(source, to_tensor(pair.source))
        np.testing.assert_array_equal(target.numpy(), pair.target)


def test_what_is_done_to_a_batch_does_not_reach_the_pairs() -> None:
    batches = _batches(1)
    first = batches.batch(0)
    before = tuple(tensor.clone() for tensor in first)
    for tensor in first:
        tensor.zero_().add_(9)
    assert _same(batches.batch(0), (before[0], before[1]))


@settings(deadline=None, max_examples=30)
@given(COUNT, st.sampled_from([1, 2, 3]), st.integers(1, 3), st.sampled_from(SAMPLINGS), st.integers(0, 50))
def test_processes_that_share_a_batch_have_each_of_its_pairs_once(
    count: int, processes: int, each: int, sampling: Sampling, step: int
) -> None:
    batch_size = processes * each
    batches = _batches(count, batch_size=batch_size, sampling=sampling, augmentation=AugmentConfig())
    sources, targets = batches.batch(step)
    for rank in range(processes):
        slots = range(rank, batch_size, processes)
        assert _same(batches.batch(step, slots), (sources[slots], targets[slots]))


def test_batches_come_in_the_order_of_the_steps_whatever_step_is_the_first() -> None:
    batches = _batches(5, batch_size=2)
    coming = batches_on(torch.device("cpu"), batches, range(3, 9), range(1, 2))
    for step, found in zip(range(3, 9), coming, strict=True):
        assert _same(found, batches.batch(step, [1]))
