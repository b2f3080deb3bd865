"""Files that lie, explode or would run: made anew for each test, so that none has to be kept."""

import io
import pickle
import struct
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from PIL import Image


class Executes:
    """A pickle of it makes a file when it is read carelessly."""

    def __init__(self, mark: Path) -> None:
        self._mark = str(mark)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return open, (self._mark, "w")


def pickled(mark: Path) -> bytes:
    """Return a plain pickle that executes."""
    return pickle.dumps(Executes(mark))


def torch_pickled(mark: Path) -> bytes:
    """Return what `torch.save` makes of an object that executes, among what a training state holds."""
    file = io.BytesIO()
    torch.save({"step": 3, "networks": Executes(mark)}, file)
    return file.getvalue()


def zeros(count: int) -> bytes:
    """Return so many zeros, deflated: a thousandth of them."""
    packer, block = zlib.compressobj(9), bytes(2**20)
    parts = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join([*parts, packer.compress(bytes(count % 2**20)), packer.flush()])


def png(width: int, height: int, depth: int = 8, colour: int = 2, data: bytes = b"") -> bytes:
    """Return a PNG file of this head, whatever its data are."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiff(width: int, height: int, bits: int, samples: int, packing: int, data: bytes) -> bytes:
    """Return a TIFF file of one strip; packing 1 is none, 8 is deflate."""
    tags = [(256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, packing), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, samples), (278, 4, height), (279, 4, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(tags)) + entries + bytes(4)


def npy(head: str, data: bytes = b"") -> bytes:
    """Return a NumPy file of this head."""
    padded = head.ljust(118 - 1) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(padded)) + padded.encode() + data


def bmp(width: int, height: int) -> bytes:
    """Return the head of a BMP file."""
    return b"BM" + struct.pack("<IHHIIiiHHIIIIII", 54, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


def jpeg(width: int, height: int) -> bytes:
    """Return a JPEG file whose head tells of other sides than its data have."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(file, "JPEG")
    content = bytearray(file.getvalue())
    at = content.index(b"\xff\xc0") + 5
    content[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(content)


def gif(width: int, height: int) -> bytes:
    """Return a GIF file of one frame with these sides and hardly any data."""
    sides = struct.pack("<HH", width, height)
    return b"GIF89a" + sides + b"\x80\0\0" + bytes(3) + b"\xff" * 3 + b"," + bytes(4) + sides + b"\0\2\2L\1\0;"


def boxed(kind: str, mark: bytes, skipped: int, first: int, second: int) -> bytes:
    """Return a small image of a format made of boxes, with other sides so many bytes behind a mark."""
    file = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(file, kind)
    content = bytearray(file.getvalue())
    at = content.index(mark) + len(mark) + skipped
    content[at : at + 8] = struct.pack(">II", first, second)
    return bytes(content)


def polyglot() -> bytes:
    """Return a photograph that is a web page with a script as well, and an archive behind it."""
    file = io.BytesIO()
    Image.fromarray(np.full((20, 30, 3), 99, np.uint8)).save(file, "PNG")
    return file.getvalue() + b"<html><script>alert(1)</script></html>PK\5\6" + bytes(18)


def images(mark: Path) -> Mapping[str, bytes]:
    """Return images that cannot serve, by name."""
    lies = zlib.compress(bytes(10))
    return {
        "a bomb of 2 GB.png": png(26000, 26000, data=zeros(2**20)),
        "a bomb of 16 bits.png": png(13000, 13000, 16, 6, zeros(2**20)),
        "a bomb of greys.png": png(13000, 13000, 8, 0, zeros(2**20)),
        "65535 a side.png": png(65535, 65535),
        "65535 a side, in JPEG.jpg": jpeg(65535, 65535),
        "65535 a side, in TIFF.tif": tiff(65535, 65535, 8, 1, 1, b"\0"),
        "no pixels, in png.png": png(0, 0),
        "no pixels of 16 bits.png": png(0, 5, 16),
        "no pixels, in bmp.bmp": bmp(0, 5),
        "no pixels, in ppm.ppm": b"P6 0 0 255\n",
        "no pixels, in tif.tif": tiff(0, 16, 16, 1, 1, b""),
        "no pixels, in npy.npy": npy("{'descr':'|u1','fortran_order':False,'shape':(0,5)}"),
        "no pixels, in jpg.jpg": jpeg(0, 0),
        "a lying head, in png.png": png(5000, 5000, data=lies),
        "a lying head of 16 bits.png": png(5000, 5000, 16, data=lies),
        "a lying head, in jpg.jpg": jpeg(8000, 8000)[:400],
        "a lying head, in npy.npy": npy("{'descr':'<f8','fortran_order':False,'shape':(1000000,1000000,3)}"),
        "a lying head, in ppm.ppm": b"P6 5000 5000 255\n",
        "a lying head, in gif.gif": gif(60000, 60000),
        "a small lie, in gif.gif": gif(5000, 5000),
        "a lying head, in jp2.jp2": boxed("JPEG2000", b"ihdr", 0, 60000, 60000),
        "a lying head, in avif.avif": boxed("AVIF", b"ispe", 4, 8000, 8000),
        "a pointer.png": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "upside down for ever.bmp": bmp(5, -(2**31)),
        "many channels.tif": tiff(13000, 13000, 16, 1024, 1, b"\0" * 10),
        "a bomb in a strip.tif": tiff(16, 16, 16, 1, 8, zeros(2**28)),
        "truncated.png": polyglot()[:60],
        "an object.npy": npy("{'descr':'|O','fortran_order':False,'shape':(1,)}", pickled(mark)),
        "a pickle.npy": pickled(mark),
        "an archive.npy": torch_pickled(mark),
        "nothing.png": b"",
    }


def annotations() -> Mapping[str, tuple[str, bytes]]:
    """Return annotation files that cannot serve, each with its name; all name the image a.png, of 96×96 pixels."""

    def coco(segmentation: str, size: str = '"height": 96, "width": 96', more: str = "") -> tuple[str, bytes]:
        content = (
            f'{{"images": [{{"id": 1, "file_name": "a.png", {size}}}], {more} "annotations": [{{"id": 1, '
            f'"image_id": 1, "category_id": 1, "segmentation": {segmentation}}}], '
            '"categories": [{"id": 1, "name": "car"}]}'
        )
        return "c.json", content.encode()

    def labelme(shapes: str, more: str = "") -> tuple[str, bytes]:
        content = f'{{"shapes": [{shapes}], "imagePath": "a.png", "imageHeight": 96, "imageWidth": 96{more}}}'
        return "a.json", content.encode()

    def cvat(shape: str) -> tuple[str, bytes]:
        image = f'<image id="0" name="a.png" width="96" height="96">{shape}</image>'
        return "annotations.xml", f"<annotations>{image}</annotations>".encode()

    zigzag = ",".join(f"{96 * (number % 2)},{number / 20000}" for number in range(2 * 10**6))
    corners = ",".join(f"[{96 * (number % 2)},{number % 97}]" for number in range(1_500_000))
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE annotations [<!ENTITY e0 "ha">{entities}]><annotations>&e11;</annotations>'
    outside = '<!DOCTYPE annotations [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>'
    shape = '{"label": "car", "shape_type": "polygon", "points": '
    return {
        "a polygon of millions of points, across the image": coco(f"[[{zigzag}]]"),
        "thousands of polygons of the longest outline": coco(
            f"[{','.join(['[0,0,9e14,9e14,-9e14,9e14,9e14,0]'] * 50000)}]"
        ),
        "a size of 10^18 pixels": coco("[[1,1,5,1,5,5]]", '"height": 1000000000, "width": 1000000000'),
        "run lengths of 10^18 pixels": coco('{"size": [1000000000, 1000000000], "counts": [0, 1000000000000000000]}'),
        "run lengths beyond their size": coco('{"size": [96, 96], "counts": [0, 9999999999999]}'),
        "run lengths without an end": coco('{"size": [96, 96], "counts": "' + "o" * 10**6 + '"}'),
        "a coordinate of 10^300": coco("[[1,1,1e300,1,5,5]]"),
        "a coordinate without bounds": coco("[[1,1,1e999,1,5,5]]"),
        "a number of a million digits": coco(f"[[1,1,{'9' * 10**6},1,5,5]]"),
        "lists in lists": coco("[" * 10**6),
        "a long text beside numbers": coco(f'[["{"x" * 10**7}",{",".join("1" * 10**5)}]]'),
        "millions of empty objects": coco("[]", more='"info": [' + "{}," * 11_000_000 + "0],"),
        "more millions of empty objects": coco("[[1,1,5,1,5,5]]", more='"info": [' + "{}," * 2**24 + "0],"),
        "an absolute name": ("c.json", coco("[[1,1,5,1,5]]")[1].replace(b"a.png", b"/etc/../x/a.png")),
        "labelme, millions of corners": labelme(shape + f"[{corners}]}}"),
        "labelme, a circle without bounds": labelme(
            '{"label": "car", "shape_type": "circle", "points": [[1,1],[1e12,1e999]]}'
        ),
        "labelme, ten thousand circles": labelme(
            ",".join(['{"label": "car", "shape_type": "circle", "points": [[1,1],[16000,1]]}'] * 10000)
        ),
        "labelme, lists in lists": labelme(shape + "[" * 10**6),
        "labelme, 48 MB of numbers": labelme(shape + "[" + "1," * (24 * 2**20) + "1]}"),
        "an entity bomb": ("annotations.xml", bomb.encode()),
        "an entity from outside": ("annotations.xml", outside.encode()),
        "cvat, a mask of 10^18 pixels": cvat(
            '<mask label="a" rle="1" left="0" top="0" width="1000000000" height="1000000000"/>'
        ),
        "cvat, an endless tag": ("annotations.xml", b"<annotations><image name='" + b"x" * (40 * 2**20)),
        "cvat, a million levels": ("annotations.xml", b"<annotations>" + b"<a>" * 10**6),
        "label studio, a brush of 2^32 pixels": (
            "export.json",
            b'[{"data": {"image": "a.png"}, "annotations": [{"result": [{"type": "brushlabels", '
            b'"original_width": 32768, "original_height": 32768, '
            b'"value": {"brushlabels": ["car"], "rle": [255,255,255,255,57,1,1,1]}}]}]}]',
        ),
    }


NAMES = (
    "a\nb\nc", "\x1b]0;title\x07\x1b[31m", "\u202egnp.exe", "漢" * 83, "x" * 251, "a..", "-rf", "--out", "'; rm -r .",
    "<script>alert(1)</script>".replace("/", "∕"), "é", "e\u0301", "العربية", "[red]", "%s{}", " ",
    "a" * 100 + "é" * 75,
)  # fmt: skip
"""Names of files, without their ending, of up to 255 bytes with it."""
