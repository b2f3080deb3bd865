"""Fixtures that several test files share."""

import importlib.util
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

import pairloom
from backbones import write_backbone
from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.data.store import CACHE_VARIABLE
from pairloom.images import write_picture
from pairloom.models.model_folder import save_model
from pairloom.models.translation import TranslationModel
from pairloom.palette import CAMVID, CITYSCAPES
from pairloom.settings import load_experiment
from pairloom.streets import draw_street
from trained import FROM_RANDOM_WEIGHTS, TinyRun

if TYPE_CHECKING:
    from playwright.sync_api import Browser

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CAMVID_VARIABLE = "PAIRLOOM_CAMVID"
REQUIRE_VARIABLE = "PAIRLOOM_REQUIRE"


def skip_or_fail(what: str, reason: str) -> None:
    """Skip a test whose means are absent, unless `PAIRLOOM_REQUIRE` says that they must be there."""
    if what in os.environ.get(REQUIRE_VARIABLE, "").split(","):
        pytest.fail(f"{REQUIRE_VARIABLE} names {what}, but {reason}")
    pytest.skip(reason)


LONG = 1000
"""Seconds above which the time limit of a test marks one that takes minutes."""


# A shell's `&` makes what it starts deaf to Ctrl-C, and that is passed on.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take minutes first: each test process then begins with one, and none is left for the end."""
    limits = {item: item.get_closest_marker("timeout") for item in items}
    items.sort(key=lambda item: not ((limit := limits[item]) and limit.args[0] > LONG))


@pytest.fixture(autouse=True, scope="session")
def _one_thread_a_worker() -> Iterator[None]:
    """Where several test processes share the cores, threads of one would wait for those of another."""
    with pytest.MonkeyPatch.context() as patch:
        if "PYTEST_XDIST_WORKER" in os.environ:
            torch.set_num_threads(1)
            patch.setenv("OMP_NUM_THREADS", "1")  # of the processes that tests start
        yield


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the stores of the tests out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CACHE_VARIABLE, str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """The machine's own Chromium, with a camera that shows a moving test picture."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        skip_or_fail("chromium", "no Chromium is installed")
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *camera])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def backbones(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a tiny backbone by its family; not to be changed."""
    if importlib.util.find_spec("transformers") is None:
        skip_or_fail("transformers", "transformers is not installed (pip install 'pairloom[encoders]')")
    root = tmp_path_factory.mktemp("backbones")

    @cache
    def folder(family: str) -> Path:
        return write_backbone(root / family, family)

    return folder


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The real CamVid folder."""
    folder = os.environ.get(CAMVID_VARIABLE, "")
    if not folder or not Path(folder).is_dir():
        skip_or_fail("camvid", f"{CAMVID_VARIABLE} names no folder with CamVid")
    return Path(folder)


@pytest.fixture(scope="session")
def streets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small generated streets, side by side: 6 training and 3 validation pairs of 64×64."""
    root = tmp_path_factory.mktemp("data") / "streets"
    for split, first, count in (("train", 0, 6), ("val", 100, 3)):
        (root / split).mkdir(parents=True)
        for index in range(first, first + count):
            photograph, ids = draw_street(0, index, 64, 64)
            both = np.concatenate([photograph, CITYSCAPES.to_colours(ids)], axis=1)
            Image.fromarray(both).save(root / split / f"{index:04d}.png")
    return root


def _trained(streets: Path, folder: Path, **settings: object) -> TinyRun:
    tiny = {"size": 32, "epochs": 4, "model.width": 4, "train.snapshot_every": 1, "train.samples": 2}
    pairloom.train(streets, folder, settings={**FROM_RANDOM_WEIGHTS, **tiny, **settings}, log=lambda _line: None)
    return TinyRun(folder, streets)


@pytest.fixture(scope="session")
def tiny_run(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """A finished run, to be looked at only."""
    return _trained(streets, tmp_path_factory.mktemp("runs") / "first")


@pytest.fixture(scope="session")
def other_run(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Another run on the same streets, with a higher learning rate."""
    return _trained(streets, tmp_path_factory.mktemp("runs") / "second", **{"optim.learning_rate": 2e-3})


@pytest.fixture
def camvid_like(tmp_path: Path) -> Path:
    """A folder in CamVid's layout with noise for photographs: 4 training and 2 validation pairs of 48×36."""
    rng = np.random.default_rng(0)
    root = tmp_path / "camvid-like"
    for split, count in (("train", 4), ("val", 2)):
        for folder in (split, f"{split}annot"):
            (root / folder).mkdir(parents=True)
        for index in range(count):
            name = f"Seq05VD_f{len(split)}{index:04d}.png"
            Image.fromarray(rng.integers(0, 256, (36, 48, 3), dtype=np.uint8)).save(root / split / name)
            Image.fromarray(rng.integers(0, 12, (36, 48), dtype=np.uint8)).save(root / f"{split}annot" / name)
    return root


@pytest.fixture
def small_model(tmp_path: Path) -> Path:
    """A model folder, of photographs to CamVid's classes at 32×48; its weights are random."""
    experiment = load_experiment(None, settings={"size": "32x48", "model.width": 4, "model.encoder": "none"}).resolved()
    torch.manual_seed(0)
    folder = tmp_path / "model"
    target = ImageSpec(3, palette=CAMVID)
    built = TranslationModel.build(experiment.model, ImageSpec(3), target, Size(32, 48), torch.device("cpu"))
    save_model(built, folder, about={})
    return folder


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A folder of two photographs of odd sizes."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "photographs"
    for name, shape in (("one.png", (40, 60, 3)), ("two.png", (31, 7, 3))):
        write_picture(folder / name, rng.integers(0, 256, shape, dtype=np.uint8))
    return folder
