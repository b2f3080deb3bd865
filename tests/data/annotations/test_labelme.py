"""LabelMe's files are drawn as LabelMe's own library draws them."""

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from annotated import find_in, golden, only_set, read_all, save_image, write_json
from pairloom.errors import UserError
from pairloom.palette import VOID

HEIGHT, WIDTH = 40, 56


def shape(label: str = "leaf", kind: str | None = "polygon", **more: Any) -> dict[str, Any]:
    points = [[5.5, 5.5], [30.0, 8.0], [20.0, 33.3]]
    return {"label": label, "shape_type": kind, "points": points, "group_id": None, "flags": {}, **more}


def record(*shapes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": "a.png",
        "imageData": None,
        "imageHeight": HEIGHT,
        "imageWidth": WIDTH,
        **more,
    }


def write(root: Path, content: dict[str, Any], name: str = "a") -> Path:
    save_image(root / f"{name}.png", HEIGHT, WIDTH)
    write_json(root / f"{name}.json", content)
    return root / f"{name}.json"


def png(mask: np.ndarray[Any, Any]) -> str:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_every_kind_of_shape_is_as_labelme_draws_it(tmp_path: Path) -> None:
    content, names, ids = golden("labelme.json")
    save_image(tmp_path / "photos/plant.png", *ids.shape)
    write_json(tmp_path / "json/plant.json", content)
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == names
    assert (maps["plant.png"] == ids).all()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(-50, 90), st.floats(-50, 90)), min_size=3, max_size=8), min_size=1, max_size=3
    )
)
def test_polygons_are_as_labelme_draws_them(
    tmp_path_factory: pytest.TempPathFactory, polygons: list[list[tuple[float, float]]]
) -> None:
    root = tmp_path_factory.mktemp("labelme")
    shapes = [shape("ab"[number % 2], points=polygon) for number, polygon in enumerate(polygons)]
    write(root, record(*shapes))
    expected = Image.new("L", (WIDTH, HEIGHT))
    for number, polygon in enumerate(polygons):
        ImageDraw.Draw(expected).polygon(polygon, outline=1 + number % 2, fill=1 + number % 2)
    _, maps = read_all(root)
    assert (maps["a.png"] == np.asarray(expected)).all()


@pytest.mark.parametrize(
    "path", ["a.png", "../pictures/a.png", "..\\pictures\\a.png", "C:\\Users\\me\\a.png", "/home/me/a.png", "a.jpg"]
)
def test_image_paths_of_any_kind_lead_to_the_image(path: str, tmp_path: Path) -> None:
    save_image(tmp_path / "pictures/a.png", HEIGHT, WIDTH)
    save_image(tmp_path / "pictures/b.png", HEIGHT, WIDTH)
    write_json(tmp_path / "marks/a.json", record(shape(), imagePath=path))
    _, maps = read_all(tmp_path)
    assert set(maps) == {"a.png"}
    assert maps["a.png"].any()


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("megabytes", [0, 1, 40])
def test_embedded_images_are_not_parsed(first: bool, megabytes: int, tmp_path: Path) -> None:
    content = record(shape(), imageData="ABC/+=" + "Qm" * (megabytes << 19))
    if first:
        content = {"imageData": content.pop("imageData"), **content}
    write(tmp_path, content)
    (tmp_path / "a.json").write_text((tmp_path / "a.json").read_text().replace("/", "\\/"))
    _, maps = read_all(tmp_path)
    assert maps["a.png"].any()


def test_labelmes_own_names_of_background_and_void(tmp_path: Path) -> None:
    square = [[10, 10], [30, 10], [30, 30], [10, 30]]
    write(
        tmp_path,
        record(
            shape("leaf"),
            shape("__ignore__", points=square),
            shape("_background_", "rectangle", points=[[0, 0], [5, 5]]),
        ),
    )
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == ("background", "leaf")
    assert maps["a.png"][20, 20] == VOID
    reader, maps = read_all(tmp_path, "void")
    assert (maps["a.png"][2, 2], maps["a.png"][0, 50]) == (0, VOID)


def test_an_empty_file_is_background_and_classes_are_sorted(tmp_path: Path) -> None:
    write(tmp_path, record(shape("stem"), shape("leaf", None)))
    write(tmp_path, record(imagePath="b.png"), "b")
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == ("background", "leaf", "stem")
    assert not maps["b.png"].any()


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a point": (record(shape(), shape(kind="point", points=[[1, 1]])), "shape 2 .* is a point, which covers no area"),
    "two corners": (record(shape(points=[[1, 1], [2, 2]])), "at least 3"),
    "three numbers": (record(shape(points=[[1, 1, 1]] * 4)), "two numbers each"),
    "texts": (record(shape(points=["ab", "cd", "ef"])), "numbers only"),
    "null": (record(shape(points=[[1, None]] * 4)), "finite"),
    "a far line": (record(shape(kind="line", points=[[1, 1], [1e12, 3]])), "far outside"),
    "another size": (record(shape(), imageWidth=57), "57×40"),
    "a huge size": (record(shape(), imageWidth=10**9, imageHeight=10**9), "pixels are possible"),
    "no Base64": (record(shape(kind="mask", points=[[0, 0], [3, 3]], mask="###")), "Base64"),
    "no image": (record(shape(kind="mask", points=[[0, 0], [3, 3]], mask="QUJD")), "not an image"),
    "mask of another size": (
        record(shape(kind="mask", points=[[0, 0], [3, 3]], mask=png(np.ones((4, 5), np.uint8)))),
        "does not fill its box",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_shapes_are_refused_by_the_image_only(name: str, tmp_path: Path) -> None:
    content, words = BROKEN[name]
    write(tmp_path, record(shape(), imagePath="good.png"), "good")
    path = write(tmp_path, content)
    with pytest.raises(UserError, match=words) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "content",
    ['{"shapes": [', '{"imagePath": "a.png", "shapes": 3}', '{"shapes": ' + "[" * 10**5, '{"shapes": [], "x": \xff}'],
)
def test_a_damaged_file_is_refused_when_it_is_read(content: str, tmp_path: Path) -> None:
    write(tmp_path, record(shape(), imagePath="good.png"), "good")
    path = write(tmp_path, record())
    path.write_bytes(content.encode("latin-1"))
    assert only_set(tmp_path).names == ("leaf",)
    with pytest.raises(UserError, match=r"a\.json"):
        read_all(tmp_path)


def test_rectangles_alone_are_refused(tmp_path: Path) -> None:
    write(tmp_path, record(shape(kind="rectangle", points=[[1, 1], [5, 5]])))
    (found,) = find_in(tmp_path)
    assert "boxes alone" in str(found.refusal)


def test_json_of_other_kinds_is_passed_over(tmp_path: Path) -> None:
    for number, content in enumerate(
        (
            {"shapes": []},
            {"shapes": 3, "a": 1},
            [],
            {"imgHeight": 5, "objects": [{"label": "car", "polygon": []}]},
            {"x": 1},
        )
    ):
        write_json(tmp_path / f"{number}.json", content)
    (tmp_path / "broken.json").write_text("{")
    assert find_in(tmp_path) == []
