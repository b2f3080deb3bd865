"""Pairloom learns image-to-image translation from pairs.

The public names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

__version__ = "0.1.0.dev0"
"""The version of the package."""

if TYPE_CHECKING:
    from pairloom.api import check, compare, evaluate, push
    from pairloom.cluster.ray_engine import translate_remote
    from pairloom.config import Experiment
    from pairloom.data.check import CheckResult
    from pairloom.data.download import fetch_camvid
    from pairloom.demonstration import demo
    from pairloom.errors import UserError
    from pairloom.evaluation.comparison import Comparison
    from pairloom.evaluation.metrics import Scores
    from pairloom.evaluation.picture_metrics import PictureScores
    from pairloom.evaluation.run_list import ListedRun, find_runs
    from pairloom.exporters.cyclegan_import import ImportedGenerator, import_generator
    from pairloom.exporters.model_export import Exported, export
    from pairloom.inference.image_files import TranslatedFiles, translate
    from pairloom.inference.options import TranslateOptions
    from pairloom.inference.translation import Translation
    from pairloom.inference.translator import Translator
    from pairloom.palette import CAMVID, CITYSCAPES, VOID, Palette, read_palette
    from pairloom.serving import serve
    from pairloom.settings import load_experiment
    from pairloom.streets import draw_street, write_streets
    from pairloom.training.trainer import TrainingResult
    from pairloom.training_run import resume, train

_HOMES = {
    "CAMVID": "palette",
    "CITYSCAPES": "palette",
    "CheckResult": "data.check",
    "Comparison": "evaluation.comparison",
    "Experiment": "config",
    "Exported": "exporters.model_export",
    "ImportedGenerator": "exporters.cyclegan_import",
    "ListedRun": "evaluation.run_list",
    "Palette": "palette",
    "PictureScores": "evaluation.picture_metrics",
    "Scores": "evaluation.metrics",
    "TrainingResult": "training.trainer",
    "TranslateOptions": "inference.options",
    "TranslatedFiles": "inference.image_files",
    "Translation": "inference.translation",
    "Translator": "inference.translator",
    "UserError": "errors",
    "VOID": "palette",
    "check": "api",
    "compare": "api",
    "demo": "demonstration",
    "draw_street": "streets",
    "evaluate": "api",
    "export": "exporters.model_export",
    "fetch_camvid": "data.download",
    "find_runs": "evaluation.run_list",
    "import_generator": "exporters.cyclegan_import",
    "load_experiment": "settings",
    "push": "api",
    "read_palette": "palette",
    "resume": "training_run",
    "serve": "serving",
    "train": "training_run",
    "translate": "inference.image_files",
    "translate_remote": "cluster.ray_engine",
    "write_streets": "streets",
}

__all__ = [
    "CAMVID",
    "CITYSCAPES",
    "VOID",
    "CheckResult",
    "Comparison",
    "Experiment",
    "Exported",
    "ImportedGenerator",
    "ListedRun",
    "Palette",
    "PictureScores",
    "Scores",
    "TrainingResult",
    "TranslateOptions",
    "TranslatedFiles",
    "Translation",
    "Translator",
    "UserError",
    "__version__",
    "check",
    "compare",
    "demo",
    "draw_street",
    "evaluate",
    "export",
    "fetch_camvid",
    "find_runs",
    "import_generator",
    "load_experiment",
    "push",
    "read_palette",
    "resume",
    "serve",
    "train",
    "translate",
    "translate_remote",
    "write_streets",
]


def __getattr__(name: str) -> object:
    """Load a public name from the module it lives in (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'pairloom' has no attribute {name!r}")
    return getattr(import_module(f"pairloom.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
