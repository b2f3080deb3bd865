"""ONNX files that lie, explode, loop or want other files are refused before any of them is run."""

import json
import os
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from forks import peak, reset_peak, run
from onnx import TensorProto, helper, numpy_helper

from pairloom.errors import UserError
from pairloom.exporters.onnx_file import load_onnx, write_onnx
from pairloom.exporters.parity import sample_pictures
from random_models import random_model

GIBIBYTE = 1024
Program = Any
"""Of a library without types."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file that serves."""
    path, model = tmp_path_factory.mktemp("onnx") / "good.onnx", random_model()
    write_onnx(model, path, sample_pictures(path.parent, model, 1))
    return path.read_bytes()


def _require_refused(content: bytes, folder: Path, complaint: str | None = None) -> None:
    path = folder / "hostile.onnx"
    path.write_bytes(content)
    before = reset_peak()
    with pytest.raises(UserError, match=complaint) as caught:
        load_onnx(path)
    assert peak() - before < GIBIBYTE
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert "\n" not in str(caught.value)


def _program(content: bytes) -> Program:
    return onnx.load_model_from_string(content)


# The file.


@pytest.mark.parametrize("place", ["../../../../../../etc/passwd", "/etc/passwd", "/dev/zero", "weights"])
@pytest.mark.parametrize("where", ["weights", "constant", "branch"])
def test_external_data_are_not_read(place: str, where: str, exported: bytes, tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(bytes(10_000))
    program = _program(exported)
    tensor = TensorProto(name="outside", data_type=TensorProto.FLOAT, dims=[2, 2])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=place)
    if where == "weights":
        program.graph.initializer.append(tensor)
    elif where == "constant":
        program.graph.node.append(helper.make_node("Constant", [], ["outside"], value=tensor))
    else:
        branch = helper.make_graph([], "branch", [], [], [tensor])
        program.graph.node.append(helper.make_node("If", ["lt"], ["o"], then_branch=branch, else_branch=branch))
    _require_refused(program.SerializeToString(), tmp_path, "stores weights in other files, which are not read")


def test_what_is_damaged_is_refused_wherever_it_is_cut_off(exported: bytes, tmp_path: Path) -> None:
    for length in np.linspace(0, len(exported) - 1, 40).astype(int):
        _require_refused(exported[:length], tmp_path)


@pytest.mark.parametrize(
    "content",
    {
        "words": b"no model",
        "zeros": bytes(2**20),
        "a length of exabytes": b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        "a length of 2 GiB": b"\x3a\xff\xff\xff\xff\x07" + bytes(99),
        "messages in messages": b"\x3a\x05" * 50_000,
    }.items(),
    ids=lambda item: item[0],
)
def test_what_is_no_onnx_is_refused(content: tuple[str, bytes], tmp_path: Path) -> None:
    _require_refused(content[1], tmp_path)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "absent"):
        with pytest.raises(UserError, match=r"is not a file|cannot be read"):
            load_onnx(path)


def test_flipped_bits_give_another_answer_or_a_message(exported: bytes, tmp_path: Path) -> None:
    rng, path = np.random.default_rng(0), tmp_path / "flipped.onnx"
    picture = np.zeros((32, 48, 3), np.uint8)
    refused = 0
    for place in rng.integers(0, len(exported), 60):
        content = bytearray(exported)
        content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        try:
            assert load_onnx(path).output(picture).shape == (1, 11, 32, 48)
        except UserError:
            refused += 1
    assert 0 < refused < 60


# What is told of the model.

DEEP = "[" * 50_000
ODD = {
    "model": [DEEP, "{}", "[]", "3", "null", '{"x": 1}', "", "\0", "9" * 100_000],
    "source": [DEEP, "{}", '{"channels": 1000000000, "dtype": "uint8", "palette": null}', "[]"],
    "target": [DEEP, "{}", '{"channels": 3, "dtype": "object", "palette": null}', "3"],
    "size": [DEEP, "[1000000000, 1000000000]", "[0, 0]", "[-3, 5]", '["a", "b"]', "[32.5, 48]", "[32]", "{}"],
}


@pytest.mark.parametrize("key", ODD)
def test_odd_or_huge_metadata_are_refused(key: str, exported: bytes, tmp_path: Path) -> None:
    for value in ODD[key]:
        program = _program(exported)
        next(entry for entry in program.metadata_props if entry.key == key).value = value
        _require_refused(program.SerializeToString(), tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("width", 4096), ("width", 10**9), ("width", 10**400), ("depth", 12), ("depth", 10**9), ("depth", "auto")),
        *(("norm", "x"), ("head", "rgb"), ("inference", []), ("dropout", 1e999), ("fine_width", 4000)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_settings_that_are_none_or_do_not_fit_the_weights_are_refused(
    name: str, value: object, exported: bytes, tmp_path: Path
) -> None:
    program = _program(exported)
    entry = next(entry for entry in program.metadata_props if entry.key == "model")
    entry.value = json.dumps({**json.loads(entry.value), name: value})
    _require_refused(program.SerializeToString(), tmp_path)


# The graph.


def _node(kind: str, inputs: str, outputs: str = "odd", **attributes: Any) -> Callable[[Program], None]:
    """Add a node; a name that is a number is a constant of it."""

    def add(program: Program) -> None:
        for name in inputs.split():
            if name.lstrip("-").isdigit():
                program.graph.initializer.append(numpy_helper.from_array(np.array(int(name)), name))
        program.graph.node.append(helper.make_node(kind, inputs.split(), outputs.split(), **attributes))

    return add


def _shaped(kind: str, values: str, array: Any, **attributes: Any) -> Callable[[Program], None]:
    """Add a node whose last input is an array."""

    def add(program: Program) -> None:
        program.graph.initializer.append(numpy_helper.from_array(np.array(array), "array"))
        given = values.split(",") if values else []
        program.graph.node.append(helper.make_node(kind, [*given, "array"], ["odd"], **attributes))

    return add


def _doubled(program: Program) -> None:
    name = "photograph"
    for number in range(40):
        program.graph.node.append(helper.make_node("Concat", [name, name], [f"d{number}"], axis=1))
        name = f"d{number}"


def _multiplied(program: Program) -> None:
    """Every row by every row, again and again."""
    program.graph.initializer.append(numpy_helper.from_array(np.array([9999, 1]), "column"))
    program.graph.node.append(helper.make_node("Reshape", ["photograph", "flat"], ["row"]))
    program.graph.initializer.append(numpy_helper.from_array(np.array([-1]), "flat"))
    program.graph.initializer.append(numpy_helper.from_array(np.array([-1, 1]), "turned"))
    for number in range(4):
        program.graph.node.append(helper.make_node("Reshape", ["row", "turned"], [f"column{number}"]))
        program.graph.node.append(helper.make_node("Add", [f"column{number}", "row"], [f"product{number}"]))
        program.graph.node.append(helper.make_node("Reshape", [f"product{number}", "flat"], [f"row{number}"]))


def _again_and_again(program: Program) -> None:
    convolution = next(node for node in program.graph.node if node.op_type == "Conv")
    for number in range(4000):
        program.graph.node.append(convolution)
        program.graph.node[-1].output[0] = f"again{number}"


def _very_many(program: Program) -> None:
    for number in range(100_000):
        program.graph.node.append(helper.make_node("Relu", ["photograph"], [f"r{number}"]))


def _large_kernel(program: Program) -> None:
    weights = np.zeros((1, 3, 4000, 4000), np.float32)
    program.graph.initializer.append(numpy_helper.from_array(weights, "array"))
    program.graph.node.append(helper.make_node("Conv", ["permute", "array"], ["odd"], pads=[3999] * 4))


def _loop(program: Program) -> None:
    body = helper.make_graph(
        [helper.make_node("Identity", ["going"], ["on"])],
        "body",
        [
            helper.make_tensor_value_info("number", TensorProto.INT64, []),
            helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        ],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, [])],
    )
    program.graph.node.append(helper.make_node("Loop", ["", "lt"], [], body=body))


def _function(program: Program) -> None:
    nodes = [helper.make_node("Relu", ["x"], ["y"])]
    opsets = [helper.make_opsetid("", 20)]
    program.functions.append(helper.make_function("own", "F", ["x"], ["y"], nodes, opsets))


def _operators(program: Program) -> None:
    program.opset_import.add(domain="com.microsoft", version=1)


def _renamed(old: str, new: str) -> Callable[[Program], None]:
    def rename(program: Program) -> None:
        for value in (*program.graph.input, *program.graph.output):
            if value.name == old:
                value.name = new
        for node in program.graph.node:
            for names in (node.input, node.output):
                names[:] = [new if name == old else name for name in names]

    return rename


def _another_input(program: Program) -> None:
    program.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))


def _input_of(kind: int, *sides: int) -> Callable[[Program], None]:
    def change(program: Program) -> None:
        del program.graph.input[:]
        program.graph.input.append(helper.make_tensor_value_info("photograph", kind, sides))

    return change


def _answer_of_a_constant(program: Program) -> None:
    """The answer is as small as a constant, whatever is told of it."""
    del program.graph.node[:]
    program.graph.node.append(helper.make_node("Identity", ["array"], ["answer"]))
    for name in ("classes", "picture"):
        program.graph.node.append(helper.make_node("Identity", ["array"], [name]))
    program.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "array"))


GRAPHS: dict[str, Callable[[Program], None]] = {
    "a constant of terabytes": _shaped("ConstantOfShape", "", [2**40]),
    "tiles of terabytes": _shaped("Tile", "photograph", [2**10, 2**10, 2**10, 1]),
    "an expansion to terabytes": _shaped("Expand", "photograph", [2**20, 1, 1, 1]),
    "an enlargement to terabytes": _shaped("Resize", "permute,", [1.0, 1.0, 1e6, 1e6]),
    "a reduction to 16 exabytes": _shaped("Resize", "permute,", [1.0, 1.0, 1e15, 1e15]),
    "padding of terabytes": _shaped("Pad", "permute", [0, 0, 10**6, 10**6, 0, 0, 10**6, 10**6]),
    "counting to a trillion": _node("Range", "0 1000000000000 1"),
    "counting for ever": _node("Range", "0 1 0"),
    "counting to what the picture says": _node("Range", "0 min_1 1"),
    "a list of classes for each class": _node("Gather", "answer argmax"),
    "doubled forty times": _doubled,
    "every row by every row": _multiplied,
    "a padded convolution": _shaped("Conv", "permute", np.zeros((1, 3, 1, 1), np.float32), pads=[10**6] * 4),
    "the same convolution for ever": _again_and_again,
    "a large kernel": _large_kernel,
    "a turned convolution of wide steps": _node(
        "ConvTranspose", "conv2d _generator.encoder.0.0.weight", strides=[10**5, 10**5]
    ),
    "very many nodes": _very_many,
    "a loop without end": _loop,
    "functions of its own": _function,
    "other operators": _operators,
    "a custom node": _node("Mine", "photograph", domain="mine"),
    "texts": _node("Cast", "photograph", to=TensorProto.STRING),
    "a text that is parsed": _node("StringNormalizer", "photograph"),
    "the smallest number by -1": _node("Div", "-9223372036854775808 -1"),
    "what the picture says by -1": _node("Div", "argmax -1"),
    "by what the picture says": _node("Div", "argmax argmax"),
    "an input that is unknown": _node("Relu", "nowhere"),
    "a circle": _node("Relu", "odd"),
    "an output twice": _node("Relu", "photograph", "answer"),
    "attributes of other kinds": _node("Concat", "photograph photograph", axis="x"),
    "an axis out of reach": _node("Concat", "photograph photograph", axis=10**9),
    "an input of another name": _renamed("photograph", "picture_in"),
    "an output of another name": _renamed("answer", "reply"),
    "one more input": _another_input,
    "an input of another kind": _input_of(TensorProto.DOUBLE, 1, 32, 48, 3),
    "an input of other sides": _input_of(TensorProto.FLOAT, 1, 33, 48, 3),
    "an input of five sides": _input_of(TensorProto.FLOAT, 1, 32, 48, 3, 1),
    "an input of no sides": _input_of(TensorProto.FLOAT),
    "an answer of another shape": _answer_of_a_constant,
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_that_no_export_has_is_refused_before_it_is_run(name: str, exported: bytes, tmp_path: Path) -> None:
    program = _program(exported)
    GRAPHS[name](program)
    _require_refused(program.SerializeToString(), tmp_path)


@pytest.mark.parametrize("name", ["an expansion to terabytes", "the smallest number by -1"])
def test_the_command_line_refuses_it_in_a_line(name: str, exported: bytes, photographs: Path, tmp_path: Path) -> None:
    program = _program(exported)
    GRAPHS[name](program)
    path = tmp_path / "hostile.onnx"
    path.write_bytes(program.SerializeToString())
    ended = run(["translate", path, photographs, "--out", tmp_path / "out", "--device", "cpu"], tmp_path)
    assert ended.code == 2
    assert ended.err.startswith(f"pairloom: {path}: is not an export of Pairloom (")
    assert len(ended.err.splitlines()) == 1
    assert ended.mebibytes < GIBIBYTE
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("dims", [[-1, 4], [2**62, 2**62], [2**40], [0, 2**62]])
def test_weights_whose_shapes_lie_are_refused(dims: list[int], exported: bytes, tmp_path: Path) -> None:
    for name in ("_generator.encoder.0.0.weight", "val_20", "val_6"):
        program = _program(exported)
        tensor = next(tensor for tensor in program.graph.initializer if tensor.name == name)
        tensor.ClearField("dims")
        tensor.dims.extend(dims)
        told = "fewer than their shape says" if prod(dims) > 0 else None
        _require_refused(program.SerializeToString(), tmp_path, told)


def test_what_goes_wrong_when_it_is_run_is_told(exported: bytes, tmp_path: Path) -> None:
    """A class that is none is looked up: the shapes are right, the numbers are not."""
    program = _program(exported)
    program.graph.initializer.append(numpy_helper.from_array(np.array(10**6), "far"))
    program.graph.initializer.append(numpy_helper.from_array(np.zeros(7, np.float32), "list"))
    program.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.float32), "nothing"))
    softmax = next(node for node in program.graph.node if "answer" in node.output)
    softmax.output[0] = "shares"
    for node in (
        helper.make_node("Mul", ["argmax", "far"], ["places"]),
        helper.make_node("Gather", ["list", "places"], ["found"]),
        helper.make_node("Unsqueeze", ["found", "val_14"], ["spread"]),
        helper.make_node("Transpose", ["spread"], ["turned"], perm=[0, 3, 1, 2]),
        helper.make_node("Add", ["shares", "turned"], ["answer"]),
    ):
        program.graph.node.append(node)
    path = tmp_path / "wrong.onnx"
    path.write_bytes(program.SerializeToString())
    with pytest.raises(UserError, match=r"wrong\.onnx: (ONNX Runtime cannot run it|is no export)"):
        load_onnx(path).output(np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8))


def test_other_sizes_are_held_to_their_cost_too(exported: bytes, tmp_path: Path) -> None:
    """At its own size the graph is as it should be; at others its middle part is copied for each row too many."""
    program = _program(exported)
    graph = program.graph
    graph.initializer.append(numpy_helper.from_array(np.array(32), "own"))
    graph.initializer.append(numpy_helper.from_array(np.array([-1, 1]), "turned"))
    for node in (
        helper.make_node("Sub", ["sym_size_int_38", "own"], ["more"]),
        helper.make_node("Mul", ["more", "own"], ["much"]),
        helper.make_node("Range", ["val_6", "much", "val_8"], ["long"]),
        helper.make_node("Reshape", ["long", "turned"], ["column"]),
        helper.make_node("Add", ["column", "long"], ["product"]),
        helper.make_node("ReduceSum", ["product"], ["added"]),
    ):
        graph.node.append(node)
    graph.output.append(helper.make_tensor_value_info("added", TensorProto.INT64, []))
    path = tmp_path / "grows.onnx"
    path.write_bytes(program.SerializeToString())
    model = load_onnx(path)
    assert model.output(np.zeros((32, 48, 3), np.uint8)).shape == (1, 11, 32, 48)
    with pytest.raises(UserError, match="costs far more than the network that it describes"):
        model.output(np.zeros((512, 48, 3), np.uint8))
