"""Pairs at hand: which of them, in which order, at which size."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

from pairloom.config import Size
from pairloom.data.layouts import LAYOUTS, Pair, find_layout
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.palette import CAMVID, CITYSCAPES, VOID

SIDE = st.integers(1, 20)


def _names(store: PairStore) -> list[str]:
    return [pair.name for pair in store]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty tiny pairs side by side."""
    root = tmp_path_factory.mktemp("many")
    (root / "train").mkdir()
    for index in range(30):
        Image.fromarray(np.full((2, 4, 3), index, dtype=np.uint8)).save(root / "train" / f"{index:02d}.png")
    return root


def _open(root: Path, **settings: int) -> PairStore:
    return PairStore.open(root, "train", find_layout(root), **settings)


def test_all_pairs_come_in_the_order_of_their_names_with_their_own_pixels(many: Path) -> None:
    store = _open(many)
    assert len(store) == 30
    assert _names(store) == [f"{index:02d}" for index in range(30)]
    assert [int(pair.source[0, 0, 0]) for pair in store] == list(range(30))
    assert store[7].name == "07"
    assert store.palette is CITYSCAPES


def test_splits_are_kept_apart(streets: Path) -> None:
    layout = find_layout(streets)
    training, validation = (PairStore.open(streets, split, layout) for split in ("train", "val"))
    assert (len(training), len(validation)) == (6, 3)
    assert set(_names(training)).isdisjoint(_names(validation))


def test_pairs_keep_their_native_size(camvid_like: Path) -> None:
    (first, *_) = _open(camvid_like)
    assert (first.source.shape, first.target.shape) == ((36, 48, 3), (36, 48))


def test_a_subset_follows_from_the_seed(many: Path) -> None:
    chosen = _names(_open(many, count=5, seed=1))
    assert len(set(chosen)) == 5
    assert chosen == sorted(chosen) != [f"{index:02d}" for index in range(5)]
    assert _names(_open(many, count=5, seed=1)) == chosen
    assert _names(_open(many, count=5, seed=2)) != chosen


def test_a_larger_subset_of_the_same_seed_holds_the_smaller(many: Path) -> None:
    """So that curves over the number of pairs compare like with like."""
    small, large = (set(_names(_open(many, count=count, seed=3))) for count in (5, 12))
    assert small < large


def test_every_pair_may_be_drawn(many: Path) -> None:
    assert {name for seed in range(40) for name in _names(_open(many, count=5, seed=seed))} == set(_names(_open(many)))
    assert _names(_open(many, count=30, seed=9)) == _names(_open(many))


def test_asking_for_more_pairs_than_there_are_is_refused(many: Path) -> None:
    with pytest.raises(UserError, match=r"31 pairs were asked for.* has 30") as caught:
        _open(many, count=31)
    assert str(caught.value).startswith(str(many))


def test_one_file_that_cannot_serve_is_named(camvid_like: Path) -> None:
    path = camvid_like / "train" / "train_002.png"
    path.write_bytes(b"")
    with pytest.raises(UserError) as caught:
        _open(camvid_like)
    assert str(path) in str(caught.value)


@settings(deadline=None, max_examples=60)
@given(SIDE, SIDE, SIDE, SIDE, st.data())
def test_resizing_takes_photographs_bilinearly_and_targets_by_nearest_neighbour(
    height: int, width: int, new_height: int, new_width: int, data: st.DataObject
) -> None:
    photo = data.draw(npst.arrays(np.uint8, (height, width, 3)))
    ids = data.draw(npst.arrays(np.uint8, (height, width)))
    store = PairStore([Pair("one", photo, ids)], CAMVID).resized(Size(new_height, new_width))
    (pair,) = store
    size = (new_width, new_height)
    bilinear = Image.fromarray(photo).resize(size, Image.Resampling.BILINEAR)
    nearest = Image.fromarray(ids).resize(size, Image.Resampling.NEAREST)
    assert pair.name == "one"
    np.testing.assert_array_equal(pair.source, np.asarray(bilinear))
    np.testing.assert_array_equal(pair.target, np.asarray(nearest))
    assert store.palette is CAMVID


def test_resizing_does_not_keep_the_aspect(camvid_like: Path) -> None:
    store = _open(camvid_like)
    for size in (Size(32, 32), Size(20, 90)):
        for pair in store.resized(size):
            assert (pair.source.shape, pair.target.shape) == ((*size, 3), size)
    assert store[0].source.shape == (36, 48, 3)  # the store itself stays as it was


@settings(deadline=None, max_examples=40)
@given(st.lists(npst.arrays(np.uint8, st.tuples(SIDE, SIDE), elements=st.sampled_from([0, 3, 10, VOID])), max_size=4))
def test_class_shares_count_the_pixels_that_have_a_class(
    targets: list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]],
) -> None:
    store = PairStore([Pair("x", np.zeros((*ids.shape, 3), np.uint8), ids) for ids in targets], CAMVID)
    shares = store.class_shares()
    pixels = [int(pixel) for ids in targets for pixel in ids.flat if pixel != VOID]
    assert shares.shape == (11,)
    for number in range(11):
        expected = pixels.count(number) / len(pixels) if pixels else 0.0
        assert shares[number] == pytest.approx(expected)


def test_the_layout_decides_the_palette(camvid_like: Path) -> None:
    assert _open(camvid_like).palette is CAMVID is LAYOUTS["camvid"].palette
