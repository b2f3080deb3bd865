"""Models as ONNX files: written from PyTorch, read and run by ONNX Runtime without it."""

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pairloom import __version__
from pairloom.errors import UserError, first_line
from pairloom.exporters.exported_network import ANSWER, CLASSES, INPUT, SIDES, ExportedNetwork, description
from pairloom.exporters.onnx_graph import MOST_BYTES, GraphError, OnnxGraph
from pairloom.exporters.parity import Parity, Samples, compare, sizes_to_try
from pairloom.images import Picture, limits
from pairloom.models.generator import Generator
from pairloom.models.heads import build_head
from pairloom.models.meta import on_meta
from pairloom.models.model_folder import read_description
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
    content = program.SerializeToString(deterministic=True)
    path.write_bytes(content)
    session = _session(path, content)

    def exported(picture: Picture) -> tuple[Tensor, NDArray[np.uint8] | None]:
        outputs = dict(zip(network.outputs, session.run(None, {INPUT: picture[None].astype(np.float32)}), strict=True))
        answer = torch.from_numpy(outputs[ANSWER])
        if CLASSES in outputs:
            return answer, outputs[CLASSES][0]
        return answer, model.head.read(answer)[0].numpy() if model.target.palette else None

    parity = compare(model, exported, samples, sizes_to_try(model))
    parity.require("the ONNX file")
    return parity


def load_onnx(path: str | Path) -> TranslationModel:
    """Read an ONNX file that `write_onnx` has written, as a model that answers by ONNX Runtime, on the CPU.

    Nothing outside the file is read, and its graph is held to what the network that it describes costs. Its generator
    has no layers, so that it cannot be asked tile by tile.

    Raises:
        UserError: if it is missing, damaged, not Pairloom's, wants other files, does what no export does, or the extra
            `export` is not installed.
    """
    path = Path(path)
    onnx, _ = _libraries()
    content, program = _read(path)
    try:
        record = {entry.key: entry.value for entry in program.metadata_props}
        names = record.keys() & {"model", "source", "target", "size", "scale"}
        description = read_description({name: json.loads(record[name]) for name in names}, path)
        if description.config.backbone is not None:
            raise UserError(
                f"{path}: the cost of a file of a model on a backbone of transformers cannot be told before it runs; "
                "run it by ONNX Runtime itself, or use the model folder here"
            )
        head = build_head(description.config.head, description.target, torch.device("cpu"))
        with on_meta() as meta:
            described = description.build(meta)
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError, RuntimeError) as error:
        raise UserError(
            f"{path}: is not an ONNX file of Pairloom ({first_line(error)}); write one with pairloom export"
        ) from error
    try:
        graph = OnnxGraph(onnx, program)
        graph.require_affordable(described, (1, *described.size, described.source.channels))
    except GraphError as error:
        raise UserError(
            f"{path}: is not an export of Pairloom ({error}); write it again with pairloom export"
        ) from error
    return replace(described, generator=OnnxGenerator(_session(path, content), graph, described, path), head=head)


class OnnxGenerator(Generator):
    """A generator that ONNX Runtime runs; on the CPU, without gradients.

    Args:
        session: ONNX Runtime's, of a file that `write_onnx` has written.
        graph: of the file, by which pictures are refused that cost more than they may.
        described: the model that the file describes, on the device `meta`.
        path: of the file, for messages.
    """

    def __init__(self, session: Any, graph: OnnxGraph, described: TranslationModel, path: Path) -> None:
        super().__init__()
        self.stride = described.generator.stride
        self._check = lru_cache(maxsize=64)(partial(graph.require_affordable, described))
        self._session, self._path, self._described = session, path, described
        self._place = nn.Parameter(torch.empty(0), requires_grad=False)  # by which others find the device

    def forward(self, source: Tensor) -> Tensor:
        """Answer N×C×H×W in [-1, 1] as the generator did; logits but for a number per pixel, which softmax takes out.

        Raises:
            UserError: if the file says another thing than it told of itself, or the memory is full.
        """
        low, high = limits(self._described.source.dtype, self._described.source.values)
        values = ((source + 1) * ((high - low) / 2) + low).permute(0, 2, 3, 1).contiguous().numpy()
        try:
            self._check(values.shape)
            answer = torch.as_tensor(self._session.run([ANSWER], {INPUT: values})[0])
        except Exception as error:  # ONNX Runtime's own, one a cause
            raise UserError(f"{self._path}: ONNX Runtime cannot run it ({first_line(error)})") from error
        head = self._described.head
        if answer.shape != (len(source), head.channels, *source.shape[2:]) or answer.dtype != torch.float32:
            raise UserError(f"{self._path}: its outputs do not match its metadata; write it again with pairloom export")
        return answer.log() if head.gives_probabilities else answer


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


def _read(path: Path) -> tuple[bytes, Any]:
    """Read a file: its bytes, and what they say.

    Raises:
        UserError: if it is missing or damaged, or wants other files.
    """
    onnx, _ = _libraries()
    from google.protobuf.message import DecodeError  # onnx stands on it

    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: is not a file")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise UserError(f"{path}: is larger than an ONNX file can be")
        program = onnx.load_model_from_string(content)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except DecodeError as error:
        raise UserError(f"{path}: is damaged, or not an ONNX file; write it again with pairloom export") from error
    if any(_stands_elsewhere(graph) for graph in (program.graph, *program.functions)):
        raise UserError(f"{path}: stores weights in other files, which are not read; export it again as one file")
    return content, program


def _session(path: Path, content: bytes) -> Any:
    """Open the content of a file by ONNX Runtime, on the CPU.

    Raises:
        UserError: if it does not take it.
    """
    _, runtime = _libraries()
    options = runtime.SessionOptions()
    options.log_severity_level = 4  # what it raises says enough
    options.intra_op_num_threads = torch.get_num_threads()  # of itself it asks the machine, not what it may use of it
    try:
        # Falling back means to print a banner and to try the same again.
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"], enable_fallback=0)
    except Exception as error:  # ONNX Runtime's own, one a cause
        raise UserError(f"{path}: ONNX Runtime cannot load it ({first_line(error)})") from error


def _stands_elsewhere(graph: Any) -> bool:
    """Tell whether any tensor of a graph or function, or of the graphs within, is kept in another file."""
    tensors: list[Any] = [*getattr(graph, "initializer", ())]
    sparse: Sequence[Any] = [*getattr(graph, "sparse_initializer", ())]
    for node in graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t, *attribute.tensors]
            sparse = [*sparse, attribute.sparse_tensor, *attribute.sparse_tensors]
            if any(map(_stands_elsewhere, (attribute.g, *attribute.graphs))):
                return True
    tensors += [part for tensor in sparse for part in (tensor.values, tensor.indices)]
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
