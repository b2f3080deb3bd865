"""`pairloom evaluate` and `pairloom translate`."""

import json
from pathlib import Path
from typing import get_args

from pairloom.cli.parsing import Parser


def evaluate(words: list[str]) -> None:
    """Score a model."""
    from pairloom.config import Direction, LayoutName

    parser = Parser("evaluate", description="Score a model on the pairs of a split; void pixels are left out.")
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder or model folder")
    parser.add_argument("data", metavar="DATA", type=Path, nargs="?", help="folder with the pairs (default: the run's)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="default: val")
    parser.add_argument(
        "--at",
        choices=("size", "native"),
        default="size",
        help="score at the model's size (default) or at each image's own",
    )
    parser.add_argument("--layout", choices=get_args(LayoutName), default="auto", help="of DATA (default: auto)")
    parser.add_argument("--direction", choices=get_args(Direction), help="of the translation (default: the run's)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(words)

    from pairloom.api import evaluate
    from pairloom.tables import print_scores

    scores = evaluate(
        options.run,
        options.data,
        split=options.split,
        at=options.at,
        device=options.device,
        layout=options.layout,
        direction=options.direction,
    ).to_record()
    if options.json:
        print(json.dumps(scores))
        return
    print(f"{scores['pairs']} pairs of the split {scores['split']}")
    print_scores({"": scores})


def translate(words: list[str]) -> None:
    """Translate image files."""
    parser = Parser("translate", description="Translate photographs to colour-coded segmentations.")
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder or model folder")
    parser.add_argument("inputs", metavar="INPUT", type=Path, nargs="+", help="images, or folders of images")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to be made")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    options = parser.parse_args(words)

    from pairloom.inference.translator import translate

    written = translate(options.run, options.inputs, options.out, options.device)
    print(f"{len(written)} written to {options.out}, at the size at which the model was trained")
