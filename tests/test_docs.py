"""The documentation: it builds without a warning, names all that is public and nothing else, and its code runs.

The notebook's page, for which the notebook has to be run, is a matter of `test_notebooks.py`.
"""

import contextlib
import dataclasses
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import numpy as np
import pytest
import torch
from matplotlib import pyplot

import pairloom
from clips import street_frames, write_clip
from foreign import ForeignGenerator
from pairloom import streets, training_run
from pairloom.cli import SUMMARIES, main
from pairloom.config import Experiment, Size
from pairloom.data.layouts import LAYOUTS
from pairloom.models.discriminator import HALVINGS
from pairloom.palette import CITYSCAPES, write_palette
from pairloom.run import require_empty
from pairloom.streets import write_streets
from pairloom.training.losses import ADVERSARIAL
from pairloom.training.trainer import TrainingResult
from test_imports import LEVELS
from trees import WRITERS, save, scenes
from write_reference import written

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]

Lines = list[tuple[int, str]]


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


# The site.


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    out = tmp_path_factory.mktemp("site")
    # Not --quiet, with which --strict counts no warnings.
    words = ["build", "--strict", "--config-file", str(ROOT / "mkdocs.yml"), "--site-dir", str(out)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1", "RUN_NOTEBOOKS": "false"}
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", *words], env=environment, capture_output=True, text=True, check=False
    )
    said = "\n".join(line for line in (built.stdout + built.stderr).splitlines() if not line.startswith("INFO"))
    assert said == ""
    assert built.returncode == 0
    return out


def _page(site: Path, name: str) -> str:
    return (site / f"{name}.html").read_text(encoding="utf-8")


def _headings(html: str) -> dict[str, str]:
    """Return what stands below each heading that has an id, up to the next."""
    _, *parts = re.split(r'<(?:h[1-6][^>]* id="|a id="(?=\w+\.\w+"))([^"]+)"', html)
    texts = (unescape(re.sub(r"<[^>]+>", "", part.replace("<br>", " · "))) for part in parts[1::2])
    return dict(zip(parts[::2], texts, strict=True))


def test_every_public_name_is_in_the_reference_and_nothing_else(site: Path) -> None:
    headings = [name for name in _headings(_page(site, "reference/python")) if name.startswith("pairloom.")]
    names = [name.split(".")[1:] for name in headings]
    assert sorted(parts[0] for parts in names if len(parts) == 1) == sorted(pairloom.__all__)
    assert [parts for parts in names if parts[0] not in pairloom.__all__] == []
    assert [parts for parts in names for part in parts if re.match(r"_[^_]", part)] == []


def test_every_setting_is_in_the_reference_with_its_default(site: Path) -> None:
    headings = _headings(_page(site, "reference/settings"))
    experiment = Experiment()
    for section in dataclasses.fields(Experiment):
        assert section.name in headings
        values = getattr(experiment, section.name)
        for field in dataclasses.fields(values):
            text = headings[f"{section.name}.{field.name}"]
            default = getattr(values, field.name)
            written = default if isinstance(default, str) and default else json.dumps(default)
            written = str(default) if isinstance(default, Size) else written
            assert f"default {written} " in f"{text} ".replace("\n", " "), field.name
            meaning = " ".join(text.partition("¶")[2].split("·")[0].split())
            assert len(meaning) > 20, field.name
    assert sum("." in heading for heading in headings) == sum(
        len(dataclasses.fields(getattr(experiment, section.name))) for section in dataclasses.fields(Experiment)
    )


def test_settings_tell_their_range_their_short_name_and_what_presets_make_of_them(site: Path) -> None:
    headings = _headings(_page(site, "reference/settings"))
    assert "in presets: demo 128" in headings["data.size"]
    assert "short name --batch-size" in headings["train.batch_size"]
    assert "in [0, 1)" in headings["model.dropout"]
    assert "bce, lsgan or hinge" in headings["loss.adversarial"]
    assert "whole number, auto or full" in headings["model.depth"]


def test_every_verb_has_its_help_on_the_page_of_the_command_line(site: Path) -> None:
    headings = _headings(_page(site, "reference/command-line"))
    assert set(SUMMARIES) | {"data-streets", "data-camvid"} == set(headings) - {"command-line", "exit-codes"}
    for name in headings.keys() - {"command-line", "exit-codes"}:
        assert f"usage: pairloom {name.replace('-', ' ')}" in headings[name]


def test_no_page_asks_another_server(site: Path) -> None:
    for path in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*"', path.read_text()
        )
        assert loaded == [], path


def test_the_architecture_names_every_room() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rooms = {room for level in LEVELS for room in level if not room.startswith("__")}
    assert [room for room in sorted(rooms) if f"`{room}`" not in text] == []


def test_links_of_the_readme_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []


def test_the_reference_pages_are_up_to_date() -> None:
    for path in sorted(DOCS.glob("reference/*.md")):
        page = path.read_text(encoding="utf-8")
        assert written(page) == page, f"{_name(path)}: run make format"


# The code.


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    line: int
    """Of its first line, from 1."""
    text: str


def _blocks(page: Path) -> list[Block]:
    blocks, language, first, kept, fence = [], "", 0, list[str](), ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        opening = re.match(r"\s*(```+)\s*(\w*)", line)
        if not fence and opening:
            fence, language, first, kept = opening[1], opening[2], number + 1, []
        elif fence and line.strip() == fence:
            blocks.append(Block(language, first, "\n".join(kept)))
            fence = ""
        elif fence:
            kept.append(line)
    return blocks


@pytest.fixture(scope="module")
def supplies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What pages find in their working folder."""
    folder = tmp_path_factory.mktemp("supplies")
    for index, (photograph, ids) in enumerate(scenes("train", 32, 64)):
        save(
            folder / "my-pairs" / f"{index:04d}.png",
            np.concatenate([photograph, CITYSCAPES.to_colours(ids)], axis=1),
        )
    WRITERS["camvid"](folder / "camvid")
    WRITERS["cityscapes"](folder / "cityscapes")
    for index, (photograph, _) in enumerate(scenes("val", 48, 64)):
        save(folder / "photos" / f"{index}.jpg", photograph)
    save(folder / "photo.jpg", scenes("test", 48, 64)[0][0])
    write_clip(folder / "clip.mp4", street_frames(3, 48, 64))
    write_palette(folder / "classes.yaml", CITYSCAPES, "The classes of the street scenes.")
    torch.save(ForeignGenerator(7).state_dict(), folder / "latest_net_G.pth")
    return folder


@pytest.fixture(scope="module")
def trained_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the preset `recommended` on generated streets, for pages that say that they need one."""
    folder = tmp_path_factory.mktemp("trained")
    write_streets(folder / "streets", size=(64, 64), train_pairs=4, val_pairs=2, seed=0)
    settings = {"size": 32, "model.width": 4, "model.encoder": "none", "epochs": 1}
    return pairloom.train(folder / "streets", folder / "run", settings=settings).run.path


NEEDS_RUN = "Needs a trained run"
"""What a page says that expects the run `runs/streets`."""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Callable[[tuple[int, int], int, int, int], Path]:
    """Draws a few streets of a size, so many for training and validation, from a seed: each such data set once."""

    @cache
    def draw(size: tuple[int, int], train_pairs: int, val_pairs: int, seed: int) -> Path:
        out = tmp_path_factory.mktemp("streets") / "streets"
        write_streets(out, size=size, train_pairs=train_pairs, val_pairs=val_pairs, seed=seed)
        return out

    return draw


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch, drawn: Callable[[tuple[int, int], int, int, int], Path]) -> Iterator[None]:
    """Let every training and every data set of streets be tiny, and what a page registers be forgotten."""
    train, resume = training_run.train_experiment, training_run.resume

    def small(experiment: Experiment) -> Experiment:
        data = dataclasses.replace(experiment.data, size=Size(32, 32), train_pairs=None)
        model = dataclasses.replace(experiment.model, width=4)
        course = dataclasses.replace(experiment.train, epochs=1, device="auto")
        return dataclasses.replace(experiment, data=data, model=model, train=course)

    def train_small(
        preset: str | None, load: Callable[[str], Experiment], out: str | Path, **options: Any
    ) -> TrainingResult:
        return train(preset, lambda name: small(load(name)), out, **options)

    def resume_small(run: str | Path, *, epochs: int | None = None, **options: Any) -> TrainingResult:
        return resume(run, epochs=epochs and 2, **options)

    def write_few(out: Path, *, size: tuple[int, int], train_pairs: int, val_pairs: int, seed: int) -> None:
        share = min(1.0, 64 / min(size))
        reduced = (round(size[0] * share), round(size[1] * share))
        require_empty(out)
        shutil.copytree(drawn(reduced, min(train_pairs, 4), min(val_pairs, 2), seed), out, dirs_exist_ok=True)

    monkeypatch.setattr(training_run, "train_experiment", train_small)
    monkeypatch.setattr(training_run, "resume", resume_small)
    monkeypatch.setattr(streets, "write_streets", write_few)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # networks are so small that a second thread mostly waits
    with mock.patch.dict(ADVERSARIAL), mock.patch.dict(HALVINGS), mock.patch.dict(LAYOUTS):
        yield
    torch.set_num_threads(threads)


SHELL = ("cat", "ls", "head", "mkdir", "cp")
"""Commands of other programs that a page may run."""


BACKSLASH = "\\"


def _commands(block: Block) -> Lines:
    """Return the commands of a console block with their lines; a backslash at the end of one joins the next."""
    commands: Lines = []
    going_on = False
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        if going_on:
            number, begun = commands.pop()
            commands.append((number, f"{begun} {line.removesuffix(BACKSLASH).strip()}"))
        elif line.startswith("$ "):
            commands.append((number, line.removeprefix("$ ").removesuffix(BACKSLASH).strip()))
        else:
            continue
        going_on = line.endswith(BACKSLASH)
    return commands


def _run_command(command: str, where: str) -> None:
    """Run a command in the working folder, Pairloom's in this process.

    `# exit code 2` behind it says that it is to fail so; `> FILE` keeps what Pairloom prints. In the tiny data sets of
    these tests `check` may always find something: classes that one split alone has.
    """
    expected = re.search(r"# exit code (\d+)", command)
    program, *words = shlex.split(command, comments=True)
    if program == "cd":
        os.chdir(*words)
    elif program == "pairloom":
        printed, complaint = io.StringIO(), io.StringIO()
        kept = words[-1] if words[-2:-1] == [">"] else None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(complaint):
            try:
                code = main(words[:-2] if kept else words)
            except SystemExit as end:  # --help
                code = int(end.code or 0)
        print(printed.getvalue(), complaint.getvalue())
        if kept:
            Path(kept).write_text(printed.getvalue(), encoding="utf-8")
        problems = words[0] == "check" and not complaint.getvalue() and code == 2
        assert code == (int(expected[1]) if expected else 0) or problems, f"{where}: {command}: {complaint.getvalue()}"
    else:
        assert program in SHELL, f"{where}: {program} is not run; fence it as sh or text"
        subprocess.run(command, shell=True, check=True)  # noqa: S602 (our own page)


WITH_CODE = [page for page in PAGES if any(block.language in ("console", "python") for block in _blocks(page))]
READ_FIRST = ("README.md",)


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=() if _name(page) in READ_FIRST else pytest.mark.slow) for page in WITH_CODE],
    ids=_name,
)
def test_the_code_of_a_page_runs(
    page: Path, supplies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    folder = shutil.copytree(supplies, tmp_path / "work")
    if NEEDS_RUN in page.read_text(encoding="utf-8"):
        shutil.copytree(request.getfixturevalue("trained_run"), folder / "runs/streets")
    monkeypatch.chdir(folder)  # also undoes a page's own `cd`
    names: dict[str, object] = {"__name__": "documentation"}
    for block in _blocks(page):
        if block.language == "console":
            for line, command in _commands(block):
                _run_command(command, f"{_name(page)}, line {line}")
        elif block.language == "python":
            # With its own line numbers, so that a traceback leads to the page.
            code = compile("\n" * (block.line - 1) + block.text, str(page), "exec")
            exec(code, names)  # noqa: S102 (our own page)


@pytest.mark.usefixtures("_small")
def test_the_code_of_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = DOCS / "notebook.ipynb"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pyplot.switch_backend("agg")
    names: dict[str, object] = {"__name__": "documentation"}
    for number, cell in enumerate(json.loads(notebook.read_text(encoding="utf-8"))["cells"]):
        if cell["cell_type"] == "code":
            code = compile("".join(cell["source"]), f"{notebook}, cell {number}", "exec")
            exec(code, names)  # noqa: S102 (our own notebook)
    pyplot.close("all")
    assert [path.name for path in tmp_path.glob("*/first/model")] == ["model"]
