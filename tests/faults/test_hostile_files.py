"""Hostile files end in a message: none executes, hangs, writes outside its folder or takes more than a gibibyte."""

import json
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hostile_files
import numpy as np
import pytest
import torch
from forks import run
from PIL import Image
from safetensors.numpy import save

from pairloom.config import DataConfig
from pairloom.data.folder import PairFolder
from pairloom.errors import UserError
from pairloom.models.model_folder import load_model
from pairloom.palette import read_palette
from pairloom.settings import load_experiment
from pairloom.training.checkpoint import load_state
from pairloom.training_run import resume, train

GIBIBYTE = 1024
CPU = torch.device("cpu")


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[Path]:
    """A file that is there after the test if something was executed."""
    path = tmp_path / "executed"
    yield path
    assert not path.exists(), "a file has been executed"


def test_images_that_lie_explode_or_execute_are_left_out_by_name(mark: Path, small_model: Path, tmp_path: Path) -> None:
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    hostile = hostile_files.images(mark)
    for name, content in hostile.items():
        (photographs / name).write_bytes(content)
    (photographs / "polyglot.png").write_bytes(hostile_files.polyglot())
    (photographs / "65535 wide.png").write_bytes(hostile_files.png(65535, 1, data=hostile_files.zeros(65535 * 3 + 1)))
    ended = run(["translate", small_model, photographs, "--out", tmp_path / "out", "--device", "cpu"], tmp_path)
    assert ended.code == 2
    assert "Traceback" not in ended.err
    left_out = [line for line in ended.err.splitlines() if line.startswith("pairloom: skipped: ")]
    assert len(left_out) == len(hostile)
    assert all(any(f"/{name}: " in line for line in left_out) for name in hostile)
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["65535 wide.png", "polyglot.png"]
    written = (tmp_path / "out/polyglot.png").read_bytes()
    assert b"script" not in written
    assert b"PK" not in written
    assert ended.mebibytes < GIBIBYTE


@pytest.mark.slow
def test_the_largest_image_that_is_read_takes_less_than_a_gibibyte(small_model: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(hostile_files.png(8192, 8192, data=hostile_files.zeros(8192 * (8192 * 3 + 1))))
    (tmp_path / "data/train").mkdir(parents=True)
    path.rename(tmp_path / "data/train/large.png")
    ended = run(["check", tmp_path / "data", "--layout", "side-by-side"], tmp_path)
    # It is read whole; that it is black all over is what there is to say of it.
    assert (ended.code, ended.err) == (2, "")
    assert "large.png: shows nothing but one colour" in ended.out
    assert ended.mebibytes < GIBIBYTE


# Models and states.


def _edited(folder: Path, place: tuple[str, ...], value: object) -> None:
    path = folder / "config.json"
    record = json.loads(path.read_text())
    inner = record
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    path.write_text(json.dumps(record))


ODD: dict[tuple[str, ...], list[Any]] = {
    ("model", "width"): [10**9, 3000, 4.5, "4", True, None, -1, 10**400],
    ("model", "fine_width"): [10**9, 0, "4"],
    ("model", "depth"): ["auto", "full", 12, 3.0, True],
    ("model", "norm"): ["x", 3, []],
    ("model", "up"): ["x"],
    ("model", "inference"): ["x"],
    ("model", "dropout"): ["a", float("nan"), 1],
    ("model", "norm_epsilon"): ["a", float("inf"), 0],
    ("model",): [{}, [], 3, {"x": 1}],
    ("size",): [[10**9, 10**9], [60000, 60000], ["a", "b"], [32.5, 48], [0, 0], [-3, 5], "ab", {"a": 1, "b": 2}, [32]],
    ("source", "channels"): [10**9, 2.5, True, 0, "3"],
    ("target", "channels"): [5, 1],
    ("target", "dtype"): ["float32", "object"],
    ("target", "palette", "names"): [["\n"] * 11, "abcdefghijk", [{}] * 11],
    ("target", "palette", "colours"): [[["a"]], 10**6],
    ("format",): ["2", [2], 10**400],
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("place", ODD, ids=".".join)
def test_a_description_with_odd_or_huge_values_is_refused_before_memory_is_given(
    place: tuple[str, ...], small_model: Path, tmp_path: Path
) -> None:
    for number, value in enumerate(ODD[place]):
        folder = shutil.copytree(small_model, tmp_path / str(number))
        _edited(folder, place, value)
        with pytest.raises(UserError):
            load_model(folder, CPU)


def _header(text: bytes, announced: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if announced is None else announced) + text


WEIGHTS: dict[str, Callable[[Path], bytes]] = {
    "a pickle": hostile_files.pickled,
    "a pickle of torch": hostile_files.torch_pickled,
    "a header of exabytes": lambda _: _header(b"{}", 2**62),
    "a header of 99 MiB": lambda _: _header(b'{"a":"' + b"x" * (99 * 2**20)),
    "shapes that lie": lambda _: (
        _header(b'{"a":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,16]}}') + bytes(16)
    ),
    "shapes that overflow": lambda _: _header(
        b'{"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}}'
    ),
    "deep nesting": lambda _: _header(b'{"a":' * 100_000),
    "other shapes": lambda _: save({"a": np.zeros(3, np.float32)}),
    "very many tensors": lambda _: save({f"t{number}": np.zeros(1, np.float32) for number in range(50_000)}),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", WEIGHTS)
def test_hostile_weights_are_refused(name: str, mark: Path, small_model: Path) -> None:
    (small_model / "model.safetensors").write_bytes(WEIGHTS[name](mark))
    with pytest.raises(UserError, match=r"weights are damaged|do not fit"):
        load_model(small_model, CPU)


@pytest.mark.parametrize("content", ["[" * 200_000, '{"format":' + "9" * 100_000 + "}", "\0" * 99, " " * (2**24 + 1)])
def test_a_description_that_is_none_is_refused(content: str, small_model: Path) -> None:
    (small_model / "config.json").write_text(content)
    with pytest.raises(UserError, match="is not a model description"):
        load_model(small_model, CPU)


@pytest.mark.parametrize("make", [hostile_files.pickled, hostile_files.torch_pickled])
def test_a_training_state_that_would_execute_is_refused(
    make: Callable[[Path], bytes], mark: Path, tmp_path: Path
) -> None:
    for name in ("last.pt", "previous.pt"):
        (tmp_path / name).write_bytes(make(mark))
    with pytest.raises(UserError, match="holds no complete training state"):
        load_state(tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("step", "3"), ("step", -1), ("pairs", 3), ("history", [{"epoch": 1}]), ("totals", {"l1": 3}), ("networks", [])],
)
def test_a_training_state_of_odd_values_is_refused(key: str, value: object, tmp_path: Path) -> None:
    state: dict[str, object] = {"step": 1, "pairs": ["a"], "sides": [{}], "history": []}
    state |= {"totals": {}, "spent": {}, "networks": {}, "circumstances": {}}
    torch.save(state, tmp_path / "last.pt")
    assert dict(load_state(tmp_path) or {}) == state
    torch.save({**state, key: value}, tmp_path / "last.pt")
    with pytest.raises(UserError, match="is not a training state of this version"):
        load_state(tmp_path)


@pytest.mark.slow
def test_networks_of_odd_values_in_a_training_state_are_refused(streets: Path, tmp_path: Path) -> None:
    settings = {"size": 32, "model.width": 4, "model.encoder": "none", "epochs": 1}
    train(streets, tmp_path / "run", settings=settings, log=lambda _line: None)
    last = tmp_path / "run/checkpoints/last.pt"
    state = torch.load(last, weights_only=True)
    for name in state["networks"]:
        if name == "precision":
            continue
        for odd in ({}, {"state": 3, "param_groups": [[]]}, dict.fromkeys(state["networks"][name], 3)):
            torch.save({**state, "networks": {**state["networks"], name: odd}}, last)
            with pytest.raises(UserError, match="does not fit the networks"):
                resume(tmp_path / "run", epochs=2, log=lambda _line: None)


# YAML.

LAUGHS = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 10)}]\n" for level in range(1, 10)
)
INNER = "".join(f"  b{level}: &b{level} [{','.join([f'*b{level - 1}'] * 10)}]\n" for level in range(1, 10))
YAML: dict[str, str] = {
    "a billion laughs": LAUGHS + "data: {root: *a9}\nclasses: {x: *a9}",
    "a billion laughs as a value": "data:\n  root: &b0 [x,x]\n" + INNER,
    "merged laughs": "x0: &x0 {q: 1}\n"
    + "".join(f"x{n}: &x{n} {{<<: [{','.join([f'*x{n - 1}'] * 10)}]}}\n" for n in range(1, 6)),
    "itself": "data: &a {root: *a}\nclasses: &b {x: *b}",
    "a tag that calls": "data: {root: !!python/object/apply:builtins.open ['MARK', w]}",
    "a tag that makes": "!!python/object/new:builtins.open ['MARK', w]",
    "a tag that names": "data: {root: !!python/name:os.system }",
    "a huge number": "data: {val_share: " + "9" * 100_000 + "}\nclasses: {x: [" + "9" * 100_000 + ", 1, 1]}",
    "a huge hexadecimal number": "train: {seed: 0x" + "f" * 100_000 + "}",
    "a huge sexagesimal number": "train: {epochs: 1" + ":59" * 10_000 + "}",
    "deep brackets": "[" * 20_000,
    "deep lists": "a:\n" + "".join(" " * depth + "-\n" for depth in range(2000)),
    "no number": "optim: {learning_rate: .nan}",
    "a huge width": "model: {width: 1000000000}",
    "a huge size": "data: {size: 1000000000}",
    "a huge batch": "train: {batch_size: 99999999999999999999}",
    "too much of it": "# " + "x" * 2**24,
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", YAML)
def test_hostile_yaml_is_refused_as_a_config_and_as_a_palette(name: str, mark: Path, tmp_path: Path) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_text(YAML[name].replace("MARK", str(mark)), encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_experiment(file=path)
    assert len(str(caught.value)) < 2000
    with pytest.raises(UserError) as caught:
        read_palette(path)
    assert len(str(caught.value)) < 2000


# Names.


def _picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 80, 3), dtype=np.uint8)).save(path, "PNG")


def test_odd_names_stay_in_their_folder_and_rule_no_terminal(small_model: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for number, name in enumerate(hostile_files.NAMES):
        _picture(data / "train" / f"{name}.png", number)
    (data / "train" / "bad\n\x1b[31m.png").write_bytes(b"no image")
    before = {path for path in tmp_path.rglob("*") if "said" not in path.parts[len(tmp_path.parts)]}
    out = tmp_path / "out"
    for words, code in (
        (["check", data, "--layout", "side-by-side"], 2),
        (["translate", small_model, data, "--out", out, "--device", "cpu"], 2),
    ):
        ended = run(words, tmp_path)
        assert ended.code == code
        assert "bad\\n\\x1b[31m.png" in ended.out + ended.err
        assert not {"\x1b", "\x07", "\u202e"} & set(ended.out + ended.err)
        assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) == 2
    (data / "train" / "bad\n\x1b[31m.png").unlink()
    settings = (
        "--size 32 --model.width 4 --epochs 1 --data.target images --preset photo --train.samples 20 --device cpu "
        "--layout side-by-side"
    )
    ended = run(["train", data, "--out", out / "run", *settings.split()], tmp_path)
    assert (ended.code, ended.err) == (0, "")
    written = {path for path in tmp_path.rglob("*") if "said" not in path.parts[len(tmp_path.parts)]} - before
    assert {path for path in written if not path.is_relative_to(out)} == set()
    assert len(list((out / "train").glob("*.png"))) == len(hostile_files.NAMES)


@pytest.mark.parametrize(
    "name", ["../../../etc/passwd", "/etc/passwd", "x" * 5000, "漢" * 200, "/dev/zero", "a\nb", "\x1b[31m", "~", "."]
)
def test_a_manifest_leads_to_images_or_to_a_message(name: str, tmp_path: Path) -> None:
    (tmp_path / "pairs.jsonl").write_text(json.dumps({"source": name, "target": name}) + "\n")
    with pytest.raises(UserError) as caught:
        _first_pair(tmp_path)
    assert len(str(caught.value)) < 6000


def _first_pair(root: Path) -> None:
    folder = PairFolder.open(DataConfig(root=str(root), target="images"))
    folder.read(folder.files("train")[0])


def test_long_ways_of_a_manifest_become_names_that_files_can_have(tmp_path: Path) -> None:
    deep = tmp_path / ("漢" * 60) / ("字" * 60)
    rows = []
    for number in range(3):
        path = deep / f"{'語' * 80}{number}.png"
        _picture(path, number)
        rows.append({"source": str(path.relative_to(tmp_path)), "target": str(path.relative_to(tmp_path))})
    (tmp_path / "pairs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    folder = PairFolder.open(DataConfig(root=str(tmp_path), target="images"))
    names = [files.name for split in folder.splits() for files in folder.files(split)]
    assert len(set(names)) == 3
    assert all(len(name.encode()) <= 122 for name in names)


def test_brackets_in_class_names_are_no_markup(tmp_path: Path) -> None:
    for number in range(3):
        colours = np.array([[1, 2, 3], [200, 5, 6]], np.uint8)[np.random.default_rng(number).integers(0, 2, (32, 32))]
        (tmp_path / "data/train").mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate([colours, colours], axis=1)).save(tmp_path / f"data/train/{number}.png")
    palette = tmp_path / "classes.yaml"
    palette.write_text("classes: {'[/x]': [1, 2, 3], \"[b]y\\e[31m\": [200, 5, 6]}")
    words = ["check", tmp_path / "data", "--layout", "side-by-side", "--data.palette", palette]
    ended = run(words, tmp_path)
    assert "[/x]" in ended.out, ended.err
    assert "[b]y\\x1b[31m" in ended.out
    assert "\x1b" not in ended.out
