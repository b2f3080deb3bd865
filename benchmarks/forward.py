"""How fast a picture is translated, beside the same network made of PyTorch's own layers.

    python benchmarks/forward.py [--device cpu] [--preset recommended] [--size 256] [--width 64] [--batch 1] [--json]

Both sides have the same weights (the run looks that they give the same answer) and are timed in turn in one process.
`ratio` is the seconds of the plain network's pass over those of Pairloom's, each with the memory of the process as that
side has it.
"""

import argparse
import copy
import json
import platform
import statistics

import torch
from torch import nn

from pairloom.allocator import keep_freed_memory
from pairloom.config import Size
from pairloom.data.image_spec import ImageSpec
from pairloom.models.convolution import Conv2d, ConvTranspose2d, ResizeConv2d
from pairloom.models.translation import TranslationModel
from pairloom.palette import CITYSCAPES
from pairloom.settings import load_experiment
from rates import Timed, as_glibc_does

PLAIN: dict[type[nn.Module], type[nn.Module]] = {
    Conv2d: nn.Conv2d,
    ConvTranspose2d: nn.ConvTranspose2d,
    ResizeConv2d: nn.Sequential,
}
"""What stands in place of each of Pairloom's layers."""


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--preset", choices=("seed", "recommended"), default="recommended")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    row = measure(options, torch.device(options.device))
    for name, value in row.items():
        print(f"{name:<28}{value:.4g}" if isinstance(value, float) else f"{name:<28}{value}")
    if options.json:
        print(json.dumps(row))


@torch.inference_mode()
def measure(options: argparse.Namespace, device: torch.device) -> dict[str, object]:
    """Return the row of the table."""
    settings = {"size": options.size, "model.width": options.width}
    experiment = load_experiment(options.preset, settings=settings).resolved()
    size = Size(options.size, options.size)
    model = TranslationModel.build(experiment.model, ImageSpec(3), ImageSpec(3, palette=CITYSCAPES), size, device)
    ours = model.generator.eval()
    plain = as_plain(ours)
    picture = torch.rand(options.batch, 3, *size, device=device) * 2 - 1
    torch.testing.assert_close(ours(picture), plain(picture), rtol=1e-3, atol=1e-4)

    sides = (
        Timed("plain", lambda: plain(picture), as_glibc_does),
        Timed("pairloom", lambda: ours(picture), keep_freed_memory),
    )
    for _ in range(options.rounds):
        for side in sides:
            side.time(3, device)
    ratios = [slow / quick for slow, quick in zip(*(side.seconds for side in sides), strict=True)]
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "cpu",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "preset": options.preset,
        "size": options.size,
        "width": options.width,
        "batch": options.batch,
        "ratio": statistics.median(ratios),
        "ratio_smallest": min(ratios),
        "ratio_largest": max(ratios),
        **{f"seconds: {side.name}": statistics.median(side.seconds) for side in sides},
    }


def as_plain(network: nn.Module) -> nn.Module:
    """Return a copy of a network that is made of PyTorch's own layers, with the same weights."""
    plain = copy.deepcopy(network)
    for layer in plain.modules():
        layer.__class__ = PLAIN.get(type(layer), type(layer))
    return plain


if __name__ == "__main__":
    main()
