"""A video comes out with its frames, its times and its sound; a damaged one leaves nothing behind."""

import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from clips import CODECS, read_clip, street_frames, write_clip
from pairloom.cli import main
from pairloom.config import Size
from pairloom.errors import UserError
from pairloom.images import UInt8Array, write_picture
from pairloom.inference.image_files import MARK, translate, translate_one
from pairloom.inference.options import Form, TranslateOptions
from pairloom.inference.translation import Translation
from pairloom.inference.translator import Input, Translator
from pairloom.inference.video import Frame, Video, VideoWriter, translate_video
from pairloom.palette import CITYSCAPES
from pairloom.streets import draw_street

UNEVEN = [0, 30, 90, 100, 300, 340, 360, 400, 470, 500, 540, 580]
"""Times of twelve frames, in thousandths of a second."""


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def _noisy(picture: UInt8Array, rng: np.random.Generator) -> UInt8Array:
    return (picture + rng.normal(0, 5, picture.shape)).round().clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("suffix", CODECS)
def test_frames_times_and_sound_come_through(small_model: Path, tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}", street_frames(12, 48, 64))
    (written,) = translate(small_model, [clip], tmp_path / "out").written
    before, after = read_clip(clip), read_clip(written)
    assert written == tmp_path / "out" / f"clip{suffix}"
    assert len(after.times) == 12
    assert (after.times, after.rate, after.time_base) == (before.times, before.rate, before.time_base)
    assert after.frames[0].shape == (48, 64, 3)
    assert len(before.sound) > 1
    assert after.sound == before.sound


@pytest.mark.parametrize("suffix", CODECS)
def test_odd_sides_stay_odd(small_model: Path, tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}", street_frames(3, 49, 65), sound=False)
    (written,) = translate(small_model, [clip], tmp_path / "out").written
    after = read_clip(written)
    assert after.frames[0].shape == (49, 65, 3)
    assert len(after.frames) == 3
    assert after.sound == []


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_uneven_times_are_kept(small_model: Path, tmp_path: Path, suffix: str) -> None:
    clip = write_clip(tmp_path / f"clip{suffix}", street_frames(12, 48, 64), times=UNEVEN)
    (written,) = translate(small_model, [clip], tmp_path / "out").written
    before, after = read_clip(clip), read_clip(written)
    assert after.times == before.times == [Fraction(time, 1000) for time in UNEVEN]
    assert after.sound == before.sound


@pytest.mark.slow
def test_ten_seconds_at_camvids_size(small_model: Path, tmp_path: Path) -> None:
    rate = Fraction(30_000, 1001)
    clip = write_clip(tmp_path / "clip.mp4", street_frames(300, 360, 480), rate=rate)
    (written,) = translate(small_model, [clip], tmp_path / "out").written
    before, after = read_clip(clip), read_clip(written)
    assert len(after.times) == 300
    assert after.rate == rate
    assert after.frames[0].shape == (360, 480, 3)
    assert (after.times, after.sound) == (before.times, before.sound)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_video_that_was_filmed_turned_is_translated_upright(small_model: Path, tmp_path: Path, quarters: int) -> None:
    (street,) = street_frames(1, 48, 64)
    turned = np.ascontiguousarray(np.rot90(street, -quarters))  # clockwise, and the file says: turn it back
    clip = write_clip(tmp_path / "clip.mp4", [turned] * 3, sound=False, rotation=90 * quarters)
    with Video(clip) as video:
        (first, *_) = (item for item in video.contents() if isinstance(item, Frame))
    assert np.abs(first.picture.astype(int) - street).mean() < 8
    (written,) = translate(small_model, [clip], tmp_path / "out").written
    assert read_clip(written).frames[0].shape == (48, 64, 3)


def test_overlay_and_side_by_side(small_model: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", street_frames(3, 48, 64), sound=False)
    translator = Translator.load(small_model)
    source = read_clip(clip).frames
    forms: list[Form] = ["overlay", "side-by-side"]
    for form in forms:
        (written,) = translate(small_model, [clip], tmp_path / form, options=TranslateOptions(form=form)).written
        frames = read_clip(written).frames
        assert frames[0].shape == (48, 128 if form == "side-by-side" else 64, 3)
        shown = frames[0][:, :64] if form == "side-by-side" else frames[0]
        wanted = source[0] if form == "side-by-side" else translator(source[0]).overlay()
        assert np.abs(shown.astype(int) - wanted).mean() < 12


def test_colours_of_classes_can_be_told_in_the_frames(tmp_path: Path) -> None:
    """Of exact class maps with thin things in 19 colours, which are harder than translations."""
    table = np.array(CITYSCAPES.colours)
    for height, width, agreement in ((360, 480, 0.98), (361, 481, 0.999)):
        clip = write_clip(tmp_path / f"{height}.mp4", street_frames(1, height, width), sound=False)
        ids = draw_street(0, 1, height, width)[1] % len(CITYSCAPES)
        target = tmp_path / f"{height}-out.mp4"
        with Video(clip) as video:
            shots = [item for item in video.contents() if isinstance(item, Frame)]
            with VideoWriter(target, ".mp4", video, shots[0], Size(height, width), print) as film:
                for shot in shots:
                    film.write(shot._replace(picture=CITYSCAPES.to_colours(ids)))
        written = read_clip(target)
        assert written.colours == (1, 1, 1, 1)
        for frame in written.frames:
            distances = np.square(frame[:, :, None].astype(int) - table).sum(axis=-1)
            assert np.mean(distances.argmin(axis=-1) == ids) > agreement


def test_frames_alone_are_translated_as_images_are_and_steady_ones_begin_so(small_model: Path) -> None:
    translator = Translator.load(small_model)
    alone_translator = Translator(translator.model, options=TranslateOptions(steady=False))
    frames = street_frames(3, 40, 60)
    alone = list(alone_translator.frames(iter(frames)))
    steady = list(translator.frames(iter(frames)))
    for translation, frame in zip([*alone, steady[0]], [*frames, frames[0]], strict=True):
        assert np.array_equal(translation.image, translator(frame).image)
    rng = np.random.default_rng(0)
    noisy = [_noisy(frames[0], rng) for _ in range(8)]

    def flips(translations: Iterable[Translation]) -> float:
        ids = np.stack([one.classes for one in translations if one.classes is not None])
        return float(np.mean(ids[1:] != ids[:-1]))

    assert flips(translator.frames(noisy)) < flips(alone_translator.frames(noisy)) / 2


def test_in_tiles_a_video_is_steadied_too(small_model: Path) -> None:
    frames = street_frames(2, 40, 60)
    whole = Translator.load(small_model, options=TranslateOptions(scale=2))
    tiled = Translator.load(small_model, options=TranslateOptions(scale=2, tile=48))
    for one, other in zip(whole.frames(frames), tiled.frames(frames), strict=True):
        assert one.classes is not None
        assert np.mean(one.classes == other.classes) > 0.97


def test_videos_in_folders_are_taken_with_the_images(small_model: Path, tmp_path: Path) -> None:
    trip = tmp_path / "trip"
    (trip / "day").mkdir(parents=True)
    frames = street_frames(2, 32, 48)
    write_picture(trip / "clip.png", frames[0])
    for name in ("clip.mp4", "clip.webm", "day/LAST.MOV"):
        written = write_clip(trip / name.lower(), frames, sound=False)
        written.rename(trip / name)
    result = translate(small_model, [trip], tmp_path / "out")
    assert _names(tmp_path / "out") == [MARK, "clip.mp4", "clip.png", "clip.webm", "day/LAST.MOV"]
    assert len(result.written) == 4
    times = {path: path.stat().st_mtime_ns for path in result.written}
    (tmp_path / "out" / "clip.mp4").unlink()
    again = translate(small_model, [trip], tmp_path / "out")
    assert ([path.name for path in again.written], again.there) == (["clip.mp4"], 3)
    assert all(path.stat().st_mtime_ns == time for path, time in times.items() if path.name != "clip.mp4")


def test_a_damaged_video_is_named_and_left_out(
    small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "good.mp4", street_frames(12, 48, 64))
    for name, contents in (
        ("cut.mp4", clip.read_bytes()[:-2000]),
        ("nothing.mkv", b""),
        ("text.webm", b"no video at all\n" * 100),
    ):
        (tmp_path / name).write_bytes(contents)
    bad = [tmp_path / name for name in ("cut.mp4", "nothing.mkv", "text.webm")]
    words = [*map(str, bad), str(clip), "--out", str(tmp_path / "out")]
    assert main(["translate", str(small_model), *words]) == 2
    printed = capsys.readouterr()
    assert printed.out.startswith("1 written to ")
    assert _names(tmp_path / "out") == [MARK, "good.mp4"]
    for path, line in zip(bad, printed.err.splitlines(), strict=False):
        assert line.startswith(f"pairloom: skipped: {path}: cannot be decoded")


def test_damage_on_the_way_leaves_no_half_of_a_file(small_model: Path, tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mp4", street_frames(40, 64, 96))
    # Its index at the front, as our own files have it, so that it can be opened.
    (fast,) = translate(small_model, [whole], tmp_path / "first").written
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(fast.read_bytes()[: fast.stat().st_size * 2 // 3])
    result = translate(small_model, [cut], tmp_path / "out", log=lambda line: None)
    assert len(result.skipped) == 1
    assert result.skipped[0].startswith(f"{cut}: ends in the middle of a frame")
    assert _names(tmp_path / "out") == [MARK]


def test_a_sound_without_pictures_is_no_video(tmp_path: Path) -> None:
    clip, path = write_clip(tmp_path / "clip.mp4", street_frames(2, 32, 48)), tmp_path / "sound.mp4"
    with av.open(str(clip)) as whole, av.open(str(path), "w") as sound:
        stream = sound.add_stream_from_template(whole.streams.audio[0])
        for packet in whole.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                sound.mux(packet)
    with pytest.raises(UserError, match=r"sound\.mp4: holds no video"):
        Video(path)


class _Stopped(Translator):
    """Is stopped by Ctrl-C at the third frame."""

    def frames(self, images: Iterable[Input]) -> Iterator[Translation]:
        for index, translation in enumerate(super().frames(images)):
            if index == 2:
                raise KeyboardInterrupt
            yield translation


def test_ctrl_c_leaves_no_half_of_a_file(small_model: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", street_frames(30, 48, 64))
    out = tmp_path / "out"
    out.mkdir()
    with Video(clip) as video, pytest.raises(KeyboardInterrupt):
        translate_video(video, out / "clip.mp4", _Stopped(Translator.load(small_model).model))
    assert _names(out) == []


def test_classes_and_standard_output_are_for_images(small_model: Path, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", street_frames(2, 32, 48), sound=False)
    with pytest.raises(UserError, match="lossy codecs corrupt class values"):
        translate(small_model, [clip], tmp_path / "out", options=TranslateOptions(form="classes"))
    with pytest.raises(UserError, match="takes an image, not a video"):
        translate_one(small_model, [clip])
    assert not (tmp_path / "out").exists()


def test_without_pyav_its_extra_is_named(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clip = write_clip(tmp_path / "clip.mp4", street_frames(2, 32, 48), sound=False)
    monkeypatch.setitem(sys.modules, "av", None)
    assert main(["translate", str(small_model), str(clip), "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'pairloom[video]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_steadying_can_be_switched_off(small_model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (street,) = street_frames(1, 32, 48)
    noisy = [_noisy(street, rng) for _ in range(8)]
    clip = write_clip(tmp_path / "clip.mkv", noisy, sound=False)
    changes = []
    for name, words in (("steady", []), ("alone", ["--no-steady"])):
        out = tmp_path / name
        assert main(["translate", str(small_model), str(clip), "--out", str(out), *words]) == 0
        frames = np.stack(read_clip(out / "clip.mkv").frames).astype(int)
        changes.append(np.mean(np.abs(np.diff(frames, axis=0)).max(axis=-1) > 40))
    assert changes[0] < changes[1] / 2
