"""Image files are translated one after the other; a stopped start is gone on with, a bad file left out."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from pairloom.cli import main
from pairloom.errors import UserError
from pairloom.images import Picture, read_picture, write_picture
from pairloom.inference import image_files
from pairloom.inference.image_files import MARK, translate, translate_one
from pairloom.inference.options import Form, TranslateOptions
from pairloom.inference.translator import Translator
from pairloom.palette import CAMVID

RNG = np.random.default_rng(0)


def _pictures(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != MARK}


def _many(folder: Path, count: int) -> Path:
    for number in range(count):
        write_picture(folder / f"{number:03d}.png", RNG.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    return folder


def test_files_and_folders_are_written_under_their_stems(small_model: Path, photographs: Path, tmp_path: Path) -> None:
    alone = tmp_path / "alone.png"
    write_picture(alone, RNG.integers(0, 256, (20, 20, 3), dtype=np.uint8))
    written = translate(small_model, [photographs, alone], tmp_path / "out").written
    assert [path.name for path in written] == ["one.png", "two.png", "alone.png"]
    assert sorted(_pictures(tmp_path / "out")) == ["alone.png", "one.png", "two.png"]
    assert np.array_equal(read_picture(written[2]), Translator.load(small_model)(alone).image)


def test_nothing_is_written_when_the_inputs_are_wrong(small_model: Path, photographs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "empty").mkdir()
    (tmp_path / "others").mkdir()
    shutil.copy(photographs / "one.png", tmp_path / "others" / "one.png")
    for inputs, message in (
        ([tmp_path / "absent.png"], "no such file"),
        ([tmp_path / "empty"], "holds no images"),
        ([photographs, photographs / "one.png"], "named twice"),
        ([photographs, tmp_path / "others"], "would be written over"),
    ):
        with pytest.raises(UserError, match=message):
            translate(small_model, inputs, out)
    assert not out.exists()


def test_a_bad_image_is_named_and_left_out(
    small_model: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = photographs / "only-three.png"
    bad.write_bytes(b"no picture")
    code = main(["translate", str(small_model), str(photographs), "--out", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert code == 2
    assert sorted(_pictures(tmp_path / "out")) == ["one.png", "two.png"]
    assert printed.out.startswith("2 written to ")
    named, counted = printed.err.splitlines()
    assert named.startswith(f"pairloom: skipped: {bad}: ")
    assert counted.startswith("pairloom: 1 image skipped")


def test_files_of_other_kinds_are_counted_and_no_mistake(
    small_model: Path, photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("notes.txt", "plan.pdf", ".hidden"):
        (photographs / name).write_text("words")
    code = main(["translate", str(small_model), str(photographs), "--out", str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert code == 0
    assert printed.out.startswith("2 written to ")
    assert printed.err.splitlines() == [
        "pairloom: skipped: 2 files that are not images or videos (notes.txt, plan.pdf)"
    ]


def test_said_again_it_goes_on(small_model: Path, tmp_path: Path) -> None:
    photographs = _many(tmp_path / "many", 5)
    whole = translate(small_model, [photographs], tmp_path / "whole")
    translate(small_model, [photographs], tmp_path / "out")
    for name in ("001.png", "003.png"):
        (tmp_path / "out" / name).unlink()
    kept = (tmp_path / "out" / "002.png").stat().st_mtime_ns
    again = translate(small_model, [photographs], tmp_path / "out", options=TranslateOptions(device="cpu"))
    assert [path.name for path in again.written] == ["001.png", "003.png"]  # whatever the device
    assert (len(whole.written), again.there) == (5, 3)
    assert (tmp_path / "out" / "002.png").stat().st_mtime_ns == kept
    assert _pictures(tmp_path / "out") == _pictures(tmp_path / "whole")


def test_translations_of_another_model_are_not_mixed_in(small_model: Path, photographs: Path, tmp_path: Path) -> None:
    translate(small_model, [photographs], tmp_path / "out")
    before = _pictures(tmp_path / "out")
    with pytest.raises(UserError, match="started with another model, other inputs or options"):
        translate(small_model, [photographs], tmp_path / "out", options=TranslateOptions(tta=True))
    with pytest.raises(UserError, match="started with another model, other inputs or options"):
        translate(small_model, [_many(tmp_path / "others", 1)], tmp_path / "out")
    assert _pictures(tmp_path / "out") == before


def test_an_output_folder_with_files_is_refused_and_left_alone(small_model: Path, photographs: Path) -> None:
    before = _pictures(photographs)
    with pytest.raises(UserError, match="already holds files"):
        translate(small_model, [photographs], photographs)
    assert _pictures(photographs) == before
    assert not (photographs / MARK).exists()


def test_shards_together_translate_all(small_model: Path, tmp_path: Path) -> None:
    photographs = _many(tmp_path / "many", 12)
    translate(small_model, [photographs], tmp_path / "whole")
    counts = [len(translate(small_model, [photographs], tmp_path / "out", shard=f"{n}/3").written) for n in (3, 1, 2)]
    assert sum(counts) == 12
    assert all(counts), "a part has some of them"
    assert _pictures(tmp_path / "out") == _pictures(tmp_path / "whole")


def test_a_text_that_is_no_shard_is_refused(small_model: Path, photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a shard is i/n"):
        translate(small_model, [photographs], tmp_path / "out", shard="4/3")


def test_the_tree_of_a_folder_is_kept(small_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photographs"
    _many(folder / "a" / "deep", 2)
    _many(folder / "b", 1)
    _many(folder, 1)
    out = folder / "out"  # within the inputs, and none of them
    first = translate(small_model, [folder], out)
    names = ["000.png", "a/deep/000.png", "a/deep/001.png", "b/000.png"]
    assert [path.relative_to(out).as_posix() for path in first.written] == names
    (out / "a" / "deep" / "001.png").unlink()
    again = translate(small_model, [folder], out)
    assert ([path.name for path in again.written], again.there) == (["001.png"], 3)
    alone = translate(small_model, [folder / "b" / "000.png"], tmp_path / "alone").written[0]
    assert alone.read_bytes() == (out / "b" / "000.png").read_bytes()


def test_forms_are_those_of_the_translation(small_model: Path, photographs: Path, tmp_path: Path) -> None:
    expected = Translator.load(small_model)(photographs / "one.png")
    assert expected.classes is not None
    forms: dict[Form, Picture] = {
        "translation": expected.image,
        "overlay": expected.overlay(),
        "classes": np.array(CAMVID.values, dtype=np.uint8)[expected.classes][:, :, None],
        "side-by-side": expected.side_by_side(),
    }
    for form, picture in forms.items():
        (written,) = translate(
            small_model, [photographs / "one.png"], tmp_path / form, options=TranslateOptions(form=form)
        ).written
        assert np.array_equal(read_picture(written), picture), form
        with pytest.raises(UserError, match="inputs or options"):
            translate(
                small_model, [photographs / "one.png"], tmp_path / form, options=TranslateOptions(form=form, scale=2)
            )
        contents = translate_one(small_model, [photographs / "one.png"], options=TranslateOptions(form=form))
        assert contents == written.read_bytes()


def test_scale_and_tile_are_the_translators(small_model: Path, photographs: Path, tmp_path: Path) -> None:
    source = photographs / "one.png"
    (written,) = translate(
        small_model, [source], tmp_path / "out", options=TranslateOptions(scale=2.5, tile=64)
    ).written
    expected = Translator.load(small_model, options=TranslateOptions(scale=2.5, tile=64))(source)
    assert np.array_equal(read_picture(written), expected.image)


def test_one_image_is_one(small_model: Path, photographs: Path) -> None:
    with pytest.raises(UserError, match="2 images are given, but standard output takes one"):
        translate_one(small_model, [photographs])


def test_what_waits_to_be_written_is_bounded(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photographs = _many(tmp_path / "many", 9)
    whole = translate(small_model, [photographs], tmp_path / "whole")
    monkeypatch.setattr(image_files, "WAITING_BYTES", 1)
    assert len(translate(small_model, [photographs], tmp_path / "out").written) == len(whole.written) == 9
    assert _pictures(tmp_path / "out") == _pictures(tmp_path / "whole")
