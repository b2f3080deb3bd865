"""What can be written of a translation."""

from collections.abc import Callable, Mapping

import numpy as np

from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.images import Picture
from pairloom.inference.options import Form
from pairloom.inference.translation import Translation
from pairloom.palette import written_palette

FORMS: Mapping[Form, Callable[[Translation], Picture]] = {
    "translation": lambda translation: translation.image,
    "overlay": Translation.overlay,
    "classes": lambda translation: class_values(translation),
    "side-by-side": Translation.side_by_side,
}
"""What makes each form, a picture or an index map, of a translation."""


def form_suffix(form: Form, target: ImageSpec) -> str:
    """Return the ending of files of a form.

    Raises:
        UserError: for index maps of a model that translates to pictures.
    """
    if form == "classes" and target.palette is None:
        raise UserError("this model translates to pictures, which have no classes; leave out --classes")
    return target.suffix if form == "translation" else ".png"


def class_values(translation: Translation) -> Picture:
    """Return the pixel value of each class, H×W: what an index file of the model's palette holds (uint8 or uint16).

    For Cityscapes these are the official `labelIds`, also where training read `labelTrainIds`.
    """
    if translation.classes is None or translation.palette is None:
        raise ValueError("a picture has no classes")
    values = np.array(written_palette(translation.palette).values)
    if values.max() < 256:
        return values.astype(np.uint8)[translation.classes]
    return values.astype(np.uint16)[translation.classes]
