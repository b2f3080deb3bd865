"""Completion in a shell: bash itself completes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pairloom.cli import SUMMARIES, main
from pairloom.settings import ALIASES

BASH = shutil.which("bash")
pytestmark = pytest.mark.skipif(BASH is None, reason="needs bash")


def _completed(*words: str) -> list[str]:
    """Return what bash offers for the last word of a command line."""
    line = [str(Path(sys.executable).with_name("pairloom")), *words]
    script = (
        'source <("$1" completion bash); shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _pairloom; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert BASH
    done = subprocess.run(
        [BASH, "-c", script, "bash", line[0], *line], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_commands_are_completed() -> None:
    assert _completed("") == [*SUMMARIES, "--help", "--version"]
    assert _completed("e") == ["evaluate", "export"]
    assert _completed("data", "s") == ["streets"]


def test_options_and_settings_are_completed() -> None:
    assert _completed("train", "pairs", "--train.pat") == ["--train.patience"]
    assert _completed("train", "--bat") == ["--batch-size"]
    assert _completed("data", "streets", "--val") == ["--val-pairs"]
    assert _completed("evaluate", "--t") == ["--tta"]
    offered = _completed("check", "--")
    assert {"--out", "--json", "--data.palette", "--help"} <= set(offered)
    assert not any(name.startswith("--train.") for name in offered)
    assert "--list-options" not in offered


def test_file_names_are_left_to_the_shell() -> None:
    assert _completed("evaluate", "ru") == []


def test_every_command_lists_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (*SUMMARIES, "data streets", "data camvid"):
        with pytest.raises(SystemExit) as end:
            main([*command.split(), "--list-options"])
        assert end.value.code == 0
        listed = capsys.readouterr().out.split()
        assert "--help" in listed
        assert command != "train" or {f"--{name.replace('_', '-')}" for name in ALIASES} <= set(listed)


def test_an_unknown_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "bash" in capsys.readouterr().err
