"""What has come of an image."""

from pathlib import Path

import numpy as np
import pytest

from pairloom.errors import UserError
from pairloom.images import read_picture
from pairloom.inference.translation import Translation
from pairloom.palette import CAMVID

SOURCE = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
CLASSES = np.array([[0] * 6, [0] * 6, [3] * 6, [3, 3, 3, 3, 3, 5]], dtype=np.uint8)


@pytest.fixture
def segmentation() -> Translation:
    confidence = np.full((4, 6), 0.5, dtype=np.float32)
    return Translation(SOURCE, CAMVID.to_colours(CLASSES), CLASSES, confidence, CAMVID)


@pytest.fixture
def deep_grey() -> Translation:
    picture = np.linspace(0, 65535, 24).astype(np.uint16).reshape(4, 6, 1)
    return Translation(SOURCE[:, :, :1], picture, None, None, None)


def test_shares_are_those_of_all_classes(segmentation: Translation, deep_grey: Translation) -> None:
    assert list(segmentation.shares) == list(CAMVID.names)
    assert segmentation.shares[CAMVID.names[3]] == pytest.approx(11 / 24)
    assert sum(segmentation.shares.values()) == pytest.approx(1)
    assert deep_grey.shares == {}


def test_an_overlay_goes_from_the_image_to_the_translation(segmentation: Translation, deep_grey: Translation) -> None:
    assert np.array_equal(segmentation.overlay(0), SOURCE)
    assert np.array_equal(segmentation.overlay(1), segmentation.image)
    half = (SOURCE.astype(float) + segmentation.image) / 2
    assert np.abs(segmentation.overlay() - half).max() <= 1
    assert deep_grey.overlay().shape == (4, 6, 3)
    for alpha in (-0.1, 1.1, float("nan")):
        with pytest.raises(UserError, match="0 to 1"):
            segmentation.overlay(alpha)


def test_side_by_side_the_image_stands_at_the_left(segmentation: Translation) -> None:
    both = segmentation.side_by_side()
    assert np.array_equal(both[:, :6], SOURCE)
    assert np.array_equal(both[:, 6:], segmentation.image)


def test_what_is_saved_is_kept_exactly(segmentation: Translation, deep_grey: Translation, tmp_path: Path) -> None:
    for translation in (segmentation, deep_grey):
        translation.save(tmp_path / "new" / "file.png")
        assert np.array_equal(read_picture(tmp_path / "new" / "file.png"), translation.image)
    with pytest.raises(UserError, match=r"photo.jpg: .*\.png file;"):
        segmentation.save(tmp_path / "photo.jpg")


def test_a_plot_names_the_classes_that_are_there(segmentation: Translation, deep_grey: Translation) -> None:
    (legend,) = segmentation.plot().legends
    found = [text.get_text() for text in legend.get_texts()]
    assert found == [f"{CAMVID.names[0]}  50.0 %", f"{CAMVID.names[3]}  45.8 %", f"{CAMVID.names[5]}  4.2 %"]
    assert deep_grey.plot().legends == []
