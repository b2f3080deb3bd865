"""The commands as Python functions: what the command line calls, and what `import pairloom` offers."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pairloom.config import Direction, LayoutName
from pairloom.data.check import CheckResult, check_pairs
from pairloom.data.folder import PairFolder
from pairloom.errors import UserError
from pairloom.evaluation.comparison import Comparison, compare_scores, distinct
from pairloom.evaluation.metrics import Scores
from pairloom.evaluation.picture_metrics import PictureScores
from pairloom.evaluation.scoring import At, score_model
from pairloom.evaluation.splits import EvaluationSplit
from pairloom.models.devices import choose_device
from pairloom.models.hub import PUBLISHED_FILES, upload
from pairloom.models.model_folder import find_model, load_model
from pairloom.report.comparison_page import write_comparison
from pairloom.report.model_card import CARD, model_card
from pairloom.report.page import require_replaceable
from pairloom.run import owning_run
from pairloom.settings import load_experiment


def check(data: str | Path, *, settings: Mapping[str, object] | None = None) -> CheckResult:
    """Look at every pair of a data set and find what is wrong with it.

    Args:
        data: folder that holds the pairs, or a manifest file.
        settings: of the section `data`, by short name or full, such as `{"data.palette": "classes.yaml"}`.

    Returns:
        What was found; its `problems` are empty if all is well.

    Raises:
        UserError: if no layout is recognised, or the settings are wrong.
    """
    config = load_experiment(settings={**(settings or {}), "data.root": str(data)}).data
    return check_pairs(PairFolder.open(config))


def evaluate(
    run: str | Path,
    data: str | Path | None = None,
    *,
    split: str = "val",
    at: At = "size",
    boundaries: bool = False,
    tta: bool = False,
    device: str = "auto",
    layout: LayoutName = "auto",
    direction: Direction | None = None,
) -> Scores | PictureScores:
    """Score a model on the pairs of a split.

    Args:
        run: a run folder, a model folder, or the name of a model on a hub (`user/name`, `user/name@revision`).
        data: folder that holds the pairs, or a manifest; None takes the run's own.
        split: `train`, `val` or `test`.
        at: score at the model's `size`, or at the images' `native` size.
        boundaries: score the outlines of classes as well.
        tta: test-time augmentation: the mean of the answers to each source and to its mirror image.
        device: `auto`, `cpu` or `cuda`.
        layout: how the pairs lie in `data`; `auto` looks.
        direction: `AtoB` or `BtoA`; None takes the run's own, or `AtoB` for a model folder.

    Returns:
        The scores of class maps, or of pictures where the model translates to pictures.

    Raises:
        UserError: if there is no model, no data, no such split or device, they do not know the same classes, or
            outlines are asked for where there are no classes.
    """
    model = load_model(find_model(Path(run)), choose_device(device))
    if boundaries and model.target.palette is None:
        raise UserError(f"{run}: its model translates to pictures, which have no class outlines; leave out boundaries")
    pairs = EvaluationSplit.open(
        Path(run), model, Path(data) if data is not None else None, split, layout=layout, direction=direction
    )
    return score_model(model, pairs, len(pairs), split, at=at, boundaries=boundaries, tta=tta)


def compare(
    runs: Sequence[str | Path],
    data: str | Path | None = None,
    *,
    split: str = "val",
    at: At | None = None,
    device: str = "auto",
    page: str | Path | None = None,
) -> Comparison:
    """Score several models on the same pairs, and tell what of their differences the choice of pairs could explain.

    Args:
        runs: run folders or model folders, two or more; the others are compared with the first.
        data: folder that holds the pairs, or a manifest; None takes the first run's own.
        split: `train`, `val` or `test`.
        at: score at the models' `size`, or at the images' `native` size; None takes `size` where the models share it.
        device: `auto`, `cpu` or `cuda`.
        page: HTML file to write as well; None writes none.

    Returns:
        The scores of each run, their differences to the first, and the intervals of both.

    Raises:
        UserError: if there are fewer than two runs or one holds no model, they translate into different things, one
            may have been trained on the pairs, or the page would replace another file.
    """
    if len(runs) < 2:
        raise UserError("name two runs or more to compare")
    if page is not None:
        require_replaceable(Path(page), "comparison.html")
    paths, chosen = [Path(run) for run in runs], choose_device(device)
    models = [find_model(path) for path in paths]
    # One model is held at a time: there may be many, and they may be large.
    loaded = (load_model(folder, chosen) for folder in models)
    sizes = {model.size if model.scale is None else None for model in loaded}  # of crops: no size for all images
    if at == "size" and None in sizes:
        raise UserError("one of the models was trained on crops, and has no size of its own; use --at native")
    chosen_at = at or ("size" if len(sizes) == 1 and None not in sizes else "native")
    splits: list[EvaluationSplit] = []
    scores: list[Scores | PictureScores] = []
    for path, folder in zip(paths, models, strict=True):
        model = load_model(folder, chosen)
        first = splits[0] if splits else EvaluationSplit.open(path, model, Path(data) if data else None, split)
        splits.append(first.for_model(path, model))
        run = owning_run(path)
        seen = first.seen_by(run) if run and split != "train" else []
        if seen:
            raise UserError(
                f"{path}: may have been trained on {len(seen)} of these pairs ({seen[0]} ...); choose other pairs: "
                "--data, --split"
            )
        values = first.folder.target_values  # of the first run: shares of unlike ranges could not be compared
        scored = score_model(model, splits[-1], len(splits[-1]), split, at=chosen_at, values=values)
        if scores and isinstance(scored, Scores) and isinstance(scores[0], Scores):
            scored = dataclasses.replace(scored, names=scores[0].names)  # the same classes may have got names later
        scores.append(scored)
    comparison = compare_scores(distinct([str(run) for run in runs]), scores, chosen_at)
    if page is not None:
        write_comparison(Path(page), comparison, models, splits, chosen)
    return comparison


def push(run: str | Path, name: str, *, private: bool = False, message: str = "Model trained with Pairloom") -> str:
    """Publish the model of a run on a model hub: its weights, its `config.json` and its card, and nothing else.

    Whoever is logged in there (`hf auth login`, or the variable `HF_TOKEN`) publishes. A card that was edited is sent
    as it is.

    Args:
        run: a run folder, or a model folder.
        name: `user/name`; made where it does not exist, and given a new commit where it does.
        private: let the new repository be seen by its owner alone.
        message: of the commit.

    Returns:
        The address of the model's page.

    Raises:
        UserError: if there is no model or it is damaged, nobody is logged in, the hub cannot be reached or refuses, or
            what is to be private exists and is public.
    """
    if not Path(run).exists():
        raise UserError(f"{run}: no such run or model folder")
    folder = find_model(Path(run))
    load_model(folder, choose_device("cpu"))
    files: dict[str, Path | bytes] = {file: folder / file for file in PUBLISHED_FILES}
    if not (folder / CARD).exists():  # of an earlier version
        files[CARD] = model_card(json.loads((folder / "config.json").read_text(encoding="utf-8"))).encode()
    return upload(files, name, private=private, message=message)
