"""Colours tell classes and classes tell colours, without loss, for every palette."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from pairloom.data.streets import draw_street
from pairloom.errors import UserError
from pairloom.palette import (
    CAMVID,
    CITYSCAPES,
    CITYSCAPES_LABELS,
    PALETTES,
    VOID,
    VOID_COLOUR,
    Colour,
    Palette,
    UInt8Array,
)

CHANNEL = st.integers(0, 255)
COLOUR = st.tuples(CHANNEL, CHANNEL, CHANNEL)
BUILT_IN = tuple(PALETTES.values())


@st.composite
def palettes(draw: st.DrawFn) -> Palette:
    colours: list[Colour] = draw(
        st.lists(COLOUR.filter(lambda colour: colour != VOID_COLOUR), unique=True, min_size=1, max_size=24)
    )
    classes = draw(st.integers(1, len(colours)))
    return Palette(
        name="drawn",
        names=tuple(f"class {number}" for number in range(classes)),
        colours=tuple(colours[:classes]),
        void_colours=tuple(colours[classes:]),
    )


@pytest.mark.parametrize(
    ("name", "label_id", "train_id", "colour"),
    [
        ("road", 7, 0, (128, 64, 128)),
        ("sidewalk", 8, 1, (244, 35, 232)),
        ("building", 11, 2, (70, 70, 70)),
        ("traffic light", 19, 6, (250, 170, 30)),
        ("sky", 23, 10, (70, 130, 180)),
        ("person", 24, 11, (220, 20, 60)),
        ("car", 26, 13, (0, 0, 142)),
        ("train", 31, 16, (0, 80, 100)),
        ("bicycle", 33, 18, (119, 11, 32)),
        ("ego vehicle", 1, VOID, (0, 0, 0)),
        ("caravan", 29, VOID, (0, 0, 90)),
        ("license plate", -1, VOID, (0, 0, 142)),
    ],
)
def test_cityscapes_labels_are_the_official_ones(name: str, label_id: int, train_id: int, colour: Colour) -> None:
    (label,) = [label for label in CITYSCAPES_LABELS if label.name == name]
    assert (label.id, label.train_id, label.colour) == (label_id, train_id, colour)
    if train_id != VOID:
        assert CITYSCAPES.index(name) == train_id
        assert CITYSCAPES.colours[train_id] == colour


def test_cityscapes_has_35_labels_of_which_19_are_trained_in_the_order_of_their_train_ids() -> None:
    assert sorted(label.id for label in CITYSCAPES_LABELS) == list(range(-1, 34))
    trained = [label for label in CITYSCAPES_LABELS if label.train_id != VOID]
    assert sorted(label.train_id for label in trained) == list(range(19))
    assert len(CITYSCAPES) == 19
    for label in trained:
        assert CITYSCAPES.names[label.train_id] == label.name


def test_camvid_has_eleven_classes_in_the_order_of_the_annotations() -> None:
    assert CAMVID.names == (
        "sky",
        "building",
        "pole",
        "road",
        "sidewalk",
        "tree",
        "traffic sign",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    )


def test_palettes_are_found_by_their_own_name() -> None:
    assert PALETTES == {"cityscapes": CITYSCAPES, "camvid": CAMVID}


def test_every_label_colour_of_cityscapes_reads_as_what_is_scored_under_it() -> None:
    trained = {label.colour: label.train_id for label in CITYSCAPES_LABELS if label.train_id != VOID}
    picture = np.array([[label.colour for label in CITYSCAPES_LABELS]], dtype=np.uint8)
    expected = [trained.get(label.colour, VOID) for label in CITYSCAPES_LABELS]
    assert CITYSCAPES.to_ids(picture).tolist() == [expected]


def test_unscored_colours_and_black_read_as_void() -> None:
    unscored: list[Colour] = [(111, 74, 0), (81, 0, 81), (250, 170, 160), (0, 0, 90), (0, 0, 110), (0, 0, 0)]
    assert set(CITYSCAPES.to_ids(np.array([unscored], dtype=np.uint8)).flat) == {VOID}


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
    known = st.sampled_from([*palette.colours, VOID_COLOUR])
    pixels = data.draw(st.lists(known, min_size=1, max_size=30))
    picture = np.array([pixels], dtype=np.uint8)
    np.testing.assert_array_equal(palette.to_colours(palette.to_ids(picture)), picture)


def _nearest(palette: Palette, colour: Colour) -> set[int]:
    """Every class whose colour is as near as any that is understood, by looking at each."""
    meanings = [*zip(palette.colours, range(len(palette)), strict=True), (VOID_COLOUR, VOID)]
    meanings += [(colour, VOID) for colour in palette.void_colours]
    distances = [(sum((x - y) ** 2 for x, y in zip(colour, known, strict=True)), number) for known, number in meanings]
    return {number for distance, number in distances if distance == min(distances)[0]}


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(BUILT_IN) | palettes(), st.data())
def test_inside_an_area_a_colour_that_is_slightly_off_reads_as_its_nearest_class(
    palette: Palette, data: st.DataObject
) -> None:
    known = data.draw(st.sampled_from([*palette.colours, *palette.void_colours, VOID_COLOUR]))
    reach = st.integers(-23, 23)
    red, green, blue = (min(max(channel + data.draw(reach), 0), 255) for channel in known)
    picture = np.full((5, 6, 3), (red, green, blue), dtype=np.uint8)
    assert set(palette.to_ids(picture)[1:-1, 1:-1].flat) <= _nearest(palette, (red, green, blue))


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(BUILT_IN), st.data())
def test_noise_inside_an_area_does_not_change_its_class(palette: Palette, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(palette) - 1))
    # Half of the distance between the two closest colours, shared among three channels, cannot change the nearest.
    every = np.array([*palette.colours, *palette.void_colours, VOID_COLOUR], dtype=np.int64)
    apart = np.sqrt(((every[:, None] - every) ** 2).sum(axis=2) + np.eye(len(every)) * 1e9).min()
    reach = int((apart / 2 - 1e-9) / np.sqrt(3))
    assert reach > 1
    noise = data.draw(npst.arrays(np.int16, (6, 6, 3), elements=st.integers(-reach, reach)))
    picture = np.clip(np.array(palette.colours[number]) + noise, 0, 255).astype(np.uint8)
    assert set(palette.to_ids(picture)[1:-1, 1:-1].flat) == {number}


@settings(deadline=None, max_examples=50)
@given(palettes(), npst.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))), st.data())
def test_exact_colours_are_read_exactly_among_any_others(
    palette: Palette, picture: UInt8Array, data: st.DataObject
) -> None:
    exact = data.draw(npst.arrays(np.bool_, picture.shape[:2]))
    truth = data.draw(npst.arrays(np.uint8, picture.shape[:2], elements=st.integers(0, len(palette) - 1)))
    picture[exact] = palette.to_colours(truth)[exact]
    ids = palette.to_ids(picture)
    assert ids.shape == picture.shape[:2]
    assert ids.dtype == np.uint8
    np.testing.assert_array_equal(ids[exact], truth[exact])
    assert set(ids.flat) <= {*range(len(palette)), VOID}


def test_segmentations_that_were_saved_as_jpeg_are_read_nearly_right(streets: Path) -> None:
    right, by_nearest_colour, pixels = 0, 0, 0
    colours = np.array([*CITYSCAPES.colours, VOID_COLOUR, *CITYSCAPES.void_colours], dtype=np.int64)
    meanings = np.array([*range(len(CITYSCAPES)), *[VOID] * (1 + len(CITYSCAPES.void_colours))])
    for path in (streets / "train").iterdir():
        clean = np.asarray(Image.open(path))[:, 64:].repeat(4, axis=0).repeat(4, axis=1)
        file = io.BytesIO()
        Image.fromarray(clean).save(file, "JPEG", quality=75)
        blurred = np.asarray(Image.open(file))
        assert (blurred != clean).any(axis=2).mean() > 0.1
        truth = CITYSCAPES.to_ids(clean)
        nearest = meanings[((blurred[:, :, None].astype(np.int64) - colours) ** 2).sum(axis=3).argmin(axis=2)]
        right += int((CITYSCAPES.to_ids(blurred) == truth).sum())
        by_nearest_colour += int((nearest == truth).sum())
        pixels += truth.size
    assert right / pixels > 0.98
    assert right > by_nearest_colour


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


def test_side_by_side_jpegs_at_quality_75_are_read_above_99_percent_right() -> None:
    right = []
    for index in range(12):
        photograph, ids = draw_street(5, index, 256, 256)
        file = io.BytesIO()
        both = np.concatenate([photograph, CITYSCAPES.to_colours(ids)], axis=1)
        Image.fromarray(both).save(file, "JPEG", quality=75)
        right.append(float((CITYSCAPES.to_ids(np.asarray(Image.open(file))[:, 256:]) == ids).mean()))
    assert np.mean(right) > 0.99
