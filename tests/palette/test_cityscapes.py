"""The facts of Cityscapes and CamVid, and reading the files they are delivered in."""

import numpy as np
import pytest

from pairloom.palette import (
    CAMVID,
    CITYSCAPES,
    CITYSCAPES_ALL,
    CITYSCAPES_LABELS,
    CITYSCAPES_TRAIN_IDS,
    COLOUR_COLLISIONS,
    VOID,
    Colour,
    Palette,
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


def test_every_label_colour_of_cityscapes_reads_as_what_is_scored_under_it() -> None:
    trained = {label.colour: label.train_id for label in CITYSCAPES_LABELS if label.train_id != VOID}
    picture = np.array([[label.colour for label in CITYSCAPES_LABELS]], dtype=np.uint8)
    expected = [trained.get(label.colour, VOID) for label in CITYSCAPES_LABELS]
    assert CITYSCAPES.to_ids(picture).tolist() == [expected]


def test_unscored_colours_and_black_read_as_void() -> None:
    unscored: list[Colour] = [(111, 74, 0), (81, 0, 81), (250, 170, 160), (0, 0, 90), (0, 0, 110), (0, 0, 0)]
    assert set(CITYSCAPES.to_ids(np.array([unscored], dtype=np.uint8)).flat) == {VOID}


IDS = np.arange(34, dtype=np.uint8)[None]


def test_label_id_files_are_read_as_the_19_classes() -> None:
    train_ids = {label.id: label.train_id for label in CITYSCAPES_LABELS}
    assert CITYSCAPES.from_values(IDS, "a.png").tolist() == [[train_ids[number] for number in range(34)]]


def test_train_id_files_are_read_as_the_same_19_classes() -> None:
    values = np.array([[*range(19), 255]], dtype=np.uint8)
    assert CITYSCAPES_TRAIN_IDS.names == CITYSCAPES.names
    assert CITYSCAPES_TRAIN_IDS.colours == CITYSCAPES.colours
    assert CITYSCAPES_TRAIN_IDS.from_values(values, "a.png").tolist() == values.tolist()
    assert CITYSCAPES_TRAIN_IDS.outside(IDS) == tuple(range(19, 34))


def test_all_of_cityscapes_keeps_30_labels_of_which_the_19_come_first() -> None:
    assert CITYSCAPES_ALL.names[:19] == CITYSCAPES.names
    assert " ".join(CITYSCAPES_ALL.names[19:]) == (
        "static dynamic ground parking rail track guard rail bridge tunnel polegroup caravan trailer"
    )
    names = {label.id: label.name for label in CITYSCAPES_LABELS}
    ids = CITYSCAPES_ALL.from_values(IDS, "a.png")[0]
    assert set(ids[:4]) == {VOID}
    assert [CITYSCAPES_ALL.names[number] for number in ids[4:]] == [names[number] for number in range(4, 34)]


def test_the_collisions_are_all_labels_that_share_an_official_colour() -> None:
    scored = {label.colour: label.name for label in CITYSCAPES_LABELS if label.train_id != VOID}
    owners = {(0, 0, 0): "unlabeled", **scored}
    reads_as = {label.name: owners.get(label.colour, label.name) for label in CITYSCAPES_LABELS}
    assert {name: owner for name, owner in reads_as.items() if owner != name} == COLOUR_COLLISIONS


@pytest.mark.parametrize("palette", [CITYSCAPES, CITYSCAPES_ALL], ids=lambda palette: palette.name)
def test_official_colours_read_as_their_label_or_what_it_collides_with(palette: Palette) -> None:
    picture = np.array([[label.colour for label in CITYSCAPES_LABELS]], dtype=np.uint8)
    for label, number in zip(CITYSCAPES_LABELS, palette.to_ids(picture)[0], strict=True):
        name = COLOUR_COLLISIONS.get(label.name, label.name)
        assert number == (palette.index(name) if name in palette.names else VOID), label.name


def test_labels_with_a_colour_of_their_own_are_clearly_apart_from_all_others() -> None:
    colours = np.array([*CITYSCAPES_ALL.colours, CITYSCAPES_ALL.void_colour])
    for name, other in (("static", (0, 0, 0)), ("polegroup", (153, 153, 153))):
        own = CITYSCAPES_ALL.colours[CITYSCAPES_ALL.index(name)]
        apart = np.sort(np.linalg.norm(colours - own, axis=1))
        assert apart[1] > 35
        assert np.linalg.norm(np.subtract(own, other)) < 55
        assert own not in {label.colour for label in CITYSCAPES_LABELS}


def test_all_of_cityscapes_draws_what_it_reads() -> None:
    every = np.array([[*range(len(CITYSCAPES_ALL)), VOID]], dtype=np.uint8)
    assert CITYSCAPES_ALL.to_ids(CITYSCAPES_ALL.to_colours(every)).tolist() == every.tolist()


def test_eleven_is_void_in_the_annotations_of_camvid() -> None:
    values = np.array([[*range(12)]], dtype=np.uint8)
    assert CAMVID.from_values(values, "a.png").tolist() == [[*range(11), VOID]]
