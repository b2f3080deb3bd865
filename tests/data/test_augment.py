"""Augmentation moves both images of a pair alike, and colours only the photograph."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch import Tensor

from pairloom.config import AugmentConfig, Size
from pairloom.data.augment import PADDING_GREY, augment
from pairloom.data.pairs import Pair
from pairloom.images import to_picture, to_tensor
from pairloom.palette import VOID, UInt8Array

NOTHING = AugmentConfig(flip=False, scale=(1.0, 1.0), brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
SIDE = st.integers(1, 48)
SIZE = st.builds(Size, SIDE, SIDE)
SEED = st.integers(0, 2**32)
ZOOM = st.floats(0.1, 10)


@st.composite
def configs(draw: st.DrawFn) -> AugmentConfig:
    low, high = sorted((draw(ZOOM), draw(ZOOM)))
    share = st.floats(0, 1)
    return AugmentConfig(
        flip=draw(st.booleans()),
        scale=(low, high),
        brightness=draw(share),
        contrast=draw(share),
        saturation=draw(share),
        hue=draw(st.floats(0, 0.5)),
    )


@st.composite
def pairs(draw: st.DrawFn) -> Pair:
    height, width = draw(SIDE), draw(SIDE)
    photo = np.random.default_rng(draw(SEED)).integers(0, 256, (height, width, 3), dtype=np.uint8)
    classes = draw(npst.arrays(np.uint8, (height, width), elements=st.sampled_from([0, 4, 18, VOID]), fill=st.just(4)))
    return Pair("drawn", photo, classes)


def _noise(height: int, width: int) -> Pair:
    rng = np.random.default_rng(0)
    return Pair(
        "noise",
        rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        rng.integers(0, 19, (height, width), dtype=np.uint8),
    )


def _draw(pair: Pair, size: Size, config: AugmentConfig, seed: int) -> tuple[Tensor, Tensor]:
    return augment(pair, size, config, np.random.default_rng(seed))


@settings(deadline=None, max_examples=60)
@given(pairs(), SIZE, configs(), SEED)
def test_examples_have_the_size_and_the_range_that_networks_see(
    pair: Pair, size: Size, config: AugmentConfig, seed: int
) -> None:
    source, target = _draw(pair, size, config, seed)
    assert source.shape == (3, *size)
    assert source.dtype == torch.float32
    assert -1 <= float(source.min()) <= float(source.max()) <= 1
    assert tuple(target.shape) == size
    assert target.dtype == torch.uint8
    assert set(target.flatten().tolist()) <= {*pair.target.flat, VOID}


@settings(deadline=None, max_examples=30)
@given(pairs(), SIZE, configs(), SEED)
def test_the_same_state_gives_the_same_example_and_the_pair_stays_as_it_was(
    pair: Pair, size: Size, config: AugmentConfig, seed: int
) -> None:
    before = Pair(pair.name, pair.source.copy(), pair.target.copy())
    first, second = (_draw(pair, size, config, seed) for _ in range(2))
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    first[0].zero_()
    first[1].zero_()
    np.testing.assert_array_equal(pair.source, before.source)
    np.testing.assert_array_equal(pair.target, before.target)


def test_other_states_give_other_examples() -> None:
    pair = _noise(40, 60)
    sources = [_draw(pair, Size(32, 32), AugmentConfig(), seed)[0] for seed in range(10)]
    assert len({source.numpy().tobytes() for source in sources}) == 10


def _quarters(height: int, width: int, row: int, column: int) -> Pair:
    """Classes 0 to 3 in quarters; the photograph says in its red channel which half across, in its green which down."""
    down, across = (np.arange(height) >= row)[:, None], (np.arange(width) >= column)[None]
    photo = np.zeros((height, width, 3), dtype=np.uint8)
    photo[..., 0], photo[..., 1] = across * 255, down * 255
    return Pair("quarters", photo, (2 * down + across).astype(np.uint8))


@settings(deadline=None, max_examples=150)
@given(
    st.tuples(st.integers(16, 90), st.integers(16, 90)),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.builds(Size, st.integers(16, 90), st.integers(16, 90)),
    st.floats(0.3, 4),
    SEED,
)
def test_photograph_and_target_agree_to_the_pixel(
    native: tuple[int, int], crossing: tuple[float, float], size: Size, zoom: float, seed: int
) -> None:
    height, width = native
    pair = _quarters(height, width, round(crossing[0] * height), round(crossing[1] * width))
    source, target = _draw(pair, size, dataclasses.replace(NOTHING, flip=True, scale=(zoom, zoom)), seed)
    inside = target != VOID
    across, down = (source[0] > 0)[inside], (source[1] > 0)[inside]
    # A border runs along one line of pixels at the most, on which blending and picking may differ.
    shown = inside.any(dim=1).sum(), inside.any(dim=0).sum()
    assert int((across != (target % 2 == 1)[inside]).sum()) <= shown[0]
    assert int((down != (target >= 2)[inside]).sum()) <= shown[1]
    away = _away_from_borders(target.numpy(), 1)
    assert torch.equal((source[0] > 0)[away], (target % 2 == 1)[away])
    assert torch.equal((source[1] > 0)[away], (target >= 2)[away])


def _away_from_borders(target: UInt8Array, reach: int) -> Tensor:
    """Pixels with a class whose neighbours within reach all have the same; what lies outside is not known to."""
    padded = np.pad(target, reach, constant_values=VOID)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1, 2 * reach + 1))
    return torch.from_numpy((windows == target[..., None, None]).all(axis=(2, 3)) & (target != VOID))


@settings(deadline=None, max_examples=60)
@given(st.builds(Size, st.integers(32, 64), st.integers(32, 64)), st.floats(0.5, 3), SEED)
def test_a_photograph_that_shows_its_classes_still_shows_them_after_every_move(
    size: Size, zoom: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 12, (4, 5), dtype=np.uint8).repeat(24, axis=0).repeat(24, axis=1)
    pair = Pair("encoded", np.repeat(classes[..., None] * 20, 3, axis=2).astype(np.uint8), classes)
    source, target = _draw(pair, size, dataclasses.replace(NOTHING, flip=True, scale=(zoom, zoom)), seed)
    # Blending reaches one source pixel to each side, or one of the result where that is coarser.
    reach = 1 + int(np.ceil(zoom * max(size.height / 96, size.width / 120)))
    away = _away_from_borders(target.numpy(), reach)
    assert away.any() or not 1 <= zoom <= 2
    shown = to_picture(source)[away.numpy()]
    np.testing.assert_array_equal(shown, np.repeat(target[away].numpy()[:, None] * 20, 3, axis=1))


def test_without_any_change_the_example_is_the_resized_pair() -> None:
    pair = _noise(30, 44)
    source, target = _draw(pair, Size(30, 44), NOTHING, 0)
    np.testing.assert_array_equal(to_picture(source), pair.source)
    np.testing.assert_array_equal(target.numpy(), pair.target)


def test_half_of_the_pairs_are_mirrored_both_images_alike() -> None:
    pair = _noise(8, 10)
    mirrored = 0
    for seed in range(200):
        source, target = _draw(pair, Size(8, 10), dataclasses.replace(NOTHING, flip=True), seed)
        turned = not np.array_equal(target.numpy(), pair.target)
        expected = (array[:, ::-1] if turned else array for array in (pair.source, pair.target))
        for found, array in zip((to_picture(source), target.numpy()), expected, strict=True):
            np.testing.assert_array_equal(found, array)
        mirrored += turned
    assert 75 <= mirrored <= 125


def test_without_flip_nothing_is_mirrored() -> None:
    pair = _noise(8, 10)
    for seed in range(20):
        np.testing.assert_array_equal(_draw(pair, Size(8, 10), NOTHING, seed)[1].numpy(), pair.target)


@settings(deadline=None, max_examples=80)
@given(pairs(), SIZE, st.floats(0.1, 0.99), SEED)
def test_a_shrunk_pair_lies_whole_on_grey_that_has_no_class(pair: Pair, size: Size, zoom: float, seed: int) -> None:
    # Neither the photograph nor the classes look like padding.
    pair = Pair("plain", np.full((*pair.target.shape, 3), 200, np.uint8), np.full(pair.target.shape, 7, np.uint8))
    source, target = _draw(pair, size, dataclasses.replace(NOTHING, scale=(zoom, zoom)), seed)
    shown = target.numpy() == 7
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    inner = (len(rows), len(columns))
    for side, whole in zip(inner, size, strict=True):
        assert side == 1 or abs(side - whole * zoom) <= 0.5 + 1e-9
    assert shown.sum() == inner[0] * inner[1]  # one whole rectangle
    assert (int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1) == inner
    assert set(target.numpy()[~shown]) <= {VOID}
    picture = to_picture(source)
    assert set(picture[~shown].flat) <= {PADDING_GREY}
    assert set(picture[shown].flat) == {200}


def test_shrunk_pairs_lie_everywhere() -> None:
    pair = Pair("plain", np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8))
    config = dataclasses.replace(NOTHING, scale=(0.5, 0.5))
    corners = set()
    for seed in range(400):
        shown = np.argwhere(_draw(pair, Size(8, 8), config, seed)[1].numpy() == 0)
        corners.add(tuple(shown[0].tolist()))
    assert corners == {(row, column) for row in range(5) for column in range(5)}


@pytest.mark.parametrize("zoom", [1.25, 2.0, 5.0])
def test_zooming_in_shows_a_part_of_that_share_from_anywhere(zoom: float) -> None:
    rows, columns = np.indices((200, 200), dtype=np.uint8)
    pair = Pair("ramps", np.dstack([rows, columns, rows]), np.zeros((200, 200), np.uint8))
    config = dataclasses.replace(NOTHING, scale=(zoom, zoom))
    starts = []
    for seed in range(60):
        source, target = _draw(pair, Size(50, 80), config, seed)
        picture = to_picture(source).astype(int)
        for ramp, pixels in ((picture[:, 0, 0], 50), (picture[0, :, 1], 80)):
            # The middles of the first and the last pixel lie one result pixel less apart than the window is wide.
            assert ramp[-1] - ramp[0] == pytest.approx(200 / zoom * (1 - 1 / pixels), abs=2.5)
            assert (np.diff(ramp) >= 0).all()
        starts.append(picture[0, 0, :2])
        assert not (target == VOID).any()
    last = 200 * (1 - 1 / zoom)
    assert (np.min(starts, axis=0) < 0.15 * last + 4).all()
    assert (np.max(starts, axis=0) > 0.85 * last).all()
    assert abs(np.corrcoef(np.transpose(starts))[0, 1]) < 0.5  # across says nothing of down


def test_zooms_are_spread_evenly_between_halves_and_doubles() -> None:
    pair = Pair("plain", np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8))
    config = dataclasses.replace(NOTHING, scale=(0.5, 2.0))
    shrunk = sum(bool((_draw(pair, Size(16, 16), config, seed)[1] == VOID).any()) for seed in range(400))
    assert 160 <= shrunk <= 240


COLOURS = {
    "brightness": {"brightness": 0.5},
    "contrast": {"contrast": 0.5},
    "saturation": {"saturation": 1.0},
    "hue": {"hue": 0.5},
    "all": {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.1},
}


@pytest.mark.parametrize("changes", COLOURS.values(), ids=COLOURS)
@settings(deadline=None, max_examples=25)
@given(seed=SEED, size=st.builds(Size, st.integers(4, 40), st.integers(4, 40)))
def test_colour_changes_leave_the_geometry_and_the_target_alone(
    changes: dict[str, float], seed: int, size: Size
) -> None:
    rng = np.random.default_rng(1)
    few_colours = np.array([[20, 90, 200], [230, 120, 10], [90, 160, 60], [140, 140, 140]], dtype=np.uint8)
    pair = Pair("few", few_colours[rng.integers(0, 4, (6, 6))].repeat(6, 0).repeat(6, 1), _noise(36, 36).target)
    plain = AugmentConfig(flip=True, scale=(0.5, 2.0), brightness=0.0, contrast=0.0, saturation=0.0, hue=0.0)
    before, target = _draw(pair, size, plain, seed)
    after, coloured_target = _draw(pair, size, dataclasses.replace(plain, **changes), seed)  # type: ignore[arg-type]
    assert torch.equal(coloured_target, target)
    # Each colour became one other, wherever it was: pixels of one colour still share one.
    colours, numbers = np.unique(to_picture(before).reshape(-1, 3), axis=0, return_inverse=True)
    for number in range(len(colours)):
        became = after.flatten(1)[:, torch.from_numpy(numbers.ravel() == number)]
        assert float((became - became[:, :1]).abs().max()) < 1e-4


@pytest.mark.parametrize("changes", COLOURS.values(), ids=COLOURS)
def test_every_colour_change_changes_colours_within_the_range(changes: dict[str, float]) -> None:
    pair = _noise(12, 12)
    config = dataclasses.replace(NOTHING, **changes)  # type: ignore[arg-type]
    plain = to_tensor(pair.source)
    sources = [_draw(pair, Size(12, 12), config, seed)[0] for seed in range(20)]
    for source in sources:
        assert float((source - plain).abs().max()) > 1e-3
        assert -1 <= float(source.min()) <= float(source.max()) <= 1
    means = {round(float((source - plain).abs().mean()), 4) for source in sources}
    assert len(means) > 10


def _mean(changes: dict[str, float], channel_of: UInt8Array) -> list[float]:
    pair = Pair("plain", channel_of, np.zeros(channel_of.shape[:2], np.uint8))
    config = dataclasses.replace(NOTHING, **changes)  # type: ignore[arg-type]
    return [float(to_picture(_draw(pair, Size(4, 4), config, seed)[0]).mean()) for seed in range(100)]


def test_brightness_changes_by_its_share_at_the_most_and_in_both_directions() -> None:
    grey = np.full((4, 4, 3), 100, dtype=np.uint8)
    found = _mean({"brightness": 0.2}, grey)
    assert 79 <= min(found) < 88
    assert 112 < max(found) <= 121


def test_saturation_leaves_grey_alone_and_hue_leaves_grey_alone() -> None:
    grey = np.full((4, 4, 3), 100, dtype=np.uint8)
    for changes in ({"saturation": 1.0}, {"hue": 0.5}):
        assert set(_mean(changes, grey)) == {100.0}


def test_hue_turns_no_further_than_it_may() -> None:
    red = np.zeros((4, 4, 3), dtype=np.uint8)
    red[..., 0] = 200
    pair = Pair("red", red, np.zeros((4, 4), np.uint8))
    for turn in (0.02, 0.1):
        config = dataclasses.replace(NOTHING, hue=turn)
        others = []
        for seed in range(60):
            pixel = to_picture(_draw(pair, Size(4, 4), config, seed)[0])[0, 0].astype(int)
            assert pixel[0] == 200
            # From red, a sixth of a turn brings the next channel to its full height.
            others.append(int(pixel[1:].max()))
        assert max(others) <= turn * 6 * 200 + 1
        assert max(others) > 0.7 * turn * 6 * 200
