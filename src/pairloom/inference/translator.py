"""Photographs in, colour-coded segmentations out."""

from collections.abc import Sequence
from pathlib import Path

from pairloom.data.sides import read_source
from pairloom.errors import UserError
from pairloom.images import Picture, is_image, resize_picture, with_channels, write_picture
from pairloom.models.devices import choose_device
from pairloom.models.model_folder import find_model, load_model
from pairloom.models.translation import TranslationModel
from pairloom.progress import track
from pairloom.run import require_empty


class Translator:
    """A trained model, ready to use.

    Args:
        model: the model; usually from `Translator.load`.
        tta: test-time augmentation: the mean of the answers to each picture and to its mirror image, in twice the time.
    """

    def __init__(self, model: TranslationModel, *, tta: bool = False) -> None:
        self.model = model
        self.tta = tta

    @classmethod
    def load(cls, run: str | Path, device: str = "auto", *, tta: bool = False) -> "Translator":
        """Load the model of a run folder, or a model folder (a run's snapshots are such folders too).

        Args:
            run: the folder.
            device: `auto`, `cpu` or `cuda`.
            tta: test-time augmentation, as above.

        Raises:
            UserError: if there is no model, it is damaged, or the device is not there.
        """
        return cls(load_model(find_model(Path(run)), choose_device(device)), tta=tta)

    def __call__(self, picture: Picture) -> Picture:
        """Translate a source (H×W×C, any size) to a picture (H×W×C) at the training size: class maps in their colours.

        Greyscale pictures serve models of colour ones and the other way round. The same source always gives the same
        result.

        Raises:
            UserError: if the channels cannot be brought to those that the model knows.
        """
        model = self.model
        source = resize_picture(with_channels(picture, model.source.channels, "the picture"), model.size)
        return model.target.draw(model.predict(source, tta=self.tta))


def translate(
    run: str | Path, inputs: Sequence[str | Path], out: str | Path, device: str = "auto", *, tta: bool = False
) -> list[Path]:
    """Translate image files, and the images in folders, to `out/STEM.png` each (`.tif` where PNG cannot hold them).

    Args:
        run: a run folder, or a model folder.
        inputs: image files, and folders whose images are taken (not those of folders in them).
        out: the folder to be made; it must be empty or not exist.
        device: `auto`, `cpu` or `cuda`.
        tta: test-time augmentation, as `Translator` does it.

    Returns:
        The files written, in the order of the inputs.

    Raises:
        UserError: before anything is written, for inputs that do not exist or would have the same name, and for an
            output folder that holds files; later, for an image that cannot be read (what was written stays).
    """
    sources = [image for entry in inputs for image in _images(Path(entry))]
    stems: dict[str, Path] = {}
    for source in sources:
        other = stems.get(source.stem)
        if other == source:
            raise UserError(f"{source}: is named twice; name it once")
        if other is not None:
            raise UserError(f"{source}: would be written over the translation of {other}; rename one")
        stems[source.stem] = source
    require_empty(Path(out))
    translator = Translator.load(run, device, tta=tta)
    written = []
    for source in track(sources, len(sources), "Translating"):
        target = Path(out) / f"{source.stem}{translator.model.target.suffix}"
        write_picture(target, translator(read_source(source, translator.model.source)))
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
