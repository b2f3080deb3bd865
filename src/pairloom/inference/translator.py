"""Photographs in, colour-coded segmentations of the same size out."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pairloom.config import Size
from pairloom.data.image_spec import as_source, read_source
from pairloom.errors import UserError
from pairloom.images import Picture, resize_picture, to_tensor
from pairloom.inference.options import TranslateOptions
from pairloom.inference.stored_model import StoredModel
from pairloom.inference.temporal_smoothing import Steadier
from pairloom.inference.translation import Translation
from pairloom.models.translation import Prediction, TranslationModel

Input = str | Path | Image.Image | NDArray[Any]
"""An image: its file, or itself as Pillow or NumPy (H×W or H×W×C) hold it."""


class Translator:
    """A trained model, ready to use on images of any size.

    An image is brought to the size at which the model was trained, as training does it (a model that was trained on
    crops: to that scale), and the output back to the image's own size before it is read, so that the borders of classes
    are sharp.

    Args:
        model: the model; usually from `Translator.load`.
        options: how it is run.

    Raises:
        UserError: if the model does not support the scale or the tiles.
    """

    def __init__(self, model: TranslationModel, *, options: TranslateOptions = TranslateOptions()) -> None:
        scale, tile = options.scale, options.tile
        if (scale != 1 or (tile is not None and tile < max(model.size))) and model.works_at_its_size_only:
            raise UserError(
                f"this model (as those of the preset seed) works at its training size, {model.size}, only; "
                "leave out scale and tile"
            )
        if tile is not None and not model.can_tile:
            if model.config.backbone is not None:
                raise UserError(
                    "a model on a backbone of transformers cannot run in tiles, as its encoder must see the whole "
                    "picture; leave out tile, and lower scale where memory is short"
                )
            raise UserError("an exported model cannot run in tiles; leave out tile")
        self.model = model
        self.options = options

    @classmethod
    def load(
        cls,
        run: str | Path,
        *,
        options: TranslateOptions = TranslateOptions(),
        log: Callable[[str], None] = print,
    ) -> "Translator":
        """Load the model of a run folder or a model folder (a run's snapshots are such folders too), or an ONNX file.

        Args:
            run: the folder; or, where there is none of that name, `user/name` or `user/name@revision` on a hub; or
                the ONNX file, written by `export`.
            options: how it is run, and on which device.
            log: receives a line when a model has been converted.

        Raises:
            UserError: if there is no model, it is damaged, cannot be fetched or does not work so, or the device is not
                there.
        """
        return cls(StoredModel.find(run, options.backend).load(options.device, log), options=options)

    def seen(self, size: Size) -> Size:
        """Return the height and width at which the network sees an image of this size."""
        return self.model.seen(size, self.options.scale)

    @overload
    def __call__(self, image: Input) -> Translation: ...

    @overload
    def __call__(self, image: list[Input] | tuple[Input, ...]) -> list[Translation]: ...

    def __call__(self, image: Input | list[Input] | tuple[Input, ...]) -> Translation | list[Translation]:
        """Translate an image, or several of any sizes: a list, a tuple or an array N×H×W×C gives a list.

        The result has the image's size. Files and Pillow's images are turned upright. Arrays are of uint8 (0 to 255),
        uint16 (0 to 65535) or float32 (0 to 1; any numbers where the model knows their range). Greyscale images serve
        models of colour ones and the other way round. The same image always gives the same result.

        Raises:
            UserError: if a file cannot be read, or the channels cannot be brought to those that the model knows.
        """
        if isinstance(image, list | tuple) or (isinstance(image, np.ndarray) and image.ndim == 4):
            return [self._translation(one) for one in image]
        return self._translation(image)

    def frames(self, images: Iterable[Input]) -> Iterator[Translation]:
        """Translate the frames of a video in their order, each when it is asked for.

        With the option `steady` the outputs are averaged over time where the picture stands still.
        """
        steadier = Steadier() if self.options.steady else None
        for image in images:
            yield self._translation(image, steadier)

    def _translation(self, image: Input, steadier: Steadier | None = None) -> Translation:
        model = self.model
        source = (
            read_source(Path(image), model.source) if isinstance(image, str | Path) else as_source(image, model.source)
        )
        values, confidence = self._prediction(source, steadier)
        classes = values.astype(np.uint8, copy=False) if model.target.palette else None
        return Translation(
            source,
            model.target.draw(values),
            classes,
            confidence,
            model.target.palette,
            model.source.values,
            model.target.values,
        )

    def _prediction(self, source: Picture, steadier: Steadier | None) -> Prediction:
        size, tile, tta = Size(*source.shape[:2]), self.options.tile, self.options.tta
        seen = resize_picture(source, self.seen(size), values=self.model.source.values)
        if steadier is None:
            return self.model.prediction(seen, size, tile=tile, tta=tta)
        output = self.model.output(seen, tile=tile, tta=tta)
        output = steadier(to_tensor(seen, self.model.source.values).unsqueeze(0).to(output.device), output)
        return self.model.read(output, size)
