"""Videos for the tests: generated streets that pass by, and a tone."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pairloom.images import UInt8Array
from pairloom.streets import draw_street

SAMPLES = 48_000
CODECS = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "aac"),
    ".mkv": ("ffv1", "flac"),
    ".webm": ("libvpx-vp9", "libopus"),
    ".avi": ("mpeg4", "pcm_s16le"),
}


class Written(NamedTuple):
    """What a player finds in a video."""

    times: list[Fraction]
    """Of the frames, in seconds."""
    frames: list[UInt8Array]
    sound: list[tuple[int, bytes]]
    """Time, in units of its stream, and contents of each packet."""
    rate: Fraction | None
    time_base: Fraction | None
    codec: str
    colours: tuple[int, ...]


def street_frames(count: int, height: int, width: int) -> list[UInt8Array]:
    """Return photographs of one street, the camera moving two pixels per frame."""
    street = draw_street(0, 0, height, width)[0]
    return [np.ascontiguousarray(np.roll(street, -2 * index, axis=1)) for index in range(count)]


def write_clip(
    path: Path,
    frames: Sequence[UInt8Array],
    *,
    rate: Fraction = Fraction(25),
    times: Sequence[int] | None = None,
    sound: bool = True,
    rotation: float = 0.0,
) -> Path:
    """Write a video with a tone of 440 Hz; `times` are those of the frames, in thousandths of a second."""
    picture_codec, sound_codec = CODECS[path.suffix]
    height, width = frames[0].shape[:2]
    odd = bool(height % 2 or width % 2)
    with av.open(str(path), "w") as file:
        pictures = cast(VideoStream, file.add_stream(picture_codec, rate=rate, width=width, height=height))
        pictures.pix_fmt = "yuv444p" if odd and picture_codec in ("libx264", "ffv1") else "yuv420p"
        pictures.codec_context.time_base = Fraction(1, 1000) if times else 1 / rate
        if rotation:
            pictures.set_display_rotation(rotation)
        tone = cast(AudioStream, file.add_stream(sound_codec, rate=SAMPLES)) if sound else None
        seconds = (times[-1] + 40) / 1000 if times else len(frames) / rate
        if tone is not None:
            file.start_encoding()
            size = tone.codec_context.frame_size or 1024
            for first in range(0, int(seconds * SAMPLES), size):
                waves = np.sin(2 * np.pi * 440 / SAMPLES * np.arange(first, first + size))
                # Packed or planar, whole numbers or fractions, as the encoder wants it.
                kind = tone.codec_context.format.name
                planes = np.stack([waves, waves]) if kind.endswith("p") else waves.repeat(2)[None]
                whole = kind.startswith("s16")
                samples = (planes * 8000).astype(np.int16) if whole else (planes / 4).astype(np.float32)
                block = AudioFrame.from_ndarray(samples, format=kind, layout="stereo")
                block.sample_rate, block.pts, block.time_base = SAMPLES, first, Fraction(1, SAMPLES)
                file.mux(tone.encode(block))
            file.mux(tone.encode(None))
        for index, picture in enumerate(frames):
            frame = VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = times[index] if times else index
            frame.time_base = pictures.codec_context.time_base
            file.mux(pictures.encode(frame))
        file.mux(pictures.encode(None))
    return path


def read_clip(path: Path) -> Written:
    """Read a video as players do."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        times, frames, sound = [], [], []
        for packet in file.demux():
            if packet.stream.type == "audio":
                if packet.dts is not None and packet.pts is not None:
                    sound.append((packet.pts, bytes(packet)))
                continue
            for frame in packet.decode():
                assert isinstance(frame, VideoFrame)
                assert frame.pts is not None
                assert frame.time_base is not None
                times.append(frame.pts * frame.time_base)
                frames.append(frame.to_ndarray(format="rgb24").astype(np.uint8))
        context = stream.codec_context
        colours = (context.colorspace, context.color_primaries, context.color_trc, context.color_range)
        return Written(times, frames, sound, stream.average_rate, stream.time_base, context.name, colours)
