"""How much a translation in tiles differs from that of the whole image.

    python benchmarks/tiles.py RUN CAMVID [--split val] [--pairs N] [--enlarge HxW] [--scale 4] [--tile 256] [--json]

The pictures of a split are enlarged, and translated whole and in tiles at the same scale. Printed are the share of the
pixels on which both agree (over all pictures, and of the worst one), the mean IoU of either, the seconds a picture, and
the most memory that either took above the loaded model.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np

from pairloom.config import Size
from pairloom.evaluation.metrics import score
from pairloom.evaluation.splits import EvaluationSplit
from pairloom.images import Picture, UInt8Array
from pairloom.inference.options import TranslateOptions
from pairloom.inference.translator import Translator


def main() -> None:
    """Translate every picture twice, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--pairs", type=int, help="so many, evenly spread (default: all)")
    parser.add_argument("--enlarge", type=Size.parse, default=Size(1440, 1920), metavar="HxW")
    parser.add_argument("--scale", type=float, default=4.0)
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()

    translators = {
        "whole": Translator.load(options.run, options=TranslateOptions(scale=options.scale, device="cpu")),
        "tiled": Translator.load(
            options.run, options=TranslateOptions(scale=options.scale, tile=options.tile, device="cpu")
        ),
    }
    model = translators["whole"].model
    palette = model.target.palette
    if palette is None:
        parser.error(f"{options.run}: translates to pictures, which have no classes to agree on")
    split = EvaluationSplit.open(options.run, model, options.data, options.split)
    chosen = np.linspace(0, len(split) - 1, min(options.pairs or len(split), len(split))).round().astype(int)
    results: dict[str, list[tuple[str, UInt8Array, Picture]]] = {name: [] for name in translators}
    seconds, memory = dict.fromkeys(translators, 0.0), dict.fromkeys(translators, 0.0)
    agreements = []
    for index in chosen:
        pair = split[int(index)].resized(options.enlarge)
        for name, translator in translators.items():
            classes, taken, above = measured(translator, pair.source)
            seconds[name] += taken / len(chosen)
            memory[name] = max(memory[name], above)
            results[name].append((pair.name, classes, pair.target))
        whole, tiled = (result[-1][1] for result in results.values())
        agreements.append(float(np.mean(whole == tiled)))
    scores = {name: score(result, palette, options.split).mean_iou for name, result in results.items()}
    row: dict[str, float | None] = {
        "pairs": len(chosen),
        "network's height": translators["whole"].seen(options.enlarge).height,
        "network's width": translators["whole"].seen(options.enlarge).width,
        "tile": options.tile,
        "agreement": float(np.mean(agreements)),
        "agreement, worst picture": min(agreements),
        "mean IoU whole": scores["whole"],
        "mean IoU tiled": scores["tiled"],
    }
    for name in translators:
        row |= {f"seconds {name}": seconds[name], f"memory {name}, MB": memory[name]}
    for name, value in row.items():
        print(f"{name:<26} {value:12.5g}")
    if options.json:
        print(json.dumps(row))


def measured(translator: Translator, picture: Picture) -> tuple[UInt8Array, float, float]:
    """Return a picture's classes, the seconds that they took, and by how many MB the process grew meanwhile."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak starts from what is held now
    before, started = _held("VmRSS"), time.perf_counter()
    classes = translator(picture).classes
    if classes is None:
        raise TypeError("the model knows no classes")
    return classes, time.perf_counter() - started, _held("VmHWM") - before


def _held(name: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024


if __name__ == "__main__":
    main()
