"""Inputs that a fuzzer has found, each made small: what once crashed or hung a reader."""

import base64
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pairloom.errors import UserError
from pairloom.images import inspect, read_indices, read_picture

CIRCLE = "eNrz9NRi4GBgYBBgYGBkGNKAiWGkAHFGZnqEGADPDwD1"
"""A TIFF whose second page, without pixels, is followed by itself."""


@pytest.mark.timeout(60)
@pytest.mark.parametrize("read", [inspect, read_picture, read_indices])
def test_pages_of_a_tiff_that_lead_back_to_themselves_end(read: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "circle.tif"
    path.write_bytes(zlib.decompress(base64.b64decode(CIRCLE)))
    with pytest.raises(UserError, match=r"circle\.tif"):
        read(path)
