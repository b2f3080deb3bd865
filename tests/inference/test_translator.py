"""Images of any size and kind to translations of the same size."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.errors import UserError
from pairloom.images import Picture, UInt8Array, read_picture, resize_picture
from pairloom.inference.options import TranslateOptions
from pairloom.inference.translator import Input, Translator
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID, CITYSCAPES, CITYSCAPES_ALL
from pairloom.settings import load_experiment
from trained import TinyRun

RNG = np.random.default_rng(0)
SIZE = Size(32, 48)


def _model(preset: str, source: ImageSpec, target: ImageSpec, size: Size = SIZE) -> TranslationModel:
    small = {"size": f"{size.height}x{size.width}", "model.width": 4, "model.encoder": "none"}
    experiment = load_experiment(preset, settings=small).resolved()
    torch.manual_seed(0)
    return TranslationModel.build(experiment.model, source, target, size, torch.device("cpu"))


COLOURS = _model("recommended", ImageSpec(3), ImageSpec(3, palette=CAMVID))
SEED = _model("seed", ImageSpec(3), ImageSpec(3, palette=CAMVID), Size(32, 32))


def _photograph(height: int, width: int, channels: int = 3) -> UInt8Array:
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, channels), dtype=np.uint8)


SIZES = st.integers(1, 70)


@given(height=SIZES, width=SIZES, scale=st.sampled_from([1.0, 0.3, 1.7]))
@example(height=1, width=500, scale=1.0)
@example(height=500, width=1, scale=1.0)
@example(height=1, width=1, scale=0.01)
@settings(max_examples=40, deadline=None)
def test_any_size_comes_out_at_its_size_and_twice_the_same(height: int, width: int, scale: float) -> None:
    translator, photograph = Translator(COLOURS, options=TranslateOptions(scale=scale)), _photograph(height, width)
    first, again = translator(photograph), translator(photograph)
    assert first.image.shape == (height, width, 3)
    assert first.classes is not None
    assert first.confidence is not None
    assert first.classes.shape == first.confidence.shape == (height, width)
    assert int(first.classes.max()) < len(CAMVID)
    assert 1 / len(CAMVID) - 1e-6 <= first.confidence.min() <= first.confidence.max() <= 1 + 1e-6
    assert np.array_equal(first.image, CAMVID.to_colours(first.classes))
    assert np.array_equal(first.source, photograph)
    assert first.image.tobytes() == again.image.tobytes()
    assert again.confidence is not None
    assert first.confidence.tobytes() == again.confidence.tobytes()


@pytest.mark.parametrize("preset", ["seed", "recommended"])
def test_at_the_training_size_it_is_what_was_validated(preset: str) -> None:
    model = {"seed": SEED, "recommended": COLOURS}[preset]
    photograph = _photograph(*model.size)
    classes = Translator(model)(photograph).classes
    assert classes is not None
    assert np.array_equal(classes, model.predict(photograph))


def test_with_test_time_augmentation_a_mirror_image_gives_the_mirrored_translation() -> None:
    translator = Translator(COLOURS, options=TranslateOptions(tta=True))
    picture = _photograph(*SIZE)
    mirrored = translator(np.ascontiguousarray(picture[:, ::-1]))
    assert np.array_equal(translator(picture).image, mirrored.image[:, ::-1])


# What is taken.


def test_every_way_to_name_an_image_gives_the_same(small_model: Path, tmp_path: Path) -> None:
    translator, picture = Translator.load(small_model), _photograph(20, 30)
    Image.fromarray(picture).save(tmp_path / "photo.png")
    expected = translator(picture).image
    for image in (tmp_path / "photo.png", str(tmp_path / "photo.png"), Image.fromarray(picture)):
        assert np.array_equal(translator(image).image, expected)
    several: list[Input] = [picture, tmp_path / "photo.png", Image.fromarray(picture)]
    stacked: Any = np.stack([picture] * 3)
    for translations in (translator(several), translator(tuple(several)), translator(stacked)):
        assert isinstance(translations, list)
        assert [np.array_equal(one.image, expected) for one in translations] == [True] * 3
    assert translator([]) == []


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_pillows_images_are_read_as_their_files_are(mode: str, tmp_path: Path) -> None:
    picture = Image.fromarray(_photograph(9, 11))
    grey = np.linspace(0, 1, 99, dtype=np.float32).reshape(9, 11)
    image = {"I;16": Image.fromarray((grey * 65535).astype(np.uint16)), "F": Image.fromarray(grey)}.get(mode)
    image = picture.convert(mode) if image is None else image
    image.save(tmp_path / "image.tif")
    translator = Translator(COLOURS)
    assert np.array_equal(translator(image).source, translator(tmp_path / "image.tif").source)


def test_turned_photographs_are_set_upright(tmp_path: Path) -> None:
    image = Image.fromarray(_photograph(20, 30))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as opened:
        translation = Translator(COLOURS)(opened)
    assert translation.image.shape == (30, 20, 3)
    assert np.array_equal(translation.source, read_picture(tmp_path / "turned.png"))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_pictures_of_any_depth_come_out_as_the_models_targets_are(dtype: str, channels: int) -> None:
    target = ImageSpec(channels, dtype)  # type: ignore[arg-type]
    translator = Translator(_model("photo", ImageSpec(1), target))
    image: Picture = RNG.random((21, 17), dtype=np.float32)
    translation = translator((image * 65535).astype(np.uint16))
    assert (translation.image.shape, translation.image.dtype) == ((21, 17, channels), np.dtype(dtype))
    assert (translation.classes, translation.confidence, translation.palette) == (None, None, None)
    assert translation.source.shape == (21, 17, 1)
    assert translator(image).image.shape == translation.image.shape


def test_class_maps_as_sources_may_come_as_ids_or_in_their_colours() -> None:
    translator = Translator(_model("photo", ImageSpec(3, palette=CITYSCAPES), ImageSpec(3)))
    ids = RNG.integers(0, len(CITYSCAPES), (10, 12), dtype=np.uint8)
    label_ids = np.array(CITYSCAPES.values, dtype=np.uint8)[ids]
    expected = translator(CITYSCAPES.to_colours(ids)).image
    assert np.array_equal(translator(label_ids).image, expected)
    assert np.array_equal(translator(Image.fromarray(label_ids)).image, expected)


@pytest.mark.parametrize(
    ("image", "complaint"),
    [
        (np.zeros((5, 5, 4), dtype=np.uint8), "has 4 channels where 3 are expected"),
        (np.zeros((0, 5, 3), dtype=np.uint8), "has the shape"),
        (np.zeros(5, dtype=np.uint8), "has the shape"),
        (np.full((5, 5, 3), 2.0), "outside 0 to 1"),
        (np.full((5, 5, 3), np.nan), "outside 0 to 1"),
        (np.full((5, 5, 3), "x"), "not numbers"),
        (Path("nowhere.png"), "nowhere.png: no such file"),
        ("/", "is a folder"),
    ],
)
def test_what_is_no_image_is_named(image: Picture | Path | str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        Translator(COLOURS)(image)


# Scale and tiles.


def test_a_scale_is_of_what_the_network_sees() -> None:
    shapes = []
    handle = COLOURS.generator.register_forward_pre_hook(lambda _net, inputs: shapes.append(inputs[0].shape[2:]))
    with handle:
        for scale in (1, 2, 0.5):
            Translator(COLOURS, options=TranslateOptions(scale=scale))(_photograph(50, 50))
    assert shapes == [(32, 48), (64, 96), (16, 24)]


def test_models_that_work_at_one_size_only_say_so() -> None:
    for translator in (Translator(SEED), Translator(SEED, options=TranslateOptions(tile=32))):
        assert translator(_photograph(40, 50)).image.shape == (40, 50, 3)
    for options in (TranslateOptions(scale=2), TranslateOptions(tile=32, scale=0.5)):
        with pytest.raises(UserError, match=r"works at its training size, 32,"):
            Translator(SEED, options=options)
    large = dataclasses.replace(SEED, size=Size(64, 64))
    with pytest.raises(UserError, match="leave out scale and tile"):
        Translator(large, options=TranslateOptions(tile=32))


def test_what_fits_a_tile_is_not_cut() -> None:
    photograph = _photograph(50, 50)
    whole, uncut = (Translator(COLOURS, options=TranslateOptions(tile=tile))(photograph) for tile in (None, 48))
    assert whole.image.tobytes() == uncut.image.tobytes()


@pytest.mark.parametrize("tta", [False, True])
def test_tiles_give_what_the_whole_gives(tiny_run: TinyRun, tta: bool) -> None:
    photograph = read_picture(tiny_run.data / "val" / "0100.png")[:, :64]
    photograph = resize_picture(photograph, Size(150, 211))
    whole, tiled, again = (
        Translator.load(tiny_run.path, options=TranslateOptions(scale=6.3, tile=tile, tta=tta))(photograph)
        for tile in (None, 64, 64)
    )
    assert whole.classes is not None
    assert len(np.unique(whole.classes)) > 1
    assert np.mean(whole.classes == tiled.classes) > 0.999
    assert whole.confidence is not None
    assert tiled.confidence is not None
    assert np.abs(whole.confidence - tiled.confidence).max() < 1e-3
    assert tiled.image.tobytes() == again.image.tobytes()


@pytest.mark.parametrize("preset", ["photo", "recommended"])
def test_pictures_and_classes_in_tiles(preset: str) -> None:
    target = ImageSpec(3) if preset == "photo" else ImageSpec(3, palette=CITYSCAPES)
    model = _model(preset, ImageSpec(3), target)
    whole, tiled = (
        Translator(model, options=TranslateOptions(scale=3, tile=tile))(_photograph(77, 91)).image
        for tile in (None, 48)
    )
    assert np.mean(np.abs(whole.astype(int) - tiled) > 1) < 0.002


MEMORY = """
import sys
from pathlib import Path
import numpy as np, torch
from pairloom import TranslateOptions, Translator

def held(name):
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024

torch.set_num_threads(1)
translator = Translator.load(sys.argv[1], options=TranslateOptions(device="cpu"))
image = np.zeros((3000, 4000, 3), dtype=np.uint8)
image[1000:, :2000] = 200
Path("/proc/self/clear_refs").write_text("5")
before = held("VmRSS")
translation = translator(image)
assert translation.image.shape == image.shape
print(held("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["recommended", "seed"])
def test_twelve_million_pixels_take_less_than_two_gibibytes(preset: str, tmp_path: Path) -> None:
    model = _model(preset, ImageSpec(3), ImageSpec(3, palette=CITYSCAPES_ALL), Size(256, 256))
    save_model(model, tmp_path / "model", about={})
    words = [sys.executable, "-c", MEMORY, str(tmp_path / "model")]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert float(printed) < 1024, printed
