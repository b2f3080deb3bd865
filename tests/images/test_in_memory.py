"""Bytes in memory are read as the file that they came from is."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom.errors import UserError
from pairloom.images import ImageBytes, ImageFile, colour_table, inspect, read_indices, read_picture, write_picture

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (7, 9, 3), dtype=np.uint8)
EXIF = Image.Exif()
EXIF[0x0112] = 6


def _deep(path: Path) -> None:
    write_picture(path, RNG.integers(0, 65536, (7, 9, 3), dtype=np.uint16))


def _turned(path: Path) -> None:
    Image.fromarray(COLOURS).save(path, exif=EXIF)


def _indexed(path: Path) -> None:
    Image.fromarray(COLOURS).quantize(5).save(path)


def _bands(path: Path) -> None:
    tifffile.imwrite(path, RNG.random((7, 9, 5), dtype=np.float32), photometric="minisblack", planarconfig="contig")


def _array(path: Path) -> None:
    np.save(path, RNG.integers(0, 2**16, (7, 9, 4), dtype=np.uint16))


def _damaged(path: Path) -> None:
    Image.fromarray(COLOURS).save(path)
    path.write_bytes(path.read_bytes()[:60])


def _text(path: Path) -> None:
    path.write_text("no image")


WRITERS: dict[str, Callable[[Path], None]] = {
    "deep.png": _deep,
    "turned.jpg": _turned,
    "turned.tif": _turned,
    "indexed.png": _indexed,
    "bands.tiff": _bands,
    "array.npy": _array,
    "grey.pgm": lambda path: Image.fromarray(COLOURS[:, :, 0]).save(path),
    "photograph.webp": lambda path: Image.fromarray(COLOURS).save(path),
    "damaged.png": _damaged,
    "text.png": _text,
    "empty.npy": Path.touch,
}
READERS: tuple[Callable[[ImageFile], object], ...] = (inspect, read_picture, read_indices, colour_table)


def _answer(read: Callable[[ImageFile], object], file: ImageFile) -> object:
    """Return what came of it as plain values, refusals too."""
    try:
        found = read(file)
    except UserError as refusal:
        return str(refusal)
    return (found.dtype, found.tolist()) if isinstance(found, np.ndarray) else found


@pytest.mark.parametrize("name", WRITERS)
def test_bytes_are_read_and_refused_as_the_file_is(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    WRITERS[name](path)
    held = ImageBytes(str(path), path.read_bytes())
    for read in READERS:
        assert _answer(read, held) == _answer(read, path), read


@settings(max_examples=30)
@given(st.integers(2**20, 2**40), st.binary(max_size=40))
def test_an_array_that_lies_about_its_size_is_refused_by_name(side: int, content: bytes) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (side, side)})
    with pytest.raises(UserError, match=r"^far/lies\.npy: "):
        read_picture(ImageBytes("far/lies.npy", file.getvalue() + content))
