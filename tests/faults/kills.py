"""Kills commands at random moments with `kill -9`, again and again until they are done, and looks at what is left.

    python tests/faults/kills.py --kills 200 --seed 0

For each kind of work: run it undisturbed; then start it, kill it, start it again, and so on, until so many kills have
been made and it has ended by itself. What it then has written must be what the undisturbed one has, byte for byte;
and after each kill no file under its final name is half-written. A kind that does not go on says what to do.
"""

import argparse
import json
import os
import random
import re
import runpy
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from forks import Command, Ended, run
from PIL import Image
from safetensors import safe_open

from pairloom.exporters.web_runtime import FILES

TRAIN = "--size 32 --model.width 4 --train.seed 1 --device cpu --train.samples 2 --batch-size 2"

HOLDS_FILES = "already holds files; choose another --out, or remove it first"
IS_THERE = "already exists; choose another --out, or remove it first"


@dataclass(frozen=True)
class Kind:
    """A kind of work that is killed.

    Attributes:
        begin: the words that begin it, by the folder with what is needed and the one that it makes.
        again: those that go on with it; None where it is begun again.
        advice: what it says where it does not go on, as a pattern; then it is started over in an empty place.
        same: what must be the same as undisturbed, by its place in the folder that it makes.
        cache: whether the store of decoded pairs is emptied before each start, so that it is built anew.
    """

    begin: Callable[[Path, Path], list[object]]
    same: Callable[[Path], dict[str, bytes]]
    again: Callable[[Path, Path], list[object]] | None = None
    advice: str | None = None
    cache: bool = False


def _trained(settings: str, encoder: str = "none") -> Callable[[Path, Path], list[object]]:
    words = (*TRAIN.split(), "--model.encoder", encoder, *settings.split())
    return lambda needed, out: ["train", needed / "streets", "--out", out, *words]


def _resumed(needed: Path, out: Path) -> list[object]:
    if not (out / "config.yaml").is_file():
        return ["train", needed / "streets", "--out", out]  # replaced by `begin`
    return ["train", "--resume", out]


def _of_a_run(out: Path) -> dict[str, bytes]:
    """What a run comes to: its models, its metrics without the time, and what the report shows of them."""
    same = {name: (out / name).read_bytes() for name in ("model/model.safetensors", "model/config.json")}
    for path in sorted((out / "samples").rglob("*.png")):
        same[str(path.relative_to(out))] = path.read_bytes()
    for path in sorted((out / "checkpoints").glob("epoch-*/*")):
        same[str(path.relative_to(out))] = path.read_bytes()
    records = map(json.loads, (out / "metrics.jsonl").read_text().splitlines())
    same["metrics"] = json.dumps(
        [{key: record[key] for key in record if key != "seconds"} for record in records]
    ).encode()
    same["grid.png"] = (out / "report/grid.png").read_bytes()
    return same


def _of_all_files(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in _files(out)}


def _files(out: Path) -> list[Path]:
    """Return what is there under its final name: neither a file nor a folder above it is hidden."""
    found = (path for path in sorted(out.rglob("*")) if path.is_file())
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(out).parts)]


KINDS: dict[str, Kind] = {
    "training": Kind(_trained("--epochs 60 --train.checkpoint_steps 9 --train.snapshot_every 30"), _of_a_run, _resumed),
    "checkpoints": Kind(
        _trained("--epochs 12 --train.checkpoint_steps 1 --train.snapshot_every 12"), _of_a_run, _resumed
    ),
    "encoder": Kind(
        _trained("--epochs 8 --train.checkpoint_steps 3 --train.snapshot_every 4", "efficientnet-lite0"),
        _of_a_run,
        _resumed,
    ),
    "reports": Kind(_trained("--epochs 3 --train.snapshot_every 1 --train.checkpoint_steps 2"), _of_a_run, _resumed),
    "cache": Kind(
        _trained("--epochs 1 --train.checkpoint_steps 1 --data.store_size 2048"), _of_a_run, _resumed, cache=True
    ),
    "translation": Kind(
        lambda needed, out: ["translate", needed / "model", needed / "photographs", "--out", out, "--device", "cpu"],
        _of_all_files,
    ),
    "streets": Kind(
        lambda _needed, out: [
            "data",
            "streets",
            "--out",
            out,
            "--size",
            "96",
            "--train-pairs",
            "30",
            "--val-pairs",
            "9",
        ],
        _of_all_files,
        advice=HOLDS_FILES,
    ),
    "export": Kind(
        lambda needed, out: ["export", needed / "model", "--out", out / "model.onnx"],
        _of_all_files,
        advice=IS_THERE,
    ),
    "web page": Kind(
        lambda needed, out: [
            *("export", needed / "model", "--format", "web"),
            *("--runtime", needed / "runtime", "--out", out / "page"),
        ],
        _of_all_files,
        advice=IS_THERE,
    ),
    "import": Kind(
        lambda needed, out: ["import", needed / "latest_net_G.pth", "--out", out],
        _of_all_files,
        advice=HOLDS_FILES,
    ),
}
"""Every kind of work that is killed; a new one is an entry here."""


class LossError(AssertionError):
    """A kill has lost something."""


class Harness:
    """Kills kinds of work in a folder of its own.

    Args:
        place: an empty folder.
        seed: of the moments.
        kinds: names of the kinds.
    """

    def __init__(self, place: Path, seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> None:
        self._place, self._seed, self._kinds = place, seed, kinds
        self._needed = place / "needed"
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self._prepare()

    def run(self, kills: int) -> None:
        """Make so many kills, shared by the kinds; raise LossError for the first that has lost something."""
        for index, name in enumerate(self._kinds):
            share = kills // len(self._kinds) + (index < kills % len(self._kinds))
            if share:
                self._kill(name, share)

    def table(self) -> str:
        """Return the counts by kind and outcome."""
        lines = [f"{'kind':<14}{'outcome':<44}kills"]
        lines += [f"{kind:<14}{outcome:<44}{count:>5}" for (kind, outcome), count in sorted(self.outcomes.items())]
        return "\n".join([*lines, f"{sum(self.outcomes.values())} kills, seed {self._seed}"])

    def _prepare(self) -> None:
        streets = ("data", "streets", "--size", "96", "--val-pairs", "3")
        self._good(*streets, "--out", self._needed / "streets", "--train-pairs", "12")
        self._good(*streets, "--out", self._needed / "photographs", "--train-pairs", "40")
        self._good(*_trained("--epochs 1")(self._needed, self._needed / "run"))
        shutil.copytree(self._needed / "run" / "model", self._needed / "model")
        (self._needed / "runtime").mkdir()
        for name in FILES:
            (self._needed / "runtime" / name).write_bytes(bytes(2**20))
        foreign = runpy.run_path(str(Path(__file__).parents[1] / "foreign.py"))["ForeignGenerator"]
        torch.manual_seed(0)
        torch.save(foreign(7, width=8).state_dict(), self._needed / "latest_net_G.pth")

    def _good(self, *words: object) -> Ended:
        ended = run(words, self._place / "said")
        if ended.code != 0:
            raise LossError(f"{words} has ended with {ended.code}: {ended.err[-1000:]}")
        return ended

    def _kill(self, name: str, kills: int) -> None:
        kind, draw = KINDS[name], random.Random(f"{self._seed} {name}")  # noqa: S311 (moments, not secrets)
        # The store names pairs by the path of the data, so both are of one place.
        out, undisturbed = self._place / name / "out", self._place / name / "undisturbed"
        self._clear_cache(kind)
        whole = self._good(*kind.begin(self._needed, undisturbed)).seconds
        expected = kind.same(undisturbed)
        made = 0
        while made < kills:
            ended = None
            for _ in range(kills):
                moment = draw.uniform(0.0, whole / (2 if kind.again else 1))
                self._clear_cache(kind)
                command = Command(self._words(kind, out), self._place / "said")
                time.sleep(moment)
                if not command.lives:
                    ended = command.wait()
                    break
                command.kill()
                made += 1
                where = f"{name}, seed {self._seed}, kill {made} after {moment:.3f} s"
                _require_whole_files(out, where)
                self.outcomes[name, self._outcome(kind, out)] += 1
                if kind.advice and self._refused(kind, out, where):
                    shutil.rmtree(out)
                if made == kills:
                    break
            ended = ended or run(self._words(kind, out), self._place / "said")
            if ended.code != 0:
                raise LossError(
                    f"{name}, seed {self._seed}: does not go on, but ends with {ended.code}: {ended.err[-1500:]}"
                )
            found = kind.same(out)
            if wrong := [part for part in expected if found.get(part) != expected[part]] or found.keys() - expected:
                raise LossError(f"{name}, seed {self._seed}, {made} kills: {sorted(wrong)} are not as undisturbed")
            if left := [path for path in out.rglob("*.unfinished") if kind.again]:
                raise LossError(f"{name}: {left} are left behind")
            shutil.rmtree(out)

    def _words(self, kind: Kind, out: Path) -> list[object]:
        begun = kind.again is not None and (out / "config.yaml").is_file()
        return kind.again(self._needed, out) if begun and kind.again else kind.begin(self._needed, out)

    def _outcome(self, kind: Kind, out: Path) -> str:
        if kind.advice and _files(out):
            return "says what to do, and is done anew"
        state = out / "checkpoints" / "last.pt"
        if kind.again:
            return "goes on to the same bytes" if state.exists() else "starts over to the same bytes"
        return "goes on to the same bytes" if _files(out) else "starts over to the same bytes"

    def _refused(self, kind: Kind, out: Path, where: str) -> bool:
        """Tell whether a command that does not go on was refused with its advice."""
        if not _files(out):
            if out.exists():
                shutil.rmtree(out)
            return False
        ended = run(self._words(kind, out), self._place / "said")
        if ended.code != 2 or not re.search(kind.advice or "", ended.err):
            raise LossError(f"{where}: ends with {ended.code} and {ended.err!r}")
        return True

    def _clear_cache(self, kind: Kind) -> None:
        if kind.cache:
            shutil.rmtree(Path(os.environ["PAIRLOOM_CACHE"]) / "pairs", ignore_errors=True)


def _require_whole_files(out: Path, where: str) -> None:
    """Raise LossError for a file that is half-written under its final name."""
    for path in _files(out):
        try:
            if path.suffix == ".png":
                with Image.open(path) as image:
                    image.load()
            elif path.suffix == ".safetensors":
                with safe_open(path, framework="numpy") as file:
                    list(file.keys())
            elif path.suffix == ".onnx":
                onnx.checker.check_model(onnx.load(path))
            elif path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".html":
                assert path.read_text().rstrip().endswith("</html>"), "its end is missing"
        except Exception as error:
            raise LossError(f"{where}: {path} is half-written ({error})") from error


def main() -> int:
    """Make the kills that are asked for, and print their count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=tuple(KINDS), action="append")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        os.environ["PAIRLOOM_CACHE"] = str(Path(place, "cache"))
        harness = Harness(Path(place), options.seed, tuple(options.kind or KINDS))
        try:
            harness.run(options.kills)
        finally:
            print(harness.table())
    return 0


if __name__ == "__main__":
    sys.exit(main())
