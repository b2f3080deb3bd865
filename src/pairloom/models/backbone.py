"""Backbones of Hugging Face transformers as encoders."""

import re

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pairloom.errors import UserError
from pairloom.models.backbone_description import BackboneDescription, pyramid
from pairloom.models.backbone_files import backbone_folder
from pairloom.models.encoder import Encoder
from pairloom.models.transformers_classes import explained, network_class, quiet

_UNLOADED = re.compile(r"(^|\.)hidden_states_norms\.|\.num_batches_tracked$")
"""Tensors that weights of a classifier lack: norms of single maps, which begin at the identity, and counters."""


class Backbone(Encoder):
    """A backbone of transformers, which always works as in use: fixed statistics, no dropout.

    It sees the source at about twice its size, `ENLARGEMENT`. Maps at strides of 4 to 32 of that are at 2 to 16 of the
    source. The maps of a plain vision transformer, all of one size, are resized bilinearly to such a pyramid, those of
    its first layers to the finest; the source is enlarged so that a patch is a power of two of its pixels (16: twice,
    14: 1.75 times). A backbone that takes squares of one size alone sees the source resized to that.

    Args:
        description: what is built.
        in_channels: channels of the source; where the backbone has others, a learned 1×1 convolution brings them to its
            own, and begins as their mean.
        name: the setting `model.encoder`, by which the weights are found.

    Raises:
        UserError: if the description is wrong, or transformers is not installed.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, description: BackboneDescription, in_channels: int, name: str) -> None:
        super().__init__()
        self.levels = None
        self._description, self._name = description, name
        config, build = network_class(description.config)
        with quiet(), explained("model.backbone"):
            config.out_features = list(description.stages)
            self.network: nn.Module = build(config)
        for layer in self.network.modules():
            if isinstance(layer, nn.Conv2d):
                layer.register_forward_pre_hook(_laid_out_anew)
        self._enlargement, self.strides, used = pyramid(description)
        self._resized = description.side is not None or len(set(description.strides)) < len(description.strides)
        self._first = len(description.stages) - used
        self.channels = description.channels[self._first :]
        colours = description.colours
        self.colours = nn.Identity() if in_channels == colours else nn.Conv2d(in_channels, colours, 1, bias=False)
        if isinstance(self.colours, nn.Conv2d):
            nn.init.constant_(self.colours.weight, 1 / in_channels)
        for buffer, values in (("mean", description.mean), ("std", description.std)):
            self.register_buffer(buffer, torch.tensor(values).reshape(1, -1, 1, 1), persistent=False)
        self.train()

    def train(self, mode: bool = True) -> "Backbone":
        """Stay in use: batches would change the statistics, and dropout and the like the results."""
        return super().train(False)

    def forward(self, source: Tensor) -> list[Tensor]:
        """Turn B×C×H×W in [-1, 1] into maps, the finest first."""
        height, width = source.shape[-2:]
        x = ((self.colours(source) + 1) / 2 - self.mean) / self.std
        more, less = self._enlargement.as_integer_ratio()
        side = self._description.side
        size = (side, side) if side is not None else (height * more // less, width * more // less)
        x = F.interpolate(x, size=size, mode="bilinear", align_corners=False)
        maps = list(self.network(pixel_values=x).feature_maps[self._first :])
        if self._resized:
            for index, stride in enumerate(self.strides):
                size = (height // stride, width // stride)
                maps[index] = F.interpolate(maps[index], size=size, mode="bilinear", align_corners=False)
        return maps

    def load_pretrained(self) -> None:
        """Take the weights from the hub or the folder that `model.encoder` names.

        Raises:
            UserError: if they cannot be had, or do not fit the description.
        """
        folder = backbone_folder(self._name)
        config, build = network_class(self._description.config)
        config.out_features = list(self._description.stages)
        with quiet(), explained(f"model.encoder {self._name}"):
            loaded, found = build.from_pretrained(
                folder,
                config=config,
                dtype=torch.float32,
                use_safetensors=True,
                local_files_only=True,
                output_loading_info=True,
            )
        missing = sorted(key for key in found["missing_keys"] if not _UNLOADED.search(key))
        wrong = sorted(str(key) for key in found["mismatched_keys"])
        if missing or wrong:
            raise UserError(
                f"model.encoder {self._name}: its weights do not fit its config.json "
                f"({len(missing)} tensors missing, {len(wrong)} of other shapes, such as {[*missing, *wrong][0]}); "
                "choose another backbone"
            )
        self.network.load_state_dict(loaded.state_dict())


def _laid_out_anew(_layer: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor] | None:
    """While a program is traced, copy what a convolution gets: its layout would bind the program to one batch size."""
    return (inputs[0].clone(memory_format=torch.contiguous_format),) if torch.compiler.is_compiling() else None
