"""Class names in files beside the data are read, and given to the classes that they fit."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pairloom.palette import (
    VOID,
    ClassNames,
    Colour,
    NamedClass,
    Palette,
    find_class_names,
    name_classes,
    palette_problems,
)

Row = tuple[str, Colour | None, int | None, bool]

FILES: dict[str, tuple[str, list[Row]]] = {
    "class_dict.csv": (
        "name,r,g,b\nfloor,0,0,0\ncrack,250,50,183\n",
        [("floor", (0, 0, 0), None, False), ("crack", (250, 50, 183), None, False)],
    ),
    "heads.csv": (
        "\ufefflabel;R;G;B;extra\nSky;1;2;3;x\nVoid;0;0;0;y\n",
        [("Sky", (1, 2, 3), None, False), ("Void", (0, 0, 0), None, True)],
    ),
    "colours.tsv": (
        "Class Name\tHex\nsky\t#010203\nroad\t#0a0b0c\n",
        [("sky", (1, 2, 3), None, False), ("road", (10, 11, 12), None, False)],
    ),
    "_classes.csv": (
        "Pixel Value, Class\n0, background\n1, cell\n",
        [("background", None, 0, False), ("cell", None, 1, False)],
    ),
    "ids.csv": (
        'id,name,color,ignoreInEval\n0,outside,"0,0,0",True\n1,road,"128,64,128",False\n',
        [("outside", (0, 0, 0), 0, True), ("road", (128, 64, 128), 1, False)],
    ),
    "bare.csv": ("0,background\n1,car\n", [("background", None, 0, False), ("car", None, 1, False)]),
    "labelmap.txt": (
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\nroad:250,50,183::\n",
        [("background", (0, 0, 0), None, False), ("road", (250, 50, 183), None, False)],
    ),
    "classes.txt": (
        "background\ntraffic light\n",
        [("background", None, 0, False), ("traffic light", None, 1, False)],
    ),
    "labels.txt": (
        "0 background\n1 traffic light\n2: don't care\n",
        [("background", None, 0, False), ("traffic light", None, 1, False), ("don't care", None, 2, True)],
    ),
    "label_names.txt": (
        "__ignore__\n_background_\nperson\n",
        [("__ignore__", None, VOID, True), ("_background_", None, 0, False), ("person", None, 1, False)],
    ),
    "label_colors.txt": (
        "64 128 64\tAnimal\n0 0 0\tUnlabelled\n",
        [("Animal", (64, 128, 64), None, False), ("Unlabelled", (0, 0, 0), None, True)],
    ),
    "colormap.txt": (
        "1 wall 120 120 120\n2 building 180 120 120\n",
        [("wall", (120, 120, 120), 1, False), ("building", (180, 120, 120), 2, False)],
    ),
    "obj.names": ("person\ncar\n", [("person", None, 0, False), ("car", None, 1, False)]),
    "data.yaml": (
        "train: images\nnames:\n  0: plate\n  1: bolt\n",
        [("plate", None, 0, False), ("bolt", None, 1, False)],
    ),
    "list.yaml": ("names: [plate, bolt]\nnc: 2\n", [("plate", None, 0, False), ("bolt", None, 1, False)]),
    "config.json": (
        json.dumps({"model": {"id2label": {"0": "bg", "1": "cat"}, "lr": 1}}),
        [("bg", None, 0, False), ("cat", None, 1, False)],
    ),
    "classes.json": (
        json.dumps(
            {"classes": [{"name": "a", "color": [1, 2, 3], "id": 4}, {"name": "b", "color": "#040506", "id": 7}]}
        ),
        [("a", (1, 2, 3), 4, False), ("b", (4, 5, 6), 7, False)],
    ),
    "meta.json": (
        json.dumps({"classes": [{"title": "car", "shape": "bitmap", "color": "#FF0000"}], "tags": []}),
        [("car", (255, 0, 0), 0, False)],
    ),
    "mmseg.json": (
        json.dumps({"METAINFO": {"classes": ["a", "b"], "palette": [[1, 2, 3], [4, 5, 6]]}}),
        [("a", (1, 2, 3), 0, False), ("b", (4, 5, 6), 1, False)],
    ),
    "labels.json": (
        json.dumps(
            {"labels": [{"color": [1, 2, 3], "name": "a"}, {"color": [0, 0, 0], "name": "b", "evaluate": False}]}
        ),
        [("a", (1, 2, 3), 0, False), ("b", (0, 0, 0), 1, True)],
    ),
    "colours.json": (
        json.dumps({"car": [1, 1, 1], "tree": [2, 2, 2]}),
        [("car", (1, 1, 1), None, False), ("tree", (2, 2, 2), None, False)],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_name_classes_are_read(tmp_path: Path, name: str) -> None:
    text, rows = FILES[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    (names,) = find_class_names([tmp_path / name])
    assert [tuple(row) for row in names.rows] == rows


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.txt", "2008_000001\n2008_000002\n"),
        ("labels.txt", "images/a.png\nimages/b.png\n"),
        ("notes.txt", "This is a data set.\nIt has masks.\n"),
        ("0001.txt", "0 0.5 0.5 0.1 0.2\n1 0.2 0.3 0.1 0.1\n"),
        ("settings.yaml", "lr: 1\nepochs: 20\n"),
        ("other.json", '{"version": "1", "list": [1, 2, 3], "fps": 30}'),
        ("image_labels.csv", "image,label\na.png,0\nb.png,1\n"),
        ("sizes.csv", "name,width,height\na,20,30\n"),
        ("deep.json", "[" * 100000),
        ("bomb.yaml", "a: &a [x, x]\nnames: [*a, *a]\n"),
        ("number.json", '{"names": {"' + "9" * 5000 + '": "a"}}'),
        ("broken.yaml", "names: [a, b"),
        ("huge.txt", "a\n" * (3 * 2**20)),
        ("readme.md", "background\ncrack\n"),
    ],
)
def test_files_that_hold_something_else_are_passed_over(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert find_class_names([tmp_path / name, tmp_path / "absent.csv", tmp_path]) == []


@settings(deadline=None, max_examples=200)
@given(
    content=st.binary(max_size=300) | st.text(alphabet="0123456789,;:{}[]\"'# \n\tabnr-", max_size=200).map(str.encode)
)
def test_any_bytes_are_survived(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    for suffix in (".csv", ".txt", ".json", ".yaml", ".names"):
        path = folder / f"labels{suffix}"
        path.write_bytes(content)
        for names in find_class_names([path]):
            assert all(row.name for row in names.rows)


def _found(values: tuple[int, ...] = (), colours: tuple[Colour, ...] = ()) -> Palette:
    count = len(values or colours)
    colours = colours or tuple((10 * number + 5, 200, 9) for number in range(count))
    return Palette("found", tuple(f"class {n}" for n in range(count)), colours, (), (1, 0, 1), values, (VOID,))


def _listed(*names: str) -> ClassNames:
    return ClassNames(Path("classes.txt"), tuple(NamedClass(name, None, n) for n, name in enumerate(names)), True)


def test_numbers_get_the_names_of_their_lines_and_classes_that_do_not_occur_are_kept() -> None:
    palette, note = name_classes(_found((0, 2)), [_listed("a", "b", "c")], numbered=True)
    assert (palette.names, palette.values) == (("a", "b", "c"), (0, 1, 2))
    assert note == "class names from classes.txt"
    assert len({*palette.colours, palette.void_colour}) == 4


@pytest.mark.parametrize(
    ("values", "names", "expected"),
    [
        ((0, 1, 2), ("a", "b"), ("background", "a", "b")),
        ((1, 2), ("a", "b"), ("a", "b")),
        ((0, 255), ("a", "b"), ("a", "b")),
        ((0, 255), ("crack",), ("background", "crack")),
    ],
)
def test_lists_may_leave_out_the_background(
    values: tuple[int, ...], names: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    found = Palette(
        "found", tuple(map(str, values)), ((9, 9, 9), (8, 8, 8), (7, 7, 7))[: len(values)], (), (1, 0, 1), values
    )
    palette, _ = name_classes(found, [_listed(*names)], numbered=True)
    assert (palette.names, palette.values) == (expected, values)


def test_names_that_do_not_fit_are_not_used() -> None:
    found = _found((0, 1, 2, 3, 4))
    palette, note = name_classes(found, [_listed("a", "b", "c")], numbered=True)
    assert palette == found
    assert note == "class names of classes.txt are not used: it names 3 classes, the masks hold 5"
    assert name_classes(found, [], numbered=True) == (found, "")


def test_a_class_that_a_file_calls_void_becomes_void() -> None:
    rows = (NamedClass("sky", None, 0), NamedClass("void", None, 1, True), NamedClass("road", None, 2))
    palette, _ = name_classes(_found((0, 1, 2)), [ClassNames(Path("a.csv"), rows)], numbered=True)
    assert (palette.names, palette.values, palette.void_values) == (("sky", "road"), (0, 2), (VOID, 1))
    colours: tuple[Colour, ...] = ((0, 0, 0), (200, 0, 0), (0, 200, 0))
    coloured = tuple(
        NamedClass(name, colour, None, name == "void") for name, colour in zip(("void", "x", "y"), colours, strict=True)
    )
    found = Palette("found", ("class 0", "class 1", "class 2"), colours, (), (255, 0, 255))
    palette, _ = name_classes(found, [ClassNames(Path("a.csv"), coloured)], numbered=False)
    assert (palette.names, palette.void_colour) == (("x", "y"), (0, 0, 0))


def test_colours_are_named_within_what_compression_changes_and_keep_what_was_found() -> None:
    rows = (NamedClass("b", (0, 0, 200)), NamedClass("a", (200, 0, 0)), NamedClass("c", (0, 200, 0)))
    found = Palette("found", ("class 0", "class 1"), ((203, 1, 0), (0, 0, 198)), (), (9, 9, 9))
    palette, _ = name_classes(found, [ClassNames(Path("a.csv"), rows)], numbered=False)
    assert palette.names == ("b", "a", "c")
    assert palette.colours == ((0, 0, 198), (203, 1, 0), (0, 200, 0))


def test_black_that_a_table_of_colours_does_not_name_is_the_background() -> None:
    found = Palette("found", ("class 0", "class 1"), ((0, 0, 0), (255, 0, 0)), (), (9, 9, 9))
    palette, _ = name_classes(found, [ClassNames(Path("m.json"), (NamedClass("car", (255, 0, 0)),))], numbered=False)
    assert palette.names == ("background", "car")


def test_one_class_alone_and_a_palette_that_hardly_occurs_are_problems() -> None:
    found = _found((0, 1))
    assert palette_problems({"class 0": 5, "class 1": 7}, found) == []
    assert [kind for kind, _ in palette_problems({"class 0": 5}, found)] == ["one class alone"]
    assert [kind for kind, _ in palette_problems({}, found)] == ["no class"]
    named = Palette("mine", tuple("abcde"), _found((0, 1, 2, 3, 4)).colours, (), (1, 0, 1))
    ((kind, message),) = palette_problems({"a": 1, "b": 1}, named)
    assert kind == "classes that occur nowhere"
    assert message.startswith("3 of the 5 classes of the palette 'mine' occur nowhere")
    assert palette_problems({"a": 1, "b": 1, "c": 1}, named) == []
