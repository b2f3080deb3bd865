"""`pairloom demo` and `pairloom train`."""

import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pairloom.cli.parsing import Parser, flags, split_settings
from pairloom.cli.terminal import printable
from pairloom.errors import UserError

if TYPE_CHECKING:
    from pairloom.config import Experiment
    from pairloom.training.trainer import TrainingResult


def demo(words: list[str]) -> None:
    """Train on the built-in street scenes."""
    parser = Parser(
        "demo",
        description="Generate street scenes, train the preset demo on them, and score it on unseen scenes.\n"
        "Needs no data; takes minutes on two CPU cores.",
        epilog="example: pairloom demo --out runs/demo",
    )
    parser.add_argument(
        "--out", metavar="RUN", type=Path, default=Path("runs/demo"), help="run folder to create (default: runs/demo)"
    )
    options = parser.parse_args(words)

    from pairloom.cli.tables import print_scores
    from pairloom.demonstration import demo

    result = demo(options.out)
    run, model = result.training.run, result.training.record["validation"]
    print(f"\nOn {model['pairs']} unseen street scenes:")
    print_scores(
        {
            "the trained model": model,
            "colour and position alone": result.colour_and_position,
            "always the commonest class": result.commonest_class,
        }
    )
    print(f"\nReport: {run.report / 'index.html'} (and grid.png, curves.png beside it)")
    print(f"Use it: pairloom translate {run.path} PHOTO.jpg --out translated")


def train(words: list[str]) -> None:
    """Train on a folder of pairs, or resume a run."""
    from pairloom.settings import load_experiment, option_names, preset_names, settings_help, short_settings_help

    parser = Parser(
        "train",
        option_names(),
        settings_help,
        usage="pairloom train DATA --out RUN [options] [--section.field VALUE ...]\n"
        "       pairloom train [DATA] --resume RUN [--epochs N] [--device NAME] [--devices N]",
        description="Train on the pairs in DATA, or resume a stopped run. Later ones override earlier ones:\n"
        "defaults, preset, --config, single settings.",
        epilog=f"{short_settings_help()}\n\nexample: pairloom train my-pairs --out runs/first --size 256 --epochs 50",
    )
    parser.add_argument(
        "data",
        metavar="DATA",
        nargs="?",
        help="data folder or manifest file; with --resume: the new place of the data, if they have moved",
    )
    parser.add_argument("--out", metavar="RUN", type=Path, help="run folder to create")
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help=f"{', '.join(preset_names())} (default: recommended for class maps, photo for pictures as targets)",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings as YAML, such as RUN/config.yaml")
    parser.add_argument("--resume", metavar="RUN", type=Path, help="run folder to resume")
    parser.add_argument("--dry-run", action="store_true", help="print the config and both networks, without training")
    settings, rest = split_settings(words)
    options = parser.parse_args(rest)

    if options.resume:
        others = (options.out, options.preset, options.config, options.dry_run)
        if any(others) or settings.keys() - {"train.epochs", "train.device", "train.devices"}:
            raise UserError(
                "with --resume, all settings come from the run; only --epochs, --device, --devices, and DATA if the "
                "pairs have moved may be given, not --dry-run"
            )
        from pairloom.run import RunFolder
        from pairloom.training_run import resume

        run = RunFolder(options.resume)
        run.experiment()  # raises if this is not a run folder
        changed = load_experiment(file=run.config, flags=flags(settings)).train
        epochs = changed.epochs if "train.epochs" in settings else None
        device = changed.device if "train.device" in settings else None
        devices = changed.devices if "train.devices" in settings else None
        again = partial(resume, options.resume, data=options.data, epochs=epochs, device=device, devices=devices)
        _run_training(options.resume, again)
        return
    if options.data:
        settings["data.root"] = options.data
    load = partial(load_experiment, file=options.config, flags=flags(settings))
    if options.dry_run:
        _print_plan(options.preset, load)
        return
    if not options.out:
        raise UserError("--out is missing; name the run folder to create")
    from pairloom.training_run import train_experiment

    _run_training(options.out, lambda: train_experiment(options.preset, load, options.out))


def _print_plan(preset: str | None, load: "Callable[[str], Experiment]") -> None:
    from pairloom.models.summary import summarise
    from pairloom.settings import dump_experiment
    from pairloom.training_run import plan

    experiment, source, target = plan(preset, load)
    print(dump_experiment(experiment))
    adversarial = experiment.loss.adversarial_weight > 0
    print(summarise(experiment.model, source, target, experiment.input_size, adversarial=adversarial))


def _run_training(run: Path, training: "Callable[[], TrainingResult]") -> None:
    """Train, and print the result, or how to resume after a stop."""
    from pairloom.cli.tables import print_scores
    from pairloom.progress import follows

    try:
        result = training()
    except (KeyboardInterrupt, OSError) as error:
        begun = (run / "config.yaml").exists()
        again = f"pairloom train --resume {shlex.quote(str(run))}" if begun else "the same command"
        if not follows() and (begun or isinstance(error, KeyboardInterrupt)):
            print(printable(f"pairloom: to resume: {again}"), file=sys.stderr)
        raise
    if not result.is_main_process:
        return
    scores = result.record["validation"]
    print(
        f"\nTrained in {result.seconds:.0f} s. The model of epoch {result.record['epoch']} is saved in "
        f"{result.run.model}; on {scores['pairs']} validation pairs:"
    )
    print_scores({"": scores})
    print(f"\nReport: {result.run.report / 'index.html'} (and grid.png, curves.png beside it)")
    place = shlex.quote(str(result.run.path))
    print(f"Use it: pairloom translate {place} PHOTO.jpg --out translated")
    print(f"Show it: pairloom serve {place}")
