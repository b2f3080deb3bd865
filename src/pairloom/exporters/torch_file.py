"""Models as PyTorch's own exported programs (`.pt2`): run by `torch.export.load`, without Pairloom."""

import io
import json
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pairloom.errors import UserError, first_line
from pairloom.exporters.exported_network import ANSWER, CLASSES, ExportedNetwork, description
from pairloom.exporters.parity import Parity, Samples, compare, sizes_to_try
from pairloom.images import Picture
from pairloom.models.translation import TranslationModel

ABOUT = "pairloom.json"
"""Name, inside the file, of what `description` tells; `torch.export.load(..., extra_files={ABOUT: ""})` reads it."""


def write_program(model: TranslationModel, path: Path, samples: Samples) -> Parity:
    """Write a model as one `.pt2` file, weights and all, and try it.

    Its input and outputs are those of `ExportedNetwork`.

    Args:
        model: the model, on the CPU.
        path: the file to be written; who calls cares for what stands there.
        samples: pictures on which it must agree with the model.

    Raises:
        UserError: if it does not agree, or cannot be exported.
    """
    network = ExportedNetwork(model)
    content = io.BytesIO()
    torch.export.save(network.trace(), content, extra_files={ABOUT: json.dumps(description(model))})
    path.write_bytes(content.getvalue())
    content.seek(0)
    program = torch.export.load(content).module()

    @torch.no_grad()
    def run(picture: Picture) -> tuple[Tensor, NDArray[Any] | None]:
        try:
            values = program(torch.from_numpy(picture.astype("float32"))[None])
        except AssertionError as error:  # vision transformers bind a program to sizes of pictures and batches
            height, width = picture.shape[:2]
            raise UserError(
                f"the exported program takes no pictures of {height}×{width} and was not kept ({first_line(error)}); "
                "use --format onnx"
            ) from error
        outputs = dict(zip(network.outputs, values, strict=True))
        return outputs[ANSWER], outputs[CLASSES][0].numpy() if CLASSES in outputs else None

    parity = compare(model, run, samples, sizes_to_try(model))
    parity.require("the exported program")
    return parity
