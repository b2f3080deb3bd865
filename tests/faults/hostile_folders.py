"""Data folders that lie, loop or overflow, around pairs that are good."""

import os
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

PAIRS = 6
LARGE = 300 * 2**20
"""Bytes of files that announce more than they hold: they take no room on the disk."""


def good(root: Path, first: int = 0) -> None:
    """Write pairs of photographs and masks of two classes into `images/` and `masks/`."""
    for number in range(first, first + PAIRS):
        rng = np.random.default_rng(number)
        ids = np.zeros((40, 48), np.uint8)
        top, left = rng.integers(4, 20, 2)
        ids[top : top + 14, left : left + 16] = 1
        picture = (ids[..., None] * 90 + rng.integers(40, 120, (40, 48, 3))).astype(np.uint8)
        for folder, image, ending in (("images", picture, "jpg"), ("masks", ids, "png")):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(root / folder / f"{number:04}.{ending}")


def sparse(path: Path, size: int = LARGE) -> None:
    """Write a file of so many zeros that takes no room."""
    with path.open("wb") as file:
        file.truncate(size)


def loops(root: Path) -> None:
    """Links to folders above, to each other, to themselves, and to nothing."""
    good(root)
    (root / "images/up").symlink_to(root)
    (root / "masks/up").symlink_to("..")
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")
    (root / "self").symlink_to("self")
    (root / "images/nowhere.png").symlink_to("/nonexistent/file.png")
    (root / "images/itself.png").symlink_to("itself.png")


def deep(root: Path) -> None:
    """A folder in a folder, two thousand times: the path is longer than any that may be opened."""
    good(root)
    place = os.open(root, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("deeper", dir_fd=place)
        inside = os.open("deeper", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inside
    os.close(place)


def wide(root: Path) -> None:
    """Thousands of folders with one image each."""
    good(root)
    content = (root / "masks/0000.png").read_bytes()
    for number in range(1500):
        (root / f"more/{number}").mkdir(parents=True)
        (root / f"more/{number}/x.png").write_bytes(content)


def odd_names(root: Path) -> None:
    """Names with line breaks, escapes, bytes that are no text, and markup."""
    for number, name in enumerate(
        (
            b"a\nb",
            b"\x1b]0;title\x07\x1b[31m",
            b"\xff\xfe",
            b"[red]",
            b"--data",
            "\u202egnp.exe".encode(),
            b"'; rm -r .",
        )
    ):
        good(root / "plain", number)
        for folder, ending in (("images", b".jpg"), ("masks", b".png")):
            (root / folder).mkdir(exist_ok=True)
            written = root / "plain" / folder / f"{number:04}{ending.decode()}"
            os.rename(written, os.fsencode(root / folder) + b"/" + name + ending)  # noqa: PTH104 (bytes)
    subprocess.run(["/bin/rm", "-r", str(root / "plain")], check=True)
    os.mkdir(os.fsencode(root) + b"/\x1b[31m\xff\n")  # noqa: PTH102 (bytes)


def no_files(root: Path) -> None:
    """Pipes, and folders with the names of images."""
    good(root)
    os.mkfifo(root / "images/pipe.jpg")
    os.mkfifo(root / "masks/pipe.png")
    os.mkfifo(root / "train.txt")
    os.mkfifo(root / "classes.txt")
    (root / "images/folder.jpg").mkdir()
    (root / "masks/folder.png").mkdir()


LISTS: Mapping[str, Callable[[Path], object]] = {
    "of 300 MB": sparse,
    "of 5 MB of names": lambda path: path.write_text("".join(f"{n:07}\n" for n in range(600_000))),
    "of one line of 20 MB": lambda path: path.write_text("a" * 20_000_000),
    "of bytes": lambda path: path.write_bytes(np.random.default_rng(0).bytes(2**20)),
    "of zeros": lambda path: path.write_bytes(bytes(1000)),
    "of nothing": lambda path: path.write_bytes(b""),
    "of blanks": lambda path: path.write_text("\n \n\t\n" * 1000),
    "a folder": lambda path: path.mkdir(),
    "a link to itself": lambda path: path.symlink_to(path.name),
}
"""Lists of a split that are none."""

NAMES: Mapping[str, tuple[str, Callable[[Path], object]]] = {
    "300 MB of CSV": ("class_dict.csv", sparse),
    "300 MB of text": ("classes.txt", sparse),
    "300 MB of JSON": ("classes.json", sparse),
    "300 MB of YAML": ("classes.yaml", sparse),
    "300,000 rows": (
        "class_dict.csv",
        lambda path: path.write_text("name,r,g,b\n" + "".join(f"c{n},{n % 256},0,0\n" for n in range(300_000))),
    ),
    "rows without ends": ("_classes.csv", lambda path: path.write_text('Pixel Value, Class\n0,"' + "a" * 5_000_000)),
    "huge numbers": ("_classes.csv", lambda path: path.write_text("Pixel Value, Class\n" + "9" * 5000 + ", cell\n")),
    "numbers that are none": (
        "class_dict.csv",
        lambda path: path.write_text("name,r,g,b\na,nan,inf,1e400\nb,-1,256,x\n"),
    ),
    "bytes": ("labelmap.txt", lambda path: path.write_bytes(np.random.default_rng(1).bytes(2**20))),
    "escapes": ("classes.txt", lambda path: path.write_text("\x1b[31mred\x07\n[bold]x[/]\n")),
    "one name twice": ("classes.txt", lambda path: path.write_text("cell\ncell\n")),
    "no names": ("classes.txt", lambda path: path.write_text("\n\n")),
    "a billion laughs": (
        "classes.yaml",
        lambda path: path.write_text(
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "".join(f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
            + "names: *i\n"
        ),
    ),
    "YAML that would execute": (
        "data.yaml",
        lambda path: path.write_text(f"names: !!python/object/apply:os.system ['touch {path.parent}/executed']\n"),
    ),
    "deep YAML": ("classes.yaml", lambda path: path.write_text("names: " + "[" * 50_000)),
    "deep JSON": ("classes.json", lambda path: path.write_text('{"a":' * 100_000)),
    "JSON of another kind": ("classes.json", lambda path: path.write_text('[1, {"name": null}, [], {"id": {}}]')),
    "JSON of endless numbers": ("classes.json", lambda path: path.write_text('{"0": 1e999, "1": -' + "9" * 5000 + "}")),
    "a link to itself": ("classes.txt", lambda path: path.symlink_to(path.name)),
    "a folder": ("class_dict.csv", lambda path: path.mkdir()),
}
"""Files in which the names of the classes should be, and are not."""
