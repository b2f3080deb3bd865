"""The command line: each verb parses its words, calls one function and prints one result.

Heavy imports are made inside the verbs, so that `--help` and `--version` answer at once.
"""

import io
import json
import os
import sys
from argparse import Action, ArgumentParser, HelpFormatter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from pairloom import __version__
from pairloom.errors import UserError

if TYPE_CHECKING:
    from pairloom.config import Experiment
    from pairloom.training.trainer import TrainingResult

EXIT_MISTAKE = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141

SUMMARIES = {
    "demo": "make street scenes, train a small model, say where the report is",
    "train": "learn from the pairs in a folder, or go on with a run",
    "evaluate": "score a model on the pairs of a split",
    "translate": "turn photographs into segmentations",
    "data": "make data sets: streets",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, 2 for a mistake, 130 after Ctrl-C, 141 when output is cut."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # so that a log file shows how far a long run has come
    try:
        verb, rest = _verb(words)
        VERBS[verb](rest)
    except UserError as error:
        print(f"pairloom: {error}", file=sys.stderr)
        return EXIT_MISTAKE
    except BrokenPipeError:  # `pairloom ... | head`: who reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except OSError as error:  # a folder that cannot be written, a full disk
        print(f"pairloom: {error}", file=sys.stderr)
        return EXIT_MISTAKE
    except KeyboardInterrupt:
        print("pairloom: stopped", file=sys.stderr)
        return EXIT_INTERRUPTED
    return 0


class _Parser(ArgumentParser):
    """Raises UserError where argparse would print its usage and leave."""

    def __init__(self, verb: str, **texts: str) -> None:
        super().__init__(
            prog=f"pairloom {verb}".strip(),
            description=texts.get("description"),
            epilog=texts.get("epilog"),
            usage=texts.get("usage"),
            allow_abbrev=False,
            formatter_class=_Formatter,
        )

    def add_argument(self, *names: str, **options: Any) -> Action:
        """Add an option; hyphens and underscores in its name are both taken."""
        spellings = [name.replace("-", "_").replace("__", "--", 1) for name in names if "-" in name.lstrip("-")]
        return super().add_argument(*names, *spellings, **options)

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


class _Formatter(HelpFormatter):
    """Keeps the line breaks of the texts."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "".join(indent + line for line in text.splitlines(keepends=True))


def _verb(words: list[str]) -> tuple[str, list[str]]:
    """Split the command line into its verb and the verb's own words; answer --help and --version."""
    verbs = "\n".join(f"  {verb:<10} {summary}" for verb, summary in SUMMARIES.items())
    parser = _Parser(
        "",
        usage="pairloom VERB ...",
        description="Learns image-to-image translation from pairs.",
        epilog=f"verbs:\n{verbs}\n\npairloom VERB --help tells more of each.",
    )
    parser.add_argument("--version", action="version", version=f"pairloom {__version__}")
    if words and words[0] in SUMMARIES:
        return words[0], words[1:]
    if words and not words[0].startswith("-"):
        raise UserError(f"unknown verb {words[0]!r}; there are {', '.join(SUMMARIES)}")
    parser.parse_args(words or ["--help"])
    raise UserError("a verb is missing; see pairloom --help")


def _demo(words: list[str]) -> None:
    parser = _Parser(
        "demo",
        description="Make street scenes, train the preset demo on them, and score it on scenes that it has not seen.\n"
        "Needs no data; takes minutes on two CPU cores.",
    )
    parser.add_argument("--out", metavar="RUN", type=Path, default=Path("runs/demo"), help="default: runs/demo")
    options = parser.parse_args(words)

    from pairloom.demonstration import demo
    from pairloom.tables import print_scores

    result = demo(options.out)
    run, model = result.training.run, result.training.record["validation"]
    print(f"\nOn {model['pairs']} street scenes that training has not seen:")
    print_scores(
        {
            "the trained model": model,
            "colour and position alone": result.colour_and_position,
            "always the commonest class": result.commonest_class,
        }
    )
    print(f"\nReport: {run.report / 'grid.png'} and {run.report / 'curves.png'}")
    print(f"Use it: pairloom translate {run.path} PHOTO.jpg --out translated")


def _train(words: list[str]) -> None:
    from pairloom.settings import load_experiment, preset_names, settings_help

    parser = _Parser(
        "train",
        usage="pairloom train DATA --out RUN [options] [--section.field VALUE ...]\n"
        "       pairloom train --resume RUN [--epochs N]",
        description="Learn from the pairs in DATA, or go on with a run that was stopped.\n"
        "A preset, then --config, then single settings are laid over the defaults.",
        epilog=settings_help(),
    )
    parser.add_argument("data", metavar="DATA", nargs="?", help="folder that holds the pairs")
    parser.add_argument("--out", metavar="RUN", type=Path, help="run folder to be made")
    parser.add_argument("--preset", metavar="NAME", help=f"{', '.join(preset_names())} (default: recommended)")
    parser.add_argument("--config", metavar="FILE", type=Path, help="YAML in the shape of a preset")
    parser.add_argument("--resume", metavar="RUN", type=Path, help="go on with this run")
    parser.add_argument("--dry-run", action="store_true", help="print the whole config and both networks, and stop")
    settings, rest = _settings(words)
    options = parser.parse_args(rest)

    if options.resume:
        others = (options.data, options.out, options.preset, options.config, options.dry_run)
        if any(others) or settings.keys() - {"train.epochs"}:
            raise UserError(
                "with --resume, DATA and all settings come from the run: only --epochs may be given, no --dry-run"
            )
        from pairloom.api import resume

        epochs = load_experiment(flags=_flags(settings)).train.epochs if settings else None
        _run_training(options.resume, lambda: resume(options.resume, epochs=epochs))
        return
    if options.data:
        settings["data.root"] = options.data
    experiment = load_experiment(options.preset or "recommended", options.config, flags=_flags(settings))
    if options.dry_run:
        _print_plan(experiment)
        return
    if not options.out:
        raise UserError("--out is missing: name the run folder to be made")
    from pairloom.api import train_experiment

    _run_training(options.out, lambda: train_experiment(experiment, options.out))


def _settings(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Split words into settings (`--size 128`, `--model.width=32`), by full name, and the rest."""
    from pairloom.settings import ALIASES

    settings: dict[str, str] = {}
    rest: list[str] = []
    remaining = iter(words)
    for word in remaining:
        flag, equals, value = word.partition("=")
        name = flag.removeprefix("--").replace("-", "_")
        if not flag.startswith("--") or (name not in ALIASES and "." not in name):
            rest.append(word)
            continue
        if not equals:
            value = next(remaining, "--")
            if value.startswith("--"):
                raise UserError(f"{flag} is given without a value")
        settings[ALIASES.get(name, name)] = value
    return settings, rest


def _flags(settings: Mapping[str, str]) -> list[str]:
    return [f"--{name}={value}" for name, value in settings.items()]


def _print_plan(experiment: "Experiment") -> None:
    from pairloom.api import locate
    from pairloom.data.layouts import LAYOUTS
    from pairloom.models.summary import summarise
    from pairloom.palette import CITYSCAPES
    from pairloom.settings import dump_experiment

    # A plan can be looked at before there are data; the palette then is the one of the project's own scenes.
    experiment = locate(experiment) if experiment.data.root else experiment.resolved()
    layout = LAYOUTS.get(experiment.data.layout)
    palette = layout.palette if layout else CITYSCAPES
    print(dump_experiment(experiment))
    print(summarise(experiment.model, palette, experiment.data.size))


def _run_training(run: Path, training: "Callable[[], TrainingResult]") -> None:
    """Train, and print what came of it, or how to go on after Ctrl-C."""
    from pairloom.tables import print_scores

    try:
        result = training()
    except KeyboardInterrupt:
        if (run / "config.yaml").exists():
            print(f"pairloom: go on after the last epoch that ended: pairloom train --resume {run}", file=sys.stderr)
        raise
    scores = result.record["validation"]
    print(
        f"\nTrained in {result.seconds:.0f} s. The model of epoch {result.record['epoch']} is kept in "
        f"{result.run.model}; on {scores['pairs']} validation pairs:"
    )
    print_scores({"": scores})
    print(f"\nReport: {result.run.report / 'grid.png'} and {result.run.report / 'curves.png'}")
    print(f"Use it: pairloom translate {result.run.path} PHOTO.jpg --out translated")


def _evaluate(words: list[str]) -> None:
    parser = _Parser("evaluate", description="Score a model on the pairs of a split; void pixels are left out.")
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder or model folder")
    parser.add_argument("data", metavar="DATA", type=Path, nargs="?", help="folder with the pairs (default: the run's)")
    parser.add_argument("--split", choices=("train", "val", "test"), default="val", help="default: val")
    parser.add_argument(
        "--at",
        choices=("size", "native"),
        default="size",
        help="score at the model's size (default) or at each image's own",
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(words)

    from pairloom.api import evaluate
    from pairloom.tables import print_scores

    scores = evaluate(options.run, options.data, split=options.split, at=options.at, device=options.device).to_record()
    if options.json:
        print(json.dumps(scores))
        return
    print(f"{scores['pairs']} pairs of the split {scores['split']}")
    print_scores({"": scores})


def _translate(words: list[str]) -> None:
    parser = _Parser("translate", description="Translate photographs to colour-coded segmentations.")
    parser.add_argument("run", metavar="RUN", type=Path, help="run folder or model folder")
    parser.add_argument("inputs", metavar="INPUT", type=Path, nargs="+", help="images, or folders of images")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to be made")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    options = parser.parse_args(words)

    from pairloom.inference.translator import translate

    written = translate(options.run, options.inputs, options.out, options.device)
    print(f"{len(written)} written to {options.out}")


def _data(words: list[str]) -> None:
    parser = _Parser("data", description="Make a data set.")
    parser.add_argument(
        "kind", choices=("streets",), help="streets: generated street scenes, side by side in PNG files"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder to be made")
    parser.add_argument("--size", metavar="H[xW]", default="256", help="of each image (default: 256)")
    parser.add_argument("--train-pairs", metavar="N", type=int, default=300, help="default: 300")
    parser.add_argument("--val-pairs", metavar="N", type=int, default=100, help="default: 100")
    parser.add_argument("--seed", metavar="N", type=int, default=0, help="default: 0")
    options = parser.parse_args(words)

    from pairloom.config import Size
    from pairloom.data.streets import write_streets

    try:
        size = Size.parse(options.size)
    except ValueError as error:
        raise UserError(f"--size: {error}") from error
    write_streets(
        options.out, size=size, train_pairs=options.train_pairs, val_pairs=options.val_pairs, seed=options.seed
    )
    print(f"{options.train_pairs} training and {options.val_pairs} validation pairs written to {options.out}")


VERBS: Mapping[str, Callable[[list[str]], None]] = {
    "demo": _demo,
    "train": _train,
    "evaluate": _evaluate,
    "translate": _translate,
    "data": _data,
}
