"""Which image each reference of an annotation file means; names are compared, no path out of a file is ever opened."""

import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pairloom.data.annotations.sets import Reference
from pairloom.errors import UserError

_Parts = tuple[str, ...]

_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")
"""What Label Studio puts before the name of an uploaded file."""
_WORD = re.compile(r"[a-z]+|\d+")
_SPLITS = {"valid": "val", "validation": "val", "training": "train", "testing": "test"}


class _Match(NamedTuple):
    """An image that a reference may mean, and how well it fits: the smaller the better."""

    weakness: tuple[int, int]
    image: Path


def match_references(references: Sequence[Reference], images: Sequence[Path], root: Path) -> dict[Reference, Path]:
    """Match references with the images of a folder.

    A reference means the image that its path leads to from the annotation file; else the one whose path agrees with
    it longest from the end; else the only one of its name, or of its name with another extension, or of the name that
    Label Studio has put eight digits before. Of several, the one that lies nearest to the annotation file is taken, or
    in a folder that the annotation file is named after (`instances_train.json`, `train/`). Names are compared in
    Unicode's normal form C.

    Args:
        references: of one set of annotations.
        images: the image files that were found.
        root: the folder in which they are.

    Returns:
        The image of each reference that has one.

    Raises:
        UserError: if a reference may mean several images, or two references mean the same one.
    """
    known = _Images(images, root)
    found: dict[Path, tuple[tuple[int, int], Reference]] = {}
    for reference in references:
        match = known.find(reference)
        if match is None:
            continue
        if (other := found.get(match.image)) is not None and other[0] == match.weakness:
            raise UserError(
                f"{match.image}: is described twice, by {_shown(other[1])} and by {_shown(reference)}; remove one"
            )
        if other is None or match.weakness < other[0]:
            found[match.image] = (match.weakness, reference)
    return {reference: image for image, (_, reference) in found.items()}


class _Images:
    """The images of a folder by their paths and names."""

    def __init__(self, images: Iterable[Path], root: Path) -> None:
        self._root = os.path.join(root, "")  # noqa: PTH118 (a hundred thousand paths are compared as texts)
        self._parts = {image: self._split(image) for image in images}
        self._by_path: dict[_Parts, list[Path]] = defaultdict(list)
        self._by_key: list[Mapping[str, list[Path]]] = []
        for image, parts in self._parts.items():
            self._by_path[parts].append(image)
            self._by_path[(*parts[:-1], _stem(parts[-1]))].append(image)
        # The name itself, then also in other capitals, without extension, and with another extension.
        for key in (str, str.casefold, _stem):
            index: dict[str, list[Path]] = defaultdict(list)
            for image, parts in self._parts.items():
                index[key(parts[-1])].append(image)
            self._by_key.append(index)

    def find(self, reference: Reference) -> _Match | None:
        """Return the image that a reference means, if there is one; raise UserError where it may be several."""
        given = [part for part in unicodedata.normalize("NFC", reference.image).split("/") if part not in ("", ".")]
        if not given:
            return None
        place = self._split(reference.file.parent)
        way = _resolve(place, given)
        for path in (way, (*way[:-1], *map(_stem, way[-1:]))):
            if len(exact := self._by_path.get(path, [])) == 1:
                return _Match((0, 0), exact[0])
        name = given[-1]
        names = [name]
        if _UPLOAD.match(name):
            names.append(_UPLOAD.sub("", name, count=1))
        for number, name in enumerate(names):
            tries: tuple[tuple[int, str], ...] = ((0, name), (1, name.casefold()), (2, name), (2, _stem(name)))
            for step, (index, key) in enumerate(tries, start=1 + len(tries) * number):
                if candidates := self._by_key[index].get(key):
                    return self._choose(candidates, given, place, reference, step)
        return None

    def _choose(
        self, candidates: list[Path], given: list[str], place: _Parts, reference: Reference, step: int
    ) -> _Match:
        """Return the candidate for which most speaks."""
        agreeing = {image: _common(self._parts[image][-2::-1], given[-2::-1]) for image in candidates}
        words = _words((*place, reference.file.stem))
        ranks: list[Callable[[Path], int]] = [
            agreeing.__getitem__,
            lambda image: _common(self._parts[image][:-1], place),
            lambda image: sum(bool(found) and found <= words for found in map(_words, _each(self._parts[image][:-1]))),
        ]
        left = candidates
        for rank in ranks:
            best = max(map(rank, left))
            left = [image for image in left if rank(image) == best]
            if len(left) == 1:
                return _Match((step, -agreeing[left[0]]), left[0])
        raise UserError(
            f"{reference.file}: {reference.image[:200]!r} may mean {left[0]} or {left[1]}; give the images names that "
            "differ, or put each annotation file beside its images"
        )

    def _split(self, path: Path) -> _Parts:
        """Return the parts of a path below the root, in normal form C."""
        text = str(path)
        text = text.removeprefix(self._root) if f"{text}/" != self._root else ""
        return tuple(unicodedata.normalize("NFC", text).split("/")) if text else ()


def _resolve(place: _Parts, given: Sequence[str]) -> _Parts:
    """Follow a path from a folder in words alone; the parts above the root are lost."""
    way = list(place)
    for part in given:
        if part != "..":
            way.append(part)
        elif way:
            way.pop()
    return tuple(way)


def _stem(name: str) -> str:
    return name[:dot] if (dot := name.rfind(".")) > 0 else name


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Count the equal parts at the beginning."""
    for count, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return count
    return min(len(first), len(second))


def _words(parts: Iterable[str]) -> frozenset[str]:
    """Return the words and numbers in names, the names of splits in their short form."""
    return frozenset(_SPLITS.get(word, word) for part in parts for word in _WORD.findall(part.casefold()))


def _each(parts: _Parts) -> list[_Parts]:
    return [(part,) for part in parts]


def _shown(reference: Reference) -> str:
    return f"{reference.file}" + (f" (image {reference.image[:80]!r})" if reference.entry else "")
