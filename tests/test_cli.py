"""The command line: a whole small journey, and that a mistake costs one line and changes nothing."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pairloom import __version__
from pairloom.cli import SUMMARIES, main
from pairloom.cli.tables import print_scores
from pairloom.config import Experiment
from pairloom.images import read_picture
from pairloom.palette import CITYSCAPES
from pairloom.run import RunFolder
from pairloom.settings import ALIASES, dump_experiment, load_experiment

SMALL = (
    *("--size", "32", "--model.width", "4", "--model.encoder", "none", "--model.norm", "instance"),
    *("--batch-size", "2", "--train.snapshot_every", "1", "--device", "cpu"),
)


class Answer(NamedTuple):
    code: int | str | None
    out: str
    err: str


def _pairloom(*words: str | Path) -> Answer:
    out, err = io.StringIO(), io.StringIO()
    code: int | str | None
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main([str(word) for word in words])
        except SystemExit as end:  # argparse ends --help and --version so
            code = end.code
    return Answer(code, out.getvalue(), err.getvalue())


def _good(*words: str | Path) -> str:
    answer = _pairloom(*words)
    assert (answer.code, answer.err) == (0, "")
    return answer.out


def _tree(folder: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def _history(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> Iterator[None]:
    """The networks are so small that a second thread mostly waits: many times as long where the cores are busy."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def trained(streets: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of two epochs on the small streets, whose last model is kept, and what training printed."""
    run = tmp_path_factory.mktemp("runs") / "trained"
    out = _good("train", streets, "--out", run, *SMALL, "--epochs", "2", "--train.keep", "last")
    return run, out


@pytest.fixture
def run(trained: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of the trained run that a test may change."""
    return Path(shutil.copytree(trained[0], tmp_path / "run"))


@pytest.fixture(scope="module")
def things(trained: tuple[Path, str], streets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a mistaken line may be about."""
    folder = tmp_path_factory.mktemp("things")
    shutil.copytree(trained[0], folder / "run")
    begun = load_experiment(settings={"data.root": str(streets), "size": 32})
    run = RunFolder(folder / "begun")
    with run.locked():
        run.begin(begun.resolved(), None)
    (folder / "empty").mkdir()
    (folder / "file").write_text("neither a config nor an image")
    return folder


# Help and version.


@pytest.mark.parametrize("verb", SUMMARIES)
def test_every_verb_explains_itself(verb: str) -> None:
    out = _good(verb, "--help")
    assert out.startswith(f"usage: pairloom {verb}")


def test_the_help_names_every_verb_and_is_the_answer_to_no_words() -> None:
    out = _good("--help")
    assert all(verb in out and summary in out for verb, summary in SUMMARIES.items())
    assert _good() == out


def test_the_help_of_train_fits_on_a_screen_and_the_whole_help_names_every_setting() -> None:
    short, whole = _good("train", "--help"), _good("train", "--help-all")
    assert len(short.splitlines()) <= 40
    assert whole.startswith(short)
    for words in ("--dry-run", "--batch-size", "Pairs per step", "demo, photo, recommended, seed", "--help-all"):
        assert words in short
    assert "--train.batch_size" in whole
    assert "--train.batch_size" not in short


def test_the_version_is_printed() -> None:
    assert _good("--version") == f"pairloom {__version__}\n"


def test_help_and_version_load_no_torch() -> None:
    calls = [["--version"], ["--help"], *[[verb, "--help"] for verb in SUMMARIES]]
    code = f"""
import contextlib, io, sys
from pairloom.cli import main
for words in {calls!r}:
    try:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            main(words)
    except SystemExit as end:
        assert end.code == 0 and out.getvalue(), words
    else:
        raise AssertionError(words)
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {module.split(".")[0] for module in done.stdout.split()}
    assert "pairloom" in loaded
    assert loaded & {"torch", "numpy", "lightning_fabric", "matplotlib", "PIL", "kornia", "torchmetrics"} == set()


def test_a_mistake_ends_the_process_with_code_2_and_one_line(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "pairloom", "train", "nowhere", "--out", "run", "--size", "16"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pairloom: data.size 16 is too small")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


# Mistakes. In the words, DATA is a folder of pairs, RUN a trained run, BEGUN a run that was stopped at once.

TRAIN = "train DATA --out new --size 32 --model.width 4 --model.encoder none --epochs 1"
"""Seconds of work, should the mistake behind it go unnoticed."""

MISTAKES: dict[str, tuple[str, str]] = {
    "unknown command": ("paint", "unknown command 'paint'; commands: demo, check"),
    "misspelt command": ("trian", "unknown command 'trian'; did you mean 'train'?"),
    "unknown flag without a verb": ("--colour", "--colour"),
    "train without DATA": ("train --out new", "DATA is missing"),
    "train without DATA or --out": ("train", "is missing"),
    "train without --out": ("train DATA", "--out is missing"),
    "train with DATA that is not there": ("train nowhere --out new", "nowhere: no such folder"),
    "train with DATA that is a file": ("train file --out new", "file: holds no pairs"),
    "train with DATA without pairs": ("train empty --out new", "empty: holds no pairs"),
    "train with another layout than named": ("train empty --out new --layout camvid", "empty: holds no pairs"),
    "train with two DATA": (f"{TRAIN} DATA", "unrecognized arguments"),
    "train into a folder that holds files": ("train DATA --out RUN", "run: already holds files"),
    "train into a file": ("train DATA --out file", "file: already holds files"),
    "train into a folder below a file": ("train DATA --out file/new", "file/new"),
    "unknown flag": (f"{TRAIN} --sizes 64", "--sizes 64; did you mean '--size'? see pairloom train --help"),
    "unknown flag of check": ("check DATA --layuot x", "--layuot x; did you mean '--layout'? see"),
    "unknown flag like no other": ("evaluate RUN --zigzag", "unrecognized arguments: --zigzag; see pairloom evaluate"),
    "abbreviated flag": (f"{TRAIN} --dry", "--dry"),
    "unknown section": (f"{TRAIN} --datas.size 64", "unknown setting datas.size; did you mean 'data.size'?"),
    "unknown field": (f"{TRAIN} --data.sizes 64", "unknown setting data.sizes; did you mean 'data.size'?"),
    "flag without a value": (f"{TRAIN} --size", "--size needs a value"),
    "flag before a flag": ("train DATA --size --out new", "--size needs a value"),
    "path without a value": ("train DATA --out", "--out"),
    "word for a number": (f"{TRAIN} --epochs many", "train.epochs: must be a whole number, not many"),
    "word for a number or null": (
        f"{TRAIN} --train-pairs x",
        "data.train_pairs: must be a whole number or null, not x",
    ),
    "one number for two": (f"{TRAIN} --augment.scale 3", "augment.scale: must be two numbers"),
    "negative number": (f"{TRAIN} --seed -1", "train.seed"),
    "size that is none": (f"{TRAIN} --size 64x64x3", "data.size: must be H or HxW in pixels"),
    "size too small": (f"{TRAIN} --size 16", "data.size 16 is too small"),
    "size for the original": (f"{TRAIN} --preset seed --size 96", "power of two"),
    "choice that is none": (
        f"{TRAIN} --model.norm layer",
        "model.norm: must be one of 'batch', 'instance', 'group', 'none', not layer",
    ),
    "unknown preset": (f"{TRAIN} --preset best", "unknown preset 'best'; choose one of"),
    "runs of a folder that is not there": ("runs nowhere", "nowhere: no such folder"),
    "missing config": (f"{TRAIN} --config missing.yaml", "missing.yaml"),
    "malformed config": (f"{TRAIN} --config file", "file: a config has sections"),
    "more pairs than there are": (f"{TRAIN} --train-pairs 7", "7 pairs were requested"),
    "plan of a preset that is none": ("train --dry-run --preset best", "unknown preset 'best'"),
    **(
        {}
        if torch.cuda.is_available()
        else {"plan for a GPU that is not there": ("train --dry-run --device cuda", "no CUDA GPU")}
    ),
    "plan for DATA that is not there": ("train nowhere --dry-run", "nowhere: no such folder"),
    "resume what is no run": ("train --resume empty", "empty: is not a run folder"),
    "resume what is not there": ("train --resume nowhere", "nowhere: is not a run folder"),
    "resume without a run": ("train --resume", "--resume"),
    "resume with DATA that is not there": ("train nowhere --resume RUN", "nowhere: no such folder"),
    "resume with DATA without pairs": ("train empty --resume RUN", "empty: holds no pairs"),
    "resume with --out": ("train --resume RUN --out new", "only --epochs"),
    "resume with a preset": ("train --resume RUN --preset seed", "only --epochs"),
    "resume with a config": ("train --resume RUN --config file", "only --epochs"),
    "resume with a setting": ("train --resume RUN --epochs 3 --size 64", "only --epochs"),
    "resume for a plan": ("train --resume RUN --epochs 3 --dry-run", "--dry-run"),
    "resume for fewer epochs": ("train --resume RUN --epochs 1", "already set to 2 epochs"),
    "resume for no number of epochs": ("train --resume RUN --epochs more", "train.epochs"),
    "resume for no epochs": ("train --resume RUN --epochs 0", "train.epochs"),
    "evaluate nothing": ("evaluate", "RUN"),
    "evaluate what is not there": ("evaluate nowhere", "nowhere: no such run or model folder"),
    "evaluate what holds no model": ("evaluate BEGUN", "begun: is neither a model folder nor a run"),
    "evaluate on nothing": ("evaluate RUN nowhere", "nowhere: no such folder"),
    "evaluate on a split that is not there": ("evaluate RUN --split test", "has no split 'test'"),
    "evaluate on a split that is none": ("evaluate RUN --split rest", "rest"),
    "translate nothing": ("translate RUN --out new", "INPUT"),
    "translate without --out": ("translate RUN file", "--out"),
    "translate what is not there": ("translate RUN nowhere.png --out new", "nowhere.png: no such file or folder"),
    "translate what is no image": ("translate RUN file --out new", "file: not an image"),
    "translate a folder without images": ("translate RUN empty --out new", "empty: holds no images"),
    "translate one name twice": (
        "translate RUN DATA/train DATA/train/0000.png --out new",
        "0000.png: is named twice",
    ),
    "translate by a pattern that fits nothing": (
        "translate RUN nothing*.png --out new",
        "nothing*.png: matches no images",
    ),
    "translate to two forms": (
        "translate RUN DATA/train --out new --overlay --side_by_side",
        "--side_by_side: not allowed with argument --overlay",
    ),
    "translate several to standard output": ("translate RUN DATA/train --out -", "standard output takes one"),
    "translate a part to standard output": ("translate RUN DATA/train/0000.png --out - --shard 1/2", "--shard needs"),
    "translate at no scale": ("translate RUN DATA/train --out new --scale 0", "the scale must be a number above 0"),
    "translate at a scale that is none": ("translate RUN DATA/train --out new --scale much", "--scale"),
    "translate in tiles that are too small": (
        "translate RUN DATA/train --out new --tile 8",
        "32 pixels per side or more",
    ),
    "translate by what is no model": ("translate empty DATA/train --out new", "empty: is neither a model folder"),
    "translate into a folder that holds files": ("translate RUN DATA/train --out BEGUN", "begun: already holds files"),
    "translate into a folder below a file": ("translate RUN DATA/train --out file/new", "file/new"),
    "check nothing": ("check", "DATA"),
    "check what is not there": ("check nowhere", "nowhere: no such folder"),
    "check what holds no pairs": ("check empty", "empty: holds no pairs"),
    "check with a setting of training": ("check DATA --epochs 3", "check accepts --data.field only"),
    "check with a palette that is none": ("check DATA --data.palette file", "file: "),
    "train with a palette that is not there": (f"{TRAIN} --data.palette none.yaml", "none.yaml: is neither"),
    "train on classes that are pictures": (f"{TRAIN} --data.target images --preset recommended", "--preset photo"),
    "train with channels that cannot be": (f"{TRAIN} --model.out_channels 5", "drawn in 3 channels"),
    "camvid from nowhere": ("data camvid --out new --url nowhere.zip", "nowhere.zip"),
    "push nothing": ("push", "RUN"),
    "push to nowhere": ("push RUN", "USER/NAME"),
    "push what is not there": ("push nowhere me/streets", "nowhere: no such run or model folder"),
    "push what holds no model": ("push BEGUN me/streets", "begun: is neither a model folder nor a run"),
    "push to what is no name": ("push RUN streets", "streets: is not a model name on the Hub"),
    "import nothing": ("import --out new", "FILE"),
    "import without --out": ("import file", "--out"),
    "import what is not there": ("import nowhere.pth --out new", "nowhere.pth: no such file"),
    "import what is no file of weights": ("import file --out new", "file: is not a file of weights"),
    "import over something": ("import file --out RUN", "run: already holds files"),
    "import for use in another way": ("import file --out new --inference best", "best"),
    "data of no kind": ("data", "kind"),
    "data of another kind": ("data houses --out new", "houses"),
    "data without --out": ("data streets", "--out"),
    "streets of no size": ("data streets --out new --size big", "--size: a size is H or HxW"),
    "streets too small": ("data streets --out new --size 8", "too small"),
    "streets without pairs": ("data streets --out new --train-pairs 0", "0 train pairs"),
    "streets with a negative seed": ("data streets --out new --seed -1", "negative"),
    "streets over something": ("data streets --out RUN", "run: "),
    "streets below a file": ("data streets --out file/new", "file/new"),
    "demo over something": ("demo --out RUN", "run: already holds files"),
    "demo with a setting": ("demo --epochs 3", "--epochs"),
}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [pytest.param(*MISTAKES[name], id=name) for name in MISTAKES],
)
def test_mistakes_cost_a_line_and_change_nothing(
    words: str, complaint: str, streets: Path, things: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    shutil.copytree(things, here)
    monkeypatch.chdir(here)
    before = _tree(tmp_path)
    places = {"DATA": str(streets), "RUN": "run", "BEGUN": "begun"}
    parts = (word.partition("/") for word in words.split())
    answer = _pairloom(*(places.get(head, head) + slash + tail for head, slash, tail in parts))
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("pairloom: ")
    assert complaint in answer.err
    assert len(answer.err.splitlines()) <= 2
    assert "Traceback" not in answer.err
    assert _tree(tmp_path) == before


def test_a_name_that_holds_spaces_and_dots_is_a_folder_like_any_other(
    streets: Path, trained: tuple[Path, str], tmp_path: Path
) -> None:
    out = tmp_path / "v1.0 new=files"
    assert f"1 written to {out}" in _good("translate", trained[0], streets / "val" / "0100.png", f"--out={out}")
    assert [path.name for path in out.glob("*.png")] == ["0100.png"]


# Settings.

VALUES: dict[str, tuple[object, ...]] = {
    "data.size": (32, "64x96", "128"),
    "data.layout": ("side-by-side", "camvid"),
    "data.train_pairs": (3,),
    "train.epochs": (7,),
    "train.batch_size": (2,),
    "train.device": ("cpu",),
    "train.precision": ("bf16-mixed",),
    "train.compile": ("off",),
    "train.seed": (11,),
    "train.snapshot_every": (5,),
    "model.width": (4, 8),
    "model.discriminator_width": (6,),
    "model.norm_epsilon": (1e-3,),
    "augment.flip": ("false",),
    "augment.scale": ("[0.5,2]",),
    "loss.mask_void": ("false",),
    "optim.learning_rate": ("1e-3",),
    "optim.decay": ("cosine",),
}


@st.composite
def spelled(draw: st.DrawFn) -> tuple[dict[str, object], list[str]]:
    """Some settings, and one way in which a person may write them as words."""
    chosen = {
        field: draw(st.sampled_from(VALUES[field]))
        for field in draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=6))
    }
    words: list[list[str]] = [["--preset", "demo"], ["--dry-run"]]
    for field, value in chosen.items():
        short = [name for name, full in ALIASES.items() if full == field]
        name = draw(st.sampled_from([field, *short]))
        flag = "--" + "".join(draw(st.sampled_from("-_")) if letter == "_" else letter for letter in name)
        words.append([f"{flag}={value}"] if draw(st.booleans()) else [flag, str(value)])
    return chosen, [word for group in draw(st.permutations(words)) for word in group]


@settings(deadline=None, max_examples=8)
@given(spelled())
def test_every_spelling_and_every_order_of_flags_gives_the_same_plan(
    given: tuple[dict[str, object], list[str]],
) -> None:
    chosen, words = given
    flags = [f"--{field}={value}" for field, value in chosen.items()]
    expected = load_experiment("demo", flags=flags).resolved()
    assert _good("train", *words).startswith(dump_experiment(expected))


@settings(deadline=None, max_examples=4)
@given(
    st.permutations(
        [
            ["--preset", "seed"],
            ["--config", "mine.yaml"],
            ["--size=64"],
            ["--model.width", "4", "--model.encoder", "none"],
            ["--dry-run"],
        ]
    )
)
def test_flags_win_over_the_file_and_the_file_over_the_preset_in_every_order(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[str]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "mine.yaml"
    file.write_text("data: {size: 128}\nmodel: {width: 8, dropout: 0.1}\n")
    out = _good("train", *(word.replace("mine.yaml", str(file)) for group in groups for word in group))
    plan = _plan(out, file.with_name("plan.yaml"))
    assert (plan.data.size, plan.model.width) == ((64, 64), 4)  # of the flags
    assert plan.model.dropout == 0.1  # of the file
    assert (plan.model.discriminator, plan.loss.l1) == ("patch142", 100.0)  # of the preset


def _plan(out: str, path: Path) -> Experiment:
    """Read the config back that stands before the networks in a plan."""
    path.write_text(out.partition("\ngenerator ")[0], encoding="utf-8")
    return load_experiment(file=path)


def test_the_last_of_two_values_wins() -> None:
    one, two = (_good("train", "--dry-run", *words) for words in (["--size=64"], ["--size=32", "--data.size", "64"]))
    assert one == two


def test_the_plan_of_the_original_has_its_numbers() -> None:
    out = _good("train", "--dry-run", "--preset", "seed")
    (generator,) = [line for line in out.splitlines() if line.startswith("generator")]
    (discriminator,) = [line for line in out.splitlines() if line.startswith("discriminator ")]
    assert "54,429,315" in generator
    assert "6,968,257" in discriminator
    assert "142×142" in discriminator
    assert out.splitlines()[-1].split()[-1] == "1×16×16"


def test_the_plan_of_the_other_discriminator_has_its_numbers() -> None:
    out = _good("train", "--dry-run", "--preset", "seed", "--model.discriminator", "patch70")
    assert "70×70" in out
    assert "142×142" not in out
    assert out.splitlines()[-1].split()[-1] == "1×30×30"


def test_a_plan_for_data_knows_their_layout_and_makes_nothing(streets: Path, camvid_like: Path, tmp_path: Path) -> None:
    for data, layout, classes in ((streets, "side-by-side", 19), (camvid_like, "camvid", 11)):
        out = _good(
            "train",
            data,
            "--dry-run",
            "--out",
            tmp_path / "new",
            "--size",
            "64",
            "--model.width",
            "4",
            "--model.encoder",
            "none",
        )
        plan = _plan(out, tmp_path / "plan.yaml")
        assert (plan.data.root, plan.data.layout) == (str(data), layout)
        assert f"{classes}×64×64" in out
    assert not (tmp_path / "new").exists()


# The journey.


def test_streets_are_written_in_the_numbers_and_the_size_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "streets"
    words = ("--size", "16x32", "--train-pairs", "3", "--val-pairs", "2", "--seed", "4")
    assert "3 training and 2 validation pairs" in _good("data", "streets", "--out", out, *words)
    files = {split: sorted((out / split).iterdir()) for split in ("train", "val")}
    assert {split: len(found) for split, found in files.items()} == {"train": 3, "val": 2}
    for path in (*files["train"], *files["val"]):
        assert read_picture(path).shape == (16, 64, 3)


def test_training_makes_the_run_folder_that_it_announces(trained: tuple[Path, str], streets: Path) -> None:
    run, out = trained
    for part in (
        "config.yaml",
        "metrics.jsonl",
        "model/config.json",
        "model/model.safetensors",
        "report/grid.png",
        "report/curves.png",
        "report/index.html",
        "checkpoints/last.pt",
        "checkpoints/epoch-0001/model.safetensors",
        "checkpoints/epoch-0002/model.safetensors",
        "tensorboard",
    ):
        assert (run / part).exists(), part
    assert list(run.rglob("*unfinished*")) == []
    assert "epoch 1/2" in out
    assert "epoch 2/2" in out
    for announced in (run / "model", run / "report" / "index.html"):
        assert str(announced) in out
    assert f"pairloom translate {run}" in out
    experiment = RunFolder(run).experiment()
    assert experiment.data.root == str(streets)
    assert experiment.data.layout == "side-by-side"
    assert experiment == experiment.resolved()
    # Three steps an epoch: six pairs by two.
    assert [(record["epoch"], record["step"]) for record in _history(run)] == [(1, 3), (2, 6)]


def test_evaluation_gives_programs_what_training_noted(trained: tuple[Path, str]) -> None:
    run, _ = trained
    scores = json.loads(_good("evaluate", run, "--json"))
    assert scores == _history(run)[-1]["validation"]
    assert set(scores) >= {"split", "pairs", "pixel_accuracy", "class_accuracy", "mean_iou", "per_class"}
    assert list(scores["per_class_dice"]) == list(CITYSCAPES.names)
    dice = [value for value in scores["per_class_dice"].values() if value is not None]
    assert scores["mean_dice"] == pytest.approx(np.mean(dice))
    for name, value in scores["per_class"].items():
        expected = None if value is None else pytest.approx(2 * value / (1 + value))
        assert scores["per_class_dice"][name] == expected
    assert (scores["split"], scores["pairs"]) == ("val", 3)
    assert all(0 <= scores[name] <= 1 for name in ("pixel_accuracy", "class_accuracy", "mean_iou"))
    assert list(scores["per_class"]) == list(CITYSCAPES.names)
    known = [iou for iou in scores["per_class"].values() if iou is not None]
    assert scores["mean_iou"] == pytest.approx(np.mean(known))


def test_snapshots_are_models_that_score_as_their_epoch_did(trained: tuple[Path, str], streets: Path) -> None:
    run, _ = trained
    for epoch, record in enumerate(_history(run), start=1):
        scores = json.loads(_good("evaluate", RunFolder(run).snapshot(epoch), streets, "--json"))
        assert scores == record["validation"]


def test_evaluate_scores_outlines_and_averages_mirror_images_by_choice(trained: tuple[Path, str]) -> None:
    plain = json.loads(_good("evaluate", trained[0], "--json"))
    outlined = json.loads(_good("evaluate", trained[0], "--boundaries", "--json"))
    assert {name: outlined[name] for name in plain} == plain
    assert 0 <= outlined["boundary_f1"] <= 1
    assert outlined["per_class_boundary_f1"].keys() == plain["per_class"].keys()
    table = _good("evaluate", trained[0], "--boundaries")
    assert re.search(r"^class +IoU +Dice +boundary F1$", table, re.M)
    assert re.search(rf"^road .* {outlined['per_class_boundary_f1']['road']:.3f}$", table, re.M)
    averaged = json.loads(_good("evaluate", trained[0], "--tta", "--json"))
    assert averaged.keys() == plain.keys()
    assert averaged != plain


def test_evaluation_gives_people_a_table(trained: tuple[Path, str]) -> None:
    out = _good("evaluate", trained[0], "--split", "train", "--at", "native")
    scores = json.loads(_good("evaluate", trained[0], "--split", "train", "--at", "native", "--json"))
    assert scores["pairs"] == 6
    assert out.startswith("6 pairs of the split train")
    assert f"{scores['pixel_accuracy']:.3f}" in out
    assert re.search(rf"^mean Dice +{scores['mean_dice']:.3f}$", out, re.M)
    assert re.search(r"^class +IoU +Dice$", out, re.M)
    for name, iou in scores["per_class"].items():
        row = re.search(rf"^{name} +(\d\.\d+) +(\d\.\d+)$", out, re.M)
        assert (row is not None) == (iou is not None)
        assert row is None or row.groups() == (f"{iou:.3f}", f"{scores['per_class_dice'][name]:.3f}")


def test_records_side_by_side_and_of_earlier_versions_have_a_table(
    trained: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    record = _history(trained[0])[-1]["validation"]
    old = {name: value for name, value in record.items() if "dice" not in name}
    road = f"{record['per_class']['road']:.3f}"
    print_scores({"first": record, "second": record})
    both = capsys.readouterr().out
    assert re.search(rf"^mean Dice( +{record['mean_dice']:.3f}){{2}}$", both, re.M)
    assert re.search(rf"^  IoU road( +{road}){{2}}$", both, re.M)
    print_scores({"": old})  # type: ignore[dict-item]
    alone = capsys.readouterr().out
    assert "Dice" not in alone
    assert re.search(rf"^class +IoU$(.*\n)+^road +{road}$", alone, re.M)


def test_translations_have_the_images_sizes_and_the_palettes_colours(trained: tuple[Path, str], tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(0)
    for name, height, width in (("tall.jpg", 90, 40), ("wide.png", 20, 70), ("small.bmp", 5, 5)):
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(photos / name)
    folder, single = tmp_path / "folder", tmp_path / "a" / "single"
    assert "3 written" in _good("translate", trained[0], photos, "--out", folder)
    assert "1 written" in _good("translate", trained[0], photos / "wide.png", "--out", single)
    assert sorted(path.name for path in folder.glob("*.png")) == ["small.png", "tall.png", "wide.png"]
    assert [path.name for path in single.glob("*.png")] == ["wide.png"]
    for path in folder.glob("*.png"):
        picture = read_picture(path)
        height, width = {"tall": (90, 40), "wide": (20, 70), "small": (5, 5)}[path.stem]
        assert picture.shape == (height, width, 3)
        assert {tuple(pixel) for pixel in picture.reshape(-1, 3).tolist()} <= set(CITYSCAPES.colours)
    assert (folder / "wide.png").read_bytes() == (single / "wide.png").read_bytes()
    tree, overlay = tmp_path / "tree", tmp_path / "overlay"
    assert "2 written" in _good("translate", trained[0], photos / "*.[bp]*", "--out", tree, "--classes")
    assert read_picture(tree / "wide.png").shape == (20, 70, 1)
    assert "1 written" in _good(
        "translate", trained[0], photos / "wide.png", "--out", overlay, "--overlay", "--tile=32"
    )


def test_one_translation_goes_to_standard_output(
    trained: tuple[Path, str], tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)).save(photo)
    assert main(["translate", str(trained[0]), str(photo), "--out", "-", "--side-by-side"]) == 0
    printed = capsysbinary.readouterr().out
    with Image.open(io.BytesIO(printed)) as image:
        assert (image.format, image.size) == ("PNG", (14, 9))


def test_a_run_goes_on_for_more_epochs(run: Path) -> None:
    before = _history(run)
    out = _good("train", "--resume", run, "--epochs", "3")
    assert "epoch 3/3" in out
    assert "epoch 2/" not in out
    after = _history(run)
    assert after[:2] == before
    assert [record["epoch"] for record in after] == [1, 2, 3]
    assert RunFolder(run).experiment().train.epochs == 3
    assert json.loads(_good("evaluate", run, "--json")) == after[-1]["validation"]


class _Impatient(io.StringIO):
    """Somebody who presses Ctrl-C when the first epoch has ended."""

    def write(self, text: str) -> int:
        if "epoch 1/" in text:
            os.kill(os.getpid(), signal.SIGINT)
        return super().write(text)


def test_a_run_that_is_interrupted_says_so_and_goes_on_where_it_was(streets: Path, tmp_path: Path) -> None:
    run, err = tmp_path / "run", io.StringIO()
    words = ["train", str(streets), "--out", str(run), *SMALL, "--epochs", "2", "--train.snapshot_every", "9"]
    with contextlib.redirect_stdout(_Impatient()), contextlib.redirect_stderr(err):
        assert main(words) == 130
    assert "pairloom: stopped" in err.getvalue()
    assert "Traceback" not in err.getvalue()
    assert len(_history(run)) == 1
    first = _history(run)[0]
    out = _good("train", "--resume", run)
    assert "epoch 2/2" in out
    assert _history(run)[0] == first
    assert len(_history(run)) == 2


def test_a_finished_run_that_is_resumed_stays_as_it_is(run: Path) -> None:
    before = _tree(run)
    out = _good("train", "--resume", run)
    assert "epoch 3" not in out
    after = _tree(run)
    kept = [path for path in before if "tensorboard" not in path.parts]
    assert [path for path in kept if after[path] != before[path]] == []
