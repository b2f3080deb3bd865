"""A trained model as it lies on disk, and what is to run it: PyTorch, or ONNX Runtime."""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairloom.errors import UserError
from pairloom.inference.options import Backend
from pairloom.models.devices import choose_device
from pairloom.models.model_folder import MODEL_FILES, find_model, load_model
from pairloom.models.translation import TranslationModel


@dataclass(frozen=True)
class StoredModel:
    """A model that can be loaded.

    Attributes:
        path: a model folder, or an ONNX file that `export` has written.
        backend: what is to run it; a folder's model is converted for `onnx`.
    """

    path: Path
    backend: Backend

    @classmethod
    def find(cls, run: str | Path, backend: Backend | None = None) -> "StoredModel":
        """Find the model that a user means.

        Args:
            run: a run folder, a model folder, the name of a model on a hub, or an ONNX file (`.onnx`).
            backend: what is to run it; None takes `onnx` for an ONNX file, `torch` for all else.

        Raises:
            UserError: if it is none of these, cannot be fetched, or cannot be run so.
        """
        path = Path(run)
        if path.suffix.lower() != ".onnx" or path.is_dir():
            return cls(find_model(path), backend or "torch")
        if backend == "torch":
            raise UserError(f"{path}: is an ONNX file, which PyTorch does not run; leave out --backend torch")
        return cls(path, "onnx")

    @property
    def files(self) -> Sequence[Path]:
        """All that makes the model what it is."""
        return [self.path / name for name in MODEL_FILES] if self.path.is_dir() else [self.path]

    def fingerprint(self) -> str:
        """Return what tells this model from any other, whatever runs it."""
        digest = hashlib.sha256()
        for file in self.files:
            digest.update(file.read_bytes())
        return digest.hexdigest()

    def load(self, device: str = "auto", log: Callable[[str], None] = print) -> TranslationModel:
        """Load the model, converted first where that is needed.

        Args:
            device: `auto`, `cpu` or `cuda`; ONNX Runtime has the CPU alone.
            log: receives a line when the model has been converted.

        Raises:
            UserError: if it is damaged or cannot be converted, the extra `export` is not installed, or the device is
                not there.
        """
        if self.backend == "torch":
            return load_model(self.path, choose_device(device))
        # Here, since most translations need none of what reads and writes ONNX files.
        from pairloom.exporters.onnx_file import load_onnx, write_onnx
        from pairloom.exporters.parity import sample_pictures

        if device == "cuda":
            raise UserError("ONNX Runtime runs on the CPU only; leave out --device cuda")
        cpu = choose_device("cpu")
        if not self.path.is_dir():
            return load_onnx(self.path)
        model = load_model(self.path, cpu)
        with tempfile.TemporaryDirectory(prefix="pairloom-") as folder:
            file = Path(folder, "model.onnx")
            parity = write_onnx(model, file, sample_pictures(self.path, model), answer_only=True)
            log(f"converted for ONNX Runtime, {parity.describe()}")
            return load_onnx(file)
