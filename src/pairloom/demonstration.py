"""The main job on the built-in street scenes, with what can be scored without a network beside it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pairloom.data.folder import PairFolder
from pairloom.data.store import PairStore
from pairloom.errors import UserError
from pairloom.evaluation.baselines import ColourAndPosition
from pairloom.evaluation.metrics import ScoreRecord, score
from pairloom.palette import CITYSCAPES
from pairloom.run import require_empty
from pairloom.settings import load_experiment
from pairloom.streets import write_streets
from pairloom.training.trainer import TrainingResult
from pairloom.training_run import train_experiment

TRAIN_PAIRS = 500
VAL_PAIRS = 60


@dataclass(frozen=True)
class DemoResult:
    """What the demo came to. All scores are of street scenes that training has not seen."""

    training: TrainingResult
    colour_and_position: ScoreRecord
    """Of a classifier that knows a pixel's colour and place alone."""
    commonest_class: ScoreRecord
    """Of always answering with the commonest class."""


def demo(out: str | Path = "runs/demo", *, log: Callable[[str], None] = print) -> DemoResult:
    """Make street scenes, train the preset `demo` on them, and score it on scenes that it has not seen.

    Args:
        out: the run folder; the scenes go beside it, to `OUT-streets`. Both must be empty or not exist.
        log: receives lines of progress.

    Returns:
        The result of the training as `training`, and the scores of two classifiers without a network, as `evaluate`
        prints them: `colour_and_position` and `commonest_class`.

    Raises:
        UserError: if a folder is not empty.
    """
    if Path(out).name in ("", ".."):
        raise UserError(f"{out}: name a folder to create, such as runs/demo")
    run, streets = Path(out), Path(out).with_name(f"{Path(out).name}-streets")
    require_empty(run)
    experiment = load_experiment("demo", settings={"data.root": str(streets)})
    size = experiment.data.size
    log(
        f"Draws {TRAIN_PAIRS + VAL_PAIRS} street scenes, trains on {TRAIN_PAIRS} of them for {experiment.train.epochs} "
        f"epochs, and scores the other {VAL_PAIRS}: about 3 minutes on two CPU cores."
    )
    log(f"Report, once training begins: {run / 'report' / 'index.html'}")
    log(f"Drawing street scenes into {streets} ...")
    write_streets(streets, size=size, train_pairs=TRAIN_PAIRS, val_pairs=VAL_PAIRS, seed=experiment.train.seed)
    training = train_experiment("demo", lambda _preset: experiment, run, log=log)

    folder = PairFolder.open(training.run.experiment().data)
    seen = PairStore.open(folder, "train", experiment.store_fit)  # scenes are drawn at the size at which they are seen
    unseen = PairStore.open(folder, "val", size)
    palette = CITYSCAPES
    classifier = ColourAndPosition(seen, len(palette))
    constant = np.full(size, int(seen.class_fractions().argmax()), dtype=np.uint8)
    return DemoResult(
        training,
        score(
            ((pair.name, classifier.predict(pair.source), pair.target) for pair in unseen), palette, "val"
        ).to_record(),
        score(((pair.name, constant, pair.target) for pair in unseen), palette, "val").to_record(),
    )
