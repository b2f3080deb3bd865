"""U-Net generators of pytorch-CycleGAN-and-pix2pix: their weights read, converted, and evaluated as they stand.

Such a network is nested: each block halves, asks the block inside it, and doubles, and its output is what came in
beside what it has made (`UnetSkipConnectionBlock` there). The names of its weights follow from that.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from pairloom.config import NormName
from pairloom.errors import UserError
from pairloom.models.generator import Generator

EPSILON = 1e-5
"""Added to the variance in their norms."""
MOST_LEVELS = 12

_STATISTICS = ("weight", "bias", "running_mean", "running_var")


@dataclass(frozen=True)
class Layer:
    """A convolution and the batch norm behind it, where there is one."""

    weight: Tensor
    bias: Tensor | None
    norm: Mapping[str, Tensor] | None

    def to(self, dtype: torch.dtype) -> "Layer":
        """Return the layer in another precision."""
        bias = None if self.bias is None else self.bias.to(dtype)
        norm = None if self.norm is None else {name: tensor.to(dtype) for name, tensor in self.norm.items()}
        return Layer(self.weight.to(dtype), bias, norm)


@dataclass(frozen=True)
class ForeignUNet:
    """The weights of such a generator.

    Attributes:
        downs: the convolutions that halve, the outermost first.
        ups: the transposed convolutions that double, the outermost first.
        norm: `batch`, `instance` (without numbers of its own) or `none`, between all but the outermost and innermost.
    """

    downs: tuple[Layer, ...]
    ups: tuple[Layer, ...]
    norm: NormName

    @property
    def in_channels(self) -> int:
        """Channels of the source."""
        return self.downs[0].weight.shape[1]

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.ups[0].weight.shape[1]

    @property
    def width(self) -> int:
        """Channels of the outermost layer."""
        return self.downs[0].weight.shape[0]

    @property
    def depth(self) -> int:
        """Number of halvings."""
        return len(self.downs)

    def __call__(self, source: Tensor, *, training: bool) -> Tensor:
        """Compute the output (B×out_channels×H×W in [-1, 1]) to a source (B×in_channels×H×W) layer by layer.

        Dropout is off. With `training` batch norm takes the batch's statistics, as their `test.py` does without
        `--eval`. The sides must be multiples of 2**depth. The precision is the source's.
        """
        return torch.tanh(self._block(source, 0, training=training))

    def _block(self, x: Tensor, level: int, *, training: bool) -> Tensor:
        down, up = self.downs[level].to(x.dtype), self.ups[level].to(x.dtype)
        if level > 0:
            x = F.leaky_relu(x, 0.2)  # in place there, so that it is what the skip connection carries
        inner = F.conv2d(x, down.weight, down.bias, stride=2, padding=1)
        if level < self.depth - 1:
            if level > 0:
                inner = self._normalise(inner, down, training=training)
            inner = self._block(inner, level + 1, training=training)
        made = F.conv_transpose2d(F.relu(inner), up.weight, up.bias, stride=2, padding=1)
        if level == 0:
            return made
        return torch.cat([x, self._normalise(made, up, training=training)], dim=1)

    def _normalise(self, x: Tensor, layer: Layer, *, training: bool) -> Tensor:
        if self.norm == "instance":
            return F.instance_norm(x, eps=EPSILON)
        if layer.norm is None:
            return x
        mean, variance, scale, shift = (layer.norm[name] for name in ("running_mean", "running_var", "weight", "bias"))
        if training:
            return F.batch_norm(x, None, None, scale, shift, training=True, eps=EPSILON)
        return F.batch_norm(x, mean, variance, scale, shift, eps=EPSILON)

    def give(self, generator: Generator) -> None:
        """Put the weights into a generator of the same shape, which then computes the same."""
        state = generator.state_dict()
        last = self.depth - 1
        for level in range(self.depth):
            down = f"encoder.{level}" if level < last else "bottleneck"
            _give_layer(state, f"{down}.0", f"{down}.1", self.downs[level])
            # Beside each other, there the skip connection comes first, here it comes second.
            weight = self.ups[level].weight
            swapped = weight if level == last else torch.cat(weight.chunk(2)[::-1])
            up = Layer(swapped, self.ups[level].bias, self.ups[level].norm)
            block = f"decoder.{last - level}"
            _give_layer(state, f"{block}.0" if level else "head.0", f"{block}.1", up)
        generator.load_state_dict(state)


def _give_layer(state: dict[str, Tensor], convolution: str, norm: str, layer: Layer) -> None:
    state[f"{convolution}.weight"] = layer.weight
    bias = state[f"{convolution}.bias"]
    state[f"{convolution}.bias"] = torch.zeros_like(bias) if layer.bias is None else layer.bias
    for name, tensor in (layer.norm or {}).items():
        state[f"{norm}.{name}"] = tensor


def read_foreign(path: Path) -> ForeignUNet:
    """Read the weights of a generator (`latest_net_G.pth`); nothing in the file is executed.

    Raises:
        UserError: if the file cannot be read, is more than a dictionary of tensors, or holds another network.
    """
    state = {name.removeprefix("module."): tensor for name, tensor in _tensors(path).items()}
    return _Reader(path, state).read()


def _tensors(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # what a file of any bytes may raise has no end
        raise UserError(
            f"{path}: is not a file of weights that can be read without executing code; where you trained it, "
            "write torch.save(network.state_dict(), FILE)"
        ) from error
    if not isinstance(content, dict) or not content:
        raise UserError(f"{path}: holds no named weights; write torch.save(network.state_dict(), FILE)")
    for name, tensor in content.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise UserError(
                f"{path}: holds more than named weights ({str(name)[:80]!r}); write "
                "torch.save(network.state_dict(), FILE)"
            )
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.device.type != "cpu":
            raise UserError(f"{path}: {name[:80]!r} is not stored as plain numbers")
    claimed = sum(tensor.numel() * tensor.element_size() for tensor in content.values())
    if claimed > path.stat().st_size:  # a few numbers that are repeated without end
        raise UserError(f"{path}: claims more weights than it holds")
    return content


class _Reader:
    """Takes the layers of a U-Net out of weights by name."""

    def __init__(self, path: Path, state: dict[str, Tensor]) -> None:
        self._path, self._left = path, dict(state)

    def read(self) -> ForeignUNet:
        """Return the network, outermost block first; raise UserError where it is another one."""
        self._require_unet()
        downs, ups = [self._layer("model.model.0", None)], [self._layer("model.model.3", None)]
        inside = "model.model.1.model"
        while f"{inside}.5.weight" in self._left:
            downs.append(self._layer(f"{inside}.1", f"{inside}.2"))
            ups.append(self._layer(f"{inside}.5", f"{inside}.6"))
            inside = f"{inside}.3.model"
            if len(downs) >= MOST_LEVELS:
                raise UserError(f"{self._path}: has more than {MOST_LEVELS} downsampling steps")
        downs.append(self._layer(f"{inside}.1", None))
        ups.append(self._layer(f"{inside}.3", f"{inside}.4"))
        if self._left:
            raise UserError(f"{self._path}: holds {next(iter(self._left))[:80]!r}, which is not in a U-Net generator")
        network = ForeignUNet(tuple(downs), tuple(ups), _norm(downs, ups))
        self._check_shapes(network)
        if len({layer.norm is None for layer in (*downs[1:-1], *ups[1:])}) > 1:
            raise UserError(f"{self._path}: has batch norm after some layers only, which is not supported")
        return network

    def _require_unet(self) -> None:
        if any("conv_block" in name for name in self._left):
            raise UserError(
                f"{self._path}: holds a ResNet generator; only U-Nets (--netG unet_128, unet_256) are supported"
            )
        if not {"model.model.0.weight", "model.model.3.weight"} <= self._left.keys():
            raise UserError(
                f"{self._path}: is not a U-Net generator of pytorch-CycleGAN-and-pix2pix (its first weights are "
                f"{next(iter(self._left))[:80]!r}); name latest_net_G.pth of a run with --netG unet_128 or unet_256"
            )

    def _layer(self, convolution: str, norm: str | None) -> Layer:
        bias = self._take(f"{convolution}.bias") if f"{convolution}.bias" in self._left else None
        weight = self._take(f"{convolution}.weight")
        if norm is None:
            return Layer(weight, bias, None)
        self._left.pop(f"{norm}.num_batches_tracked", None)
        if f"{norm}.weight" not in self._left:
            # Instance norm of PyTorch 0.3 kept statistics that it did not use.
            for name in ("running_mean", "running_var"):
                self._left.pop(f"{norm}.{name}", None)
            return Layer(weight, bias, None)
        return Layer(weight, bias, {name: self._take(f"{norm}.{name}") for name in _STATISTICS})

    def _take(self, name: str) -> Tensor:
        tensor = self._left.pop(name, None)
        if tensor is None:
            raise UserError(f"{self._path}: the weights {name!r} are missing")
        if not tensor.is_floating_point() or not tensor.isfinite().all():
            raise UserError(f"{self._path}: the weights {name!r} are not finite numbers; the training has diverged")
        return tensor.float()

    def _check_shapes(self, network: ForeignUNet) -> None:
        first, last = network.downs[0].weight, network.ups[0].weight
        if first.dim() != 4 or last.dim() != 4:
            raise UserError(f"{self._path}: its outermost layers are not convolutions of images")
        widths = [network.width * min(2**level, 8) for level in range(network.depth)]
        above = [network.in_channels, *widths[:-1]]
        below = [network.out_channels, *widths[:-1]]
        for level, (down, up) in enumerate(zip(network.downs, network.ups, strict=True)):
            into = widths[level] * (1 if level == network.depth - 1 else 2)
            for layer, shape, channels in (
                (down, (widths[level], above[level], 4, 4), widths[level]),
                (up, (into, below[level], 4, 4), below[level]),
            ):
                if layer.weight.shape != shape:
                    raise UserError(
                        f"{self._path}: a layer at the depth {level} has weights of {tuple(layer.weight.shape)}, where "
                        f"{shape} belong; only --netG unet_128 and unet_256 are supported"
                    )
                vectors = [layer.bias] if layer.bias is not None else []
                if any(vector.shape != (channels,) for vector in [*vectors, *(layer.norm or {}).values()]):
                    raise UserError(
                        f"{self._path}: biases or statistics at the depth {level} are not {channels} numbers"
                    )


def _norm(downs: list[Layer], ups: list[Layer]) -> NormName:
    """Say which norm there is; instance norm has no numbers, but with it alone all convolutions have biases."""
    if any(layer.norm for layer in (*downs, *ups)):
        return "batch"
    return "instance" if downs[0].bias is not None else "none"
