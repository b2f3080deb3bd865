"""Videos translated frame by frame: the same frames at the same times, the sound as it was.

Size, times and sound come through exactly. Colours do nearly: the codecs that every player knows keep one hue for two
by two pixels, so that at the borders of classes colours mix.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

import numpy as np

from pairloom.config import Size
from pairloom.data.prefetch import BoundedPool, read_ahead
from pairloom.errors import UserError
from pairloom.files import replacing
from pairloom.images import UInt8Array, for_display
from pairloom.inference.output_formats import FORMS
from pairloom.inference.translator import Translator
from pairloom.progress import progress

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet
    from av.video.stream import VideoStream

Item = TypeVar("Item")  # Python 3.11 has no syntax for it

FORMATS = {".mp4": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".avi": "avi"}
"""FFmpeg's names of the formats, by the ending of the file."""
AHEAD = 8
"""So much is decoded ahead, and so much waits to be encoded: frames and packets of sound."""


class Encoding(NamedTuple):
    """How frames are kept."""

    codec: str
    """FFmpeg's name."""
    options: dict[str, str]
    pixels: str = "yuv420p"
    odd_pixels: str = "yuv420p"
    """For odd heights or widths."""
    matrix: str = "ITU709"
    colours: int = 1
    """Matrix, primaries and curve, in the numbers of ITU-T H.273."""
    levels: str = "MPEG"


H264 = Encoding("libx264", {"crf": "12"}, odd_pixels="yuv444p")
VP9 = Encoding("libvpx-vp9", {"crf": "12", "b": "0", "cpu-used": "5", "row-mt": "1"})
# AVI holds no times for frames that lean on later ones, so each stands alone; JPEGs have one rule of colours.
JPEG = Encoding(
    "mjpeg", {"flags": "+qscale", "global_quality": "236"}, "yuvj420p", "yuvj420p", "ITU601", colours=5, levels="JPEG"
)
ENCODINGS = {".webm": VP9, ".avi": JPEG}
"""Of the formats that do not hold H.264, or not well."""


class Frame(NamedTuple):
    """A frame and its place in time."""

    picture: UInt8Array
    """Upright, H×W×3."""
    time: int
    """In units of the video's time base."""
    duration: int
    """Likewise; 0 where it is not known."""
    pixel: Fraction
    """Width of a pixel over its height, upright."""


class Video:
    """A video file to be read, once.

    Raises:
        UserError: if PyAV is not installed, or the file cannot be read or holds no video.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._av = path, _library()
        with self._named():
            self._container = self._av.open(str(path.absolute()), "r")  # which no name turns into an address
        moving = [stream for stream in self._container.streams.video if not _is_cover(stream)]
        if not moving:
            self._container.close()
            raise UserError(f"{path}: holds no video; remove it")
        self._stream: VideoStream = moving[0]
        self._stream.thread_type = "AUTO"
        self.sounds: list[AudioStream] = list(self._container.streams.audio)
        self.time_base = self._stream.time_base or Fraction(1, 90_000)
        self.rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(25)
        """Frames a second, on the average."""

    def __enter__(self) -> "Video":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def frames(self) -> int | None:
        """How many frames it holds, about; None where that is not known."""
        if self._stream.frames:
            return self._stream.frames
        if self._stream.duration is not None:
            return round(self._stream.duration * self.time_base * self.rate)
        microseconds = self._container.duration
        return None if microseconds is None else round(microseconds * self.rate / 1_000_000)

    def contents(self) -> "Iterator[Frame | Packet[AudioStream]]":
        """Yield the frames, and the packets of its sound, in the order in which they lie in the file.

        Raises:
            UserError: where it is damaged.
        """
        step = max(1, round(1 / (self.rate * self.time_base)))
        size: tuple[int, int] | None = None
        time = -step
        with self._named():
            for packet in self._container.demux([self._stream, *self.sounds]):
                if packet.stream_index != self._stream.index:
                    if packet.dts is not None:  # None tells the end
                        yield packet
                    continue
                if packet.is_corrupt:
                    raise UserError(f"{self.path}: ends in the middle of a frame; replace or remove it")
                for frame in packet.decode():
                    size = size or (frame.width, frame.height)
                    time = time + step if frame.pts is None else frame.pts if time < 0 else max(frame.pts, time + 1)
                    # What changes its size on the way is shown at that of the first frame.
                    pixels = frame.to_ndarray(format="rgb24", width=size[0], height=size[1])
                    quarters = round(frame.rotation / 90) % 4
                    pixel = self._stream.sample_aspect_ratio or Fraction(1)
                    yield Frame(
                        np.ascontiguousarray(np.rot90(pixels, quarters)),
                        time,
                        frame.duration or 0,
                        1 / pixel if quarters % 2 else pixel,
                    )
        if size is None:
            raise UserError(f"{self.path}: holds no frame that can be decoded; replace or remove it")

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except self._av.FFmpegError as error:
            reason = error.strerror or error
            raise UserError(f"{self.path}: cannot be decoded ({reason}); replace or remove it") from error


class VideoWriter:
    """A video file that is written by a thread of its own, while its frames are made.

    Args:
        path: where.
        suffix: of the finished file's name, which tells its format.
        source: the video whose times and sound it takes over.
        first: its first frame.
        size: of all frames.
        log: receives a line for each sound that the format cannot hold; it is left out.
    """

    def __init__(
        self, path: Path, suffix: str, source: Video, first: Frame, size: Size, log: Callable[[str], None]
    ) -> None:
        self._av = _library()
        options = {}
        if suffix in (".mp4", ".mov"):
            # The index at the front, so that a page can play while it loads; times in the source's units.
            options = {"movflags": "+faststart", "video_track_timescale": str(source.time_base.denominator)}
        self._file = self._av.open(str(path), "w", format=FORMATS[suffix], container_options=options)
        self._time_base = source.time_base
        self._encoding = ENCODINGS.get(suffix, H264)
        self._stream = self._picture_stream(source, first, size)
        self._sounds = {}
        for sound in source.sounds:
            try:
                self._sounds[sound.index] = self._file.add_stream_from_template(sound)
            except ValueError:
                codec = sound.codec_context.name if sound.codec_context else "of an unknown kind"
                log(f"{source.path}: its sound ({codec}) cannot be copied into a {suffix} file and is dropped")
        self._pool = BoundedPool[None](1, AHEAD)

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with closing(self._file):
            self._pool.__exit__(kind)
            if kind is None:
                self._file.mux(self._stream.encode(None))

    def write(self, frame: Frame) -> None:
        """Write the next frame."""
        self._pool.submit(partial(self._encode, frame))

    def copy(self, packet: "Packet[AudioStream]") -> None:
        """Take over a packet of sound, as it is."""
        if packet.stream_index in self._sounds:
            self._pool.submit(partial(self._copy, packet))

    def _picture_stream(self, source: Video, first: Frame, size: Size) -> "VideoStream":
        codec, options, even, odd = self._encoding[:4]
        stream = self._file.add_stream(codec, rate=source.rate, options=options, width=size.width, height=size.height)
        stream.pix_fmt = odd if size.width % 2 or size.height % 2 else even
        context = stream.codec_context
        context.time_base = source.time_base
        context.sample_aspect_ratio = first.pixel
        context.colorspace = context.color_primaries = context.color_trc = self._encoding.colours
        context.color_range = self._av.video.reformatter.ColorRange[self._encoding.levels]
        return cast("VideoStream", stream)

    def _encode(self, frame: Frame) -> None:
        encoded = self._av.VideoFrame.from_ndarray(frame.picture, format="rgb24").reformat(
            format=self._stream.pix_fmt,
            dst_colorspace=self._encoding.matrix,
            dst_color_range=self._encoding.levels,
            interpolation="AREA",
        )
        encoded.time_base, encoded.pts, encoded.duration = self._time_base, frame.time, frame.duration
        self._file.mux(self._stream.encode(encoded))

    def _copy(self, packet: "Packet[AudioStream]") -> None:
        packet.stream = self._sounds[packet.stream_index]
        self._file.mux(packet)


def translate_video(video: Video, target: Path, translator: Translator, log: Callable[[str], None] = print) -> None:
    """Translate a video into a file that appears when it is whole.

    Frames are decoded, and others encoded, while one is translated; few are in memory at a time.

    Args:
        video: the video.
        target: the file, whose ending tells its format; its folder must be there.
        translator: the model, whose options tell what is written; codecs keep no `classes`.
        log: receives a line for each sound that the format cannot hold; it is left out.

    Raises:
        UserError: if the video is damaged, or cannot be written; nothing is left of the file then.
    """
    suffix, form = target.suffix.lower(), translator.options.form
    with closing(_ahead(video.contents())) as contents, progress() as bars, _written(target) as unfinished:
        early = list(_up_to_first_frame(contents))
        first = cast(Frame, early[-1])
        height, width = first.picture.shape[:2]
        size = Size(height, 2 * width if form == "side-by-side" else width)
        bar = bars.add_task(target.name, total=video.frames)
        frames: deque[Frame] = deque()
        with VideoWriter(unfinished, suffix, video, first, size, log) as writer:

            def pictures() -> Iterator[UInt8Array]:
                for item in chain(early, contents):
                    if isinstance(item, Frame):
                        frames.append(item)
                        yield item.picture
                    else:
                        writer.copy(item)

            for translation in translator.frames(pictures()):
                drawn = translation.shown if form == "translation" else FORMS[form](translation)
                picture = np.ascontiguousarray(for_display(drawn))
                writer.write(frames.popleft()._replace(picture=picture))
                bars.advance(bar)


def _up_to_first_frame(contents: "Iterator[Frame | Packet[AudioStream]]") -> "Iterator[Frame | Packet[AudioStream]]":
    for item in contents:
        yield item
        if isinstance(item, Frame):
            return


@contextmanager
def _written(target: Path) -> Iterator[Path]:
    """Give a path that becomes the target; what encoders refuse is a UserError, a full disk stays what it is."""
    with replacing(target) as unfinished:
        try:
            yield unfinished
        except _library().FFmpegError as error:
            if isinstance(error, OSError):
                raise
            raise UserError(f"{target}: cannot be encoded ({error.strerror or error})") from error


def _ahead(items: Iterator[Item]) -> Generator[Item, None, None]:
    """Yield the items, some of which are made ahead by a thread of their own."""
    with closing(read_ahead(lambda _: next(items, None), repeat(None), workers=1, pending=AHEAD)) as made:
        for item in made:
            if item is None:
                return
            yield item


def _is_cover(stream: "VideoStream") -> bool:
    """Tell whether a stream is a still picture that players show beside the sound."""
    from av.stream import Disposition

    return bool(stream.disposition & Disposition.attached_pic)


def _library() -> ModuleType:
    """Return PyAV.

    Raises:
        UserError: if it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UserError("videos need PyAV; install it: pip install 'pairloom[video]'") from error
    return av
