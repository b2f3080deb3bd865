"""Pictures for a page: what they show, and that nothing is lost on the way."""

import base64
import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from PIL import Image

from pairloom.data.image_spec import ImageSpec
from pairloom.images import UInt8Array, for_display
from pairloom.palette import CAMVID, VOID
from pairloom.report.pictures import LONGEST_SIDE, UNSCORED, WRONG, data_uri, densest_box, error_map


def _decoded(address: str) -> UInt8Array:
    kind, _, data = address.partition(",")
    assert kind == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


@given(ids=nps.arrays(np.uint8, nps.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.integers(0, 10)))
@settings(max_examples=30, deadline=None)
def test_class_colours_come_through_exactly(ids: UInt8Array) -> None:
    colours = CAMVID.to_colours(ids)
    assert np.array_equal(_decoded(data_uri(colours, exact=True)), colours)


def test_large_pictures_are_reduced_and_class_colours_are_not_mixed() -> None:
    ids = np.random.default_rng(0).integers(0, 11, (300, 2 * LONGEST_SIDE), dtype=np.uint8)
    shown = _decoded(data_uri(CAMVID.to_colours(ids), exact=True))
    assert shown.shape == (150, LONGEST_SIDE, 3)
    assert {tuple(map(int, colour)) for colour in shown.reshape(-1, 3)} <= set(CAMVID.colours)


def test_deep_and_grey_pictures_are_shown() -> None:
    deep = np.linspace(0, 65535, 32 * 32).reshape(32, 32, 1).astype(np.uint16)
    shown = _decoded(data_uri(for_display(deep)))
    assert shown.shape == (32, 32, 3)
    assert shown[0].mean() < 20
    assert shown[-1].mean() > 235


def test_errors_of_classes_are_marked_where_they_are() -> None:
    truth = np.array([[0, 1, VOID]], dtype=np.uint8)
    prediction = np.array([[0, 2, 3]], dtype=np.uint8)
    source = np.full((1, 3, 3), 90, dtype=np.uint8)
    right, wrong, void = error_map(prediction, truth, source, ImageSpec(3, palette=CAMVID))[0]
    assert tuple(wrong) == WRONG
    assert tuple(void) == UNSCORED
    assert right.std() == 0  # a pale grey
    assert right[0] > 150


def test_errors_of_pictures_are_brighter_where_they_are_larger() -> None:
    truth = np.zeros((1, 3, 3), dtype=np.uint16)
    prediction = np.array([[[0] * 3, [9000] * 3, [40000] * 3]], dtype=np.uint16)
    levels = error_map(prediction, truth, for_display(truth), ImageSpec(3, "uint16"))[0].sum(axis=1).tolist()
    assert levels == sorted(levels)
    assert len(set(levels)) == 3


def test_a_truth_of_another_depth_than_the_answers_is_no_error() -> None:
    shallow = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    deep = shallow.astype(np.uint16) * 257
    assert error_map(deep, shallow, shallow, ImageSpec(3, "uint16")).max() < 10


@given(
    mask=nps.arrays(np.bool_, nps.array_shapes(min_dims=2, max_dims=2, min_side=2, max_side=90)),
)
@settings(max_examples=60, deadline=None)
def test_the_densest_part_holds_as_much_as_any(mask: np.ndarray) -> None:
    rows, columns = densest_box(mask)
    part = mask[rows, columns]
    height, width = part.shape
    assert height >= 1
    assert width >= 1
    most = max(
        int(mask[top : top + height, left : left + width].sum())
        for top in range(mask.shape[0] - height + 1)
        for left in range(mask.shape[1] - width + 1)
    )
    assert int(part.sum()) == most
