"""YOLO polygons: a text file for each image, with a line `class x y x y …` for each object; coordinates from 0 to 1.

Corners are cut down to whole pixels, as Ultralytics cuts them before it fills; see `ClassMap.draw_polygon`.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import yaml

from pairloom.data.annotations.sets import AnnotationSet, Reference, common_folder
from pairloom.data.annotations.shapes import ClassMap, is_background
from pairloom.data.annotations.values import MOST_POINTS, AnnotationError, as_id, as_name

NAME = "yolo"
BOXES_ALONE = (
    "holds boxes alone (class and 4 numbers per line), which do not tell which pixels belong to an object; "
    "export polygons (YOLO segmentation)"
)
NAMES_FILES = ("classes.txt", "obj.names", "_darknet.labels", "labels.txt")
"""What a list of class names, one a line, is called where there is no YAML file."""
KEYPOINTS = "describes keypoints (kpt_shape), which are not areas; export polygons (YOLO segmentation)"
LARGEST_FILE = 2**24
LARGEST_YAML = 2**18
_SAMPLE = 32
"""Files of a folder by which it is judged."""
_BOXES = 500
"""Files with boxes and no polygon among them by which the whole set is taken to hold boxes alone."""
_MOST_CLASSES = 10_000
_LINE = re.compile(rb"\d{1,4}((?:[ \t]+[-+.\deE]{1,32}){4,})[ \t]*")
_ROUNDING = 0.01
"""Pixels by which a corner may have been rounded down when it was written with six digits."""


def find(texts: Sequence[Path], yamls: Sequence[Path] = ()) -> list[AnnotationSet]:
    """Find the folders whose text files hold YOLO's lines, and the classes that they use.

    Args:
        texts: text files of any kind.
        yamls: YAML files of any kind; of those that name classes, the one in the nearest folder above counts.
    """
    folders: dict[str, list[Path]] = defaultdict(list)
    listed: dict[Path, Mapping[int, str]] = {}
    for path in texts:
        folder, _, name = str(path).rpartition("/")
        if name in NAMES_FILES:
            listed.setdefault(path.parent, _names_of_list(path))
        elif name[-4:].lower() == ".txt":
            folders[folder].append(path)
    labelled = [files for files in folders.values() if _holds_labels(files)]
    if not labelled:
        return []
    said: dict[Path, Mapping[int, str]] = {}
    for path in sorted(yamls):
        try:
            if names := _names_of_yaml(path):
                said.setdefault(path.parent, names)
        except AnnotationError as error:
            return [AnnotationSet(NAME, path, refusal=str(error))]
    groups: dict[tuple[tuple[int, str], ...], list[list[Path]]] = defaultdict(list)
    for files in labelled:
        folder_names = _nearest(files[0].parent, said) or _nearest(files[0].parent, listed)
        groups[tuple(folder_names.items())].append(files)
    return [_set(dict(names), parts) for names, parts in groups.items()]


def draw(annotations: AnnotationSet, file: Path, entry: str, canvas: ClassMap) -> None:
    """Draw a file's polygons in their order."""
    scale = np.array([canvas.width, canvas.height])
    labels: Mapping[int, str] = annotations.index  # type: ignore[assignment]
    for number, line in enumerate(_read(file).splitlines(), start=1):
        if not (words := line.split()):
            continue
        where = f"line {number}"
        if len(words) in (5, 6):
            raise AnnotationError(f"{where}: is a box, which does not tell which pixels belong to the object")
        if not words[0].isdigit() or len(words[0]) > 4 or len(words) % 2 == 0 or len(words) < 7:
            raise AnnotationError(f"{where}: must be a class number and at least three points")
        if len(words) > 2 * MOST_POINTS:
            raise AnnotationError(f"{where}: has more than {MOST_POINTS:,} points")
        try:
            numbers = np.array(words[1:], dtype=object).astype(np.float64)
        except ValueError:
            raise AnnotationError(f"{where}: must hold numbers only") from None
        if not (np.abs(numbers - 0.5) <= 1).all():  # NaN included
            raise AnnotationError(f"{where}: has coordinates that are not from 0 to 1")
        points = np.floor(numbers.reshape(-1, 2) * scale + _ROUNDING)
        label = labels.get(int(words[0]), f"number {int(words[0])}")
        try:
            canvas.draw_polygon(label, points)
        except AnnotationError as error:
            raise AnnotationError(f"{where}: {error}") from None


def _set(names: Mapping[int, str], folders: Sequence[Sequence[Path]]) -> AnnotationSet:
    """Describe the files, by folder, that share a list of names; their classes are those that occur."""
    files = [file for folder in folders for file in folder]
    path = files[0] if len(files) == 1 else common_folder(folder[0] for folder in folders)
    used: set[int] = set()
    polygons = False
    boxes = 0
    # In a random order all classes have been seen soon, and the rest of the files can stay unread.
    order = np.random.default_rng(0).permutation(len(files))
    for position in order.tolist():
        try:
            lines = [words for line in _read(files[position]).splitlines() if (words := line.split())]
        except (AnnotationError, OSError):  # drawing tells
            continue
        used.update(int(words[0]) for words in lines if words[0].isdigit() and len(words[0]) <= 4)
        outlined = any(len(words) > 6 for words in lines)
        polygons = polygons or outlined
        boxes += bool(lines) and not outlined
        if (polygons and names and used >= names.keys()) or (not polygons and boxes >= _BOXES):
            break
    if not polygons:
        return AnnotationSet(NAME, path, refusal=BOXES_ALONE)
    if names and (unknown := sorted(used - names.keys())):
        return AnnotationSet(NAME, path, refusal=f"uses the class {unknown[0]}, which its list of names lacks")
    labels = {number: names.get(number, str(number)) for number in sorted(used)}
    ordered = list(labels.values())
    if twice := [name for name in ordered if ordered.count(name) > 1]:
        return AnnotationSet(NAME, path, refusal=f"has two classes named {twice[0]!r}; give them names that differ")
    return AnnotationSet(
        NAME,
        path,
        tuple(name for name in ordered if not is_background(name)),
        None,
        tuple(reference for folder in folders for reference in _references(folder)),
        has_background=any(map(is_background, ordered)),
        index=labels,
    )


def _references(files: Sequence[Path]) -> list[Reference]:
    """Return where the images of a folder's files are: in images/ where the files are in labels/."""
    parts = files[0].parent.parts
    before = ""
    if "labels" in parts:
        below = parts[len(parts) - parts[::-1].index("labels") :]
        before = "/".join([*[".."] * (len(below) + 1), "images", *below, ""])
    return [Reference(before + file.name[: -len(".txt")], file, "") for file in files]


def _holds_labels(files: Sequence[Path]) -> bool:
    """Judge by a sample whether a folder's text files hold YOLO's lines."""
    good = bad = 0
    for path in files[:: max(1, len(files) // (8 * _SAMPLE))]:
        try:
            lines = [line for line in _read(path).splitlines() if line.strip()]
        except (AnnotationError, OSError):
            lines = [b"unreadable"]
        if lines and all(map(_is_line, lines[:50])):
            good += 1
        elif lines:
            bad += 1
        if good + bad >= _SAMPLE:
            break
    return good > bad


def _is_line(line: bytes) -> bool:
    match = _LINE.fullmatch(line)
    try:
        return match is not None and all(-0.5 <= float(word) <= 1.5 for word in match[1].split())
    except ValueError:
        return False


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise AnnotationError(f"is larger than {LARGEST_FILE // 2**20} MiB")
    return content


def _nearest(folder: Path, names: Mapping[Path, Mapping[int, str]]) -> Mapping[int, str]:
    """Return the names that are said in a folder or the nearest one above; or the only ones that are said anywhere."""
    for place in (folder, *folder.parents):
        if place in names:
            return names[place]
    return next(iter(names.values())) if len(names) == 1 else {}


def _names_of_yaml(path: Path) -> Mapping[int, str]:
    """Return the names of classes by number; none for YAML of other kinds.

    Raises:
        AnnotationError: if it describes keypoints.
    """
    try:
        content = path.read_bytes() if path.stat().st_size <= LARGEST_YAML else b""
        record = yaml.safe_load(content) if b"names" in content else None
    # What YAML's own readers raise at nonsense.
    except (
        OSError,
        ValueError,
        RecursionError,
        yaml.YAMLError,
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
    ):
        return {}
    listed = record.get("names") if isinstance(record, dict) else None
    if isinstance(listed, list):
        listed = dict(enumerate(listed))
    if not isinstance(listed, dict) or len(listed) > _MOST_CLASSES:
        return {}
    try:
        names = {as_id(number, "number"): as_name(name, "name") for number, name in listed.items()}
    except AnnotationError:
        return {}
    if isinstance(record, dict) and "kpt_shape" in record:
        raise AnnotationError(KEYPOINTS)
    return names


def _names_of_list(path: Path) -> Mapping[int, str]:
    """Return the names of a list, one a line."""
    try:
        lines = _read(path).decode().splitlines()[:_MOST_CLASSES]
        return {number: as_name(line.strip(), "name") for number, line in enumerate(lines) if line.strip()}
    except (AnnotationError, OSError, ValueError):
        return {}
