"""Whatever lies in a folder, the command line answers with a result or a message, and never with a traceback."""

import contextlib
import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom.cli import main
from pairloom.palette import CITYSCAPES
from trees import WRITERS

PLACES = (
    "train", "val", "test", "trainannot", "valannot", "source", "target", "source/train", "target/train", "source/val",
    "target/val", "trainA", "trainB", "images", "masks", "images/train", "masks/train", "leftImg8bit/train/city",
    "gtFine/train/city", "leftImg8bit/val/city", "gtFine/val/city", ".",
)  # fmt: skip
STEMS = ("a", "b", "city_000000_000019_leftImg8bit", "city_000000_000019_gtFine_labelIds", ".hidden", "ä b")
RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (36, 48, 3), dtype=np.uint8)
IDS = RNG.integers(0, 12, (36, 48), dtype=np.uint8)


def _jpeg(size: tuple[int, int], mode: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(NOISE).resize(size).convert(mode).save(file, format="JPEG")
    return file.getvalue()


def _png(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8 | np.uint16]]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, format="PNG")
    return file.getvalue()


def _npy(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def _tiff(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array)
    return file.getvalue()


CONTENTS: dict[str, bytes] = {
    "noise.png": _png(NOISE),
    "wide.png": _png(np.concatenate([NOISE, NOISE], axis=1)),
    "odd.png": _png(NOISE[:, :47]),
    "ids.png": _png(IDS),
    "mask.png": _png((IDS > 5).astype(np.uint8) * 255),
    "colours.png": _png(CITYSCAPES.to_colours(IDS)),
    "deep.png": _png(IDS.astype(np.uint16) * 5000),
    "cmyk.jpg": _jpeg((48, 36), "CMYK"),
    "small.jpg": _jpeg((7, 5), "RGB"),
    "float.npy": _npy(np.full((36, 48), 0.5)),
    "nan.npy": _npy(np.full((36, 48), np.nan)),
    "words.npy": _npy(np.array(["a", "b"])),
    "many.npy": _npy(np.zeros((36, 48, 7), np.uint16)),
    "pages.tif": _tiff(np.zeros((5, 36, 48), np.uint16)),
    "grey.tif": _tiff(IDS.astype(np.uint16)),
    "empty.png": b"",
    "text.png": b"no image",
    "cut.png": _png(NOISE)[:200],
    "manifest.csv": b"source,target,split\nsource/a.png,target/a.png,train\nsource/b.png,target/b.png,val\n",
    "bad.csv": b"\xff\xfe\x00,,\n",
    "pairs.jsonl": b'{"source": "a.png", "target": "a.png"}\n{"source": 3}\n',
    "notes.txt": b"text",
}
FILES = st.tuples(st.sampled_from(PLACES), st.sampled_from(STEMS), st.sampled_from(sorted(CONTENTS)))
OPTIONS = st.sampled_from(
    [[], ["--direction", "BtoA"], ["--data.target", "images"], ["--data.target", "classes"], ["--layout", "camvid"],
     ["--data.palette", "camvid"], ["--data.palette", "cityscapes"], ["--layout", "two-folders"],
     ["--layout", "cityscapes", "--data.classes", "all"], ["--data.val_share", "0.5"]]
)  # fmt: skip


def _answer(*words: str) -> int:
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        code = main(words)
    assert "Traceback" not in err.getvalue()
    assert code == 0 or len(err.getvalue().splitlines()) <= 2
    return code


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(files=st.lists(FILES, max_size=12), options=OPTIONS)
def test_any_files_in_any_places_are_checked_or_refused(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[str, str, str]], options: list[str]
) -> None:
    root = tmp_path_factory.getbasetemp() / "anything"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for place, stem, content in files:
        (root / place).mkdir(parents=True, exist_ok=True)
        name = content if content.startswith(("manifest", "pairs")) else stem + Path(content).suffix
        (root / place / name).write_bytes(CONTENTS[content])
    assert _answer("check", str(root), *options) in (0, 2)
    assert _answer("train", str(root), "--dry-run", "--size", "32", "--model.width", "2", *options) in (0, 2)


@settings(deadline=None, max_examples=20, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), name=st.sampled_from(sorted(WRITERS)))
def test_a_good_data_set_with_one_damaged_file_is_refused_by_that_files_name(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str
) -> None:
    root = tmp_path_factory.getbasetemp() / f"damaged {name}"
    shutil.rmtree(root, ignore_errors=True)
    WRITERS[name](root)  # type: ignore[index]
    images = sorted(path for path in root.rglob("*.*") if path.suffix in (".png", ".jpg"))
    used = [path for path in images if "test" not in path.parts and not path.stem.endswith(("instanceIds", "color"))]
    used = [path for path in used if not path.stem.endswith("labelTrainIds")]
    path = data.draw(st.sampled_from(used))
    content = path.read_bytes()
    path.write_bytes(content[: data.draw(st.integers(0, len(content) // 2))])
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(["check", str(root)])
    assert code == 2
    assert str(path) in out.getvalue() + err.getvalue()
    assert "Traceback" not in err.getvalue()
