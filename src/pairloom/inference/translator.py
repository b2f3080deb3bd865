"""Photographs in, colour-coded segmentations out."""

from pathlib import Path

from pairloom.images import Picture, resize_picture, with_channels
from pairloom.models.devices import choose_device
from pairloom.models.model_folder import find_model, load_model
from pairloom.models.translation import TranslationModel


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
        """Load the model of a run folder, a model folder (a run's snapshots are such folders too), or one on a hub.

        Args:
            run: the folder; or, where there is none of that name, `user/name` or `user/name@revision` on a hub.
            device: `auto`, `cpu` or `cuda`.
            tta: test-time augmentation, as above.

        Raises:
            UserError: if there is no model, it is damaged or cannot be fetched, or the device is not there.
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
