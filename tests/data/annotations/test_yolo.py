"""YOLO's polygons, their names, and what of its text files are no polygons."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from annotated import assert_covers, find_in, only_set, read_all, save_image
from pairloom.data.annotations import AnnotationReader, match_references
from pairloom.errors import UserError
from pairloom.images import is_image

HEIGHT, WIDTH = 48, 64
TRIANGLE = "0.1 0.1 0.9 0.2 0.4 0.9"
NAMES = "path: .\ntrain: images/train\nnames:\n  0: plate\n  1: bolt\n  2: never\n"


def write(root: Path, text: str, name: str = "a", folder: str = "labels/train") -> Path:
    save_image(root / folder.replace("labels", "images") / f"{name}.png", HEIGHT, WIDTH)
    path = root / folder / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_polygons_cover_what_they_outline(tmp_path: Path) -> None:
    write(tmp_path, f"1 {TRIANGLE}\n")
    (tmp_path / "data.yaml").write_text(NAMES)
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == ("background", "bolt")
    corners = np.array(TRIANGLE.split(), float).reshape(-1, 2) * (WIDTH, HEIGHT)
    assert_covers(maps["a.png"] == 1, corners)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, WIDTH - 1), st.integers(0, HEIGHT - 1)), min_size=3, max_size=9))
def test_corners_on_whole_pixels_stay_there(
    tmp_path_factory: pytest.TempPathFactory, corners: list[tuple[int, int]]
) -> None:
    """Six digits cut off a millionth; a corner must not move to the next pixel for it."""
    root = tmp_path_factory.mktemp("yolo")
    line = " ".join(f"{x / WIDTH:.6f} {y / HEIGHT:.6f}" for x, y in corners)
    write(root, f"0 {TRIANGLE}", "first")
    write(root, f"0 {line}\n")
    expected = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(expected).polygon(corners, fill=1, outline=1)
    assert (read_all(root)[1]["a.png"] == np.asarray(expected)).all()


@pytest.mark.parametrize(
    ("file", "content", "names"),
    [
        ("data.yaml", NAMES, ("background", "plate", "never")),
        ("data.yaml", "nc: 3\nnames: ['plate', 'bolt', 'never']\n", ("background", "plate", "never")),
        ("labels/classes.txt", "plate\nbolt\nnever\n", ("background", "plate", "never")),
        ("notes.yaml", "a: 1\n", ("background", "0", "2")),
        ("data.yaml", "names: [Background, x, y]\n", ("background", "y")),
    ],
)
def test_classes_that_occur_have_their_names(file: str, content: str, names: tuple[str, ...], tmp_path: Path) -> None:
    write(tmp_path, f"2 {TRIANGLE}\n", "a", "labels")
    write(tmp_path, f"0 {TRIANGLE}\n", "b", "labels")
    write(tmp_path, "", "c", "labels")
    (tmp_path / file).write_text(content)
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == names
    assert len(maps) == 3
    assert not maps["c.png"].any()


def test_images_of_the_same_name_in_several_splits(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        write(tmp_path, f"{int(split == 'valid')} {TRIANGLE}\n", "a", f"{split}/labels")
    (tmp_path / "data.yaml").write_text(NAMES)
    found = only_set(tmp_path)
    assert found.path == tmp_path
    images = [path for path in tmp_path.rglob("*") if is_image(path)]
    for reference, image in match_references(found.references, images, tmp_path).items():
        assert image.parts[-3] == reference.file.parts[-3]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1 0.5 0.5 0.1 0.1\n", "boxes alone"),
        ("1 0.5 0.5 0.1 0.1 0.9\n0 0.5 0.5 0.2 0.2 0.3", "boxes alone"),
        (f"7 {TRIANGLE}\n", "class 7"),
    ],
)
def test_sets_that_cannot_be_read_are_refused(text: str, words: str, tmp_path: Path) -> None:
    write(tmp_path, text)
    (tmp_path / "data.yaml").write_text(NAMES)
    with pytest.raises(UserError, match=words):
        AnnotationReader(only_set(tmp_path), "class")


def test_keypoints_are_refused(tmp_path: Path) -> None:
    write(tmp_path, f"1 {TRIANGLE}\n")
    (tmp_path / "data.yaml").write_text(NAMES + "kpt_shape: [17, 2]\n")
    assert "keypoints" in str(only_set(tmp_path).refusal)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("0 0.5 0.5 0.1 0.1", "line 2: is a box"),
        ("0 0.5 0.5 0.1 0.1 0.2 0.2 0.3", "three points"),
        ("x 0.5 0.5 0.1 0.1 0.2 0.2", "class number"),
        ("0 0.5 0.5 0.1 0.1 0.2 y", "numbers only"),
        ("0 0.5 0.5 0.1 nan 0.2 0.2", "from 0 to 1"),
        ("0 120 80 130 80 130 99", "from 0 to 1"),
        ("0 1e300 0.5 0.1 0.1 0.2 0.2", "from 0 to 1"),
        ("5 0.5 0.5 0.1 0.1 0.2 0.2", "class 'number 5'|class 5"),
    ],
)
def test_damaged_lines_are_refused(line: str, words: str, tmp_path: Path) -> None:
    for number in range(40):
        write(tmp_path, f"0 {TRIANGLE}\n1 {TRIANGLE}\n2 {TRIANGLE}\n", f"good{number}")
    path = write(tmp_path, f"0 {TRIANGLE}\n{line}\n")
    (tmp_path / "data.yaml").write_text(NAMES)
    with pytest.raises(UserError, match=words) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(str(path))


def test_other_texts_are_passed_over(tmp_path: Path) -> None:
    for name, text in {
        "train.txt": "0001\n0002\n",
        "readme.txt": "Hello.\n",
        "calibration.txt": "0.1 0.2 0.3 0.4 0.5 0.6 0.7\n",
        "depth.txt": "1 100.5 200.5 3.5 4.5 5.5 6.5\n",
        "empty.txt": "",
    }.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "data.yaml").write_text(NAMES)
    assert find_in(tmp_path) == []


@pytest.mark.parametrize(
    "text",
    ["names: &a [*a]", "names: {a: b}", "names: [[]]", "names: " + "[" * 5000, "names: 3", "names: !!python/object:x"],
)
def test_yaml_of_other_kinds_names_nothing(text: str, tmp_path: Path) -> None:
    write(tmp_path, f"1 {TRIANGLE}\n")
    (tmp_path / "data.yaml").write_text(text)
    assert only_set(tmp_path).names == ("1",)
