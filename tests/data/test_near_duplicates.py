"""Pictures that are nearly the same are found again, and different ones are not taken for each other."""

import io

import numpy as np
from PIL import Image

from pairloom.data.near_duplicates import Look, find_near, look_of
from pairloom.data.thumbnails import glance
from pairloom.images import UInt8Array
from pairloom.streets import draw_street

PHOTOGRAPHS = [draw_street(0, index, 96, 128)[0] for index in range(16)]


def _look(picture: UInt8Array) -> Look:
    return look_of(glance(picture))


def _compressed(picture: UInt8Array) -> UInt8Array:
    file = io.BytesIO()
    Image.fromarray(picture).resize((100, 75)).save(file, format="JPEG", quality=60)
    return np.asarray(Image.open(file))


def test_a_picture_is_known_again_after_small_changes() -> None:
    looks = [_look(picture) for picture in PHOTOGRAPHS]
    changes = (
        _compressed,
        lambda picture: (picture * 0.92 + 9).astype(np.uint8),
        lambda picture: picture.mean(axis=2, keepdims=True).astype(np.uint8),
    )
    for change in changes:
        found = find_near([_look(change(picture)) for picture in PHOTOGRAPHS], looks)
        assert all(likeness.picture == likeness.other for likeness in found)
        assert len(found) >= len(PHOTOGRAPHS) - 1


def test_different_pictures_are_not_near() -> None:
    looks = [_look(picture) for picture in PHOTOGRAPHS]
    assert find_near(looks[:8], looks[8:]) == []
    assert find_near([], looks) == find_near(looks, []) == []


def test_plain_pictures_are_not_compared() -> None:
    plain = [_look(np.full((40, 40, 3), level, dtype=np.uint8)) for level in (0, 90, 255)]
    assert find_near(plain, plain) == []
