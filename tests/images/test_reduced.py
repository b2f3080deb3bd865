"""Pictures that are seen from afar: decoded smaller where that saves time, and asked for their orientation quickly."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom.errors import UserError
from pairloom.images import exif_orientation, read_picture, read_reduced

ORIENTATION = 0x0112


def _gradient(height: int, width: int) -> Image.Image:
    rows, columns = np.mgrid[:height, :width]
    planes = (rows * 255 / max(1, height), columns * 255 / max(1, width), (rows + columns) % 97)
    return Image.fromarray(np.stack(planes, axis=2).astype(np.uint8))


@given(
    # A block of JPEG has 8 pixels per side; of a part of one, a reduced picture shows what fills it up as well.
    height=st.integers(2, 37).map(lambda blocks: 8 * blocks),
    width=st.integers(2, 37).map(lambda blocks: 8 * blocks),
    longest=st.sampled_from([16, 64, 128]),
    orientation=st.sampled_from([1, 3, 6, 8]),
)
@settings(derandomize=True, max_examples=60, deadline=None)
def test_a_reduced_picture_shows_the_same(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, longest: int, orientation: int
) -> None:
    path = tmp_path_factory.mktemp("reduced") / "picture.jpg"
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    _gradient(height, width).save(path, quality=95, exif=exif)
    whole, reduced = read_picture(path), read_reduced(path, longest)
    assert (reduced.height, reduced.width) == whole.shape[:2]
    assert reduced.picture.shape[:2] == tuple(-(-side // reduced.step) for side in whole.shape[:2])
    assert max(reduced.picture.shape[:2]) >= min(max(whole.shape[:2]), longest / 2)
    step = reduced.step
    inner = [side // step * step for side in whole.shape[:2]]
    if min(inner):
        means = whole[: inner[0], : inner[1]].astype(float)
        means = means.reshape(inner[0] // step, step, inner[1] // step, step, 3).mean(axis=(1, 3))
        shown = reduced.picture[: means.shape[0], : means.shape[1]]
        assert np.abs(shown[..., 0] - means[..., 0]).mean() < 6


def test_other_formats_are_read_at_their_size(tmp_path: Path) -> None:
    _gradient(200, 300).save(tmp_path / "picture.png")
    reduced = read_reduced(tmp_path / "picture.png", 32)
    assert reduced.step == 1
    assert np.array_equal(reduced.picture, read_picture(tmp_path / "picture.png"))


def test_damage_is_found_as_well(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    _gradient(200, 300).save(path)
    path.write_bytes(path.read_bytes()[:-2000])
    for read in (lambda: read_reduced(path, 32), lambda: read_picture(path)):
        with pytest.raises(UserError, match="damaged"):
            read()
    with pytest.raises(UserError, match="no such file"):
        read_reduced(tmp_path / "none.jpg", 32)


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("orientation", [None, *range(1, 9)])
def test_the_orientation_is_known_without_opening_most_files(
    tmp_path: Path, extension: str, orientation: int | None
) -> None:
    path = tmp_path / f"picture{extension}"
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    _gradient(20, 30).save(path, exif=exif)
    assert exif_orientation(path) == (orientation or 1)
