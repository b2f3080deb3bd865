"""`pairloom check` and `pairloom data`."""

import json
from collections.abc import Callable
from pathlib import Path

from pairloom.cli.parsing import Parser, flags, split_settings
from pairloom.cli.terminal import printable
from pairloom.errors import UserError

DATA_KINDS = ("streets", "camvid")
"""The data sets that `data` generates or fetches."""

TO_NAME = """\
Name the classes, then train with --data.palette FILE.
Void pixels have no class and are not scored; void is drawn in its first colour, which need not occur in your pictures.
If a class below is not a class (borders, unlabelled pixels), move its colour to void."""
"""Comment in a palette written by `--write-palette`."""


def check(words: list[str]) -> int:
    """Check every pair of a data set; return 0, or 2 if there are problems."""
    from pairloom.settings import load_experiment, option_names

    parser = Parser(
        "check",
        option_names("data."),
        usage="pairloom check DATA [--out FILE] [--json] [--write-palette FILE] [--data.field VALUE ...]",
        description="Check every pair of a data set and name each problem with its file.\n"
        "Accepts the settings of the section data (pairloom train --help-all). Exit code 2 if there are problems.",
        epilog="example: pairloom check my-pairs --out pairs.html",
    )
    parser.add_argument("data", metavar="DATA", help="data folder or manifest file")
    parser.add_argument(
        "--out", metavar="FILE", type=Path, help="HTML page to write, with pictures of pairs, classes, problems"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--write-palette",
        metavar="FILE",
        type=Path,
        help="palette to write (YAML), for naming the classes; for --data.palette",
    )
    settings, rest = split_settings(words)
    options = parser.parse_args(rest)
    others = sorted(name for name in settings if not name.startswith("data."))
    if others:
        raise UserError(f"--{others[0]} is not a data setting; check accepts --data.field only")
    config = load_experiment(flags=flags({**settings, "data.root": options.data})).data

    from pairloom.allocator import return_freed_images
    from pairloom.cli.tables import print_check
    from pairloom.cpu import cpu_count
    from pairloom.data.check import check_pairs
    from pairloom.data.folder import PairFolder
    from pairloom.palette import write_palette

    if options.out:
        from pairloom.report.page import require_replaceable

        require_replaceable(options.out, "pairs.html")
    return_freed_images()
    folder = PairFolder.open(config)
    if options.write_palette:
        if folder.palette is None:
            raise UserError(f"{options.data}: targets are pictures without classes; leave out --write-palette")
        if options.write_palette.exists():
            raise UserError(f"{options.write_palette}: already exists; choose another file")
        write_palette(options.write_palette, folder.palette, TO_NAME)
    result = check_pairs(folder, processes=cpu_count())
    if options.out:
        from pairloom.report.check_page import write_check_page

        write_check_page(options.out, folder, result)
    if options.json:
        print(json.dumps({**result.to_record(), "notes": folder.notes}))
    else:
        print(folder.describe())
        for note in folder.notes:
            print(f"note: {printable(note)}")
        print_check(result, options.data)
        if options.out:
            print(f"page: {options.out}")
    return 2 if result.problems else 0


def data(words: list[str]) -> None:
    """Generate or fetch a data set."""
    kinds: dict[str, Callable[[list[str]], None]] = dict(zip(DATA_KINDS, (_streets, _camvid), strict=True))
    if words and words[0] in kinds:
        kinds[words[0]](words[1:])
        return
    parser = Parser(
        "data",
        usage="pairloom data {streets,camvid} --out DIR ...",
        description="Generate or fetch a data set; pairloom data KIND --help describes each.",
        epilog="example: pairloom data streets --out streets",
    )
    parser.add_argument("kind", choices=DATA_KINDS, help="streets: generated street scenes; camvid: real street video")
    parser.parse_args(words)


def _streets(words: list[str]) -> None:
    parser = Parser(
        "data streets",
        description="Generate street scenes: PNG files, photograph left, segmentation right.",
        epilog="example: pairloom data streets --out streets --size 128 --train-pairs 900 --val-pairs 60",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to create")
    parser.add_argument("--size", metavar="H[xW]", default="256", help="image size in pixels (default: 256)")
    parser.add_argument(
        "--train-pairs", metavar="N", type=int, default=300, help="number of training pairs (default: 300)"
    )
    parser.add_argument(
        "--val-pairs", metavar="N", type=int, default=100, help="number of validation pairs (default: 100)"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="seed of the scenes (default: 0)")
    options = parser.parse_args(words)

    from pairloom.config import Size
    from pairloom.streets import write_streets

    try:
        size = Size.parse(options.size)
    except ValueError as error:
        raise UserError(f"--size: {error}") from error
    write_streets(
        options.out, size=size, train_pairs=options.train_pairs, val_pairs=options.val_pairs, seed=options.seed
    )
    print(f"{options.train_pairs} training and {options.val_pairs} validation pairs written to {options.out}")


def _camvid(words: list[str]) -> None:
    from pairloom.data.download import SEGNET_ARCHIVE, fetch_camvid

    parser = Parser(
        "data camvid",
        description="Fetch CamVid in the selection of the SegNet tutorial (367 training, 101 validation, 233 test "
        "pairs).",
        epilog="example: pairloom data camvid --out camvid",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to create")
    parser.add_argument(
        "--url", metavar="URL", default=SEGNET_ARCHIVE, help=f"URL or path of the archive (default: {SEGNET_ARCHIVE})"
    )
    options = parser.parse_args(words)
    pairs = fetch_camvid(options.out, url=options.url)
    counts = ", ".join(f"{count} {split}" for split, count in pairs.items())
    print(f"{counts} pairs written to {options.out}")
