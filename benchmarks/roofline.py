"""How near each layer of a training step comes to what the machine can do.

    python benchmarks/roofline.py [--device cpu] [--preset seed] [--size 256] [--width 64] [--batch 1]
        [--precision 32-true] [--json]

For each convolution of both networks, by itself: the operations and bytes of a pass forward and of one backward (for
its input and its weights), the time that they take, and the time that they would take at the machine's measured matrix
rate or copy rate, whichever is longer. A layer whose share of that floor is high has nothing left to gain.
"""

import argparse
import json
import os
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from pairloom.allocator import keep_freed_memory
from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.models.convolution import ResizeConv2d
from pairloom.models.translation import TranslationModel, build_discriminator
from pairloom.palette import CITYSCAPES
from pairloom.settings import load_experiment
from rates import best_seconds, copy_rate, matrix_rate


class Layer(NamedTuple):
    """A convolution, and what it was given."""

    name: str
    module: nn.Module
    x: Tensor
    y: Tensor


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--preset", choices=("seed", "recommended"), default="seed")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    device = torch.device(options.device)
    keep_freed_memory()
    rate, bandwidth = matrix_rate(device, options.precision), copy_rate(device)
    rows = [row(layer, device, options.precision, rate, bandwidth) for layer in layers(options, device)]
    print(f"{'layer':<28}{'input':>14}{'GFLOP':>8}{'MB':>8}{'ms':>9}{'floor ms':>10}{'of floor':>10}")
    for entry in rows:
        name, shape, *numbers = entry.values()
        print(f"{name:<28}{shape:>14}{{:>8.2f}}{{:>8.1f}}{{:>9.2f}}{{:>10.2f}}{{:>10.0%}}".format(*numbers))
    total, floor = (sum(float(str(entry[name])) for entry in rows) for name in ("ms", "floor_ms"))
    print(f"{'together':<58}{total:>9.2f}{floor:>10.2f}{floor / total:>10.0%}")
    print(f"matrix rate {rate / 1e9:.0f} GFLOP/s, copy rate {bandwidth / 1e9:.1f} GB/s, {os.cpu_count()} cores")
    if options.json:
        print(json.dumps({"rows": rows, "gflops": rate / 1e9, "gb_a_second": bandwidth / 1e9}))


def layers(options: argparse.Namespace, device: torch.device) -> list[Layer]:
    """Run both networks once, and return their convolutions with what each was given."""
    settings = {"size": options.size, "model.width": options.width, "model.discriminator": "patch70"}
    experiment = load_experiment(options.preset, settings=settings).resolved()
    source, target = ImageSpec(3), ImageSpec(3, palette=CITYSCAPES)
    model = TranslationModel.build(experiment.model, source, target, Size(options.size, options.size), device)
    discriminator = build_discriminator(experiment.model, source, target).to(device)
    found: list[Layer] = []
    hooks: list[RemovableHandle] = []

    def listen(name: str, network: nn.Module) -> None:
        for path, module in network.named_modules():
            if not isinstance(module, nn.Conv2d | nn.ConvTranspose2d | ResizeConv2d):
                continue

            def note(module: nn.Module, given: tuple[Tensor, ...], y: Tensor, path: str = path) -> None:
                if found and found[-1].y is y:  # the convolution in a layer that enlarges first
                    found.pop()
                found.append(Layer(f"{name} {path}", module, given[0].detach(), y))

            hooks.append(module.register_forward_hook(note))

    listen("G", model.generator)
    listen("D", discriminator)
    picture = torch.rand(options.batch, 3, options.size, options.size, device=device)
    with torch.no_grad():
        model.generator(picture)
        discriminator(picture, picture)
    for hook in hooks:
        hook.remove()
    return found


def row(layer: Layer, device: torch.device, precision: str, rate: float, bandwidth: float) -> dict[str, object]:
    """Time a layer's pass forward and backward, and lay beside it what the machine would need at the least."""
    x, weight = layer.x.clone().requires_grad_(), next(layer.module.parameters())
    kind = torch.float32 if precision == "32-true" else torch.bfloat16
    gradient = torch.randn_like(layer.y)

    def work() -> object:
        with torch.autocast(device.type, kind, enabled=precision != "32-true"):
            y = layer.module(x)
        return torch.autograd.grad(y, (x, weight), gradient.to(y.dtype))

    seconds = best_seconds(work, device)
    taps = weight[0, 0].numel()
    small = layer.x if isinstance(layer.module, nn.ConvTranspose2d) else layer.y
    channels = weight.shape[0] * weight.shape[1]
    operations = 3 * 2 * taps * channels * len(small) * small.shape[-2] * small.shape[-1]
    # Forward x and weights read, y written; backward the same again for each of the two gradients.
    moved = 3 * kind.itemsize * (layer.x.numel() + layer.y.numel() + weight.numel())
    floor = max(operations / rate, moved / bandwidth)
    return {
        "layer": layer.name,
        "input": "×".join(map(str, layer.x.shape[1:])),
        "gflop": operations / 1e9,
        "megabytes": moved / 1e6,
        "ms": 1e3 * seconds,
        "floor_ms": 1e3 * floor,
        "share": floor / seconds,
    }


if __name__ == "__main__":
    main()
