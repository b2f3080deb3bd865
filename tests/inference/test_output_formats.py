"""What can be written of a translation."""

import numpy as np
import pytest

from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.inference.output_formats import FORMS, class_values, form_suffix
from pairloom.inference.translation import Translation
from pairloom.palette import CITYSCAPES, CITYSCAPES_ALL, CITYSCAPES_LABELS, CITYSCAPES_TRAIN_IDS, Palette

IDS = np.array([[0, 1, 13], [2, 18, 18]], dtype=np.uint8)


def _translation(palette: Palette) -> Translation:
    picture = palette.to_colours(IDS)
    return Translation(picture, picture, IDS, None, palette)


@pytest.mark.parametrize("palette", [CITYSCAPES, CITYSCAPES_TRAIN_IDS, CITYSCAPES_ALL])
def test_class_values_of_cityscapes_are_its_label_ids(palette: Palette) -> None:
    official = {label.name: label.id for label in CITYSCAPES_LABELS}
    values = class_values(_translation(palette))
    assert values.dtype == np.uint8
    assert values.tolist() == [[official[palette.names[index]] for index in row] for row in IDS.tolist()]


def test_class_values_are_the_palettes_own_and_may_be_deep() -> None:
    names = tuple(f"class {index}" for index in range(19))
    colours = tuple((index, 1, 1) for index in range(19))
    palette = Palette("own", names, colours, values=tuple(range(1000, 1019)))
    values = class_values(_translation(palette))
    assert values.dtype == np.uint16
    assert np.array_equal(values, IDS.astype(int) + 1000)
    assert np.array_equal(palette.from_values(values.astype(np.uint16), "file"), IDS)


def test_only_pictures_need_other_files_than_png() -> None:
    classes, many = ImageSpec(3, palette=CITYSCAPES), ImageSpec(5, "uint16")
    assert [form_suffix(form, classes) for form in FORMS] == [".png"] * 4
    assert [form_suffix(form, many) for form in ("translation", "overlay", "side-by-side")] == [".tif", ".png", ".png"]
    with pytest.raises(UserError, match="no classes"):
        form_suffix("classes", many)
