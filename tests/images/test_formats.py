"""Formats with habits of their own: GIF, HEIC, AVIF, JPEG 2000, bands in TIFF, and what stands in for an image."""

import io
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from pairloom.errors import UserError
from pairloom.images import (
    ImageBytes,
    UInt8Array,
    colour_table,
    inspect,
    is_lfs_pointer,
    read_indices,
    read_picture,
)

READERS: tuple[Callable[[Path], object], ...] = (inspect, read_picture, read_indices, colour_table)
SIDE = st.integers(1, 24)


def _picture(height: int = 32, width: int = 48) -> UInt8Array:
    rows, columns = np.indices((height, width))
    return np.dstack([rows * 7 % 256, columns * 5 % 256, (rows + columns) * 3 % 256]).astype(np.uint8)


def _refused(path: Path, words: str, *readers: Callable[[Path], object]) -> None:
    for read in readers or READERS:
        with pytest.raises(UserError, match=words) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)


# GIF


@settings(deadline=None, max_examples=60)
@given(npst.arrays(np.uint8, st.tuples(SIDE, SIDE)))
def test_a_gif_of_greys_holds_their_levels_whatever_its_table_is(
    tmp_path_factory: pytest.TempPathFactory, grey: UInt8Array
) -> None:
    path = tmp_path_factory.getbasetemp() / "grey.gif"
    Image.fromarray(grey).save(path)
    np.testing.assert_array_equal(read_picture(path), grey[:, :, None])
    np.testing.assert_array_equal(read_indices(path), grey)
    assert inspect(path) == (*grey.shape, 1, "uint8")
    assert colour_table(path) is None


@settings(deadline=None, max_examples=60)
@given(npst.arrays(np.uint8, st.tuples(SIDE, SIDE), elements=st.integers(0, 5)), st.permutations(range(6)))
def test_a_gif_of_colours_holds_them_whatever_the_order_of_its_table(
    tmp_path_factory: pytest.TempPathFactory, ids: UInt8Array, order: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "colours.gif"
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 200, 9), (3, 2, 1), (250, 250, 0), (90, 90, 90)], np.uint8)
    places = np.argsort(order).astype(np.uint8)
    image = Image.fromarray(places[ids])
    image.putpalette(colours[order].tobytes())
    image.save(path, optimize=False)
    np.testing.assert_array_equal(read_picture(path), colours[ids])
    assert inspect(path) == (*ids.shape, 3, "uint8")
    table = colour_table(path)
    assert table is not None
    np.testing.assert_array_equal(np.array(table)[read_indices(path)], colours[ids])


def test_a_gif_with_a_transparent_colour_is_read_as_it_looks_beneath(tmp_path: Path) -> None:
    ids = np.arange(16, dtype=np.uint8).reshape(4, 4) % 3
    image = Image.fromarray(ids)
    image.putpalette([0, 0, 0, 200, 10, 10, 10, 10, 200])
    image.save(tmp_path / "mask.gif", transparency=0)
    expected = np.array([(0, 0, 0), (200, 10, 10), (10, 10, 200)])[ids]
    np.testing.assert_array_equal(read_picture(tmp_path / "mask.gif"), expected)


@pytest.mark.parametrize("name", ["photo.gif", "photo.png", "photo.webp", "photo.avif"])
def test_animations_are_refused(tmp_path: Path, name: str) -> None:
    frames = [Image.fromarray(_picture() + np.uint8(index * 60)) for index in range(3)]
    frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:])
    _refused(tmp_path / name, "several frames", inspect, read_picture, read_indices, colour_table)


def test_a_jpeg_with_a_second_picture_is_the_photograph(tmp_path: Path) -> None:
    first, second = Image.fromarray(_picture()), Image.new("L", (12, 8))
    first.save(tmp_path / "photo.jpg", "MPO", save_all=True, append_images=[second], quality=95)
    assert read_picture(tmp_path / "photo.jpg").shape == (32, 48, 3)
    assert inspect(tmp_path / "photo.jpg") == (32, 48, 3, "uint8")


# HEIC


def _heic(path: Path, image: Image.Image, **options: Any) -> Path:
    pillow_heif.from_pillow(image).save(path, quality=-1, chroma=444, matrix_coefficients=0, **options)
    return path


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_heic_is_read_without_its_transparency(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(_picture(33, 47)).convert(mode)
    path = _heic(tmp_path / "photo.heic", image)
    expected = np.asarray(image).reshape(33, 47, -1)[:, :, :3]
    np.testing.assert_allclose(read_picture(path), expected, atol=2)
    assert inspect(path) == (33, 47, expected.shape[2], "uint8")


def test_heic_of_8_bits_is_read_up_to_the_size_that_its_head_is_inspected_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _heic(tmp_path / "photo.heic", Image.new("RGB", (64, 64)))
    monkeypatch.setattr("pairloom.images.deep.LARGEST_BYTES", 64 * 64 * 4)
    assert inspect(path).dtype == "uint8"
    assert read_picture(path).shape == (64, 64, 3)


def test_deep_heic_keeps_its_levels(tmp_path: Path) -> None:
    ramp = (np.arange(64 * 64 * 3).reshape(64, 64, 3) % 1024 * 64).astype(np.uint16)
    pillow_heif.encode("RGB;16", (64, 64), ramp.tobytes(), tmp_path / "deep.heic", quality=-1, chroma=444)
    found = read_picture(tmp_path / "deep.heic")
    assert inspect(tmp_path / "deep.heic") == (64, 64, 3, "uint16")
    assert found.dtype == np.uint16
    assert len(np.unique(found)) > 256


@pytest.mark.parametrize("number", [1, 3, 6, 8])
def test_heic_is_turned_upright_once(tmp_path: Path, number: int) -> None:
    upright = _picture()
    stored = np.rot90(upright, {1: 0, 3: 2, 6: 1, 8: 3}[number])
    exif = Image.Exif()
    exif[0x0112] = number
    path = tmp_path / "photo.heic"
    pillow_heif.from_pillow(Image.fromarray(stored)).save(path, exif=exif.tobytes(), quality=-1, chroma=444)
    found = read_picture(path)
    # How a file says that it is turned is the encoder's affair; what matters is that the head and the pixels agree.
    assert found.shape == inspect(path)[:3]
    assert found.shape in (upright.shape, stored.shape)


def test_heic_of_several_images_is_read_as_its_primary_one(tmp_path: Path) -> None:
    images = pillow_heif.from_pillow(Image.new("RGB", (16, 16), (9, 9, 9)))
    images.add_from_pillow(Image.new("RGB", (24, 24), (200, 9, 9)))
    images.save(tmp_path / "burst.heic", quality=-1, primary_index=1)
    assert read_picture(tmp_path / "burst.heic").shape == (24, 24, 3)


def test_without_the_library_the_message_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _heic(tmp_path / "photo.heic", Image.fromarray(_picture()))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    _refused(path, r"pip install 'pairloom\[heif\]'", inspect, read_picture, read_indices)


# JPEG 2000


def test_jpeg_2000_keeps_grey_of_16_bits(tmp_path: Path) -> None:
    deep = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 15
    Image.fromarray(deep).save(tmp_path / "deep.jp2")
    np.testing.assert_array_equal(read_picture(tmp_path / "deep.jp2"), deep[:, :, None])
    np.testing.assert_array_equal(read_indices(tmp_path / "deep.jp2"), deep)


@pytest.mark.parametrize("bits", [1, 4, 12])
def test_jpeg_2000_of_other_depths_is_refused_and_not_scaled(tmp_path: Path, bits: int) -> None:
    path = tmp_path / "odd.jp2"
    Image.fromarray(np.zeros((8, 8), np.uint16 if bits > 8 else np.uint8)).save(path)
    content = path.read_bytes()
    place = content.index(b"ihdr") + 14
    path.write_bytes(content[:place] + bytes([bits - 1]) + content[place + 1 :])
    _refused(path, "JPEG 2000")


# Bands of TIFF


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("planes", ["contig", "separate"])
@pytest.mark.parametrize(
    ("photometric", "extras", "kept"),
    [
        ("rgb", [0], [0, 1, 2, 3]),
        ("rgb", [0, 0], [0, 1, 2, 3, 4]),
        ("rgb", [2], [0, 1, 2]),
        ("rgb", [0, 2], [0, 1, 2, 3]),
        ("rgb", [2, 0], [0, 1, 2, 4]),
        ("minisblack", [0], [0, 1]),
        ("minisblack", [2], [0]),
        ("minisblack", [0, 0, 0], [0, 1, 2, 3]),
        ("minisblack", [0, 0, 0, 2], [0, 1, 2, 3]),
        ("minisblack", [0] * 12, list(range(13))),
    ],
    ids=str,
)
def test_bands_that_a_tiff_does_not_explain_are_kept_and_declared_transparency_is_dropped(
    tmp_path: Path, dtype: type[np.generic], planes: str, photometric: str, extras: list[int], kept: list[int]
) -> None:
    count = (3 if photometric == "rgb" else 1) + len(extras)
    values = np.random.default_rng(count).integers(1, 255, (20, 30, count))
    pixels = (values / 255).astype(dtype) if dtype == np.float32 else values.astype(dtype)
    path = tmp_path / "bands.tif"
    stored = np.ascontiguousarray(np.moveaxis(pixels, -1, 0)) if planes == "separate" else pixels
    tifffile.imwrite(
        path, stored, photometric=photometric, planarconfig=planes, extrasamples=extras, compression="zlib"
    )
    np.testing.assert_array_equal(read_picture(path), pixels[:, :, kept])
    assert inspect(path) == (20, 30, len(kept), np.dtype(dtype).name)


def test_a_fourth_sample_that_no_tag_explains_is_kept(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 9, 4), dtype=np.uint8)
    path = tmp_path / "bands.tif"
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=[0])
    with tifffile.TiffFile(path, mode="r+") as tiff:
        entry = tiff.pages.first.tags[338].offset
    content = bytearray(path.read_bytes())
    content[entry : entry + 2] = (60000).to_bytes(2, "little")  # as if the tag were not there
    path.write_bytes(content)
    np.testing.assert_array_equal(read_picture(path), pixels)


def test_overviews_and_masks_of_a_geotiff_are_no_images_of_their_own(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 60000, (64, 64, 4), dtype=np.uint16)
    grey = _picture()[:, :, 0]
    for name, image in (("deep.tif", pixels), ("grey.tif", grey)):
        photometric = "minisblack"
        with tifffile.TiffWriter(tmp_path / name) as file:
            planes: dict[str, Any] = {"photometric": photometric, "metadata": None}
            file.write(image, planarconfig="contig" if image.ndim == 3 else None, **planes)
            file.write(image[::2, ::2], planarconfig="contig" if image.ndim == 3 else None, subfiletype=1, **planes)
            file.write(np.ones(image.shape[:2], np.bool_), subfiletype=4, **planes)
        np.testing.assert_array_equal(read_picture(tmp_path / name), image.reshape(*image.shape[:2], -1))
        assert inspect(tmp_path / name)[:2] == image.shape[:2]
    np.testing.assert_array_equal(read_indices(tmp_path / "grey.tif"), grey)


def test_a_colour_table_with_overviews_is_read_by_its_colours(tmp_path: Path) -> None:
    ids = _picture()[:, :, 0] % 4
    table = np.zeros((3, 256), np.uint16)
    table[:, :4] = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0), (9, 9, 255)]).T * 257
    with tifffile.TiffWriter(tmp_path / "cover.tif") as file:
        file.write(ids, photometric="palette", colormap=table, metadata=None)
        file.write(ids[::2, ::2], photometric="palette", colormap=table, subfiletype=1, metadata=None)
    np.testing.assert_array_equal(read_picture(tmp_path / "cover.tif"), (table[:, ids] >> 8).transpose(1, 2, 0))
    np.testing.assert_array_equal(read_indices(tmp_path / "cover.tif"), ids)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_in_a_picture_whose_zero_is_white_light_is_light(tmp_path: Path, dtype: type[np.unsignedinteger[Any]]) -> None:
    light = np.arange(48, dtype=dtype).reshape(6, 8)
    largest = np.iinfo(dtype).max
    tifffile.imwrite(tmp_path / "inverted.tif", (largest - light).astype(dtype), photometric="miniswhite")
    np.testing.assert_array_equal(read_picture(tmp_path / "inverted.tif"), light[:, :, None])


def test_colours_that_would_be_taken_for_bands_are_refused(tmp_path: Path) -> None:
    inks = np.zeros((8, 8, 4), np.uint16)
    tifffile.imwrite(tmp_path / "inks.tif", inks, photometric="separated")
    _refused(tmp_path / "inks.tif", "SEPARATED colours; convert it to RGB", inspect, read_picture)
    numbers = np.zeros((8, 8), np.uint16)
    table = np.zeros((3, 65536), np.uint16)
    tifffile.imwrite(tmp_path / "table.tif", numbers, photometric="palette", colormap=table)
    _refused(tmp_path / "table.tif", "colour table", inspect, read_picture)
    np.testing.assert_array_equal(read_indices(tmp_path / "table.tif"), numbers)


# What stands in for a file

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 12345\n"


@pytest.mark.parametrize("read", [inspect, read_picture, read_indices])
@pytest.mark.parametrize("name", ["photo.png", "photo.jpg", "mask.tif", "depth.npy", "photo.heic"])
def test_a_pointer_of_git_lfs_is_called_by_its_name(
    tmp_path: Path, name: str, read: Callable[[Path | ImageBytes], object]
) -> None:
    path = tmp_path / name
    path.write_bytes(POINTER)
    assert is_lfs_pointer(path)
    for file in (path, ImageBytes(name, POINTER)):
        with pytest.raises(UserError, match=r"is a Git LFS pointer.*git lfs pull") as caught:
            read(file)
        assert str(caught.value).startswith(f"{file}: ")


def test_other_files_are_no_pointers(tmp_path: Path) -> None:
    Image.fromarray(_picture()).save(tmp_path / "photo.png")
    (tmp_path / "notes.txt").write_text("version 1\n")
    (tmp_path / "empty").touch()
    assert not any(is_lfs_pointer(path) for path in (*tmp_path.iterdir(), tmp_path, tmp_path / "missing"))


# Files that lie about their size


def _gif(width: int, height: int) -> bytes:
    screen = (
        b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x80\0\0" + bytes(3) + b"\xff" * 3
    )
    place = b"," + bytes(4) + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\0"
    return screen + place + b"\x02\x02\x4c\x01\0;"


def _with_sides(content: bytes, mark: bytes, skipped: int, width: int, height: int, *, across: bool) -> bytes:
    """Put other sides, of 4 bytes each, behind a mark in a file."""
    sides = (width, height) if across else (height, width)
    place = content.index(mark) + len(mark) + skipped
    return content[:place] + b"".join(side.to_bytes(4) for side in sides) + content[place + 8 :]


def _saved(kind: str) -> bytes:
    file = io.BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(Image.fromarray(_picture())).save(file)
    else:
        Image.fromarray(_picture()).save(file, kind)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(_gif(60000, 60000), id="GIF"),
        pytest.param(_with_sides(_saved("JPEG2000"), b"ihdr", 0, 60000, 60000, across=False), id="JPEG2000"),
    ],
)
def test_sides_that_lie_are_refused_before_anything_is_decoded(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    _refused(path, "too large", inspect, read_picture, read_indices)


@pytest.mark.parametrize("kind", ["AVIF", "HEIF"])
def test_sides_that_lie_to_the_decoder_are_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(_with_sides(_saved(kind), b"ispe", 4, 30000, 30000, across=True))
    _refused(path, "can be read|damaged|too large", read_picture)


def test_an_avif_file_whose_frame_is_larger_than_its_head_says_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "lie.avif"
    for width, height in ((12, 8), (96, 64), (48, 33)):
        path.write_bytes(_with_sides(_saved("AVIF"), b"ispe", 4, width, height, across=True))
        _refused(path, "another size than its header|not an image", inspect, read_picture)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["L", "RGB", "RGBA"]))
def test_avif_of_every_size_is_read(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, mode: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "photo.avif"
    Image.new(mode, (width, height)).save(path, speed=10)
    channels = 1 if mode == "L" else 3
    assert read_picture(path).shape == (height, width, channels)
    assert inspect(path) == (height, width, channels, "uint8")


def test_a_png_that_is_a_bomb_is_not_decoded_for_its_colour_table(tmp_path: Path) -> None:
    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)

    head = (60000).to_bytes(4) * 2 + bytes([8, 3, 0, 0, 0])
    path = tmp_path / "bomb.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"PLTE", bytes(6))
        + chunk(b"IDAT", zlib.compress(bytes(10**6)))
        + chunk(b"IEND", b"")
    )
    _refused(path, "too large")


@pytest.mark.filterwarnings("ignore")  # of the damage
@settings(deadline=None, max_examples=100)
@given(
    kind=st.sampled_from(["GIF", "AVIF", "JPEG2000", "HEIF"]),
    changes=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=8),
    kept=st.floats(0.05, 1.0),
)
def test_a_damaged_file_of_these_formats_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[int, int]], kept: float
) -> None:
    content = bytearray(_saved(kind))
    for place, byte in changes:
        content[place % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.bin"
    path.write_bytes(content[: max(1, int(len(content) * kept))])
    for read in READERS:
        try:
            found = read(path)
        except UserError as refusal:
            if not str(refusal).startswith(f"{path}: "):
                raise
        else:
            if read is read_picture:
                assert isinstance(found, np.ndarray)
                assert inspect(path) == (*found.shape, found.dtype.name)
