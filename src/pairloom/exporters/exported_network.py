"""A model as other runtimes get it: pixel values in, shares and classes or a picture out, nothing left to know."""

import copy
import dataclasses
import json
import warnings
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from pairloom import __version__
from pairloom.config import ModelConfig
from pairloom.errors import UserError
from pairloom.images import limits
from pairloom.models.encoder import Encoder
from pairloom.models.translation import TranslationModel

INPUT, ANSWER, CLASSES, PICTURE = "photograph", "answer", "classes", "picture"
"""What a file's input and its outputs are called."""
SIDES = {0: "batch", 1: "height", 2: "width"}
"""The sides of the input that may change, and what they are called."""


class ExportedNetwork(nn.Module):
    """A generator with all that stands around it in use: the normalisation before, the palette behind.

    Takes `photograph`, N×H×W×C float32, whose values are those of the pixels (0 to 255 for 8-bit images, 0 to 65535 for
    16-bit ones, 0 to 1 for floats; where the sources have a range of their own, in their own units). Give pixels that
    hold no reading the lowest number. Answers with

    - `answer`, N×channels×H×W float32: the share (0 to 1) of each class for a class head, else the picture in [-1, 1];
    - `classes`, N×H×W uint8, where the targets are classes: their ids;
    - `picture`, N×H×W×C: class ids in their colours (uint8), or the picture in the numbers of the targets.

    Args:
        model: what is exported; it stays as it is.
        answer_only: leave `classes` and `picture` away.

    Raises:
        UserError: if the model draws random numbers in use.
    """

    def __init__(self, model: TranslationModel, *, answer_only: bool = False) -> None:
        super().__init__()
        _require_settled(model.config)
        generator = copy.deepcopy(model.generator).cpu().float().eval()
        if model.config.inference == "train":
            _normalise_by_the_picture(generator)
        for buffer in generator.buffers():
            buffer.data = buffer.data.clone(memory_format=torch.contiguous_format)  # what is saved wants it so
        generator.stride = 1  # padding is done here, see `_kept`
        self._generator = generator
        self.any_size = not model.works_at_its_size_only
        self.outputs = output_names(model, answer_only=answer_only)
        self._size, self._channels, self._stride = model.size, model.source.channels, model.generator.stride
        self._head = model.config.head
        self._clips = model.source.values.range is not None
        self._source_range = limits(model.source.dtype, model.source.values)
        self._target_range = limits(model.target.dtype, model.target.values)
        self._dtype = model.target.dtype
        palette = model.target.palette
        if palette is not None:
            colours = torch.from_numpy(palette.table[: len(palette)].copy())  # K×3 uint8
            self._colours = nn.Buffer(colours, persistent=False)
            self._means = nn.Buffer(colours.float() / 127.5 - 1, persistent=False)

    def forward(self, photograph: Tensor) -> tuple[Tensor, ...]:
        """Translate N×H×W×C pixel values."""
        height, width = photograph.shape[1:3]
        low, high = self._source_range
        source = photograph.permute(0, 3, 1, 2)  # N×C×H×W
        source = (source - low if low else source) / ((high - low) / 2) - 1  # in [-1, 1]
        if self._clips:
            source = source.clamp(-1.0, 1.0)
        source = _picked(source, self._padded(height, source.device), self._padded(width, source.device))
        answer: Tensor = self._generator(source)
        answer = _picked(answer, _all(height, source.device), _all(width, source.device))
        classes = None
        if CLASSES in self.outputs or self._head == "classes":
            classes = self._classes(answer)
        if self._head == "classes":
            answer = answer.softmax(dim=1)
        if PICTURE not in self.outputs:
            return (answer,)
        if CLASSES not in self.outputs:
            return answer, self._picture(answer)
        assert classes is not None  # noqa: S101 (tells mypy)
        return answer, classes.to(torch.uint8), self._colours[classes]

    def trace(self) -> torch.export.ExportedProgram:
        """Return the graph of `forward`, for any number of pictures, and for any height and width where allowed."""
        # Two pictures, and sides that differ: what is the same in the example is taken to be so ever after.
        height, width = (2 * self._stride + 1, 3 * self._stride + 2) if self.any_size else self._size
        example = torch.zeros(2, height, width, self._channels)
        free = {side: torch.export.Dim.DYNAMIC for side, name in SIDES.items() if self.any_size or name == "batch"}
        with warnings.catch_warnings(), torch.no_grad(), _sizes_not_guarded():
            warnings.simplefilter("ignore")  # of libraries, about themselves
            program = torch.export.export(self, (example,), dynamic_shapes={INPUT: free})
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)  # it tells where this machine's files lie
        return program

    def _padded(self, side: int, device: torch.device) -> Tensor:
        """Return which rows, or columns, make a side that the stride divides: as `pad_to_stride` does it."""
        stride = self._stride
        places = torch.arange((side + stride - 1) // stride * stride, device=device)
        last = side - 1
        reflected = last - (places - last).abs()
        return torch.where(reflected.min() < 0, places.clamp(max=last), reflected)

    def _classes(self, answer: Tensor) -> Tensor:
        """Return class ids, N×H×W int64, as the head reads them."""
        if self._head == "classes":
            return answer.argmax(dim=1)
        distances = (answer.permute(0, 2, 3, 1).unsqueeze(-2) - self._means).square().sum(dim=-1)  # N×H×W×K
        return distances.argmin(dim=-1)

    def _picture(self, answer: Tensor) -> Tensor:
        """Return the picture in the numbers of the targets, N×H×W×C."""
        low, high = self._target_range
        values = ((answer + 1) * ((high - low) / 2)).permute(0, 2, 3, 1)
        values = (values + low if low else values).clamp(low, high)
        return values if self._dtype == "float32" else values.round().to(getattr(torch, self._dtype))


def _sizes_not_guarded() -> AbstractContextManager[object]:
    """Inside the block, traced graphs take sides that take another path through PyTorch than the example's.

    By a private setting of PyTorch. Where a version lacks it, graphs refuse pictures that the generator reduces to a
    width of one cell.
    """
    try:
        from torch.fx.experimental import _config
    except ImportError:
        return nullcontext()
    if not hasattr(_config, "backed_size_oblivious"):
        return nullcontext()
    patch: AbstractContextManager[object] = _config.patch(backed_size_oblivious=True)  # type: ignore[attr-defined]
    return patch


def _picked(picture: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Return some rows and columns of N×C×H×W.

    Padding and slicing do the same, but leave their result in memory in ways that a traced graph asks about.
    """
    return picture.index_select(2, rows).index_select(3, columns)


def _all(side: int, device: torch.device) -> Tensor:
    return torch.arange(side, device=device)


def output_names(model: TranslationModel, *, answer_only: bool = False) -> tuple[str, ...]:
    """Return the names of the outputs, in their order."""
    if answer_only:
        return (ANSWER,)
    return (ANSWER, CLASSES, PICTURE) if model.target.palette else (ANSWER, PICTURE)


def description(model: TranslationModel) -> dict[str, str]:
    """Return all that a user of the file may want to know, as texts by key; those with structure are JSON."""
    palette = model.target.palette
    record = {
        "pairloom": __version__,
        "size": json.dumps(list(model.size)),
        "any_size": json.dumps(not model.works_at_its_size_only),
        "model": json.dumps(dataclasses.asdict(model.config)),
        "source": json.dumps(model.source.to_record()),
        "target": json.dumps(model.target.to_record()),
    }
    if model.scale is not None:
        record["scale"] = json.dumps(model.scale)
    if palette is not None:
        record["classes"] = json.dumps(palette.names)
        record["colours"] = json.dumps(palette.colours)
    return record


def _require_settled(config: ModelConfig) -> None:
    if config.inference == "train" and config.dropout > 0:
        raise UserError(
            "this model keeps dropout on at inference (as the preset seed), drawn by PyTorch, which no other "
            "runtime reproduces; train with --model.dropout 0, or "
            "with another preset"
        )


def _normalise_by_the_picture(network: nn.Module) -> None:
    """Put instance norm in the place of batch norm.

    In use, batch norm in training mode sees one picture at a time, and then both are the same. That of an encoder is
    never in training mode.
    """
    for name, child in network.named_children():
        if isinstance(child, Encoder):
            continue
        if isinstance(child, nn.BatchNorm2d):
            norm = nn.InstanceNorm2d(child.num_features, child.eps, affine=True)
            norm.weight, norm.bias = child.weight, child.bias
            setattr(network, name, norm.eval())
        else:
            _normalise_by_the_picture(child)
