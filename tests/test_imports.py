"""The rooms know only those below them, and the package loads nothing that a verb does not need."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import pairloom
from random_models import save_random_model
from trained import TinyRun

PACKAGE = Path(pairloom.__file__).parent

# Each room may import from its own level's listed rooms and from every level below; see docs/architecture.md.
LEVELS = (
    {"errors"},
    {"allocator", "config", "cpu", "files", "progress", "rng"},
    {"palette", "worker_processes"},
    {"images", "settings"},
    {"run", "setting_changes"},
    {"data", "streets"},
    {"models"},
    {"evaluation"},
    {"report"},
    {"web_page"},
    {"exporters"},
    {"training", "inference"},
    {"cluster", "serving"},
    {"api", "training_run"},
    {"demonstration"},
    {"cli"},
    {"__init__", "__main__"},
)
"""From the ground up. Two rooms on one level do not import each other."""


def _room(module: str) -> str:
    return module.split(".")[1] if "." in module else "__init__"


def _imports(path: Path) -> set[str]:
    """Rooms of the package that a file imports, in functions too, but not for type checkers alone."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    checked_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    rooms = set()
    for node in ast.walk(tree):
        if node in checked_only:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pairloom":
            rooms.add(_room(node.module))
        elif isinstance(node, ast.Import):
            rooms |= {_room(alias.name) for alias in node.names if alias.name.split(".")[0] == "pairloom"}
    return rooms


def _level(room: str) -> int:
    return next(level for level, rooms in enumerate(LEVELS) if room in rooms)


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_only(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if room == "presets":
        return
    # The version number is the one thing that the lower rooms take from the package itself.
    above = {other for other in _imports(path) - {room, "__init__"} if _level(other) >= _level(room)}
    assert not above, f"{path.name} in room {room} imports {above}"


def test_every_library_that_is_imported_is_declared() -> None:
    project = tomllib.loads((PACKAGE.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [names for extra, names in project["optional-dependencies"].items() if extra not in ("dev", "fuzz")]
    declared = {_normalised(re.split(r"[^\w.-]", name)[0]) for name in sum(extras, project["dependencies"])}
    distributions = packages_distributions()
    undeclared = {
        f"{path.relative_to(PACKAGE)}: {module}"
        for path in FILES
        for module in _libraries(path)
        if not declared & {_normalised(name) for name in distributions.get(module.split(".")[0], [])}
    }
    assert undeclared == set()


def _libraries(path: Path) -> set[str]:
    """Modules that a file imports, of neither Python nor the package."""
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
    names = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    names |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    return {name for name in names if name.split(".")[0] not in {"pairloom", *sys.stdlib_module_names}}


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_public_name_can_be_loaded() -> None:
    assert [name for name in pairloom.__all__ if getattr(pairloom, name, None) is None] == []
    assert set(dir(pairloom)) == set(pairloom.__all__)


def test_no_module_has_a_public_name() -> None:
    """Importing a submodule would put it in the place of the function of the same name."""
    modules = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert modules & set(pairloom.__all__) == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = pairloom.nothing


def test_importing_the_package_loads_no_heavy_library() -> None:
    code = "import pairloom, pairloom.cli, sys; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "numpy", "lightning_fabric", "jsonargparse", "matplotlib", "PIL", "rich", "kornia"}
    assert heavy & {re.split(r"\.", module)[0] for module in modules} == set()


def test_check_loads_nothing_that_only_training_needs(tmp_path: Path) -> None:
    for name in ("images/0.png", "images/1.png", "masks/0.png", "masks/1.png"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        values = np.arange(64, dtype=np.uint8).reshape(8, 8) // 32
        Image.fromarray(values if "masks" in name else np.dstack([values * 100] * 3)).save(path)
    code = (
        f"import sys, pairloom.cli; code = pairloom.cli.main(['check', {str(tmp_path)!r}]); print(code, *sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    modules = said.splitlines()[-1].split()
    assert "pairloom.data.check" in modules
    heavy = {"torch", "kornia", "torchmetrics", "matplotlib", "lightning_fabric"}
    assert heavy & {module.split(".")[0] for module in modules} == set()


def test_a_list_of_runs_loads_nothing_that_computes(tiny_run: TinyRun) -> None:
    code = f"import sys, pairloom.cli; pairloom.cli.main(['runs', {str(tiny_run.path)!r}]); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "finished" in said
    heavy = {"torch", "kornia", "torchmetrics", "matplotlib", "lightning_fabric", "PIL"}
    assert heavy & {module.split(".")[0] for module in said.splitlines()[-1].split()} == set()


@pytest.mark.parametrize("encoder", ["none", "efficientnet-lite0"])
def test_translate_loads_nothing_that_one_picture_does_not_need(tmp_path: Path, encoder: str) -> None:
    model = save_random_model(tmp_path / "model", encoder=encoder)
    Image.fromarray(np.full((32, 48, 3), 90, dtype=np.uint8)).save(tmp_path / "photo.png")
    words = ["translate", str(model), str(tmp_path / "photo.png"), "--out", str(tmp_path / "out"), "--device", "cpu"]
    code = f"import sys, pairloom.cli; pairloom.cli.main({words!r}); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert (tmp_path / "out" / "photo.png").is_file()
    modules = said.splitlines()[-1].split()
    heavy = {"kornia", "torchmetrics", "matplotlib", "lightning_fabric", "tensorboard", "onnx", "sympy", "transformers"}
    assert heavy & {module.split(".")[0] for module in modules} == set()
    assert "torch._dynamo" not in modules
