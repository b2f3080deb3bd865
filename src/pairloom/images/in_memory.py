"""Image files that lie in memory, such as what another machine has sent, read as those on disk are."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath


@dataclass(frozen=True)
class ImageBytes:
    """The bytes of an image file, to be read wherever a path can be."""

    name: str
    """What messages call it; its ending tells what its bytes cannot."""
    content: bytes

    def __str__(self) -> str:
        return self.name

    @property
    def suffix(self) -> str:
        """The ending of its name."""
        return PurePath(self.name).suffix

    def read_bytes(self) -> bytes:
        """Return all of it."""
        return self.content

    def open(self) -> BytesIO:
        """Return it as an open file."""
        return BytesIO(self.content)


ImageFile = Path | ImageBytes
"""An image file, on disk or in memory."""


def head(file: ImageFile, count: int) -> bytes:
    """Return the first bytes of a file."""
    if isinstance(file, ImageBytes):
        return file.content[:count]
    with file.open("rb") as opened:
        return opened.read(count)


def readable(file: ImageFile) -> Path | BytesIO:
    """Return what image libraries open."""
    return file.open() if isinstance(file, ImageBytes) else file
