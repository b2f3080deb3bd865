"""`pairloom evaluate`, `pairloom compare` and `pairloom translate`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pairloom.cli.parsing import Parser
from pairloom.errors import UserError

if TYPE_CHECKING:
    from pairloom.inference.image_files import TranslatedFiles
    from pairloom.inference.ray_engine import TranslatedAddresses

TTA_HELP = "average the answers to each image and to its mirror image (test-time augmentation), in twice the time"


def evaluate(words: list[str]) -> None:
    """Score a model."""
    from pairloom.config import Direction, LayoutName

    parser = Parser("evaluate", description="Score a model on the pairs of a split; void pixels are left out.")
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder, model folder, or USER/NAME on a hub")
    parser.add_argument("data", metavar="DATA", type=Path, nargs="?", help="folder with the pairs (default: the run's)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="default: val")
    parser.add_argument(
        "--at",
        choices=("size", "native"),
        default="size",
        help="score at the model's size (default) or at each image's own",
    )
    parser.add_argument("--tta", action="store_true", help=TTA_HELP)
    parser.add_argument("--boundaries", action="store_true", help="score the outlines of classes as well (boundary F1)")
    parser.add_argument("--layout", choices=get_args(LayoutName), default="auto", help="of DATA (default: auto)")
    parser.add_argument("--direction", choices=get_args(Direction), help="of the translation (default: the run's)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(words)

    from pairloom.api import evaluate
    from pairloom.cli.tables import print_scores

    scores = evaluate(
        options.run,
        options.data,
        split=options.split,
        at=options.at,
        boundaries=options.boundaries,
        tta=options.tta,
        device=options.device,
        layout=options.layout,
        direction=options.direction,
    ).to_record()
    if options.json:
        print(json.dumps(scores))
        return
    print(f"{scores['pairs']} pairs of the split {scores['split']}")
    print_scores({"": scores})


def compare(words: list[str]) -> None:
    """Compare models on the same pairs."""
    parser = Parser(
        "compare",
        description="Score runs on the same pairs, and tell what of their differences other pairs could undo:\n"
        "95 % intervals by a paired bootstrap. The others are compared with the first.",
    )
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="run folders or model folders, two or more")
    parser.add_argument("--data", metavar="DATA", type=Path, help="folder with the pairs (default: the first run's)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="default: val")
    parser.add_argument(
        "--at",
        choices=("size", "native"),
        help="score at the models' size (default where they share it) or at each image's own",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="page to be written (default: comparison.html; with --json none)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(words)

    from pairloom.api import compare
    from pairloom.cli.tables import print_comparison

    page = options.out or (None if options.json else Path("comparison.html"))
    comparison = compare(
        options.runs, options.data, split=options.split, at=options.at, device=options.device, page=page
    )
    if options.json:
        print(json.dumps(comparison.to_record()))
        return
    at = "the images' own size" if comparison.at == "native" else "the models' size"
    print(f"{len(comparison.pairs)} pairs of the split {options.split}, scored at {at}\n")
    print_comparison(comparison)
    print(f"Page: {page}")


def translate(words: list[str]) -> None:
    """Translate image files."""
    parser = Parser(
        "translate",
        description="Translate images as the model has learned to: photographs to colour-coded segmentations, say.\n"
        "Said again after it was stopped, it goes on. An image that cannot be read is named and left out.",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder, model folder, or USER/NAME on a hub")
    parser.add_argument("inputs", metavar="INPUT", nargs="+", help="images, or folders of images")
    parser.add_argument("--out", metavar="DIR", required=True, help="folder to be made")
    parser.add_argument("--tta", action="store_true", help=TTA_HELP)
    parser.add_argument(
        "--shard", metavar="i/n", help="translate the i-th of n parts of the images, for jobs that share --out"
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: by Ray Data, on this machine or on the cluster that RAY_ADDRESS names; INPUT, sub-folders included, "
        "and --out may then be addresses such as s3://bucket/photos (default: local)",
    )
    options = parser.parse_args(words)
    far = next((place for place in (*options.inputs, options.out) if "://" in place), None)
    if far and options.engine != "ray":
        raise UserError(f"{far}: is an address; say --engine ray as well")

    result = _engine(options.engine)(
        options.run,
        options.inputs,
        options.out,
        options.device,
        tta=options.tta,
        shard=options.shard,
        say=lambda line: print(f"pairloom: {line}", file=sys.stderr),
    )
    before = f" ({result.there} were there before)" if result.there else ""
    if result.written or result.there:
        print(f"{len(result.written)} written to {options.out}{before}, at the size at which the model was trained")
    if result.skipped:
        raise UserError(f"{len(result.skipped)} of the images could not be translated and were left out, as said above")


def _engine(name: str) -> "Callable[..., TranslatedFiles | TranslatedAddresses]":
    """Return what translates."""
    if name == "ray":
        from pairloom.inference.ray_engine import translate_addresses

        return translate_addresses
    from pairloom.inference.image_files import translate

    return translate
