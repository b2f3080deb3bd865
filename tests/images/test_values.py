"""Numbers in units of their own: to tensors and back, resized around what is no reading, and drawn."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.config import Size
from pairloom.errors import UserError
from pairloom.images import (
    Picture,
    Values,
    as_picture,
    for_display,
    read_picture,
    resize_picture,
    stretched,
    to_picture,
    to_tensor,
    without_reading,
    write_picture,
)
from pairloom.images.arrays import NO_READING

DEPTH = Values((400.0, 4900.0), 0.0)


def _depth(seed: int, dtype: str = "uint16", channels: int = 1) -> Picture:
    drawn = np.random.default_rng(seed).uniform(400, 4900, (20, 30, channels))
    picture: Picture = drawn.astype(dtype)
    return picture


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["uint16", "float32"]), st.integers(1, 4))
def test_pictures_come_back_from_tensors_in_their_units(seed: int, dtype: str, channels: int) -> None:
    picture = _depth(seed, dtype, channels)
    tensor = to_tensor(picture, DEPTH)
    assert tensor.shape == (channels, 20, 30)
    assert float(tensor.abs().max()) <= 1
    back = to_picture(tensor, dtype, DEPTH)
    assert back.dtype == picture.dtype
    np.testing.assert_allclose(back, picture, atol=0 if dtype == "uint16" else 1e-3)


def test_the_ends_of_the_range_are_those_of_tensors_and_the_rest_is_clipped() -> None:
    picture = np.array([[[-50.0], [0.0], [50.0], [100.0], [1e30], [np.nan], [np.inf]]], dtype=np.float32)
    tensor = to_tensor(picture, Values((0.0, 100.0)))[0, 0]
    assert tensor.tolist() == [-1, -1, 0, 1, 1, -1, -1]
    shallow = np.array([[[0], [50], [100], [200]]], dtype=np.uint8)
    assert to_tensor(shallow, Values((0.0, 100.0)))[0, 0].tolist() == [-1, 0, 1, 1]
    assert to_tensor(np.array([[[65535]]], dtype=np.uint16), Values((0.0, 100.0), 65535.0)).item() == -1
    answer = torch.tensor([[[-3.0, 0.0, 3.0]]])
    assert to_picture(answer, "float32", Values((-20.0, 80.0)))[0, :, 0].tolist() == [-20, 30, 80]
    assert to_picture(answer, "uint16", DEPTH)[0, :, 0].tolist() == [400, 2650, 4900]
    assert to_picture(answer, "uint16", Values((0.0, 100000.0)))[0, -1, 0] == 65535


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([("uint16", 0.0), ("uint16", 65535.0), ("float32", -9999.0), ("float32", -3.4028234663852886e38)]),
    st.integers(4, 50),
    st.integers(4, 50),
    st.floats(0, 1),
)
def test_what_is_no_reading_lends_nothing_to_its_neighbours(
    seed: int, kind: tuple[str, float], height: int, width: int, share: float
) -> None:
    dtype, number = kind
    picture = _depth(seed, dtype)
    picture[np.random.default_rng(seed).random((20, 30)) < share] = number
    values = Values((400.0, 4900.0), number)
    resized = resize_picture(picture, Size(height, width), values=values)
    assert resized.dtype == picture.dtype
    empty = without_reading(resized, values)
    known = resized if empty is None else resized[~empty]
    assert ((known >= 399) & (known <= 4901)).all()
    if share == 1:
        assert empty is not None


def test_holes_of_floats_stay_holes() -> None:
    picture = _depth(0, "float32")
    picture[5:15, 5:15] = np.nan
    resized = resize_picture(picture, Size(40, 60))
    assert np.isnan(resized[12:28, 12:28]).all()
    assert np.isfinite(resized[:9]).all()
    whole = _depth(0, "float32")
    np.testing.assert_array_equal(
        resize_picture(whole, Size(40, 60)), resize_picture(whole, Size(40, 60), values=DEPTH)
    )


def test_only_pixels_that_hold_the_number_in_every_channel_are_without_a_reading() -> None:
    picture = np.array([[[0, 0, 0], [0, 5, 5], [5, 5, 5]]], dtype=np.uint16)
    empty = without_reading(picture, Values(None, 0.0))
    assert empty is not None
    assert empty.tolist() == [[True, False, False]]
    assert without_reading(picture) is None


def test_pictures_are_drawn_by_their_range_and_holes_in_a_colour_of_their_own() -> None:
    picture = np.array([[[0], [400], [2650], [4900], [60000]]], dtype=np.uint16)
    shown = for_display(picture, DEPTH)
    assert shown.dtype == np.uint8
    assert shown[0, 0].tolist() == list(NO_READING)
    assert shown[0, 1:, 0].tolist() == [0, 128, 255, 255]
    floats = np.array([[[np.nan], [-20.0], [80.0]]], dtype=np.float32)
    assert for_display(floats, Values((-20.0, 80.0)))[0].tolist() == [list(NO_READING), [0] * 3, [255] * 3]
    assert picture[0, 0, 0] == 0  # not drawn upon


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_a_look_at_numbers_not_yet_understood_shows_what_is_in_them(dtype: str) -> None:
    picture = np.linspace(400, 4900, 600).reshape(20, 30, 1).astype(dtype)
    picture[:2], picture[2:3] = 0, 60000
    shown = stretched(picture)
    assert (shown[0, 0].max(), shown[2, 0].min()) == (0, 255)
    assert np.ptp(shown[3:].astype(int)) > 200
    floats = picture.astype(np.float32)
    floats[0, 0] = np.nan
    assert stretched(floats)[0, 0].tolist() == list(NO_READING)
    for flat in (np.full((4, 4, 1), 7, dtype=np.uint16), np.full((4, 4, 1), np.nan, dtype=np.float32)):
        assert stretched(flat).shape == (4, 4, 3)


@pytest.mark.parametrize("numbers", [[-1000, 3000], [0, 70000]])
def test_integers_that_16_bits_lack_are_read_as_floats_where_any_number_is_taken(
    tmp_path: Path, numbers: list[int]
) -> None:
    path = tmp_path / "scan.npy"
    np.save(path, np.array([numbers], dtype=np.int32))
    with pytest.raises(UserError, match=r"scan.npy: holds whole numbers outside 0 to 65535; name their range by"):
        read_picture(path)
    picture = read_picture(path, any_number=True)
    assert picture.dtype == np.float32
    assert picture[0, :, 0].tolist() == numbers


def test_floats_of_any_size_are_read_and_written_as_they_are(tmp_path: Path) -> None:
    array = np.array([[-20.5, 80.25, np.nan, 1e300]])
    picture = as_picture(array, any_number=True)
    write_picture(tmp_path / "heights.tif", picture)
    np.testing.assert_array_equal(read_picture(tmp_path / "heights.tif", any_number=True), picture)
    with pytest.raises(UserError, match="holds numbers outside 0 to 1"):
        as_picture(array)
