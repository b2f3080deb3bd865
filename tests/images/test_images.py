"""Files become the pictures that a person sees in them, and bytes survive every way through the tensors."""

import io
import resource
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from pairloom.config import Size
from pairloom.errors import UserError
from pairloom.images import (
    EXTENSIONS,
    Picture,
    UInt8Array,
    inspect,
    read_indices,
    read_picture,
    resize_class_map,
    resize_picture,
    to_picture,
    to_tensor,
    write_picture,
)
from pairloom.images.arrays import pixels_of

SIDE = st.integers(1, 24)
PICTURE = npst.arrays(np.uint8, st.tuples(SIDE, SIDE, st.just(3)))
CLASS_MAP = npst.arrays(np.uint8, st.tuples(SIDE, SIDE))
SIZE = st.builds(Size, SIDE, SIDE)
ORIENTATION = 0x0112


def _picture(height: int = 6, width: int = 9) -> UInt8Array:
    """Four colours, one a quarter, so that every turn and mirroring looks different."""
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[: height // 2, : width // 3] = (200, 30, 30)
    picture[: height // 2, width // 3 :] = (30, 200, 30)
    picture[height // 2 :, : width // 3] = (30, 30, 200)
    picture[height // 2 :, width // 3 :] = (220, 220, 220)
    return picture


def _read_or_refuse(path: Path) -> Picture | None:
    """Read a picture; None where it is refused by name. Anything else that is raised is a defect."""
    try:
        return read_picture(path)
    except UserError as refusal:
        if str(path) not in str(refusal):
            raise
        return None


@pytest.mark.parametrize("extension", sorted(EXTENSIONS - {".npy", ".pgm", ".pbm", ".gif", ".heic", ".heif", ".hif"}))
def test_pictures_of_every_extension_can_be_read(tmp_path: Path, extension: str) -> None:
    picture = _picture(32, 48)
    path = tmp_path / f"photo{extension}"
    Image.fromarray(picture).save(path, format="JPEG" if extension == ".jfif" else None)
    found = read_picture(path)
    assert inspect(path) == (32, 48, 3, "uint8")
    assert found.dtype == np.uint8
    assert found.shape == picture.shape
    lossy = extension in {".jpg", ".jpeg", ".jfif", ".webp", ".avif", ".jp2"}
    # Lossy formats blur the border between the quarters, so they are compared in the middle of each.
    for row, column in ((8, 8), (8, 32), (24, 8), (24, 32)):
        np.testing.assert_allclose(found[row, column], picture[row, column], atol=12 if lossy else 0)


@pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "RGBA", "CMYK"])
def test_every_kind_of_pixel_is_read_as_grey_or_rgb(tmp_path: Path, mode: str) -> None:
    stored = Image.fromarray(_picture()).convert("RGB")
    path = tmp_path / "photo.tif"
    (stored.quantize(4) if mode == "P" else stored.convert(mode)).save(path)
    if mode in {"L", "LA", "1"}:
        expected = np.asarray(stored.convert("1" if mode == "1" else "L").convert("L"))[:, :, None]
    else:
        expected = np.asarray(stored)
    np.testing.assert_array_equal(read_picture(path), expected)


def test_transparency_is_dropped_and_the_colour_beneath_is_read(tmp_path: Path) -> None:
    picture = _picture()
    alpha = np.tile(np.arange(9, dtype=np.uint8) * 30, (6, 1))
    Image.fromarray(np.dstack([picture, alpha])).save(tmp_path / "photo.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "photo.png"), picture)


def test_palette_images_with_transparency_are_read_without_a_warning(tmp_path: Path) -> None:
    image = Image.fromarray(_picture()).convert("P", palette=Image.Palette.ADAPTIVE, colors=4)
    image.save(tmp_path / "photo.png", transparency=bytes([0, 100, 200, 255]))
    np.testing.assert_array_equal(read_picture(tmp_path / "photo.png"), _picture())


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_pixels_of_more_than_eight_bits_do_not_turn_white(tmp_path: Path, kind: type[np.generic]) -> None:
    deep = (np.arange(0, 65536, 4096).reshape(4, 4)).astype(kind)
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    found = _read_or_refuse(tmp_path / "deep.tif")
    assert found is None or len(np.unique(found)) == deep.size


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif", "avif"])
def test_pictures_are_turned_upright(tmp_path: Path, orientation: int, extension: str) -> None:
    upright = _picture(32, 48)
    # How a camera stores the upright picture under each orientation (EXIF 2.3, table 6).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f"photo.{extension}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif)
    found = read_picture(path)
    assert found.shape == upright.shape
    for row, column in ((8, 8), (8, 32), (24, 8), (24, 32)):
        np.testing.assert_allclose(found[row, column], upright[row, column], atol=12)


def test_class_maps_are_read_as_they_are_stored(tmp_path: Path) -> None:
    ids = np.array([[0, 11, 255], [37, 1, 2]], dtype=np.uint8)
    Image.fromarray(ids).save(tmp_path / "grey.png")
    indexed = Image.fromarray(ids).convert("P")
    indexed.putpalette([channel for number in range(256) for channel in (255 - number, 7, number)])
    indexed.save(tmp_path / "palette.png")
    for name in ("grey.png", "palette.png"):
        np.testing.assert_array_equal(read_indices(tmp_path / name), ids)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_class_maps_of_other_pixels_are_refused(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "classes.png"
    Image.new(mode, (4, 4)).save(path)
    with pytest.raises(UserError, match=f"holds {mode} pixels") as caught:
        read_indices(path)
    assert str(path) in str(caught.value)


def _png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("read", [read_picture, read_indices])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no image", id="text"),
        pytest.param(_png()[:8], id="signature alone"),
        pytest.param(_png()[:60], id="header alone"),
        pytest.param(_png()[:-300], id="truncated"),
        pytest.param(_png()[:100] + bytes(100) + _png()[200:], id="overwritten"),
        pytest.param(b"GIF89a" + bytes(20), id="a GIF without an image"),
        pytest.param(b"8BPS\0\1" + bytes(40), id="a format that is not taken"),
    ],
)
def test_files_that_hold_no_whole_image_are_refused_by_name(tmp_path: Path, read: object, content: bytes) -> None:
    path = tmp_path / "street scene.png"
    path.write_bytes(content)
    assert callable(read)
    with pytest.raises(UserError) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("read", [read_picture, read_indices])
def test_missing_files_and_folders_are_refused_by_name(tmp_path: Path, read: object) -> None:
    assert callable(read)
    for path in (tmp_path / "missing.png", tmp_path):
        with pytest.raises(UserError) as caught:
            read(path)
        assert str(path) in str(caught.value)


def _photo_with_odd_exif() -> bytes:
    """A JPEG whose EXIF gives the orientation, and a width that is no whole number."""
    entries = struct.pack("<HHIHH", ORIENTATION, 3, 1, 6, 0) + struct.pack("<HHII", 0x0100, 5, 1, 38)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + entries + struct.pack("<III", 0, 7, 2)
    file = io.BytesIO()
    Image.fromarray(_picture(16, 12)).save(file, "JPEG", exif=exif)
    return file.getvalue()


def test_a_photograph_with_odd_metadata_is_read_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(_photo_with_odd_exif())
    assert read_picture(path).shape in ((12, 16, 3), (16, 12, 3))
    assert read_picture(path).shape == inspect(path)[:3]


@pytest.mark.filterwarnings("ignore")  # Pillow's, of the damage
@settings(deadline=None, max_examples=80)
@given(
    st.sampled_from(["PNG", "JPEG", "WEBP", "BMP", "PPM", "GIF", "AVIF", "JPEG2000"]),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 1000),
)
def test_a_damaged_file_is_read_or_refused_but_never_a_crash(
    tmp_path_factory: pytest.TempPathFactory, kind: str, changes: list[tuple[int, int]], missing: int
) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    file = io.BytesIO()
    metadata = {"exif": exif.tobytes()} if kind in {"PNG", "JPEG", "WEBP", "AVIF"} else {}
    Image.fromarray(_picture(10, 12)).save(file, kind, **metadata)
    content = bytearray(file.getvalue())
    for place, byte in changes:
        content[place % len(content)] = byte
    path = tmp_path_factory.getbasetemp() / "damaged.bin"
    path.write_bytes(content[: max(1, len(content) - missing)] if missing > 500 else content)
    picture = _read_or_refuse(path)
    assert picture is None or picture.dtype in (np.uint8, np.uint16)
    if picture is not None:
        assert inspect(path) == (*picture.shape, picture.dtype.name)


def test_every_byte_survives_the_way_through_a_tensor() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    picture = np.dstack([every, every.T, 255 - every])
    tensor = to_tensor(picture)
    assert tensor.shape == (3, 16, 16)
    assert tensor.dtype == torch.float32
    assert (float(tensor.min()), float(tensor.max())) == (-1, 1)
    np.testing.assert_array_equal(to_picture(tensor), picture)


@settings(deadline=None)
@given(PICTURE)
def test_pictures_survive_the_way_through_a_tensor(picture: UInt8Array) -> None:
    np.testing.assert_array_equal(to_picture(to_tensor(picture)), picture)
    np.testing.assert_array_equal(to_picture(to_tensor(picture[:, ::-1])), picture[:, ::-1])


def test_making_a_tensor_leaves_the_picture_alone() -> None:
    picture = _picture()
    to_tensor(picture).fill_(0)
    np.testing.assert_array_equal(picture, _picture())


def test_values_outside_the_range_are_clipped() -> None:
    tensor = torch.tensor([-1e9, -1.5, -1.0, 1.0, 1.5, 1e9]).expand(3, 1, 6)
    assert to_picture(tensor)[0, :, 0].tolist() == [0, 0, 0, 255, 255, 255]


def test_pictures_of_half_precision_that_need_gradients_can_be_seen() -> None:
    tensor = torch.full((3, 2, 2), 1.0, dtype=torch.bfloat16, requires_grad=True)
    assert set(to_picture(tensor).flat) == {255}


@settings(deadline=None)
@given(CLASS_MAP, SIZE)
def test_resizing_a_class_map_never_invents_a_class(ids: UInt8Array, size: Size) -> None:
    resized = resize_class_map(ids, size)
    assert resized.shape == size
    assert resized.dtype == np.uint8
    assert set(resized.flat) <= set(ids.flat)


@settings(deadline=None)
@given(CLASS_MAP, SIZE, st.data())
def test_resizing_a_part_takes_classes_of_that_part_alone(ids: UInt8Array, size: Size, data: st.DataObject) -> None:
    height, width = ids.shape
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    bottom, right = data.draw(st.integers(top + 1, height)), data.draw(st.integers(left + 1, width))
    resized = resize_class_map(ids, size, (left, top, right, bottom))
    assert resized.shape == size
    assert set(resized.flat) <= set(ids[top:bottom, left:right].flat)


@settings(deadline=None)
@given(CLASS_MAP, st.integers(1, 4), st.integers(1, 4))
def test_enlarging_a_class_map_by_whole_numbers_repeats_its_pixels(ids: UInt8Array, down: int, across: int) -> None:
    larger = resize_class_map(ids, Size(ids.shape[0] * down, ids.shape[1] * across))
    np.testing.assert_array_equal(larger, ids.repeat(down, axis=0).repeat(across, axis=1))


@settings(deadline=None)
@given(PICTURE, SIZE)
def test_resizing_a_picture_stays_within_its_brightest_and_darkest(picture: UInt8Array, size: Size) -> None:
    resized = resize_picture(picture, size)
    assert resized.shape == (*size, 3)
    for channel in range(3):
        assert picture[..., channel].min() <= resized[..., channel].min()
        assert resized[..., channel].max() <= picture[..., channel].max()


def test_pictures_are_made_smaller_by_averaging() -> None:
    """A fine chequerboard turns grey; picking pixels would leave it black or white."""
    rows, columns = np.indices((64, 64))
    board = np.repeat((((rows + columns) % 2) * 255)[..., None], 3, axis=2).astype(np.uint8)
    smaller = resize_picture(board, Size(16, 16))
    assert np.abs(smaller.astype(int) - 127).max() <= 8


def test_pictures_are_made_larger_by_blending() -> None:
    picture = np.zeros((2, 2, 3), dtype=np.uint8)
    picture[:, 1] = 200
    row = resize_picture(picture, Size(2, 8))[0, :, 0].astype(int)
    assert (np.diff(row) >= 0).all()
    assert len(set(row.tolist())) > 2


def test_what_has_the_size_already_is_not_changed() -> None:
    picture, ids = _picture(), _picture()[..., 0]
    np.testing.assert_array_equal(resize_picture(picture, Size(6, 9)), picture)
    np.testing.assert_array_equal(resize_class_map(ids, Size(6, 9)), ids)
    np.testing.assert_array_equal(resize_picture(picture, Size(6, 9), (0, 0, 9, 6)), picture)
    np.testing.assert_array_equal(resize_class_map(ids, Size(6, 9), (0, 0, 9, 6)), ids)


@pytest.mark.parametrize("stored", [_picture(), _picture()[..., 0]], ids=["picture", "class map"])
def test_written_pngs_hold_exactly_what_was_given_and_nothing_lies_beside_them(
    tmp_path: Path, stored: UInt8Array
) -> None:
    path = tmp_path / "new" / "folders" / "result.png"
    for picture in (255 - stored, stored):  # an older file is replaced
        write_picture(path, picture)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), stored)
    assert [file.name for file in path.parent.iterdir()] == ["result.png"]


def test_a_picture_that_cannot_be_written_whole_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "result.png"
    write_picture(path, _picture())
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # as if the disk were full after 2000 bytes
    try:
        with pytest.raises(OSError, match="too large"):
            write_picture(path, noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    np.testing.assert_array_equal(read_picture(path), _picture())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16", "I", "F"])
def test_the_pixels_of_a_large_image_are_all_there(mode: str) -> None:
    numbers = np.random.default_rng(0).integers(0, 2**16, (2101, 4000), dtype=np.uint16)
    image = Image.fromarray(numbers)
    if mode != "I;16":
        image = Image.fromarray((numbers // 256).astype(np.uint8)).convert(mode)
    expected = np.asarray(image)
    pixels = pixels_of(image)
    assert pixels.dtype == expected.dtype
    assert np.array_equal(pixels, expected)
