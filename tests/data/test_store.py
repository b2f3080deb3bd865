"""Pairs at hand: which of them, at which size; decoded once, anew when a file changes, and never half."""

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pairloom.config import DataConfig, Size
from pairloom.data.folder import PairFolder
from pairloom.data.store import CACHE_VARIABLE, PairStore, fitted
from pairloom.errors import UserError
from pairloom.images import resize_class_map, resize_picture
from pairloom.palette import CAMVID, CITYSCAPES, VOID
from trees import WRITERS, save

NATIVE = 10_000
"""A longest side that nothing reaches."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that nothing is in yet."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty tiny pairs of flat pictures."""
    root = tmp_path_factory.mktemp("many")
    for index in range(30):
        for side in ("source", "target"):
            save(root / side / "train" / f"{index:02d}.png", np.full((2, 2, 3), index, dtype=np.uint8))
            save(root / side / "val" / f"{index:02d}.png", np.full((2, 2, 3), 100 + index, dtype=np.uint8))
    return root


def _folder(root: Path, **settings: object) -> PairFolder:
    return PairFolder.open(DataConfig(str(root), **settings))  # type: ignore[arg-type]


def _open(root: Path, split: str = "train", fit: Size | int = NATIVE, **settings: Any) -> PairStore:
    return PairStore.open(_folder(root, target="images"), split, fit, **settings)


def _names(store: PairStore) -> list[str]:
    return [pair.name for pair in store]


def _entries(cache: Path) -> dict[Path, int]:
    return {path: path.stat().st_ino for path in cache.rglob("*.safetensors")}


def test_all_pairs_come_in_the_order_of_their_names_with_their_own_pixels(many: Path) -> None:
    store = _open(many)
    assert len(store) == 30
    assert _names(store) == [f"{index:02d}" for index in range(30)]
    assert [int(pair.source[0, 0, 0]) for pair in store] == list(range(30))
    assert store[7].name == "07"
    assert int(_open(many, "val")[0].source[0, 0, 0]) == 100


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
    assert _names(_open(many, count=30, seed=9)) == _names(_open(many))


def test_asking_for_more_pairs_than_there_are_is_refused(many: Path) -> None:
    with pytest.raises(UserError, match=r"31 pairs were requested.* has 30") as caught:
        _open(many, count=31)
    assert str(caught.value).startswith(str(many))


def test_pairs_are_stored_as_the_folder_reads_them(tmp_path: Path) -> None:
    WRITERS["camvid"](tmp_path / "data")
    folder = _folder(tmp_path / "data")
    store = PairStore.open(folder, "train", NATIVE)
    for files, pair in zip(folder.files("train"), store, strict=True):
        expected = folder.read(files)
        assert pair.name == expected.name
        np.testing.assert_array_equal(pair.source, expected.source)
        np.testing.assert_array_equal(pair.target, expected.target)
    assert store.target.palette is CAMVID


@pytest.mark.parametrize("size", [Size(32, 32), Size(20, 90)])
def test_at_one_size_pictures_are_bilinear_and_classes_nearest_and_the_aspect_is_not_kept(
    tmp_path: Path, size: Size
) -> None:
    WRITERS["side-by-side"](tmp_path / "data")
    folder = _folder(tmp_path / "data")
    for files, pair in zip(folder.files("val"), PairStore.open(folder, "val", size), strict=True):
        expected = folder.read(files)
        np.testing.assert_array_equal(pair.source, resize_picture(expected.source, size))
        np.testing.assert_array_equal(pair.target, resize_class_map(expected.target, size))


@given(st.builds(Size, st.integers(1, 5000), st.integers(1, 5000)), st.integers(32, 2000))
def test_large_pairs_are_reduced_to_the_longest_side_and_small_ones_kept(native: Size, longest: int) -> None:
    size = fitted(native, longest)
    if max(native) <= longest:
        assert size == native
    else:
        assert max(size) == longest
        assert abs(size.height * native.width - size.width * native.height) <= max(native)


def test_pairs_are_decoded_once_and_again_where_a_file_has_changed(tmp_path: Path, cache: Path) -> None:
    root = tmp_path / "data"
    WRITERS["camvid"](root)
    first = PairStore.open(_folder(root), "train", NATIVE)
    entries = _entries(cache)
    assert len(entries) == 5
    again = PairStore.open(_folder(root), "train", NATIVE)
    assert _entries(cache) == entries
    assert again.digests == first.digests
    changed = root / "trainannot" / "0016E5_00002.png"
    Image.fromarray(np.full_like(np.asarray(Image.open(changed)), 3)).save(changed)
    third = PairStore.open(_folder(root), "train", NATIVE)
    assert entries.items() <= _entries(cache).items()
    assert len(_entries(cache)) == len(entries) + 1
    assert (third[2].target == 3).all()
    assert not (first[2].target == 3).all(), "a run continues with what it began with"
    assert third.digests != first.digests


def test_a_file_that_is_replaced_with_its_size_and_time_kept_is_noticed(tmp_path: Path) -> None:
    root = tmp_path / "data"
    WRITERS["camvid"](root)
    before = PairStore.open(_folder(root), "train", NATIVE)[0].source
    path = root / "train" / "0016E5_00000.png"
    state = path.stat()
    Image.fromarray(255 - before).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: state.st_size].ljust(state.st_size, b"\0"))
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    if state.st_size < len(content):
        with pytest.raises(UserError, match="0000"):
            PairStore.open(_folder(root), "train", NATIVE)
    else:
        assert not (PairStore.open(_folder(root), "train", NATIVE)[0].source == before).all()


def test_what_is_read_otherwise_is_stored_otherwise(tmp_path: Path) -> None:
    WRITERS["side-by-side"](tmp_path / "data")
    classes, pictures, turned = (
        PairStore.open(_folder(tmp_path / "data", **settings), "train", 32)
        for settings in ({}, {"target": "images"}, {"direction": "BtoA"})
    )
    assert (classes[0].target.ndim, pictures[0].target.ndim) == (2, 3)
    np.testing.assert_array_equal(turned[0].target, pictures[0].source)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "gone"])
def test_a_damaged_entry_is_made_anew(tmp_path: Path, cache: Path, damage: str) -> None:
    WRITERS["camvid"](tmp_path / "data")
    before = [pair.source.tobytes() for pair in PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)]
    path = sorted(_entries(cache))[2]
    content = path.read_bytes()
    path.write_bytes({"truncated": content[: len(content) // 2], "text": b"text"}.get(damage, b""))
    if damage == "gone":
        path.unlink()
    store = PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)
    assert [pair.source.tobytes() for pair in store] == before


def test_a_cache_that_is_cleared_under_a_run_is_filled_again(tmp_path: Path, cache: Path) -> None:
    WRITERS["camvid"](tmp_path / "data")
    store = PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)
    expected = store[1].source
    shutil.rmtree(cache)
    np.testing.assert_array_equal(store[1].source, expected)


def test_two_may_build_the_same_store_at_once(tmp_path: Path, cache: Path) -> None:
    WRITERS["camvid"](tmp_path / "data")
    folder = _folder(tmp_path / "data")
    stores: list[PairStore] = []
    threads = [
        threading.Thread(target=lambda: stores.append(PairStore.open(folder, "train", NATIVE))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stores) == 4
    contents = {tuple(pair.source.tobytes() for pair in store) for store in stores}
    assert len(contents) == 1
    assert not list(cache.rglob("*.unfinished"))


def test_one_file_that_cannot_serve_is_named_and_the_others_stay_stored(tmp_path: Path, cache: Path) -> None:
    WRITERS["camvid"](tmp_path / "data")
    path = tmp_path / "data" / "train" / "0016E5_00004.png"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError) as caught:
        PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)
    assert str(path) in str(caught.value)
    kept = _entries(cache)
    assert len(kept) == 4
    path.write_bytes(content)
    PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)
    assert all(_entries(cache)[entry] == inode for entry, inode in kept.items())


def test_nothing_is_decoded_where_the_disk_is_too_small(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    WRITERS["camvid"](tmp_path / "data")
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=50 * 2**20))
    with pytest.raises(UserError, match=rf"disk has 0\.1 GB free.*{CACHE_VARIABLE}"):
        PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)
    assert not _entries(cache)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, cache: Path) -> None:
    WRITERS["camvid"](tmp_path / "data")
    cache.mkdir()
    cache.chmod(0o500)
    with pytest.raises(UserError, match=CACHE_VARIABLE):
        PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)


def test_a_file_where_the_cache_should_be_is_named(tmp_path: Path, cache: Path) -> None:
    WRITERS["camvid"](tmp_path / "data")
    cache.write_text("mine")
    with pytest.raises(UserError, match=CACHE_VARIABLE):
        PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)
    assert cache.read_text() == "mine"


def test_entries_that_nobody_has_used_for_long_are_removed(tmp_path: Path, cache: Path) -> None:
    for name in ("old", "new"):
        WRITERS["camvid"](tmp_path / name)
    PairStore.open(_folder(tmp_path / "old"), "train", NATIVE)
    for path in _entries(cache):
        os.utime(path, (0, 0))
    PairStore.open(_folder(tmp_path / "new"), "train", NATIVE)
    assert len(_entries(cache)) == 5


def test_class_shares_count_the_pixels_that_have_a_class(tmp_path: Path) -> None:
    WRITERS["side-by-side"](tmp_path / "data")
    store = PairStore.open(_folder(tmp_path / "data"), "train", NATIVE)
    pixels = np.concatenate([pair.target.ravel() for pair in store])
    pixels = pixels[pixels != VOID]
    expected = [float((pixels == number).mean()) for number in range(len(CITYSCAPES))]
    assert store.class_fractions() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("channels", "expected"), [((1, 1, 1), 1), ((1, 3, 1), 3), ((3, 3, 3), 3)], ids=["grey", "mixed", "colour"]
)
def test_channels_follow_the_data(tmp_path: Path, channels: tuple[int, ...], expected: int) -> None:
    rng = np.random.default_rng(0)
    for index, count in enumerate(channels):
        pixels = rng.integers(0, 256, (8, 8, count), dtype=np.uint8)
        for folder in ("source/train", "target/train", "source/val", "target/val"):
            save(tmp_path / "data" / folder / f"{index}.png", pixels.squeeze())
    store = _open(tmp_path / "data")
    assert store.source.channels == store.target.channels == expected
    assert {pair.source.shape for pair in store} == {(8, 8, expected)}
    said = _open(tmp_path / "data", channels=(1, 3))
    assert (said[1].source.shape[2], said[1].target.shape[2]) == (1, 3)


def test_deep_pictures_of_many_channels_are_stored_whole(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 65536, (9, 7, 5), dtype=np.uint16) for _ in range(2)]
    for index, array in enumerate(arrays):
        for folder in ("source", "target"):
            for split in ("train", "val"):
                (tmp_path / "data" / folder / split).mkdir(parents=True, exist_ok=True)
                np.save(tmp_path / "data" / folder / split / f"{index}.npy", array)
    store = _open(tmp_path / "data")
    assert (store.source.channels, store.source.dtype) == (5, "uint16")
    for pair, array in zip(store, arrays, strict=True):
        np.testing.assert_array_equal(pair.source, array)
    np.save(tmp_path / "data" / "source" / "train" / "0.npy", arrays[0][..., :4])
    with pytest.raises(UserError, match=r"0\.npy.*4 channels.*5"):
        _open(tmp_path / "data")
