"""Photographs in, colour-coded segmentations out."""

from collections.abc import Sequence
from pathlib import Path

from pairloom.errors import UserError
from pairloom.images import UInt8Array, is_image, read_picture, resize_picture, write_png
from pairloom.models.translation import TranslationModel, choose_device, find_model
from pairloom.progress import track
from pairloom.run import require_empty


class Translator:
    """A trained model, ready to use.

    Args:
        model: the model; usually from `Translator.load`.
    """

    def __init__(self, model: TranslationModel) -> None:
        self.model = model

    @classmethod
    def load(cls, run: str | Path, device: str = "auto") -> "Translator":
        """Load the model of a run folder, or a model folder (a run's snapshots are such folders too).

        Raises:
            UserError: if there is no model, it is damaged, or the device is not there.
        """
        return cls(TranslationModel.load(find_model(Path(run)), choose_device(device)))

    def __call__(self, picture: UInt8Array) -> UInt8Array:
        """Translate a photograph (H×W×3 uint8, any size) to a colour-coded segmentation at the training size.

        The same photograph always gives the same result.
        """
        return self.model.palette.to_colours(self.model.predict(resize_picture(picture, self.model.size)))


def translate(run: str | Path, inputs: Sequence[str | Path], out: str | Path, device: str = "auto") -> list[Path]:
    """Translate image files, and the images in folders, to `out/STEM.png` each.

    Returns:
        The files written, in the order of the inputs.

    Raises:
        UserError: before anything is written, for inputs that do not exist or would have the same name, and for an
            output folder that holds files; later, for an image that cannot be read (what was written stays).
    """
    sources = [image for entry in inputs for image in _images(Path(entry))]
    stems: dict[str, Path] = {}
    for source in sources:
        if source.stem in stems:
            raise UserError(f"{source}: would be written over the translation of {stems[source.stem]}; rename one")
        stems[source.stem] = source
    require_empty(Path(out))
    translator = Translator.load(run, device)
    written = []
    for source in track(sources, len(sources), "Translating"):
        target = Path(out) / f"{source.stem}.png"
        write_png(target, translator(read_picture(source)))
        written.append(target)
    return written


def _images(entry: Path) -> list[Path]:
    if entry.is_dir():
        images = sorted(path for path in entry.iterdir() if is_image(path))
        if not images:
            raise UserError(f"{entry}: holds no images")
        return images
    if not entry.exists():
        raise UserError(f"{entry}: no such file or folder")
    return [entry]
