"""A U-Net's output to a source that is too large for memory: the same output, computed tile by tile.

Two things make a tile's output differ from that of the whole: the network sees further than a tile, and instance and
group norm take their statistics from all that they see. So the network is cut in two. Its coarse part, where a source
is small, sees the whole at once. The fine part only looks at near pixels, and runs on tiles with a margin as wide as it
looks. The mean and variance that each norm of the fine part would find in the whole are collected first, norm after
norm, in a pass over all tiles each.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pairloom.models.generator import EncoderDecoder
from pairloom.models.heads import Head

SMALLEST_TILE = 32
COARSE_SHARE = 4
"""The coarse part may see so many times the area of a tile, counted in numbers of the layers next to the output."""

AdaptiveNorm = nn.InstanceNorm2d | nn.GroupNorm
"""Norms whose statistics are those of what they see."""


class _Span(NamedTuple):
    """Where a tile lies along one side, in pixels of the source."""

    start: int
    stop: int
    """With its margins."""
    first: int
    last: int
    """Without."""


class TiledOutput:
    """What a generator says of one source, given by and by from the top down.

    Args:
        generator: in the mode in which it is used, without dropout; of two halvings or more.
        head: of the generator; the output is what it makes blendable.
        source: 1×C×H×W in [-1, 1], with sides that the generator's stride divides.
        tile: side in pixels of the tiles, margins included; at least `SMALLEST_TILE`.
    """

    def __init__(self, generator: EncoderDecoder, head: Head, source: Tensor, tile: int) -> None:
        self._generator, self._head, self._source = generator, head, source
        height, width = source.shape[2:]
        halvings = _halvings(height * width, tile, generator)
        self._fine = halvings + (generator.stem is not None)
        self._grid = 2 ** (halvings + 1)  # pixels of the source to one of the coarse part's output
        margin = generator.margin(halvings)
        self._rows = _spans(height, tile, margin, self._grid)
        self._columns = _spans(width, tile, margin, self._grid)
        self._strips: list[tuple[_Span, Tensor]] = []
        self._statistics: dict[nn.Module, tuple[Tensor, Tensor]] = {}
        self._coarse = self._translate_coarsely()
        self._collect(self._fine_decoder())

    def rows(self, first: int, last: int) -> Tensor:
        """Return the output's rows from one to another, 1×C×rows×W; asked for from the top down."""
        self._strips = [(span, strip) for span, strip in self._strips if span.last > first]
        for span in self._rows:
            known = self._strips[-1][0].last if self._strips else 0
            if span.last > first and span.first < last and span.first >= known:
                self._strips.append((span, self._strip(span)))
        parts = [
            strip[:, :, max(first - span.first, 0) : last - span.first]
            for span, strip in self._strips
            if span.first < last
        ]
        return torch.cat(parts, dim=2)

    def _strip(self, row: _Span) -> Tensor:
        outputs = []
        with self._norms_held():
            for column in self._columns:
                output = self._head.probabilities(self._finish(row, column))
                outputs.append(_core(output, row, column))
        return torch.cat(outputs, dim=3)

    def _translate_coarsely(self) -> Tensor:
        """Return what the coarse part of the decoder makes of the whole source."""
        self._collect(self._fine_encoder())
        strips = []
        with self._norms_held():
            for row in self._rows:
                tiles = [_core(self._begin(row, column)[-1], row, column) for column in self._columns]
                strips.append(torch.cat(tiles, dim=3))
        return self._generator.translate_coarsely(torch.cat(strips, dim=2), self._fine)

    def _begin(self, row: _Span, column: _Span) -> list[Tensor]:
        tile = self._source[:, :, row.start : row.stop, column.start : column.stop]
        return self._generator.encode(tile, 0, self._fine)

    def _finish(self, row: _Span, column: _Span) -> Tensor:
        grid, generator = self._grid, self._generator
        coarse = self._coarse[:, :, row.start // grid : row.stop // grid, column.start // grid : column.stop // grid]
        skips = self._begin(row, column)
        output: Tensor = generator.head(generator.decode(coarse, skips, len(generator.decoder) - self._fine))
        return output

    def _fine_encoder(self) -> list[nn.Module]:
        return self._generator.downs[: self._fine]

    def _fine_decoder(self) -> list[nn.Module]:
        return [*self._generator.decoder[len(self._generator.decoder) - self._fine :], self._generator.head]

    def _collect(self, blocks: Sequence[nn.Module]) -> None:
        """Find out what the norms of some blocks would take as mean and variance from the whole source."""
        decoding = self._generator.head in blocks
        for norm in [layer for block in blocks for layer in block.modules() if isinstance(layer, AdaptiveNorm)]:
            moments: list[Tensor] = []
            count = 0
            with self._norms_held(), _stopping_at(norm) as seen:
                for row in self._rows:
                    for column in self._columns:
                        try:
                            self._finish(row, column) if decoding else self._begin(row, column)
                        except _ReachedError:
                            part = _core(seen.pop(), row, column).double()
                            moments.append(torch.stack([part.sum((0, 2, 3)), part.square().sum((0, 2, 3))]))
                            count += part[0, 0].numel()
            mean, square = torch.stack(moments).sum(0) / count
            if isinstance(norm, nn.GroupNorm):
                mean, square = (_over_groups(values, norm) for values in (mean, square))
            self._statistics[norm] = (mean.float(), (square - mean.square()).clamp(min=0).float())

    @contextmanager
    def _norms_held(self) -> Iterator[None]:
        """Inside the block, norms whose statistics are known use these."""
        with ExitStack() as hooks:
            for norm in self._statistics:
                hooks.enter_context(norm.register_forward_hook(self._normalised))
            yield

    def _normalised(self, norm: nn.Module, inputs: tuple[Tensor], _output: Tensor) -> Tensor:
        if not isinstance(norm, AdaptiveNorm):
            raise TypeError(f"{norm} is not a norm with statistics")
        mean, variance = self._statistics[norm]
        return F.batch_norm(inputs[0], mean, variance, norm.weight, norm.bias, eps=norm.eps)


class _ReachedError(Exception):
    """A layer was reached that was waited for."""


@contextmanager
def _stopping_at(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Inside the block a pass ends with `_ReachedError` where it comes to a layer; what that would get is appended."""
    seen: list[Tensor] = []

    def stop(_layer: nn.Module, inputs: tuple[Tensor]) -> None:
        seen.append(inputs[0])
        raise _ReachedError

    with layer.register_forward_pre_hook(stop):
        yield seen


def _halvings(area: int, tile: int, generator: EncoderDecoder) -> int:
    """Return after how many halvings the coarse part begins.

    Each divides the area by 4, and its layers have about twice the channels. Half of a tile's side is left without its
    margins, which are as wide as the fine part looks.
    """
    needed = math.ceil(math.log2(max(area / (COARSE_SHARE * tile**2), 1))) - 1
    possible = [halvings for halvings in range(1, len(generator.encoder) + 1) if 4 * generator.margin(halvings) <= tile]
    return max(1, min(needed, max(possible, default=1)))


def _spans(side: int, tile: int, margin: int, grid: int) -> list[_Span]:
    """Cut a side into tiles, as equal as may be, that begin and end on the grid without their margins."""
    room = max(grid, (tile - 2 * margin) // grid * grid)  # a tile that is all margins is exceeded a little
    count = 1 if side <= tile else -(-side // room)
    edges = [round(index * side / count / grid) * grid for index in range(count)] + [side]
    return [_Span(max(first - margin, 0), min(last + margin, side), first, last) for first, last in pairwise(edges)]


def _core(tile: Tensor, row: _Span, column: _Span) -> Tensor:
    """Cut the margins off what was computed of a tile, at whatever resolution."""
    down = (row.stop - row.start) // tile.shape[2]
    return tile[
        :,
        :,
        (row.first - row.start) // down : (row.last - row.start) // down,
        (column.first - column.start) // down : (column.last - column.start) // down,
    ]


def _over_groups(values: Tensor, norm: nn.GroupNorm) -> Tensor:
    """Return the mean over each group of channels, for each channel."""
    size = norm.num_channels // norm.num_groups
    return values.view(norm.num_groups, size).mean(dim=1).repeat_interleave(size)
