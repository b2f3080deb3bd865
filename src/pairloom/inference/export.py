"""A model in a form that other programs run, by name, its answers compared with PyTorch's before it is kept."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch

from pairloom.errors import UserError
from pairloom.files import replacing
from pairloom.inference.onnx_file import write_onnx
from pairloom.inference.parity import Parity, Samples, sample_pictures
from pairloom.inference.torch_file import write_program
from pairloom.models.model_folder import find_model, load_model
from pairloom.models.translation import TranslationModel


class Writer(Protocol):
    """Writes a model in one form, and tries it; `path` does not exist yet."""

    def __call__(self, model: TranslationModel, path: Path, samples: Samples) -> Parity:
        """Write it; raise UserError if it does not agree with PyTorch."""


@dataclass(frozen=True)
class Exported:
    """What `export` has written.

    Attributes:
        path: the file.
        size: of it, in bytes.
        parity: how closely it agrees with PyTorch.
    """

    path: Path
    size: int
    parity: Parity


FORMATS: Mapping[str, Writer] = {"onnx": write_onnx, "torch": write_program}
"""Forms by name."""


def export(
    run: str | Path,
    out: str | Path,
    format: str = "onnx",
    *,
    say: Callable[[str], None] = print,
) -> Exported:
    """Write a trained model in a form that other programs run, if it then gives the same answers.

    Args:
        run: a run folder, or a model folder.
        out: the file to be written.
        format: `onnx`, or `torch` for a program of `torch.export` (`.pt2`).
        say: receives a line for what was compared.

    Returns:
        The file, and how closely it agrees with PyTorch.

    Raises:
        UserError: if there is no model or no such format, something stands at `out` already, a library is missing, or
            the answers differ by more than 1e-3 or in the class of more than 1 pixel of 1000; nothing is left then.
    """
    if format not in FORMATS:
        raise UserError(f"--format {format}: is not known; choose {', '.join(FORMATS)}")
    path = Path(out)
    if path.exists():
        raise UserError(f"{path}: is there already; choose another --out, or remove it first")
    model = load_model(find_model(Path(run)), torch.device("cpu"))
    samples = sample_pictures(Path(run), model)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, durable=True) as unfinished:
        parity = FORMATS[format](model, unfinished, samples)
    say(parity.describe())
    return Exported(path, path.stat().st_size, parity)
