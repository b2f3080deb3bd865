"""Image files, and videos, translated one after the other: few in memory at a time, however many there are."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar

from pairloom.cpu import cpu_count
from pairloom.data.image_spec import read_source
from pairloom.data.prefetch import BoundedPool, read_ahead
from pairloom.errors import UserError
from pairloom.files import replacing
from pairloom.images import Picture, png_bytes, write_picture
from pairloom.inference.inputs import InputFile, Shard, find_inputs, is_video
from pairloom.inference.options import TranslateOptions
from pairloom.inference.output_formats import FORMS, form_suffix
from pairloom.inference.stored_model import StoredModel
from pairloom.inference.translator import Translator
from pairloom.inference.video import Video, translate_video
from pairloom.progress import track
from pairloom.run import require_empty

Place = TypeVar("Place", Path, str)  # Python 3.11 has no syntax for it

MARK = ".pairloom.json"
"""File that tells what the translations in a folder were made with, so that another start can go on."""
WAITING_BYTES = 2**28
"""So much may wait to be written."""


@dataclass(frozen=True)
class TranslatedFiles(Generic[Place]):
    """What has come of files that were to be translated."""

    written: Sequence[Place]
    """The files written, in the order of the inputs: paths, or the addresses (`str`) of `translate_remote`."""
    there: int = 0
    """How many inputs had been translated before, by an earlier start or another one."""
    skipped: Sequence[str] = field(default=())
    """What was wrong with the inputs that were left out, with their names."""


def translate(
    run: str | Path,
    inputs: Sequence[str | Path],
    out: str | Path,
    *,
    options: TranslateOptions = TranslateOptions(),
    shard: str | None = None,
    log: Callable[[str], None] = print,
) -> TranslatedFiles[Path]:
    """Translate image files and videos, and those in folders, each at its own size.

    An image that is named becomes `out/STEM.png` (`.tif` where PNG cannot hold the translation), a video keeps its
    name; of a folder that is named the tree is kept below `out`. Run again after a stop, it continues: what is
    in `out` already is left as it is. What cannot be read is named and left out.

    Args:
        run: a run folder, a model folder, an ONNX file that `export` has written, or the name of a model on a hub
            (`user/name`, `user/name@revision`).
        inputs: image files and videos; folders, whose images and videos are taken and those of the folders in them; and
            patterns such as `photos/**/*.jpg`.
        out: the folder to be made; or one that was begun with the same model, inputs and options.
        options: how the model is run, and what is written.
        shard: `i/n` translates the i-th of n parts of the inputs, to which a file belongs by its name; several jobs,
            one a part, may write to one `out` at the same time. None translates all.
        log: receives a line for each image, video or sound that is left out, one about other files in the folders, and
            one when the model has been converted.

    Returns:
        The files written, and what was left out.

    Raises:
        UserError: before anything is written, for inputs that do not exist or would have the same name, for options
            that the model does not know, for classes of videos, and for an output folder that holds other files.
    """
    part, folder = Shard.parse(shard), Path(out)
    files = [file for file in find_inputs(inputs, folder, log) if part.holds(file.name)]
    moving = next((file for file in files if is_video(file.path)), None)
    if options.form == "classes" and moving is not None:
        raise UserError(f"{moving.path}: lossy codecs corrupt class values; translate its frames as images")
    model = StoredModel.find(run, options.backend)
    translator = Translator(model.load(options.device, log), options=options)
    suffix = form_suffix(options.form, translator.model.target)
    mark = made_with(model, [str(Path(entry).absolute()) for entry in inputs], options)
    if (folder / MARK).exists():
        require_mark(folder, (folder / MARK).read_text(encoding="utf-8"), mark)
    else:
        require_empty(folder)
    targets = {file: folder / file.translated(suffix) for file in files}
    todo = [file for file, target in targets.items() if not target.exists()]
    images, videos = ([file for file in todo if is_video(file.path) is video] for video in (False, True))

    def read(file: InputFile) -> Picture | UserError:
        try:
            return read_source(file.path, translator.model.source)
        except UserError as error:
            return error

    skipped: list[str] = []
    with BoundedPool[None](cpu_count(), 2 * cpu_count(), WAITING_BYTES) as pool:
        writer = _Writer(folder, mark, pool)
        for file, picture in track(zip(images, read_ahead(read, images), strict=True), len(images), "Translating"):
            if isinstance(picture, UserError):
                skipped.append(str(picture))
                log(f"skipped: {picture}")
            else:
                writer.write(targets[file], FORMS[options.form](translator(picture)))
        for file in videos:
            try:
                with Video(file.path) as video, writer.place(targets[file]) as target:
                    translate_video(video, target, translator, log)
            except UserError as error:
                skipped.append(str(error))
                log(f"skipped: {error}")
    return TranslatedFiles(writer.written, len(files) - len(todo), skipped)


def translate_one(
    run: str | Path,
    inputs: Sequence[str | Path],
    *,
    options: TranslateOptions = TranslateOptions(),
    log: Callable[[str], None] = print,
) -> bytes:
    """Translate the one image that `inputs` mean, and return the contents of a PNG file.

    Raises:
        UserError: if there are more or none, the image cannot be read, or PNG cannot hold the translation.
    """
    files = find_inputs(inputs)
    if len(files) > 1:
        raise UserError(f"{len(files)} images are given, but standard output takes one; name an output folder")
    if is_video(files[0].path):
        raise UserError(f"{files[0].path}: standard output takes an image, not a video; name an output folder")
    translator = Translator.load(run, options=options, log=log)
    if form_suffix(options.form, translator.model.target) != ".png":
        raise UserError("PNG cannot store this model's pictures; name an output folder for .tif files")
    return png_bytes(FORMS[options.form](translator(files[0].path)))


class _Writer:
    """Writes pictures while others are made, and the mark with the first of them."""

    def __init__(self, folder: Path, mark: str, pool: BoundedPool[None]) -> None:
        self.written: list[Path] = []
        self._folder, self._mark, self._pool = folder, mark, pool

    @contextmanager
    def place(self, path: Path) -> Iterator[Path]:
        """Give a path to which the block writes a file itself, when its folder is there."""
        self._begin()
        path.parent.mkdir(parents=True, exist_ok=True)
        yield path
        self.written.append(path)

    def write(self, path: Path, picture: Picture) -> None:
        self._begin()
        self._pool.submit(partial(write_picture, path, picture), picture.nbytes)
        self.written.append(path)

    def _begin(self) -> None:
        """Write the mark where it is missing."""
        if not (self._folder / MARK).exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(self._folder / MARK) as unfinished:
                unfinished.write_text(self._mark, encoding="utf-8")


def require_mark(folder: object, found: str, mark: str) -> None:
    """Raise UserError if the mark found in an output folder is another one."""
    if found != mark:
        raise UserError(
            f"{folder}: was started with another model, other inputs or options; choose another --out, or remove it"
        )


def made_with(model: StoredModel, inputs: Sequence[str], options: TranslateOptions) -> str:
    """Return what is written into the file `MARK`: the same for every engine and device."""
    chosen = asdict(options) | {"backend": model.backend}
    del chosen["device"]
    return json.dumps({"model": model.fingerprint(), "options": chosen, "inputs": sorted(inputs)}) + "\n"
