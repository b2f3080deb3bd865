"""Masks are read as they are meant, however they are saved, or refused."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from drawn_masks import BLENDED, BLENDED_OF_TWO, EXACT, EXACT_OF_TWO, Maps, Writer, draw_maps, save_signed
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from pairloom.data.discovery import find_classes
from pairloom.data.layouts import Part
from pairloom.data.readers import Classes, ColourReader, IndexReader
from pairloom.errors import UserError
from pairloom.palette import VOID, ClassNames, NamedClass, Palette, UInt8Array, UnknownValueError

EVERY = settings(
    derandomize=True, deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
FEW = settings(
    derandomize=True, deadline=None, max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
Draw = Callable[[np.random.Generator, int], NDArray[Any]]


def _find(paths: list[Path]) -> Classes | None:
    return find_classes([Part(path) for path in paths])


def _read(classes: Classes, paths: list[Path]) -> list[UInt8Array]:
    return [np.asarray(classes.reader.read(Part(path)), dtype=np.uint8) for path in paths]


def _agreement(maps: Maps, read: list[UInt8Array]) -> tuple[float, int]:
    """Share of pixels whose class is the one that most pixels of their true class have; number of these classes."""
    truth, found = (np.concatenate([ids.ravel() for ids in side]).astype(np.intp) for side in (maps, read))
    table = np.zeros((VOID + 1, VOID + 1), dtype=np.int64)
    np.add.at(table, (truth, found), 1)
    present = table.sum(axis=1) > 0
    return float(table[present].max(axis=1).sum() / truth.size), len(set(table[present].argmax(axis=1).tolist()))


def _inside(ids: UInt8Array) -> NDArray[np.bool_]:
    """Tell which pixels lie more than two pixels from any border of areas."""
    inside = np.ones(ids.shape, dtype=bool)
    for down in range(-2, 3):
        for across in range(-2, 3):
            inside &= np.roll(ids, (down, across), (0, 1)) == ids
    inside[:2] = inside[-2:] = False
    inside[:, :2] = inside[:, -2:] = False
    return inside


def _maps(seed: int, most: int, *, two: bool = False, sparse: bool | None = None) -> tuple[Maps, np.random.Generator]:
    rng = np.random.default_rng(seed)
    classes = 2 if two else int(rng.integers(2, most + 1))
    few = bool(rng.integers(0, 4) == 0) if sparse is None else sparse
    return draw_maps(rng, classes, int(rng.integers(6, 13)), side=int(rng.integers(64, 140)), sparse=few), rng


def _assert_exact(writer: Writer, maps: Maps, rng: np.random.Generator, folder: Path) -> None:
    paths = writer(folder, maps, rng)
    classes = _find(paths)
    assert classes is not None
    assert len(classes.palette) == len(np.unique(np.concatenate([ids.ravel() for ids in maps])))
    read = _read(classes, paths)
    assert all(VOID not in ids for ids in read)
    assert _agreement(maps, read) == (1.0, len(classes.palette))


@pytest.mark.parametrize("encoding", EXACT)
@EVERY
@given(seed=st.integers(0, 2**32))
def test_exact_masks_are_read_exactly(tmp_path_factory: pytest.TempPathFactory, encoding: str, seed: int) -> None:
    maps, rng = _maps(seed, 5 if encoding == "grey with alpha" else 12)
    _assert_exact(EXACT[encoding], maps, rng, tmp_path_factory.mktemp("masks"))


@pytest.mark.parametrize("encoding", EXACT_OF_TWO)
@EVERY
@given(seed=st.integers(0, 2**32))
def test_exact_masks_of_two_classes_are_read_exactly(
    tmp_path_factory: pytest.TempPathFactory, encoding: str, seed: int
) -> None:
    maps, rng = _maps(seed, 2, two=True)
    _assert_exact(EXACT_OF_TWO[encoding], maps, rng, tmp_path_factory.mktemp("masks"))


@pytest.mark.parametrize("encoding", [*BLENDED, *BLENDED_OF_TWO])
@FEW
@given(seed=st.integers(0, 2**32))
def test_masks_with_blended_edges_are_read_nearly_right(
    tmp_path_factory: pytest.TempPathFactory, encoding: str, seed: int
) -> None:
    writers: Mapping[str, Writer] = {**BLENDED, **BLENDED_OF_TWO}
    two = encoding in BLENDED_OF_TWO
    maps, rng = _maps(seed, 4, two=two, sparse=None if encoding in ("grey JPEG 95", "soft grey") else False)
    within = [_inside(ids) for ids in maps]
    shown = np.bincount(np.concatenate([ids[where] for ids, where in zip(maps, within, strict=True)]))
    assume(shown[shown > 0].min() >= 150 and (shown > 0).sum() == len(np.unique(np.concatenate(maps, axis=None))))
    paths = writers[encoding](tmp_path_factory.mktemp("masks"), maps, rng)
    classes = _find(paths)
    assert classes is not None
    assert len(classes.palette) == len(np.unique(np.concatenate([ids.ravel() for ids in maps])))
    read = _read(classes, paths)
    share, found = _agreement(maps, read)
    assert found == len(classes.palette)
    assert share > 0.95
    inner = [[ids[where] for ids, where in zip(side, within, strict=True)] for side in (maps, read)]
    assert _agreement(inner[0], inner[1])[0] > 0.998
    assert isinstance(classes.reader, ColourReader)
    for path in paths:
        _, far, strays = classes.reader.read_closely(Part(path))
        assert far < 0.2
        assert strays == ()


@pytest.mark.parametrize("quality", [75, 90])
def test_foreground_of_a_five_hundredth_in_jpeg_is_read_to_the_pixel(tmp_path: Path, quality: int) -> None:
    paths, maps = [], []
    for number in range(12):
        ids = np.zeros((256, 256), dtype=np.uint8)
        row, column = np.random.default_rng(number).integers(20, 230, 2)
        ids[row : row + 9, column : column + 14] = 1
        maps.append(ids)
        paths.append(tmp_path / f"{number}.jpg")
        Image.fromarray(ids * np.uint8(255)).save(paths[-1], quality=quality)
    classes = _find(paths)
    assert classes is not None
    wrong = sum(int((a != b).sum()) for a, b in zip(maps, _read(classes, paths), strict=True))
    assert wrong < 0.05 * sum(int(ids.sum()) for ids in maps)


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "float32"])
def test_minus_one_is_void(tmp_path: Path, dtype: str) -> None:
    maps, _ = _maps(3, 4)
    for ids in maps:
        ids[:9, :20] = VOID
    paths = save_signed(tmp_path, maps, dtype, ".tif" if dtype == "int16" else ".npy")
    classes = _find(paths)
    assert classes is not None
    for ids, read in zip(maps, _read(classes, paths), strict=True):
        np.testing.assert_array_equal(read == VOID, ids == VOID)
    assert _agreement(maps, _read(classes, paths))[0] == 1.0


def test_other_negative_numbers_are_refused_by_value(tmp_path: Path) -> None:
    maps, _ = _maps(3, 4)
    paths = [tmp_path / f"{number}.npy" for number in range(len(maps))]
    for path, ids in zip(paths, maps, strict=True):
        np.save(path, ids.astype(np.int16) - 3)
    with pytest.raises(UserError, match="holds the number -3"):
        _find(paths)


@pytest.mark.parametrize("text", ["3", "3.0 ", "nan"])
def test_the_value_for_no_data_of_a_geotiff_is_void(tmp_path: Path, text: str) -> None:
    maps = draw_maps(np.random.default_rng(0), 3, 8)
    paths = []
    for number, ids in enumerate(maps):
        ids[:12] = 3
        stored: NDArray[np.generic] = np.where(ids == 3, np.float32(np.nan), ids) if text == "nan" else ids
        paths.append(tmp_path / f"{number}.tif")
        tifffile.imwrite(paths[-1], stored, extratags=[(42113, "s", 0, text, True)])
    classes = _find(paths)
    assert classes is not None
    assert classes.palette.values == (0, 1, 2)
    for ids, read in zip(maps, _read(classes, paths), strict=True):
        np.testing.assert_array_equal(read, np.where(ids == 3, VOID, ids))


def test_a_class_that_occurs_nowhere_is_none_and_one_that_the_sample_lacks_is_refused_by_value(tmp_path: Path) -> None:
    maps = [np.kron([[2, 5], [5, 9]], np.ones((16, 16))).astype(np.uint8) for _ in range(4)]
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, ids in zip(paths, maps, strict=True):
        Image.fromarray(ids).save(path)
    classes = _find(paths)
    assert classes is not None
    assert (classes.palette.values, classes.palette.names) == ((2, 5, 9), ("class 2", "class 5", "class 9"))
    Image.fromarray(maps[0] + np.uint8(1)).save(tmp_path / "late.png")
    with pytest.raises(UnknownValueError, match=r"late\.png: the value 3"):
        classes.reader.read(Part(tmp_path / "late.png"))


def test_an_area_of_a_colour_that_the_sample_lacks_is_reported(tmp_path: Path) -> None:
    paths = BLENDED["grey JPEG 85"](tmp_path, draw_maps(np.random.default_rng(0), 2, 8), np.random.default_rng(0))
    classes = _find(paths)
    assert classes is not None
    assert isinstance(classes.reader, ColourReader)
    late = np.zeros((96, 96), dtype=np.uint8)
    late[20:60, 30:60] = 127
    Image.fromarray(late).save(tmp_path / "late.jpg", quality=85)
    strays = classes.reader.read_closely(Part(tmp_path / "late.jpg"))[2]
    assert len(strays) == 1
    assert abs(strays[0][0] - 127) < 3


def test_channels_that_overlap_are_refused(tmp_path: Path) -> None:
    planes = np.zeros((20, 30, 4), dtype=np.uint8)
    planes[..., 0] = planes[4:9, 5:9, 2] = 1
    for number in range(3):
        np.save(tmp_path / f"{number}.npy", planes)
    with pytest.raises(UserError, match=r"0\.npy: 3\.3% of its pixels are in several channels, such as 0 and 2"):
        _find([tmp_path / f"{number}.npy" for number in range(3)])


def test_one_file_of_0_and_255_among_many_of_0_and_1_is_refused(tmp_path: Path) -> None:
    maps = draw_maps(np.random.default_rng(0), 2, 30)
    paths = [tmp_path / f"{number:02}.png" for number in range(30)]
    for number, (path, ids) in enumerate(zip(paths, maps, strict=True)):
        Image.fromarray(ids * np.uint8(255 if number == 7 else 1)).save(path)
    with pytest.raises(UserError, match=r"07\.png: .*255 may be 1 or void.*data\.palette"):
        _find(paths)


def test_void_of_255_beside_0_and_1_stays_void(tmp_path: Path) -> None:
    maps = draw_maps(np.random.default_rng(0), 2, 10)
    paths = [tmp_path / f"{number}.png" for number in range(10)]
    for number, (path, ids) in enumerate(zip(paths, maps, strict=True)):
        ids[:5] = VOID
        Image.fromarray(np.where(ids == 1, 0, ids) if number == 0 else ids).save(path)
    classes = _find(paths)
    assert classes is not None
    assert classes.palette.values == (0, 1)
    np.testing.assert_array_equal(_read(classes, paths)[3], maps[3])


def _objects(rng: np.random.Generator, count: int) -> UInt8Array:
    """Boxes in a grid, numbered from 1."""
    ids = np.zeros((126, 126), dtype=np.uint8)
    for number, cell in enumerate(rng.permutation(49)[:count], 1):
        row, column = divmod(int(cell), 7)
        ids[row * 18 + 3 : row * 18 + 15, column * 18 + 3 : column * 18 + 15] = number
    return ids


def _counted(rng: np.random.Generator, number: int) -> NDArray[Any]:
    return _objects(rng, 5 + 3 * number)


def _behind_a_class(rng: np.random.Generator, number: int) -> NDArray[Any]:
    ids = _objects(rng, 6 + 2 * number).astype(np.uint16)
    numbers: NDArray[Any] = np.where(ids > 0, ids + 26000, 7).astype(np.uint16)
    return numbers


def _at_random(rng: np.random.Generator, number: int) -> NDArray[Any]:
    numbers = np.array([0, *rng.permutation(254)[:20] + 1], dtype=np.uint8)
    return np.asarray(numbers[_objects(rng, 14)])


def _coloured(rng: np.random.Generator, number: int) -> NDArray[Any]:
    colours = rng.integers(0, 256, (21, 3)).astype(np.uint8)
    colours[0] = 0
    return np.asarray(colours[_objects(rng, 14)])


@pytest.mark.parametrize("draw", [_counted, _behind_a_class, _at_random, _coloured])
def test_numbers_of_instances_are_refused(tmp_path: Path, draw: Draw) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(12)]
    for number, path in enumerate(paths):
        Image.fromarray(draw(rng, number)).save(path)
    with pytest.raises(UserError, match=r"instance.*data\.target images"):
        _find(paths)


def test_more_than_254_classes_are_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path in paths:
        Image.fromarray(np.kron(rng.integers(0, 600, (12, 12)), np.ones((8, 8))).astype(np.uint16)).save(path)
    with pytest.raises(UserError, match="more than the 254 classes"):
        _find(paths)


def test_class_numbers_in_jpeg_are_refused(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.jpg" for number in range(8)]
    for path, ids in zip(paths, draw_maps(np.random.default_rng(0), 5, 8), strict=True):
        Image.fromarray(ids).save(path, quality=95)
    with pytest.raises(UserError, match=r"0\.jpg: holds the numbers 0 to .* in JPEG"):
        _find(paths)


DOWN, ACROSS = np.mgrid[:96, :96]


def _matte(rng: np.random.Generator, number: int) -> NDArray[Any]:
    ids = draw_maps(rng, 2, 1)[0] * np.uint8(255)
    small = Image.fromarray(ids).resize((14, 12), Image.Resampling.BOX)
    return np.asarray(small.resize((112, 96), Image.Resampling.BICUBIC))


def _heat(rng: np.random.Generator, number: int) -> NDArray[Any]:
    row, column = rng.uniform(20, 76, 2)
    return np.asarray(
        (255 * np.exp(-((DOWN - row) ** 2 + (ACROSS - column) ** 2) / 2 / rng.uniform(6, 20) ** 2)).astype(np.uint8)
    )


def _depth(rng: np.random.Generator, number: int) -> NDArray[Any]:
    ids = draw_maps(rng, 5, 1)[0][:, :96]
    return np.asarray((rng.uniform(40, 200, 5)[ids] + DOWN * 0.3 - ACROSS * 0.2).astype(np.uint8))


def _deep_depth(rng: np.random.Generator, number: int) -> NDArray[Any]:
    return np.asarray(_depth(rng, number).astype(np.uint16) * np.uint16(37) + rng.integers(0, 20, (96, 96), np.uint16))


def _far(rng: np.random.Generator, number: int) -> NDArray[Any]:
    return np.asarray(_depth(rng, number).astype(np.float32) / np.float32(255))


@pytest.mark.parametrize("draw", [_matte, _heat, _depth, _deep_depth, _far])
def test_continuous_targets_are_pictures(tmp_path: Path, draw: Draw) -> None:
    rng = np.random.default_rng(1)
    paths = []
    for number in range(10):
        array = draw(rng, number)
        paths.append(tmp_path / (f"{number}.npy" if array.dtype.kind == "f" else f"{number}.png"))
        if array.dtype.kind == "f":
            np.save(paths[-1], array)
        else:
            Image.fromarray(array).save(paths[-1])
    assert _find(paths) is None


def test_edges_between_soft_and_continuous_are_refused_unless_classes_are_asked_for(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for path in paths:
        ids = draw_maps(rng, 2, 1)[0] * np.uint8(255)
        small = Image.fromarray(ids).resize((28, 24), Image.Resampling.BOX)
        small.resize((112, 96), Image.Resampling.BICUBIC).save(path)
    with pytest.raises(UserError, match=r"edges of areas are .* pixels wide.*data\.target classes or images"):
        _find(paths)
    classes = find_classes([Part(path) for path in paths], any_width=True)
    assert classes is not None
    assert len(classes.palette) == 2


def test_continuous_transparency_is_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    paths = [tmp_path / f"{number}.png" for number in range(8)]
    for number, path in enumerate(paths):
        alpha = _heat(rng, number)
        Image.fromarray(np.dstack([np.zeros((96, 96, 3), np.uint8), alpha]).astype(np.uint8)).save(path)
    with pytest.raises(UserError, match="transparency is continuous"):
        _find(paths)


def test_a_late_file_with_another_colour_table_is_read_by_its_colours(tmp_path: Path) -> None:
    maps = draw_maps(np.random.default_rng(0), 3, 6)
    paths = EXACT["the same table"](tmp_path, maps, np.random.default_rng(0))
    classes = _find(paths)
    assert classes is not None
    colours = np.array(classes.palette.colours, dtype=np.uint8)
    late = Image.fromarray(2 - maps[0], "P")
    late.putpalette(colours[::-1].ravel().tolist())
    late.save(tmp_path / "late.png")
    np.testing.assert_array_equal(classes.reader.read(Part(tmp_path / "late.png")), maps[0])
    late.putpalette([7] * 9)
    late.save(tmp_path / "odd.png")
    with pytest.raises(UnknownValueError, match=r"odd\.png: has another colour table.*\(7, 7, 7\)"):
        classes.reader.read(Part(tmp_path / "odd.png"))


def test_readers_that_read_otherwise_have_other_keys(tmp_path: Path) -> None:
    maps = draw_maps(np.random.default_rng(0), 2, 6)
    keys = set()
    for name in ("indices", "equal channels", "planes of 0 and 1", "one bit among eight", "erased paint", "colours"):
        writer = {**EXACT, **EXACT_OF_TWO}[name]
        classes = _find(writer(tmp_path / name, maps, np.random.default_rng(0)))
        assert classes is not None
        keys.add(classes.reader.key)
    own = Palette("own", ("a", "b"), ((1, 1, 1), (2, 2, 2)))
    assert IndexReader(own).key == f"index {own.to_record()}"  # as in stores that are there
    assert ColourReader(own).key == f"colour {own.to_record()}"
    assert len(keys) >= 5


def test_names_beside_the_data_are_used_where_they_fit_and_else_noted(tmp_path: Path) -> None:
    paths = EXACT["indices"](tmp_path, draw_maps(np.random.default_rng(0), 3, 6), np.random.default_rng(0))
    parts = [Part(path) for path in paths]
    rows = tuple(NamedClass(name, None, number) for number, name in enumerate(("floor", "crack", "rust", "bolt")))
    fitting, other = ClassNames(tmp_path / "classes.txt", rows, True), ClassNames(tmp_path / "odd.txt", rows[:2], True)
    classes = find_classes(parts, names=[other, fitting])
    assert classes is not None
    assert classes.palette.names == ("floor", "crack", "rust", "bolt")
    assert classes.note == "class names from classes.txt"
    classes = find_classes(parts, names=[ClassNames(tmp_path / "odd.txt", (NamedClass("x", None, 7),))])
    assert classes is not None
    assert classes.palette.names == ("class 0", "class 1", "class 2")
    assert classes.note == "class names of odd.txt are not used: it names 1 class, the masks hold 3"
