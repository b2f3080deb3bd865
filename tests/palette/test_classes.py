"""Names, colours and values tell classes, and classes tell them, without loss, for every palette."""

import dataclasses
import json

import numpy as np
import pytest
from drawn_palettes import COLOUR, palettes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from pairloom.errors import UserError
from pairloom.palette import CAMVID, CITYSCAPES, VOID, Colour, Palette


@settings(deadline=None, max_examples=50)
@given(palettes(), st.data())
def test_ids_survive_being_drawn_and_read_again(palette: Palette, data: st.DataObject) -> None:
    possible = st.sampled_from([*range(len(palette)), VOID])
    ids = data.draw(npst.arrays(np.uint8, npst.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=possible))
    picture = palette.to_colours(ids)
    assert picture.shape == (*ids.shape, 3)
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(palette.to_ids(picture), ids)


@settings(deadline=None, max_examples=50)
@given(palettes(), st.data())
def test_clean_pictures_survive_being_read_and_drawn_again(palette: Palette, data: st.DataObject) -> None:
    known = st.sampled_from([*palette.colours, palette.void_colour])
    pixels = data.draw(st.lists(known, min_size=1, max_size=30))
    picture = np.array([pixels], dtype=np.uint8)
    np.testing.assert_array_equal(palette.to_colours(palette.to_ids(picture)), picture)


def test_ids_outside_the_palette_are_drawn_black() -> None:
    ids = np.array([[11, 37, 254, VOID]], dtype=np.uint8)
    assert not CAMVID.to_colours(ids).any()


@pytest.mark.parametrize(
    ("names", "colours", "void_colours", "complaint"),
    [
        (("a", "b"), ((1, 2, 3),), (), "2 names but 1 colours"),
        ((), (), (), "0 classes"),
        (("a", "b"), ((1, 2, 3), (1, 2, 3)), (), "a colour twice"),
        (("a",), ((0, 0, 0),), (), "a colour twice"),
        (("a",), ((1, 2, 3),), ((1, 2, 3),), "a colour twice"),
        (("a",), ((1, 2, 3),), ((0, 0, 0),), "a colour twice"),
    ],
)
def test_palettes_whose_colours_do_not_tell_the_class_are_refused(
    names: tuple[str, ...], colours: tuple[Colour, ...], void_colours: tuple[Colour, ...], complaint: str
) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        Palette("mine", names, colours, void_colours)
    assert "'mine'" in str(caught.value)


@pytest.mark.parametrize(("classes", "possible"), [(254, True), (255, False)])
def test_a_palette_has_room_for_254_classes_beside_void(classes: int, possible: bool) -> None:
    names = tuple(str(number) for number in range(classes))
    colours = tuple((255, number, 1) for number in range(classes))
    if possible:
        palette = Palette("large", names, colours)
        every = np.arange(254, dtype=np.uint8)[None]
        np.testing.assert_array_equal(palette.to_ids(palette.to_colours(every)), every)
    else:
        with pytest.raises(UserError, match="255 classes"):
            Palette("large", names, colours)


def test_an_unknown_class_name_has_no_index() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        CITYSCAPES.index("unicorn")


ONE: dict[str, object] = {"name": "mine", "names": ("a", "b"), "colours": ((1, 2, 3), (4, 5, 6))}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"names": ("a", "a")}, "two classes named 'a'"),
        ({"names": ("a", " ")}, "an empty name"),
        ({"colours": ((1, 2, 3), (1, 2, 256))}, r"the colour \(1, 2, 256\)"),
        ({"colours": ((1, 2, 3), (-1, 2, 3))}, r"the colour \(-1, 2, 3\)"),
        ({"colours": ((1, 2, 3), (1, 2))}, r"the colour \(1, 2\)"),
        ({"void_colour": (4, 5, 6)}, "void is drawn in it"),
        ({"values": (1,)}, "2 names but 1 values"),
        ({"values": (1, 1)}, "a value twice: 1"),
        ({"values": (1, 65536)}, "the value 65536"),
        ({"void_values": (-1,)}, "the value -1"),
        ({"void_values": (9, 9)}, "a value twice: 9"),
        ({"void_values": (1,)}, "the value 1 for a class and for void"),
    ],
)
def test_what_would_not_tell_the_class_is_refused(changes: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        Palette(**(ONE | changes))  # type: ignore[arg-type]
    assert "'mine'" in str(caught.value)


def test_black_may_be_a_class_if_void_is_drawn_otherwise() -> None:
    palette = Palette("dark", ("night", "day"), ((0, 0, 0), (255, 255, 255)), void_colour=(255, 0, 255))
    picture = np.array([[(0, 0, 0), (255, 255, 255), (255, 0, 255)]], dtype=np.uint8)
    assert palette.to_ids(picture).tolist() == [[0, 1, VOID]]
    assert palette.to_colours(np.array([0, VOID, 77], dtype=np.uint8)).tolist() == [
        [0] * 3,
        [255, 0, 255],
        [255, 0, 255],
    ]


DTYPES: list[np.dtype[np.integer]] = [
    np.dtype(np.uint8),
    np.dtype(np.uint16),
    np.dtype(np.int32),
    np.dtype(np.uint64),
]


def _meaning(palette: Palette, value: int) -> int | None:
    """What a value means, by the words of the documentation."""
    if value in palette.values:
        return palette.values.index(value)
    return VOID if value == 255 or value in palette.void_values else None


@settings(deadline=None, max_examples=80)
@given(palettes(), st.data())
def test_values_mean_what_the_palette_says_and_others_are_named(palette: Palette, data: st.DataObject) -> None:
    dtype = data.draw(st.sampled_from(DTYPES))
    largest = min(int(np.iinfo(dtype).max), 1 << 40)
    known = [value for value in (*palette.values, *palette.void_values, 255) if value <= largest]
    smallest = max(int(np.iinfo(dtype).min), -5)
    elements = (
        st.sampled_from(known) | st.integers(smallest, largest) if data.draw(st.booleans()) else st.sampled_from(known)
    )
    indices = data.draw(npst.arrays(dtype, (3, 4), elements=elements))
    expected = [[_meaning(palette, int(value)) for value in row] for row in indices]
    outside = sorted({int(value) for value in indices.flat if _meaning(palette, int(value)) is None})
    assert palette.outside(indices) == tuple(outside)
    if outside:
        with pytest.raises(UserError, match=rf"^maps/a.png: the value {outside[0]} "):
            palette.from_values(indices, "maps/a.png")
    else:
        ids = palette.from_values(indices, "maps/a.png")
        assert ids.dtype == np.uint8
        assert ids.tolist() == expected


def test_a_value_outside_is_reported_beside_those_that_are_known() -> None:
    with pytest.raises(UserError, match=r"a\.png: the value 12 and 1 more such values .*'camvid'.* 0 to 11, 255;"):
        CAMVID.from_values(np.array([[0, 12, 12, 254]], dtype=np.uint8), "a.png")


def test_index_maps_of_16_bits_and_any_size_are_read() -> None:
    indices = np.full((2048, 4096), 300, dtype=np.uint16)
    palette = dataclasses.replace(CAMVID, values=tuple(range(300, 311)))
    assert not palette.from_values(indices, "a.png").any()


def test_the_share_of_far_colours_is_counted() -> None:
    palette = Palette("one", ("a",), ((100, 100, 100),))
    pixels = [(100, 100, 100), (100, 100, 140), (100, 100, 141), (0, 0, 0), (40, 0, 0), (50, 0, 0), (255, 255, 255)]
    assert palette.far_share(np.array([pixels], dtype=np.uint8)) == pytest.approx(3 / 7)


@settings(deadline=None, max_examples=50)
@given(palettes(), st.lists(COLOUR, min_size=1, max_size=9))
def test_the_share_of_far_colours_agrees_with_a_count_by_hand(palette: Palette, pixels: list[Colour]) -> None:
    known = (*palette.colours, palette.void_colour, *palette.void_colours)
    far = [all(sum((x - y) ** 2 for x, y in zip(pixel, one, strict=True)) > 1600 for one in known) for pixel in pixels]
    assert palette.far_share(np.array([pixels], dtype=np.uint8)) == pytest.approx(sum(far) / len(far))


@settings(deadline=None)
@given(palettes())
def test_records_survive_json(palette: Palette) -> None:
    assert Palette.from_record(json.loads(json.dumps(palette.to_record())), "model.json") == palette


def test_records_of_four_fields_are_read() -> None:
    record = {"name": "old", "names": ["a", "b"], "colours": [[1, 2, 3], [4, 5, 6]], "void_colours": [[7, 8, 9]]}
    expected = Palette("old", ("a", "b"), ((1, 2, 3), (4, 5, 6)), ((7, 8, 9),))
    assert Palette.from_record(record, "config.json") == expected
    assert expected.values == (0, 1)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from([field.name for field in dataclasses.fields(Palette)])


@settings(deadline=None, max_examples=200)
@given(palettes(), st.dictionaries(FIELDS | st.text(max_size=5), JSON, max_size=3), st.sets(FIELDS, max_size=1), JSON)
def test_malformed_records_are_refused_by_name(
    palette: Palette, changes: dict[str, object], lacking: set[str], other: object
) -> None:
    record = {key: value for key, value in (palette.to_record() | changes).items() if key not in lacking}
    for content in (record, other):
        try:
            Palette.from_record(content, "config.json")  # type: ignore[arg-type]
        except UserError as error:
            assert str(error).startswith("config.json: ")  # noqa: PT017
