"""Colours that compression has changed are read as what they were."""

import io
from pathlib import Path

import numpy as np
import pytest
from drawn_palettes import palettes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from pairloom.palette import CAMVID, CITYSCAPES, VOID, Colour, Palette, UInt8Array, colour_reading
from pairloom.streets import draw_street

BUILT_IN = (CITYSCAPES, CAMVID)


def _nearest(palette: Palette, colour: Colour) -> set[int]:
    """Every class whose colour is as near as any that is understood, by looking at each."""
    meanings = [*zip(palette.colours, range(len(palette)), strict=True), (palette.void_colour, VOID)]
    meanings += [(colour, VOID) for colour in palette.void_colours]
    distances = [(sum((x - y) ** 2 for x, y in zip(colour, known, strict=True)), number) for known, number in meanings]
    return {number for distance, number in distances if distance == min(distances)[0]}


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(BUILT_IN) | palettes(), st.data())
def test_inside_an_area_a_colour_that_is_slightly_off_reads_as_its_nearest_class(
    palette: Palette, data: st.DataObject
) -> None:
    known = data.draw(st.sampled_from([*palette.colours, *palette.void_colours, palette.void_colour]))
    reach = st.integers(-23, 23)
    red, green, blue = (min(max(channel + data.draw(reach), 0), 255) for channel in known)
    picture = np.full((5, 6, 3), (red, green, blue), dtype=np.uint8)
    assert set(palette.to_ids(picture)[1:-1, 1:-1].flat) <= _nearest(palette, (red, green, blue))


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(BUILT_IN), st.data())
def test_noise_inside_an_area_does_not_change_its_class(palette: Palette, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(palette) - 1))
    # Half of the distance between the two closest colours, shared among three channels, cannot change the nearest.
    every = np.array([*palette.colours, *palette.void_colours, palette.void_colour], dtype=np.int64)
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
    colours = np.array([*CITYSCAPES.colours, CITYSCAPES.void_colour, *CITYSCAPES.void_colours], dtype=np.int64)
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


def test_side_by_side_jpegs_at_quality_75_are_read_above_99_percent_right() -> None:
    right = []
    for index in range(12):
        photograph, ids = draw_street(5, index, 256, 256)
        file = io.BytesIO()
        both = np.concatenate([photograph, CITYSCAPES.to_colours(ids)], axis=1)
        Image.fromarray(both).save(file, "JPEG", quality=75)
        right.append(float((CITYSCAPES.to_ids(np.asarray(Image.open(file))[:, 256:]) == ids).mean()))
    assert np.mean(right) > 0.99


def test_tall_pictures_are_read_in_bands_that_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    _, ids = draw_street(0, 3, 96, 128)
    file = io.BytesIO()
    Image.fromarray(CITYSCAPES.to_colours(ids)).save(file, "JPEG", quality=75)
    picture = np.asarray(Image.open(file))
    whole = CITYSCAPES.to_ids(picture)
    for pixels in (1, 128 * 7, 128 * 50):
        monkeypatch.setattr(colour_reading, "_PIXELS_AT_ONCE", pixels)
        np.testing.assert_array_equal(CITYSCAPES.to_ids(picture), whole)


def test_a_few_colours_that_the_palette_does_not_know_stray_and_blends_do_not() -> None:
    _, ids = draw_street(0, 3, 96, 128)
    picture = CITYSCAPES.to_colours(ids)
    assert CITYSCAPES.read_closely(picture)[2] == ()
    picture[:4, :4] = (128, 64, 129)
    assert CITYSCAPES.read_closely(picture)[2] == ((128, 64, 129),)
    smooth = np.asarray(Image.fromarray(picture).resize((100, 70), Image.Resampling.BILINEAR))
    assert CITYSCAPES.read_closely(smooth)[2] == ()
    assert CITYSCAPES.read_closely(np.full((4, 4, 3), 77, dtype=np.uint8))[2] == ()
