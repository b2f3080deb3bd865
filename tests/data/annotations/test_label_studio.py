"""Label Studio's exports are read as its own converter reads them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from annotated import assert_covers, find_in, golden, only_set, read_all, save_image, write_json
from pairloom.errors import UserError

HEIGHT, WIDTH = 48, 64
TRIANGLE = [[10.0, 10.0], [80.0, 20.0], [30.0, 90.0]]


def result(value: dict[str, Any], kind: str = "polygonlabels", **more: Any) -> dict[str, Any]:
    sides = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    return {"id": "r", "type": kind, "from_name": "label", "to_name": "image", "value": value, **sides, **more}


def polygon(label: str = "road", points: Any = TRIANGLE) -> dict[str, Any]:
    return result({"points": points, "closed": True, "polygonlabels": [label]})


def task(*results: dict[str, Any], image: str = "/data/upload/1/0123abcd-a.png", **more: Any) -> dict[str, Any]:
    annotation = {"id": 1, "was_cancelled": False, "result": list(results)}
    return {"id": 1, "annotations": [annotation], "data": {"image": image, "note": "x"}, **more}


def write(root: Path, *tasks: dict[str, Any]) -> Path:
    save_image(root / "images/a.png", HEIGHT, WIDTH)
    write_json(root / "export.json", list(tasks))
    return root / "export.json"


def test_brushes_are_as_the_tools_own_library_decodes_them(tmp_path: Path) -> None:
    content, names, ids = golden("label_studio.json")
    save_image(tmp_path / "street one.png", *ids.shape)
    write_json(tmp_path / "project-1.json", content)
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == names
    assert (maps["street one.png"] == ids).all()


@pytest.mark.parametrize("minimal", [False, True])
def test_shapes_cover_what_they_outline(minimal: bool, tmp_path: Path) -> None:
    write(tmp_path, task(polygon()))
    if minimal:
        region = {**polygon()["value"], "original_width": WIDTH, "original_height": HEIGHT}
        write_json(
            tmp_path / "export.json", [{"image": "/data/upload/a.png", "id": 1, "label": [region], "annotator": 1}]
        )
    _, maps = read_all(tmp_path)
    assert_covers(maps["a.png"] == 1, np.array(TRIANGLE) * (WIDTH / 100, HEIGHT / 100))


def test_ellipses_and_turned_rectangles(tmp_path: Path) -> None:
    oval = result(
        {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10, "rotation": 0, "ellipselabels": ["b"]}, "ellipselabels"
    )
    box = {"x": 50, "y": 10, "width": 25, "height": 20, "rotation": 90, "rectanglelabels": ["a"]}
    write(tmp_path, task(oval, result(box, "rectanglelabels")))
    _, maps = read_all(tmp_path)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    distance = np.hypot((x - 32) / 12.8, (y - 24) / 4.8)
    inner, outer = np.hypot((x - 32) / 11, (y - 24) / 3) < 1, np.hypot((x - 32) / 15, (y - 24) / 7) > 1
    turned = np.array([(32, 4.8), (32, 20.8), (22.4, 20.8), (22.4, 4.8)])
    assert_covers(maps["a.png"] == 1, turned)
    assert (maps["a.png"][inner & (y > 23)] == 2).all()
    assert not (maps["a.png"][outer] == 2).any()
    assert distance.shape == maps["a.png"].shape


def test_labels_may_stand_in_a_result_of_their_own(tmp_path: Path) -> None:
    geometry = {"points": TRIANGLE, "closed": True}
    write(tmp_path, task(result(geometry, "polygon"), result({**geometry, "labels": ["sign"]}, "labels")))
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == ("background", "sign")
    assert maps["a.png"].any()


def test_empty_annotations_are_background_and_tasks_without_one_are_not_annotated(tmp_path: Path) -> None:
    write(tmp_path, task(polygon()), task(image="b.png"), {**task(image="c.png"), "annotations": []})
    for name in "bc":
        save_image(tmp_path / f"{name}.png", HEIGHT, WIDTH)
    _, maps = read_all(tmp_path)
    assert set(maps) == {"a.png", "b.png"}
    assert not maps["b.png"].any()


@pytest.mark.parametrize(
    "address",
    [
        "/data/upload/1/0123abcd-a.png",
        "/data/local-files/?d=deep/images/a.png",
        "s3://bucket/images/a.png",
        "https://host/x/a.png?token=1&b=2",
        "..\\a.png",
    ],
)
def test_addresses_lead_to_images(address: str, tmp_path: Path) -> None:
    write(tmp_path, task(polygon(), image=address))
    assert set(read_all(tmp_path)[1]) == {"a.png"}


def brush(numbers: list[Any]) -> dict[str, Any]:
    return result({"format": "rle", "rle": numbers, "brushlabels": ["road"]}, "brushlabels")


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "keypoint": (
        task(polygon(), result({"x": 1, "y": 2, "width": 1, "keypointlabels": ["a"]}, "keypointlabels")),
        "not read",
    ),
    "two labels": (task(result({"points": TRIANGLE, "polygonlabels": ["a", "b"]})), "2 labels"),
    "two annotators": ({**task(polygon()), "annotations": task(polygon())["annotations"] * 2}, "2 annotations"),
    "turned": (task({**polygon(), "image_rotation": 90}), "turned"),
    "another size": (task({**polygon(), "original_width": WIDTH + 1}), "65×48"),
    "huge": (task({**polygon(), "original_width": 10**9}), "pixels are possible"),
    "not a number": (task(polygon(points=[[1, 1], [2, float("nan")], [3, 3]])), "finite"),
    "rle of another size": (task(brush([0, 0, 0, 4, 57, 1, 1, 1])), "another size"),
    "rle too short": (task(brush([0, 0, 48, 0, 57, 1, 1, 1])), "too early"),
    "rle of nothing": (task(brush([])), "too early"),
    "rle of texts": (task(brush(["1"])), "bytes"),
    "rle out of range": (task(brush([256])), "bytes"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_regions_are_refused(name: str, tmp_path: Path) -> None:
    content, words = BROKEN[name]
    path = write(tmp_path, task(polygon(), image="other.png"), content)
    with pytest.raises(UserError, match=words) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")


def test_rectangles_alone_are_refused(tmp_path: Path) -> None:
    write(
        tmp_path, task(result({"x": 1, "y": 2, "width": 5, "height": 5, "rectanglelabels": ["a"]}, "rectanglelabels"))
    )
    assert "boxes alone" in str(only_set(tmp_path).refusal)


def test_other_lists_are_passed_over(tmp_path: Path) -> None:
    for number, content in enumerate(([], [1], [{"annotations": 3}], [{"annotations": [], "completions": []}])):
        write_json(tmp_path / f"{number}.json", content)
    assert find_in(tmp_path) == []
