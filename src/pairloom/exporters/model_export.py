"""A model in a form that other programs run, by name, its answers compared with PyTorch's before it is kept."""

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from pairloom.errors import UserError
from pairloom.exporters.onnx_file import write_onnx
from pairloom.exporters.parity import Parity, sample_pictures
from pairloom.exporters.torch_file import write_program
from pairloom.exporters.web_folder import write_web
from pairloom.models.model_folder import find_model, load_model, read_about


@dataclass(frozen=True)
class Exported:
    """What `export` has written.

    Attributes:
        path: the file, or the folder.
        size: of it, in bytes.
        parity: how closely it agrees with PyTorch.
    """

    path: Path
    size: int
    parity: Parity


def export(
    run: str | Path,
    out: str | Path,
    format: str = "onnx",
    *,
    runtime: str | Path | None = None,
    log: Callable[[str], None] = print,
) -> Exported:
    """Write a trained model in a form that other programs run, if it then gives the same answers.

    Args:
        run: a run folder, or a model folder.
        out: the file to be written, or for `web` the folder.
        format: `onnx`; `torch` for a program of `torch.export` (`.pt2`); `web` for a page that runs in browsers.
        runtime: for `web`: folder of the unpacked npm package `onnxruntime-web`; None fetches it, once.
        log: receives a line for what was compared.

    Returns:
        What was written, and how closely it agrees with PyTorch.

    Raises:
        UserError: if there is no model or no such format, something stands at `out` already, a library is missing, or
            the answers differ by more than 1e-3 or in the class of more than 1 pixel of 1000; nothing is left then.
    """
    writers: Mapping[str, Callable[..., Parity]] = {
        "onnx": write_onnx,
        "torch": write_program,
        "web": partial(write_web, title=Path(run).absolute().name, runtime=Path(runtime) if runtime else None),
    }
    if format not in writers:
        raise UserError(f"--format {format}: is unknown; choose {', '.join(writers)}")
    if runtime is not None and format != "web":
        raise UserError("--runtime is for --format web only")
    path = Path(out)
    if path.exists():
        raise UserError(f"{path}: already exists; choose another --out, or remove it first")
    folder = find_model(Path(run))
    model = load_model(folder, torch.device("cpu"))
    samples = sample_pictures(Path(run), model)
    path.parent.mkdir(parents=True, exist_ok=True)
    # In a folder of its own, since what is written may be one.
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:100]}.", suffix=".unfinished", dir=path.parent) as place:
        about = {"about": read_about(folder)} if format == "web" else {}
        parity = writers[format](model, Path(place, path.name), samples, **about)
        Path(place, path.name).rename(path)
    log(parity.describe())
    return Exported(path, _size(path), parity)


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in (path.rglob("*") if path.is_dir() else [path]) if file.is_file())
