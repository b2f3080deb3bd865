"""Class maps are told from photographs, and their classes are found."""

import io
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom.palette import CAMVID, CITYSCAPES, VOID, Colour, Palette, UInt8Array, find_colours, find_indices
from pairloom.streets import draw_street

STREETS = [draw_street(3, index, 256, 256) for index in range(5)]
PHOTOGRAPHS = [photograph for photograph, _ in STREETS]
MAPS = [ids for _, ids in STREETS]


def _jpeg(pictures: Sequence[UInt8Array], quality: int) -> list[UInt8Array]:
    """Pictures as they come out of JPEG, with the tints at half resolution."""
    decoded = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=quality, subsampling="4:2:0")
        decoded.append(np.asarray(Image.open(file)))
    return decoded


def _counts(*values: int) -> dict[int, int]:
    return dict.fromkeys(values, 1)


# Index maps


@settings(deadline=None)
@given(st.sets(st.integers(0, 63), min_size=1), st.booleans())
def test_small_values_are_class_numbers_and_255_is_void(values: set[int], void: bool) -> None:
    if void and values == {0}:
        return
    counts = _counts(*values, *([255] if void else []))
    palette = find_indices(counts)
    assert palette is not None
    assert palette.name == "found"
    assert palette.names == tuple(f"class {number}" for number in sorted(values))
    assert palette.values == tuple(sorted(values))
    ids = palette.from_values(np.array([[*counts]]), "a")
    assert [palette.values[number] if number != VOID else VOID for number in ids.flat] == [*counts]
    assert find_indices(dict.fromkeys(counts, 7)) == palette


@pytest.mark.parametrize(
    "levels",
    [
        *((0, 255), (0, 127, 255), (0, 64, 128, 192), (255,), tuple(range(0, 256, 8))),
        *((0, 100, 180, 255), (0, 36, 73, 109, 182, 255)),  # few, and evenly spaced with one missing
        *((0, 50, 100, 150, 200, 255), (0, 60, 120, 180, 240, 255), (0, 40, 80, 120, 160, 200, 255)),
        *((0, 70, 140, 210, 255), (0, 100, 150, 200, 255)),
        *((29, 76, 105, 150, 226, 255), (0, 18, 54, 73, 182, 255)),  # pure colours and white, turned to grey
    ],
)
def test_few_grey_levels_are_classes_drawn_as_they_are(levels: tuple[int, ...]) -> None:
    palette = find_indices(_counts(*levels))
    assert palette is not None
    assert palette.values == levels
    assert palette.colours == tuple((level, level, level) for level in levels)
    assert len(set(palette.void_colour)) > 1
    assert palette.from_values(np.array([levels]), "a").tolist() == [[*range(len(levels))]]


@pytest.mark.parametrize("numbers", [(17, 33, 35, 49, 67, 81, 97), (0, 2, 15, 56, 92, 124, 156, 181)])
def test_255_is_void_beside_large_class_numbers_that_are_no_even_greys(numbers: tuple[int, ...]) -> None:
    palette = find_indices(_counts(*numbers, 255))
    assert palette is not None
    assert palette.values == numbers
    assert palette.void_values == (255,)
    assert palette.names == tuple(f"class {number}" for number in numbers)


def test_few_values_of_16_bits_are_classes_in_generated_colours() -> None:
    palette = find_indices(_counts(0, 1000, 40000))
    assert palette is not None
    assert palette.values == (0, 1000, 40000)
    assert len(set(palette.colours)) == 3


@pytest.mark.parametrize("counts", [{}, {0: 0}, dict.fromkeys(range(0, 200, 2), 1), {-1: 3, 2: 5}, {70000: 1}])
def test_tones_and_nothing_are_no_classes(counts: dict[int, int]) -> None:
    assert find_indices(counts) is None


def test_values_that_do_not_occur_do_not_count() -> None:
    assert find_indices({0: 5, 1: 2, 200: 0}) == find_indices({0: 5, 1: 2})


def test_a_colour_table_gives_the_colours() -> None:
    table: tuple[Colour, ...] = ((10, 0, 0), (0, 20, 0), (0, 0, 30))
    palette = find_indices(_counts(0, 1, 2, 255), table)
    assert palette is not None
    assert palette.colours == table
    assert palette.void_colour == (0, 0, 0)


def test_colours_that_a_table_repeats_or_lacks_are_replaced_and_black_may_be_a_class() -> None:
    palette = find_indices(dict.fromkeys(range(5), 1), ((0, 0, 0), (9, 9, 9), (0, 0, 0), (9, 9, 9)))
    assert palette is not None
    assert palette.colours[:2] == ((0, 0, 0), (9, 9, 9))
    assert len({*palette.colours, palette.void_colour}) == 6


def test_a_colour_table_makes_classes_of_any_values() -> None:
    table = tuple((value, 0, 0) for value in range(256))
    palette = find_indices(dict.fromkeys((0, 70, 200, 255), 1), table)
    assert palette is not None
    assert palette.values == (0, 70, 200)
    assert palette.colours == ((0, 0, 0), (70, 0, 0), (200, 0, 0))
    assert palette.from_values(np.array([[255, 70]]), "a").tolist() == [[VOID, 1]]
    mask = find_indices({0: 1, 255: 1}, table)
    assert mask is not None
    assert mask.values == (0, 255)


@pytest.mark.parametrize(("largest", "classes"), [(253, 254), (254, None)])
def test_a_colour_table_of_more_than_254_used_values_is_no_palette(largest: int, classes: int | None) -> None:
    palette = find_indices(dict.fromkeys((*range(largest + 1), 255), 1), [])
    assert (palette and len(palette)) == classes


# Colours


@pytest.mark.parametrize("quality", [None, 90, 75])
@pytest.mark.parametrize("size", [256, 128])
def test_the_colours_of_cityscapes_are_recognised(quality: int | None, size: int) -> None:
    maps = [CITYSCAPES.to_colours(ids) for ids in MAPS]
    if size != 256:
        maps = [CITYSCAPES.to_colours(draw_street(3, index, size, size)[1]) for index in range(8)]
    assert find_colours(maps if quality is None else _jpeg(maps, quality)) is CITYSCAPES


def _in_own_colours(seed: int) -> tuple[list[UInt8Array], UInt8Array]:
    colours = np.random.default_rng(seed).integers(0, 256, (5, 3)).astype(np.uint8)
    return [colours[np.where(ids == VOID, 4, ids % 5)] for ids in MAPS], colours


@pytest.mark.parametrize("seed", range(3))
def test_own_colours_are_found_exactly_and_ordered_by_frequency(seed: int) -> None:
    maps, colours = _in_own_colours(seed)
    palette = find_colours(maps)
    assert palette is not None
    assert palette.name == "found"
    pixels = np.concatenate([picture.reshape(-1, 3) for picture in maps])
    counts = {tuple(colour): int((pixels == colour).all(axis=1).sum()) for colour in colours.tolist()}
    assert list(palette.colours) == sorted(counts, key=lambda colour: -counts[colour])
    for picture in maps:
        np.testing.assert_array_equal(palette.to_colours(palette.to_ids(picture)), picture)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("quality", [90, 75])
def test_own_colours_are_found_in_jpegs_within_three_levels(seed: int, quality: int) -> None:
    maps, colours = _in_own_colours(seed)
    palette = find_colours(_jpeg(maps, quality))
    assert palette is not None
    assert len(palette) == len(colours)
    for colour in colours.astype(int):
        assert min(np.abs(colour - own).max() for own in palette.colours) <= 3


def test_black_is_an_ordinary_class() -> None:
    picture = np.zeros((40, 40, 3), dtype=np.uint8)
    picture[10:30, 10:30] = 200
    palette = find_colours([picture])
    assert palette is not None
    assert palette == Palette("found", ("class 0", "class 1"), ((0, 0, 0), (200,) * 3), void_colour=palette.void_colour)
    assert palette.void_colour != (0, 0, 0)


def test_one_class_beside_those_of_cityscapes_is_not_lost() -> None:
    maps = [CITYSCAPES.to_colours(ids) for ids in MAPS]
    maps[0][:12, :12] = (255, 255, 255)
    palette = find_colours(maps)
    assert palette is not None
    assert (255, 255, 255) in palette.colours


def test_a_rare_class_of_exact_colours_is_kept() -> None:
    maps, _ = _in_own_colours(0)
    maps[2][100, 100] = (1, 255, 1)
    palette = find_colours(maps)
    assert palette is not None
    assert palette.colours[-1] == (1, 255, 1)


def test_noise_in_few_exact_colours_is_classes() -> None:
    ids = np.random.default_rng(0).integers(0, len(CAMVID), (36, 48)).astype(np.uint8)
    assert find_colours([CAMVID.to_colours(ids)]) is CITYSCAPES


def _grey(pictures: Sequence[UInt8Array]) -> list[UInt8Array]:
    return [picture.mean(axis=2, keepdims=True).astype(np.uint8).repeat(3, axis=2) for picture in pictures]


def _on_white(pictures: Sequence[UInt8Array]) -> list[UInt8Array]:
    return [np.pad(picture[:200, :200], ((90, 90), (90, 90), (0, 0)), constant_values=255) for picture in pictures]


DOWN, ACROSS = np.mgrid[:300, :300]


def _shaded_ball(background: int) -> UInt8Array:
    """A smoothly shaded thing before a plain background."""
    light = np.clip(220 - np.hypot(ACROSS - 120, DOWN - 120), 0, 255)
    ball = np.stack([light, light * 0.7, light * 0.3 + 20], axis=2)
    inside = np.hypot(ACROSS - 150, DOWN - 150) < 90
    return np.where(inside[:, :, None], ball, background).astype(np.uint8)


NOT_CLASSES = {
    "photographs": PHOTOGRAPHS,
    "one photograph": PHOTOGRAPHS[:1],
    "grey photographs": _grey(PHOTOGRAPHS),
    "product shots": _on_white(PHOTOGRAPHS),
    "smooth product shots": [_shaded_ball(255), _shaded_ball(250)],
    "things in the dark": [_shaded_ball(0)],
    "gradient": [np.stack([DOWN * 0.8, ACROSS * 0.8, (DOWN + ACROSS) * 0.4], axis=2).astype(np.uint8)],
    "gradient of 64 greys": [(np.mgrid[:256, :512][1][:, :, None] // 8).repeat(3, axis=2).astype(np.uint8)],
    "tiny photographs": [picture[100:108, 100:108] for picture in PHOTOGRAPHS],
    "one colour": [np.full((50, 50, 3), 255, dtype=np.uint8)],
}


@pytest.mark.parametrize("quality", [None, 90, 75])
@pytest.mark.parametrize("kind", NOT_CLASSES)
def test_photographs_and_shading_are_no_classes(kind: str, quality: int | None) -> None:
    pictures = NOT_CLASSES[kind]
    assert find_colours(pictures if quality is None else _jpeg(pictures, quality)) is None


def test_an_empty_sample_shows_no_classes() -> None:
    assert find_colours([]) is None
    assert find_colours([np.zeros((0, 4, 3), dtype=np.uint8)]) is None
