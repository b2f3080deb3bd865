"""Random draws depend on their seed, purpose and counters, and on nothing else."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pairloom.rng import derived_seed, numpy_generator, torch_seeded

SEED = st.integers(0, 2**40)
PURPOSE = st.text(max_size=8)
COUNTERS = st.lists(st.integers(0, 2**31), max_size=3).map(tuple)
CPU = torch.device("cpu")


def _draws(seed: int, purpose: str, counters: tuple[int, ...]) -> list[int]:
    return [int(number) for number in numpy_generator(seed, purpose, *counters).integers(2**62, size=4)]


@given(SEED, PURPOSE, COUNTERS, st.integers(0, 50))
def test_the_same_key_gives_the_same_stream_whatever_was_drawn_before(
    seed: int, purpose: str, counters: tuple[int, ...], drawn: int
) -> None:
    first = _draws(seed, purpose, counters)
    numpy_generator(seed, purpose, *counters).random(drawn)
    np.random.default_rng(0).random(drawn)
    assert _draws(seed, purpose, counters) == first


@given(SEED, SEED, PURPOSE, PURPOSE, st.integers(0, 2**31), st.integers(0, 2**31))
def test_another_seed_purpose_or_counter_gives_another_stream(
    seed: int, other_seed: int, purpose: str, other_purpose: str, counter: int, other_counter: int
) -> None:
    first = _draws(seed, purpose, (counter,))
    if other_seed != seed:
        assert _draws(other_seed, purpose, (counter,)) != first
    if other_purpose != purpose:
        assert _draws(seed, other_purpose, (counter,)) != first
    if other_counter != counter:
        assert _draws(seed, purpose, (other_counter,)) != first


@given(st.integers(0, 100), st.integers(0, 100))
def test_the_order_of_counters_matters(step: int, slot: int) -> None:
    assume(step != slot)
    assert _draws(0, "augment", (step, slot)) != _draws(0, "augment", (slot, step))


def test_a_counter_of_zero_more_gives_another_stream() -> None:
    assert _draws(1, "street", (5,)) != _draws(1, "street", (5, 0))


@given(SEED, PURPOSE, COUNTERS)
def test_derived_seeds_are_what_numpy_and_torch_accept_as_seeds(
    seed: int, purpose: str, counters: tuple[int, ...]
) -> None:
    derived = derived_seed(seed, purpose, *counters)
    assert 0 <= derived < 2**63
    assert derived == derived_seed(seed, purpose, *counters)
    torch.Generator().manual_seed(derived)


def test_derived_seeds_differ_from_step_to_step() -> None:
    assert len({derived_seed(0, "step", step) for step in range(1000)}) == 1000


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**31), st.integers(0, 20))
def test_torch_draws_inside_the_block_follow_from_its_seed_and_leave_no_trace(
    seed: int, outer: int, drawn: int
) -> None:
    def draw_inside() -> list[float]:
        with torch_seeded(seed, CPU):
            numbers: list[float] = torch.rand(5).tolist()
        return numbers

    torch.manual_seed(outer)
    torch.rand(drawn)
    undisturbed = torch.get_rng_state()
    first = draw_inside()
    assert torch.equal(torch.get_rng_state(), undisturbed)
    torch.rand(drawn + 1)
    assert draw_inside() == first


def test_torchs_random_state_is_restored_after_an_error_too() -> None:
    def fail() -> None:
        with torch_seeded(5, CPU):
            torch.rand(3)
            raise RuntimeError("inside")

    torch.manual_seed(1)
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("arguments", [(-1, "x"), (0, "x", -1)])
def test_negative_numbers_are_refused(arguments: tuple[int, str]) -> None:
    with pytest.raises(ValueError, match="non-negative"):
        numpy_generator(*arguments)
