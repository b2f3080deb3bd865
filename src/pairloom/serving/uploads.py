"""Uploaded images, looked at before they are decoded."""

from dataclasses import dataclass
from pathlib import Path

from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.images import READABLE, inspect

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


def check_upload(path: Path, side: ImageSpec, limits: Limits) -> None:
    """Look at an uploaded file's head, and refuse what is too much to decode or no image; nothing is decoded.

    Raises:
        UserError: naming the file as the visitor knows it.
    """
    name = visible_name(path)
    if path.stat().st_size > limits.most_bytes:
        raise UserError(f"{name}: has more than {limits.megabytes:g} megabytes, the maximum")
    try:
        image = inspect(path)
    except UserError as error:
        # Of the reader's words only those that are meant for visitors: they know no path of this machine.
        raise UserError(f"{name}: is not an image that can be read ({READABLE})") from error
    if image.height * image.width > limits.megapixels * 1e6:
        raise UserError(
            f"{name}: has {image.width}×{image.height} pixels; the maximum is {limits.megapixels:g} megapixels"
        )
    if image.channels not in (1, 3, side.channels):
        raise UserError(f"{name}: has {image.channels} channels; this model needs {side.channels}")


def visible_name(path: Path) -> str:
    """Return an uploaded file's name, shortened where it is long."""
    return path.name if len(path.name) <= MOST_NAME else f"{path.stem[: MOST_NAME - 10]}…{path.suffix[-8:]}"


def in_words(error: UserError, path: Path) -> str:
    """Return what is wrong with an upload without the folder that it lies in."""
    return str(error).replace(str(path), visible_name(path))
