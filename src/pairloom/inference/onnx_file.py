"""Models as ONNX files: written from PyTorch, read and run by ONNX Runtime without it."""

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pairloom import __version__
from pairloom.config import Size
from pairloom.data.sides import Side
from pairloom.errors import UserError
from pairloom.images import Picture, half_range
from pairloom.inference.exported_network import ANSWER, CLASSES, INPUT, SIDES, ExportedNetwork, description
from pairloom.inference.parity import Parity, Samples, compare, sizes_to_try
from pairloom.models.heads import Head, HeadName, build_head
from pairloom.models.translation import TranslationModel


def write_onnx(model: TranslationModel, path: Path, samples: Samples, *, answer_only: bool = False) -> Parity:
    """Write a model as one ONNX file, weights and all, and try it with ONNX Runtime.

    The file's input and outputs are those of `ExportedNetwork`, the names of its metadata those of `description`.

    Args:
        model: the model, on the CPU.
        path: the file to be written; who calls cares for what stands there.
        samples: pictures on which it must agree with PyTorch.
        answer_only: leave the outputs `classes` and `picture` away.

    Returns:
        How closely it agrees.

    Raises:
        UserError: if it does not agree, cannot be exported, or the extra `export` is not installed.
    """
    onnx, _ = _libraries()
    network = ExportedNetwork(model, answer_only=answer_only)
    program = _converted(network)
    _tidy(program, description(model))
    onnx.checker.check_model(program, full_check=True)
    path.write_bytes(program.SerializeToString(deterministic=True))
    exported = OnnxModel.load(path)
    parity = compare(model, exported.run, samples, sizes_to_try(model, network.any_size))
    parity.require("the ONNX file")
    return parity


def _converted(network: ExportedNetwork) -> Any:
    """Return the network as ONNX's own object."""
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            network.trace(),
            dynamo=True,
            input_names=[INPUT],
            output_names=list(network.outputs),
            verbose=False,
        )
    if program is None:
        raise TypeError("torch.onnx.export returned no program")
    return program.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's talk about its own libraries from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _tidy(program: Any, about: dict[str, str]) -> None:
    """Give a converted model its metadata and plain names of sides, and take out the paths of this machine's files."""
    program.producer_name, program.producer_version = "pairloom", __version__
    del program.metadata_props[:]
    for key, value in about.items():
        program.metadata_props.add(key=key, value=value)
    graph = program.graph
    del graph.value_info[:]
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    for value in (*graph.input, *graph.output):
        # In their order everywhere: what stands between them or behind them, the channels, is a number.
        free = [side for side in value.type.tensor_type.shape.dim if side.dim_param]
        for side, name in zip(free, SIDES.values(), strict=False):
            side.dim_param = name


class OnnxModel:
    """An ONNX file that `write_onnx` has written, ready to use: answers as the `TranslationModel` does.

    Attributes:
        source: what its pictures are.
        target: what it makes of them.
        size: at which it was trained.
        any_size: whether it takes other sizes.
        head: reads its answers.
    """

    def __init__(self, session: Any, record: dict[str, str], where: Path) -> None:
        try:
            self.source = Side.from_record(json.loads(record["source"]), f"{where}: source")
            self.target = Side.from_record(json.loads(record["target"]), f"{where}: target")
            self.size = Size(*json.loads(record["size"]))
            self.any_size = json.loads(record["any_size"]) is True
            name: HeadName = "classes" if record["head"] == "classes" else "rgb"
            self.head: Head = build_head(name, self.target, torch.device("cpu"))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise UserError(f"{where}: is no ONNX file of Pairloom's ({error}); make one by pairloom export") from error
        self._session = session
        self._outputs = [output.name for output in session.get_outputs()]

    @classmethod
    def load(cls, path: Path) -> "OnnxModel":
        """Read an ONNX file; nothing outside it is read.

        Raises:
            UserError: if it is missing, damaged, not Pairloom's, wants other files, or the extra `export` is not
                installed.
        """
        onnx, runtime = _libraries()
        try:
            content = path.read_bytes()
            program = onnx.load_model_from_string(content)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
        except Exception as error:  # protobuf's own
            raise UserError(f"{path}: is damaged, or no ONNX file") from error
        if any(_stands_elsewhere(graph) for graph in (program.graph, *program.functions)):
            raise UserError(f"{path}: wants weights from other files, which are not read; export it anew as one file")
        record = {entry.key: entry.value for entry in program.metadata_props}
        options = runtime.SessionOptions()
        options.log_severity_level = 3
        try:
            session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own, one a cause
            raise UserError(f"{path}: ONNX Runtime cannot load it ({error})") from error
        return cls(session, record, path)

    def answer(self, picture: Picture, *, tta: bool = False) -> Tensor:
        """Return what the model says of one source, H×W×C: shares, 1×K×H×W, or a picture, 1×C×H×W in [-1, 1].

        Raises:
            UserError: if the model takes one size only, and this is another.
        """
        answer = self._run(picture, [ANSWER])[0]
        if tta:
            mirrored = np.ascontiguousarray(picture[:, ::-1])
            answer = (answer + self._run(mirrored, [ANSWER])[0][..., ::-1]) / 2
        return torch.from_numpy(np.ascontiguousarray(answer))

    def run(self, picture: Picture) -> tuple[Tensor, NDArray[np.uint8] | None]:
        """Return the answer, and the class ids (H×W): the file's own, or as they are read from the answer."""
        values = dict(zip(self._outputs, self._run(picture, self._outputs), strict=True))
        answer = torch.from_numpy(values[ANSWER])
        if CLASSES in values:
            return answer, values[CLASSES][0]
        return answer, self.head.read(answer)[0].numpy() if self.target.palette else None

    def _run(self, picture: Picture, outputs: Sequence[str]) -> list[NDArray[Any]]:
        if not self.any_size and picture.shape[:2] != self.size:
            raise UserError(
                f"this model takes pictures of {self.size} only, not of {picture.shape[0]}x{picture.shape[1]}"
            )
        values = picture.astype(np.float32) * np.float32(half_range(self.source.dtype) / half_range(picture.dtype))
        answers: list[NDArray[Any]] = self._session.run(list(outputs), {INPUT: values[None]})
        return answers


def _stands_elsewhere(graph: Any) -> bool:
    """Tell whether any tensor of a graph or function, or of the graphs within, is kept in another file."""
    tensors = [*getattr(graph, "initializer", ())]
    for sparse in getattr(graph, "sparse_initializer", ()):
        tensors += [sparse.values, sparse.indices]
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors]
            if any(map(_stands_elsewhere, (attribute.g, *attribute.graphs))):
                return True
    return any(tensor.data_location or tensor.external_data for tensor in tensors)


def _libraries() -> tuple[ModuleType, ModuleType]:
    """Import what only this module needs."""
    try:
        import onnx
        import onnxruntime
        import onnxscript  # noqa: F401 (torch's exporter wants it)
    except ImportError as error:
        raise UserError(
            f"ONNX needs libraries that are not installed ({error.name}): pip install 'pairloom[export]'"
        ) from error
    return onnx, onnxruntime
