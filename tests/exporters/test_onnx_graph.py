"""What a graph costs is told from its shapes; exports stay below what they may, and small additions go beyond."""

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from pairloom.exporters.exported_network import ExportedNetwork
from pairloom.exporters.onnx_file import _converted
from pairloom.exporters.onnx_graph import Cost, GraphError, OnnxGraph, most_cost
from pairloom.models.translation import TranslationModel
from random_models import CLASSES, COLOURS, random_model

SIZES = ((32, 48), (1, 1), (7, 90), (300, 200), (1024, 2048))


def _program(*nodes: Any, sides: tuple[str | int, ...] = ("n", "h", "w", 3), channels: int = 5) -> Any:
    """A convolution of the photograph, behind some nodes that nobody needs."""
    graph = helper.make_graph(
        [
            *nodes,
            helper.make_node("Transpose", ["photograph"], ["turned"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["turned", "weight"], ["answer"], pads=[1, 1, 1, 1]),
        ],
        "small",
        [helper.make_tensor_value_info("photograph", TensorProto.FLOAT, sides)],
        [helper.make_tensor_value_info("answer", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.zeros((channels, 3, 3, 3), np.float32), "weight"),
            *(numpy_helper.from_array(np.array(number), str(number)) for number in (0, 1, 2, 3)),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def test_numbers_and_products_follow_from_the_shapes() -> None:
    graph = OnnxGraph(onnx, _program())
    assert graph.cost((1, 10, 20, 3), 5) == Cost((3 + 5) * 200, 5 * 200 * 27)
    assert graph.cost((2, 7, 1, 3), 5) == Cost((3 + 5) * 14, 5 * 14 * 27)
    assert graph.weights == 5 * 27 + 4


def test_what_is_counted_follows_from_the_sides() -> None:
    nodes = (
        helper.make_node("Shape", ["photograph"], ["sides"], start=1, end=2),
        helper.make_node("Squeeze", ["sides"], ["height"]),
        helper.make_node("Mul", ["height", "3"], ["thrice"]),
        helper.make_node("Div", ["thrice", "2"], ["half"]),
        helper.make_node("Range", ["1", "half", "2"], ["counted"]),
        helper.make_node("Abs", ["counted"], ["used"]),
    )
    without = OnnxGraph(onnx, _program()).cost((1, 11, 20, 3), 5)
    found = OnnxGraph(onnx, _program(*nodes)).cost((1, 11, 20, 3), 5)
    scalars, counted = 4, len(range(1, 33 // 2, 2))
    assert found == Cost(without.numbers + scalars + counted, without.products)


@pytest.mark.parametrize(
    ("shape", "channels", "complaint"),
    [
        ((1, 10, 20, 4), 5, "takes no pictures of 1×10×20×4"),
        ((1, 10, 20, 3), 6, "does not answer by 6 channels"),
        ((1, 10, 20), 5, "is not a picture"),
    ],
)
def test_other_pictures_and_answers_are_refused(shape: tuple[int, ...], channels: int, complaint: str) -> None:
    with pytest.raises(GraphError, match=complaint):
        OnnxGraph(onnx, _program()).cost(shape, channels)


@pytest.mark.parametrize(("step", "limit"), [("0", "3"), ("1", "turned"), ("height", "3")])
def test_counting_that_cannot_be_told_is_refused(step: str, limit: str) -> None:
    node = helper.make_node("Range", ["0", limit, step], ["counted"])
    with pytest.raises(GraphError, match="it counts"):
        OnnxGraph(onnx, _program(node)).cost((1, 10, 20, 3), 5)


def _described(model: TranslationModel) -> TranslationModel:
    with torch.device("meta"):
        return TranslationModel.build(model.config, model.source, model.target, model.size, torch.device("meta"))


@pytest.mark.parametrize(
    "options",
    [
        {"norm": "group", "up": "transposed"},
        pytest.param({"preset": "photo", "target": COLOURS, "full_resolution": False}, marks=pytest.mark.slow),
        pytest.param({"width": 64, "target": CLASSES, "depth": 4}, marks=pytest.mark.slow),
    ],
    ids=["turned convolutions", "pictures", "wide"],
)
def test_exports_cost_less_than_they_may_at_any_size(options: dict[str, Any]) -> None:
    model = random_model(**options)
    graph, described = OnnxGraph(onnx, _converted(ExportedNetwork(model))), _described(model)
    for size in SIZES:
        shape = (1, *size, 3)
        graph.require_affordable(described, shape)
        cost, most = graph.cost(shape, model.head.channels), most_cost(described, shape)
        assert cost.numbers < 0.9 * most.numbers
        assert cost.products < 0.9 * most.products
    assert most.numbers < 12 * cost.numbers, "not much more"
    assert most.products < 4 * cost.products


def test_weights_are_held_against_the_network_that_is_described() -> None:
    described = _described(random_model())
    with pytest.raises(GraphError, match="fewer weights than the network"):
        OnnxGraph(onnx, _program()).require_affordable(described, (1, 32, 48, 3))
