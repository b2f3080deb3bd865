"""Random crops: where they lie, what they show, and how often they hold what is rare."""

import dataclasses

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from pairloom.config import AugmentConfig, Size
from pairloom.data.augment import PADDING_GREY, augment
from pairloom.data.pairs import Pair
from pairloom.images import to_picture
from pairloom.palette import VOID, UInt8Array

NOTHING = AugmentConfig(flip=False, scale=(1.0, 1.0), brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
SIDE = st.integers(1, 48)
SIZE = st.builds(Size, SIDE, SIDE)
SEED = st.integers(0, 2**32)


def _numbered(height: int, width: int) -> Pair:
    """Each pixel tells its row in red and its column in green; the class is a mix of both."""
    rows, columns = np.indices((height, width), dtype=np.uint8)
    return Pair("numbered", np.dstack([rows, columns, rows]), ((7 * rows + columns) % 11).astype(np.uint8))


def _crop(
    pair: Pair, size: Size, seed: int, config: AugmentConfig = NOTHING, scale: float = 1.0
) -> tuple[UInt8Array, Tensor]:
    source, target = augment(pair, size, config, np.random.default_rng(seed), scale=scale)
    return np.asarray(to_picture(source)), target


@settings(deadline=None, max_examples=100)
@given(SIDE, SIDE, SIZE, SEED)
def test_at_its_own_scale_a_crop_holds_pixels_of_the_pair_as_they_are(
    height: int, width: int, size: Size, seed: int
) -> None:
    pair = _numbered(height, width)
    source, target = _crop(pair, size, seed)
    shown = target.numpy() != VOID
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    # All that there is, or as much as the crop holds, in one rectangle; the rest is padding.
    assert (len(rows), len(columns)) == (min(height, size.height), min(width, size.width))
    assert shown.sum() == len(rows) * len(columns)
    assert set(source[~shown].flat) <= {PADDING_GREY}
    inner = source[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    # A window between two pixels blends them, but keeps their distance.
    assert (np.diff(inner[:, 0, 0].astype(int)) == 1).all()
    assert (np.diff(inner[0, :, 1].astype(int)) == 1).all()
    top, left = inner[0, 0, :2].astype(int)
    expected = pair.target[top : top + len(rows), left : left + len(columns)]
    agree = np.mean(target.numpy()[shown].reshape(expected.shape) == expected)
    assert agree == 1 or _nearest_is_the_next(pair, target.numpy()[shown].reshape(expected.shape), top, left)


def _nearest_is_the_next(pair: Pair, shown: UInt8Array, top: int, left: int) -> bool:
    """Whether class ids are those of a window one pixel on: of two pixels that a picture blends, they take one."""
    height, width = shown.shape
    return any(
        np.array_equal(shown, pair.target[row : row + height, column : column + width])
        for row in range(max(0, top - 1), top + 2)
        for column in range(max(0, left - 1), left + 2)
    )


@settings(deadline=None, max_examples=60)
@given(st.floats(0.2, 4), st.floats(0.5, 2), SEED)
def test_scale_and_zoom_multiply(scale: float, zoom: float, seed: int) -> None:
    rows, columns = np.indices((250, 250), dtype=np.uint8)
    pair = Pair("ramps", np.dstack([rows, columns, rows]), np.zeros((250, 250), np.uint8))
    config = dataclasses.replace(NOTHING, scale=(zoom, zoom))
    source, target = _crop(pair, Size(24, 20), seed, config, scale)
    shown = target.numpy() != VOID
    inside = source[shown.any(axis=1)][:, shown.any(axis=0)].astype(int)
    for ramp in (inside[:, 0, 0], inside[0, :, 1]):
        expected = (len(ramp) - 1) / (scale * zoom)  # pixels of the pair from the first to the last of the crop
        assert abs((ramp[-1] - ramp[0]) - expected) <= 0.1 * expected + 3


def test_crops_lie_everywhere() -> None:
    pair = _numbered(12, 14)
    corners = {tuple(_crop(pair, Size(8, 8), seed)[0][0, 0, :2].tolist()) for seed in range(600)}
    assert corners == {(row, column) for row in range(5) for column in range(7)}


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 39), st.integers(0, 59), SEED)
def test_crops_around_rare_pixels_hold_them(row: int, column: int, seed: int) -> None:
    pair = Pair("rare", np.zeros((40, 60, 3), np.uint8), np.full((40, 60), VOID, np.uint8))
    pair.target[row, column] = 5
    target = _crop(pair, Size(8, 10), seed, dataclasses.replace(NOTHING, rare=1.0))[1]
    assert (target == 5).sum() == 1
    assert not torch.equal(target, torch.full_like(target, VOID))


def test_each_class_of_a_pair_is_as_likely_to_be_cropped_around() -> None:
    pair = Pair("three", np.zeros((100, 100, 3), np.uint8), np.zeros((100, 100), np.uint8))
    pair.target[50:, :] = 1
    pair.target[3, 3] = 2

    def holding(rare: float) -> int:
        config = dataclasses.replace(NOTHING, rare=rare)
        return sum(bool((_crop(pair, Size(10, 10), seed, config)[1] == 2).any()) for seed in range(300))

    assert holding(0.0) < 15
    assert 30 < holding(0.5) < 75  # a third of the half
    assert 75 < holding(1.0) < 130


def test_pairs_without_classes_are_cropped_anywhere() -> None:
    empty = Pair("empty", np.zeros((30, 30, 3), np.uint8), np.full((30, 30), VOID, np.uint8))
    picture = Pair("picture", np.zeros((30, 30, 3), np.uint8), np.zeros((30, 30, 3), np.uint8))
    for pair in (empty, picture):
        assert _crop(pair, Size(8, 8), 0, dataclasses.replace(NOTHING, rare=1.0))[1].shape[-2:] == (8, 8)
