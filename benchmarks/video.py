"""How much steadier a video is translated than its frames alone.

    python benchmarks/video.py RUN DATA [--split val] [--scenes N] [--frames N] [--motion] [--json]

Still clips are made of evenly spread photographs of a split, with fresh Gaussian noise in every frame (standard
deviation 4 and 8 of 255), as a sensor in the dark makes it. With `--motion` all photographs of the split, which must
follow each other in time as CamVid's validation pairs do, are one more clip in the order of their names. Printed of
each kind of clip, frame by frame and steadied: the share of the pixels whose class is another one than in the frame
before, and the mean IoU over all frames, both at the photographs' own size.
"""

import argparse
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pairloom.evaluation.metrics import score
from pairloom.evaluation.splits import EvaluationSplit
from pairloom.images import Picture, UInt8Array
from pairloom.inference.options import TranslateOptions
from pairloom.inference.translator import Translator
from pairloom.palette import Palette
from pairloom.progress import track

SIGMAS = (4.0, 8.0)


def main() -> None:
    """Translate each clip twice, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--split", default="val")
    parser.add_argument("--scenes", type=int, default=20, help="still clips of each noise (default: 20)")
    parser.add_argument("--frames", type=int, default=15, help="of each still clip (default: 15)")
    parser.add_argument("--motion", action="store_true", help="the split's photographs follow each other in time")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()

    translator = Translator.load(options.run, options=TranslateOptions(device="cpu"))
    palette = translator.model.target.palette
    if palette is None:
        parser.error(f"{options.run}: translates to pictures, which have no classes that could flip")
    split = EvaluationSplit.open(options.run, translator.model, options.data, options.split)
    chosen = np.linspace(0, len(split) - 1, options.scenes).round().astype(int).tolist()
    rows = {}
    for sigma in SIGMAS:
        clips = [(noisy(split[i].source, sigma, options.frames), [split[i].target] * options.frames) for i in chosen]
        rows[f"still, noise {sigma:g}"] = compared(translator, palette, clips)
    if options.motion:
        pairs = [split[index] for index in range(len(split))]
        rows["motion"] = compared(translator, palette, [([p.source for p in pairs], [p.target for p in pairs])])

    print(f"{'':<16} {'flips alone':>12} {'steadied':>10} {'ratio':>7} {'mean IoU alone':>15} {'steadied':>10}")
    for name, row in rows.items():
        print(
            f"{name:<16} {row['flips alone']:12.5f} {row['flips steadied']:10.5f} {row['ratio']:7.3f}"
            f" {row['mean IoU alone']:15.4f} {row['mean IoU steadied']:10.4f}"
        )
    if options.json:
        print(json.dumps(rows))


def noisy(picture: Picture, sigma: float, count: int) -> list[Picture]:
    """Return a picture so many times, each with its own noise."""
    rng = np.random.default_rng(0)
    frames = (picture + rng.normal(0, sigma, picture.shape) for _ in range(count))
    return [frame.round().clip(0, 255).astype(np.uint8) for frame in frames]


def compared(
    translator: Translator, palette: Palette, clips: list[tuple[list[Picture], list[Picture]]]
) -> dict[str, float]:
    """Return flips and mean IoU over some clips, each frames and their truths, without steadying and with it."""
    row: dict[str, float] = {}
    for name, steady in (("alone", False), ("steadied", True)):
        chosen = Translator(translator.model, options=replace(translator.options, steady=steady))
        flips: list[float] = []
        scored: list[tuple[str, UInt8Array, Picture]] = []
        for number, (frames, truths) in enumerate(clips):
            before: UInt8Array | None = None
            translated = track(classes(chosen, frames), len(frames), f"{name}, clip {number + 1}")
            for ids, truth in zip(translated, truths, strict=True):
                if before is not None:
                    flips.append(float(np.mean(ids != before)))
                scored.append((f"{number}-{len(scored)}", ids, truth))
                before = ids
        row[f"flips {name}"] = float(np.mean(flips))
        row[f"mean IoU {name}"] = score(scored, palette, "val").mean_iou or 0.0
    return row | {"ratio": row["flips steadied"] / row["flips alone"]}


def classes(translator: Translator, frames: Iterable[Picture]) -> Iterator[UInt8Array]:
    """Yield the classes of each frame."""
    for translation in translator.frames(frames):
        if translation.classes is None:
            raise TypeError("the model knows no classes")
        yield translation.classes


if __name__ == "__main__":
    main()
