"""Depth and channels are kept, whatever kind of file they come in, and what cannot be used is refused by name."""

import struct
import zlib
from pathlib import Path
from typing import Literal

import imagecodecs
import numpy as np
import pillow_heif
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import Size
from pairloom.errors import UserError
from pairloom.images import (
    Picture,
    for_display,
    inspect,
    picture_suffix,
    read_indices,
    read_picture,
    resize_picture,
    to_picture,
    to_tensor,
    with_channels,
    write_picture,
)

SIDE = st.integers(1, 12)
DTYPES = st.sampled_from([np.uint8, np.uint16, np.float32])


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    dtype = draw(DTYPES)
    shape = (draw(SIDE), draw(SIDE), draw(st.integers(1, 6)))
    elements = st.floats(0, 1, width=32) if dtype == np.float32 else None
    picture: Picture = draw(npst.arrays(dtype, shape, elements=elements))
    return picture


def _ramp(channels: int = 3) -> NDArray[np.uint16]:
    """All levels that a picture of 64×64 can have, the channels apart."""
    levels = np.arange(64 * 64 * channels, dtype=np.uint16).reshape(64, 64, channels)
    return levels * np.uint16(65535 // levels.max())


@settings(deadline=None, max_examples=80)
@given(picture=pictures())
def test_any_picture_is_written_and_read_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, picture: Picture
) -> None:
    path = tmp_path_factory.getbasetemp() / f"picture{picture_suffix(picture.shape[2], picture.dtype.name)}"
    write_picture(path, picture)
    found = read_picture(path)
    assert found.dtype == picture.dtype
    np.testing.assert_array_equal(found, picture)
    assert inspect(path) == (*picture.shape, picture.dtype.name)


@settings(deadline=None, max_examples=60)
@given(picture=pictures(), order=st.sampled_from("CF"), endian=st.sampled_from([">", "<"]))
def test_any_numpy_file_is_read_as_it_is(
    tmp_path_factory: pytest.TempPathFactory, picture: Picture, order: str, endian: Literal[">", "<"]
) -> None:
    path = tmp_path_factory.getbasetemp() / "picture.npy"
    stored = picture if picture.shape[2] > 1 else picture[:, :, 0]
    np.save(path, np.asarray(stored, dtype=picture.dtype.newbyteorder(endian), order=order))  # type: ignore[call-overload]
    found = read_picture(path)
    assert found.dtype == picture.dtype
    np.testing.assert_array_equal(found, picture)
    assert inspect(path) == (*picture.shape, picture.dtype.name)


@settings(deadline=None, max_examples=60)
@given(
    picture=pictures(),
    separate=st.booleans(),
    compression=st.sampled_from([None, "zlib", "lzw"]),
    byteorder=st.sampled_from([">", "<"]),
)
def test_any_tiff_is_read_as_it_is(
    tmp_path_factory: pytest.TempPathFactory,
    picture: Picture,
    separate: bool,
    compression: str | None,
    byteorder: Literal[">", "<"],
) -> None:
    path = tmp_path_factory.getbasetemp() / "picture.tif"
    pixels = np.moveaxis(picture, -1, 0) if separate else picture
    tifffile.imwrite(
        path,
        pixels if picture.shape[2] > 1 else picture[:, :, 0],
        photometric="minisblack",
        planarconfig=None if picture.shape[2] == 1 else "separate" if separate else "contig",
        compression=compression,
        byteorder=byteorder,
        metadata=None,
    )
    found = read_picture(path)
    assert found.dtype == picture.dtype
    np.testing.assert_array_equal(found, picture)
    assert inspect(path) == (*picture.shape, picture.dtype.name)


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_colours_keep_their_levels_and_lose_their_transparency(tmp_path: Path, alpha: bool, suffix: str) -> None:
    ramp = _ramp()
    pixels = np.dstack([ramp, ramp[:, :, :1]]) if alpha else ramp
    path = tmp_path / f"deep{suffix}"
    if suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["unassalpha"] if alpha else None)
    found = read_picture(path)
    np.testing.assert_array_equal(found, ramp)
    assert inspect(path) == (64, 64, 3, "uint16")
    assert len(torch.unique(to_tensor(found))) > 256


def test_deep_greyscale_keeps_its_levels_and_loses_its_transparency(tmp_path: Path) -> None:
    ramp = _ramp(1)
    Image.fromarray(ramp[:, :, 0]).save(tmp_path / "grey.png")
    (tmp_path / "alpha.png").write_bytes(imagecodecs.png_encode(np.dstack([ramp, ramp])))
    for name in ("grey.png", "alpha.png"):
        np.testing.assert_array_equal(read_picture(tmp_path / name), ramp)
        assert inspect(tmp_path / name) == (64, 64, 1, "uint16")


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_deep_pictures_are_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = _ramp()[:40]
    turns = {1: 0, 3: 2, 6: 1, 8: 3}[orientation]
    path = tmp_path / "turned.tif"
    tifffile.imwrite(path, np.rot90(upright, turns), photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    np.testing.assert_array_equal(read_picture(path), upright)
    assert inspect(path) == (40, 64, 3, "uint16")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((4, 4), np.nan), "outside 0 to 1"),
        (np.full((4, 4), 1.5), "outside 0 to 1"),
        (np.full((4, 4), -1), "outside 0 to 65535"),
        (np.full((4, 4), 70000), "outside 0 to 65535"),
        (np.zeros((4, 4), complex), "not numbers"),
        (np.array(["a"]), "shape|not numbers"),
        (np.zeros(7), "the shape"),
        (np.zeros((2, 4, 4, 3)), "the shape"),
        (np.zeros((4, 0)), "the shape"),
        (np.float64(0.5), "the shape"),
        (np.array([{"a": 1}], dtype=object), "damaged"),
    ],
    ids=str,
)
def test_numbers_that_are_no_picture_are_refused_by_name(
    tmp_path: Path, array: NDArray[np.generic], message: str
) -> None:
    path = tmp_path / "array.npy"
    np.save(path, array, allow_pickle=True)
    for read, reason in ((read_picture, message), (read_indices, f"{message}|where one class value")):
        with pytest.raises(UserError, match=reason) as caught:
            read(path)
        assert str(caught.value).startswith(str(path))


def test_pages_are_no_channels(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    tifffile.imwrite(path, np.zeros((5, 8, 9), np.uint16))
    for read in (read_picture, inspect):
        with pytest.raises(UserError, match="holds 5 pages") as caught:
            read(path)
        assert str(caught.value).startswith(str(path))


def test_planes_that_are_named_channels_are(tmp_path: Path) -> None:
    planes = np.arange(5 * 8 * 9, dtype=np.uint16).reshape(5, 8, 9)
    tifffile.imwrite(tmp_path / "planes.tif", planes, imagej=True, metadata={"axes": "CYX"})
    np.testing.assert_array_equal(read_picture(tmp_path / "planes.tif"), np.moveaxis(planes, 0, -1))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.bool_])
def test_class_numbers_come_from_every_kind_of_whole_numbers(tmp_path: Path, dtype: type[np.generic]) -> None:
    ids = np.array([[0, 1, 0], [1, 1, 0]])
    np.save(tmp_path / "ids.npy", ids.astype(dtype))
    np.testing.assert_array_equal(read_indices(tmp_path / "ids.npy"), ids)
    if dtype in (np.uint8, np.uint16):
        tifffile.imwrite(tmp_path / "ids.tif", ids.astype(dtype))
        np.testing.assert_array_equal(read_indices(tmp_path / "ids.tif"), ids)
        Image.fromarray(ids.astype(dtype)).save(tmp_path / "ids.png")
        np.testing.assert_array_equal(read_indices(tmp_path / "ids.png"), ids)


def _four_bits(values: NDArray[np.uint8]) -> bytes:
    """A greyscale PNG of 4 bits per pixel; Pillow writes none."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    height, width = values.shape
    rows = b"".join(b"\0" + bytes(row[::2] * 16 + row[1::2]) for row in values)
    head = struct.pack(">IIBBBBB", width, height, 4, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_class_numbers_are_not_scaled_to_fill_their_bits(tmp_path: Path) -> None:
    ids = np.arange(12, dtype=np.uint8).reshape(3, 4)
    (tmp_path / "four.png").write_bytes(_four_bits(ids))
    (tmp_path / "eleven.pgm").write_bytes(b"P5\n4 3\n11\n" + ids.tobytes())
    (tmp_path / "thousand.pgm").write_bytes(b"P5\n4 3\n1000\n" + ids.astype(">u2").tobytes())
    tifffile.imwrite(tmp_path / "inverted.tif", ids, photometric="miniswhite")
    for path in tmp_path.iterdir():
        np.testing.assert_array_equal(read_indices(path), ids, err_msg=path.name)


def test_deep_colours_in_ppm_are_refused_and_not_reduced(tmp_path: Path) -> None:
    path = tmp_path / "deep.ppm"
    path.write_bytes(b"P6\n2 1\n65535\n" + bytes(range(12)))
    for read in (read_picture, inspect):
        with pytest.raises(UserError, match=r"more than 8 bits.*save it as PNG or TIFF"):
            read(path)


def test_sides_that_lie_cost_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "lie.npy"
    header = b"{'descr': '<u2', 'fortran_order': False, 'shape': (10000000, 1000000), }"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", 118) + header.ljust(117) + b"\n" + bytes(64))
    for read in (read_picture, read_indices, inspect):
        with pytest.raises(UserError, match="damaged or too large") as caught:
            read(path)
        assert str(caught.value).startswith(str(path))


@pytest.mark.slow
@settings(deadline=None, max_examples=80)
@given(
    kind=st.sampled_from(["deep.png", "many.tif", "planes.tif", "array.npy", "deep.heic"]),
    changes=st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=6),
    kept=st.floats(0.05, 1.0),
)
@pytest.mark.filterwarnings("ignore")  # of the damage
def test_a_damaged_deep_file_is_read_or_refused_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[int, int]], kept: float
) -> None:
    path = tmp_path_factory.getbasetemp() / kind
    ramp = _ramp(3 if kind in {"deep.png", "deep.heic"} else 5)[:9, :9]
    if kind == "deep.heic":
        pillow_heif.encode("RGB;16", (9, 9), np.ascontiguousarray(ramp).tobytes(), path)
    elif kind == "deep.png":
        path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(ramp)))
    elif kind == "array.npy":
        np.save(path, ramp)
    else:
        pixels = np.moveaxis(ramp, -1, 0) if kind == "planes.tif" else ramp
        planarconfig = "separate" if kind == "planes.tif" else "contig"
        tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig=planarconfig)
    content = bytearray(path.read_bytes())
    for place, byte in changes:
        content[place % len(content)] = byte
    path.write_bytes(content[: max(1, int(len(content) * kept))])
    for read in (inspect, read_picture, read_indices):
        try:
            read(path)
        except UserError as refusal:
            if not str(refusal).startswith(str(path)):
                raise


def test_all_levels_survive_the_way_through_a_tensor() -> None:
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    tensor = to_tensor(every)
    assert (float(tensor.min()), float(tensor.max())) == (-1, 1)
    assert len(torch.unique(tensor)) == 65536
    np.testing.assert_array_equal(to_picture(tensor, "uint16"), every)


def test_resizing_keeps_more_than_256_levels() -> None:
    smaller = resize_picture(_ramp(5), Size(32, 48))
    assert smaller.dtype == np.uint16
    assert smaller.shape == (32, 48, 5)
    assert len(np.unique(smaller)) > 1000


@settings(deadline=None, max_examples=60)
@given(picture=pictures(), size=st.builds(Size, SIDE, SIDE))
def test_resizing_any_picture_stays_within_its_brightest_and_darkest(picture: Picture, size: Size) -> None:
    resized = resize_picture(picture, size)
    assert (resized.shape, resized.dtype) == ((*size, picture.shape[2]), picture.dtype)
    slack = 1e-5 if picture.dtype == np.float32 else 0
    for channel in range(picture.shape[2]):
        assert picture[..., channel].min() - slack <= resized[..., channel].min()
        assert resized[..., channel].max() <= picture[..., channel].max() + slack


@settings(deadline=None, max_examples=60)
@given(picture=pictures(), channels=st.integers(1, 6))
def test_channels_are_brought_to_each_other_or_refused(picture: Picture, channels: int) -> None:
    own = picture.shape[2]
    if own == channels or {own, channels} == {1, 3}:
        changed = with_channels(picture, channels, "here")
        assert (changed.shape[2], changed.dtype) == (channels, picture.dtype)
        if own == 1:
            assert (changed == picture).all()
    else:
        with pytest.raises(UserError, match=f"here: has {own} channels where {channels} are expected"):
            with_channels(picture, channels, "here")


@settings(deadline=None, max_examples=60)
@given(picture=pictures())
def test_every_picture_can_be_shown(picture: Picture) -> None:
    shown = for_display(picture)
    assert shown.dtype == np.uint8
    assert shown.shape == (*picture.shape[:2], 3)
    if picture.dtype == np.uint8 and picture.shape[2] == 3:
        np.testing.assert_array_equal(shown, picture)


def test_a_file_name_that_cannot_hold_the_picture_is_a_defect_of_the_caller(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        write_picture(tmp_path / "many.png", _ramp(5))
