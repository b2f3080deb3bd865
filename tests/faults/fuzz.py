"""Feeds the readers with inputs that a coverage-guided fuzzer (atheris) makes up: all but UserError is a crash.

    python tests/faults/fuzz.py --seconds 300 [--reader picture ...]

Prints how many inputs each reader was given. An input that crashes one is written to `fuzz-crashes/`, and becomes a
test of its own in `test_fuzzed.py`.
"""

import argparse
import io
import json
import re
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from pairloom.errors import UserError

PLACE = Path(tempfile.gettempdir())
Found = TypeVar("Found")  # Python 3.11 has no syntax for it

CRASHES = Path("fuzz-crashes")


def picture(data: bytes, place: Path) -> None:
    """Read an image in all ways; the first byte chooses its ending."""
    from pairloom.images import colour_table, inspect, read_indices, read_picture

    path = place / f"image{('.png', '.npy', '.tif', '.jpg', '.ppm')[data[0] % 5 if data else 0]}"
    path.write_bytes(data[1:])
    for read in (inspect, colour_table, read_indices, read_picture):
        _refused_at_most(lambda read=read: read(path))  # type: ignore[misc]


def palette(data: bytes, place: Path) -> None:
    """Read a palette file."""
    from pairloom.palette import read_palette, write_palette

    path = place / "palette.yaml"
    path.write_bytes(data)
    found = _refused_at_most(lambda: read_palette(path))
    if found is not None:
        write_palette(path, found)
        assert read_palette(path) == found


def config(data: bytes, place: Path) -> None:
    """Read a config, and write what was read."""
    from pairloom.settings import dump_experiment, load_experiment

    path = place / "config.yaml"
    path.write_bytes(data)
    found = _refused_at_most(lambda: load_experiment(file=path).resolved())
    if found is not None:
        path.write_text(dump_experiment(found), encoding="utf-8")
        load_experiment(file=path)


def manifest(data: bytes, place: Path) -> None:
    """Read a manifest; the first byte chooses its kind."""
    from pairloom.config import DataConfig
    from pairloom.data.layouts.manifest import Manifest
    from pairloom.data.layouts.tree import Tree

    path = place / ("pairs.csv" if data[:1] < b"\x80" else "pairs.jsonl")
    path.write_bytes(data[1:])
    _refused_at_most(lambda: Manifest().readings(Tree.open(path), DataConfig(root=str(path))))


def layouts(data: bytes, place: Path) -> None:
    """Lay files out as the input says, and look for pairs."""
    import shutil

    from pairloom.config import DataConfig
    from pairloom.data.folder import PairFolder

    root = place / "tree"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    folders = (
        "train",
        "masks/train",
        "train/masks",
        "a/images",
        "ImageSets/Segmentation",
        "val",
        "trainannot",
        "source",
        "target",
        "A/train",
        "B/train",
        "leftImg8bit/train/c",
        "gtFine/train/c",
        ".",
    )
    names = ("a", "b", "a_mask", "train", "c_leftImg8bit", "c_gtFine_labelIds", "a b", "\n", "é")
    for first, second in zip(data[:16:2], data[1:16:2], strict=False):
        folder = root / folders[first % len(folders)]
        folder.mkdir(parents=True, exist_ok=True)
        name = names[second % len(names)] + (".png", ".jpg", ".npy", ".txt")[second // 64]
        (folder / name).write_bytes(_PNG if second & 32 else data[16:])
    _refused_at_most(lambda: PairFolder.open(DataConfig(root=str(root))))


def annotations(data: bytes, place: Path) -> None:
    """Read an annotation file; the first byte chooses its name."""
    from pairloom.data.annotations import AnnotationReader, find_annotations, match_references
    from pairloom.data.layouts import Part
    from pairloom.palette import VOID

    image = place / "a.png"
    image.write_bytes(_PNG)
    file = place / ("a.json", "annotations.xml", "a.txt", "a.png.json")[data[0] % 4 if data else 0]
    file.write_bytes(data[1:])

    def read() -> None:
        for found in find_annotations([file]):
            reader = AnnotationReader(found, "class")
            for reference, path in match_references(found.references, [image], place).items():
                part = Part(reference.file, entry=reference.entry, image=path)
                ids = _refused_at_most(lambda reader=reader, part=part: reader.read(part))  # type: ignore[misc]
                assert ids is None or (ids.shape == (4, 8) and ids[ids != VOID].max(initial=0) < len(reader.palette))

    _refused_at_most(read)
    file.unlink()


def lists(data: bytes, place: Path) -> None:
    """Read a list of the training pairs, beside pairs that are good."""
    from pairloom.config import DataConfig
    from pairloom.data.folder import PairFolder

    root = _pairs(place)
    (root / "train.txt").write_bytes(data)
    folder = _refused_at_most(lambda: PairFolder.open(DataConfig(root=str(root))))
    if folder is not None:
        parts = [part for split in folder.splits() for pair in folder.listing(split).pairs for part in (pair.a, pair.b)]
        assert all(part.path.is_relative_to(root) and ".." not in part.path.parts for part in parts)


def class_names(data: bytes, place: Path) -> None:
    """Read a file of class names, beside pairs that are good; the first byte chooses which."""
    from pairloom.config import DataConfig
    from pairloom.data.folder import PairFolder

    files = ("class_dict.csv", "_classes.csv", "labelmap.txt", "classes.txt", "classes.json", "data.yaml")
    root = _pairs(place)
    for name in files:
        (root / name).unlink(missing_ok=True)
    (root / files[data[0] % len(files) if data else 0]).write_bytes(data[1:])
    _refused_at_most(lambda: PairFolder.open(DataConfig(root=str(root))))


def _pairs(place: Path) -> Path:
    """Write a few pairs, if they are not there yet, and return their folder."""
    from PIL import Image

    root = place / "pairs"
    for number in range(0 if (root / "masks/2.png").exists() else 3):
        ids = np.zeros((8, 12), np.uint8)
        ids[2:6, 2 + number : 9] = 1
        noise = np.random.default_rng(number).integers(0, 99, (8, 12, 3))
        for folder, image in (("images", ids[..., None] * 90 + noise), ("masks", ids)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(root / folder / f"{number}.png")
    return root


def model(data: bytes, place: Path) -> None:
    """Read a model folder: its description, or the head of its weights."""
    import torch

    from pairloom.models.model_folder import load_model

    if data[:1] < b"\x80":
        (place / "config.json").write_bytes(data[1:])
        (place / "model.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    else:
        (place / "config.json").write_bytes(_DESCRIPTION)
        (place / "model.safetensors").write_bytes(data[1:])
    _refused_at_most(lambda: load_model(place, torch.device("cpu")))


def checkpoint(data: bytes, place: Path) -> None:
    """Read a training state whose check sums are right: of its pickle, or of the whole file."""
    from pairloom.training.checkpoint import load_state

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("last/data.pkl", data[1:])
        archive.writestr("last/byteorder", "little")
        archive.writestr("last/version", "3\n")
    (place / "last.pt").write_bytes(data[1:] if data[:1] > b"\xf0" else content.getvalue())
    _refused_at_most(lambda: load_state(place))


def archive(data: bytes, place: Path) -> None:
    """Unpack an archive."""
    import shutil

    from pairloom.data.download import fetch_camvid

    (place / "archive").write_bytes(data)
    out = place / "camvid"
    _refused_at_most(lambda: fetch_camvid(out, url=str(place / "archive"), log=lambda _line: None))
    shutil.rmtree(out, ignore_errors=True)


def onnx(data: bytes, place: Path) -> None:
    """Read an ONNX file and ask it: the input itself, or a good file with the changes that the input says."""
    from pairloom.exporters.onnx_file import load_onnx

    path = place / "model.onnx"
    path.write_bytes(data[1:] if data[:1] < b"\x40" else _changed(data[1:]))
    found = _refused_at_most(lambda: load_onnx(path))
    if found is not None:
        picture = np.zeros((33, 47, found.source.channels), found.source.dtype)
        _refused_at_most(lambda: found.output(picture))


def _changed(data: bytes) -> bytes:
    """Return a good ONNX file with some changes of its graph; each takes four bytes."""
    from pairloom.exporters.onnx_graph import KINDS

    program = _exported()
    kinds, graph = sorted(KINDS), program.graph
    names = [name for node in graph.node for name in node.output] + [tensor.name for tensor in graph.initializer]
    for what, where, which, value in zip(*(data[start:80:4] for start in range(4)), strict=False):
        node = graph.node[where % len(graph.node)]
        tensor = graph.initializer[where % len(graph.initializer)]
        odd = (value, -value, 2**value, -(2 ** (value % 64)), 0, 1, -1)[which % 7]
        if what % 8 == 0:
            node.op_type = kinds[value % len(kinds)]
        elif what % 8 == 1 and node.input:
            node.input[which % len(node.input)] = names[value % len(names)]
        elif what % 8 == 2 and node.attribute:
            attribute = node.attribute[which // 7 % len(node.attribute)]
            attribute.i = odd % 2**63
            attribute.ints[:] = [odd % 2**63 - 2**62] * (value % 5)
        elif what % 8 == 3 and tensor.dims:
            tensor.dims[which % len(tensor.dims)] = odd % 2**62
        elif what % 8 == 4 and tensor.raw_data:
            content = bytearray(tensor.raw_data)
            content[which % len(content)] = value
            tensor.raw_data = bytes(content)
        elif what % 8 == 5:
            tensor.data_type = value % 24
        elif what % 8 == 6:
            graph.node.append(node)
            graph.node[-1].output[0] = names[value % len(names)] if which % 2 else f"more{value}"
        elif node.input:
            del node.input[which % len(node.input)]
    return bytes(program.SerializeToString())


@cache
def _good() -> bytes:
    """Export a model of few numbers."""
    import torch

    from pairloom.config import Size
    from pairloom.data.image_spec import ImageSpec
    from pairloom.exporters.onnx_file import write_onnx
    from pairloom.exporters.parity import sample_pictures
    from pairloom.models.translation import TranslationModel
    from pairloom.palette import CAMVID
    from pairloom.settings import load_experiment

    settings = {"size": "32x48", "model.width": 1, "model.depth": 2}
    config = load_experiment(settings=settings).resolved().model
    target = ImageSpec(3, palette=CAMVID)
    torch.manual_seed(0)
    small = TranslationModel.build(config, ImageSpec(3), target, Size(32, 48), torch.device("cpu"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.onnx")
        write_onnx(small, path, sample_pictures(Path(folder), small, 1))
        return path.read_bytes()


def _exported() -> Any:
    from onnx import load_model_from_string

    return load_model_from_string(_good())


READERS: Mapping[str, Callable[[bytes, Path], None]] = {
    read.__name__: read
    for read in (
        *(picture, palette, config, manifest, layouts, lists, class_names, annotations),
        *(model, checkpoint, archive, onnx),
    )
}
"""Every reader that is fed; a new one is a function above, and its name here."""


def _refused_at_most(read: Callable[[], Found]) -> Found | None:
    """Read; a mistake that is told is as good as a result."""
    try:
        return read()
    except UserError:
        return None


def seeds(reader: str) -> list[bytes]:
    """Return inputs that are good, or nearly so, to begin with."""
    from PIL import Image

    from pairloom.palette import CAMVID, write_palette
    from pairloom.settings import dump_experiment, load_experiment

    if reader == "picture":
        found = []
        for number, (kind, mode) in enumerate(
            [
                ("PNG", "RGB"),
                ("PNG", "P"),
                ("TIFF", "RGB"),
                ("JPEG", "RGB"),
                ("PPM", "L"),
                ("WEBP", "RGB"),
                ("BMP", "RGB"),
            ]
        ):
            file = io.BytesIO()
            Image.fromarray(np.full((6, 5, 3), 40 * number, np.uint8)).convert(mode).save(file, kind)
            found.append(bytes([{"TIFF": 2, "JPEG": 3, "PPM": 4}.get(kind, 0)]) + file.getvalue())
        file = io.BytesIO()
        np.save(file, np.zeros((4, 4), np.uint16))
        return [*found, b"\1" + file.getvalue(), b"\0" + _deep_png(), *(b"\2" + content for content in _tiffs())]
    if reader == "palette":
        write_palette(PLACE / "seed.yaml", CAMVID)
        return [
            (PLACE / "seed.yaml").read_bytes(),
            b"classes: {a: '#010203', b: {colour: [1,2,3], value: 4}}\nvoid: {values: [9]}",
        ]
    if reader == "config":
        return [dump_experiment(load_experiment()).encode(), b"train: {epochs: 3}\nmodel: {depth: auto}"]
    if reader == "manifest":
        return [b"\0source,target,split\na.png,b.png,train\n", b'\xff{"source": "a", "target": "b", "split": "val"}\n']
    if reader == "layouts":
        return [bytes([0, 32, 1, 32]), bytes([3, 33, 4, 33, 3, 32, 4, 32]), bytes(range(16)) + _PNG]
    if reader == "annotations":
        return _annotation_files()
    if reader == "lists":
        return [b"0\n1\n", b"images/0.png masks/0.png\n", b"../x\n/y\n0\n1\n", "\ufeff0 1\r\n2\n".encode()]
    if reader == "class_names":
        return [
            b"\0name,r,g,b\nground,0,0,0\ncell,1,1,1\n",
            b"\1Pixel Value, Class\n0, ground\n1, cell\n",
            b"\2# label:color_rgb:parts:actions\nground:0,0,0::\ncell:1,1,1::\n",
            b"\3ground\ncell\n",
            b'\4{"0": "ground", "1": "cell"}',
            b"\5nc: 2\nnames: [ground, cell]\n",
        ]
    if reader == "model":
        return [
            b"\0" + _DESCRIPTION,
            b"\xff"
            + struct.pack("<Q", 64)
            + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.ljust(64)
            + bytes(4),
        ]
    if reader == "onnx":
        return [b"\0" + _good(), *(b"\xff" + bytes(range(start, start + 80)) for start in range(0, 160, 5))]
    if reader == "checkpoint":
        return [b"\0" + _pickled_state()]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        for folder in ("train", "trainannot"):
            packed.writestr(f"x/CamVid/{folder}/a.png", _PNG)
    return [file.getvalue(), _tar()]


def _annotation_files() -> list[bytes]:
    """Return a small file of each tool, for an image a.png of 8×4 pixels."""
    outline = [[1, 0], [6, 1], [3, 3.5]]
    sides = {"original_width": 8, "original_height": 4, "image_rotation": 0}
    regions = [
        {**sides, "id": "1", "type": "polygonlabels", "value": {"points": outline, "polygonlabels": ["car"]}},
        {
            **sides,
            "id": "2",
            "type": "ellipselabels",
            "value": {"x": 50, "y": 50, "radiusX": 20, "radiusY": 10, "rotation": 5, "ellipselabels": ["bus"]},
        },
    ]
    masks = (
        {"size": [4, 8], "counts": [3, 5, 24]},
        {"size": [4, 8], "counts": "35h0"},
        [[1, 0, 6, 1, 3, 3.5], [0, 0, 1, 0, 1, 1]],
    )
    records = [
        {
            "images": [{"id": 1, "file_name": "a.png", "height": 4, "width": 8}],
            "annotations": [
                {"id": number, "image_id": 1, "category_id": 1 + number % 2, "iscrowd": 0, "segmentation": mask}
                for number, mask in enumerate(masks)
            ],
            "categories": [{"id": 1, "name": "car"}, {"id": 2, "name": "background"}],
        },
        {
            "version": "5.5.0",
            "shapes": [
                {"label": "car", "shape_type": "polygon", "points": outline},
                {"label": "bus", "shape_type": "circle", "points": [[3, 2], [4, 3]]},
                {"label": "__ignore__", "shape_type": "line", "points": [[3, 2], [4, 3]]},
            ],
            "imagePath": "..\\x\\a.png",
            "imageData": "QUJD",
            "imageHeight": 4,
            "imageWidth": 8,
        },
        [{"id": 1, "data": {"image": "/data/0123abcd-a.png"}, "annotations": [{"id": 1, "result": regions}]}],
        {
            "a.png1": {
                "filename": "a.png",
                "regions": [
                    {
                        "shape_attributes": {"name": "polygon", "all_points_x": [1, 6, 3], "all_points_y": [0, 1, 3]},
                        "region_attributes": {"kind": "car"},
                    },
                ],
            }
        },
    ]
    holes = {"exterior": outline, "interior": [outline]}
    supervisely = {
        "size": {"height": 4, "width": 8},
        "objects": [{"classTitle": "car", "geometryType": "polygon", "points": holes}],
    }
    xml = (
        "<annotations><meta><labels><label><name>car</name><color>#ff0000</color></label></labels></meta>"
        '<image id="0" name="a.png" width="8" height="4"><polygon label="car" points="1,0;6,1;3,3" z_order="1"/>'
        '<mask label="car" rle="1, 2, 1" left="0" top="0" width="2" height="2" z_order="0"/>'
        '<ellipse label="car" cx="2" cy="2" rx="1" ry="1"/></image></annotations>'
    )
    return [
        *(b"\0" + json.dumps(record).encode() for record in records),
        b"\3" + json.dumps(supervisely).encode(),
        b"\1" + xml.encode(),
        b"\2" + b"0 0.1 0.1 0.9 0.2 0.5 0.9\n12 0.1 0.1 0.9 0.2 0.5 0.9 0.1 0.5\n",
    ]


def _tar() -> bytes:
    import tarfile

    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        for folder in ("train", "trainannot"):
            info = tarfile.TarInfo(f"x/CamVid/{folder}/a.png")
            info.size = len(_PNG)
            packed.addfile(info, io.BytesIO(_PNG))
    return file.getvalue()


def _tiffs() -> list[bytes]:
    import tifffile

    found = []
    for shape, kind in (((4, 5, 7), np.uint16), ((4, 5), np.float32), ((3, 4, 5), np.uint8)):
        file = io.BytesIO()
        tifffile.imwrite(file, np.zeros(shape, kind))
        found.append(file.getvalue())
    return found


def _deep_png() -> bytes:
    import imagecodecs

    return bytes(imagecodecs.png_encode(np.zeros((4, 4, 3), np.uint16)))


def _pickled_state() -> bytes:
    import torch

    file = io.BytesIO()
    state = {"step": 1, "pairs": ["a"], "sides": [{}], "history": [], "totals": {"l1": torch.zeros(())}, "spent": {}}
    torch.save({**state, "networks": {}, "circumstances": {}}, file)
    with zipfile.ZipFile(file) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))


def _description() -> bytes:
    import dataclasses

    from pairloom.palette import CAMVID
    from pairloom.settings import load_experiment

    config = load_experiment(settings={"size": 32, "model.width": 4, "model.encoder": "none"}).resolved().model
    target = {"channels": 3, "dtype": "uint8", "palette": CAMVID.to_record()}
    source = {"channels": 3, "dtype": "uint8", "palette": None}
    record = {"format": 2, "model": dataclasses.asdict(config), "size": [32, 32], "source": source, "target": target}
    return json.dumps(record).encode()


def _png() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.zeros((4, 8, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


_PNG, _DESCRIPTION = _png(), _description()


def _feed(reader: str, seconds: int) -> None:
    """Feed one reader; ends this process."""
    import warnings

    import atheris

    warnings.simplefilter("ignore")
    with atheris.instrument_imports(include=["pairloom", "yaml", "tifffile", "json", "csv", "zipfile", "tarfile"]):
        import pairloom.data.annotations
        import pairloom.data.download
        import pairloom.data.folder
        import pairloom.exporters.onnx_file
        import pairloom.models.model_folder
        import pairloom.training.checkpoint  # noqa: F401
    with tempfile.TemporaryDirectory() as folder:
        place, corpus = Path(folder, "place"), Path(folder, "corpus")
        place.mkdir()
        corpus.mkdir()
        for number, content in enumerate(seeds(reader)):
            (corpus / str(number)).write_bytes(content)
        CRASHES.mkdir(exist_ok=True)
        options = [
            f"-max_total_time={seconds}",
            f"-artifact_prefix={CRASHES}/{reader}-",
            "-rss_limit_mb=4096",
            "-timeout=60",
        ]
        atheris.Setup(
            [sys.argv[0], *options, "-max_len=20000", "-verbosity=1", str(corpus)],
            lambda data: READERS[reader](data, place),
        )
        atheris.Fuzz()


def main() -> int:
    """Feed the readers one after the other, and print the counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=60, help="for each reader (default: 60)")
    parser.add_argument("--reader", choices=tuple(READERS), action="append", help="default: all")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        _feed(options.reader[0], options.seconds)
    crashed = False
    for reader in options.reader or READERS:
        command = [sys.executable, __file__, "--alone", "--reader", reader, "--seconds", str(options.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        counts = re.findall(r"^#(\d+)", done.stderr, re.M) + re.findall(r"Done (\d+) runs", done.stderr)
        print(
            f"{reader:<12}{max(map(int, counts), default=0):>10,} inputs  {'CRASH' if done.returncode else 'no crash'}",
            flush=True,
        )
        if done.returncode:
            crashed = True
            print(done.stderr[-3000:])
    return int(crashed)


if __name__ == "__main__":
    sys.exit(main())
