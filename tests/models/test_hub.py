"""Models on a hub, fetched from and published on a stand-in on this machine, by the client that users have."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import pairloom
from hub import Hub, Repository, standing_in, use_hub
from pairloom.errors import UserError
from pairloom.images import read_picture
from pairloom.models.hub import download, may_be_on_hub, upload
from pairloom.models.model_folder import find_model
from pairloom.report.model_card import CARD
from trained import TinyRun

constants = pytest.importorskip("huggingface_hub.constants")

# The client's own call of its HTTP library.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")

FILES = ["README.md", "config.json", "model.safetensors"]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub to which this process is logged in."""
    with standing_in() as hub:
        use_hub(hub, tmp_path, monkeypatch)
        monkeypatch.setenv("HF_TOKEN", hub.token)
        yield hub


def _repository(hub: Hub, model: Path, name: str = "me/streets") -> Repository:
    """Put a model on the hub, and one of its files besides that nobody asked for."""
    repository = hub.repositories[name] = Repository()
    files = {path.name: path.read_bytes() for path in model.iterdir()}
    repository.commits.append({**files, "training.pt": b"large"})
    return repository


def test_what_is_published_is_what_is_fetched(hub: Hub, tiny_run: TinyRun) -> None:
    assert pairloom.push(tiny_run.path, "me/streets", message="the first") == f"{hub.url}/me/streets"
    repository = hub.repositories["me/streets"]
    assert not repository.private
    assert repository.messages[-1] == "the first"
    assert sorted(repository.commits[-1]) == FILES
    folder = find_model(Path("me/streets"))
    assert sorted(path.name for path in folder.iterdir()) == FILES
    for name in FILES:
        assert (folder / name).read_bytes() == (tiny_run.path / "model" / name).read_bytes()
    assert not any("torch" in agent or "pairloom" in agent for agent in hub.agents)


def test_publishing_again_makes_a_new_commit_of_what_has_changed(
    hub: Hub, tiny_run: TinyRun, other_run: TinyRun
) -> None:
    pairloom.push(tiny_run.path, "me/streets")
    pairloom.push(other_run.path, "me/streets")
    repository = hub.repositories["me/streets"]
    assert len(repository.commits) == 3
    old, new = (find_model(Path(f"me/streets@{repository.sha(index)}")) for index in (1, 2))
    assert (old / "model.safetensors").read_bytes() == (tiny_run.path / "model" / "model.safetensors").read_bytes()
    assert (new / "model.safetensors").read_bytes() == (other_run.path / "model" / "model.safetensors").read_bytes()
    repository.tags["v1.0"] = 1
    assert download("me/streets@v1.0") == old


def test_an_edited_card_is_sent_as_it_is_and_a_missing_one_is_made(hub: Hub, tiny_run: TinyRun, tmp_path: Path) -> None:
    made = (tiny_run.path / "model" / CARD).read_bytes()
    model = shutil.copytree(tiny_run.path / "model", tmp_path / "model")
    (model / CARD).write_bytes(made + b"\nAsk me.\n")
    (model / "secret.txt").write_text("mine")
    pairloom.push(model, "me/streets")
    assert hub.repositories["me/streets"].commits[-1][CARD] == made + b"\nAsk me.\n"
    (model / CARD).unlink()
    pairloom.push(model, "me/other")
    assert hub.repositories["me/other"].commits[-1][CARD] == made
    assert sorted(hub.repositories["me/other"].commits[-1]) == FILES


def test_a_private_model_is_private(hub: Hub, tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    pairloom.push(tiny_run.path, "me/streets", private=True)
    assert hub.repositories["me/streets"].private
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="no model of that name on the Hub; for a private one, log in"):
        download("me/streets")


def test_what_is_to_be_private_is_never_put_where_all_can_see_it(hub: Hub, tiny_run: TinyRun) -> None:
    hub.repositories["me/streets"] = Repository()
    with pytest.raises(UserError, match="exists already and is public"):
        pairloom.push(tiny_run.path, "me/streets", private=True)
    assert hub.repositories["me/streets"].commits == [{}]
    assert hub.large == {}


def test_without_a_token_nothing_is_sent(hub: Hub, tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="needs a token that may write; log in with `hf auth login`, or set HF_TOKEN"):
        pairloom.push(tiny_run.path, "me/streets")
    assert hub.asked == []


def test_a_damaged_model_is_not_sent(hub: Hub, tiny_run: TinyRun, tmp_path: Path) -> None:
    model = shutil.copytree(tiny_run.path / "model", tmp_path / "model")
    (model / "model.safetensors").write_bytes(b"half")
    with pytest.raises(UserError, match="weights are damaged"):
        pairloom.push(model, "me/streets")
    with pytest.raises(UserError, match="no such run or model folder"):
        pairloom.push("me/there", "me/streets")
    assert hub.asked == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("others/streets", "the Hub refuses"),
        ("streets", "is not a model name on the Hub; write USER/NAME"),
        ("me/streets@v1", "leave out @v1"),
        ("me/double--dash", "is not a model name on the Hub"),
    ],
)
def test_what_the_hub_refuses_is_told_in_a_line(hub: Hub, tiny_run: TinyRun, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as told:
        pairloom.push(tiny_run.path, name)
    assert len(str(told.value).splitlines()) == 1
    assert hub.large == {}


def test_a_transfer_that_fails_is_told_in_a_line(hub: Hub, tiny_run: TinyRun) -> None:
    hub.full = True
    with pytest.raises(UserError, match="No space is left for you") as told:
        pairloom.push(tiny_run.path, "me/streets")
    assert len(str(told.value).splitlines()) == 1
    assert hub.repositories["me/streets"].commits == [{}]


def test_a_folder_here_goes_before_the_hub(hub: Hub, tiny_run: TinyRun, tmp_path: Path) -> None:
    _repository(hub, tiny_run.path / "model")
    shutil.copytree(tiny_run.path / "model", tmp_path / "me" / "streets")
    assert find_model(Path("me/streets")) == Path("me/streets")
    with pytest.raises(UserError, match="me/streats: no such run or model folder"):
        find_model(Path("me/streats"))
    assert hub.asked == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("user/name", True),
        ("user/na.me-1_2", True),
        ("user/name@v1.0", True),
        ("user/name@refs/pr/1", True),
        ("name", False),
        ("./user/name/deeper", False),
        ("/user/name", False),
        ("../name", False),
        ("user/name@", False),
        ("user/name?x=1", False),
        ("üser/name", False),
    ],
)
def test_what_can_be_a_name_on_a_hub(
    text: str, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert may_be_on_hub(Path(text)) == expected


def test_only_the_files_of_a_model_are_fetched(hub: Hub, tiny_run: TinyRun) -> None:
    _repository(hub, tiny_run.path / "model")
    assert sorted(path.name for path in download("me/streets").iterdir()) == FILES
    assert not any("training.pt" in path for _, path in hub.asked)


def test_a_model_that_was_fetched_is_there_without_a_connection(
    hub: Hub, tiny_run: TinyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    _repository(hub, tiny_run.path / "model")
    folder = download("me/streets")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    asked = len(hub.asked)
    assert download("me/streets") == folder
    with pytest.raises(UserError, match="me/other: no such folder here, and the Hub cannot be reached"):
        download("me/other")
    assert len(hub.asked) == asked


def test_a_hub_that_does_not_answer_is_named(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(UserError, match="the Hub cannot be reached") as told:
        download("me/streets")
    assert len(str(told.value).splitlines()) == 1


def test_what_cannot_be_fetched_is_told(hub: Hub, tiny_run: TinyRun) -> None:
    with pytest.raises(UserError, match="me/none: no such folder here, and no model of that name on the Hub"):
        download("me/none")
    _repository(hub, tiny_run.path / "model", "me/streets")
    with pytest.raises(UserError, match="has no such branch, tag or commit"):
        download("me/streets@v9")
    _repository(hub, tiny_run.path / "model", "me/gated").gated = True
    with pytest.raises(UserError, match="is gated"):
        download("me/gated")
    hub.repositories["me/empty"] = Repository(commits=[{"weights.bin": b"x"}])
    with pytest.raises(UserError, match="is not a Pairloom model"):
        download("me/empty")


def test_a_model_of_another_kind_is_refused(hub: Hub, tiny_run: TinyRun) -> None:
    _repository(hub, tiny_run.path / "model").commits[-1]["config.json"] = b'{"architectures": ["Bert"]}'
    with pytest.raises(UserError, match="is not a model description"):
        pairloom.Translator.load("me/streets")


def test_without_the_library_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"me/streets: .* pip install 'pairloom\[hub\]'"):
        find_model(Path("me/streets"))
    with pytest.raises(UserError, match=r"pip install 'pairloom\[hub\]'"):
        upload({}, "me/streets", private=False, message="x")


@pytest.mark.slow
def test_verbs_take_the_name_of_a_model_where_they_take_a_run(tiny_run: TinyRun, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        command = [sys.executable, "-W", "error", "-W", "ignore:Use 'content", "-m", "pairloom", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    with standing_in() as hub:
        environment = {
            **os.environ,
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": hub.token,
        }
        assert run("push", str(tiny_run.path), "me/streets") == f"Published: {hub.url}/me/streets\n"
        run("translate", "me/streets@main", str(tiny_run.data / "val" / "0100.png"), "--out", "translated")
        scores = json.loads(run("evaluate", "me/streets", str(tiny_run.data), "--json"))
    assert read_picture(tmp_path / "translated" / "0100.png").ndim == 3
    record = json.loads((tiny_run.path / "model" / "config.json").read_text())["about"]["validation"]
    assert scores["mean_iou"] == record["mean_iou"]
