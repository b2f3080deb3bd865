"""`pairloom evaluate`, `pairloom compare` and `pairloom translate`."""

import json
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pairloom.cli.parsing import Parser
from pairloom.cli.terminal import printable
from pairloom.errors import UserError
from pairloom.files import require_place

if TYPE_CHECKING:
    from pairloom.inference.image_files import TranslatedFiles
    from pairloom.inference.options import TranslateOptions

TTA_HELP = "test-time augmentation: average over the image and its mirror image, in twice the time"
FORM_HELP = {
    "overlay": "write the translation blended with the image",
    "classes": "write index maps: one class value per pixel (for Cityscapes its labelIds)",
    "side-by-side": "write the image and its translation side by side",
}


def evaluate(words: list[str]) -> None:
    """Score a model."""
    from pairloom.config import Direction, LayoutName

    parser = Parser(
        "evaluate",
        description="Score a model on the pairs of a split; void pixels are ignored.",
        epilog="example: pairloom evaluate runs/first --split test --json",
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder, model folder, or USER/NAME on the Hub")
    parser.add_argument(
        "data", metavar="DATA", type=Path, nargs="?", help="data folder or manifest (default: the run's)"
    )
    parser.add_argument(
        "--split", choices=("train", "val", "test"), default="val", help="split to score (default: val)"
    )
    parser.add_argument(
        "--at",
        choices=("size", "native"),
        default="size",
        help="size of the scored images: the model's (default) or each image's own",
    )
    parser.add_argument("--tta", action="store_true", help=TTA_HELP)
    parser.add_argument("--boundaries", action="store_true", help="also score class outlines (boundary F1)")
    parser.add_argument("--layout", choices=get_args(LayoutName), default="auto", help="layout of DATA (default: auto)")
    parser.add_argument(
        "--direction", choices=get_args(Direction), help="direction of the translation (default: the run's)"
    )
    _add_device(parser)
    parser.add_argument(
        "--csv", metavar="FILE", type=Path, help="write the scores of each image as well, the worst image first"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(words)
    if options.csv:
        require_place(options.csv, "images.csv")

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
    )
    if options.csv:
        from pairloom.evaluation.image_scores import write_image_scores

        write_image_scores(options.csv, scores)
    record = scores.to_record()
    if options.json:
        print(json.dumps(record))
        return
    print(f"{record['pairs']} pairs of the split {record['split']}")
    print_scores({"": record})
    if options.csv:
        print(f"\nScores of each image: {options.csv}")


def compare(words: list[str]) -> None:
    """Compare models on the same pairs."""
    parser = Parser(
        "compare",
        description="Score runs on the same pairs and test their differences from the first run for significance\n"
        "(95 % intervals, paired bootstrap).",
        epilog="example: pairloom compare runs/first runs/second",
    )
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="run folders or model folders, two or more")
    parser.add_argument("--data", metavar="DATA", type=Path, help="data folder or manifest (default: the first run's)")
    parser.add_argument(
        "--split", choices=("train", "val", "test"), default="val", help="split to score (default: val)"
    )
    parser.add_argument(
        "--at",
        choices=("size", "native"),
        help="size of the scored images: the models' (default if equal) or each image's own",
    )
    _add_device(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="HTML page to write (default: comparison.html; with --json none)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(words)

    from pairloom.api import compare
    from pairloom.cli.tables import print_comparison, print_settings
    from pairloom.run import known_experiment
    from pairloom.setting_changes import differing_settings

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
    settings = differing_settings([known_experiment(path) for path in options.runs])
    print_settings([run.name for run in comparison.runs], settings)
    print(f"Page: {page}")


def _add_device(parser: Parser) -> None:
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to run (default: auto)"
    )


def add_translator_options(parser: Parser) -> None:
    """Add the options of a translation that `translate` and `serve` share."""
    parser.add_argument(
        "--scale", type=float, default=1.0, help="input scale relative to the training size (default: 1)"
    )
    parser.add_argument(
        "--tile",
        type=int,
        metavar="PIXELS",
        help="split a larger network input into tiles of this side, for less memory (default: no tiles)",
    )
    parser.add_argument("--tta", action="store_true", help=TTA_HELP)
    _add_device(parser)


def translate_options(parsed: Namespace) -> "TranslateOptions":
    """Return the `TranslateOptions` among the arguments."""
    from pairloom.inference.options import TranslateOptions

    names = [field.name for field in fields(TranslateOptions)]
    return TranslateOptions(**{name: value for name, value in vars(parsed).items() if name in names})


def translate(words: list[str]) -> None:
    """Translate image files and videos."""
    parser = Parser(
        "translate",
        description="Translate images and videos, each at its own size. Run again after a stop, it continues.\n"
        "Unreadable files are named and skipped.",
        epilog="example: pairloom translate runs/first photo.jpg photos --out translated",
    )
    parser.add_argument(
        "run", metavar="RUN", type=Path, help="run folder, model folder, ONNX file, or USER/NAME on the Hub"
    )
    parser.add_argument(
        "inputs",
        metavar="INPUT",
        nargs="+",
        help="images, videos, folders (including subfolders), or patterns such as 'photos/**/*.jpg'",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        required=True,
        help="output folder; - writes the translation of one image to standard output, as PNG",
    )
    forms = parser.add_mutually_exclusive_group()
    for form, text in FORM_HELP.items():
        spellings = {f"--{form}", f"--{form.replace('-', '_')}"}
        forms.add_argument(*sorted(spellings), dest="form", action="store_const", const=form, help=text)
    parser.set_defaults(form="translation")
    add_translator_options(parser)
    parser.add_argument(
        "--backend",
        choices=("torch", "onnx"),
        help="onnx: run the model with ONNX Runtime on the CPU; other models are converted first, each time "
        "(default: onnx for an ONNX file, else torch)",
    )
    parser.add_argument(
        "--no-steady",
        dest="steady",
        action="store_false",
        help="translate each video frame by itself, without temporal smoothing",
    )
    parser.add_argument(
        "--shard", metavar="i/n", help="translate the i-th of n parts of the images, for jobs that share --out"
    )
    parser.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="ray: run with Ray Data on this machine, or on the cluster of RAY_ADDRESS; INPUT and --out may then be "
        "URLs such as s3://bucket/photos (default: local)",
    )
    parsed = parser.parse_args(words)
    far = next((place for place in (*parsed.inputs, parsed.out) if "://" in place), None)
    if far and parsed.engine != "ray":
        raise UserError(f"{far}: is a URL; add --engine ray")
    if parsed.out == "-":
        if parsed.engine == "ray":
            parser.error("--engine ray writes to no standard output")
        if parsed.shard:
            parser.error("--shard needs a folder as --out")
        if sys.stdout.isatty():
            parser.error("--out - writes a PNG file to standard output; redirect it to a file or a program")
    options = translate_options(parsed)

    def log(line: str) -> None:
        print(f"pairloom: {printable(line)}", file=sys.stderr)

    if parsed.out == "-":
        from pairloom.inference.image_files import translate_one

        contents = translate_one(parsed.run, parsed.inputs, options=options, log=log)
        sys.stdout.buffer.write(contents)
        return
    result = _engine(parsed.engine)(parsed.run, parsed.inputs, parsed.out, options=options, shard=parsed.shard, log=log)
    before = f" ({result.there} were there before)" if result.there else ""
    if result.written or result.there:
        print(f"{len(result.written)} written to {parsed.out}{before}")
    if result.skipped:
        count = len(result.skipped)
        raise UserError(f"{count} image{'s' * (count > 1)} skipped (reason{'s' * (count > 1)} above)")


def _engine(name: str) -> "Callable[..., TranslatedFiles[Any]]":
    """Return the function that translates by `local` or `ray`."""
    if name == "ray":
        from pairloom.cluster.ray_engine import translate_remote

        return translate_remote
    from pairloom.inference.image_files import translate

    return translate
