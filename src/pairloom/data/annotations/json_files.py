"""JSON of annotation tools, read in bounded memory: small files at once, large ones value by value."""

import codecs
import json
import mmap
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from pairloom.data.annotations.values import AnnotationError

LARGEST_FILE = 2**29
"""Bytes of an annotation file at the most; the one of COCO's 118,000 training images has 448 MB."""
LARGEST_VALUE = 2**25
"""Characters of a value that is parsed at once. As Python objects it may take 25 times as much."""
_CHUNK = 2**20
_SPACE = re.compile(r"[ \t\n\r]*")
# Base64 needs no escapes, though some writers escape its slashes.
_IMAGE_DATA = re.compile(rb'"imageData"\s*:\s*"((?:[A-Za-z0-9+/=]++|\\/)*+)"')
_DECODER = json.JSONDecoder()


def read_json(path: Path) -> Any:
    """Read a JSON file that describes one image; embedded image data (`imageData`) are skipped, not parsed.

    Raises:
        AnnotationError: if it is not JSON, or too large.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        if size > LARGEST_FILE:
            raise AnnotationError(f"is larger than {LARGEST_FILE // 2**20} MiB")
        file.seek(0)
        if size <= _CHUNK:
            return parse(_without_image(file.read()))
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return parse(_without_image(content))


def _without_image(content: bytes | mmap.mmap) -> bytes:
    if found := _IMAGE_DATA.search(content):
        start, end = found.span(1)
        kept = len(content) - (end - start)
    else:
        start = end = kept = len(content)
    if kept > LARGEST_VALUE:
        raise AnnotationError(f"holds more than {LARGEST_VALUE // 2**20} MiB of JSON for one image")
    return bytes(content[:start]) + bytes(content[end:])


def parse(content: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        AnnotationError: if it is none.
    """
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise AnnotationError(f"cannot be read as JSON ({_reason(error)})") from error


class Member(NamedTuple):
    """A value within a JSON file."""

    container: str
    """The top-level key whose list or object holds the value; empty at the top level itself."""
    key: str
    """The value's own key; empty in lists."""
    value: Any
    start: int
    """Where the value begins in the file, in bytes."""
    stop: int


def walk(path: Path, containers: Collection[str]) -> Iterator[Member]:
    """Yield the values of a JSON file one by one: those in top-level lists and objects of certain names, and others.

    Args:
        path: a file that holds an object; or a list, whose items are yielded.
        containers: the top-level keys whose items are yielded one by one; the other keys' values are yielded whole.

    Raises:
        AnnotationError: if it is not JSON, or a value is too large.
        OSError: if it cannot be read.
    """
    with path.open("rb") as file:
        if file.seek(0, 2) > LARGEST_FILE:
            raise AnnotationError(f"is larger than {LARGEST_FILE // 2**20} MiB")
        file.seek(0)
        try:
            yield from _walk(_Scanner(file), containers)
        except (ValueError, RecursionError) as error:
            if isinstance(error, AnnotationError):
                raise
            raise AnnotationError(f"cannot be read as JSON ({_reason(error)})") from error


def _walk(scanner: "_Scanner", containers: Collection[str]) -> Iterator[Member]:
    if scanner.peek() == "[":
        yield from _items(scanner, "")
    else:
        for key in scanner:
            if scanner.peek() in ("[", "{") and key in containers:
                yield from _items(scanner, key)
            else:
                start = scanner.position
                yield Member("", key, scanner.value(), start, scanner.position)
    if scanner.peek():
        raise AnnotationError(f"cannot be read as JSON (byte {scanner.position} stands behind its end)")


def _items(scanner: "_Scanner", container: str) -> Iterator[Member]:
    if scanner.peek() == "{":
        for key in scanner:
            scanner.peek()
            start = scanner.position
            yield Member(container, key, scanner.value(), start, scanner.position)
        return
    for _ in scanner.entries("[", "]"):
        start = scanner.position
        yield Member(container, "", scanner.value(), start, scanner.position)


class _Scanner:
    """Steps through JSON text, of which only a window is in memory."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._text, self._at, self._ended = "", 0, False
        self._bytes = 0
        """The byte of the file at which `_at` stands."""
        self._extend()
        if self._text.startswith("\ufeff"):
            self._advance(1)

    @property
    def position(self) -> int:
        """The byte at which the next value begins, once `peek` has skipped the space before it."""
        return self._bytes

    def peek(self) -> str:
        """Skip space, and return the next character; empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._at)
            self._advance(found.end() if found else self._at)
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._extend()

    def expect(self, character: str) -> None:
        """Step over one character."""
        if (found := self.peek()) != character:
            raise AnnotationError(f"cannot be read as JSON (byte {self._bytes} is {found!r}, not {character!r})")
        self._advance(self._at + 1)

    def entries(self, opening: str, closing: str) -> Iterator[None]:
        """Step through a list or an object; the caller reads what stands at each stop."""
        self.expect(opening)
        if self.peek() != closing:
            yield
            while self.peek() == ",":
                self.expect(",")
                self.peek()
                yield
        self.expect(closing)

    def __iter__(self) -> Iterator[str]:
        """Step through an object; the caller reads each key's value."""
        for _ in self.entries("{", "}"):
            if self.peek() != '"':
                raise AnnotationError(f"cannot be read as JSON (byte {self._bytes} begins no key)")
            key = str(self.value())
            self.expect(":")
            yield key

    def value(self) -> Any:
        """Parse the value that stands here."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError:
                if self._ended:
                    raise
            else:
                # A number at the end of the window may go on behind it.
                if end < len(self._text) or self._ended:
                    self._advance(end)
                    return value
            if len(self._text) - self._at > LARGEST_VALUE:
                raise AnnotationError(
                    f"byte {self._bytes} begins a value that is damaged or larger than {LARGEST_VALUE // 2**20} MiB"
                )
            self._extend()

    def _advance(self, end: int) -> None:
        passed = self._text[self._at : end] if not self._text.isascii() else None
        self._bytes += len(passed.encode()) if passed is not None else end - self._at
        self._at = end

    def _extend(self) -> None:
        """Read on, twice as far each time the same value needs more, and forget what lies behind."""
        self._text = self._text[self._at :]
        self._at = 0
        content = self._file.read(min(max(_CHUNK, len(self._text)), LARGEST_VALUE + 1 - len(self._text)))
        self._ended = not content
        self._text += self._decoder.decode(content, final=self._ended)


def read_value(file: BinaryIO, start: int, stop: int) -> Any:
    """Parse the value that `walk` has found between two bytes of a file."""
    file.seek(start)
    return parse(file.read(stop - start))


def _reason(error: BaseException) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:200]
