"""Uploaded images, looked at before they are decoded."""

from dataclasses import dataclass
from pathlib import PurePath

from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.images import READABLE, ImageBytes, inspect

MOST_NAME = 80
"""Characters of an upload's name that are kept."""


@dataclass(frozen=True)
class Limits:
    """What is taken and kept waiting.

    Attributes:
        megabytes: of a file.
        megapixels: of an image.
        waiting: requests that wait for their turn; further ones are refused.

    Raises:
        UserError: for a limit that leaves nothing.
    """

    megabytes: float = 20.0
    megapixels: float = 32.0
    waiting: int = 100

    def __post_init__(self) -> None:
        if not self.megabytes > 0 or not self.megapixels > 0:
            raise UserError("the largest image must have more than 0 megabytes and megapixels")
        if self.waiting < 1:
            raise UserError("the queue must have room for 1 request or more")

    @property
    def most_bytes(self) -> int:
        """Of a file."""
        return int(self.megabytes * 1e6)


def check_upload(image: ImageBytes, side: ImageSpec, limits: Limits) -> None:
    """Look at an uploaded file's head, and refuse what is too much to decode or no image; nothing is decoded.

    Raises:
        UserError: naming the file as the visitor knows it.
    """
    if len(image.content) > limits.most_bytes:
        raise UserError(f"{image}: has more than {limits.megabytes:g} megabytes, the maximum")
    try:
        found = inspect(image)
    except UserError as error:
        # Of the reader's words only those that are meant for visitors.
        raise UserError(f"{image}: is not an image that can be read ({READABLE})") from error
    if found.height * found.width > limits.megapixels * 1e6:
        raise UserError(
            f"{image}: has {found.width}×{found.height} pixels; the maximum is {limits.megapixels:g} megapixels"
        )
    if found.channels not in (1, 3, side.channels):
        raise UserError(f"{image}: has {found.channels} channels; this model needs {side.channels}")


def uploaded(name: str | None, content: bytes) -> ImageBytes:
    """Return an uploaded file under its own name, without folders and shortened where it is long."""
    own = (
        "".join(letter for letter in PurePath((name or "image").replace("\\", "/")).name if letter.isprintable())
        or "image"
    )
    path = PurePath(own)
    return ImageBytes(own if len(own) <= MOST_NAME else f"{path.stem[: MOST_NAME - 10]}…{path.suffix[-8:]}", content)
