"""Runs the notebooks of the documentation and makes a page of each: a hook of MkDocs.

A kernel of the Python that builds the site runs them, in a folder that is gone afterwards; kernels, settings and caches
of whoever builds have no part in it. A cell that fails, fails the build.

The notebooks are kept without outputs: `python docs/notebooks.py`, which `make format` runs, clears them.
"""

import base64
import os
import re
import tempfile
from functools import cache
from pathlib import Path, PurePosixPath

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal, DeadKernelError
from nbformat import NotebookNode

CELL_SECONDS = 900
"""Time after which a cell is taken for one that hangs."""

HOMES = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter",
    "JUPYTER_DATA_DIR": "jupyter",
    "JUPYTER_RUNTIME_DIR": "jupyter",
    "MPLCONFIGDIR": "matplotlib",
    "PAIRLOOM_CACHE": "pairloom",
    "TMPDIR": "tmp",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
}
"""Variables that say where a kernel and what runs in it keep things, with their folders below the scratch folder."""

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""Of every notebook that is kept."""

_TERMINAL_CODE = re.compile(r"\x1b\[[0-9;]*m")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page, and its pictures, for each notebook among the files; the notebook itself stays, to be downloaded.

    Where `extra.run_notebooks` is false the pages show the code alone.

    Raises:
        PluginError: if a cell fails, or makes a picture without saying in words what it shows.
    """
    for file in [file for file in files if file.src_uri.endswith(".ipynb")]:
        text = file.content_string
        try:
            notebook = run(text) if config.extra.get("run_notebooks", True) else _read(text)
            page, pictures = rendered(notebook, PurePosixPath(file.src_uri).name)
        except (CellControlSignal, DeadKernelError, ValueError) as error:
            raise PluginError(f"{file.src_uri}: {_TERMINAL_CODE.sub('', str(error))}") from error
        stem = file.src_uri.removesuffix(".ipynb")
        files.append(File.generated(config, f"{stem}.md", content=page))
        for name, content in pictures.items():
            files.append(File.generated(config, str(PurePosixPath(stem).with_name(name)), content=content))
    return files


@cache  # `mkdocs serve` builds again at each change of any page
def run(text: str) -> NotebookNode:
    """Return the notebook (JSON) with the outputs of its cells.

    Raises:
        CellControlSignal: if a cell fails or hangs.
        DeadKernelError: if the kernel was killed.
    """
    notebook = _read(text)
    with (
        tempfile.TemporaryDirectory(prefix="notebook-") as scratch,
        # The kernel's sockets lie beside this file, and their names may have 107 characters, whatever TMPDIR is.
        tempfile.TemporaryDirectory(prefix="notebook-", dir="/tmp") as sockets,
    ):
        environment = {**os.environ, **{name: f"{scratch}/{folder}" for name, folder in HOMES.items()}}
        for folder in set(HOMES.values()):
            (Path(scratch) / folder).mkdir()
        # Without folders to look in, the kernel is the one of this Python.
        manager = AsyncKernelManager(
            kernel_name="python3",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
            connection_file=f"{sockets}/connection.json",
            transport="ipc",
        )
        client = NotebookClient(
            notebook, km=manager, timeout=CELL_SECONDS, startup_timeout=120, coalesce_streams=True, record_timing=False
        )
        client.execute(cleanup_kc=True, cwd=scratch, env=environment)
        # A page names no folder that is gone.
        for output in (output for cell in notebook.cells for output in cell.get("outputs", [])):
            if "text" in output:
                output["text"] = output["text"].replace(f"{scratch}/tmp", "/tmp")  # noqa: S108 (text alone)
    return notebook


def rendered(notebook: NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """Return the notebook as a page in Markdown, and its pictures (PNG) by the name under which the page shows them.

    Printed text, pictures and values are shown, in their order; what libraries warn of is not.

    Args:
        notebook: as it was run.
        name: of its file, which lies beside the page.

    Raises:
        ValueError: if a cell makes a picture, and has no `alt` in its metadata that says what it shows.
    """
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            parts.append(cell.source)
            continue
        parts.append(_fenced(cell.source, "python"))
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                if not cell.metadata.get("alt"):
                    raise ValueError(f"cell {number} makes a picture; give it `alt` in its metadata: what it shows")
                picture = f"{PurePosixPath(name).stem}-{len(pictures) + 1}.png"
                pictures[picture] = base64.b64decode(data["image/png"])
                parts.append(f"![{cell.metadata['alt']}]({picture})")
            elif "text/plain" in data:
                parts.append(_fenced(data["text/plain"], "text"))
            elif output.get("name") == "stdout":
                parts.append(_fenced(output["text"], "text"))
    # After the title.
    parts.insert(1, f"*This page is [a notebook]({name}), run when the site was built.*")
    return "\n\n".join(parts) + "\n", pictures


def cleared(text: str) -> str:
    """Return a notebook (JSON) as it is kept: without outputs, counts, and what Jupyter notes of its own use."""
    notebook = _read(text)
    notebook.metadata = METADATA
    for cell in notebook.cells:
        cell.metadata = {name: value for name, value in cell.metadata.items() if name == "alt"}
        if cell.cell_type == "code":
            cell.update(outputs=[], execution_count=None)
    kept: str = nbformat.writes(notebook)
    return f"{kept.rstrip()}\n"


def _read(text: str) -> NotebookNode:
    notebook: NotebookNode = nbformat.reads(text, as_version=4)
    return notebook


def _fenced(text: str, language: str) -> str:
    longest = max((len(ticks) for ticks in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"


if __name__ == "__main__":
    for path in sorted(Path(__file__).parent.rglob("*.ipynb")):
        path.write_text(cleared(path.read_text(encoding="utf-8")), encoding="utf-8")
