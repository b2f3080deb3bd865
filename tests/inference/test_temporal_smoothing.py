"""Noise is averaged away where the picture stands still; what moves is followed at once."""

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pairloom.images import to_tensor
from pairloom.inference.temporal_smoothing import LEAST_NOISE, MEMORY, Steadier, noise
from pairloom.streets import draw_street

SIGMA = 8 / 255  # in [-1, 1]: 4 of 255 steps

sides = st.integers(1, 20)


def _street(index: int = 0, height: int = 64, width: int = 64) -> Tensor:
    return to_tensor(draw_street(0, index, height, width)[0]).unsqueeze(0)


def _shares(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).mul(2).softmax(dim=1)


def _noisy(picture: Tensor, seed: int) -> Tensor:
    return picture + SIGMA * torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))


def _steadied(pictures: Sequence[Tensor], outputs: Sequence[Tensor]) -> list[Tensor]:
    steadier = Steadier()
    return [steadier(picture, output) for picture, output in zip(pictures, outputs, strict=True)]


@settings(deadline=None)
@given(sides, sides, st.integers(1, 4), st.integers(1, 6), st.integers(1, 20))
def test_what_never_changes_stays_as_it_is(height: int, width: int, channels: int, classes: int, count: int) -> None:
    picture, output = _shares(0, 1, channels, height, width), _shares(1, 1, classes, height, width)
    for steadied in _steadied([picture] * count, [output] * count):
        assert torch.equal(steadied, output)


@settings(deadline=None)
@given(sides, sides, st.integers(1, 15), st.floats(0.1, 2))
def test_a_new_picture_is_followed_at_once(height: int, width: int, before: int, change: float) -> None:
    first, second = torch.full((1, 3, height, width), -1.0), torch.full((1, 3, height, width), -1.0 + change)
    outputs = [_shares(seed, 1, 5, height, width) for seed in range(before + 1)]
    steadied = _steadied([*[first] * before, second], outputs)
    assert torch.equal(steadied[-1], outputs[-1])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**16), st.floats(0, 0.1))
def test_shares_stay_shares(seed: int, brighter: float) -> None:
    pictures = [_noisy(torch.full((1, 3, 24, 24), index * brighter), seed + index) for index in range(4)]
    for steadied in _steadied(pictures, [_shares(seed + index, 1, 7, 24, 24) for index in range(4)]):
        assert torch.allclose(steadied.sum(dim=1), torch.ones(()))
        assert steadied.min() >= 0


def test_on_a_still_street_the_answer_shakes_a_third_as_much() -> None:
    street, truth = _street(), _shares(0, 1, 5, 64, 64)
    pictures = [_noisy(street, seed) for seed in range(30)]
    outputs = [truth + 0.1 * torch.randn(truth.shape, generator=torch.Generator().manual_seed(s)) for s in range(30)]
    steadied = _steadied(pictures, outputs)
    shaken = [(output - truth).std().item() for output in steadied[15:]]
    assert max(shaken) < 0.1 / 3 * 1.2  # the root of 1/9 by equal weights, a little less by fading ones


def test_what_moves_leaves_no_ghost_and_what_stands_still_is_averaged() -> None:
    """A square passes over a street from left to right; the shares tell square from street."""
    street, side = _street(), 12
    pictures, outputs = [], []
    for index in range(20):
        picture = _noisy(street, index)
        output = torch.zeros(1, 2, 64, 64)
        output[:, 0] = 1
        column = slice(2 * index, 2 * index + side)
        picture[..., 26 : 26 + side, column] = 1.5
        output[:, 0, 26 : 26 + side, column], output[:, 1, 26 : 26 + side, column] = 0, 1
        pictures.append(picture)
        outputs.append(output)
    for steadied, output in zip(_steadied(pictures, outputs), outputs, strict=True):
        assert torch.equal(steadied[:, 1] > 0.5, output[:, 1] > 0.5)


def test_a_change_too_slow_to_be_seen_is_followed_within_the_memory() -> None:
    count, slope = 60, 0.2 / 255
    pictures = [torch.full((1, 3, 32, 32), index * slope) for index in range(count)]
    outputs = [torch.full((1, 1, 32, 32), float(index)) for index in range(count)]
    steadied = _steadied(pictures, outputs)
    lags = [(output - one).max().item() for one, output in zip(steadied, outputs, strict=True)]
    assert 1 < max(lags) <= MEMORY + 1e-3


def test_another_size_begins_anew() -> None:
    steadier = Steadier()
    steadier(torch.zeros(1, 3, 8, 8), _shares(0, 1, 3, 8, 8))
    output = _shares(1, 1, 3, 9, 8)
    assert torch.equal(steadier(torch.zeros(1, 3, 9, 8), output), output)


@pytest.mark.parametrize("moves", [False, True])
def test_noise_is_told_from_texture_and_from_motion(moves: bool) -> None:
    before = _street(0, 128, 128)
    after = before.roll(3, dims=-1) if moves else before
    picture = _noisy(after, 0)
    found = noise(picture, (picture - _noisy(before, 1)) / 2**0.5)
    assert SIGMA * 0.8 < found < SIGMA * 1.3


def test_without_noise_a_step_of_eight_bits_is_granted() -> None:
    assert noise(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)) == LEAST_NOISE
    assert noise(torch.zeros(1, 3, 1, 8), torch.ones(1, 3, 1, 8)) == LEAST_NOISE
