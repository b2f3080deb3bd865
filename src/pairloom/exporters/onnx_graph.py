"""What an ONNX graph would do, told from its shapes before any of it is run.

ONNX Runtime runs whatever a file says: a few bytes can ask it for any amount of memory, or to count for ever. So the
graph of a file from elsewhere is held to what an export can contain, and to what the network that it describes costs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, prod
from types import ModuleType
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from pairloom.errors import first_line
from pairloom.exporters.exported_network import ANSWER, INPUT
from pairloom.models.translation import TranslationModel

KINDS = frozenset({
    "Abs", "Add", "ArgMax", "ArgMin", "BatchNormalization", "Cast", "Clip", "Concat", "Constant", "Conv",
    "ConvTranspose", "Div", "Exp", "Expand", "Floor", "Gather", "GatherND", "Greater", "Identity",
    "InstanceNormalization", "LeakyRelu", "Less", "Max", "Min", "Mul", "Neg", "Pad", "Pow", "Range", "ReduceMax",
    "ReduceMin", "ReduceSum", "Relu", "Reshape", "Resize", "Round", "Shape", "Slice", "Softmax", "Split", "Sqrt",
    "Squeeze", "Sub", "Tanh", "Transpose", "Unsqueeze", "Where",
})  # fmt: skip
"""Nodes of an export, by torch's present exporter and what others may say in their place. None of them loops, holds a
graph of its own, reads a file or draws numbers, and what they cost follows from their shapes."""
NUMBERS = ("FLOAT", "UINT8", "UINT16", "INT32", "INT64", "BOOL")
MOST_NODES = 5000
MOST_BYTES = 2**31 - 1
"""Of a file; protobuf has no larger ones."""
SMALL = 64
"""Constants of so many numbers at most may be shapes; others are weights."""


class Cost(NamedTuple):
    """What answering costs.

    Attributes:
        numbers: that are made on the way, whether or not they are there at the same time.
        products: of the convolutions.
    """

    numbers: int
    products: int


class GraphError(ValueError):
    """A graph does what no export does; the words say what."""


class OnnxGraph:
    """The graph of an ONNX file, without its weights.

    Args:
        onnx: the library.
        program: the file's content, as the library reads it; what is in it is taken.

    Raises:
        GraphError: if it holds what no export holds.
    """

    def __init__(self, onnx: ModuleType, program: Any) -> None:
        self._onnx, self._program = onnx, program
        self._types = {getattr(onnx.TensorProto, name) for name in NUMBERS}
        self.weights = sum(prod(tensor.dims) for tensor in program.graph.initializer)
        self._require_plain()
        self._constants = dict(self._take_weights())

    def cost(self, shape: Sequence[int], channels: int) -> Cost:
        """Tell what an answer of so many channels to pictures of this shape (N×H×W×C) costs.

        Raises:
            GraphError: if it cannot be told from the shape alone, or the graph takes no such pictures or answers
                otherwise.
        """
        program = type(self._program)()
        program.CopyFrom(self._program)
        graph = program.graph
        self._name_input(graph, shape)
        known = self._resolve(graph, shape)
        try:
            whole = self._onnx.shape_inference.infer_shapes(program, check_type=True, strict_mode=True, data_prop=True)
        except Exception as error:  # the library's own, and whatever odd graphs bring about in it
            raise GraphError(f"its shapes are wrong ({first_line(error)})") from error
        shapes = {}
        for value in (*whole.graph.input, *whole.graph.value_info, *whole.graph.output):
            kind = value.type.tensor_type
            if kind.elem_type not in self._types:
                raise GraphError(f"{value.name[:80]!r} is of numbers that no export has")
            if not kind.HasField("shape") or not all(side.HasField("dim_value") for side in kind.shape.dim):
                raise GraphError(f"the shape of {value.name[:80]!r} does not follow from the picture's")
            shapes[value.name] = [side.dim_value for side in kind.shape.dim]
        batch, height, width, _ = shape
        if shapes.get(ANSWER) != [batch, channels, height, width]:
            raise GraphError(f"it does not answer by {channels} channels of the picture's size")
        types = {value.name: value.type.tensor_type.elem_type for value in (*whole.graph.value_info, *graph.output)}
        if types[ANSWER] != self._onnx.TensorProto.FLOAT:
            raise GraphError("its output is not float32")
        return self._added(whole.graph, shapes, types, known)

    def require_affordable(self, model: TranslationModel, shape: Sequence[int]) -> None:
        """Raise GraphError if pictures of a shape (N×H×W×C) cost much more than the described model's would.

        Args:
            model: on the device `meta`, as the file describes it.
            shape: of the pictures.
        """
        wanted = sum(tensor.numel() for tensor in model.generator.parameters() if tensor.dim() > 1)
        if self.weights < wanted:
            raise GraphError("it holds fewer weights than the network that it describes")
        cost, most = self.cost(shape, model.head.channels), most_cost(model, shape)
        if cost.numbers > most.numbers or cost.products > most.products:
            raise GraphError("it costs far more than the network that it describes")

    def _added(
        self, graph: Any, shapes: Mapping[str, list[int]], types: Mapping[str, int], known: Mapping[str, int]
    ) -> Cost:
        numbers = products = 0
        shapes = {**{tensor.name: list(tensor.dims) for tensor in graph.initializer}, **shapes}
        for node in graph.node:
            for name in filter(None, node.output):
                if name not in shapes:
                    raise GraphError(f"the shape of {name[:80]!r} does not follow from the picture's")
                numbers += prod(shapes[name])
                # A quotient of whole numbers can end the process, where the divisor is 0 or -1.
                if node.op_type == "Div" and types.get(name) != self._onnx.TensorProto.FLOAT and name not in known:
                    raise GraphError("it divides whole numbers that come from the picture")
            if node.op_type in ("Conv", "ConvTranspose"):
                turned = node.op_type == "ConvTranspose"
                kernel = prod(shapes[node.input[1]][1:])
                products += prod(shapes[node.input[0] if turned else node.output[0]]) * kernel
                numbers += prod(shapes[node.input[0]][2:]) * kernel * turned  # before they are added up
        return Cost(numbers, products)

    def _require_plain(self) -> None:
        program, graph = self._program, self._program.graph
        if program.functions or program.training_info or graph.sparse_initializer or graph.quantization_annotation:
            raise GraphError("it holds more than a graph and its weights")
        if {entry.domain for entry in program.opset_import} - {"", "ai.onnx"}:
            raise GraphError("it needs operators that are not part of ONNX")
        if len(graph.node) > MOST_NODES:
            raise GraphError(f"it has more than {MOST_NODES} nodes")
        for node in graph.node:
            if node.op_type not in KINDS or node.domain not in ("", "ai.onnx"):
                raise GraphError(f"it has a node of the kind {node.op_type[:80]!r}")
            if any(attribute.HasField("g") or attribute.graphs for attribute in node.attribute):
                raise GraphError("a node of it holds a graph of its own")
        inputs = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
        if inputs != {INPUT}:
            raise GraphError(f"its input is not {INPUT!r} alone")
        if ANSWER not in {value.name for value in graph.output}:
            raise GraphError(f"it has no output {ANSWER!r}")

    def _take_weights(self) -> Iterator[tuple[str, int]]:
        """Put inputs in the place of the weights; yield the whole numbers that are constants."""
        graph, helper = self._program.graph, self._onnx.helper
        del graph.value_info[:]
        for value in graph.output:
            value.type.tensor_type.ClearField("shape")  # what is said of it may be wrong
        small = []
        for tensor in graph.initializer:
            if any(side < 0 for side in tensor.dims):
                raise GraphError(f"the weights {tensor.name[:80]!r} have sides below 0")
            if prod(tensor.dims) > tensor.ByteSize():  # as a shape it would make the library fill all memory
                raise GraphError(f"the weights {tensor.name[:80]!r} are fewer than their shape says")
            if tensor.name == INPUT:
                raise GraphError("its input is a constant")
            if prod(tensor.dims) > SMALL:
                value = helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims))
                if not any(other.name == tensor.name for other in graph.input):
                    graph.input.append(value)
                continue
            kept = self._onnx.TensorProto()
            kept.CopyFrom(tensor)
            small.append(kept)
            if tensor.data_type == self._onnx.TensorProto.INT64 and prod(tensor.dims) == 1:
                yield tensor.name, int(self._array(tensor).item())
        del graph.initializer[:]
        graph.initializer.extend(small)

    def _array(self, tensor: Any) -> Any:
        try:
            return self._onnx.numpy_helper.to_array(tensor)
        except Exception as error:  # of odd lengths and kinds
            raise GraphError(f"the constant {tensor.name[:80]!r} is damaged") from error

    def _name_input(self, graph: Any, shape: Sequence[int]) -> None:
        """Give the input the shape of a picture."""
        value = next(value for value in graph.input if value.name == INPUT)
        sides = value.type.tensor_type.shape.dim
        if value.type.tensor_type.elem_type != self._onnx.TensorProto.FLOAT or len(sides) != len(shape):
            raise GraphError("its input is not a picture")
        for side, length in zip(sides, shape, strict=True):
            if side.HasField("dim_value") and side.dim_value != length:
                raise GraphError(f"it takes no pictures of {'×'.join(map(str, shape))}")
            side.dim_value = length

    def _resolve(self, graph: Any, shape: Sequence[int]) -> dict[str, int]:
        """Compute whole numbers that follow from the picture's sides, and put inputs where numbers are counted up."""
        known = dict(self._constants)
        nodes, counted = [], []
        for node in graph.node:
            if node.op_type == "Range":
                counted.append(self._counted(node, known, prod(shape)))
                continue
            nodes.append(node)
            result = _number(node, known, shape)
            if result is not None:
                known[node.output[0]] = result
        kept = [type(node).FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(kept)
        graph.input.extend(counted)
        return known

    def _counted(self, node: Any, known: Mapping[str, int], most: int) -> Any:
        """Return what stands for a Range: an input of its length."""
        if len(node.input) != 3 or len(node.output) != 1 or not all(name in known for name in node.input):
            raise GraphError("it counts up to what does not follow from the picture's sides")
        start, limit, step = (known[name] for name in node.input)
        if step == 0 or ceil((limit - start) / step) > max(most, 2**16):
            raise GraphError("it counts further than a picture has pixels")
        length = max(0, ceil((limit - start) / step))
        return self._onnx.helper.make_tensor_value_info(node.output[0], self._onnx.TensorProto.INT64, [length])


def _number(node: Any, known: Mapping[str, int], shape: Sequence[int]) -> int | None:
    """Return the whole number that a node gives, where it follows from the picture's sides."""
    if len(node.output) != 1:
        return None
    if node.op_type == "Shape" and list(node.input) == [INPUT]:
        attributes = {attribute.name: attribute.i for attribute in node.attribute}
        sides = shape[attributes.get("start", 0) : attributes.get("end", len(shape))]
        return sides[0] if len(sides) == 1 else None
    if node.op_type == "Squeeze" and node.input:
        return known.get(node.input[0])
    if node.op_type not in _ARITHMETIC or len(node.input) != 2 or not all(name in known for name in node.input):
        return None
    first, second = (known[name] for name in node.input)
    if node.op_type == "Div" and (first < 0 or second <= 0):
        return None
    result = _ARITHMETIC[node.op_type](first, second)
    return result if abs(result) < 2**53 else None  # beyond lies nothing that a picture needs


_ARITHMETIC: Mapping[str, Callable[[int, int], int]] = {
    "Add": lambda first, second: first + second,
    "Sub": lambda first, second: first - second,
    "Mul": lambda first, second: first * second,
    "Div": lambda first, second: first // second,
}


def most_cost(model: TranslationModel, shape: Sequence[int]) -> Cost:
    """Return what an export of a model may cost at the most for pictures of this shape (N×H×W×C).

    That is a few times what its own network makes, which enlarges maps with fewer products than an export does, and
    some for what stands around it.

    Args:
        model: on the device `meta`, so that nothing is computed.
        shape: of the pictures.
    """
    batch, height, width, channels = shape
    with torch.no_grad(), _Counting() as counted:
        model.generator.eval()(torch.empty(batch, channels, height, width, device="meta"))
    classes = len(model.target.palette) if model.target.palette else 0
    around = batch * height * width * 4 * (channels + model.head.channels + 3 * classes + 8)
    return Cost(2 * counted.numbers + around + 2**18, 3 * counted.products)


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what the operators inside the block make."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.numbers = self.products = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        self.numbers += sum(tensor.numel() for tensor in tree_leaves(made) if isinstance(tensor, Tensor))
        if func is torch.ops.aten.convolution.default:
            given, weight, turned = args[0], args[1], args[6]
            self.products += (given if turned else made).numel() * weight[0].numel()
            self.numbers += given.shape[2:].numel() * weight[0].numel() * turned
        return made
