"""What the networks of a config look like, without making their weights."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from pairloom.config import ModelConfig, Size
from pairloom.data.image_spec import ImageSpec
from pairloom.models.layers import count_parameters
from pairloom.models.meta import META, on_meta
from pairloom.models.translation import TranslationModel, build_discriminator


def summarise(
    config: ModelConfig, source: ImageSpec, target: ImageSpec, size: Size, *, adversarial: bool = True
) -> str:
    """Describe the networks of a resolved config: how many parameters each has, and the shape after each block.

    Shapes are channels × height × width for one pair of this size. Without an adversarial loss no discriminator is
    trained, and none is described.
    """
    with on_meta() as meta:
        generator = TranslationModel.build(config, source, target, size, meta).generator
        discriminator = build_discriminator(config, source, target)
    pair = [torch.empty(1, side.channels, *size, device=META) for side in (source, target)]
    convolutions = {name: layer for name, layer in discriminator.named_modules() if isinstance(layer, nn.Conv2d)}
    field = discriminator.receptive_field
    lines = [
        f"generator      {count_parameters(generator):>12,} parameters",
        *_shapes(generator, _blocks(generator), pair[0]),
    ]
    if adversarial:
        lines += [
            f"discriminator  {count_parameters(discriminator):>12,} parameters, each logit sees {field}×{field} pixels",
            *_shapes(discriminator, convolutions, *pair),
        ]
    return "\n".join(lines)


def _blocks(network: nn.Module) -> dict[str, nn.Module]:
    """Return a network's children by name, lists of blocks opened."""
    blocks: dict[str, nn.Module] = {}
    for name, child in network.named_children():
        if isinstance(child, nn.ModuleList):
            blocks |= {f"{name}.{index}": block for index, block in enumerate(child)}
        else:
            blocks[name] = child
    return blocks


def _shapes(network: nn.Module, blocks: Mapping[str, nn.Module], *inputs: Tensor) -> list[str]:
    """Run the network on inputs without contents and note the shape that each block gives."""
    lines = [f"  {'input':<14} {' and '.join(_shape(tensor) for tensor in inputs)}"]

    def note(name: str, output: Tensor | list[Tensor]) -> None:
        maps = output if isinstance(output, list) else [output]
        lines.append(f"  {name:<14} {', '.join(map(_shape, maps))}")

    for name, block in blocks.items():
        block.register_forward_hook(lambda _block, _inputs, output, name=name: note(name, output))
    network(*inputs)
    return lines


def _shape(tensor: Tensor) -> str:
    return "×".join(str(side) for side in tensor.shape[1:])
