"""A local Ray translates what the plain engine does, byte for byte, from one address to another."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pairloom.cli import main
from pairloom.cluster.ray_engine import translate_remote
from pairloom.cluster.ray_session import STORE_BYTES
from pairloom.errors import UserError
from pairloom.images import write_picture
from pairloom.inference.image_files import MARK, translate
from pairloom.inference.options import TranslateOptions

CPU = TranslateOptions(device="cpu")
RNG = np.random.default_rng(0)

# Ray Data itself sets what it has deprecated, and its subprocesses outlive the objects that started them.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning:ray"),
    pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning"),
]


@pytest.fixture(scope="module")
def local_ray() -> Iterator[None]:
    """A Ray that is started once for the tests; each start takes seconds."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=STORE_BYTES, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Nine images of odd sizes, and one that is damaged."""
    folder = tmp_path / "tree"
    for number in range(9):
        sides = RNG.integers(7, 60, 2)
        write_picture(folder / f"{number:03d}.png", RNG.integers(0, 256, (*sides, 3), dtype=np.uint8))
    (folder / "bad.png").write_bytes((folder / "000.png").read_bytes()[:80])
    return folder


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
def test_the_bytes_are_the_plain_engines_and_a_bad_file_is_named(
    small_model: Path, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = TranslateOptions(form="overlay", scale=2, tile=32, tta=True, device="cpu")
    plain = translate(small_model, [tree], tmp_path / "plain", options=options)
    done = translate_remote(small_model, [tree], tmp_path / "out", options=options)
    assert _files(tmp_path / "out") == _files(tmp_path / "plain")
    assert done.written == [str(tmp_path / "out" / path.name) for path in plain.written]
    assert (len(done.written), done.there) == (9, 0)
    assert done.skipped == plain.skipped
    assert f"skipped: {tree / 'bad.png'}: " in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
def test_said_again_it_goes_on_and_then_has_nothing_to_do(small_model: Path, tree: Path, tmp_path: Path) -> None:
    (tree / "bad.png").unlink()
    out = tmp_path / "out"
    parts = [translate_remote(small_model, [tree], out, options=CPU, shard=f"{n}/2") for n in (1, 2)]
    counts = [len(part.written) for part in parts]
    assert sum(counts) == 9
    assert all(counts), "a part has some of them"
    (out / "004.png").unlink()
    kept = (out / "003.png").stat().st_mtime_ns
    assert translate_remote(small_model, [tree], out, options=CPU).written == [str(out / "004.png")]
    nothing = translate_remote(small_model, [tree], out, options=CPU)
    assert (nothing.written, nothing.there, nothing.skipped) == ([], 9, [])
    assert (out / "003.png").stat().st_mtime_ns == kept


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
def test_sub_folders_keep_their_names_from_one_address_to_another(
    small_model: Path, tree: Path, tmp_path: Path
) -> None:
    (tree / "bad.png").unlink()
    (tree / "deeper").mkdir()
    (tree / "008.png").rename(tree / "deeper" / "000.png")
    there = tmp_path / "there"
    there.mkdir()
    out = f"dir://out::{there.as_uri()}"  # a file system of fsspec's that is no path
    done = translate_remote(small_model, [tree.as_uri()], out, options=CPU)
    assert len(done.written) == 9
    assert sorted(_files(there / "out")) == [MARK, *(f"{n:03d}.png" for n in range(8)), "deeper/000.png"]
    with pytest.raises(UserError, match="started with another model, other inputs or options"):
        translate_remote(small_model, [tree / "deeper"], out, options=CPU)


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
def test_what_cannot_be_written_stops_all_with_its_name(small_model: Path, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "out" / "000.png").mkdir(parents=True)
    (tree / "bad.png").unlink()
    with pytest.raises(UserError, match=r"000\.png.*run the command again"):
        translate_remote(small_model, [tree], tmp_path / "out", options=CPU)


@pytest.mark.slow
@pytest.mark.usefixtures("local_ray")
def test_a_gpu_that_ray_does_not_know_is_refused(small_model: Path, tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Ray finds no GPU"):
        translate_remote(small_model, [tree], tmp_path / "out", options=TranslateOptions(device="cuda"))
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_command_starts_its_own_ray_and_ends_it(small_model: Path, tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["translate", str(small_model), "tree", "--out", "out", "--engine", "ray"]
    done = subprocess.run(
        [sys.executable, "-m", "pairloom", *words], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout.startswith("9 written to out")
    problems = [line for line in done.stderr.splitlines() if line.startswith("pairloom: ")]
    assert problems[0].startswith(f"pairloom: skipped: {tree / 'bad.png'}: ")
    assert problems[1].startswith("pairloom: 1 image skipped")
    assert "Traceback" not in done.stderr
    assert len(_files(out)) == 10


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["tree", "tree/001.png"], "named twice"),
        (["tree", "other/001.png"], "would be written over"),
        (["absent"], "no such file or folder"),
    ],
)
def test_nothing_is_written_when_the_inputs_are_wrong(
    small_model: Path, tree: Path, tmp_path: Path, inputs: list[str], message: str
) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "001.png").write_bytes((tree / "001.png").read_bytes())
    with pytest.raises(UserError, match=message):
        translate_remote(small_model, [tmp_path / name for name in inputs], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_onnx_file_is_for_the_other_engine(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").touch()
    with pytest.raises(UserError, match=r"model\.onnx: is an ONNX file; use --engine local"):
        translate_remote(tmp_path / "model.onnx", [tree], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_folder_with_files_is_refused_and_left_alone(small_model: Path, tree: Path) -> None:
    before = _files(tree)
    with pytest.raises(UserError, match="already holds files"):
        translate_remote(small_model, [tree], tree)
    assert _files(tree) == before


def test_videos_and_names_that_are_no_text_are_named_and_left_out(
    small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    write_picture(tmp_path / "named" / name, RNG.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    (tmp_path / "named" / "clip.mp4").touch()
    done = translate_remote(small_model, [tmp_path / "named"], tmp_path / "out", log=lambda line: print(ascii(line)))
    assert len(done.skipped) == 2
    said = capsys.readouterr().out
    assert "its name is not text; rename it" in said
    assert "clip.mp4: is a video, which --engine local translates" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["s3://bucket/photos", "--out", "out"], "s3://bucket/photos: is a URL; add --engine ray"),
        (["photos", "--out", "s3://bucket/out"], "s3://bucket/out: is a URL; add --engine ray"),
        (["photos", "--out", "-", "--engine", "ray"], "writes to no standard output"),
        (["photos", "--out", "out", "--engine", "ray", "--no-steady"], "skips videos"),
    ],
)
def test_words_that_want_the_other_engine_are_refused(
    small_model: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main(["translate", str(small_model), *words]) == 2
    assert message in capsys.readouterr().err
