"""The range that pictures use, and the number that stands for no reading, found in a sample of files."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from depths import write_depths
from pairloom.config import DataConfig
from pairloom.data.folder import PairFolder
from pairloom.data.layouts import Part
from pairloom.data.ranges import find_values
from pairloom.errors import UserError
from pairloom.images import Values


def _write(folder: Path, arrays: list[NDArray[Any]], no_data: str | None = None) -> list[Part]:
    """Write arrays as TIFF files, with GDAL's tag where a number for no data is given."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    for index, array in enumerate(arrays):
        tag = [] if no_data is None else [(42113, "s", 0, no_data, True)]
        path = folder / f"{index}.tif"
        tifffile.imwrite(path, array, extratags=tag)
        parts.append(Part(path))
    return parts


def _found(folder: Path, arrays: list[NDArray[Any]], no_data: str | None = None) -> Values:
    return find_values(_write(folder, arrays, no_data), "auto", "auto", side="targets")


def _ramp(low: float, high: float, dtype: str, *, count: int = 3) -> list[NDArray[Any]]:
    rng = np.random.default_rng(0)
    return [rng.uniform(low, high, (40, 50)).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "float32", "float64"])
def test_a_part_of_a_range_is_found_and_rounded_outward(tmp_path: Path, dtype: str) -> None:
    values = _found(tmp_path, _ramp(312, 4870, dtype))
    assert values == Values((300.0, 4900.0))


def test_signed_numbers_have_a_range_too(tmp_path: Path) -> None:
    assert _found(tmp_path, _ramp(-1000, 3000, "int16")) == Values((-1000.0, 3000.0))


@pytest.mark.parametrize(
    ("low", "high", "dtype"), [(0, 65535, "uint16"), (100, 42000, "uint16"), (0, 1, "float32"), (0.1, 0.9, "float32")]
)
def test_pictures_that_use_most_of_a_dtype_are_taken_whole(tmp_path: Path, low: float, high: float, dtype: str) -> None:
    assert _found(tmp_path, _ramp(low, high, dtype)) == Values()


def test_pictures_of_8_bits_are_taken_whole(tmp_path: Path) -> None:
    assert _found(tmp_path, _ramp(0, 30, "uint8")) == Values()


@pytest.mark.parametrize(
    ("number", "low", "high", "dtype"),
    [
        (0, 400, 5000, "uint16"),
        (65535, 400, 5000, "uint16"),
        (0, 0.4, 5, "float32"),
        (-9999, -20, 80, "float32"),
        (-9999, 0.1, 0.9, "float32"),
        (-32768, -20, 800, "int16"),
        (-1, 0, 190, "float32"),
        (-2000, -1000, 2900, "int16"),
        (float(np.finfo(np.float32).min), 0, 3000, "float32"),
    ],
)
def test_a_usual_number_that_stands_apart_is_no_reading(
    tmp_path: Path, number: float, low: float, high: float, dtype: str
) -> None:
    arrays = _ramp(low, high, dtype)
    for array in arrays:
        array[5:15, 5:15] = number
    values = _found(tmp_path, arrays)
    assert values.no_reading == number
    assert values.range is not None
    assert low - 0.03 * (high - low) <= values.range[0] <= low + 0.001 * (high - low)
    assert high - 0.001 * (high - low) <= values.range[1] <= high + 0.03 * (high - low)


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(0).integers(0, 2, (40, 50)).astype(np.float32),  # a mask of yes and no
        (np.arange(2000).reshape(40, 50) % 17 / 16).astype(np.float32),  # the levels of a soft edge
        (np.arange(2000).reshape(40, 50) % 17 * 1000).astype(np.uint16),
        np.maximum(np.random.default_rng(0).normal(0, 900, (40, 50)), 0).astype(np.uint16),  # fades to 0
        np.where(np.arange(2000).reshape(40, 50) % 3 == 0, 0, np.linspace(0.4, 1, 2000).reshape(40, 50)).astype("f4"),
    ],
)
def test_numbers_that_may_be_readings_are_readings(tmp_path: Path, array: NDArray[Any]) -> None:
    assert _found(tmp_path, [array] * 3).no_reading is None


def test_two_usual_numbers_leave_the_range_alone(tmp_path: Path) -> None:
    arrays = _ramp(400, 5000, "uint16")
    for array in arrays:
        array[:10, :20] = 0
        array[10:15, :20] = 65535
    assert _found(tmp_path, arrays) == Values((400.0, 5000.0), 0.0)


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_left_out(tmp_path: Path, odd: float) -> None:
    arrays = _ramp(0.4, 5, "float32")
    arrays[0][3:9] = odd
    values = _found(tmp_path, arrays)
    assert values == Values((0.4, 5.0))
    fractions = _ramp(0, 1, "float32")
    fractions[0][3:9] = odd
    assert _found(tmp_path / "fractions", fractions) == Values((0.0, 1.0))


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["uint16", "float32"]), st.floats(0, 0.0008))
def test_a_few_outliers_do_not_move_the_range(
    tmp_path_factory: pytest.TempPathFactory, seed: int, dtype: str, share: float
) -> None:
    rng = np.random.default_rng(seed)
    arrays = [rng.uniform(400, 5000, (60, 60)).astype(dtype) for _ in range(4)]
    for array in arrays:
        array[rng.random(array.shape) < share] = 60000
    # Where chance puts as many of them as a tail holds, they are no outliers any more.
    if sum((array == 60000).sum() for array in arrays) > 0.0009 * 4 * 3600:
        return
    assert _found(tmp_path_factory.mktemp("outliers"), arrays) == Values((400.0, 5000.0))


def test_sparse_peaks_are_no_outliers(tmp_path: Path) -> None:
    arrays = [np.zeros((100, 100), dtype=np.uint16) for _ in range(4)]
    for index, array in enumerate(arrays):
        array[10:13, 10:13] = 9000 - np.arange(9).reshape(3, 3) * 900 - index
    found = _found(tmp_path, arrays)
    assert found.range is not None
    assert found.range[0] == 0
    assert found.range[1] >= 9000


def test_what_geotiff_files_state_is_no_reading(tmp_path: Path) -> None:
    arrays = _ramp(10, 500, "float32")
    arrays[0][:5] = -777
    assert _found(tmp_path / "stated", arrays, "-777") == Values((10.0, 500.0), -777.0)
    assert _found(tmp_path / "nan", _ramp(10, 500, "float32"), "nan") == Values((10.0, 500.0))
    parts = _write(tmp_path / "a", arrays, "-777") + _write(tmp_path / "b", arrays, "-9999")
    with pytest.raises(UserError, match=r"targets state different .*-9999 and -777.* --data.no_reading"):
        find_values(parts, "auto", "auto", side="targets")
    assert find_values(parts, "auto", "auto", side="sources").no_reading is None
    assert find_values(parts, "auto", -777.0, side="targets").no_reading == -777


def test_what_geotiff_files_state_and_is_no_number_is_ignored(tmp_path: Path) -> None:
    pictures = _ramp(300, 4870, "uint16")
    assert _found(tmp_path / "odd", pictures, "none") == _found(tmp_path / "plain", pictures)


def test_what_is_said_is_not_looked_for(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    parts = [Part(tmp_path / "gone" / "0.tif")]
    assert find_values(parts, (0, 10000), "none", side="targets") == Values((0, 10000))
    assert find_values(parts, "whole", 0, side="targets") == Values(None, 0.0)
    arrays = _ramp(400, 5000, "uint16")
    arrays[0][:10] = 0
    found = _write(tmp_path / "depth", arrays)
    assert find_values(found, (0, 10000), "auto", side="targets") == Values((0, 10000), 0.0)
    assert find_values(found, "auto", "none", side="targets") == Values((0.0, 5000.0))


def test_a_folder_says_what_its_numbers_mean(tmp_path: Path) -> None:
    write_depths(tmp_path, "depth")
    folder = PairFolder.open(DataConfig(str(tmp_path)))
    assert "targets are pictures in 550 to 4750 (0 is no reading)" in folder.describe()
    assert folder.config.range == (550.0, 4750.0)
    assert (folder.config.no_reading, folder.config.source_range) == (0.0, "whole")
    pair = folder.read(folder.files("train")[0])
    assert pair.target.dtype == np.uint16  # numbers stay as they are in the files
    assert pair.target_values == folder.target_values
    turned = PairFolder.open(DataConfig(str(tmp_path), direction="BtoA"))
    assert turned.source_values == folder.target_values
    assert "sources are pictures in 550 to 4750" in turned.describe()


def test_numbers_beyond_what_is_known_are_refused_by_name(tmp_path: Path) -> None:
    write_depths(tmp_path, "heights")
    config = DataConfig(str(tmp_path), range="whole", no_reading="none")
    folder = PairFolder.open(config)
    with pytest.raises(UserError, match=r"B/train/0.tif: holds numbers outside 0 to 1; name their range by --data.ra"):
        folder.read(folder.files("train")[0])
    known = PairFolder.open(dataclasses.replace(config, range=(-20.0, 80.0)))
    assert known.read(known.files("train")[0]).target.min() == -9999


def test_class_maps_have_no_range(tmp_path: Path) -> None:
    for folder in ("A", "B"):
        (tmp_path / folder).mkdir()
        for index in range(6):
            ids = np.kron(np.random.default_rng(index).integers(0, 3, (4, 4)), np.ones((8, 8), dtype=int))
            picture = np.stack([ids * 60] * 3, axis=2) if folder == "A" else ids
            Image.fromarray(picture.astype(np.uint8)).save(tmp_path / folder / f"{index}.png")
    assert PairFolder.open(DataConfig(str(tmp_path))).config.range == "whole"
    with pytest.raises(UserError, match=r"data.range is for pictures, but the targets are class maps; leave it out"):
        PairFolder.open(DataConfig(str(tmp_path), range=(0, 10)))


def test_a_range_needs_numbers_of_one_kind(tmp_path: Path) -> None:
    from pairloom.data.image_spec import common_spec
    from pairloom.images import ImageInfo

    shallow, deep = ImageInfo(4, 4, 1, "uint8"), ImageInfo(4, 4, 1, "uint16")
    with pytest.raises(UserError, match="some pictures have 8 bits and others are uint16"):
        common_spec([shallow, deep], None, None, Values((0, 5000)))
    assert common_spec([deep], None, None, Values((0, 5000))).dtype == "uint16"
    assert common_spec([deep], None, None, Values((-5, 5000))).dtype == "float32"
