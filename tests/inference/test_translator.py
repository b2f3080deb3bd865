"""Photographs to segmentations."""

from pathlib import Path

import numpy as np

from pairloom.images import read_picture
from pairloom.inference.translator import Translator
from pairloom.palette import CAMVID

RNG = np.random.default_rng(0)


def test_any_photograph_comes_out_at_its_own_size_in_palette_colours(small_model: Path, photographs: Path) -> None:
    translator = Translator.load(small_model)
    for path in photographs.iterdir():
        translation = translator(path)
        assert translation.image.shape == translation.source.shape == read_picture(path).shape
        assert set(map(tuple, translation.image.reshape(-1, 3).tolist())) <= set(CAMVID.colours)


def test_with_test_time_augmentation_a_mirror_image_gives_the_mirrored_translation(small_model: Path) -> None:
    translator = Translator.load(small_model, tta=True)
    picture = RNG.integers(0, 256, (32, 48, 3), dtype=np.uint8)
    mirrored = translator(np.ascontiguousarray(picture[:, ::-1]))
    assert np.array_equal(translator(picture).image, mirrored.image[:, ::-1])
