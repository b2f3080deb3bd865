"""Which image each reference of an annotation file means; names are compared, no path out of a file is ever opened."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from pairloom.data.annotations.sets import Reference
from pairloom.errors import UserError

_Parts = tuple[str, ...]
_Index = dict[str, list[Path]]

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
    """The images of a folder by their paths and names; the indexes are made when they are asked for."""

    def __init__(self, images: Iterable[Path], root: Path) -> None:
        self._root = str(root).rstrip("/") + "/"
        self._paths = {image: self._below_root(str(image)) for image in images}
        self._by_path = _index(self._paths, str)
        self._places: dict[str, _Parts] = {}
        """The parts of folders of annotation files."""

    @cached_property
    def _by_path_stem(self) -> _Index:
        return _index(self._paths, _stem)

    @cached_property
    def _by_name(self) -> _Index:
        return _index(self._paths, _name)

    @cached_property
    def _by_folded_name(self) -> _Index:
        return _index(self._paths, lambda path: _name(path).casefold())

    @cached_property
    def _by_stem(self) -> _Index:
        return _index(self._paths, lambda path: _stem(_name(path)))

    def find(self, reference: Reference) -> _Match | None:
        """Return the image that a reference means, if there is one; raise UserError where it may be several."""
        given = [part for part in _normal(reference.image).split("/") if part not in ("", ".")]
        if not given:
            return None
        place = self._place(reference.file)
        way = "/".join(_resolve(place, given))
        for exact in (self._by_path.get(way), self._by_path_stem.get(way), self._by_path_stem.get(_stem(way))):
            if exact is not None and len(exact) == 1:
                return _Match((0, 0), exact[0])
        names = [given[-1]]
        if _UPLOAD.match(names[0]):
            names.append(_UPLOAD.sub("", names[0], count=1))
        for step, candidates in enumerate(chain.from_iterable(map(self._named, names)), start=1):
            if candidates:
                return self._choose(candidates, given, place, reference, step)
        return None

    def _named(self, name: str) -> Iterator[list[Path]]:
        """Yield the images of a name, then those of nearly the name."""
        yield self._by_name.get(name, [])
        yield self._by_folded_name.get(name.casefold(), [])
        yield self._by_stem.get(name, [])
        yield self._by_stem.get(_stem(name), [])

    def _choose(
        self, candidates: list[Path], given: list[str], place: _Parts, reference: Reference, step: int
    ) -> _Match:
        """Return the candidate for which most speaks."""
        folders = {image: tuple(self._paths[image].split("/")[:-1]) for image in candidates}
        agreeing = {image: _common(folders[image][::-1], given[-2::-1]) for image in candidates}
        words = _words((*place, reference.file.stem))
        ranks: list[Callable[[Path], int]] = [
            agreeing.__getitem__,
            lambda image: _common(folders[image], place),
            lambda image: sum(bool(found) and found <= words for found in map(_words_of, folders[image])),
        ]
        left = candidates
        for rank in ranks:
            best = max(map(rank, left))
            left = [image for image in left if rank(image) == best]
            if len(left) == 1:
                return _Match((step, -agreeing[left[0]]), left[0])
        raise UserError(
            f"{reference.file}: {reference.image[:200]!r} may mean {left[0]} or {left[1]}; rename one, or "
            "put each annotation file beside its images"
        )

    def _place(self, file: Path) -> _Parts:
        """Return the parts of a file's folder below the root."""
        folder = str(file).rpartition("/")[0]
        if folder not in self._places:
            self._places[folder] = tuple(filter(None, self._below_root(f"{folder}/").split("/")))
        return self._places[folder]

    def _below_root(self, path: str) -> str:
        return _normal(path.removeprefix(self._root))


def _index(paths: Mapping[Path, str], key: Callable[[str], str]) -> _Index:
    index: _Index = {}
    for image, path in paths.items():
        index.setdefault(key(path), []).append(image)
    return index


def _normal(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _name(path: str) -> str:
    return path[path.rfind("/") + 1 :]


def _resolve(place: _Parts, given: Sequence[str]) -> _Parts:
    """Follow a path from a folder in words alone; the parts above the root are lost."""
    way = list(place)
    for part in given:
        if part != "..":
            way.append(part)
        elif way:
            way.pop()
    return tuple(way)


def _stem(path: str) -> str:
    """Return a path without its extension."""
    dot = path.rfind(".")
    return path[:dot] if dot > path.rfind("/") + 1 else path


def _common(first: Sequence[str], second: Sequence[str]) -> int:
    """Count the equal parts at the beginning."""
    for count, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return count
    return min(len(first), len(second))


def _words(parts: Iterable[str]) -> frozenset[str]:
    """Return the words and numbers in names, the names of splits in their short form."""
    return frozenset(_SPLITS.get(word, word) for part in parts for word in _WORD.findall(part.casefold()))


def _words_of(name: str) -> frozenset[str]:
    return _words((name,))


def _shown(reference: Reference) -> str:
    return f"{reference.file}" + (f" (image {reference.image[:80]!r})" if reference.entry else "")
