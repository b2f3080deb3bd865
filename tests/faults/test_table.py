"""The table of faults and attacks names tests that exist, and every fault and attack that is tested here."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs/explanation/faults.md"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in PAGE.read_text(encoding="utf-8").partition("## Faults")[2].partition("## Limits")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| fault |", "| attack |"))
]
TARGETS = re.findall(r"^([a-z-]+):", (TESTS.parent / "Makefile").read_text(encoding="utf-8"), re.M)
TABLED = (
    "test_faults.py", "test_hostile_files.py", "test_hostile_folders.py", "test_hostile_onnx.py",
    "test_hostile_requests.py",
)  # fmt: skip
"""Files of tests each of which stands in the table."""


def _file(name: str) -> Path:
    """Return where a file of tests lies; without a folder, among these or above them."""
    places = (TESTS / name, TESTS / "faults" / name)
    return next((path for path in places if path.exists()), TESTS / "faults" / name)


def _functions(path: Path) -> list[str]:
    return re.findall(r"^def (test_\w+)\(", path.read_text(encoding="utf-8"), re.M)


def _named(cell: str) -> list[tuple[Path, str]]:
    """Return the tests that a cell names: the file, and the beginning of the function's name."""
    found, path = [], None
    for word in re.findall(r"`([^`]+)`", cell):
        if word.startswith("make "):
            assert word.removeprefix("make ") in TARGETS
        elif word.startswith("benchmarks/"):
            assert (TESTS.parent / word).exists()
        elif word.endswith((".py", "/")):
            path = _file(word)
            assert path.exists(), word
            found.append((path, ""))
        else:
            assert path is not None, word
            found.append((path, word))
    return found


@pytest.mark.parametrize("row", ROWS, ids=[row[0][:50] for row in ROWS])
def test_what_shows_a_row_exists(row: list[str]) -> None:
    assert len(row) == 3, "a bar within a cell?"
    named = _named(row[2])
    assert named or row[2] == "the same"
    for path, name in named:
        if path.is_dir():
            assert list(path.glob("test_*.py"))
            continue
        functions = _functions(path)
        begun = name.removesuffix("...")
        assert any(function == name or (begun != name and function.startswith(begun)) for function in functions) or (
            not name and functions
        ), f"{path.name} has no {name}"


@pytest.mark.parametrize("file", TABLED)
def test_every_test_of_a_fault_or_an_attack_stands_in_the_table(file: str) -> None:
    named = {name.removesuffix("...") for row in ROWS for path, name in _named(row[2]) if path.name == file}
    functions = _functions(TESTS / "faults" / file)
    missing = [function for function in functions if not any(begun and function.startswith(begun) for begun in named)]
    assert not missing, f"the table does not tell of {missing}"
