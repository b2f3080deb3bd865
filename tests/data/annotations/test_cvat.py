"""CVAT's XML is drawn as its own exporter draws it: polygons by pycocotools, masks by their run lengths."""

from pathlib import Path
from xml.sax.saxutils import quoteattr

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools.mask import decode, frPyObjects

from annotated import assert_covers, find_in, only_set, read_all, save_image
from pairloom.errors import UserError

HEIGHT, WIDTH = 48, 64
LABELS = (
    "<meta><task><labels>"
    "<label><name>road</name><color>#fa3253</color><attributes></attributes></label>"
    "<label><name>car</name><color>#33ddff</color><attributes><attribute><name>age</name></attribute></attributes></label>"
    "<label><name>never</name><color>#123456</color></label>"
    "</labels></task></meta>"
)
POLYGON = '<polygon label="{}" points="10.0,5.5;50.25,8.0;30.0,40.1" z_order="{}"></polygon>'


def image(*shapes: str, name: str = "a.png", size: tuple[int, int] = (HEIGHT, WIDTH)) -> str:
    return f'<image id="0" name={quoteattr(name)} width="{size[1]}" height="{size[0]}">\n{"".join(shapes)}</image>'


def write(root: Path, *images: str, head: str = LABELS, name: str = "annotations.xml") -> Path:
    save_image(root / "images/a.png", HEIGHT, WIDTH)
    path = root / name
    body = "\n".join(["<version>1.1</version>", head, *images])
    content = f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n{body}\n</annotations>\n'
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-20, 90), st.floats(-20, 90)), min_size=3, max_size=9))
def test_polygons_are_as_pycocotools_draws_them(
    tmp_path_factory: pytest.TempPathFactory, points: list[tuple[float, float]]
) -> None:
    root = tmp_path_factory.mktemp("cvat")
    written = ";".join(f"{x:.2f},{y:.2f}" for x, y in points)
    write(root, image(f'<polygon label="car" points="{written}" z_order="0"></polygon>'))
    flat = [float(f"{number:.2f}") for point in points for number in point]
    expected = decode(frPyObjects([flat], HEIGHT, WIDTH))[:, :, 0]
    assert (read_all(root)[1]["a.png"] == expected).all()


def by_hand(rle: str, left: int, top: int, width: int, height: int) -> NDArray[np.bool_]:
    row: list[bool] = []
    for number, count in enumerate(map(int, rle.split(","))):
        row += [number % 2 == 1] * count
    mask = np.zeros((HEIGHT, WIDTH), np.bool_)
    mask[top : top + height, left : left + width] = np.array(row).reshape(height, width)
    return mask


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_masks_are_run_lengths_along_the_rows(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    g = np.random.default_rng(seed)
    width, height = int(g.integers(1, 30)), int(g.integers(1, 20))
    left, top = int(g.integers(0, WIDTH - width)), int(g.integers(0, HEIGHT - height))
    cuts = np.sort(g.integers(0, width * height + 1, int(g.integers(0, 12))))
    rle = ", ".join(map(str, np.diff([0, *cuts, width * height])))
    root = tmp_path_factory.mktemp("cvat")
    mask = f'<mask label="car" rle="{rle}" left="{left}" top="{top}" width="{width}" height="{height}" z_order="0"/>'
    write(root, image(mask))
    assert ((read_all(root)[1]["a.png"] > 0) == by_hand(rle, left, top, width, height)).all()


def test_boxes_turned_boxes_and_ellipses(tmp_path: Path) -> None:
    write(
        tmp_path,
        image('<ellipse label="car" cx="20" cy="20" rx="12" ry="7" rotation="30" z_order="0"/>'),
        image(
            '<box label="car" xtl="10" ytl="8" xbr="40" ybr="20" rotation="30.0" z_order="0"/>'
            '<polygon label="road" points="0,0;1,0;1,1" z_order="0"/>',
            name="b.png",
        ),
        image('<box label="car" xtl="10" ytl="8" xbr="40" ybr="20" z_order="0"/>', name="c.png"),
    )
    for name in "bc":
        save_image(tmp_path / f"images/{name}.png", HEIGHT, WIDTH)
    reader, maps = read_all(tmp_path)
    angle, turned = np.linspace(0, 2 * np.pi, 400, endpoint=False), np.radians(30)
    turn = np.array([[np.cos(turned), np.sin(turned)], [-np.sin(turned), np.cos(turned)]])
    car = reader.palette.index("car")
    assert_covers(maps["a.png"] == car, np.stack([12 * np.cos(angle), 7 * np.sin(angle)], 1) @ turn + (20, 20))
    box = np.array([(10, 8), (40, 8), (40, 20), (10, 20)], float)
    assert_covers(maps["b.png"] == car, (box - (25, 14)) @ turn + (25, 14))
    expected = np.zeros((HEIGHT, WIDTH), np.bool_)
    expected[8:20, 10:40] = True
    assert ((maps["c.png"] == car) == expected).all()


@pytest.mark.parametrize(("first", "second", "top"), [(0, 0, "car"), (1, 0, "road"), (-1, 0, "car"), (0, 7, "car")])
def test_z_order_decides_what_lies_on_top(first: int, second: int, top: str, tmp_path: Path) -> None:
    write(tmp_path, image(POLYGON.format("road", first), POLYGON.format("car", second)))
    reader, maps = read_all(tmp_path)
    assert set(np.unique(maps["a.png"])) == {0, reader.palette.index(top)}


def test_classes_have_the_order_and_colours_of_the_labels(tmp_path: Path) -> None:
    write(tmp_path, image(POLYGON.format("car", 0), POLYGON.format("road", 1)))
    reader, _ = read_all(tmp_path)
    assert reader.palette.names == ("background", "road", "car")
    assert reader.palette.colours == ((0, 0, 0), (0xFA, 0x32, 0x53), (0x33, 0xDD, 0xFF))


def test_names_with_folders_and_images_without_shapes(tmp_path: Path) -> None:
    write(
        tmp_path,
        '<image id="3" name="dé/b.png" width="64" height="48"/>',
        image(POLYGON.format("car", 0), name="sub\\a.png"),
        "<!-- the end -->",
    )
    save_image(tmp_path / "images/dé/b.png", HEIGHT, WIDTH)
    _, maps = read_all(tmp_path)
    assert not maps["b.png"].any()
    assert maps["a.png"].any()


SQUARE = POLYGON.format("car", 0)
BROKEN = {
    "a polyline": ('<polyline label="car" points="1,1;5,5"/>', "no area"),
    "points": ('<points label="car" points="1,1"/>', "no area"),
    "no points": ('<polygon label="car"/>', "points"),
    "words": ('<polygon label="car" points="a,b;c,d;e,f"/>', "numbers only"),
    "not a number": ('<polygon label="car" points="nan,1;1,2;3,4"/>', "finite"),
    "two corners": ('<polygon label="car" points="1,1;1,2"/>', "at least 3"),
    "short rle": ('<mask label="car" rle="1, 2" left="0" top="0" width="5" height="5"/>', "3 pixels"),
    "long rle": ('<mask label="car" rle="1, 999999999999" left="0" top="0" width="5" height="5"/>', "larger"),
    "negative rle": ('<mask label="car" rle="-1, 26" left="0" top="0" width="5" height="5"/>', "negative"),
    "odd rle": ('<mask label="car" rle="1, x" left="0" top="0" width="5" height="5"/>', "numbers"),
    "mask outside": ('<mask label="car" rle="25" left="62" top="0" width="5" height="5"/>', "beyond"),
    "a huge mask": ('<mask label="car" rle="25" left="0" top="0" width="999999999" height="999999999"/>', "beyond"),
    "a huge ellipse": ('<ellipse label="car" cx="1" cy="1" rx="1e300" ry="1"/>', "radii"),
    "z_order": ('<polygon label="car" points="1,1;1,2;3,4" z_order="top"/>', "z_order"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_damaged_shapes_are_refused(name: str, tmp_path: Path) -> None:
    shape, words = BROKEN[name]
    path = write(tmp_path, image(SQUARE, shape))
    with pytest.raises(UserError, match=words) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH + 1), (10**9, 10**9)])
def test_images_of_another_size_are_refused(size: tuple[int, int], tmp_path: Path) -> None:
    write(tmp_path, image(SQUARE, size=size))
    with pytest.raises(UserError, match="pixels"):
        read_all(tmp_path)


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE annotations [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<annotations>&b;</annotations>"
)
BOX = '<box label="car" xtl="1" ytl="1" xbr="2" ybr="2"/>'
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE annotations SYSTEM "file:///etc/passwd"><annotations><image/></annotations>'
REFUSED = {
    "a bomb": (BOMB, "entities"),
    "an outside document": (OUTSIDE, "entities"),
    "a video": (f"<annotations>{LABELS}<track id='0' label='car'><polygon/></track></annotations>", "video"),
    "boxes": (
        f"<annotations>{image(BOX)}</annotations>",
        "boxes alone",
    ),
    "half": (f"<annotations>{LABELS}<image id='0' name='a.png'", "XML"),
    "deep": ("<annotations>" + "<a>" * 10**5, "nested"),
    "no UTF-8": ("<annotations>\udcff</annotations>", "XML"),
    "a label of numbers": ("<annotations><image name='a'><polygon/></image></annotations>", "label"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused(name: str, tmp_path: Path) -> None:
    content, words = REFUSED[name]
    path = write(tmp_path)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=words) as caught:
        read_all(tmp_path)
    assert str(caught.value).startswith(f"{path}: ")


def test_boxes_of_pascal_voc_are_refused_by_name(tmp_path: Path) -> None:
    for number in range(3):
        path = tmp_path / f"Annotations/{number}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text("<annotation><object><name>car</name><bndbox><xmin>1</xmin></bndbox></object></annotation>")
    found = only_set(tmp_path)
    assert (found.format, found.path) == ("voc", tmp_path / "Annotations")
    assert "boxes alone" in str(found.refusal)


def test_other_xml_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<project><annotation-list/></project>")
    assert find_in(tmp_path) == []
