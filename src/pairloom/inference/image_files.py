"""Image files translated one after the other: few in memory at a time, however many there are."""

import hashlib
import json
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pairloom.cores import cores
from pairloom.data.sides import read_source
from pairloom.data.stream import read_ahead
from pairloom.errors import UserError
from pairloom.files import replacing
from pairloom.images import Picture, is_image, write_picture
from pairloom.inference.translator import Translator
from pairloom.models.model_folder import find_model
from pairloom.progress import track
from pairloom.run import require_empty

MARK = ".pairloom.json"
"""File that tells what the translations in a folder were made with, so that another start can go on."""


class Shard(NamedTuple):
    """One of several parts of the inputs, written `i/n`, from 1/n to n/n."""

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Read `2/8`; raise ValueError for anything else."""
        number, slash, count = text.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise ValueError(f"a shard is i/n, such as 2/8 for the second of eight, not {text!r}")
        return cls(int(number), int(count))

    def holds(self, path: Path) -> bool:
        """Tell whether a file is of this part: by its name alone, whatever other files there are."""
        digest = hashlib.blake2b(os.fsencode(path.name), digest_size=8).digest()
        return int.from_bytes(digest) % self.of == self.number - 1


@dataclass(frozen=True)
class TranslatedFiles:
    """What has come of image files that were to be translated."""

    written: Sequence[Path]
    """The files written, in the order of the inputs."""
    there: int = 0
    """How many inputs had been translated before, by an earlier start or another one."""
    skipped: Sequence[str] = field(default=())
    """What was wrong with the inputs that were left out, with their names."""


def translate(
    run: str | Path,
    inputs: Sequence[str | Path],
    out: str | Path,
    device: str = "auto",
    *,
    tta: bool = False,
    shard: str | None = None,
    say: Callable[[str], None] = print,
) -> TranslatedFiles:
    """Translate image files, and the images in folders, to `out/STEM.png` each (`.tif` where PNG cannot hold them).

    Said again after it was stopped, it goes on: what is in `out` already is left as it is. An image that cannot be
    read is named and left out.

    Args:
        run: a run folder, a model folder, or the name of a model on a hub (`user/name`, `user/name@revision`).
        inputs: image files, and folders whose images are taken (not those of folders in them).
        out: the folder to be made; or one that was begun with the same model, inputs and `tta`.
        device: `auto`, `cpu` or `cuda`.
        tta: test-time augmentation, as `Translator` does it.
        shard: `i/n` translates the i-th of n parts of the inputs, to which a file belongs by its name; several jobs,
            one a part, may write to one `out` at the same time. None translates all.
        say: receives a line for each image that is left out.

    Returns:
        The files written, and the images left out.

    Raises:
        UserError: before anything is written, for inputs that do not exist or would have the same name, and for an
            output folder that holds other files.
    """
    part = _shard(shard)
    sources = [source for source in _sources(inputs) if part.holds(source)]
    model = find_model(Path(run))
    translator = Translator.load(model, device, tta=tta)
    folder = Path(out)
    named = sorted(str(Path(entry).absolute()) for entry in inputs)
    mark = json.dumps({"model": _fingerprint(model), "tta": tta, "inputs": named}) + "\n"
    _require_ours(folder, mark)
    suffix = translator.model.target.suffix
    todo = [source for source in sources if not (folder / f"{source.stem}{suffix}").exists()]

    def read(source: Path) -> Picture | UserError:
        try:
            return read_source(source, translator.model.source)
        except UserError as error:
            return error

    written: list[Path] = []
    skipped: list[str] = []
    writing: deque[Future[None]] = deque()
    with ThreadPoolExecutor(cores()) as pool:
        for source, picture in track(zip(todo, read_ahead(read, todo), strict=True), len(todo), "Translating"):
            try:
                if isinstance(picture, UserError):
                    raise picture
                translation = translator(picture)
            except UserError as error:
                skipped.append(str(error))
                say(f"left out: {error}")
                continue
            if not (folder / MARK).exists():
                folder.mkdir(parents=True, exist_ok=True)
                with replacing(folder / MARK) as unfinished:
                    unfinished.write_text(mark, encoding="utf-8")
            written.append(folder / f"{source.stem}{suffix}")
            writing.append(pool.submit(write_picture, written[-1], translation))
            if len(writing) > 2 * cores():
                writing.popleft().result()
        while writing:
            writing.popleft().result()
    return TranslatedFiles(written, len(sources) - len(todo), skipped)


def _shard(text: str | None) -> Shard:
    try:
        return Shard.parse("1/1" if text is None else text)
    except ValueError as error:
        raise UserError(str(error)) from error


def _sources(inputs: Sequence[str | Path]) -> list[Path]:
    """Return the files to be translated, no two of which would get the same name."""
    sources: dict[str, Path] = {}
    for entry in inputs:
        for source in _images(Path(entry)):
            other = sources.setdefault(source.stem, source)
            if other is not source:
                raise UserError(
                    f"{source}: is named twice; name it once"
                    if other == source
                    else f"{source}: would be written over the translation of {other}; rename one"
                )
    return list(sources.values())


def _images(entry: Path) -> list[Path]:
    if entry.is_dir():
        images = sorted(path for path in entry.iterdir() if is_image(path))
        if not images:
            raise UserError(f"{entry}: holds no images")
        return images
    if not entry.exists():
        raise UserError(f"{entry}: no such file or folder")
    return [entry]


def _require_ours(folder: Path, mark: str) -> None:
    """Refuse an output folder that holds files of another model, or anything else.

    Raises:
        UserError: if it does.
    """
    try:
        require_empty(folder)
    except UserError:
        found = folder / MARK
        if not found.exists():
            raise
        if found.read_text(encoding="utf-8") != mark:
            raise UserError(
                f"{folder}: was begun with another model, other inputs or other options; choose another --out, or "
                "remove it"
            ) from None


def _fingerprint(model: Path) -> str:
    """Return what tells a model folder from any other."""
    digest = hashlib.sha256()
    for name in ("config.json", "model.safetensors"):
        digest.update((model / name).read_bytes())
    return digest.hexdigest()
