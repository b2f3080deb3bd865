"""References find their images, and nothing else."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairloom.data.annotations import Reference, match_references
from pairloom.errors import UserError

ROOT = Path("/data")


def match(references: list[tuple[str, str]], images: list[str]) -> dict[str, str]:
    """Match names in files with images; return the images by name and file."""
    given = [Reference(name, ROOT / file, str(number)) for number, (name, file) in enumerate(references)]
    found = match_references(given, [ROOT / image for image in images], ROOT)
    return {
        f"{reference.image} in {reference.file.relative_to(ROOT)}": str(image.relative_to(ROOT))
        for reference, image in found.items()
    }


@pytest.mark.parametrize(
    ("name", "file", "images", "expected"),
    [
        ("a.jpg", "train/c.json", ["train/a.jpg", "valid/a.jpg"], "train/a.jpg"),
        ("a.jpg", "annotations/instances_train2017.json", ["train2017/a.jpg", "val2017/a.jpg"], "train2017/a.jpg"),
        ("a.jpg", "annotations/val.json", ["images/train/a.jpg", "images/validation/a.jpg"], "images/validation/a.jpg"),
        ("train/a.jpg", "c.json", ["images/train/a.jpg", "images/val/a.jpg"], "images/train/a.jpg"),
        ("../images/a.jpg", "labels/a.json", ["images/a.jpg", "other/a.jpg"], "images/a.jpg"),
        ("../../../../etc/a.jpg", "labels/a.json", ["images/a.jpg"], "images/a.jpg"),
        ("/abs/where/a.jpg", "c.json", ["images/a.jpg"], "images/a.jpg"),
        ("a.bmp", "c.json", ["images/a.png"], "images/a.png"),
        ("A.JPG", "c.json", ["images/a.jpg"], "images/a.jpg"),
        ("0123abcd-a.jpg", "c.json", ["images/a.jpg"], "images/a.jpg"),
        ("0123abcd-a.jpg", "c.json", ["images/a.jpg", "images/0123abcd-a.jpg"], "images/0123abcd-a.jpg"),
        (
            "../../images/train/a.b",
            "labels/train/a.b.txt",
            ["images/train/a.b.jpg", "images/train/a.c.jpg"],
            "images/train/a.b.jpg",
        ),
        ("../../images/train/a", "labels/train/a.txt", ["train/a.jpg", "val/a.jpg"], "train/a.jpg"),
        (unicodedata.normalize("NFD", "straße-ü.jpg"), "c.json", ["images/straße-ü.jpg"], "images/straße-ü.jpg"),
        (
            "straße-ü.jpg",
            "c.json",
            [unicodedata.normalize("NFD", "straße-ü.jpg")],
            unicodedata.normalize("NFD", "straße-ü.jpg"),
        ),
        ("train/a/x.jpg", "train/c.json", ["train/a/x.jpg", "train/b/x.jpg"], "train/a/x.jpg"),
    ],
)
def test_the_image_that_fits_best_is_taken(name: str, file: str, images: list[str], expected: str) -> None:
    assert list(match([(name, file)], images).values()) == [expected]


def test_what_is_not_there_is_left_out() -> None:
    assert match([("a.jpg", "c.json"), ("", "c.json"), ("..", "c.json"), ("b.jpg", "c.json")], ["b.jpg"]) == {
        "b.jpg in c.json": "b.jpg"
    }


def test_several_images_of_a_name_are_refused() -> None:
    with pytest.raises(UserError, match="may mean"):
        match([("a.jpg", "c.json")], ["x/a.jpg", "y/a.jpg"])


def test_an_image_that_is_described_twice_is_refused() -> None:
    with pytest.raises(UserError, match="described twice"):
        match([("a.jpg", "cars.json"), ("a.jpg", "trees.json")], ["a.jpg"])


def test_of_two_references_the_better_one_has_the_image() -> None:
    found = match([("x/a.jpg", "c.json"), ("y/a.jpg", "c.json")], ["y/a.jpg"])
    assert found == {"y/a.jpg in c.json": "y/a.jpg"}


names = st.lists(
    st.sampled_from(["..", ".", "a", "b", "a.jpg", "b.png", "", "0123abcd-a.jpg", "\0", "é"]), max_size=4
).map("/".join)


@given(st.lists(st.tuples(names, st.sampled_from(["c.json", "a/c.json", "b/a/train.json"])), max_size=4))
def test_no_image_but_those_found_is_ever_returned(references: list[tuple[str, str]]) -> None:
    images = ["a.jpg", "a/a.jpg", "b/b.png", "b/a/é.jpg"]
    try:
        found = match(references, images)
    except UserError:
        return
    assert set(found.values()) <= set(images)
    assert len(set(found.values())) == len(found)
