"""COCO's files are read as pycocotools reads them, pixel by pixel."""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from annotated import find_in, only_set, read_all, save_image, write_json
from pairloom.data.annotations import AnnotationReader
from pairloom.data.annotations.run_lengths import decode_counts
from pairloom.data.annotations.values import AnnotationError
from pairloom.data.layouts import Part
from pairloom.errors import UserError
from pairloom.palette import VOID

CATEGORIES = [
    {"id": 0, "name": "things", "supercategory": "none"},
    {"id": 7, "name": "wheel", "supercategory": "things"},
    {"id": 3, "name": "car", "supercategory": "things"},
    {"id": 9, "name": "never", "supercategory": "things"},
]
HEIGHT, WIDTH = 50, 70


def record(segmentations: list[tuple[int, Any]], **more: Any) -> dict[str, Any]:
    """Return a file of one image."""
    annotations = [
        {
            "id": number,
            "image_id": 4,
            "category_id": category,
            "iscrowd": int(isinstance(segmentation, dict)),
            "area": 1.0,
            "bbox": [0, 0, 1, 1],
            "segmentation": segmentation,
        }
        for number, (category, segmentation) in enumerate(segmentations, start=1)
    ]
    image = {"id": 4, "file_name": "a.png", "height": HEIGHT, "width": WIDTH}
    return {"info": {"year": 2026}, "images": [image], "annotations": annotations, "categories": CATEGORIES, **more}


def write(root: Path, content: dict[str, Any]) -> Path:
    save_image(root / "train/a.png", HEIGHT, WIDTH)
    write_json(root / "train/_annotations.coco.json", content)
    return root / "train/_annotations.coco.json"


def read(root: Path) -> NDArray[np.uint8]:
    return read_all(root)[1]["a.png"]


def by_pycocotools(path: Path) -> NDArray[np.uint8]:
    """Draw the annotations on top of each other; class ids by category id."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(path)
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    for annotation in coco.loadAnns(coco.getAnnIds(imgIds=[4])):
        ids[coco.annToMask(annotation) > 0] = {3: 1, 7: 2}[annotation["category_id"]]
    return ids


def run_lengths(mask: NDArray[np.bool_]) -> list[int]:
    flat = mask.ravel(order="F")
    changes = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff([0, *changes.tolist(), flat.size]).tolist()
    return [0, *counts] if flat[0] else counts


coordinates = st.one_of(
    st.floats(-200, 300),
    st.floats(-5, 80),
    st.integers(-5, 80).map(float),
    st.integers(-50, 800).map(lambda tenth: tenth / 10),
)
polygons = st.lists(
    st.lists(coordinates, min_size=6, max_size=16).map(lambda numbers: numbers[: len(numbers) // 2 * 2]),
    min_size=1,
    max_size=3,
)
masks = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random((HEIGHT, WIDTH)) > seed % 10 / 10)


def as_counts(mask: NDArray[np.bool_]) -> dict[str, Any]:
    return {"size": [HEIGHT, WIDTH], "counts": run_lengths(mask)}


def as_text(mask: NDArray[np.bool_]) -> dict[str, Any]:
    packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": [HEIGHT, WIDTH], "counts": packed["counts"].decode()}


segmentations = st.one_of(polygons, masks.map(as_counts), masks.map(as_text))


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([3, 7]), segmentations), min_size=1, max_size=4))
def test_every_pixel_is_as_pycocotools_draws_it(
    tmp_path_factory: pytest.TempPathFactory, shapes: list[tuple[int, Any]]
) -> None:
    root = tmp_path_factory.mktemp("coco")
    path = write(root, record([(3, [[0, 0, 1, 0, 1, 1]]), (7, [[0, 0, 1, 0, 1, 1]]), *shapes]))
    assert (read(root) == by_pycocotools(path)).all()


def test_classes_in_use_are_named_by_category_id(tmp_path: Path) -> None:
    write(tmp_path, record([(7, [[5, 5, 30, 5, 30, 30]]), (3, [[20, 20, 60, 20, 60, 45]])]))
    reader, maps = read_all(tmp_path)
    assert reader.palette.name == "coco"
    assert reader.palette.names == ("background", "car", "wheel")
    assert reader.palette.colours[0] == (0, 0, 0)
    assert set(np.unique(maps["a.png"])) == {0, 1, 2}
    reader, maps = read_all(tmp_path, "void")
    assert reader.palette.names == ("car", "wheel")
    assert set(np.unique(maps["a.png"])) == {0, 1, VOID}


def test_a_category_called_background_is_the_background(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "Background"}, {"id": 2, "name": "car"}]
    square = [[10, 10, 60, 10, 60, 40, 10, 40]]
    write(tmp_path, record([(2, square), (1, [[20, 20, 40, 20, 40, 30, 20, 30]])], categories=categories))
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == ("background", "car")
    assert maps["a.png"][25, 30] == 0
    assert maps["a.png"][15, 15] == 1
    reader, maps = read_all(tmp_path, "void")
    assert reader.palette.names == ("background", "car")
    assert (maps["a.png"][25, 30], maps["a.png"][0, 0]) == (0, VOID)


def test_images_without_annotations_are_background_and_splits_share_their_classes(tmp_path: Path) -> None:
    square = [[10.0, 10, 30, 10, 30, 30]]
    for split, category in (("train", 7), ("valid", 3)):
        content = record([(category, square)])
        content["images"].append({"id": 5, "file_name": "empty.png", "height": HEIGHT, "width": WIDTH})
        write_json(tmp_path / split / "_annotations.coco.json", content)
        for name in ("a.png", "empty.png"):
            save_image(tmp_path / split / name, HEIGHT, WIDTH)
    found = only_set(tmp_path)
    assert found.path == tmp_path
    assert found.names == ("car", "wheel")
    assert len(found.references) == 4
    _, maps = read_all(tmp_path)
    assert not maps["empty.png"].any()


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=30))
def test_compressed_run_lengths_are_decoded(counts: list[int]) -> None:
    assert decode_counts(encode_counts(counts)).tolist() == counts


def encode_counts(counts: list[int]) -> str:
    text = ""
    for place, count in enumerate(counts):
        number = count - (counts[place - 2] if place > 2 else 0)
        while True:
            bits, number = number & 31, number >> 5
            ended = number == (-1 if bits & 16 else 0)
            text += chr(48 + bits + (0 if ended else 32))
            if ended:
                break
    return text


@pytest.mark.parametrize("text", ["é", "~~~", "PPPPPPPPPPPPPPPP1", "P", "\n"])
def test_nonsense_is_no_run_length(text: str) -> None:
    with pytest.raises(AnnotationError):
        decode_counts(text)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "boxes": (record([(3, []), (7, [])]), "boxes alone"),
    "panoptic": (
        {
            "images": [{"id": 1, "file_name": "a.png"}],
            "annotations": [{"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 3, "category_id": 1}]}],
            "categories": [],
        },
        "panoptic",
    ),
    "keypoints": (record([(3, [[1, 1, 9, 1, 9, 9]])], categories=[{"id": 3, "name": "p", "keypoints": ["n"]}]), "keyp"),
    "captions": ({**record([]), "annotations": [{"id": 1, "image_id": 4, "caption": "A car."}]}, "captions"),
    "unknown category": (record([(8, [[1, 1, 9, 1, 9, 9]])]), "category 8"),
    "two of one name": (
        record(
            [(1, [[1, 1, 9, 1, 9, 9]]), (2, [[1, 1, 9, 1, 9, 9]])],
            categories=[{"id": 1, "name": "a"}, {"id": 2, "name": "a"}],
        ),
        "two categories named 'a'",
    ),
    "no image id": ({**record([]), "annotations": [{"id": 1}]}, "image_id"),
    "an image twice": ({**record([(3, [[1, 1, 9, 1, 9, 9]])]), "images": [{"id": 1, "file_name": "a"}] * 2}, "twice"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_name(name: str, tmp_path: Path) -> None:
    content, words = REFUSED[name]
    path = write(tmp_path, content)
    (found,) = find_in(tmp_path)
    assert found.refusal is not None
    assert words in found.refusal
    with pytest.raises(UserError, match=words) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(str(path))


SQUARE = [[10.0, 10, 30, 10, 30, 30]]
BROKEN: dict[str, tuple[Any, str]] = {
    "counts too short": ({"size": [HEIGHT, WIDTH], "counts": [5, 6]}, "11 pixels"),
    "counts too long": ({"size": [HEIGHT, WIDTH], "counts": [5, 6, 10**9]}, "run length"),
    "negative counts": ({"size": [HEIGHT, WIDTH], "counts": [-5, HEIGHT * WIDTH + 5]}, "negative"),
    "broken counts": ({"size": [HEIGHT, WIDTH], "counts": [0.5]}, "integers"),
    "no counts": ({"size": [HEIGHT, WIDTH]}, "counts"),
    "huge size": ({"size": [10**9, 10**9], "counts": [10**18]}, "size"),
    "other size": ({"size": [WIDTH, HEIGHT], "counts": [HEIGHT * WIDTH]}, "another|50×70"),
    "not a number": ([[1, 1, float("nan"), 4, 5, 6]], "finite"),
    "infinite": ([[1, 1, float("inf"), 4, 5, 6]], "finite"),
    "astronomical": ([[1, 1, 1e300, 4, 5, 6]], "coordinate"),
    "odd": ([[1, 1, 2, 2, 3, 3, 4]], "even"),
    "texts": ([["a", "b", 2, 2, 3, 3]], "numbers only"),
    "nested": ([[[1, 1], [2, 2], [3, 3]]], "even"),
    "a text": ("abc", "list"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_shapes_are_refused_with_their_place(name: str, tmp_path: Path) -> None:
    segmentation, words = BROKEN[name]
    path = write(tmp_path, record([(3, SQUARE), (7, segmentation)]))
    with pytest.raises(UserError, match=words) as caught:
        read(tmp_path)
    assert str(caught.value).startswith(f"{path}: annotations, byte ")


def test_a_box_among_shapes_is_refused_with_its_image(tmp_path: Path) -> None:
    write(tmp_path, record([(3, SQUARE), (7, [])]))
    with pytest.raises(UserError, match="box without a segmentation"):
        read(tmp_path)


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH + 1), (WIDTH, HEIGHT), (10**9, 10**9)])
def test_images_of_another_size_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    content = record([(3, SQUARE)])
    content["images"][0]["height"], content["images"][0]["width"] = size
    write(tmp_path, content)
    with pytest.raises(UserError, match=r"pixels"):
        read(tmp_path)


def test_polygons_far_beyond_the_image_are_clipped(tmp_path: Path) -> None:
    write(
        tmp_path,
        record([(3, [[-1e7, -1e7, 1e7, -1e7, 1e7, 1e7, -1e7, 1e7]]), (7, [[35, -1e9, 1e9, -1e9, 1e9, 1e9, 35, 1e9]])]),
    )
    ids = read(tmp_path)
    assert (ids[:, :35] == 1).all()
    assert (ids[:, 35:] == 2).all()


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, record([(3, SQUARE)]))
    found = only_set(tmp_path)
    path.write_text(path.read_text() + "\n")
    (reference,) = found.references
    with pytest.raises(UserError, match="has changed"):
        AnnotationReader(found, "class").read(Part(path, entry=reference.entry, image=tmp_path / "train/a.png"))


@pytest.mark.parametrize("cut", [3, 40, 200, 500])
def test_truncated_files_are_refused(cut: int, tmp_path: Path) -> None:
    path = write(tmp_path, record([(3, SQUARE)]))
    path.write_text(json.dumps(record([(3, SQUARE)], info=None))[:-cut])
    for found in find_in(tmp_path):
        assert found.refusal is not None
        assert "JSON" in found.refusal
