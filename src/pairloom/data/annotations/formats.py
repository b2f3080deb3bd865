"""The table of formats, and how annotations are found among the files of a folder."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from pairloom.data.annotations import coco, cvat, label_studio, labelme, refused, supervisely, via, yolo
from pairloom.data.annotations.sets import AnnotationSet, FileFormat, Format
from pairloom.files import LFS_POINTER

_BY_SUFFIX: Mapping[str, tuple[FileFormat, ...]] = {
    ".json": (labelme, label_studio, coco, supervisely, via),  # in the order in which files are held against them
    ".xml": (cvat,),
}
FILE_FORMATS = tuple(format_ for formats in _BY_SUFFIX.values() for format_ in formats)
_ALL: tuple[Format, ...] = (*FILE_FORMATS, yolo)
FORMATS: Mapping[str, Format] = {each.NAME: each for each in _ALL}
"""Every format that is read, by name."""

_HEADS = (2**12, 2**16)
"""Bytes by which a file is judged; more where fewer do not tell."""
_TEXTS = (".txt", ".names", ".labels")
_YAMLS = (".yaml", ".yml")
_PARSED = (*_BY_SUFFIX, *_YAMLS)


def find_annotations(files: Sequence[Path]) -> list[AnnotationSet]:
    """Find the sets of annotations among the files of a folder; files of other kinds are passed over.

    Files of one format make one set, whose classes are those of all of them by name; YOLO's make one for each list of
    names. What is recognised and cannot be read (boxes alone, damaged files, MATLAB's) makes a set with a refusal.

    Args:
        files: any files but images; each is looked at only, unless its first bytes are those of an annotation file.

    Returns:
        The sets; readable ones first.
    """
    chosen: dict[str, list[Path]] = defaultdict(list)
    texts: list[Path] = []
    yamls: list[Path] = []
    voc: list[Path] = []
    pointers: list[Path] = []
    others: list[Path] = []
    # Of a hundred thousand files, comparing and taking apart the paths themselves would take seconds.
    for path in sorted(files, key=str):
        name = path.name
        suffix = name[name.rfind(".") :].lower()
        if name.startswith("."):
            continue
        if found_format := _recognise(path, _BY_SUFFIX.get(suffix, ())):
            chosen[found_format].append(path)
        elif suffix in _TEXTS:
            texts.append(path)
        elif suffix in _PARSED:
            head = _head(path, _HEADS[0])
            if head.startswith(LFS_POINTER):
                pointers.append(path)
            elif suffix in _YAMLS:
                yamls.append(path)
            elif suffix == ".xml" and refused.is_voc(head):
                voc.append(path)
        elif suffix in refused.FORMATS:
            others.append(path)
    found = [each for format_ in FILE_FORMATS for each in format_.find(chosen[format_.NAME])]
    found += yolo.find(texts, yamls)
    found += refused.find(others, voc, pointers)
    return sorted(found, key=lambda each: each.refusal is not None)


def _recognise(path: Path, formats: Sequence[FileFormat]) -> str | None:
    """Return the name of the format that a file seems to have."""
    for count in _HEADS if formats else ():
        head = _head(path, count)
        for format_ in formats:
            if format_.recognises(head):
                return format_.NAME
        if len(head) < count:
            break
    return None


def _head(path: Path, count: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""
