"""What the networks of a config look like, without making their weights."""

import torch
from torch import Tensor, nn

from pairloom.config import ModelConfig, Size
from pairloom.models.layers import count_numbers
from pairloom.models.translation import TranslationModel, build_discriminator
from pairloom.palette import Palette


def summarise(config: ModelConfig, palette: Palette, size: Size) -> str:
    """Describe both networks of a resolved config: how many numbers each holds, and the shape after each block.

    Numbers are parameters and batch-norm statistics. Shapes are channels × height × width for one pair of this size.
    """
    meta = torch.device("meta")
    generator = TranslationModel.build(config, palette, size, meta).generator
    discriminator = build_discriminator(config).to(meta)
    source, target = (torch.empty(1, 3, *size, device=meta) for _ in range(2))
    # Evaluation mode: instance norm refuses 1×1 maps while training, as it would in the run; here shapes are asked.
    blocks = _shapes(generator.eval(), ("encoder", "bottleneck", "decoder", "head"), source)
    layers = _shapes(discriminator.eval(), ("layers",), source, target, kinds=(nn.Conv2d,))
    return "\n".join(
        [
            f"generator      {count_numbers(generator):>12,} numbers",
            *blocks,
            f"discriminator  {count_numbers(discriminator):>12,} numbers, "
            f"each answer sees {discriminator.receptive_field}×{discriminator.receptive_field} pixels",
            *layers,
        ]
    )


def _shapes(
    network: nn.Module, parts: tuple[str, ...], *inputs: Tensor, kinds: tuple[type[nn.Module], ...] = (nn.Module,)
) -> list[str]:
    """Run the network on inputs without contents and note the shape that each block of its parts gives."""
    lines = [f"  {'input':<14} {' and '.join(_shape(tensor) for tensor in inputs)}"]

    def note(name: str) -> None:
        block = network.get_submodule(name)
        block.register_forward_hook(lambda _block, _inputs, output: lines.append(f"  {name:<14} {_shape(output)}"))

    for part in parts:
        block = network.get_submodule(part)
        if isinstance(block, nn.ModuleList) or kinds != (nn.Module,):
            for name, child in block.named_children():
                if isinstance(child, kinds):
                    note(f"{part}.{name}")
        else:
            note(part)
    network(*inputs)
    return lines


def _shape(tensor: Tensor) -> str:
    return "×".join(str(side) for side in tensor.shape[1:])
