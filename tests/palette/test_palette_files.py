"""Palette files are read as they are meant, read back as they were written, and refused by name otherwise."""

from pathlib import Path

import pytest
import yaml
from drawn_palettes import NAME, palettes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pairloom.data.annotations import FORMATS
from pairloom.errors import UserError
from pairloom.palette import (
    CAMVID,
    CITYSCAPES,
    CITYSCAPES_ALL,
    CITYSCAPES_TRAIN_IDS,
    PALETTES,
    Palette,
    named_palette,
    read_palette,
    write_palette,
)
from pairloom.palette.files import FROM_DATA

YARD = """
name: yard
classes:
  grass: [0, 128, 0]
  path: {colour: "#808080", value: 3}
void:
  colours: [[9, 9, 9], [1, 2, 3]]
  values: [255, 7]
"""

# The folder is only written to, so it may serve all examples.
PROPERTY = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])


def _write(folder: Path, text: str) -> Path:
    path = folder / "yard.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_as_documented(tmp_path: Path) -> None:
    assert read_palette(_write(tmp_path, YARD)) == Palette(
        name="yard",
        names=("grass", "path"),
        colours=((0, 128, 0), (128, 128, 128)),
        void_colours=((1, 2, 3),),
        void_colour=(9, 9, 9),
        values=(0, 3),
        void_values=(255, 7),
    )


def test_name_and_void_may_be_left_out(tmp_path: Path) -> None:
    assert read_palette(_write(tmp_path, "classes: {a: [1, 2, 3]}")) == Palette("yard", ("a",), ((1, 2, 3),))


def test_where_black_is_a_class_void_is_drawn_in_another_colour(tmp_path: Path) -> None:
    palette = read_palette(_write(tmp_path, "classes: {a: [0, 0, 0], b: [255, 0, 0]}\nvoid: {values: [9]}"))
    assert palette.void_colour not in {(0, 0, 0), (255, 0, 0)}
    assert palette.void_values == (9,)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "must be a mapping"),
        ("[1, 2]", "must be a mapping"),
        ("a: [", "is not YAML"),
        ("name: yard", "has no 'classes'"),
        ("colors: {}\nclasses: {a: [1, 2, 3]}", "'colors' is unknown; choose from name, classes, void"),
        ("classes: [a, b]", "classes: must be a mapping"),
        ("classes: {}", "0 classes"),
        ("classes:\n  no: [1, 2, 3]\n  off: [3, 4, 5]", "line 2: .* name no as text; quote it: 'no'"),
        ("classes: {1: [1, 2, 3]}", "name 1 as text; quote it: '1'"),
        ("classes: {[a]: [1, 2, 3]}", "line 1: must be a name, not a list or mapping"),
        ("classes:\n  a: [1, 2, 3]\n  a: [3, 4, 5]", "line 3: the name 'a' occurs twice"),
        ("classes: {a: [1, 2]}", r"class 'a': must be a colour like .* not \[1, 2\]"),
        ("classes: {a: [1, 2, 256]}", "class 'a': must be a colour"),
        ("classes: {a: [1, 2, true]}", "class 'a': must be a colour"),
        ("classes: {a: '#12345'}", "class 'a': must be a colour"),
        ("classes: {a: {value: 3}}", "class 'a': has no 'colour'"),
        ("classes: {a: {color: [1, 2, 3]}}", "class 'a': 'color' is unknown; choose from colour, value"),
        ("classes: {a: {colour: [1, 2, 3], value: -1}}", "class 'a': value: must be a whole number"),
        ("classes: {a: {colour: [1, 2, 3], value: yes}}", "class 'a': value: must be a whole number"),
        ("classes: {a: [1, 2, 3], b: {colour: [3, 4, 5], value: 0}}", "a value twice: 0"),
        ("classes: {a: [1, 2, 3]}\nvoid: [255]", "void: must be a mapping"),
        ("classes: {a: [1, 2, 3]}\nvoid: {values: 255}", "void: values: must be a list, not 255"),
        ("classes: {a: [1, 2, 3]}\nvoid: {colours: [0, 0, 0]}", "void: colours: must be a colour"),
        ("classes: {a: [1, 2, 3]}\nname: 3", "name: must be text, not 3; quote it"),
        ("classes: {a: 2001-99-99}", "a value that YAML cannot read"),
        ("classes: {a: !!bool grass}", "a value that YAML cannot read"),
        ("classes: &all {a: *all}", "class 'a': "),
        ("classes: {a: 0x" + "f" * 5000 + "}", "class 'a': must be a colour"),
        ("[" * 5000, "nested too deeply"),
        ("classes: {a: [1, 2, 3]}\n---\nclasses: {}", "is not YAML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(UserError, match=complaint) as caught:
        read_palette(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"classes: \x00"])
def test_files_that_are_no_text_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.yaml: "):
        read_palette(tmp_path / "a.yaml")


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        read_palette(tmp_path / name)


SCALAR = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6) | st.dates() | st.binary(max_size=3)
)
ANYTHING = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(SCALAR, inner, max_size=3),
    max_leaves=8,
)
COLOUR = st.lists(st.integers(0, 255), min_size=3, max_size=3) | ANYTHING
CLASS = COLOUR | st.fixed_dictionaries({}, optional={"colour": COLOUR, "value": st.integers(0, 9) | ANYTHING})
NEARLY = st.fixed_dictionaries(
    {"classes": st.dictionaries(NAME | SCALAR, CLASS, min_size=1, max_size=3) | ANYTHING},
    optional={
        "name": NAME | ANYTHING,
        "void": ANYTHING | st.fixed_dictionaries({}, optional={"colours": st.lists(COLOUR), "values": ANYTHING}),
    },
)


@settings(PROPERTY, max_examples=200)
@given(content=NEARLY | ANYTHING)
def test_any_yaml_is_a_palette_or_refused_by_name(tmp_path: Path, content: object) -> None:
    path = _write(tmp_path, yaml.safe_dump(content))
    try:
        assert isinstance(read_palette(path), Palette)
    except UserError as error:
        assert str(error).startswith(str(path))  # noqa: PT017


@PROPERTY
@given(text=st.text(alphabet="a1:-?!&*{}[],#|>'\"% \n\t", max_size=30))
def test_any_text_is_refused_by_name(tmp_path: Path, text: str) -> None:
    path = _write(tmp_path, text)
    with pytest.raises(UserError) as caught:
        read_palette(path)
    assert str(caught.value).startswith(str(path))


@PROPERTY
@given(palette=palettes() | st.sampled_from([*PALETTES.values()]), comment=st.text(max_size=40))
def test_written_palettes_read_back_equal(tmp_path: Path, palette: Palette, comment: str) -> None:
    path = tmp_path / "new" / "palette.yaml"
    write_palette(path, palette, comment)
    assert read_palette(path) == palette
    assert [other.name for other in path.parent.iterdir()] == ["palette.yaml"]


@pytest.mark.parametrize("name", ["no", "On", "null", "1e3", "~", "a: b", "é" * 2000, "\U0001f600\x85\ud800", " a "])
def test_names_that_yaml_reads_otherwise_are_quoted(tmp_path: Path, name: str) -> None:
    palette = Palette(name, (name, "b"), ((1, 2, 3), (4, 5, 6)))
    write_palette(tmp_path / "palette.yaml", palette)
    assert read_palette(tmp_path / "palette.yaml") == palette


def test_a_written_file_is_pleasant_to_read(tmp_path: Path) -> None:
    palette = read_palette(_write(tmp_path, YARD))
    write_palette(tmp_path / "palette.yaml", palette, "Found in yard.\n\nChange the names.")
    assert (tmp_path / "palette.yaml").read_text(encoding="utf-8") == (
        "# Found in yard.\n#\n# Change the names.\n"
        "name: yard\n"
        "classes:\n"
        "  grass: [0, 128, 0]\n"
        "  path: {colour: [128, 128, 128], value: 3}\n"
        "void:\n"
        "  colours: [[9, 9, 9], [1, 2, 3]]\n"
        "  values: [255, 7]\n"
    )


def test_palettes_are_found_by_their_own_name() -> None:
    for palette in (CITYSCAPES, CITYSCAPES_TRAIN_IDS, CITYSCAPES_ALL, CAMVID):
        assert named_palette(palette.name) is palette
    assert list(PALETTES) == ["cityscapes", "cityscapes-train-ids", "cityscapes-all", "camvid"]


def test_palettes_are_found_by_their_path(tmp_path: Path) -> None:
    assert named_palette(str(_write(tmp_path, YARD))).name == "yard"


@pytest.mark.parametrize("name", ["unicorn", "", "a\0b", "x" * 5000])
def test_unknown_palettes_are_refused_with_those_that_are_built_in(name: str) -> None:
    with pytest.raises(UserError, match="cityscapes, cityscapes-train-ids, cityscapes-all, camvid"):
        named_palette(name)


def test_names_that_stand_for_the_classes_of_the_data_are_explained() -> None:
    assert {"found", "masks", *FORMATS} == set(FROM_DATA)
    for name in FROM_DATA:
        with pytest.raises(UserError, match=rf"^{name}: .*not a palette; leave .* at auto .*--write-palette"):
            named_palette(name)


def test_a_git_lfs_pointer_in_place_of_a_palette_is_called_by_its_name(tmp_path: Path) -> None:
    path = _write(tmp_path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    with pytest.raises(UserError, match=r"yard\.yaml: .*is a Git LFS pointer.*git lfs pull"):
        read_palette(path)
