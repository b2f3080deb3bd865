"""What both networks are built of: normalisation by name, initial weights, frozen batch statistics, checkpointing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from pairloom.config import NormName

GROUPS = 8
"""Channel groups of group norm (fewer where the channels cannot be divided so)."""


@dataclass(frozen=True)
class Norm:
    """A normalisation and its numbers, built for any number of channels by calling it.

    `epsilon` is added to the variance; `momentum` is the new batch's share in batch norm's running statistics.
    Instance and group norm treat training and use alike; batch norm does not.
    """

    name: NormName
    epsilon: float = 1e-5
    momentum: float = 0.1

    def __call__(self, channels: int) -> nn.Module:
        """Return the layer for this many channels."""
        layers: dict[NormName, Callable[[], nn.Module]] = {
            "batch": lambda: nn.BatchNorm2d(channels, self.epsilon, self.momentum),
            "instance": lambda: nn.InstanceNorm2d(channels, self.epsilon, affine=True),
            "group": lambda: nn.GroupNorm(_groups(channels), channels, self.epsilon),
            "none": nn.Identity,
        }
        return layers[self.name]()


def _groups(channels: int) -> int:
    return max(groups for groups in range(1, GROUPS + 1) if channels % groups == 0)


def initialize_weights(network: nn.Module) -> None:
    """Draw all convolution weights from N(0, 0.02²), as the pix2pix paper does (Isola et al., 2017, 6.2).

    Biases start at 0 and norms at scale 1 and shift 0: Keras's defaults, which the original keeps.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


@contextmanager
def frozen_batch_stats(network: nn.Module) -> Iterator[None]:
    """Inside the block, batch norm in training mode uses its batch's statistics and records none of them.

    So that a pass made for the other network's update, for validation or for a picture leaves this network as it was.
    """
    kept = [
        (layer, name, buffer)
        for layer in network.modules()
        if isinstance(layer, nn.BatchNorm2d)
        for name, buffer in layer.named_buffers()
    ]
    # They are recorded in copies, so that autograd saves as many tensors as of a pass that counts: `checkpointed`.
    for layer, name, buffer in kept:
        setattr(layer, name, buffer.clone())
    try:
        yield
    finally:
        for layer, name, buffer in kept:
            setattr(layer, name, buffer)


def checkpointed(network: nn.Module, *inputs: Tensor) -> Any:
    """Call a network and keep its inputs alone; the backward pass computes again what it needs of the rest.

    Activation checkpointing (T. Chen et al., 2016, arXiv:1604.06174). The second pass draws the same dropout and
    records no statistics of batch norm, so that gradients and network are those of an ordinary call, bit for bit.
    """
    return checkpoint(
        network, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), frozen_batch_stats(network))
    )


def pad_to_stride(x: Tensor, stride: int) -> Tensor:
    """Pad B×C×H×W at the right and the bottom to multiples of the stride: by reflection, or where the side is too short
    for that by repeating its last pixel."""
    height, width = x.shape[-2:]
    for side, pad, pads in ((width, -width % stride, (1, 0)), (height, -height % stride, (0, 1))):
        if pad:
            sides = (0, pad * pads[0], 0, pad * pads[1])
            x = F.pad(x, sides, mode="reflect" if pad < side else "replicate")
    return x


def count_parameters(network: nn.Module) -> int:
    """Count a network's parameters, batch norm's running statistics included."""
    state = network.state_dict()
    return sum(tensor.numel() for name, tensor in state.items() if not name.endswith("num_batches_tracked"))
