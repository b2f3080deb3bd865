"""Supervisely's and VIA's files, and formats that are refused by name."""

import base64
import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from annotated import assert_covers, coverage, find_in, only_set, read_all, save_image, write_json
from pairloom.config import DataConfig
from pairloom.data.folder import PairFolder
from pairloom.errors import UserError

HEIGHT, WIDTH = 48, 64
CORNERS = [[10, 5], [50, 8], [30, 40]]


def polygon(title: str = "car", interior: Any = (), **more: Any) -> dict[str, Any]:
    points = {"exterior": CORNERS, "interior": list(interior)}
    return {"classTitle": title, "geometryType": "polygon", "points": points, **more}


def bitmap(mask: np.ndarray[Any, Any], origin: Any) -> dict[str, Any]:
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG")
    data = base64.b64encode(zlib.compress(file.getvalue())).decode()
    return {"classTitle": "bus", "geometryType": "bitmap", "bitmap": {"data": data, "origin": origin}}


def supervisely(root: Path, *objects: dict[str, Any], size: tuple[int, int] = (HEIGHT, WIDTH)) -> Path:
    save_image(root / "ds0/img/a.png", HEIGHT, WIDTH)
    write_json(root / "meta.json", {"classes": [{"title": "car", "shape": "polygon", "color": "#FF0000"}], "tags": []})
    record = {"description": "", "tags": [], "size": {"height": size[0], "width": size[1]}, "objects": list(objects)}
    write_json(root / "ds0/ann/a.png.json", record)
    return root / "ds0/ann/a.png.json"


def test_supervisely_polygons_with_holes(tmp_path: Path) -> None:
    hole = [[25, 12], [35, 12], [30, 20]]
    supervisely(tmp_path, polygon(interior=[hole]))
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == ("background", "car")
    inside, near = coverage(np.array(CORNERS, float), HEIGHT, WIDTH)
    cut, at_hole = coverage(np.array(hole, float), HEIGHT, WIDTH)
    clear = ~near & ~at_hole
    assert ((maps["a.png"] == 1) == (inside & ~cut))[clear].all()


@pytest.mark.parametrize("kind", ["1", "L", "RGBA"])
def test_supervisely_bitmaps(kind: str, tmp_path: Path) -> None:
    mask = np.random.default_rng(3).random((9, 13)) > 0.5
    stored = {"1": mask, "L": mask * np.uint8(255), "RGBA": np.dstack([mask * np.uint8(255)] * 4)}[kind]
    supervisely(tmp_path, polygon(), bitmap(stored, [40, 20]))
    reader, maps = read_all(tmp_path)
    expected = np.zeros((HEIGHT, WIDTH), np.bool_)
    expected[20:29, 40:53] = mask
    assert ((maps["a.png"] == reader.palette.index("bus")) == expected).all()


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "a bomb": (
        {
            "classTitle": "bus",
            "geometryType": "bitmap",
            "bitmap": {"data": base64.b64encode(zlib.compress(bytes(2**27))).decode(), "origin": [0, 0]},
        },
        "too large",
    ),
    "no zlib": (
        {"classTitle": "bus", "geometryType": "bitmap", "bitmap": {"data": "QUJD", "origin": [0, 0]}},
        "damaged",
    ),
    "no image": (
        {
            "classTitle": "bus",
            "geometryType": "bitmap",
            "bitmap": {"data": base64.b64encode(zlib.compress(b"x")).decode(), "origin": [0, 0]},
        },
        "not an image",
    ),
    "origin": (bitmap(np.ones((2, 2), np.uint8), [1]), "origin"),
    "a line": (polygon(geometryType="line"), "no area"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_supervisely_objects_are_refused(name: str, tmp_path: Path) -> None:
    item, words = BROKEN[name]
    path = supervisely(tmp_path, polygon(), item)
    with pytest.raises(UserError, match=words) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(f"{path}: object 2 ")


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH + 1), (10**9, 10**9)])
def test_supervisely_images_of_another_size_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    supervisely(tmp_path, polygon(), size=size)
    with pytest.raises(UserError, match="pixels"):
        read_all(tmp_path)


def region(shape: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


OUTLINE = {"name": "polygon", "all_points_x": [10, 50, 30], "all_points_y": [5, 8, 40]}
CIRCLE = {"name": "circle", "cx": 30, "cy": 20, "r": 10}


def via(root: Path, *regions: dict[str, Any], project: bool = True, listed: bool = True) -> Path:
    save_image(root / "a.png", HEIGHT, WIDTH)
    save_image(root / "b.png", HEIGHT, WIDTH)
    kept: Any = list(regions) if listed else {str(number): each for number, each in enumerate(regions)}
    images = {
        "a.png99": {"filename": "a.png", "size": 99, "regions": kept, "file_attributes": {}},
        "b.png99": {"filename": "b.png", "size": 99, "regions": [], "file_attributes": {}},
    }
    write_json(root / "via.json", {"_via_settings": {"core": {}}, "_via_img_metadata": images} if project else images)
    return root / "via.json"


@pytest.mark.parametrize("project", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_via_polygons_and_circles(project: bool, listed: bool, tmp_path: Path) -> None:
    via(
        tmp_path,
        region(OUTLINE, kind="cat"),
        region(CIRCLE, kind={"dog": True, "cow": False}),
        project=project,
        listed=listed,
    )
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == ("background", "cat", "dog")
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    assert_covers(maps["a.png"] == 2, np.stack([30 + 10 * np.cos(angle), 20 + 10 * np.sin(angle)], axis=1))
    assert not maps["b.png"].any()


def test_via_regions_without_attributes_are_of_one_class(tmp_path: Path) -> None:
    via(tmp_path, region(OUTLINE))
    reader, maps = read_all(tmp_path)
    assert reader.palette.names == ("background", "object")
    assert_covers(maps["a.png"] == 1, np.array(CORNERS, float))


@pytest.mark.parametrize(
    ("item", "words"),
    [
        (region({"name": "point", "cx": 1, "cy": 2}, kind="cat"), "no area"),
        (region({**OUTLINE, "all_points_x": [1, 2]}, kind="cat"), "do not fit"),
        (region({**CIRCLE, "r": 1e300}, kind="cat"), "radii"),
        (region(OUTLINE, kind="cat", colour="red"), "2 attributes"),
        ({"shape_attributes": 3}, "object"),
    ],
)
def test_damaged_via_regions_are_refused(item: dict[str, Any], words: str, tmp_path: Path) -> None:
    path = via(tmp_path, region(OUTLINE, kind="cat"), item)
    with pytest.raises(UserError, match=words) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize(
    ("name", "words"), [("gt.mat", "MATLAB"), ("x.h5", "HDF5"), ("y.tfrecord", "TFRecord"), ("z.nii", "NIfTI")]
)
def test_formats_that_are_not_read_are_refused_by_name(name: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"MATLAB 5.0")
    (found,) = find_in(tmp_path)
    assert found.references == ()
    assert words in str(found.refusal)


def test_boxes_alone_are_refused(tmp_path: Path) -> None:
    via(tmp_path / "via", region({"name": "rect", "x": 1, "y": 1, "width": 5, "height": 5}, kind="cat"))
    box = {"classTitle": "car", "geometryType": "rectangle", "points": {"exterior": [[1, 1], [5, 5]], "interior": []}}
    supervisely(tmp_path / "supervisely", box)
    for root in ("via", "supervisely"):
        assert "boxes alone" in str(only_set(tmp_path / root).refusal)


@pytest.mark.parametrize("name", ["annotations.json", "a.json", "annotations.xml", "data.yaml"])
def test_a_git_lfs_pointer_in_place_of_annotations_is_called_by_its_name(name: str, tmp_path: Path) -> None:
    for stem in "abc":
        save_image(tmp_path / f"{stem}.png", HEIGHT, WIDTH)
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(UserError, match=r": is a Git LFS pointer.*git lfs pull") as caught:
        PairFolder.open(DataConfig(root=str(tmp_path)))
    assert str(caught.value).startswith(str(tmp_path / name))
